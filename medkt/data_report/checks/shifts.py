"""Find labels whose prevalence differs between the splits by more than chance explains.

In: an `Opened` data set with splits. Out: `Finding`s. The unit is the patient (any image with the label), because
images of one patient are not independent.

Source: chi-square test with Yates' correction (R `chisq.test`), or Fisher's exact test (R `fisher.test`) if an expected
count is below 5; Holm 1979; Cohen's h (1988, section 6.2): 0.2 is a small effect.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from medkt.data_report.findings import Evidence, Finding, Severity
from medkt.data_report.opening import Opened
from medkt_eval.inference.multiplicity import adjust

ALPHA = 0.05
SMALL = 0.2  # Cohen's h


def shifts(opened: Opened) -> tuple[list[Finding], str]:
    """Compare validation and test with training, label by label, with Holm's adjustment over all comparisons."""
    parts = opened.disjoint()
    if not parts:
        return [], "not compared: no splits are known (name their sizes, or a study file)"
    if "train" not in parts or len(parts) < 2:
        return [], f"not compared: the splits are {' and '.join(parts)}; expected training and another"
    rows = []
    for label, positive, known in _patients(opened):
        table = {part: (int(positive[members].sum()), int(known[members].sum())) for part, members in _members(opened)}
        for part in parts:
            if part != "train" and table["train"][1] and table[part][1]:
                rows.append((label, part, table["train"], table[part]))
    if not rows:
        return [], "not compared: no label is known for patients of training and of another split"
    tests = [_test(train, other) for _, _, train, other in rows]
    adjusted = adjust([p for _, p in tests], "holm")
    shifted: list[tuple[float, Evidence]] = []
    for (label, part, train, other), (test, _), p in zip(rows, tests, adjusted, strict=True):
        if p is not None and p < ALPHA:
            h = _cohen_h(train, other)
            shifted.append(
                (
                    h,
                    Evidence(
                        (),
                        {
                            "label": label,
                            "split": part,
                            "patients in training": _share(train),
                            "patients there": _share(other),
                            "Cohen's h": round(h, 2),
                            "test": test,
                            "p, Holm": float(f"{p:.2g}"),
                        },
                    ),
                )
            )
    scope = f"{len(rows)} comparisons of a label's prevalence with the training set's"
    if not shifted:
        return [], scope
    shifted.sort(key=lambda item: -round(abs(item[0]), 2))
    severity: Severity = "warning" if abs(shifted[0][0]) >= SMALL else "note"
    return [
        Finding(
            "prevalence shifts",
            severity,
            "Prevalences that differ between splits by more than chance",
            "Thresholds, predictive values and calibration do not carry over. With splits drawn here this should "
            "not happen; an official split may be meant so. Cohen's h: 0.2 is small, 0.5 is medium.",
            tuple(row for _, row in shifted),
        )
    ], scope


def _members(opened: Opened) -> list[tuple[str, np.ndarray]]:
    """Return the patients of each split, as indices of the sorted patients."""
    numbers = np.unique(opened.collection.patient_ids.astype(str), return_inverse=True)[1]
    return [(part, np.unique(numbers[rows])) for part, rows in opened.disjoint().items()]


def _patients(opened: Opened) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """For each label, find the patients who have it and those for whom it is known. bool, (n_patients,) each."""
    collection = opened.collection
    patients, numbers = np.unique(collection.patient_ids.astype(str), return_inverse=True)
    by_label = []
    for k, label in enumerate(collection.labels):
        values = collection.targets == k if collection.task == "multiclass" else collection.targets[:, k]
        positive, known = np.zeros(len(patients), dtype=bool), np.zeros(len(patients), dtype=bool)
        positive[numbers[values == 1]] = True
        known[numbers[~np.isnan(values.astype(np.float64))]] = True
        by_label.append((label, positive, known))
    return by_label


def _test(a: tuple[int, int], b: tuple[int, int]) -> tuple[str, float | None]:
    """Return the name of the test and its p-value; None if no patient or every patient of both splits has the label."""
    table = np.array([[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]])
    if (table.sum(axis=0) == 0).any():
        return "none", None
    if stats.contingency.expected_freq(table).min() < 5:
        return "Fisher", float(stats.fisher_exact(table).pvalue)
    return "chi-square", float(stats.chi2_contingency(table).pvalue)


def _cohen_h(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Compute Cohen's h of b against a. It is positive if the label is more common in b."""
    return 2 * (math.asin(math.sqrt(b[0] / b[1])) - math.asin(math.sqrt(a[0] / a[1])))


def _share(counts: tuple[int, int]) -> str:
    return f"{100 * counts[0] / counts[1]:.1f} % ({counts[0]:,} of {counts[1]:,})"
