"""Find collections in which a large part of the images are negatives of the others, or upside down.

In: standardised thumbnails of one view. Out: which images form the smaller group, and what was changed in them.
Neither group is the reference: the first principal component of what the change inverts parts the images by its sign.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ALIKE = 0.5  # median correlation with the mean image, once one group is changed back
BETTER = 0.3  # how much better the images must fit than with the change the other way round


@dataclass(frozen=True)
class Halves:
    """Two groups of images, of which one is changed.

    Parameters
    ----------
    kind : {"negative", "turned"}
    smaller : bool, (n_images,)
        The smaller group.
    likeness : float64, (n_images,)
        Correlation with the mean image, once the smaller group is changed back.
    """

    kind: str
    smaller: np.ndarray
    likeness: np.ndarray


_CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "negative": lambda images: -images,
    "turned": lambda images: images[:, ::-1, ::-1],
    "mirrored": lambda images: images[:, :, ::-1],  # left and right eyes: no fault
}


def halves(images: np.ndarray) -> Halves | None:
    """Part the images into two groups of which one is changed; None if no change makes all images alike.

    Parameters
    ----------
    images : float64, (n_images, S, S)
        Each of mean 0 and length 1.
    """
    parted = [found for kind, change in _CHANGES.items() if (found := _parted(kind, images, change)) is not None]
    best = max(parted, key=lambda found: float(np.median(found.likeness)), default=None)
    return None if best is None or best.kind == "mirrored" else best


def _parted(kind: str, images: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> Halves | None:
    inverted = ((images - change(images)) / 2).reshape(len(images), -1)  # the part whose sign the change inverts
    component = np.linalg.eigh(inverted.T @ inverted)[1][:, -1]
    changed = inverted @ component < 0
    smaller = changed if changed.mean() <= 0.5 else ~changed
    back = np.where(smaller[:, None, None], change(images), images)
    mean = np.median(back, axis=0)
    mean = mean - mean.mean()
    mean /= max(float(np.linalg.norm(mean)), 1e-9)
    likeness, other = (back * mean).sum(axis=(1, 2)), (change(back) * mean).sum(axis=(1, 2))
    if not smaller.any() or np.median(likeness) < ALIKE or np.median(likeness - other) < BETTER:
        return None
    return Halves(kind, smaller, likeness)
