"""Rows of validation predictions that are test predictions under other ids.

In: scores and targets of two sets of images. Out: whether one is a copy of the other, or of most of it.

Each distinct row (the scores and targets of one image) has a count in both sets. Counts of sets of different images are
about Poisson, and a Poisson variable has a given positive value with probability 1/e at most. So more than 90 % of
`FEWEST` or more distinct rows have equal counts with probability below 1e-5, however few values the scores take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pandas.util import hash_array

FEWEST, MOST = 15, 1000  # distinct rows that are compared
SHARE = 0.9


@dataclass(frozen=True)
class Rows:
    """The distinct rows of a set of images: hashes in ascending order, uint64, and how often each row occurs."""

    hashes: np.ndarray
    counts: np.ndarray

    @property
    def n_images(self) -> int:
        """Number of images."""
        return int(self.counts.sum())


def rows_of(column: Callable[[int], np.ndarray], targets: np.ndarray, n_labels: int) -> Rows:
    """The distinct rows of a set of images.

    Parameters
    ----------
    column : callable
        The scores of a label: float64, (n_images,).
    targets : uint64, (n_images,)
        See `hashed`.
    n_labels : int
    """
    return Rows(*np.unique(hashed(column, n_labels, targets), return_counts=True))


def hashed(column: Callable[[int], np.ndarray], n: int, start: np.ndarray | None = None) -> np.ndarray:
    """A hash of each row of `n` columns of float64, on top of the hashes `start`; all NaN are equal, and -0 is 0."""
    rows = np.zeros(len(column(0)), np.uint64) if start is None else start
    for k in range(n):
        values = column(k) + 0.0
        values[np.isnan(values)] = np.nan
        rows = rows * np.uint64(0x9E3779B97F4A7C15) + hash_array(values)
    return rows


def is_copy(one: Rows, other: Rows) -> bool:
    """Whether the smaller set is a part of the larger one, apart from a tenth of its rows."""
    small, large = sorted((one, other), key=lambda rows: rows.n_images)
    hashes, counts = small.hashes[:MOST], small.counts[:MOST]  # a random sample, since hashes are in order
    if hashes.size < FEWEST:
        return False
    place = np.minimum(np.searchsorted(large.hashes, hashes), large.hashes.size - 1)
    equal = (large.hashes[place] == hashes) & (large.counts[place] == counts)
    return bool(equal.mean() > SHARE)
