"""Run folders of the paper's full size, with drawn scores: what a report of the whole study looks like and costs.

Three data sets (CheXpert at three training sizes, ChestX-ray8, Retina), the seven arms of Tables IV and V, three seeds,
the paper's numbers of validation and test images; grids over beta for the two smaller data sets. No image and no model:
scores are a label's separation plus noise of the patient, the image and the run, so that an arm's expected AUC is the
paper's where it printed one. Everything is marked SYNTHETIC. About 250 MB.

    python benchmarks/paper_size.py RUNS && nox -s report -- RUNS
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special, stats

CHEXPERT = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
CHESTXRAY8 = (
    "Hernia",
    "Pneumonia",
    "Fibrosis",
    "Edema",
    "Emphysema",
    "Cardiomegaly",
    "Pleural Thickening",
    "Consolidation",
    "Pneumothorax",
    "Mass",
    "Nodule",
    "Atelectasis",
    "Effusion",
    "Infiltration",
)
RETINA = ("No DR", "Mild", "Moderate", "Severe", "Proliferative")
SEEDS, EPOCHS = (0, 1, 2), 40
BETAS = (1, 5, 20, 50, 100, 1000, 2000)


@dataclass(frozen=True)
class ArmOf:
    """A column of Tables IV and V."""

    name: str
    method: str
    student: str
    teacher: str | None
    unfrozen: str
    trainable: int


@dataclass(frozen=True)
class Row:
    """A row of Tables IV and V: a data set, its training size, and the arms' macro AUC there."""

    dataset: str
    train_size: int
    train_patients: int
    auc: tuple[float, ...]
    seed_sd: float
    beta: tuple[int, int, int, int]


@dataclass(frozen=True)
class Images:
    """The validation or test images of a data set: who they are of, what they show, what is hard in them."""

    frame: pd.DataFrame
    truth: np.ndarray  # (n, n_labels) 0 or 1
    noise: np.ndarray  # (n, n_labels), unit variance, common to all runs


@dataclass(frozen=True)
class DataSet:
    """What the rows of one data set share."""

    task: Literal["multilabel", "multiclass"]
    labels: tuple[str, ...]
    prevalence: np.ndarray
    n: dict[str, tuple[int, int]]  # split -> images, patients
    labelling: str
    views: str


