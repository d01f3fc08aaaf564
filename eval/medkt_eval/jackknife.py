"""Every metric of one run with each patient left out, in closed form.

In: targets, scores, thresholds and patients of one run, as arrays. Out: (metric, label) -> float64, (n_patients,), what
covariances over patients are made of. AUC from placements, F1 from counts, averages from both; a patient whose
departure leaves a metric undefined gives NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medkt_eval.placements import auc_without_each_patient, placements

WithoutPatient = dict[tuple[str, str], np.ndarray]


def multilabel_without_patient(
    labels: Sequence[str],
    targets: np.ndarray,
    scores: np.ndarray,
    thresholds: Sequence[float | None],
    *,
    patient: np.ndarray,
    n_patients: int,
) -> WithoutPatient:
    """As `metrics.multilabel_metrics`, with each patient left out.

    Parameters
    ----------
    labels, targets, scores, thresholds
        As there.
    patient : int64, (n_images,)
        Each image's patient, 0 to n_patients - 1.
    n_patients : int

    Returns
    -------
    dict
        (metric, label) -> float64, (n_patients,). A metric that is undefined with all patients is absent.
    """
    auc, f1, positives = {}, {}, {}
    for k, label in enumerate(labels):
        labelled = ~np.isnan(targets[:, k])
        truth, score, people = targets[labelled, k] == 1, scores[labelled, k], patient[labelled]
        positives[label] = truth.sum() - np.bincount(people[truth], minlength=n_patients)
        threshold = thresholds[k]
        called = None if threshold is None else score >= threshold
        _add_label(auc, f1, label, truth, score, called, people, n_patients)
    return _with_averages(auc, f1, positives)


def multiclass_without_patient(
    labels: Sequence[str], targets: np.ndarray, scores: np.ndarray, *, patient: np.ndarray, n_patients: int
) -> WithoutPatient:
    """As `metrics.multiclass_metrics`, with each patient left out; parameters as there and above."""
    auc, f1, positives = {}, {}, {}
    called = scores.argmax(axis=1)
    for k, label in enumerate(labels):
        truth = targets == k
        positives[label] = truth.sum() - np.bincount(patient[truth], minlength=n_patients)
        _add_label(auc, f1, label, truth, scores[:, k], called == k, patient, n_patients)
    return _with_averages(auc, f1, positives)


def _add_label(
    auc: dict[str, np.ndarray],
    f1: dict[str, np.ndarray],
    label: str,
    truth: np.ndarray,
    score: np.ndarray,
    called: np.ndarray | None,
    patient: np.ndarray,
    n_patients: int,
) -> None:
    if 0 < truth.sum() < truth.size:
        auc[label] = auc_without_each_patient(placements(truth, score), score, patient, n_patients)
    if called is not None and truth.any():
        f1[label] = _f1_without_patient(truth, called, patient, n_patients)


def _f1_without_patient(truth: np.ndarray, called: np.ndarray, patient: np.ndarray, n_patients: int) -> np.ndarray:
    """F1 = 2 TP / (positives + calls), from counts that one patient's are taken from."""

    def rest(mask: np.ndarray) -> np.ndarray:
        return mask.sum() - np.bincount(patient[mask], minlength=n_patients)

    hits, positives, calls = rest(truth & called), rest(truth), rest(called)
    return np.divide(2.0 * hits, positives + calls, out=np.full(n_patients, np.nan), where=positives > 0)


def _with_averages(
    auc: dict[str, np.ndarray], f1: dict[str, np.ndarray], positives: dict[str, np.ndarray]
) -> WithoutPatient:
    found: WithoutPatient = {}
    for metric, by_label in (("auc", auc), ("f1", f1)):
        found |= {(metric, label): values for label, values in by_label.items()}
        if len(by_label) == len(positives):
            found[metric, "macro"] = np.mean(list(by_label.values()), axis=0)
        weighed = {label: left for label, left in positives.items() if left.any()}
        if weighed and weighed.keys() <= by_label.keys():
            weights = np.array(list(weighed.values()), dtype=np.float64)  # (n_labels, n_patients)
            values = np.array([by_label[label] for label in weighed])
            products = np.where(weights > 0, weights * values, 0.0)
            total = weights.sum(axis=0)
            found[metric, "weighted"] = np.divide(
                products.sum(axis=0), total, out=np.full(len(total), np.nan), where=total > 0
            )
    return found
