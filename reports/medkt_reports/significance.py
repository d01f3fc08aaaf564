"""Whether a comparison shows a difference: the rules that every table, figure and sentence uses.

In: rows of results.json. Out: yes or no.

There are two rules:

`p_shows`
    The p-value is below alpha: the adjusted one where the row belongs to a family, else the raw one. The daggers of
    Tables IV and V, filled marks of forest plots, tests of all arms and changes with training-set size use this rule.
`interval_shows`
    The interval excludes 0, and the adjusted p-value, if there is one, is below alpha. The sentences of the answer and
    of gaps between subgroups use this rule, because they print the interval. The course of training is not
    adjusted, so its sentences only use `excludes_zero`.

The rules differ where the interval of a row and its p-value come from different methods, or where there is no p-value:
an interval that excludes 0 then shows a difference only by the second rule.

Tests against a margin (`margin_test_shows`) and mean ranks (`ranks_within_critical_difference`) have their own rules.
The published numbers of the study file have no test; `tables/paper/published_difference.py` reads their
intervals as printed.
"""

from __future__ import annotations

from medkt_eval.results.recorded import SizeEffect
from medkt_eval.results.schema import Comparison, Gap, Omnibus

AdjustedRow = Comparison | Gap | SizeEffect
"""A row whose p-value may be adjusted for the other rows of its family."""


def alpha(level: float) -> float:
    """The p-value below which a difference is shown, from the level of its interval.

    Examples
    --------
    >>> alpha(0.95), alpha(0.9)
    (0.05, 0.1)
    """
    return round(1 - level, 12)


def is_below_alpha(p: float | None, level: float) -> bool:
    """Whether a p-value exists and is below alpha.

    Examples
    --------
    >>> is_below_alpha(0.049, 0.95), is_below_alpha(0.05, 0.95), is_below_alpha(None, 0.95)
    (True, False, False)
    """
    return p is not None and p < alpha(level)


def excludes_zero(low: float | None, high: float | None) -> bool:
    """Whether an interval exists and lies on one side of 0; an end at 0 includes it.

    Examples
    --------
    >>> excludes_zero(0.01, 0.03), excludes_zero(-0.01, 0.03), excludes_zero(0.0, 0.03), excludes_zero(None, None)
    (True, False, False, False)
    """
    return low is not None and high is not None and not low <= 0 <= high


def decisive_p(row: AdjustedRow) -> float | None:
    """The adjusted p-value where the row was adjusted, else the raw one."""
    return row.p_adjusted if row.adjustment else row.p_value


def p_shows(row: AdjustedRow) -> bool:
    """Whether the p-value of a row shows a difference: see the rules above."""
    return is_below_alpha(decisive_p(row), row.level)


def interval_shows(row: Comparison | Gap) -> bool:
    """Whether the interval of a row shows a difference that adjustment does not take back: see the rules above."""
    return excludes_zero(row.low, row.high) and not is_lost_by_adjustment(row)


def is_lost_by_adjustment(row: Comparison | Gap) -> bool:
    """Whether the interval excludes 0 while the p-value that is adjusted for the family shows nothing."""
    if not excludes_zero(row.low, row.high) or not row.adjustment or row.p_adjusted is None:
        return False
    return not is_below_alpha(row.p_adjusted, row.level)


def margin_alpha(row: Comparison) -> float:
    """The p-value below which a test against a margin counts: its interval has the level 1 - 2 alpha.

    Schuirmann 1987: two one-sided tests at alpha.
    """
    return round((1 - row.level) / 2, 12)


def margin_test_shows(row: Comparison) -> bool:
    """Whether a test against a margin shows what it asks: equivalence, or non-inferiority."""
    p = decisive_p(row)
    return p is not None and p < margin_alpha(row)


def ranks_within_critical_difference(row: Omnibus, rank: float, other: float) -> bool:
    """Whether Nemenyi's test does not show two arms to differ in mean rank; False where there is no such test.

    Demšar 2006, J. Mach. Learn. Res. 7:1.
    """
    return row.critical_difference is not None and abs(rank - other) <= row.critical_difference
