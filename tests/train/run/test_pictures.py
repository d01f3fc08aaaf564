"""The images that a run keeps, and its attention maps."""

import io
import json
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from medkt.data.collection import Task
from medkt.data.pixels import augment, samples
from medkt.models import densenet
from medkt.models.densenet import build
from medkt.run import pictures
from medkt.teachers.teacher import Teacher
from medkt.training.run_data import Part, RunData
from medkt_eval.runtime.atomic_files import sha256_of_file

NAN = np.nan


def ids(n: int) -> np.ndarray:
    return np.array([f"i{k}" for k in range(n)], dtype=object)


@pytest.mark.parametrize(
    ("targets", "rows"),
    [
        ([[1, 0], [0, 1], [0, 0]], [0, 1, 2]),  # one a label, and one that shows nothing
        ([[1, 1], [0, 1], [1, 0]], [2, 1]),  # fewer other labels before an earlier id
        ([[1, 0], [1, 0], [0, 0], [0, 0]], [0, 2]),  # equal: the first id; no image shows label 1
        ([[1, NAN], [1, 0], [NAN, 0]], [1]),  # known before unknown; nothing is not known of the last
        ([[1, 1], [1, 1], [0, NAN]], [0]),  # one image for both labels is kept once
        ([[NAN, NAN]], []),
    ],
)
def test_samples_of_several_findings(targets: list[list[float]], rows: list[int]):
    assert samples.choose("multilabel", np.array(targets, dtype=np.float32), ids(len(targets))) == rows


def test_samples_of_classes_and_of_more_labels_than_fit():
    assert samples.choose("multiclass", np.array([2, 0, 2, 0]), ids(4)) == [1, 0]
    names = np.array(["b", "a"], dtype=object)
    assert samples.choose("multiclass", np.array([0, 0]), names) == [1]  # by id, not by row
    many = np.vstack([np.eye(20), np.zeros(20)]).astype(np.float32)
    assert samples.choose("multilabel", many, ids(21)) == [*range(15), 20]


def test_what_a_sample_shows():
    assert samples.shows("multilabel", np.array([1, NAN, 0, 1]), ("a", "b", "c", "d")) == ["a", "d"]
    assert samples.shows("multiclass", np.array([1, 2])[1], ("a", "b", "c")) == ["c"]


def run_data(pixels: np.ndarray, task: Task = "multilabel") -> RunData:
    """As many labels as images; each image has its own."""
    n = len(pixels)
    targets = np.eye(n, dtype=np.float32) if task == "multilabel" else np.arange(n)
    part = Part(pixels, targets, ids(n))
    return RunData(task, tuple(f"label {k}" for k in range(n)), part, part, part)


def as_teacher(network: nn.Module) -> Teacher:
    return Teacher(network, attention_layer=densenet.attention_layer(network), smallest_size_px=32)


def noise(n: int, channels: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, channels, side, side), dtype=np.uint8)


@pytest.fixture(scope="module")
def student() -> nn.Module:
    torch.set_num_threads(1)
    return build("densenet40", 3, seed=1)


def opened(files: dict[str, bytes], name: str) -> Image.Image:
    return Image.open(io.BytesIO(files[f"pictures/{name}"]))


def listed(files: dict[str, bytes]) -> list[dict]:
    return json.loads(files["pictures.json"])["pictures"]


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_are_the_networks_pixels(student: nn.Module, channels: int):
    pixels = noise(3, channels, 32)
    files = pictures.files(run_data(pixels), student, None)
    assert sorted(files) == ["pictures.json", *(f"pictures/sample-0{k}.png" for k in (1, 2, 3))]
    for number, image in enumerate(pixels, start=1):
        found = np.asarray(opened(files, f"sample-0{number}.png"))
        assert np.array_equal(found, image[0] if channels == 1 else image.transpose(1, 2, 0))
    assert [(row["image_id"], row["shows"], row["layer"]) for row in listed(files)] == [
        ("i0", ["label 0"], "image"),
        ("i1", ["label 1"], "image"),
        ("i2", ["label 2"], "image"),
    ]


