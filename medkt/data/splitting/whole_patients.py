"""Choose patients whose numbers of images sum to an exact total.

In: the number of images of each patient in the queue, in random order. Out: the chosen patients. They come from the
head of the queue. If they miss the total, the last of them are exchanged for others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Step:
    """A pack of `patients` patients with `size` images each. They are taken together or not at all."""

    size: int
    patients: int
    reachable: int
    """Sums that the patients of earlier steps can reach: bit k is set if they can reach k images."""

    @property
    def images(self) -> int:
        return self.size * self.patients


def take(sizes: np.ndarray, total: int) -> np.ndarray:
    """Choose patients with `total` images, or with the nearest number that they can reach.

    Parameters
    ----------
    sizes : int, (n_patients,)
        Number of images of each patient, in random order. Patients at the head of the queue are taken first.
    total : int
        Number of images to reach.

    Returns
    -------
    int64, (n_taken,)
        Positions in `sizes`, ascending. If two numbers are equally near, the smaller one is reached.

    Examples
    --------
    >>> take(np.array([3, 3, 2, 5, 1]), 7)
    array([0, 1, 4])
    >>> take(np.array([5, 5, 3]), 11)
    array([0, 1])
    """
    taken, missing = _from_the_head(sizes, total)
    released = 0
    while missing and released <= len(taken):
        kept, free = taken[: len(taken) - released], np.ones(len(sizes), dtype=bool)
        free[kept] = False
        pool = np.flatnonzero(free)
        need = total - int(sizes[kept].sum())
        steps, reachable = _reachable(sizes[pool], 2 * need)
        if reachable >> need & 1:
            return np.sort(np.concatenate([kept, pool[_patients_of(sizes[pool], steps, need)]]))
        if released == len(taken):
            nearest = min((k for k in range(2 * need + 1) if reachable >> k & 1), key=lambda k: (abs(k - need), k))
            return np.sort(pool[_patients_of(sizes[pool], steps, nearest)])
        released = min(max(1, 2 * released), len(taken))
    return taken


def _from_the_head(sizes: np.ndarray, total: int) -> tuple[np.ndarray, int]:
    """Take patients from the head of the queue, except those with too many images. Also return the images missing."""
    taken, missing = [], total
    for position, size in enumerate(sizes):
        if missing == 0:
            break
        if size <= missing:
            taken.append(position)
            missing -= int(size)
    return np.array(taken, dtype=np.int64), missing


def _reachable(sizes: np.ndarray, limit: int) -> tuple[list[_Step], int]:
    """Find the sums up to `limit` that some of the patients reach, as bits of an integer, and the steps to them.

    This is the bounded subset-sum problem. Patients of equal size are packed in powers of two, and a bit is a sum.
    """
    mask, reachable, steps = (1 << (limit + 1)) - 1, 1, []
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        remaining, pack = int(count), 1
        while remaining:
            step = _Step(int(size), min(pack, remaining), reachable)
            steps.append(step)
            reachable |= (reachable << step.images) & mask
            remaining -= step.patients
            pack *= 2
    return steps, reachable


def _patients_of(sizes: np.ndarray, steps: list[_Step], total: int) -> np.ndarray:
    """Find patients whose images sum to `total`. Among patients of one size, the first in the queue are taken."""
    counts: dict[int, int] = {}
    for step in reversed(steps):
        if not step.reachable >> total & 1:
            counts[step.size] = counts.get(step.size, 0) + step.patients
            total -= step.images
    chosen = [np.flatnonzero(sizes == size)[:count] for size, count in counts.items()]
    return np.concatenate([np.array([], dtype=np.int64), *chosen])
