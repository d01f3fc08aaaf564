"""A teacher that has seen the test patients is refused, wherever its images lie and whatever it calls them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.observers.observer import Observer
from medkt.run.leak_check import _images_of_run
from medkt.study.preparation import plan_study, work_to_do
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError

N = 60
STUDY = """
name = "leak"
{data}
[training]
image_size_px = 32
epochs = 1
batch_size = 16
threads_per_run = 1
{teacher}
[[arms]]
name = "A"
data = "target"
method = "{method}"
student = "densenet40"
initialisation = "random"
seeds = [0]
{more}
"""


def picture(seed: int) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC)


def table(path: Path, names: list[str], patients: list[str]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "patient_id", "Mass"))
        writer.writerows((name, patient, k % 2) for k, (name, patient) in enumerate(zip(names, patients, strict=True)))


def collection(root: Path, first_seed: int = 0) -> Path:
    """A folder of 60 images of 30 patients."""
    (root / "images").mkdir(parents=True)
    names = [f"images/i{k:02}.png" for k in range(N)]
    for k, name in enumerate(names):
        picture(first_seed + k).save(root / name)
    table(root / "labels.csv", names, [str(k // 2) for k in range(N)])
    return root


def data(name: str, root: Path | str, more: str = "") -> str:
    layout = 'collection = "folder"\nchannels = 1\nlabel_columns = ["Mass"]\nvalidation_size = 12'
    return f'[data.{name}]\nroot = "{root}"\n{layout}\n{more}\n'


def source(root: Path | str, more: str = 'csv = "labels.csv"') -> str:
    return data("source", root, f"train_size = 24\ntest_size = 6\nsplit_seed = 1\n{more}")


def prepare(tmp_path: Path, tables: str, teacher: str = 'data = "source"') -> list[str]:
    """Plan and check a study without training it; return the notes."""
    of_teacher = f'[teachers.t]\narchitecture = "densenet40"\n{teacher}\n'
    text = STUDY.format(
        data=tables, teacher=of_teacher, method="knowledge_distillation", more='teacher = "t"\nbeta = 1.0'
    )
    (tmp_path / "study.toml").write_text(text)
    planned = plan_study(StudyFile.read(tmp_path / "study.toml"), tmp_path / "runs", tmp_path / "cache")
    return work_to_do(planned, None).notes


def link(root: Path) -> str:
    (root.parent / "link").symlink_to(root.name)
    return source(root.parent / "link")


def copy(root: Path) -> str:
    return source(shutil.copytree(root, root.parent / "copy"))


def dots(root: Path) -> str:
    return source(f"{root}/../{root.name}")


def other_table(root: Path) -> str:
    """Another table of the same files, which calls each image a patient of its own."""
    table(root / "mine.csv", [f"i{k:02}.png" for k in range(N)], [f"p{k}" for k in range(N)])
    return source(root, 'csv = "mine.csv"\nimage_folder = "images"')


def smaller_jpegs(root: Path) -> str:
    (root.parent / "small" / "images").mkdir(parents=True)
    names = [f"images/i{k:02}.jpg" for k in range(N)]
    for k, name in enumerate(names):
        picture(k).resize((48, 48)).save(root.parent / "small" / name, quality=85)
    table(root.parent / "small" / "labels.csv", names, [str(k // 2) for k in range(N)])
    return source(root.parent / "small")


@pytest.mark.parametrize("other", [link, copy, dots, other_table, smaller_jpegs])
def test_the_same_patients_are_found_wherever_the_images_lie(tmp_path: Path, other: Callable[[Path], str]):
    root = collection(tmp_path / "set")
    with pytest.raises(
        InputError, match=r"\d+ patients that a teacher learns from in source are test patients of targ"
    ):
        prepare(tmp_path, other(root) + data("target", root, 'csv = "labels.csv"\ntrain_size = 20\ntest_size = 16'))


def test_copies_under_other_names_and_ids_are_found_by_their_content(tmp_path: Path):
    root = collection(tmp_path / "set")
    other = tmp_path / "renamed"
    other.mkdir()
    names = [f"x{k:02}.png" for k in range(N)]
    for k, name in enumerate(names):
        shutil.copyfile(root / f"images/i{N - 1 - k:02}.png", other / name)
    table(other / "labels.csv", names, [f"q{k}" for k in range(N)])
    with pytest.raises(
        InputError, match=r"images that a teacher learns from in source are test images of target.*copy"
    ):
        prepare(tmp_path, source(other) + data("target", root, 'csv = "labels.csv"\ntrain_size = 20\ntest_size = 16'))


def test_other_people_with_the_same_ids_and_names_of_files_are_no_leak(tmp_path: Path):
    root, other = collection(tmp_path / "set"), collection(tmp_path / "other", first_seed=1000)
    prepare(tmp_path, source(other) + data("target", root, 'csv = "labels.csv"\ntrain_size = 20\ntest_size = 16'))


def test_given_weights_of_an_earlier_run_are_compared_too(tmp_path: Path):
    root = collection(tmp_path / "set")
    first = STUDY.format(
        data=source(root).replace("[data.source]", "[data.target]"), teacher="", method="supervised", more=""
    )
    (tmp_path / "first.toml").write_text(first)
    (run,) = train_study_file(StudyFile.read(tmp_path / "first.toml"), tmp_path / "first", observer=Observer())
    target = data("target", root, 'csv = "labels.csv"\ntrain_size = 20\ntest_size = 16')
    for weights in (tmp_path / "first" / run, tmp_path / "first" / run / "model.safetensors"):
        with pytest.raises(InputError, match=r"patients that the given weights .* have learnt from are test patients"):
            prepare(tmp_path, target, f'weights = "{weights}"')

    same_split = source(root).replace("[data.source]", "[data.target]")
    assert prepare(tmp_path, same_split, f'weights = "{tmp_path / "first" / run}"') == []

    moved = target.replace(str(root), str(shutil.copytree(root, tmp_path / "moved")))
    shutil.rmtree(root)
    (note,) = prepare(tmp_path, moved, f'weights = "{tmp_path / "first" / run}"')
    assert "whether these weights have seen the test patients could not be compared: " in note


def test_settings_that_are_no_toml_say_what_was_expected(tmp_path: Path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "config.toml").write_text("method = ")
    with pytest.raises(
        InputError, match=r"config\.toml: not TOML .*; expected a run's settings, as medkt train writes"
    ):
        _images_of_run(tmp_path)
