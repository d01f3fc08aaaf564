"""Checkpoints of other trainers: every wrapper, the written file, and every refusal."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from typer.testing import CliRunner

from medkt.cli.teacher import teacher_app
from medkt.data.label_tables import label_names
from medkt.models.densenet import build
from medkt.settings import TeacherArchitecture
from medkt.teachers import labels as teacher_labels
from medkt.teachers import networks as teacher_networks
from medkt.teachers.conversion import convert
from medkt.teachers.teacher import load_teacher
from medkt_eval.errors import InputError


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.set_num_threads(1)
    return build("densenet40", 14, seed=1).eval()


def wrapped(network: nn.Module, prefix: str) -> dict[str, Tensor]:
    """A wrapper's prefix, and a classifier of Linear and Sigmoid."""
    return {
        prefix + name.replace("classifier.", "classifier.0."): tensor for name, tensor in network.state_dict().items()
    }


def chexclusion(network: nn.Module) -> object:
    moments = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]}
    weights = OrderedDict(wrapped(network, "module."))
    return {"best_loss": 0.3, "LR": 1e-4, "epoch": 5, "optimizer": moments, "state_dict": weights}


def chexnet(network: nn.Module) -> object:
    """The best known copy of CheXNet: layer names of 2017, no batch counters."""
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): tensor
        for name, tensor in wrapped(network, "module.densenet121.").items()
        if not name.endswith("num_batches_tracked")
    }
    assert "module.densenet121.features.denseblock1.denselayer1.norm.1.weight" in old
    return {"arch": "DENSE-NET-121", "state_dict": old}


@pytest.mark.parametrize(
    "made",
    [
        lambda network: network.state_dict(),
        chexclusion,
        chexnet,
        lambda network: {"model_state_dict": network.state_dict(), "step": 3},
        lambda network: {"weights": {"ema": wrapped(network, "model.")}},
        lambda network: {name: tensor.double() for name, tensor in network.state_dict().items()},
    ],
)
def test_every_wrapping_comes_off(network: nn.Module, made: Callable[[nn.Module], object], tmp_path: Path):
    torch.save(made(network), tmp_path / "checkpoint")  # CheXclusion's has no suffix
    teacher = convert(tmp_path / "checkpoint", tmp_path / "made" / "teacher.safetensors", "densenet40")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["teacher.safetensors"]
    assert teacher.labels is None
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(teacher.look(images).logits, network(images))
    with safe_open(tmp_path / "made" / "teacher.safetensors", "pt") as file:
        assert set(file.keys()) == set(network.state_dict())
        assert json.loads(file.metadata()["medkt"]) == {
            "architecture": "densenet40",
            "labels": None,
            "source_sha256": hashlib.sha256((tmp_path / "checkpoint").read_bytes()).hexdigest(),
        }


def test_safetensors_are_taken_too_and_the_same_file_gives_the_same_bytes(network: nn.Module, tmp_path: Path):
    save_file(wrapped(network, "module."), tmp_path / "wrapped.safetensors")
    made = [tmp_path / name for name in ("a.safetensors", "b.safetensors")]
    for out in made:
        convert(tmp_path / "wrapped.safetensors", out, "densenet40", "chexpert")
    assert made[0].read_bytes() == made[1].read_bytes()
    with pytest.raises(InputError, match=r"a\.safetensors: exists"):
        convert(tmp_path / "wrapped.safetensors", made[0], "densenet40")


def test_labels_are_written_by_their_shared_names(network: nn.Module, tmp_path: Path):
    torch.save(network.state_dict(), tmp_path / "w.pth")
    lists = {
        "chexpert": label_names.CHEXPERT,
        # Lung Opacity and Lung Lesion change places, and the former has another name there
        "chexclusion": (*label_names.CHEXPERT[:3], "Lung Lesion", "Lung Opacity", *label_names.CHEXPERT[5:]),
        "Effusion, Mass" + "," * 12: ("Pleural Effusion", "Mass", *[""] * 12),
    }
    for k, (given, expected) in enumerate(lists.items()):
        convert(tmp_path / "w.pth", tmp_path / f"{k}.safetensors", "densenet40", given)
        assert load_teacher("densenet40", tmp_path / f"{k}.safetensors").labels == expected
    for given, message in (
        ("torchxrayvision", "18 names for its 14 outputs"),
        ("Edema,Mass", "2 names for its 14 outputs"),
        ("Effusion,Pleural Effusion" + "," * 12, "Pleural Effusion is named twice"),
    ):
        with pytest.raises(InputError, match=f"--labels.*{message}"):
            convert(tmp_path / "w.pth", tmp_path / "no.safetensors", "densenet40", given)
    assert not (tmp_path / "no.safetensors").exists()


class Payload:
    def __reduce__(self):
        return (Path.touch, (Path("code-was-run"),))


