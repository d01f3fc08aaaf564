"""Initial weights: every source, the loaded and the fresh layers, and every refusal."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import densenet169

from medkt.models import initialisation
from medkt.models.densenet import Architecture, build
from medkt.models.initialisation import imagenet_path, load_weights
from medkt.teachers.teacher import load_teacher
from medkt_eval.errors import InputError

ImageNet = tuple[Path, nn.Module]


SEEDS = count()


def made(architecture: Architecture, n_outputs: int, seeds: Iterator[int] = SEEDS) -> nn.Module:
    """Build a network that differs from all others in this file."""
    return build(architecture, n_outputs, seed=next(seeds))


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def without_counters(names: object) -> set[str]:
    assert isinstance(names, dict)
    return {name for name in names if not name.endswith("num_batches_tracked")}


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> ImageNet:
    """Imitate torchvision's file: 1000 outputs, old layer names, no batch counters, changed statistics."""
    torch.manual_seed(40)
    network = made("densenet121", 1000)
    for name, value in network.named_buffers():
        if not name.endswith("num_batches_tracked"):
            value.uniform_(0.5, 1.5)
    old_names = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): value
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old_names
    path = tmp_path_factory.mktemp("imagenet") / "densenet121-a639ec97.pth"
    torch.save(old_names, path)
    return path, network.eval()


def test_random_changes_nothing():
    model = made("densenet40", 3)
    before = state(model)
    record = load_weights(model, "random")
    assert (record.source, record.sha256, record.loaded) == ("random", None, ())
    assert set(record.fresh) == without_counters(before)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_old_names_fill_all_of_densenet121_but_its_head(imagenet: ImageNet):
    path, network = imagenet
    model = made("densenet121", 14)
    head = model.get_submodule(["classifier", "weight"][0])
    assert isinstance(head, nn.Linear)
    drawn = head.weight.detach().clone()
    record = load_weights(model, path)
    assert record.fresh == ("classifier.weight", "classifier.bias")
    assert record.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert torch.equal(head.weight, drawn)
    theirs = network.state_dict()
    assert all(torch.equal(model.state_dict()[name], theirs[name]) for name in record.loaded)
    assert "features.denseblock4.denselayer16.norm2.running_var" in record.loaded


def test_densenet40_takes_what_it_shares(imagenet: ImageNet):
    path, network = imagenet
    model = made("densenet40", 14)
    before = state(model)
    record = load_weights(model, str(path))
    own = [f"features.{layer}.{what}" for layer in ("reduce", "expand") for what in ("weight", "bias")]
    assert list(record.fresh) == [*own, "classifier.weight", "classifier.bias"]
    theirs = network.state_dict()
    assert all(torch.equal(model.state_dict()[name], theirs[name]) for name in record.loaded)
    assert all(torch.equal(model.state_dict()[name], before[name]) for name in record.fresh)


def test_a_run_gives_back_the_same_network(tmp_path: Path):
    torch.manual_seed(1)
    trained = made("densenet40", 5)
    trained(torch.randn(4, 3, 32, 32))  # moves the running statistics
    save_file(trained.state_dict(), tmp_path / "model.safetensors")
    torch.manual_seed(2)
    again, headless = made("densenet40", 5), made("densenet40", 7)
    teacher = load_teacher("densenet40", tmp_path).network
    record = load_weights(again, tmp_path, keep_head=True)
    assert record.fresh == ()
    for copy in (again, teacher):
        own = copy.state_dict()
        assert all(torch.equal(own[name], value) for name, value in trained.state_dict().items())
    assert load_weights(headless, tmp_path / "model.safetensors").fresh == ("classifier.weight", "classifier.bias")


def test_imagenet_absent_says_what_to_fetch_and_where_to_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints" / "densenet121-a639ec97.pth"
    assert imagenet_path() == place
    with pytest.raises(InputError) as refusal:
        load_weights(made("densenet40", 2), "imagenet")
    message = str(refusal.value)
    assert str(place) in message
    assert "https://download.pytorch.org/models/densenet121-a639ec97.pth" in message
    assert "sha256 begins with a639ec97" in message
    assert 'initialisation = "path/to/file"' in message
    assert not any(tmp_path.iterdir())


