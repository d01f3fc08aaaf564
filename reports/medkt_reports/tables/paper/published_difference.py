"""What a difference between two published numbers can support, from the half widths that were printed.

In: two published numbers of the study file. Out: their difference with its interval, by both readings of a half width.
Published numbers have no test; `significance.py` has the rules for our own comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scipy import stats

from medkt_eval.results.recorded import Reference

LEVEL = 0.95  # of published intervals
NORMAL_QUANTILE = float(stats.norm.ppf((1 + LEVEL) / 2))
# Answers to: does the interval of the difference exclude 0 over seeds?
BOTH = "by both readings"
NORMAL_ONLY = "only by the normal quantile"
NORMAL_KNOWN = "by the normal quantile; t is not known"
INCLUDES = "no, includes 0"
NOTHING = "not known, no interval"


@dataclass(frozen=True)
class PublishedDifference:
    """What two independent published means and their half widths imply."""

    difference: float
    half_width: float | None
    """As published: the root of the sum of their squares."""
    half_width_student: float | None
    """With Student's t in place of the normal quantile."""
    df: float | None
    decimals: int
    """Published decimals of percent. An end that rounds to 0 at these decimals counts as 0."""
    no_student_because: str = ""

    @property
    def excludes_0(self) -> str:
        """Whether its interval excludes 0 over seeds, and by which reading."""
        if self.half_width is None:
            return NOTHING
        if not self._is_beyond(self.half_width):
            return INCLUDES
        if self.half_width_student is None:
            return NORMAL_KNOWN
        return BOTH if self._is_beyond(self.half_width_student) else NORMAL_ONLY

    def ends(self, half_width: float | None) -> tuple[float | None, float | None]:
        """The interval of this half width around the difference; None if there is none."""
        return (None, None) if half_width is None else (self.difference - half_width, self.difference + half_width)

    def _is_beyond(self, half_width: float) -> bool:
        return round(100 * (abs(self.difference) - half_width), self.decimals) > 0


def published_difference(a: Reference, b: Reference) -> PublishedDifference:
    """Compute published number a minus b.

    A half width h is taken as 1.96 s/√k over k seeds. The standard error of the difference is then √(h_a² + h_b²)/1.96,
    and Student's t has Welch's degrees of freedom.

    Examples
    --------
    >>> given = dict(source="S", dataset="d", method="m", student="s", n_seeds=3)
    >>> found = published_difference(Reference(**given, value=0.80, half_width=0.006),
    ...                              Reference(**given, value=0.79, half_width=0.006))
    >>> round(found.half_width, 4), round(found.half_width_student, 4), round(found.df, 4), found.excludes_0
    (0.0085, 0.012, 4.0, 'only by the normal quantile')
    """
    difference, decimals = a.value - b.value, published_decimals([a, b])
    if a.half_width is None or b.half_width is None:
        return PublishedDifference(difference, None, None, None, decimals, "no half width was published")
    half_width = (a.half_width**2 + b.half_width**2) ** 0.5
    if a.n_seeds is None or b.n_seeds is None:
        return PublishedDifference(difference, half_width, None, None, decimals, "the number of seeds is not given")
    if min(a.n_seeds, b.n_seeds) < 2:
        return PublishedDifference(
            difference, half_width, None, None, decimals, "one seed has no variation to estimate"
        )
    if half_width == 0:
        return PublishedDifference(difference, half_width, None, None, decimals, "both published half widths are 0")
    shares = a.half_width**4 / (a.n_seeds - 1) + b.half_width**4 / (b.n_seeds - 1)
    df = half_width**4 / shares
    student = half_width / NORMAL_QUANTILE * float(stats.t.ppf((1 + LEVEL) / 2, df))
    return PublishedDifference(difference, half_width, student, df, decimals)


def published_decimals(published: Iterable[Reference]) -> int:
    """Decimals of percent that published numbers have: 1 to 4.

    Examples
    --------
    >>> given = dict(source="S", dataset="d", method="m", student="s")
    >>> published_decimals([Reference(**given, value=0.766, half_width=0.0003)])
    2
    """
    known = [x for number in published for x in (number.value, number.half_width) if x is not None]
    return max([1, *(len(f"{100 * x:.4f}".rstrip("0").partition(".")[2]) for x in known)])
