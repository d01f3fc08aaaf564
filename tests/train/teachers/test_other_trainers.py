"""Checkpoints as other trainers write them: several networks, other names of the last layer, no weights at all."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from medkt.models.densenet import build
from medkt.models.initialisation import read_weights
from medkt.teachers.conversion import convert
from medkt_eval.errors import InputError


@pytest.fixture(scope="module")
def networks() -> tuple[nn.Module, nn.Module]:
    torch.set_num_threads(1)
    return build("densenet40", 3, seed=1).eval(), build("densenet40", 3, seed=2).eval()


def prefixed(prefix: str, network: nn.Module) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in network.state_dict().items()}


def same_answers(path: Path, out: Path, network: nn.Module, key: str | None = None) -> bool:
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        return torch.equal(convert(path, out, "densenet40", key=key).look(images).logits, network(images))


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (lambda a, b: {"student": a.state_dict(), "teacher": b.state_dict()}, ("student", "teacher")),
        (lambda a, b: {"model": a.state_dict(), "ema": {"module": b.state_dict()}}, ("model", "ema.module")),
        (
            lambda a, b: {"state_dict": a.state_dict(), "state_dict_ema": b.state_dict()},
            ("state_dict", "state_dict_ema"),
        ),
        (
            lambda a, b: {"state_dict": prefixed("student.net.", a) | prefixed("teacher.net.", b)},
            ("state_dict.student.net", "state_dict.teacher.net"),
        ),
    ],
)
def test_of_several_networks_none_is_taken_unasked(
    networks: tuple[nn.Module, nn.Module],
    tmp_path: Path,
    made: Callable[[nn.Module, nn.Module], object],
    names: tuple[str, str],
):
    torch.save(made(*networks), tmp_path / "w.pth")
    listed = re.escape(", ".join(map(repr, names)))
    with pytest.raises(InputError, match=rf"w\.pth: holds 2 networks \({listed}\); choose .* --key {names[0]}"):
        convert(tmp_path / "w.pth", tmp_path / "no.safetensors", "densenet40")
    with pytest.raises(InputError, match=rf"--key 'mine': no network of .*expected one of {listed}"):
        convert(tmp_path / "w.pth", tmp_path / "no.safetensors", "densenet40", key="mine")
    for name, network in zip(names, networks, strict=True):
        assert same_answers(tmp_path / "w.pth", tmp_path / f"{name}.safetensors", network, key=name)


@pytest.mark.parametrize("head", ["classifier.1", "classifier.0", "classifier.fc.2", "fc", "head", "class_layers.out"])
@pytest.mark.parametrize("prefix", ["", "module.model."])
def test_the_last_layer_is_found_by_its_name(
    networks: tuple[nn.Module, nn.Module], tmp_path: Path, head: str, prefix: str
):
    network = networks[0]
    renamed = {prefix + re.sub("^classifier", head, name): tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": renamed}, tmp_path / "w.pth")
    assert same_answers(tmp_path / "w.pth", tmp_path / "t.safetensors", network)


def test_the_last_layer_may_lie_beside_a_backbone(networks: tuple[nn.Module, nn.Module], tmp_path: Path):
    network = networks[0]
    weights = {
        f"backbone.{k}" if k.startswith("features") else f"fc.{k[11:]}": v for k, v in network.state_dict().items()
    }
    torch.save(weights | {"criterion.pos_weight": torch.ones(3)}, tmp_path / "w.pth")
    assert same_answers(tmp_path / "w.pth", tmp_path / "t.safetensors", network)
    torch.save(weights | {"head.weight": torch.ones(3, 3)}, tmp_path / "two.pth")
    with pytest.raises(InputError, match=r"no classifier\.weight in it.*it has 'fc', 'head'; expected"):
        convert(tmp_path / "two.pth", tmp_path / "no.safetensors", "densenet40")


def test_monais_names_of_layers_are_torchvisions(tmp_path: Path):
    torch.manual_seed(0)
    network = build("densenet121", 2, seed=1).eval()
    monai = {
        re.sub(r"(denselayer\d+)\.", r"\1.layers.", name).replace("classifier.", "class_layers.out."): tensor
        for name, tensor in network.state_dict().items()
    }
    assert "features.denseblock1.denselayer1.layers.norm1.weight" in monai
    torch.save(monai, tmp_path / "w.pth")
    teacher = convert(tmp_path / "w.pth", tmp_path / "t.safetensors", "densenet121")
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in teacher.network.state_dict().items())


@pytest.mark.parametrize(
    "made",
    [
        lambda network: {"state_dict": prefixed("model.", network), "hyper_parameters": argparse.Namespace(lr=1)},
        lambda network: {"model": network.state_dict(), "args": argparse.Namespace(lr=1), "epoch": 3},
        lambda network: {"ema": {"module": nn.DataParallel(network)}, "path": Path("x")},
    ],
)
def test_the_lines_that_save_the_tensors_of_a_pickle_work(
    networks: tuple[nn.Module, nn.Module],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: Callable[[nn.Module], object],
):
    monkeypatch.chdir(tmp_path)
    torch.save(made(networks[0]), "w.ckpt")
    with pytest.raises(InputError, match=r"w\.ckpt: refused") as refused:
        convert(Path("w.ckpt"), Path("no.safetensors"), "densenet40")
    exec(str(refused.value).partition("convert what comes out: ")[2], {})
    assert same_answers(Path("weights.pth"), Path("t.safetensors"), networks[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>virus scan warning</html>", "is a web page, not weights"),
        (b"\n<!DOCTYPE html><head>", "is a web page, not weights"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "is a web page, not weights"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "is a Git LFS pointer.*git lfs pull"),
        (b'{"error": "rate limit"}', "holds text .*rate limit"),
    ],
)
def test_text_in_place_of_weights_is_named_as_what_it_is(tmp_path: Path, content: bytes, message: str):
    for name in ("w.pth", "w.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message) as refused:
            convert(tmp_path / name, tmp_path / "out.safetensors", "densenet40")
        assert "weights_only" not in str(refused.value)
        with pytest.raises(InputError, match=message):
            read_weights(tmp_path / name)
