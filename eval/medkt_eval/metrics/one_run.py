"""Metrics of one run on one set of images, for each label and averaged over labels.

In: targets, scores, thresholds and optional weights of images, as arrays. Out: `MetricValue`s; the value is None, with
a reason, where the metric does not exist. scikit-learn computes all metrics except the calibration error. The trainer
selects epochs with them, and the tests of the other files use them as an independent computation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from sklearn import metrics as scikit_learn

from medkt_eval.errors import InputError
from medkt_eval.metrics.sums import N_BINS, probability_bin
from medkt_eval.metrics.undefined import undefined_because
from medkt_eval.results.vocabulary import METRICS


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
    *,
    metrics: Sequence[str] = ("auc", "f1"),
    sample_weight: np.ndarray | None = None,
) -> list[MetricValue]:
    """Metrics per label, macro and weighted by the number of positives.

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
    metrics : sequence of str
        Of `auc`, `average_precision`, `brier`, `ece`, `f1`, `accuracy`, `balanced_accuracy`, `sensitivity`,
        `specificity`, `ppv`, `npv`.
    sample_weight : float, (n_images,), or None
        Weight of each image, 0 or more: an image of weight 2 counts as two, and one of weight 0 is left out. A weighted
        average then weights a label by the summed weight of its positives. None: every image has weight 1.

    Returns
    -------
    list of MetricValue
        For each metric the labels, then `macro`, then `weighted`. Counts are numbers of images, not sums of weights.

    Raises
    ------
    InputError
        If a weight is negative or not finite, or their number is not that of the images.

    Notes
    -----
    Same answers as `sklearn.metrics.roc_auc_score`, `f1_score`, ... with `average="macro"` or `"weighted"`.

    Examples
    --------
    >>> targets, scores = np.array([[1.0], [0.0], [0.0]]), np.array([[0.5], [0.7], [0.2]])
    >>> [value.value for value in multilabel_metrics(["Edema"], targets, scores, [None], ["not asked"],
    ...                                              metrics=["auc"], sample_weight=np.array([1, 1, 3]))]
    [0.75, 0.75, 0.75]
    """
    weight = _checked(sample_weight, len(targets))
    counts = weight > 0
    columns = []
    for k, label in enumerate(labels):
        kept = counts & ~np.isnan(targets[:, k])
        threshold, score = thresholds[k], scores[kept, k]
        called = None if threshold is None else score >= threshold
        columns.append(_Column(label, targets[kept, k] == 1, score, called, weight[kept], no_threshold_because[k]))
    return _of_columns(columns, metrics, int(counts.sum()))


def multiclass_metrics(
    labels: Sequence[str],
    targets: np.ndarray,
    scores: np.ndarray,
    *,
    metrics: Sequence[str] = ("auc", "f1"),
    sample_weight: np.ndarray | None = None,
) -> list[MetricValue]:
    """Each class against all others, its call the arg max; macro and weighted by the number of images of the class.

    Parameters
    ----------
    labels : sequence of str
        Classes.
    targets : int64, (n_images,)
        Index into `labels`.
    scores : float64, (n_images, n_labels)
        Probabilities.
    metrics, sample_weight
        As `multilabel_metrics`.

    Returns
    -------
    list of MetricValue
        For each metric the classes, then `macro`, then `weighted`.

    Raises
    ------
    InputError
        As `multilabel_metrics`.

    Notes
    -----
    Same answers as `roc_auc_score(..., multi_class="ovr")`, and as `f1_score`, ... of the arg max.
    """
    weight = _checked(sample_weight, len(targets))
    kept = weight > 0
    truth, scores, weight = targets[kept], scores[kept], weight[kept]
    called = scores.argmax(axis=1)
    columns = [_Column(label, truth == k, scores[:, k], called == k, weight) for k, label in enumerate(labels)]
    return _of_columns(columns, metrics, len(truth))


def averages(values: Sequence[MetricValue], n_images: int, weights: Sequence[float] | None = None) -> list[MetricValue]:
    """Macro and weighted averages over labels.

    Parameters
    ----------
    values : sequence of MetricValue
        One metric of each label.
    n_images : int
    weights : sequence of float, or None
        Weights of the labels. None weights each by its number of positive images.

    Notes
    -----
    If the metric of a label does not exist, the macro average is null, because the average over the other labels is
    another quantity. The weighted average is null too, unless the label has weight 0.
    """
    metric = values[0].metric
    missing = [value.label for value in values if value.value is None]
    because = f"no {metric} for {', '.join(missing)}; the average over the other labels is another quantity"
    macro = None if missing else float(np.mean([value.value for value in values]))  # type: ignore[arg-type]
    result = [MetricValue(metric, "macro", macro, n_images, None, because if missing else None)]

    positives = [value.n_positive or 0 for value in values] if weights is None else weights
    weighed = [(value, weight) for value, weight in zip(values, positives, strict=True) if weight > 0]
    missing = [value.label for value, _ in weighed if value.value is None]
    weighted = None
    if not weighed:
        because = "no image is positive for any label"
    elif missing:
        because = f"no {metric} for {', '.join(missing)}; the average over the other labels is another quantity"
    else:
        numbers = [value.value for value, _ in weighed]
        weighted = float(np.average(numbers, weights=[weight for _, weight in weighed]))  # type: ignore[arg-type]
    result.append(MetricValue(metric, "weighted", weighted, n_images, None, because if weighted is None else None))
    return result


@dataclass(frozen=True)
class _Column:
    """One label's images that count: truth and calls bool, scores and weights float, all (n_images,)."""

    label: str
    truth: np.ndarray
    score: np.ndarray
    called: np.ndarray | None
    weight: np.ndarray
    no_call_because: str | None = None


