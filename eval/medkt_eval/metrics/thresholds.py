"""Thresholds of multi-label findings, chosen on validation predictions and never on the test set.

In: validation targets and scores. Out: one threshold for each label; other rooms apply it as score >= threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medkt_eval.predictions.files.parquet_columns import AnyPredictions

NO_VALIDATION = "no validation predictions to choose a threshold on"


@dataclass(frozen=True)
class ChosenThreshold:
    """A label's threshold, or the reason why there is none."""

    label: str
    rule: str
    value: float | None
    undefined_because: str | None = None


def check_rule(rule: str) -> str:
    """Return the rule if it is a threshold rule.

    Raises
    ------
    ValueError
        If it is not; the message lists the rules.
    """
    name, _, number = rule.partition("=")
    if rule in ("max_f1", "youden"):
        return rule
    if name in ("sensitivity", "fixed"):
        try:
            if 0 <= float(number) <= 1:
                return rule
        except ValueError:
            pass
    raise ValueError(f"{rule!r} is not a threshold rule; expected max_f1, youden, sensitivity=0.9 or fixed=0.5")


def choose(validation: AnyPredictions | None, labels: tuple[str, ...], rule: str = "max_f1") -> list[ChosenThreshold]:
    """Choose each label's threshold on the validation images.

    Parameters
    ----------
    validation : Predictions, PredictionFile or None
        None: no label has a threshold, unless the rule is fixed.
    labels : tuple of str
        Findings, in order.
    rule : str
        "max_f1": largest F1; "youden": largest sensitivity + specificity. Of several such thresholds the lowest is
        chosen. "sensitivity=0.9": the highest with at least that sensitivity. "fixed=0.5": 0.5 for every label.
    """
    name, _, number = rule.partition("=")
    chosen = []
    for k, label in enumerate(labels):
        if name == "fixed":
            chosen.append(ChosenThreshold(label, rule, float(number)))
            continue
        if validation is None:
            chosen.append(ChosenThreshold(label, rule, None, NO_VALIDATION))
            continue
        target = validation.target(k)
        labelled = ~np.isnan(target)
        truth, score = target[labelled], validation.score(k)[labelled]
        missing = "positive" if truth.sum() == 0 else "negative"
        if truth.sum() == 0 or (name == "youden" and truth.all()):
            because = f"no {missing} image among {truth.size} validation images to choose a threshold on"
            chosen.append(ChosenThreshold(label, rule, None, because))
        elif name == "max_f1":
            chosen.append(ChosenThreshold(label, rule, max_f1(truth, score)))
        elif name == "youden":
            chosen.append(ChosenThreshold(label, rule, youden(truth, score)))
        else:
            chosen.append(ChosenThreshold(label, rule, at_sensitivity(truth, score, float(number))))
    return chosen


def on_scale(threshold: ChosenThreshold, scores: np.ndarray) -> ChosenThreshold:
    """The threshold; a fixed one of scores that are no probabilities has no value.

    Parameters
    ----------
    threshold : ChosenThreshold
    scores : float64, (n_images,)
        Test scores of the label.
    """
    low, high = scores.min(), scores.max()
    if not threshold.rule.startswith("fixed") or (low >= 0 and high <= 1):
        return threshold
    because = f"{threshold.rule} is of probabilities, and the scores range from {low:.4g} to {high:.4g}"
    return ChosenThreshold(threshold.label, threshold.rule, None, because)


def max_f1(truth: np.ndarray, score: np.ndarray) -> float:
    """Threshold t for which calling score >= t has the largest F1; of several, the lowest one.

    Parameters
    ----------
    truth : (n_images,)
        0 or 1, at least one 1.
    score : (n_images,)
        Higher = more likely.

    Examples
    --------
    >>> max_f1(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.35
    """
    # From counts, one division each: equal F1 are then equal floats, and the lowest threshold wins a tie.
    candidates, called, hits = _at_each_threshold(truth, score)
    return float(candidates[np.argmax(2 * hits / (called + np.sum(truth)))])


def youden(truth: np.ndarray, score: np.ndarray) -> float:
    """Threshold with the largest sensitivity + specificity; of several, the lowest. Youden 1950, Cancer 3:32.

    Parameters
    ----------
    truth : (n_images,)
        0 or 1, at least one of each.
    score : (n_images,)
        Higher = more likely.
    """
    candidates, called, hits = _at_each_threshold(truth, score)
    positives = np.sum(truth)
    negatives = len(truth) - positives
    return float(candidates[np.argmax(hits * negatives - (called - hits) * positives)])


def at_sensitivity(truth: np.ndarray, score: np.ndarray, sensitivity: float) -> float:
    """Highest threshold whose sensitivity is at least the given one.

    Parameters
    ----------
    truth : (n_images,)
        0 or 1, at least one 1.
    score : (n_images,)
        Higher = more likely.
    sensitivity : float
        In [0, 1].
    """
    candidates, _, hits = _at_each_threshold(truth, score)
    return float(candidates[hits / np.sum(truth) >= sensitivity].max())  # a product could round past an integer


def _at_each_threshold(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds in ascending order, images called at each (score >= threshold), and positives among them."""
    candidates, inverse = np.unique(score, return_inverse=True)
    called = np.bincount(inverse)[::-1].cumsum()[::-1]
    return candidates, called, np.bincount(inverse, weights=truth)[::-1].cumsum()[::-1]
