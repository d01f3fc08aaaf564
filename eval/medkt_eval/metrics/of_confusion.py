"""Metrics of several classes at once: accuracy, balanced accuracy and quadratic-weighted kappa.

In: images of each true and called class, row by row, as `sums.confusion` sums them: float64, (n_classes ** 2, ...).
Out: the metric, float64, (...), NaN where it does not exist.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.metrics.sums import share


def accuracy(table: np.ndarray) -> np.ndarray:
    """Share of the images whose class was called."""
    return share(np.einsum("kk...->...", _square(table)), table.sum(axis=0))


def balanced_accuracy(table: np.ndarray) -> np.ndarray:
    """Mean over classes of the share of their images that were called so."""
    return np.mean([share(row[k], row.sum(axis=0)) for k, row in enumerate(_square(table))], axis=0)


def kappa_quadratic(table: np.ndarray) -> np.ndarray:
    """Kappa of ordered classes, disagreements weighted by the squared distance. Cohen 1968, Psychol. Bull. 70:213."""
    matrix, images = _square(table), table.sum(axis=0)
    n_classes = len(matrix)
    weight = (np.arange(n_classes)[:, None] - np.arange(n_classes)) ** 2.0
    chance = matrix.sum(axis=1)[:, None] * matrix.sum(axis=0)[None] / np.where(images > 0, images, np.nan)
    expected = np.einsum("jk,jk...->...", weight, chance)
    return 1 - share(np.einsum("jk,jk...->...", weight, matrix), expected)


def _square(table: np.ndarray) -> np.ndarray:
    """The same as (n_classes, n_classes, ...): true class, called class."""
    n_classes = round(len(table) ** 0.5)
    return table.reshape(n_classes, n_classes, *table.shape[1:])