def _checked(sample_weight: np.ndarray | None, n_images: int) -> np.ndarray:
    if sample_weight is None:
        return np.ones(n_images)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_images,):
        raise InputError(f"sample_weight has shape {weight.shape}; expected one weight for each of {n_images} images")
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InputError(f"sample_weight of image {first} is {weight[first]}; expected a finite number, 0 or more")
    return weight


def _of_columns(columns: Sequence[_Column], metrics: Sequence[str], n_images: int) -> list[MetricValue]:
    positives = [float(column.weight[column.truth].sum()) for column in columns]
    values = []
    for metric in metrics:
        of_labels = [_value(metric, column) for column in columns]
        values += [*of_labels, *averages(of_labels, n_images, positives)]
    return values


def _value(metric: str, column: _Column) -> MetricValue:
    because = column.no_call_because if METRICS[metric].kind == "calls" and column.called is None else None
    because = because or undefined_because(metric, column.label, column.truth, called=column.called, score=column.score)
    n_images, n_positive = len(column.truth), int(column.truth.sum())
    if because:
        return MetricValue(metric, column.label, None, n_images, n_positive, because)
    answer = column.called if METRICS[metric].kind == "calls" else column.score
    assert answer is not None  # else there is a reason
    value = float(COMPUTED[metric](column.truth, answer, sample_weight=column.weight))
    return MetricValue(metric, column.label, value, n_images, n_positive)


def _ece(truth: np.ndarray, score: np.ndarray, *, sample_weight: np.ndarray) -> float:
    """Guo et al. 2017, equation 3, an image's share of its bin by its weight."""
    residual = sample_weight * (truth - score.astype(np.float64))
    in_bins = np.bincount(probability_bin(score), weights=residual, minlength=N_BINS)
    return float(np.abs(in_bins).sum() / sample_weight.sum())


def _recall_of_negatives(truth: np.ndarray, called: np.ndarray, *, sample_weight: np.ndarray) -> float:
    return scikit_learn.recall_score(~truth, ~called, sample_weight=sample_weight)


def _precision_of_negatives(truth: np.ndarray, called: np.ndarray, *, sample_weight: np.ndarray) -> float:
    return scikit_learn.precision_score(~truth, ~called, sample_weight=sample_weight)


COMPUTED: Mapping[str, Callable[..., float]] = MappingProxyType(
    {
        "auc": scikit_learn.roc_auc_score,
        "average_precision": scikit_learn.average_precision_score,
        "brier": scikit_learn.brier_score_loss,
        "ece": _ece,
        "f1": scikit_learn.f1_score,
        "accuracy": scikit_learn.accuracy_score,
        "balanced_accuracy": scikit_learn.balanced_accuracy_score,
        "sensitivity": scikit_learn.recall_score,
        "specificity": _recall_of_negatives,
        "ppv": scikit_learn.precision_score,
        "npv": _precision_of_negatives,
    }
)
