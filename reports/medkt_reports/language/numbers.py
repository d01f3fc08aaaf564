"""Numbers as text: percent, points, p-values, parameters, counts. Decimals are decided here only.

In: fractions (0-1), p-values, counts. Out: text. Decimals follow the uncertainty, so a value and its interval always
agree: "76.6 ± 0.03" cannot be printed. A value that does not exist is printed as `ABSENT`, and a footnote says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

from medkt_reports.significance import alpha

ABSENT = "n/a"
MINUS = "−"
_DECIMALS_IF_UNKNOWN, _MOST_DECIMALS = 1, 4


def decimals_for(half_widths: Iterable[float | None]) -> int:
    """Decimals of numbers in percent that are read together, from the half widths of their intervals.

    The median half width shows two significant digits, the smallest at least one; at most 4 decimals, and 1 if no
    uncertainty is known.

    Parameters
    ----------
    half_widths : iterable of float or None
        As fractions; None and 0 are left out.

    Examples
    --------
    >>> [decimals_for([width]) for width in (0.0018, 0.0118, 0.118, 0.0003, None)]
    [2, 1, 0, 3, 1]
    """
    known = [100 * abs(width) for width in half_widths if width]
    if not known:
        return _DECIMALS_IF_UNKNOWN
    needed = max(_digits(median(known), 2), _digits(min(known), 1))
    return min(max(needed, 0), _MOST_DECIMALS)


def _digits(width: float, significant: int) -> int:
    return significant - 1 - math.floor(math.log10(width))


def half_width(low: float | None, high: float | None) -> float | None:
    """Half the length of an interval; None if it does not exist."""
    return None if low is None or high is None else (high - low) / 2


def percent(value: float | None, decimals: int) -> str:
    """A fraction in percent, without the percent sign.

    Examples
    --------
    >>> percent(0.766, 1), percent(None, 1)
    ('76.6', 'n/a')
    """
    return ABSENT if value is None else _fixed(100 * value, decimals)


def difference(value: float | None, decimals: int) -> str:
    """A difference of fractions in points, with its sign.

    Examples
    --------
    >>> difference(0.0374, 1), difference(-0.012, 1), difference(-0.0001, 1)
    ('+3.7', '−1.2', '0.0')
    """
    if value is None:
        return ABSENT
    text = _fixed(100 * value, decimals)
    return f"+{text}" if value > 0 and float(text) != 0 else text


def interval(low: float | None, high: float | None, decimals: int) -> str:
    """Both ends of an interval of fractions, in percent or points.

    Examples
    --------
    >>> interval(-0.012, 0.053, 1)
    '−1.2 to 5.3'
    """
    if low is None or high is None:
        return ABSENT
    return f"{_fixed(100 * low, decimals)} to {_fixed(100 * high, decimals)}"


def plus_minus(low: float, high: float, decimals: int) -> str:
    """A symmetric interval's half width.

    Examples
    --------
    >>> plus_minus(0.7268, 0.7304, 2)
    '± 0.18'
    """
    return f"± {_fixed(50 * (high - low), decimals)}"


def p_value(p: float | None, level: float = 0.95) -> str:
    """A p-value to three decimals, or to four if three would hide on which side of alpha it lies.

    Examples
    --------
    >>> p_value(0.0341), p_value(0.00004), p_value(0.04967), p_value(1.0), p_value(None)
    ('0.034', '< 0.001', '0.0497', '> 0.999', 'n/a')
    """
    if p is None:
        return ABSENT
    if p < 0.001:
        return "< 0.001"
    if p > 0.999:
        return "> 0.999"
    limit = alpha(level)
    for text in (f"{p:.3f}", f"{p:.4f}"):
        if (float(text) < limit) == (p < limit):
            return text
    printed = f"{limit:.3f}" if round(limit, 3) == limit else f"{limit:g}"
    return f"{'<' if p < limit else '≥'} {printed}"


def p_phrase(p: float | None, level: float = 0.95) -> str:
    """A p-value for a sentence.

    Examples
    --------
    >>> p_phrase(0.0341), p_phrase(0.00004)
    ('p = 0.034', 'p < 0.001')
    """
    text = p_value(p, level)
    return f"p {text}" if text[0] in "<>≥" else f"p = {text}"


def parameters(n: int | None) -> str:
    """A number of parameters, as the paper prints them.

    Examples
    --------
    >>> parameters(6_968_206), parameters(1_364_142), parameters(14_350)
    ('7.0m', '1.4m', '14k')
    """
    if n is None:
        return ABSENT
    return f"{n / 1e6:.1f}m" if n >= 100_000 else f"{n / 1e3:.0f}k" if n >= 1_000 else str(n)


def count(n: int | None) -> str:
    """A count with commas between thousands.

    Examples
    --------
    >>> count(22274), count(None)
    ('22,274', 'n/a')
    """
    return ABSENT if n is None else f"{n:,}"


def seeds(n: int) -> str:
    """A number of seeds.

    Examples
    --------
    >>> seeds(1), seeds(3)
    ('1 seed', '3 seeds')
    """
    return f"{n} seed{'' if n == 1 else 's'}"


def level(fraction: float) -> str:
    """A confidence level.

    Examples
    --------
    >>> level(0.95), level(0.975)
    ('95 %', '97.5 %')
    """
    return f"{100 * fraction:.6g} %"


def degrees_of_freedom(df: float | None) -> str:
    """Format degrees of freedom with one decimal, integers without.

    Examples
    --------
    >>> degrees_of_freedom(2.0), degrees_of_freedom(3.4123)
    ('2', '3.4')
    """
    if df is None:
        return ABSENT
    return f"{df:.0f}" if df == round(df) or df >= 100 else f"{df:.1f}"


def threshold(value: float | None) -> str:
    """A decision threshold to three significant digits.

    Examples
    --------
    >>> threshold(0.03127)
    '0.0313'
    """
    return ABSENT if value is None else f"{value:.3g}".replace("-", MINUS)


def _fixed(number: float, decimals: int) -> str:
    text = f"{number:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)