ARMS = (
    ArmOf("TL, DenseNet-121", "transfer_learning", "densenet121", None, "all", 6_968_206),
    ArmOf("TL, DenseNet-121, last 34 layers", "transfer_learning", "densenet121", None, "last34", 2_700_814),
    ArmOf("TL, DenseNet-40", "transfer_learning", "densenet40", None, "all", 1_364_142),
    ArmOf("AT from ImageNet, DenseNet-121", "attention_transfer", "densenet121", "imagenet", "all", 6_968_206),
    ArmOf("AT from ImageNet, DenseNet-40", "attention_transfer", "densenet40", "imagenet", "all", 1_364_142),
    ArmOf("AT from MIMIC-CXR, DenseNet-121", "attention_transfer", "densenet121", "mimic", "all", 6_968_206),
    ArmOf("AT from MIMIC-CXR, DenseNet-40", "attention_transfer", "densenet40", "mimic", "all", 1_364_142),
)
DATA = {
    "chexpert": DataSet(
        "multilabel",
        CHEXPERT,
        np.array([0.1, 0.05, 0.12, 0.47, 0.04, 0.23, 0.07, 0.03, 0.15, 0.09, 0.39, 0.02, 0.04, 0.52]),
        {"validation": (23_022, 6_700), "test": (22_274, 6_450)},
        "automatic",
        "frontal and lateral",
    ),
    "chestxray8": DataSet(
        "multilabel",
        CHESTXRAY8,
        np.geomspace(0.008, 0.18, 14),
        {"validation": (848, 620), "test": (1_169, 850)},
        "automatic",
        "frontal",
    ),
    "eyepacs": DataSet(
        "multiclass",
        RETINA,
        np.array([0.735, 0.07, 0.15, 0.025, 0.02]),
        {"validation": (7_000, 3_500), "test": (7_000, 3_500)},
        "manual",
        "left and right eyes",
    ),
}
# AUC: the paper's Table IV and V; of the larger CheXpert sets it prints a figure only, so these two rows are invented.
ROWS = (
    Row("chexpert", 5_000, 1_450, (0.7286, 0.7123, 0.7183, 0.7264, 0.7222, 0.766, 0.7545), 0.003, (2000, 2000, 1, 20)),
    Row("chexpert", 50_000, 14_500, (0.775, 0.74, 0.768, 0.776, 0.769, 0.784, 0.778), 0.002, (2000, 2000, 50, 50)),
    Row("chexpert", 178_352, 51_600, (0.792, 0.752, 0.785, 0.793, 0.786, 0.794, 0.787), 0.002, (1000, 1000, 1, 1)),
    Row("chestxray8", 3_589, 2_600, (0.7145, 0.7007, 0.7155, 0.7166, 0.7245, 0.8045, 0.7579), 0.006, (100, 100, 1, 1)),
    Row("eyepacs", 21_126, 10_563, (0.8446, 0.7998, 0.8495, 0.8461, 0.8504, 0.8403, 0.8438), 0.004, (60, 60, 30, 30)),
)
PAPER = "Akbarian et al., Tables IV and V"
PUBLISHED: dict[tuple[str, int, str, str], tuple[tuple[float, float], ...]] = {
    ("chexpert", 5_000, "auc", "macro"): (
        (72.86, 0.18),
        (71.23, 0.12),
        (71.83, 0.23),
        (72.64, 0.12),
        (72.22, 0.10),
        (76.6, 0.03),
        (75.45, 0.30),
    ),
    ("chestxray8", 3_589, "auc", "macro"): (
        (71.45, 0.98),
        (70.07, 0.60),
        (71.55, 0.19),
        (71.66, 1.18),
        (72.45, 1.09),
        (80.45, 0.38),
        (75.79, 1.17),
    ),
    ("eyepacs", 21_126, "auc", "macro"): (
        (84.46, 0.52),
        (79.98, 0.64),
        (84.95, 0.28),
        (84.61, 0.19),
        (85.04, 0.28),
        (84.03, 0.31),
        (84.38, 0.33),
    ),
    ("eyepacs", 21_126, "f1", "weighted"): (
        (77.9, 0.22),
        (74.02, 0.19),
        (77.73, 0.44),
        (78.02, 0.31),
        (78.01, 0.55),
        (77.68, 0.22),
        (77.93, 0.17),
    ),
}
STUDY = """name = "The paper's study, drawn"

[analysis]
margin = 0.01
primary = { arm_a = "chexpert-5000-attention_transfer-densenet121-mimic", \
arm_b = "chexpert-5000-transfer_learning-densenet121-none" }
add = ["subgroups", "sensitivity", "specificity", "calibration", "net-benefit"]
"""


def draw_images(dataset: str, split: str) -> Images:
    data = DATA[dataset]
    rng = np.random.default_rng([17, *dataset.encode(), *split.encode()])
    n, n_patients = data.n[split]
    patient = np.sort(np.concatenate([np.arange(n_patients), rng.integers(0, n_patients, n - n_patients)]))
    liability = np.sqrt(0.6) * rng.normal(size=(n_patients, len(data.labels)))[patient]
    liability += np.sqrt(0.4) * rng.normal(size=liability.shape)
    if data.task == "multilabel":
        truth = (liability > stats.norm.ppf(1 - data.prevalence)).astype(np.int8)
    else:
        grade = np.searchsorted(stats.norm.ppf(np.cumsum(data.prevalence)[:-1]), liability[:, 0])
        truth = np.eye(len(data.labels), dtype=np.int8)[grade]
    noise = np.sqrt(0.4) * rng.normal(size=(n_patients, len(data.labels)))[patient]
    noise += np.sqrt(0.6) * rng.normal(size=noise.shape)
    frame = pd.DataFrame(
        {
            "image_id": [f"{dataset}/{split}/{k:06d}" for k in range(n)],
            "patient_id": [f"{split}-p{k:05d}" for k in patient],
            "group_sex": np.where(rng.random(n_patients) < 0.45, "F", "M")[patient],
        }
    )
    if data.task == "multilabel":
        for k, label in enumerate(data.labels):
            frame[f"target_{label}"] = truth[:, k]
    else:
        frame["target"] = np.array(data.labels)[truth.argmax(axis=1)]
    return Images(frame, truth, noise)


