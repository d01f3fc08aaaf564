"""Valid inputs, from which the fuzz starts: small, and built here.

In: an empty folder. Out: predictions, run folders, results.json, a study file, a folder of images and a teacher.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LABELS = ("Edema", "Mass")
METHODS = {"tl": "transfer_learning", "at": "attention_transfer"}

STUDY = """
name = "tiny"
[data.phantom-chest]
patients = 80
seed = 1
train_size = 24
validation_size = 20
test_size = 20
[data.phantom-shapes]
images = 60
seed = 3
train_size = 24
validation_size = 12
test_size = 12
[training]
image_size_px = 32
epochs = 2
batch_size = 8
learning_rate = 1e-3
halve_every_epochs = 1
threads_per_run = 1
[teachers.shapes]
architecture = "densenet40"
data = "phantom-shapes"
training = { epochs = 1 }
[[arms]]
name = "TL"
data = "phantom-chest"
method = "transfer_learning"
student = "densenet40"
initialisation = "shapes"
seeds = [0, 1]
[[arms]]
name = "AT"
data = "phantom-chest"
method = "attention_transfer"
student = "densenet40"
teacher = "shapes"
initialisation = "shapes"
beta = 2.0
seeds = [0, 1]
[analysis]
baseline = "TL"
margin = 0.05
threshold_rule = "youden"
[analysis.primary]
arm_a = "AT"
arm_b = "TL"
"""


@dataclass
class Grid:
    """A table of text: what a CSV holds, before it is written."""

    header: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def write(self, path: Path, **options: Any) -> None:
        """Write it as a CSV; `options` as `csv.writer` takes them."""
        with path.open("w", encoding=options.pop("encoding", "utf-8"), errors="replace", newline="") as file:
            csv.writer(file, **options).writerows([self.header, *self.rows])


def predictions(seed: int, *, multiclass: bool = False, n: int = 24) -> Grid:
    """Predictions of one seed; all seeds have the same images and targets."""
    truth, noise = np.random.default_rng(0), np.random.default_rng(seed + 1)
    targets = truth.integers(0, 2, (n, 2))
    ids = [[f"i{k:03d}", f"p{k // 2:02d}", "FM"[k // 2 % 2]] for k in range(n)]
    if multiclass:
        scores = noise.dirichlet((1, 1), n).round(6)
        rows = [[*ids[k], LABELS[targets[k, 0]], str(scores[k, 0]), str(round(1 - scores[k, 0], 6))] for k in range(n)]
        return Grid(["image_id", "patient_id", "group_sex", "target", "score_Edema", "score_Mass"], rows)
    scores = 1 / (1 + np.exp(-targets - noise.normal(size=(n, 2))))
    rows = [[*ids[k], *map(str, targets[k]), *(f"{score:.6f}" for score in scores[k])] for k in range(n)]
    return Grid(
        ["image_id", "patient_id", "group_sex", *(f"{what}_{name}" for what in ("target", "score") for name in LABELS)],
        rows,
    )


def manifest(method: str, seed: int) -> dict[str, Any]:
    """run.json of one run."""
    arm = {
        "dataset": "ours", "task": "multilabel", "train_size": 500, "method": METHODS[method], "student": "resnet50",
        "teacher": None if method == "tl" else "mimic", "unfrozen": "all", "trainable_parameters": 10,
        "total_parameters": 10, "settings": {"lr": 0.1}, "name": method.upper(),
    }  # fmt: skip
    data = {
        "n": {"train": 500, "test": 24},
        "patients": {"test": 12},
        "synthetic": True,
        "source": "drawn",
        "views": "PA",
    }
    return {
        "format": 1, "run_id": f"{method}-s{seed}", "arm": arm, "seed": seed, "role": "arm", "labels": list(LABELS),
        "data": data, "selection": {"metric": "auc", "epoch": 2, "value": 0.7}, "seconds": 12.5,
        "predictions": {"file": "predictions-test.csv", "rows": 24},
        "predictions_validation": {"file": "predictions-validation.csv"},
    }  # fmt: skip


def write_runs(folder: Path) -> None:
    """Two arms of two seeds, with validation predictions and a history."""
    for method in ("tl", "at"):
        for seed in range(2):
            run = folder / f"{method}-s{seed}"
            run.mkdir(parents=True)
            number = seed + 10 * (method == "at")
            (run / "run.json").write_text(json.dumps(manifest(method, seed)))
            predictions(number).write(run / "predictions-test.csv")
            validation = predictions(number + 100)
            validation.rows = [[f"v{row[0]}", f"v{row[1]}", *row[2:]] for row in validation.rows]
            validation.write(run / "predictions-validation.csv")
            (run / "history.csv").write_text("epoch,loss,auc\n1,0.7,0.6\n2,0.6,0.7\n")


def write_images(folder: Path) -> Grid:
    """Twelve images of 32 px, PNG and JPEG; returns their table, which `labels.csv` holds."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    table = Grid(["image", "patient_id", "Edema", "Mass", "sex"])
    for k in range(12):
        name = f"i{k:02d}.{'jpg' if k % 3 == 0 else 'png'}"
        Image.fromarray(rng.integers(0, 256, (32, 32), dtype=np.uint8)).save(folder / name)
        table.rows.append([name, f"p{k // 2}", str(k % 2), str(k // 2 % 2), "FM"[k % 2]])
    table.write(folder / "labels.csv")
    return table
