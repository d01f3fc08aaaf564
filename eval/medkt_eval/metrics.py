"""Metrics of one run on one set of images, per label and averaged over labels.

In: targets, scores and thresholds as arrays. Out: `MetricValue`s, whose value is None, with the reason, where the
metric does not exist. scikit-learn computes them; this file decides what is asked of it and when it must not be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score


@dataclass(frozen=True)
class MetricValue:
    """One metric of one run for one label or average."""

    metric: str
    label: str
    value: float | None
    n_images: int
    n_positive: int | None
    undefined_because: str | None = None


def multilabel_metrics(
    labels: Sequence[str],
    targets: np.ndarray,
    scores: np.ndarray,
    thresholds: Sequence[float | None],
    no_threshold_because: Sequence[str | None],
) -> list[MetricValue]:
    """AUC and F1 per label, macro and weighted by the number of positives.

    Parameters
    ----------
    labels : sequence of str
        Findings.
    targets : float64, (n_images, n_labels)
        0, 1 or NaN (not labelled: the image is left out for that label).
    scores : float64, (n_images, n_labels)
        Higher = more likely.
    thresholds : sequence of float or None
        Per label; a finding is called where score >= threshold.
    no_threshold_because : sequence of str or None
        Per label, the reason where the threshold is None.

    Returns
    -------
    list of MetricValue
        `auc` and `f1`, each per label, then `macro`, then `weighted`.

    Notes
    -----
    Same answers as `sklearn.metrics.roc_auc_score` and `f1_score` with `average="macro"` or `"weighted"`.
    """
    auc, f1 = [], []
    for k, label in enumerate(labels):
        labelled = ~np.isnan(targets[:, k])
        truth, score = targets[labelled, k] == 1, scores[labelled, k]
        auc.append(_auc(label, truth, score))
        threshold = thresholds[k]
        if threshold is None:
            f1.append(MetricValue("f1", label, None, truth.size, int(truth.sum()), no_threshold_because[k]))
        else:
            f1.append(_f1(label, truth, score >= threshold))
    return [*auc, *averages(auc, len(targets)), *f1, *averages(f1, len(targets))]


def multiclass_metrics(labels: Sequence[str], targets: np.ndarray, scores: np.ndarray) -> list[MetricValue]:
    """One-vs-rest AUC and arg-max F1 per class, macro and weighted by the number of images of the class.

    Parameters
    ----------
    labels : sequence of str
        Classes.
    targets : int64, (n_images,)
        Index into `labels`.
    scores : float64, (n_images, n_labels)
        Probabilities.

    Returns
    -------
    list of MetricValue
        `auc` and `f1`, each per class, then `macro`, then `weighted`.

    Notes
    -----
    Same answers as `roc_auc_score(..., multi_class="ovr")` and `f1_score` of the arg max.
    """
    called = scores.argmax(axis=1)
    auc = [_auc(label, targets == k, scores[:, k]) for k, label in enumerate(labels)]
    f1 = [_f1(label, targets == k, called == k) for k, label in enumerate(labels)]
    return [*auc, *averages(auc, len(targets)), *f1, *averages(f1, len(targets))]


def averages(values: Sequence[MetricValue], n_images: int) -> list[MetricValue]:
    """Macro and weighted averages over labels.

    A label whose metric does not exist makes the macro average null, and the weighted one too unless its weight is 0:
    an average over the labels that happen to be left is another quantity.
    """
    metric = values[0].metric
    missing = [value.label for value in values if value.value is None]
    because = f"no {metric} for {', '.join(missing)}; the average over the other labels is another quantity"
    macro = None if missing else float(np.mean([value.value for value in values]))  # type: ignore[arg-type]
    result = [MetricValue(metric, "macro", macro, n_images, None, because if missing else None)]

    weights = np.array([value.n_positive or 0 for value in values], dtype=np.float64)
    weighed = [value for value, weight in zip(values, weights, strict=True) if weight > 0]
    missing = [value.label for value in weighed if value.value is None]
    weighted = None
    if not weighed:
        because = "no image is positive for any label"
    elif missing:
        because = f"no {metric} for {', '.join(missing)}; the average over the other labels is another quantity"
    else:
        numbers = [value.value for value in weighed]
        weighted = float(np.average(numbers, weights=weights[weights > 0]))  # type: ignore[arg-type]
    result.append(MetricValue(metric, "weighted", weighted, n_images, None, because if weighted is None else None))
    return result


def _auc(label: str, truth: np.ndarray, score: np.ndarray) -> MetricValue:
    positive = int(truth.sum())
    if positive in (0, truth.size):
        kind = "positive" if positive == 0 else "negative"
        return MetricValue("auc", label, None, truth.size, positive, f"no {kind} image among {truth.size}")
    return MetricValue("auc", label, float(roc_auc_score(truth, score)), truth.size, positive)


def _f1(label: str, truth: np.ndarray, called: np.ndarray) -> MetricValue:
    positive = int(truth.sum())
    if positive == 0:
        return MetricValue("f1", label, None, truth.size, 0, f"no positive image among {truth.size}")
    return MetricValue("f1", label, float(f1_score(truth, called)), truth.size, positive)
