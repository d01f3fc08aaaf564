"""Cells of numbers: an arm's metric, a difference, a number with its interval, a p-value.

In: rows of the results, fractions, or numbers with a unit of their own (epochs, calibration slopes, Brier scores). Out:
`Cell`s. The footnote of a number that does not exist says why.
"""

from __future__ import annotations

from collections.abc import Iterable

from medkt_eval.results.schema import Comparison, Estimate
from medkt_reports.language import numbers, units, words
from medkt_reports.prose.undefined import reason
from medkt_reports.tables.model import Cell, Mark

_NOT_MADE = "the results hold no such interval of this metric"


def decimals_in_unit(half_widths: Iterable[float | None], *, unit: float = units.POINTS) -> int:
    """Decimals of numbers that are read together, as `numbers.decimals_for`.

    Examples
    --------
    >>> decimals_in_unit([0.012]), decimals_in_unit([0.012], unit=units.OWN_UNIT)
    (1, 3)
    """
    return numbers.decimals_for(None if width is None else width * unit for width in half_widths)


def interval_cell(
    value: float | None,
    low: float | None,
    high: float | None,
    decimals: int,
    *,
    because: str | None,
    footnote: str = "",
    unit: float = units.POINTS,
    signed: bool = False,
) -> Cell:
    """A number with its interval.

    Parameters
    ----------
    value, low, high : float or None
    decimals : int
        From `decimals_in_unit`.
    because : str or None
        Why the number or its interval does not exist.
    footnote : str
        How it was made.
    unit : float
        `POINTS`: print a fraction in percent or points. `OWN_UNIT`: print the number as it is.
    signed : bool
        Print + before numbers above 0, as for differences.

    Examples
    --------
    >>> interval_cell(0.037, 0.021, 0.053, 1, because=None, signed=True).text
    '+3.7'
    >>> cell = interval_cell(1.08, 0.91, 1.25, 2, because=None, unit=units.OWN_UNIT)
    >>> cell.text, cell.uncertainty
    ('1.08', '(0.91 to 1.25)')
    """
    if value is None:
        return Cell(numbers.ABSENT, footnote=because or words.NO_REASON)
    text = (numbers.difference if signed else numbers.percent)(value * unit, decimals)
    if low is None or high is None:
        return Cell(text, footnote=f"{footnote} No interval: {because or words.NO_REASON}.".strip(), value=value)
    uncertainty = f"({numbers.interval(low * unit, high * unit, decimals)})"
    return Cell(text, uncertainty, footnote=footnote, value=value, low=low, high=high)


def p_cell(p: float | None, level: float, because: str | None) -> Cell:
    """A p-value, or why there is none."""
    return Cell(numbers.p_value(p, level), value=p, footnote=(because or words.NO_REASON) if p is None else "")


def estimate_cell(
    estimate: Estimate | None, decimals: int, *, symmetric: bool, footnote: str, mark: Mark | None = None
) -> Cell:
    """An arm's metric with its interval: `± h` if every interval of the table is symmetric, else `(low to high)`."""
    if estimate is None or estimate.value is None:
        because = _NOT_MADE if estimate is None else estimate.undefined_because
        return Cell(numbers.ABSENT, footnote=because or words.NO_REASON)
    low, high, unit = estimate.low, estimate.high, units.unit_of(estimate.metric)
    if low is None or high is None:
        uncertainty = ""
        footnote = f"{footnote} No interval: {estimate.undefined_because or words.NO_REASON}."
    elif symmetric:
        uncertainty = numbers.plus_minus(low * unit, high * unit, decimals)
    else:
        uncertainty = f"({numbers.interval(low * unit, high * unit, decimals)})"
    return Cell(
        numbers.percent(estimate.value * unit, decimals),
        uncertainty,
        mark,
        footnote=footnote,
        value=estimate.value,
        low=low,
        high=high,
    )


def notes_on_absent(cells: Iterable[Cell], interval: str) -> list[str]:
    """Where the reason of a missing value stands; of an interval that a metric never has, the reason itself."""
    reasons = {cell.footnote for cell in cells if cell.text == numbers.ABSENT}
    notes = []
    if _NOT_MADE in reasons:
        alone = " DeLong's interval is of AUC alone." if "delong" in interval else ""
        notes.append(f"{numbers.ABSENT}: the results hold no interval {interval} of that metric.{alone}")
    if reasons - {_NOT_MADE}:
        why = "no such value; the report says why under “What was undefined and why”"
        notes.append(f"{numbers.ABSENT}{', elsewhere' if notes else ''}: {why}.")
    return notes


def difference_cell(row: Comparison, decimals: int) -> Cell:
    """A difference with its interval, in points or on the metric's own scale."""
    unit = units.unit_of(row.metric)
    uncertainty = "" if row.low is None else f"({units.interval(row.metric, row.low, row.high, decimals)})"
    return Cell(
        numbers.difference(None if row.difference is None else row.difference * unit, decimals),
        uncertainty,
        footnote=_reason_if(row.low is None, row),
        value=row.difference,
        low=row.low,
        high=row.high,
    )


def raw_p_cell(row: Comparison) -> Cell:
    """The p-value of a comparison before adjustment."""
    return p_cell(row.p_value, row.level, reason(row))


def adjusted_p_cell(row: Comparison) -> Cell:
    """The p-value of a comparison adjusted for its family, or why it is not adjusted."""
    if row.adjustment is None:
        return Cell("not adjusted", footnote="named as primary" if row.primary else "outside any family")
    text = numbers.p_value(row.p_adjusted, row.level)
    return Cell(text, value=row.p_adjusted, footnote=_reason_if(row.p_value is None, row))


def _reason_if(absent: bool, row: Comparison) -> str:
    return reason(row) if absent else ""


def is_symmetric(estimates: list[Estimate]) -> bool:
    """Whether every interval is symmetric around its value, so that `± h` describes it."""
    return all(
        e.value is None or e.low is None or e.high is None or abs(e.high + e.low - 2 * e.value) < 1e-9
        for e in estimates
    )
