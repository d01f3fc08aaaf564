"""Builders of run folders and arms for the tests of medkt_eval."""

from __future__ import annotations

import gc
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medkt_eval.results.schema import Arm
from medkt_eval.runtime.atomic_files import sha256_of_file

# benchmarks/ is not installed; last, so that the installed packages come before the checkout's.
sys.path.append(os.fspath(Path(__file__).parents[2]))

LABELS = ("Edema", "Effusion", "Pneumonia")
GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def _short_collections() -> Iterator[None]:
    """Freeze the modules: statsmodels collects garbage in every call of Holm, which took half of the tests' time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def golden() -> Callable[[str], list[dict[str, Any]]]:
    """Read the cases of a file of golden numbers."""

    def read(name: str) -> list[dict[str, Any]]:
        return json.loads((GOLDEN / name).read_text(encoding="utf-8"))["cases"]

    return read


def frame_of(
    split: str,
    seed_of_scores: int,
    *,
    task: str = "multilabel",
    labels: Sequence[str] = LABELS,
    dataset: str = "phantom-chest",
    skill: float = 1.0,
    n_images: int = 40,
) -> pd.DataFrame:
    """Make a prediction table. Targets depend only on data set and split, scores also on `seed_of_scores`."""
    truth = np.random.default_rng(zlib.crc32(f"{dataset} {split}".encode()))
    noise = np.random.default_rng(seed_of_scores)
    columns: dict[str, Any] = {
        "image_id": [f"{split}-{k // 2:03d}/v{k % 2}" for k in range(n_images)],
        "patient_id": [f"{'v' * (split == 'validation')}{k // 2:03d}" for k in range(n_images)],
    }
    if task == "multilabel":
        targets = (truth.random((n_images, len(labels))) < 0.4).astype(np.float64)
        scores = (skill * targets + noise.normal(size=targets.shape)).astype(np.float32)
        targets[0, 0] = np.nan  # not labelled
        columns |= {f"target_{label}": pd.array(targets[:, k], dtype="Int8") for k, label in enumerate(labels)}
    else:
        index = truth.integers(0, len(labels), n_images)
        logits = skill * np.eye(len(labels))[index] + noise.normal(size=(n_images, len(labels)))
        scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        columns["target"] = np.array(labels, dtype=object)[index]
    columns |= {f"score_{label}": scores[:, k] for k, label in enumerate(labels)}
    return pd.DataFrame(columns)


def save_frame(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table in the format of its name."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


@pytest.fixture
def predictions_frame() -> Callable[..., pd.DataFrame]:
    return frame_of


@pytest.fixture
def save() -> Callable[[pd.DataFrame, Path], Path]:
    return save_frame


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """An empty folder for run folders."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def write_run(runs: Path) -> Callable[..., Path]:
    """A function that writes one run folder. Its scores depend on the run id, so they are the same in any study."""

    def write(
        arm: str,
        seed: int,
        *,
        into: Path | None = None,
        task: str = "multilabel",
        labels: Sequence[str] = LABELS,
        dataset: str = "phantom-chest",
        train_size: int | None = 100,
        method: str = "transfer_learning",
        teacher: str | None = "imagenet",
        unfrozen: str | None = "all",
        skill: float = 1.0,
        validation: bool = True,
        suffix: str = ".parquet",
        selection: dict[str, Any] | None = None,
        history: pd.DataFrame | None = None,
        change: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
        student: str = "densenet121",
        settings: dict[str, Any] | None = None,
        name: str | None = None,
        **manifest: Any,
    ) -> Path:
        folder = (into or runs) / f"{arm}-s{seed}"
        folder.mkdir(parents=True)
        files = {}
        for k, split in enumerate(["test", "validation"] if validation else ["test"]):
            frame = frame_of(
                split, zlib.crc32(folder.name.encode()) + k, task=task, labels=labels, dataset=dataset, skill=skill
            )
            if change is not None and split == "test":
                frame = change(frame)
            path = save_frame(frame, folder / f"predictions-{split}{suffix}")
            files[split] = {"file": path.name, "rows": len(frame), "sha256": sha256_of_file(path)}
        content = {
            "format": 1,
            "run_id": folder.name,
            "arm": {
                "dataset": dataset,
                "task": task,
                "train_size": train_size,
                "method": method,
                "student": student,
                "teacher": teacher,
                "unfrozen": unfrozen,
                "trainable_parameters": 10,
                "total_parameters": 20,
                "settings": settings or {},
                "name": name,
            },
            "seed": seed,
            "labels": list(labels),
            "data": {"n": {"train": train_size or 300, "validation": 40, "test": 40}, "sha256": {"train": "abc"}},
            "predictions": files["test"],
            "seconds": 1.5,
            "selection": selection,
        } | manifest
        if validation:
            content["predictions_validation"] = files["validation"]
        (folder / "run.json").write_text(json.dumps(content), encoding="utf-8")
        if history is not None:
            history.to_csv(folder / "history.csv", index=False)
        return folder

    return write


@pytest.fixture
def make_arm() -> Callable[..., Arm]:
    """A function that makes one arm of results.json."""

    def make(arm: str, **fields: Any) -> Arm:
        known = {
            "name": arm,
            "dataset": "phantom-chest",
            "task": "multilabel",
            "train_size": 100,
            "method": "transfer_learning",
            "student": "densenet121",
            "teacher": "imagenet",
            "unfrozen": "all",
            "trainable_parameters": None,
            "total_parameters": None,
            "settings": {},
            "seeds": [0, 1],
        }
        return Arm(arm=arm, **(known | fields))

    return make


@pytest.fixture
def two_arms(write_run, runs):
    """Transfer learning and attention transfer, three seeds each."""
    for seed in range(3):
        write_run("tl", seed, name="TL", skill=0.5)
        write_run("at", seed, name="AT", skill=1.5, method="attention_transfer")
    return runs


@pytest.fixture
def study(tmp_path):
    """A function that writes a study file with this [analysis]."""

    def write(analysis: str) -> Path:
        path = tmp_path / "study.toml"
        path.write_text(f'name = "a study"\n[analysis]\n{analysis}\n', encoding="utf-8")
        return path

    return write


def minimal(runs, run_id, seed, scores, **manifest):
    """The minimum that another trainer must write."""
    folder = runs / run_id
    folder.mkdir()
    arm = {"dataset": "ours", "task": "multilabel", "method": run_id.split("-")[0], "student": "resnet50"}
    content = {"format": 1, "run_id": run_id, "arm": arm, "seed": seed, "labels": ["A", "B"]} | manifest
    (folder / "run.json").write_text(json.dumps(content))
    text = "image_id,patient_id,target_A,target_B,score_A,score_B\n"
    targets = [(0, 1), (1, 0), (0, ""), (1, 1), (1, 0)]
    for k, (score, (a, b)) in enumerate(zip(scores, targets, strict=True)):
        text += f"i{k},00{k // 2},{a},{b},{score},{1 - score}\n"
    (folder / "predictions-test.csv").write_text(text)
    return folder


@pytest.fixture
def foreign(runs):
    minimal(runs, "ours-s1", 1, [0.1, 0.7, 0.4, 0.8, 0.3])
    minimal(runs, "ours-s2", 2, [0.2, 0.6, 0.4, 0.3, 0.5])
    minimal(runs, "theirs-s5", 5, [0.6, 0.5, 0.4, 0.3, 0.2])
    minimal(runs, "theirs-s6", 6, [0.3, 0.6, 0.7, 0.3, 0.6])
    return runs
