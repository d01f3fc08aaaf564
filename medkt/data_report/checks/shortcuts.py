"""Find metadata that predict a label, which a network could learn instead of the disease.

In: a `Collection` and the headers of its files. Out: `Finding`s. For each label and column, a logistic regression on
the one-hot column predicts the label of patients it was not fitted on. An AUC of 0.5 means that the column does not
predict the label. By chance, the AUC stays within three standard errors of 0.5 (Mann and Whitney, 1947), with patients
as the unit.

Source: Zech et al., PLOS Medicine 2018; DeGrave et al., Nature Machine Intelligence 2021.
"""

from __future__ import annotations

import math

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from medkt.data.collection import Collection
from medkt.data_report.findings import Evidence, Fact, Finding
from medkt.data_report.survey import Headers

SUSPICIOUS = 0.7  # AUC
FOLDS = 5
FEWEST = 20  # patients with the label, and without it
PERSON = ("age_band", "sex")
"""Attributes of the patient, which may rightly predict a disease."""
CHECKS = ("shortcuts", "weak shortcuts", "labels told by age or sex")
_RARE = 10  # images; rarer values are combined


def shortcuts(collection: Collection, headers: Headers | None) -> tuple[list[Finding], dict[str, str]]:
    """Try every column of metadata and every property of the files' headers on every label.

    Returns
    -------
    findings : list of Finding
    looked_at : dict of str to str
        For each of the checks, the pairs of label and column tried, or why none was.
    """
    columns = {**_columns(collection), **(_header_columns(headers) if headers is not None else {})}
    columns = {name: values for name, values in columns.items() if len(set(values)) > 1}
    if not columns:
        return [], dict.fromkeys(CHECKS, "not tried: no column of metadata has two values")
    patients = np.unique(collection.patient_ids.astype(str), return_inverse=True)[1]
    evidence: list[tuple[float, str, Evidence]] = []
    tried: list[tuple[float, str]] = []
    too_rare: list[str] = []
    for k, label in enumerate(collection.labels):
        positive = collection.targets == k if collection.task == "multiclass" else collection.targets[:, k]
        rows = np.flatnonzero(~np.isnan(positive.astype(np.float64)))
        shown = positive[rows] == 1
        n_with, n_without = len(set(patients[rows][shown])), len(set(patients[rows][~shown]))
        if min(n_with, n_without) < FEWEST:
            too_rare.append(label)
            continue
        chance = 0.5 + 3 * math.sqrt((n_with + n_without + 1) / (12 * n_with * n_without))
        folds = list(StratifiedGroupKFold(n_splits=FOLDS).split(rows, shown, patients[rows]))
        for name, values in columns.items():
            auc = _auc(values[rows], shown, folds)
            tried.append((auc, f"{label} from {name}"))
            if auc > chance:
                facts: dict[str, Fact] = {
                    "label": label,
                    "column": name,
                    "AUC": round(auc, 2),
                    "with the label": _shares(values[rows], shown),
                }
                evidence.append((auc, name, Evidence((), facts)))
    return _findings(evidence), _looked_at(list(columns), tried, too_rare)


def _looked_at(columns: list[str], tried: list[tuple[float, str]], too_rare: list[str]) -> dict[str, str]:
    """Say for each check what was tried. `tried` has the AUC of each pair of a label and a column, and its name."""
    if not tried:
        reason = f"not tried: no label has {FEWEST} patients with it and {FEWEST} without"
        return dict.fromkeys(CHECKS, reason)
    scope = f"{len(tried):,} pairs of a label and a column ({', '.join(columns)})"
    scope += "; the highest AUC is {:.2f}, of {}".format(*max(tried))
    if too_rare:
        scope += f"; too few patients with or without {', '.join(too_rare)}"
    about_persons = [name for name in columns if name in PERSON]
    about_images = [name for name in columns if name not in PERSON]
    return {
        **dict.fromkeys(CHECKS[:2], scope if about_images else "not tried: age and sex are the only columns"),
        CHECKS[2]: scope if about_persons else "not tried: no column of age or sex has two values",
    }


def _findings(scored: list[tuple[float, str, Evidence]]) -> list[Finding]:
    scored = sorted(scored, key=lambda item: -item[0])
    strong = tuple(row for auc, name, row in scored if name not in PERSON and auc >= SUSPICIOUS)
    weak = tuple(row for auc, name, row in scored if name not in PERSON and auc < SUSPICIOUS)
    persons = tuple(row for auc, name, row in scored if name in PERSON and auc >= SUSPICIOUS)
    findings = [
        Finding(
            "shortcuts",
            "warning",
            "Labels told from metadata alone",
            "A network that recognises the view, the device or the site scores so well without seeing a disease. "
            "Report results within each value (subgroups), balance, or test on data without the link.",
            strong,
        ),
        Finding(
            "weak shortcuts",
            "note",
            "Labels that metadata give a hint of",
            "Over all images too little to explain a good result, enough to add to one; a value that nearly always "
            "has the label gives it away where it occurs. Report subgroups.",
            weak,
        ),
        Finding(
            "labels told by age or sex",
            "note",
            "Labels told from age or sex alone",
            "That may be true of the disease. Report subgroups.",
            persons,
        ),
    ]
    return [finding for finding in findings if finding.evidence]


def _columns(collection: Collection) -> dict[str, np.ndarray]:
    columns = {**collection.groups, **collection.acquisition}
    return {name: values.astype(str).astype(object) for name, values in columns.items()}


def _header_columns(headers: Headers) -> dict[str, np.ndarray]:
    """Convert headers to columns of values that repeat, such as exact sizes and rounded aspect ratios."""
    size = np.array([f"{w} × {h}" for w, h in zip(headers.width_px, headers.height_px, strict=True)], dtype=object)
    aspect = headers.width_px / np.maximum(headers.height_px, 1)
    return {
        "image size": size,
        "image aspect": np.array([f"{round(20 * value) / 20:.2f}" for value in aspect], dtype=object),
        "pixel mode": headers.mode.astype(str).astype(object),
        "file format": headers.format.astype(str).astype(object),
        "JPEG compression": headers.compression.astype(str).astype(object),
    }


def _auc(values: np.ndarray, shown: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Average the AUC over folds. Scores of different folds have different scales, so they are not pooled."""
    model = make_pipeline(
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=_RARE),
        LogisticRegression(C=10.0, max_iter=200),
    )
    aucs = []
    for train, test in folds:
        if shown[test].any() and not shown[test].all():
            scores = model.fit(values[train, None], shown[train]).predict_proba(values[test, None])[:, 1]
            aucs.append(roc_auc_score(shown[test], scores))
    return float(np.mean(aucs))


def _shares(values: np.ndarray, shown: np.ndarray) -> str:
    """Describe how often the three most common values have the label."""
    names, counts = np.unique(values.astype(str), return_counts=True)
    commonest = names[np.argsort(-counts, kind="stable")[:3]]
    return "; ".join(
        f"{name}: {100 * shown[values == name].mean():.0f} % of {int((values == name).sum()):,}" for name in commonest
    )