def test_grey_images_in_three_channels_are_kept_grey(student: nn.Module):
    files = pictures.files(run_data(noise(1, 1, 32).repeat(3, axis=1), "multiclass"), student, None)
    assert opened(files, "sample-01.png").mode == "L"


def test_large_images_are_made_smaller_and_all_together_stay_small(student: nn.Module):
    few = pictures.files(run_data(noise(1, 1, 256)), student, None)
    assert opened(few, "sample-01.png").size == (192, 192)
    many = pictures.files(run_data(noise(8, 3, 256)), student, None)  # noise is what compresses least
    assert sum(map(len, many.values())) < 300_000
    assert {opened(many, row["file"]).size for row in listed(many)} == {(96, 96)}
    assert {(row["width_px"], row["height_px"]) for row in listed(many)} == {(96, 96)}


def test_maps_are_the_mean_square_of_the_raw_layer(student: nn.Module):
    pixels = noise(2, 1, 64)
    found = pictures.attention_maps(student, pixels)
    features = student.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    with torch.inference_mode():
        raw = augment.normalised(torch.from_numpy(pixels))
        for name, layer in features.eval().named_children():
            raw = layer(raw)
            if name == "reduce":
                break
    assert found.shape == (2, 8, 8)
    assert np.allclose(found, (raw.numpy() ** 2).mean(axis=1), rtol=1e-5)
    assert not any(module._forward_hooks for module in student.modules())


def test_attention_of_both_networks_on_samples_from_first_to_last(student: nn.Module):
    teacher = as_teacher(build("densenet121", 2, seed=2))
    data = run_data(noise(5, 1, 64), "multiclass")
    files = pictures.files(data, student, teacher)
    maps = [row for row in listed(files) if row["kind"] == "attention"]
    assert [row["file"] for row in maps] == [
        f"attention-0{number}-{layer}.png" for layer in ("student", "teacher") for number in (1, 2, 4, 5)
    ]
    assert {(row["layer"], row["of"], row["width_px"]) for row in maps} == {
        ("student", "densenet40 features.reduce", 8),
        ("teacher", "densenet121 features.denseblock4.denselayer16.conv2", 2),
    }
    image_of = {row["file"][7:9]: row["image_id"] for row in listed(files) if row["kind"] == "sample"}
    assert all(row["image_id"] == image_of[row["file"][10:12]] for row in maps)
    together = pictures.attention_maps(student, data.test.pixels[[0, 1, 3, 4]])
    for row, values in zip(maps, together, strict=False):  # the student's four
        assert np.allclose(row["values"], values, rtol=1e-5)
        grey = np.asarray(opened(files, row["file"]))
        assert grey.max() == 255
        assert np.allclose(grey, 255 * values / values.max(), atol=0.51)


def test_a_network_that_sees_nothing_has_a_black_map():
    dead = build("densenet40", 1, seed=0)
    for parameter in dead.get_submodule("features.reduce").parameters():
        nn.init.zeros_(parameter)
    files = pictures.files(run_data(noise(1, 1, 32)), dead, as_teacher(dead))
    assert not np.asarray(opened(files, "attention-01-student.png")).any()


def test_no_test_image_shows_a_label(student: nn.Module):
    part = Part(noise(2, 1, 32), np.full((2, 1), NAN, dtype=np.float32), ids(2))
    files = pictures.files(RunData("multilabel", ("a",), part, part, part), student, as_teacher(student))
    assert list(files) == ["pictures.json"]
    assert listed(files) == []


def test_the_same_run_gives_the_same_bytes_without_dates(student: nn.Module, tmp_path):
    data, teacher = run_data(noise(2, 1, 32)), as_teacher(build("densenet40", 2, seed=2))
    state = torch.get_rng_state()
    files = pictures.files(data, student, teacher)
    assert pictures.files(data, student, teacher) == files
    assert torch.equal(torch.get_rng_state(), state)
    for row in listed(files):
        png = files[f"pictures/{row['file']}"]
        assert {name for name, _ in _chunks(png)} == {b"IHDR", b"IDAT", b"IEND"}
        (tmp_path / row["file"]).write_bytes(png)
        assert sha256_of_file(tmp_path / row["file"]) == row["sha256"]


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found