def test_a_pickle_is_refused_and_the_lines_that_it_names_save_its_tensors(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    whole = nn.DataParallel(network)
    torch.save({"model": whole, "best_loss": 0.3}, "checkpoint")  # as CheXclusion's scripts do
    torch.save(whole, "model.pth", _use_new_zipfile_serialization=False)
    torch.save({"features.conv0.weight": torch.zeros(64, 3, 7, 7), "more": Payload()}, "code.pth")
    Path("plain.pth").write_bytes(pickle.dumps(Payload()))
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = network(images)
    for k, name in enumerate(("checkpoint", "model.pth", "code.pth", "plain.pth")):
        with pytest.raises(InputError, match=rf"{name}: refused.*can run code") as refusal:
            convert(Path(name), Path("teacher.safetensors"), "densenet40")
        assert "\n" not in str(refusal.value)
        if "code" in name or "plain" in name:
            continue
        line = str(refusal.value).partition("convert what comes out: ")[2]
        exec(line, {})
        teacher = convert(Path("weights.pth"), Path(f"{k}.safetensors"), "densenet40")
        assert torch.equal(teacher.look(images).logits, expected)
    assert not Path("code-was-run").exists()
    assert not Path("teacher.safetensors").exists()


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x80\x02q", b"PK\x03\x04half"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InputError, match=re.escape(str(tmp_path / "w.pth"))):
        convert(tmp_path / "w.pth", tmp_path / "out.safetensors", "densenet40")


def test_what_is_not_exactly_the_network_is_refused_by_the_name_of_the_users_file(network: nn.Module, tmp_path: Path):
    weights = network.state_dict()
    headless = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    refusals: tuple[tuple[object, TeacherArchitecture, str], ...] = (
        ({**weights, "extra": torch.zeros(1)}, "densenet40", r"1 names are not in the network \(first: extra\)"),
        ({k: v for k, v in weights.items() if "reduce" not in k}, "densenet40", "2 names of the network's are not in"),
        (weights, "densenet121", "names of the network's are not in it"),
        (weights, "torchxrayvision-densenet121", "conv0.weight has shape"),
        (weights, "efficientnet-lite0", r"no _conv_stem\.weight"),
        (headless, "densenet40", r"no classifier\.weight"),
        ({"epoch": 3}, "densenet40", r"no features\.conv0\.weight in it \(it holds epoch\)"),
        (torch.zeros(3), "densenet40", r"it holds one object"),
        ({"a": 3, **wrapped(network, "x."), **wrapped(network, "y.")}, "densenet40", "holds 2 networks"),
    )
    for content, architecture, message in refusals:
        torch.save(content, tmp_path / "w.pth")
        with pytest.raises(InputError, match=rf"w\.pth: .*{message}") as refusal:
            convert(tmp_path / "w.pth", tmp_path / "out.safetensors", architecture)
        assert ".medkt-" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


def test_paths_and_names_that_are_wrong_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"absent\.pth: no such file"):
        convert(tmp_path / "absent.pth", tmp_path / "out.safetensors", "densenet40")
    with pytest.raises(InputError, match=r"--out .*out\.pth: expected a name that ends in \.safetensors"):
        convert(tmp_path / "absent.pth", tmp_path / "out.pth", "densenet40")
    refused = CliRunner().invoke(teacher_app, ["convert", "a", "--out", "b", "--architecture", "resnet"])
    assert isinstance(refused.exception, InputError)
    assert "--architecture resnet: unknown; expected one of densenet121" in str(refused.exception)


def test_the_command_says_what_to_write_in_the_study_file(network: nn.Module, tmp_path: Path):
    torch.save(network.state_dict(), tmp_path / "w.pth")
    out = tmp_path / "t.safetensors"
    command = ["convert", str(tmp_path / "w.pth"), "--out", str(out), "--architecture", "densenet40"]
    done = CliRunner().invoke(teacher_app, command)
    assert done.exit_code == 0, done.exception
    assert "Outputs: unknown" in done.stdout
    assert f'architecture = "densenet40", weights = "{out}"' in done.stdout
    out.unlink()
    done = CliRunner().invoke(teacher_app, [*command, "--labels", "Edema" + "," * 13])
    assert "Outputs: Edema, -, -" in done.stdout


def test_torchxrayvisions_operating_points_say_which_outputs_were_trained(tmp_path: Path):
    weights = teacher_networks.build("torchxrayvision-densenet121", 18).state_dict()
    points = torch.full((18,), 0.1)
    points[[2, 5]] = torch.nan
    torch.save({**weights, "op_threshs": points}, tmp_path / "w.pth")
    teacher = convert(tmp_path / "w.pth", tmp_path / "a.safetensors", "torchxrayvision-densenet121")
    assert teacher.labels is not None
    assert teacher.labels[:8] == (
        "Atelectasis",
        "Consolidation",
        "",
        "Pneumothorax",
        "Edema",
        "",
        "Fibrosis",
        "Pleural Effusion",
    )
    torch.save(weights, tmp_path / "w.pth")  # then nobody knows which were
    assert convert(tmp_path / "w.pth", tmp_path / "b.safetensors", "torchxrayvision-densenet121").labels is None
    torch.save(nn.Linear(1, 1), tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"torchxrayvision\.models\.DenseNet\(weights='densenet121-res224-mimic_ch'\)"):
        convert(tmp_path / "w.pth", tmp_path / "c.safetensors", "torchxrayvision-densenet121")


def test_the_labels_are_torchxrayvisions_for_all_its_densenets():
    with warnings.catch_warnings():  # it switches all warnings off when it is imported
        xrv = pytest.importorskip("torchxrayvision")
    assert tuple(xrv.models.DenseNet.targets) == teacher_labels.TORCHXRAYVISION
    published = [found for name, found in xrv.models.model_urls.items() if name.startswith("densenet121")]
    assert len(published) == 7
    for found in published:
        trained = [not math.isnan(value) for value in found["op_threshs"]]
        assert found["labels"] == [
            name if known else "" for name, known in zip(teacher_labels.TORCHXRAYVISION, trained, strict=True)
        ]
