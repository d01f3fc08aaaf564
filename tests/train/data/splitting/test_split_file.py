"""The file of a split."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from medkt.data import open_collection
from medkt.data.layouts.phantom import PhantomChestData
from medkt.data.splitting import split_file, splits
from medkt.observers import progress
from medkt.run.images import DatasetLoader
from medkt.study.preparation import TrainOptions
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError


def settings(**changes: object) -> PhantomChestData:
    content = {"collection": "phantom-chest", "patients": 60, "validation_size": 20, "test_size": 30}
    return PhantomChestData.model_validate(content | changes)


def rows(text: str) -> dict[str, str]:
    """Image id -> split."""
    lines = [line.split(",") for line in text.splitlines()]
    assert lines[0] == ["image_id", "patient_id", "split"]
    assert [line[0] for line in lines[1:]] == sorted(line[0] for line in lines[1:])
    return {image: split for image, _, split in lines[1:]}


def test_an_image_is_named_for_the_smallest_training_set_that_holds_it():
    collection, _ = open_collection(settings())
    drawn = splits.split(collection, train_sizes=[None, 40, 10], validation_size=20, test_size=30, seed=0)
    found = rows(split_file.text(collection, drawn))
    assert set(found) == set(collection.image_ids)
    held = {name: {image for image, split in found.items() if split == name} for name in set(found.values())}
    assert set(held) == {"train 10", "train 40", "train", "validation", "test"}
    assert held["train 10"] == set(collection.image_ids[drawn.train[10]])
    assert held["train 10"] | held["train 40"] == set(collection.image_ids[drawn.train[40]])
    assert held["train 10"] | held["train 40"] | held["train"] == set(collection.image_ids[drawn.train[None]])
    assert held["test"] == set(collection.image_ids[drawn.test])
    small = splits.split(collection, train_sizes=[10], validation_size=20, test_size=30, seed=0)
    assert len(rows(split_file.text(collection, small))) == 60  # images in no split are not listed


def test_runs_that_stand_on_another_split_are_protected(tmp_path: Path):
    collection, _ = open_collection(settings())
    drawn, larger, other = (
        split_file.text(
            collection, splits.split(collection, train_sizes=sizes, validation_size=20, test_size=30, seed=seed)
        )
        for sizes, seed in (([10], 0), ([10, 40], 0), ([10], 1))
    )
    path = tmp_path / "runs" / "split-x.csv"
    for text in (drawn, larger, drawn):
        split_file.write(path, text, runs_quote_it=True)
        assert path.read_text() == text
    with pytest.raises(
        InputError, match=r"split-x\.csv: \d+ images are in its test set or in that of the study, not in"
    ):
        split_file.write(path, other, runs_quote_it=True)
    split_file.write(path, other, runs_quote_it=False)
    assert path.read_text() == other


def test_test_patients_and_strata_of_the_settings_reach_the_split(tmp_path: Path):
    collection, _ = open_collection(settings())
    people = sorted(set(collection.patient_ids))[5:9]
    (tmp_path / "test.txt").write_text("\n".join(people))
    loader = DatasetLoader(
        {
            "listed": settings(test_size=None, test_patients=tmp_path / "test.txt"),
            "drawn": settings(),
            "strata": settings(stratify=True),
        },
        {name: [None] for name in ("listed", "drawn", "strata")},
    )
    assert loader.patients("listed")[1] == set(people)
    assert loader.patients("strata")[1] != loader.patients("drawn")[1]
    whole = splits.split(collection, train_sizes=[None], validation_size=20, test_size=30, seed=0, stratify=True)
    assert loader.patients("strata")[1] == set(collection.patient_ids[whole.test])


def test_what_the_split_missed_is_in_the_notes_of_the_run(tmp_path: Path):
    collection, _ = open_collection(settings())
    people, images = np.unique(collection.patient_ids, return_counts=True)
    odd = {
        name: image
        for image, name in zip(collection.image_ids, collection.patient_ids, strict=True)
        if images[people == name] % 2
    }
    assert len(odd) > 10
    (tmp_path / "exclude.csv").write_text("image_id,reason\n" + "".join(f"{image},odd\n" for image in odd.values()))
    data = settings(validation_size=10, test_size=11, exclude=tmp_path / "exclude.csv")
    loader = DatasetLoader({"x": data}, {"x": [20]})  # every patient has an even number of images now
    loaded = loader.load("x", 20, 32)
    assert loaded.collection.notes[-2:] == (
        f"{len(odd)} of {len(collection)} images are left out by exclude.csv (odd: {len(odd)})",
        "the test set has 10 images, not 11: whole patients give no nearer number",
    )
    assert loaded.split_sha256 == hashlib.sha256(loader.split_text("x").encode()).hexdigest()


def test_a_study_writes_its_splits_and_each_run_quotes_them(tmp_path: Path, study_file: Path):
    file = StudyFile.read(study_file)
    out = tmp_path / "runs"
    with progress.observer(Console(quiet=True)) as observer:
        (name,) = train_study_file(file, out, TrainOptions(only="phantom-shapes*", jobs=1), observer=observer)
    assert [path.name for path in out.glob("split-*")] == ["split-phantom-shapes.csv"]
    content = (out / "split-phantom-shapes.csv").read_bytes()
    assert (
        json.loads((out / name / "run.json").read_text())["data"]["split_sha256"] == hashlib.sha256(content).hexdigest()
    )
    found = list(rows(content.decode()).values())
    assert {split: found.count(split) for split in set(found)} == {"train 24": 24, "validation": 12, "test": 12}
