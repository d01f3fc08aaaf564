"""Scores that rounding has put just outside [0, 1], or whose sum over classes is not quite 1.

In: scores as a file has them. Out: probabilities, with a `Repair` for each kind of change, or a fault that names the
image that is furthest off. float32 sums to 1.0000002, bfloat16 is off by up to 0.4 %, and two decimals sum to 0.99.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from medkt_eval.predictions.values.faults import Faults
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
    if outside[row] > OUTSIDE + ROUNDING:
        return scores, [Repair("scale", f"{name} ranges from {scores.min():.4g} to {scores.max():.4g}{_scale(scores)}")]
    if outside[row] <= 0 or np.ptp(scores) < SPREAD:
        return scores, []
    return np.clip(scores, 0, 1), [_clipped(scores[row], name, image_of(row))]


@dataclass(frozen=True)
class RowsOfClasses:
    """What is checked of each image's scores of classes; images with a score that is not finite pass.

    Parameters
    ----------
    outside : float64, (n_images,)
        How far the score that is furthest outside [0, 1] is outside; 0 or less: none is.
    worst : int64, (n_images,)
        The class of that score.
    score : float64, (n_images,)
        That score.
    sums : float64, (n_images,)
        Sums of the clipped scores.
    """

    outside: np.ndarray
    worst: np.ndarray
    score: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray) -> RowsOfClasses:
        """Of scores, float64, (n_images, n_classes)."""
        finite, rows = np.isfinite(scores).all(axis=1), np.arange(len(scores))
        outside = np.maximum(scores - 1, -scores)
        outside[~finite] = 0
        worst = outside.argmax(axis=1)
        sums = np.where(finite, np.clip(scores, 0, 1).sum(axis=1), 1)
        return cls(outside[rows, worst], worst, scores[rows, worst], sums)

    @classmethod
    def joined(cls, parts: Sequence[RowsOfClasses], order: np.ndarray | None) -> RowsOfClasses:
        """Of all parts of a file, in the order of image ids."""
        whole = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("outside", "worst", "score", "sums")
        )
        return cls(*(values if order is None else values[order] for values in whole))


def check_probabilities(
    rows: RowsOfClasses, names: Sequence[str], image_of: ImageOf, faults: Faults
) -> tuple[np.ndarray, list[Repair]]:
    """Check scores of classes; if a score or a sum is off by more than rounding explains, the largest is a fault.

    Parameters
    ----------
    rows : RowsOfClasses
    names : sequence of str
        The columns.
    image_of : callable
    faults : Faults

    Returns
    -------
    float64, (n_images,), and list of Repair
        What the clipped scores of an image must be divided by: 1 if their sum is within `SUM_AS_IT_IS` of 1.
    """
    row = int(np.argmax(rows.outside))
    named = f"{names[rows.worst[row]]} is {rows.score[row]:.9g}"
    if rows.outside[row] > OUTSIDE + ROUNDING:
        n = int((rows.outside > OUTSIDE + ROUNDING).sum())
        faults.add(
            f"image {image_of(row)!r}: {named}; expected a probability, from 0 to 1 ({n} of {len(rows.sums)} images "
            "have a score outside): write probabilities, the softmax of logits, or percentages divided by 100"
        )
        return np.ones(len(rows.sums)), []
    repairs = [Repair("clipped", f"{named} for image {image_of(row)!r}")] if rows.outside[row] > 0 else []
    error = np.abs(rows.sums - 1)
    row = int(np.argmax(error))
    if error[row] > largest_error_of_sum(len(names)) + ROUNDING:
        faults.add(
            f"image {image_of(row)!r}: the scores of the classes sum to {rows.sums[row]:.4g}; "
            "expected probabilities that sum to 1"
        )
    off = error > SUM_AS_IT_IS
    if off.any():
        repairs.append(Repair("renormalised", f"{rows.sums[row]:.6g} for image {image_of(row)!r}"))
    return np.where(off, rows.sums, 1.0), repairs


def _scale(scores: np.ndarray) -> str:
    """What scores outside [0, 1] may be."""
    if scores.min() < -OUTSIDE:
        return ": logits?"
    return ": percentages?" if 1.5 < scores.max() <= 100 + OUTSIDE else ""


def _clipped(score: float, name: str, image: str) -> Repair:
    return Repair("clipped", f"{name} is {score:.9g} for image {image!r}")
