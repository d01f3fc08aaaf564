"""Choose patients so that they have an exact number of images in all.

In: the number of images of each patient in the queue, in the order in which patients were drawn. Out: the chosen
patients. They come from the head of the queue; only if that misses the number are the last of them exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Step:
    """`patients` patients of `size` images each, to be taken together or not at all."""

    size: int
    patients: int
    reachable: int
    """Sums that other patients can reach: bit k is set if k images can be reached."""

    @property
    def images(self) -> int:
        return self.size * self.patients


def take(sizes: np.ndarray, wanted: int) -> np.ndarray:
    """Choose patients with `wanted` images in all, or with the nearest number that can be reached.

    Parameters
    ----------
    sizes : int, (n_patients,)
        Images of each patient, in random order; patients at the head of the queue are taken first.
    wanted : int
        Number of images.

    Returns
    -------
    int64, (n_taken,)
        Positions in `sizes`, ascending. Of two equally near numbers, the smaller one is reached.

    Examples
    --------
    >>> take(np.array([3, 3, 2, 5, 1]), 7)
    array([0, 1, 4])
    >>> take(np.array([5, 5, 3]), 11)
    array([0, 1])
    """
    taken, left = _from_the_head(sizes, wanted)
    released = 0
    while left and released <= len(taken):
        kept, free = taken[: len(taken) - released], np.ones(len(sizes), dtype=bool)
        free[kept] = False
        pool = np.flatnonzero(free)
        need = wanted - int(sizes[kept].sum())
        steps, reachable = _reachable(sizes[pool], 2 * need)
        if reachable >> need & 1:
            return np.sort(np.concatenate([kept, pool[_met(sizes[pool], steps, need)]]))
        if released == len(taken):
            nearest = min((k for k in range(2 * need + 1) if reachable >> k & 1), key=lambda k: (abs(k - need), k))
            return np.sort(pool[_met(sizes[pool], steps, nearest)])
        released = min(max(1, 2 * released), len(taken))
    return taken


def _from_the_head(sizes: np.ndarray, wanted: int) -> tuple[np.ndarray, int]:
    """Patients from the head of the queue, except those with too many images; and how many images are missing."""
    taken, left = [], wanted
    for position, size in enumerate(sizes):
        if left == 0:
            break
        if size <= left:
            taken.append(position)
            left -= int(size)
    return np.array(taken, dtype=np.int64), left


def _reachable(sizes: np.ndarray, limit: int) -> tuple[list[_Step], int]:
    """Sums up to `limit` that some of the patients reach, as bits of an integer, and the steps to them.

    The bounded subset-sum problem: patients of equal size are packed in powers of two, and a sum is a bit.
    """
    mask, reachable, steps = (1 << (limit + 1)) - 1, 1, []
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        left, pack = int(count), 1
        while left:
            step = _Step(int(size), min(pack, left), reachable)
            steps.append(step)
            reachable |= (reachable << step.images) & mask
            left -= step.patients
            pack *= 2
    return steps, reachable


def _met(sizes: np.ndarray, steps: list[_Step], total: int) -> np.ndarray:
    """Positions of patients whose images sum to `total`, of each size those first in the queue."""
    counts: dict[int, int] = {}
    for step in reversed(steps):
        if not step.reachable >> total & 1:
            counts[step.size] = counts.get(step.size, 0) + step.patients
            total -= step.images
    chosen = [np.flatnonzero(sizes == size)[:count] for size, count in counts.items()]
    return np.concatenate([np.array([], dtype=np.int64), *chosen])