def test_imagenet_is_read_from_the_cache_if_it_is_the_right_file(
    imagenet: ImageNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    content = imagenet[0].read_bytes()
    imagenet_path().parent.mkdir(parents=True)
    imagenet_path().write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    with pytest.raises(InputError, match=f"is damaged: its sha256 begins {sha256[:8]}"):
        load_weights(made("densenet40", 2), "imagenet")
    monkeypatch.setattr(initialisation, "_IMAGENET_SHA256_PREFIX", sha256[:8])
    record = load_weights(made("densenet40", 2), "imagenet")
    assert (record.source, record.sha256) == ("imagenet", sha256)


def test_a_training_checkpoints_state_dict_is_found(tmp_path: Path):
    trained = made("densenet40", 2)
    torch.save({"epoch": 3, "state_dict": trained.state_dict()}, tmp_path / "checkpoint.pt")
    assert load_weights(made("densenet40", 2), tmp_path / "checkpoint.pt", keep_head=True).fresh == ()


class Payload:
    def __reduce__(self):
        return (Path.touch, (Path("code-was-run"),))


def test_a_pickle_with_code_in_it_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"features.conv0.weight": torch.zeros(64, 3, 7, 7), "more": Payload()}, "model.pth")
    Path("plain.pth").write_bytes(pickle.dumps(Payload()))
    for name in ("model.pth", "plain.pth"):
        with pytest.raises(InputError, match=rf"{name}: refused.*Save model.state_dict\(\) alone"):
            load_weights(made("densenet40", 2), name)
    assert not Path("code-was-run").exists()


@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x80\x02q", b"\x80\x02h\x07", b"\x80\x02J\x01"])
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(str(tmp_path / name))):
        load_weights(made("densenet40", 2), tmp_path / name)


def test_a_half_written_file_is_named(imagenet: ImageNet, tmp_path: Path):
    half = tmp_path / "half.pth"
    half.write_bytes(imagenet[0].read_bytes()[:1_000_000])
    with pytest.raises(InputError, match=r"half\.pth: refused. It is damaged"):
        load_weights(made("densenet40", 2), half)


@pytest.mark.parametrize(
    ("source", "found"),
    [("imagnet", "imagnet does not exist"), ("run", "run/model.safetensors does not exist"), ("a.h5", r'file "\.h5"')],
)
def test_missing_and_unknown_sources_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, found: str
):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("a.h5").touch()
    with pytest.raises(InputError, match=found):
        load_weights(made("densenet40", 2), source)


def test_a_file_of_other_things_is_refused(tmp_path: Path):
    save_file({"backbone.stem.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.safetensors")
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    model = made("densenet40", 2)
    before = state(model)
    with pytest.raises(InputError, match=r"other\.safetensors: no convolution.*backbone\.stem\.weight"):
        load_weights(model, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"tensor\.pth: holds one Tensor"):
        load_weights(model, tmp_path / "tensor.pth")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_another_architecture_is_refused_though_its_first_blocks_would_fit(tmp_path: Path):
    save_file(densenet169(num_classes=2).state_dict(), tmp_path / "d169.safetensors")
    with pytest.raises(InputError, match=r"d169\.safetensors: features\..* has shape .*another architecture"):
        load_weights(made("densenet121", 2), tmp_path / "d169.safetensors")


def test_teachers_are_exact_frozen_and_leave_the_random_state_alone(imagenet: ImageNet):
    path, network = imagenet
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    teacher = load_teacher("densenet121", path)
    assert torch.equal(torch.rand(4), expected)
    assert not any(parameter.requires_grad for parameter in teacher.network.parameters())
    assert not any(module.training for module in teacher.network.modules())
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(teacher.look(images).logits, network(images))


def test_teachers_that_are_not_the_whole_network_are_refused(imagenet: ImageNet, tmp_path: Path):
    with pytest.raises(InputError, match=r"4 names of the network's are not in it \(first: features\.reduce\.weight\)"):
        load_teacher("densenet40", imagenet[0])
    weights = made("densenet40", 2).state_dict()
    save_file({**weights, "extra": torch.zeros(1)}, tmp_path / "more.safetensors")
    with pytest.raises(InputError, match=r"1 names are not in the network \(first: extra\)"):
        load_teacher("densenet40", tmp_path / "more.safetensors")
    headless = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    save_file(headless, tmp_path / "headless.safetensors")
    with pytest.raises(InputError, match=r"headless\.safetensors: no classifier\.weight"):
        load_teacher("densenet40", tmp_path / "headless.safetensors")
    with pytest.raises(InputError, match="cannot start from"):
        load_teacher("densenet40", "random")


def test_a_head_of_another_size_is_refused_where_the_head_is_kept(imagenet: ImageNet):
    with pytest.raises(
        InputError, match=r"classifier\.weight has shape \(1000, 1024\), but \(14, 1024\).*outputs, 1000"
    ):
        load_weights(made("densenet121", 14), imagenet[0], keep_head=True)