def predictions(images: Images, data: DataSet, auc: float, arm_noise: np.ndarray, seed: int, key: str) -> pd.DataFrame:
    """Scores of one run; `arm_noise` is common to the runs of an arm."""
    rng = np.random.default_rng([seed, *key.encode()])
    noise = np.sqrt(0.8) * images.noise + np.sqrt(0.15) * arm_noise + np.sqrt(0.05) * rng.normal(size=arm_noise.shape)
    of_label = auc + np.linspace(-0.06, 0.06, len(data.labels))  # some findings are easier
    separation = np.sqrt(2) * stats.norm.ppf(of_label.clip(0.52, 0.98))
    latent = images.truth * separation + noise
    base = special.logit(data.prevalence)
    logits = base + separation * (latent - separation / 2)
    scores = special.expit(logits) if data.task == "multilabel" else special.softmax(logits, axis=1)
    columns = {f"score_{label}": scores[:, k].astype(np.float32) for k, label in enumerate(data.labels)}
    return pd.concat([images.frame, pd.DataFrame(columns)], axis=1)


def history(auc: float, seed: int, key: str, *, metric: str, attention: bool) -> pd.DataFrame:
    """A learning curve: it rises, peaks and falls; with attention transfer later, and with less noise."""
    rng = np.random.default_rng([seed, 1, *key.encode()])
    epoch = np.arange(1, EPOCHS + 1)
    peak = (22 if attention else 14) + rng.normal(scale=1.5)
    fall = 0.0004 if attention else 0.0009
    value = auc - 0.12 * np.exp(-epoch / (5 if attention else 3.5)) - fall * np.maximum(epoch - peak, 0)
    value += rng.normal(scale=0.0015 if attention else 0.003, size=EPOCHS)
    loss = 0.35 + 0.3 * np.exp(-epoch / 8)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "step": epoch * 100,
            "learning_rate": 5e-5 * 0.5 ** ((epoch - 1) // 16),
            "loss": loss,
            "loss_task": loss,
            "loss_transfer": 0.0,
            metric: value,
            "seconds": 60.0,
        }
    )


