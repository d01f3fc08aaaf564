"""How often each finding of the chest phantom occurs, and how often findings occur together.

In: prevalences and latent correlations. Out: the thresholds and the mixing matrix of the latent normal values that
`phantom_chest` draws. A finding is present if its latent value exceeds its threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from scipy.stats import norm

LABELS = (
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
"""The 14 labels, in the order of CheXpert."""

FINDINGS = LABELS[1:]
"""Labels that are drawn. As CheXpert defines it, "No Finding" means that all are absent except Support Devices."""

PREVALENCE: dict[str, float] = {
    "Enlarged Cardiomediastinum": 0.18,
    "Cardiomegaly": 0.26,
    "Lung Opacity": 0.28,
    "Lung Lesion": 0.18,
    "Edema": 0.22,
    "Consolidation": 0.18,
    "Pneumonia": 0.18,
    "Atelectasis": 0.22,
    "Pneumothorax": 0.16,
    "Pleural Effusion": 0.28,
    "Pleural Other": 0.15,
    "Fracture": 0.16,
    "Support Devices": 0.38,
}
"""Default share of images with each finding: in CheXpert's order of frequency, but rare findings are less rare."""

CO_OCCURRENCE: dict[tuple[str, str], float] = dict.fromkeys(combinations(FINDINGS, 2), 0.2) | {
    ("Enlarged Cardiomediastinum", "Cardiomegaly"): 0.4,
    ("Cardiomegaly", "Edema"): 0.5,
    ("Cardiomegaly", "Pleural Effusion"): 0.4,
    ("Edema", "Pleural Effusion"): 0.5,
    ("Lung Opacity", "Consolidation"): 0.4,
    ("Lung Opacity", "Pneumonia"): 0.5,
    ("Consolidation", "Pneumonia"): 0.5,
    ("Atelectasis", "Pleural Effusion"): 0.4,
    ("Pneumothorax", "Fracture"): 0.4,
    ("Pneumothorax", "Support Devices"): 0.4,
    ("Pleural Effusion", "Support Devices"): 0.3,
}
"""Default latent correlation of pairs of findings, because a sick patient often has several."""


def thresholds(prevalence: Mapping[str, float] | None) -> np.ndarray:
    """Return the latent value above which each finding is present, float64 (13,)."""
    named = prevalence or {}
    for label, share in named.items():
        if label == "No Finding":
            raise ValueError("prevalence: found 'No Finding', which follows from the other findings and cannot be set")
        if label not in FINDINGS:
            raise ValueError(f"prevalence: found {label!r}, expected one of {', '.join(FINDINGS)}")
        if not 0 <= share <= 1:
            raise ValueError(f"prevalence of {label!r}: found {share!r}, expected a share from 0 to 1")
    return np.asarray(norm.isf([{**PREVALENCE, **named}[label] for label in FINDINGS]))


def mixing_matrix(co_occurrence: Mapping[tuple[str, str], float] | None) -> np.ndarray:
    """Return the Cholesky factor of the findings' latent correlations, float64 (13, 13)."""
    correlation = np.eye(len(FINDINGS))
    for pair, value in (CO_OCCURRENCE if co_occurrence is None else co_occurrence).items():
        if len(pair) != 2 or pair[0] == pair[1] or not set(pair) <= set(FINDINGS):
            raise ValueError(f"co_occurrence: found {pair!r}, expected two different findings of {', '.join(FINDINGS)}")
        if not -1 < value < 1:
            raise ValueError(f"co_occurrence of {pair!r}: found {value!r}, expected a number between -1 and 1")
        first, second = FINDINGS.index(pair[0]), FINDINGS.index(pair[1])
        correlation[first, second] = correlation[second, first] = value
    try:
        return np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(correlation)[0]
        raise ValueError(
            f"co_occurrence: found correlations that no variables can have together (smallest eigenvalue"
            f" {smallest:.3f}), expected a positive definite matrix: bring the values nearer to 0"
        ) from None
