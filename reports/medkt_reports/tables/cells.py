"""A number with its interval, and a p-value, as cells: in points, or in the number's own unit.

In: fractions, or numbers that are none (epochs, calibration slopes, Brier scores). Out: `Cell`s; a number that does not
exist says why.
"""

from __future__ import annotations

from collections.abc import Iterable

from medkt_reports.language import numbers
from medkt_reports.tables.model import Cell

NO_REASON = "the results give no reason"
POINTS, OWN_UNIT = 1.0, 0.01  # numbers.py prints hundredths: of the one as they are, of the other undone beforehand


def places(half_widths: Iterable[float | None], *, unit: float = POINTS) -> int:
    """Decimals of numbers that are read together, as `numbers.places`.

    Examples
    --------
    >>> places([0.012]), places([0.012], unit=OWN_UNIT)
    (1, 3)
    """
    return numbers.places(None if width is None else width * unit for width in half_widths)


def interval_cell(
    value: float | None,
    low: float | None,
    high: float | None,
    decimals: int,
    *,
    because: str | None,
    how: str = "",
    unit: float = POINTS,
    signed: bool = False,
) -> Cell:
    """A number with its interval.

    Parameters
    ----------
    value, low, high : float or None
    decimals : int
        As `places` says.
    because : str or None
        Why the number or its interval does not exist.
    how : str
        How it was made.
    unit : float
        `POINTS`: print a fraction in percent or points. `OWN_UNIT`: print the number as it is.
    signed : bool
        Print + before what is above 0, as of a difference.

    Examples
    --------
    >>> interval_cell(0.037, 0.021, 0.053, 1, because=None, signed=True).text
    '+3.7'
    >>> cell = interval_cell(1.08, 0.91, 1.25, 2, because=None, unit=OWN_UNIT)
    >>> cell.text, cell.uncertainty
    ('1.08', '(0.91 to 1.25)')
    """
    if value is None:
        return Cell(numbers.ABSENT, how=because or NO_REASON)
    text = (numbers.difference if signed else numbers.percent)(value * unit, decimals)
    if low is None or high is None:
        return Cell(text, how=f"{how} No interval: {because or NO_REASON}.".strip(), value=value)
    uncertainty = f"({numbers.interval(low * unit, high * unit, decimals)})"
    return Cell(text, uncertainty, how=how, value=value, low=low, high=high)


def p_cell(p: float | None, level: float, because: str | None) -> Cell:
    """A p-value, or why there is none."""
    return Cell(numbers.p_value(p, level), value=p, how=(because or NO_REASON) if p is None else "")
