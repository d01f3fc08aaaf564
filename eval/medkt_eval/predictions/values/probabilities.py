"""Scores that rounding has put just outside [0, 1], or whose sum over classes is not quite 1.

In: scores as a file has them. Out: probabilities, with a `Repair` for each kind of change, or an error that names the
image that is furthest off. float32 sums to 1.0000002, bfloat16 is off by up to 0.4 %, and two decimals sum to 0.99.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.predictions.values.repairs import Repair

OUTSIDE = 1e-3  # how far outside [0, 1] a score is clipped
SPREAD = 0.1  # the least range of a finding's scores: beside a smaller one, `OUTSIDE` is no rounding
SUM_AS_IT_IS = 1e-3  # how far from 1 a sum is left alone
ROUNDING = 1e-9  # 1 - 0.99 is a little more than 0.01
ImageOf = Callable[[int], str]  # id of the image in a row


def largest_error_of_sum(n_classes: int) -> float:
    """How far from 1 a sum over classes is still divided out: 0.005 a class, at least 0.01."""
    return max(0.01, 0.005 * n_classes)


def clip_finding(scores: np.ndarray, name: str, image_of: ImageOf) -> tuple[np.ndarray, list[Repair]]:
    """Clip the scores of a finding to [0, 1] if all lie within `OUTSIDE` of it; others are no probabilities, and stay.

    Scores within `SPREAD` of each other stay, too: they may be scores of any kind, whose order clipping would change.

    Parameters
    ----------
    scores : float64, (n_images,)
        Finite.
    name : str
        The column.
    image_of : callable

    Returns
    -------
    float64, (n_images,), and list of Repair
    """
    outside = np.maximum(scores - 1, -scores)
    row = int(np.argmax(outside))
    if not 0 < outside[row] <= OUTSIDE + ROUNDING or np.ptp(scores) < SPREAD:
        return scores, []
    return np.clip(scores, 0, 1), [_clipped(scores[row], name, image_of(row))]


def check_probabilities(
    scores: np.ndarray, names: Sequence[str], image_of: ImageOf, *, source: str
) -> tuple[np.ndarray, list[Repair]]:
    """Check scores of classes.

    Parameters
    ----------
    scores : float64, (n_images, n_classes)
    names : sequence of str
        The columns.
    image_of : callable
    source : str
        Name of the file, for messages.

    Returns
    -------
    float64, (n_images,), and list of Repair
        What the clipped scores of an image must be divided by: 1 if their sum is within `SUM_AS_IT_IS` of 1.

    Raises
    ------
    InputError
        If a score is not finite, or a score or a sum is off by more than rounding explains; of those the largest.
    """
    if not np.isfinite(scores).all():
        row, k = map(int, np.argwhere(~np.isfinite(scores))[0])
        raise InputError(f"{source}: image {image_of(row)!r}: {names[k]} is {scores[row, k]}; expected a finite number")
    outside = np.maximum(scores - 1, -scores)
    row, k = (int(place) for place in np.unravel_index(np.argmax(outside), scores.shape))
    if outside[row, k] > OUTSIDE + ROUNDING:
        raise InputError(
            f"{source}: image {image_of(row)!r}: {names[k]} is {scores[row, k]:.9g}; "
            "expected a probability, from 0 to 1"
        )
    repairs = [_clipped(scores[row, k], names[k], image_of(row))] if outside[row, k] > 0 else []
    sums = np.clip(scores, 0, 1).sum(axis=1)
    error = np.abs(sums - 1)
    row = int(np.argmax(error))
    if error[row] > largest_error_of_sum(len(names)) + ROUNDING:
        raise InputError(
            f"{source}: image {image_of(row)!r}: the scores of the classes sum to {sums[row]:.4g}; "
            "expected probabilities that sum to 1"
        )
    off = error > SUM_AS_IT_IS
    if off.any():
        repairs.append(Repair("renormalised", f"{sums[row]:.6g} for image {image_of(row)!r}"))
    return np.where(off, sums, 1.0), repairs


def _clipped(score: float, name: str, image: str) -> Repair:
    return Repair("clipped", f"{name} is {score:.9g} for image {image!r}")
