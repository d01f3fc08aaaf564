"""The table model: what a table says, before anything decides how it looks.

Built once from the results (paper_tables.py, label_tables.py, comparison_table.py) and rendered by functions from a
`Table` to text (html.py, latex.py, plain.py). All text in it is plain Unicode; a renderer escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from medkt_eval.results.schema import Comparison, Estimate
from medkt_reports.language import numbers, words

DAGGER = "†"

Mark = Literal["best", "second"]


@dataclass(frozen=True)
class Cell:
    """One cell: what is printed, what it means, and the number behind it."""

    text: str
    uncertainty: str = ""
    mark: Mark | None = None
    undistinguished: bool = False
    """Not told apart from the best of its row."""
    how: str = ""
    """How the number was made, or why there is none."""
    latex: str | None = None
    """LaTeX to print in place of the text; from the study file's `label_latex` alone."""
    value: float | int | str | None = None
    """The number behind the text, unrounded."""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Span:
    """A heading over one or more columns."""

    text: str
    width: int = 1


@dataclass(frozen=True)
class Row:
    """One row; rows of the same group follow each other under the group's name."""

    stub: Cell
    cells: tuple[Cell, ...]
    group: str = ""
    synthetic: str = ""
    """Print name of the synthetic data set that the row is of; empty where its images are real."""


@dataclass(frozen=True)
class Table:
    """A table. The stub is the first column, so every head row's first span stands over it."""

    name: str
    title: str
    caption: str
    head: tuple[tuple[Span, ...], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def synthetic(self) -> list[str]:
        """Print names of the synthetic data sets in it."""
        return list(dict.fromkeys(row.synthetic for row in self.rows if row.synthetic))

    @property
    def n_columns(self) -> int:
        """Columns, the stub included."""
        return sum(span.width for span in self.head[0])

    def column_names(self) -> list[str]:
        """One name a column: its headings from top to bottom; of the stub's, the first alone."""
        names: list[list[str]] = [[] for _ in range(self.n_columns)]
        for row in self.head:
            k = 0
            for span in row:
                for _ in range(span.width):
                    if span.text:
                        names[k].append(span.text)
                    k += 1
        return [*names[0][:1], *(" / ".join(parts) for parts in names[1:])]

    def grouped(self) -> list[tuple[str, list[Row]]]:
        """Rows by group, in order."""
        groups: list[tuple[str, list[Row]]] = []
        for row in self.rows:
            if not groups or groups[-1][0] != row.group:
                groups.append((row.group, []))
            groups[-1][1].append(row)
        return groups

    def hows(self) -> dict[str, int]:
        """Footnotes: how its numbers were made, each text once, numbered from 1 in the order of the cells."""
        texts = dict.fromkeys(cell.how for row in self.rows for cell in (row.stub, *row.cells) if cell.how)
        return {text: k for k, text in enumerate(texts, start=1)}


def marked(table: Table) -> Table:
    """The table with SYNTHETIC in its caption and notes where it holds synthetic data, else as it is."""
    if not table.synthetic:
        return table
    mark = words.synthetic(table.synthetic)
    note = f"{mark}: drawn images of no patient; their numbers say nothing of real patients."
    return replace(table, caption=f"{table.caption} {mark}.", notes=(*table.notes, note))


def text_cell(text: str, *, latex: str | None = None) -> Cell:
    """A cell of words."""
    return Cell(text, latex=latex, value=text)


def count_cell(n: int | None, because: str = "not recorded") -> Cell:
    """A cell with a count."""
    return Cell(numbers.count(n), value=n, how=because if n is None else "")


def estimate_cell(
    estimate: Estimate | None, decimals: int, *, symmetric: bool, how: str, mark: Mark | None = None
) -> Cell:
    """An arm's metric with its interval: `± h` where every interval of the table is symmetric, else `(low to high)`."""
    if estimate is None or estimate.value is None:
        reason = "no such value in the results" if estimate is None else estimate.undefined_because
        return Cell(numbers.ABSENT, how=reason or "the results give no reason")
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        uncertainty = ""
        how = f"{how} No interval: {estimate.undefined_because or 'the results give no reason'}."
    elif symmetric:
        uncertainty = numbers.plus_minus(low, high, decimals)
    else:
        uncertainty = f"({numbers.interval(low, high, decimals)})"
    return Cell(
        numbers.percent(estimate.value, decimals), uncertainty, mark, how=how, value=estimate.value, low=low, high=high
    )


def difference_cells(row: Comparison, decimals: int) -> tuple[Cell, Cell, Cell]:
    """Difference with its interval, raw p, adjusted p; the reason where they do not exist."""
    because = row.undefined_because or "the results give no reason"
    uncertainty = "" if row.low is None else f"({numbers.interval(row.low, row.high, decimals)})"
    difference = Cell(
        numbers.difference(row.difference, decimals),
        uncertainty,
        how="" if row.low is not None else because,
        value=row.difference,
        low=row.low,
        high=row.high,
    )
    raw = Cell(
        numbers.p_value(row.p_value, row.level), value=row.p_value, how="" if row.p_value is not None else because
    )
    if row.adjustment is None:
        return difference, raw, Cell("not adjusted", how="named as primary" if row.primary else "outside any family")
    adjusted = numbers.p_value(row.p_adjusted, row.level)
    return difference, raw, Cell(adjusted, value=row.p_adjusted, how="" if row.p_value is not None else because)


def is_symmetric(estimates: list[Estimate]) -> bool:
    """Whether every interval lies evenly around its value, so that `± h` says all of it."""
    return all(
        e.value is None or e.low is None or e.high is None or abs(e.high + e.low - 2 * e.value) < 1e-9
        for e in estimates
    )
