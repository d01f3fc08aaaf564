"""Metrics of calls: F1, accuracy and operating points of one label at its threshold.

In: images, positives, calls and hits (positives that were called), as `sums.calls` sums them: float64, (4, ...). Out:
the metric, float64, (...), NaN where it does not exist. The other axes hold patients that are left out, or replicates.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.metrics.sums import share


def f1(counts: np.ndarray) -> np.ndarray:
    """2 hits / (positives + calls)."""
    _, positives, called, hits = counts
    return np.where(positives > 0, share(2 * hits, positives + called), np.nan)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of the images that were called rightly."""
    images, positives, called, hits = counts
    return share(images - positives - called + 2 * hits, images)


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean of sensitivity and specificity."""
    return (sensitivity(counts) + specificity(counts)) / 2


def sensitivity(counts: np.ndarray) -> np.ndarray:
    """Share of the positives that were called."""
    _, positives, _, hits = counts
    return share(hits, positives)


def specificity(counts: np.ndarray) -> np.ndarray:
    """Share of the negatives that were not called."""
    images, positives, called, hits = counts
    return share(images - positives - called + hits, images - positives)


def ppv(counts: np.ndarray) -> np.ndarray:
    """Positive predictive value: share of the calls that are positive."""
    _, _, called, hits = counts
    return share(hits, called)


def npv(counts: np.ndarray) -> np.ndarray:
    """Negative predictive value: share of the images not called that are negative."""
    images, positives, called, hits = counts
    return share(images - positives - called + hits, images - called)
