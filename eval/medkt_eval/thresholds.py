"""Thresholds of multi-label findings, chosen on validation predictions and never on the test set.

In: validation targets and scores. Out: one threshold a label, applied elsewhere as score >= threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medkt_eval.predictions import Predictions

NO_VALIDATION = "no validation predictions to choose a threshold on"


@dataclass(frozen=True)
class ChosenThreshold:
    """A label's threshold, or the reason why there is none."""

    label: str
    rule: str
    value: float | None
    undefined_because: str | None = None


def choose(validation: Predictions | None, labels: tuple[str, ...]) -> list[ChosenThreshold]:
    """Per label, the threshold with the largest F1 on the validation images; of several, the lowest.

    Parameters
    ----------
    validation : Predictions or None
        None: no label has a threshold.
    labels : tuple of str
        Findings, in order.

    Examples
    --------
    >>> max_f1(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.35
    """
    chosen = []
    for k, label in enumerate(labels):
        if validation is None:
            chosen.append(ChosenThreshold(label, "max_f1", None, NO_VALIDATION))
            continue
        labelled = ~np.isnan(validation.targets[:, k])
        truth = validation.targets[labelled, k]
        if truth.sum() == 0:
            because = f"no positive image among {truth.size} validation images to choose a threshold on"
            chosen.append(ChosenThreshold(label, "max_f1", None, because))
        else:
            chosen.append(ChosenThreshold(label, "max_f1", max_f1(truth, validation.scores[labelled, k])))
    return chosen


def max_f1(truth: np.ndarray, score: np.ndarray) -> float:
    """Threshold t for which calling score >= t has the largest F1; of several, the lowest.

    Parameters
    ----------
    truth : (n_images,)
        0 or 1, at least one 1.
    score : (n_images,)
        Higher = more likely.
    """
    # From counts, one division each: equal F1 are then equal floats, and the lowest threshold wins a tie.
    candidates, inverse = np.unique(score, return_inverse=True)
    called = np.bincount(inverse)[::-1].cumsum()[::-1]
    true_positive = np.bincount(inverse, weights=truth)[::-1].cumsum()[::-1]
    return float(candidates[np.argmax(2 * true_positive / (called + np.sum(truth)))])
