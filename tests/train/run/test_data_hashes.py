"""Labels or pixels that change between two arms are refused by train and by evaluate, which name the first image."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medkt.observers.observer import Observer
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate

N = 40
STUDY = """
name = "hashes"
[data.folder]
root = "set"
channels = 1
split_column = "split"
[training]
image_size_px = 32
epochs = 1
batch_size = 16
threads_per_run = 1
"""
ARM = """
[[arms]]
name = "{name}"
data = "folder"
method = "supervised"
student = "densenet40"
initialisation = "random"
seeds = [0]
variant = "{name}"
"""


def split_of(k: int) -> str:
    return "train" if k < 16 else "validation" if k < 28 else "test"


def rows() -> list[dict[str, str]]:
    return [{"image": f"i{k:02}.png", "patient_id": str(k), "Mass": str(k % 2), "split": split_of(k)} for k in range(N)]


def write_table(root: Path, table: list[dict[str, str]]) -> None:
    with (root / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def save(root: Path, k: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 32), dtype=np.uint8)
    Image.fromarray(pixels).save(root / f"i{k:02}.png")


def train(folder: Path, *arms: str) -> None:
    (folder / "study.toml").write_text(STUDY + "".join(ARM.format(name=name) for name in arms))
    train_study_file(StudyFile.read(folder / "study.toml"), folder / "runs", observer=Observer())


@pytest.fixture(scope="module")
def one_arm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one-arm")
    (folder / "set").mkdir()
    for k in range(N):
        save(folder / "set", k, seed=k)
    write_table(folder / "set", rows())
    train(folder, "a")
    return folder


@pytest.fixture
def copied(one_arm: Path, tmp_path: Path) -> Path:
    return shutil.copytree(one_arm, tmp_path / "copied")


def changed_label(which: int) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        table = rows()
        table[which]["Mass"] = str(1 - int(table[which]["Mass"]))
        write_table(root, table)

    return change


def other_pixels(root: Path) -> None:
    save(root, 7, seed=999)
    save(root, 30, seed=998)


CHANGES = [
    (changed_label(5), r"different targets for image 'i05\.png' of the train set, the first of 1 "),
    (changed_label(20), r"different targets for image 'i20\.png' of the validation set, the first of 1 "),
    (other_pixels, r"different pixels for image 'i07\.png' of the train set, the first of 2 "),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_train_refuses_data_that_changed_after_an_arm(copied: Path, change: Callable[[Path], None], message: str):
    change(copied / "set")
    with pytest.raises(InputError, match=message):
        train(copied, "a", "b")
    assert not list((copied / "runs").glob("*-b-s0"))


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_evaluate_refuses_arms_of_different_data(copied: Path, change: Callable[[Path], None], message: str):
    runs = copied / "runs"
    shutil.move(runs, copied / "first")
    change(copied / "set")
    train(copied, "b")
    for folder in (copied / "first").glob("folder-*"):
        shutil.move(folder, runs)
    with pytest.raises(InputError, match=message):
        evaluate(runs, replicates=0)


def notes_on_data(runs: Path) -> list[str]:
    notes = evaluate(runs, replicates=0, identical_runs=True).settings.notes
    return [note for note in notes if "same labels" in note]


def test_runs_without_hashes_evaluate_with_a_note(copied: Path):
    train(copied, "a", "b")
    assert not notes_on_data(copied / "runs")
    old = next((copied / "runs").glob("*-a-s0"))
    (old / "data-hashes.parquet").unlink()
    record = json.loads((old / "run.json").read_text())
    del record["data"]["target_sha256"], record["data"]["pixel_sha256"]
    (old / "run.json").write_text(json.dumps(record))
    (note,) = notes_on_data(copied / "runs")
    assert "1 of 2 runs did not record it" in note


def test_the_file_and_its_summary_are_what_the_formats_say(one_arm: Path):
    folder = next((one_arm / "runs").glob("*-a-s0"))
    table = pd.read_parquet(folder / "data-hashes.parquet")
    assert list(table) == ["image_id", "split", "target_hash", "pixel_hash"]
    data = json.loads((folder / "run.json").read_text())["data"]
    for k, row in enumerate(table.sort_values("image_id").itertuples()):
        pixels = np.asarray(Image.open(one_arm / "set" / str(row.image_id)))
        assert (row.image_id, row.split) == (f"i{k:02}.png", split_of(k))
        assert row.target_hash == f"{zlib.crc32(str(k % 2).encode()):08x}"
        assert row.pixel_hash == f"{zlib.crc32(pixels.tobytes()):08x}"
    for split in ("train", "validation", "test"):
        part = table[table["split"] == split].sort_values("image_id")
        for key, column in (("target_sha256", "target_hash"), ("pixel_sha256", "pixel_hash")):
            lines = "".join(f"{name} {value}\n" for name, value in zip(part["image_id"], part[column], strict=True))
            assert data[key][split] == hashlib.sha256(lines.encode()).hexdigest()


def test_damaged_hashes_are_named(copied: Path):
    path = next((copied / "runs").glob("*-a-s0")) / "data-hashes.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"data-hashes\.parquet: cannot be read; restore it, or remove this run"):
        evaluate(copied / "runs", replicates=0)
