"""The numbers of the paper's study: arms, data sets, training sizes, and its published results.

Akbarian et al., Tables I, IV and V. paper_size.py draws run folders of this size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

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
class DataSet:
    """Numbers that the rows of one data set share."""

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
# AUC of the paper's Tables IV and V. For the larger CheXpert sets it has only a figure, so these two rows are invented.
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


def references() -> list[dict[str, Any]]:
    """Return the paper's own results, as in a study file's `reference`."""
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
