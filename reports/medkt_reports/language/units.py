"""The unit of a metric: percent and points, or the scale of the score itself.

In: a metric's name, a value or a difference as in results.json. Out: text. A score that is read on its own scale, such
as a Brier score of 0.116, has its differences and intervals on that scale too, in every table and sentence.
"""

from __future__ import annotations

from medkt_eval.results.vocabulary import METRICS
from medkt_reports.language import numbers, words

_MOST_DECIMALS = 4
POINTS, OWN_UNIT = 1.0, 0.01  # numbers.py multiplies by 100; OWN_UNIT undoes that


def has_own_scale(metric: str) -> bool:
    """Whether a metric is printed on its own scale, not in percent: errors, calibration slopes and intercepts.

    Examples
    --------
    >>> has_own_scale("auc"), has_own_scale("brier"), has_own_scale("calibration_slope")
    (False, True, True)
    """
    known = METRICS.get(metric)
    return known is not None and (known.lower_is_better or not known.is_bounded)


def unit_of(metric: str) -> float:
    """The factor for the functions of numbers.py: `POINTS` or `OWN_UNIT`."""
    return OWN_UNIT if has_own_scale(metric) else POINTS


def difference(metric: str, value: float | None, decimals: int) -> str:
    """A difference with its sign and unit.

    Examples
    --------
    >>> difference("auc", 0.0374, 1), difference("brier", -0.0048, 4)
    ('+3.7 points', '−0.0048')
    """
    text = numbers.difference(None if value is None else value * unit_of(metric), decimals)
    return text if has_own_scale(metric) or value is None else f"{text} points"


def interval(metric: str, low: float | None, high: float | None, decimals: int) -> str:
    """Both ends of an interval, without the unit.

    Examples
    --------
    >>> interval("auc", 0.021, 0.053, 1), interval("brier", -0.0071, -0.0025, 4)
    ('2.1 to 5.3', '−0.0071 to −0.0025')
    """
    unit = unit_of(metric)
    return numbers.interval(None if low is None else low * unit, None if high is None else high * unit, decimals)


def decimals_of(metric: str, low: float | None, high: float | None) -> int:
    """Decimals of a difference that is read with this interval alone: an end that is not 0 does not print as 0.

    Examples
    --------
    >>> decimals_of("auc", 0.021, 0.053), decimals_of("auc", 0.0002, 0.121), decimals_of("brier", None, None)
    (1, 2, 3)
    """
    if low is None or high is None:
        return 3 if has_own_scale(metric) else 1
    unit = unit_of(metric)
    decimals = numbers.decimals_for([(high - low) / 2 * unit])
    ends = [abs(100 * end * unit) for end in (low, high) if end]
    while decimals < _MOST_DECIMALS and any(round(end, decimals) == 0 for end in ends):
        decimals += 1
    return decimals


def amount(metric: str, size: float) -> str:
    """A margin or a stated difference, without trailing zeros.

    Examples
    --------
    >>> amount("auc", 0.02), amount("brier", 0.005)
    ('2 points', '0.005')
    """
    return f"{size:g}" if has_own_scale(metric) else words.points(size)


def is_better(metric: str, difference: float) -> bool | None:
    """Whether a difference is in the better direction; None if the metric has none, such as a calibration slope.

    Examples
    --------
    >>> is_better("auc", 0.01), is_better("brier", 0.01), is_better("calibration_slope", 0.01)
    (True, False, None)
    """
    known = METRICS.get(metric)
    if known is not None and not known.lower_is_better and not known.is_bounded:
        return None
    return (difference > 0) != (known is not None and known.lower_is_better)