def write_run(
    out: Path, row: Row, column: int, seed: int, beta: int | None, grid: str | None, images: dict[str, Images]
) -> None:
    arm, data = ARMS[column], DATA[row.dataset]
    suffix = "" if arm.unfrozen == "all" else f"-{arm.unfrozen}"
    suffix += f"-beta{beta}" if grid else ""
    name = f"{row.dataset}-{row.train_size}-{arm.method}-{arm.student}-{arm.teacher or 'none'}{suffix}"
    folder = out / f"{name}-s{seed}"
    folder.mkdir(parents=True)
    rng = np.random.default_rng([seed, 2, *name.encode()])
    off = 0.0 if beta is None else 0.004 * np.log10(beta / row.beta[column - 3]) ** 2
    auc = row.auc[column] - off + rng.normal(scale=row.seed_sd)
    files: dict[str, Any] = {}
    for split, part in images.items():
        arm_noise = np.random.default_rng([3, *name.encode(), *split.encode()]).normal(size=part.noise.shape)
        table = predictions(part, data, auc, arm_noise, seed, name + split)
        path = folder / f"predictions-{split}.parquet"
        table.to_parquet(path, index=False)
        key = "predictions" if split == "test" else "predictions_validation"
        files[key] = {"file": path.name, "rows": len(table), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    metric = "auc" if data.task == "multilabel" else "f1"
    curve = history(auc, seed, name, metric=metric, attention=column > 2)
    curve.to_csv(folder / "history.csv", index=False)
    best = int(curve[metric].argmax())
    counts = {"train": (row.train_size, row.train_patients), **data.n}
    settings = {"epochs": EPOCHS, **({} if beta is None else {"attention_loss": "eq1", "beta": float(beta)})}
    manifest = {
        "format": 1,
        "run_id": folder.name,
        "seed": seed,
        "role": "arm",
        "grid": grid,
        "labels": list(data.labels),
        "arm": {
            "name": arm.name,
            "dataset": row.dataset,
            "task": data.task,
            "train_size": row.train_size,
            "method": arm.method,
            "student": arm.student,
            "teacher": arm.teacher,
            "unfrozen": arm.unfrozen,
            "trainable_parameters": arm.trainable,
            "total_parameters": max(a.trainable for a in ARMS if a.student == arm.student),
            "settings": settings,
        },
        "data": {
            "n": {split: n for split, (n, _) in counts.items()},
            "patients": {split: p for split, (_, p) in counts.items()},
            "sha256": {
                split: hashlib.sha256(f"{row.dataset} {split} {n}".encode()).hexdigest()
                for split, (n, _) in counts.items()
            },
            "positive": {
                split: dict(zip(data.labels, part.truth.sum(axis=0).tolist(), strict=True))
                for split, part in images.items()
            },
            "synthetic": True,
            "source": "SYNTHETIC: scores drawn at the paper's size; no image exists",
            "labelling": data.labelling,
            "views": data.views,
            "patients_in_two_splits": 0,
        },
        "selection": {
            "metric": metric,
            "label": "macro" if metric == "auc" else "weighted",
            "epoch": int(curve["epoch"][best]),
            "value": float(curve[metric][best]),
        },
        **files,
    }
    (folder / "run.json").write_text(json.dumps(manifest, indent=1))


def references() -> list[dict[str, Any]]:
    """The paper's own results, as a study file's `reference` holds them."""
    return [
        {
            "source": PAPER,
            "dataset": dataset,
            "train_size": size,
            "method": arm.method,
            "student": arm.student,
            "teacher": arm.teacher,
            "unfrozen": arm.unfrozen,
            "metric": metric,
            "label": label,
            "value": round(value / 100, 6),
            "half_width": round(half / 100, 6),
            "n_seeds": 3,
        }
        for (dataset, size, metric, label), cells in PUBLISHED.items()
        for arm, (value, half) in zip(ARMS, cells, strict=True)
    ]


def write_study(out: Path) -> None:
    """Write every run, and the study that they are of."""
    out.mkdir(parents=True)
    for row in ROWS:
        images = {split: draw_images(row.dataset, split) for split in ("validation", "test")}
        for column, arm in enumerate(ARMS):
            betas: tuple[int | None, ...] = (None,)
            if arm.teacher:
                searched = row.dataset != "chexpert"  # its settings that were not chosen would fill 1.5 GB
                betas = BETAS if searched else (row.beta[column - 3],)
            grid = f"{row.dataset}-{arm.student}-{arm.teacher}" if len(betas) > 1 else None
            for beta in betas:
                for seed in SEEDS:
                    write_run(out, row, column, seed, beta, grid, images)
    study = tomllib.loads(STUDY)
    analysis = {**study["analysis"], "reference": references()}
    record = {
        "name": study["name"],
        "sha256": hashlib.sha256(STUDY.encode()).hexdigest(),
        "text": STUDY,
        "analysis": analysis,
        "earlier": [],
    }
    (out / "study.json").write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} RUNS (a folder that does not exist yet)")
    write_study(Path(sys.argv[1]))
