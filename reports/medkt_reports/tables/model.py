"""The table model: what a table says, before a renderer decides how it looks.

In: cells of plain Unicode text; renderers escape it. Out: a `Table`, which every renderer reads: page/html.py,
renderers/latex.py and renderers/plain.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from medkt_reports.language import numbers, words

DAGGER = "†"

Mark = Literal["best", "second"]


@dataclass(frozen=True)
class Cell:
    """One cell: what is printed, what it means, and the number behind it."""

    text: str
    uncertainty: str = ""
    mark: Mark | None = None
    dagger: bool = False
    """Whether a dagger follows: the arm is not significantly different from the best of its row (Tables IV and V)."""
    footnote: str = ""
    """How the number was made, or why there is none."""
    latex: str | None = None
    """LaTeX to print instead of the text. It comes from `label_latex`, whose commands are checked."""
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
    """One row. Rows of a group follow each other under the group's name."""

    stub: Cell
    cells: tuple[Cell, ...]
    group: str = ""
    synthetic: str = ""
    """Print name of the row's data set if that is synthetic, else empty."""


@dataclass(frozen=True)
class Table:
    """A table, whose first column is the stub.

    Raises
    ------
    ValueError
        If a head row or a row has more or fewer columns than the first head row.
    """

    name: str
    title: str
    caption: str
    head: tuple[tuple[Span, ...], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check that every head row and every row is as wide as the first head row."""
        for k, head_row in enumerate(self.head, start=1):
            width = sum(span.width for span in head_row)
            if width != self.n_columns:
                raise ValueError(
                    f"table {self.name!r}, head row {k}: {width} columns; expected {self.n_columns} as in head row 1"
                )
        for k, row in enumerate(self.rows, start=1):
            width = 1 + len(row.cells)
            if width != self.n_columns:
                raise ValueError(
                    f"table {self.name!r}, row {k} ({row.stub.text!r}): {width} cells with the stub, but the head has "
                    f"{self.n_columns} columns; declare each column as a pair of heading and cell (tables/columns.py)"
                )

    @property
    def synthetic(self) -> list[str]:
        """Print names of the synthetic data sets in it."""
        return list(dict.fromkeys(row.synthetic for row in self.rows if row.synthetic))

    @property
    def n_columns(self) -> int:
        """Columns, the stub included."""
        return sum(span.width for span in self.head[0])

    def column_names(self) -> list[str]:
        """One name for each column: its headings from top to bottom; for the stub, the first one only."""
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

    def footnotes(self) -> dict[str, int]:
        """The footnotes of its cells, each text once, numbered from 1 in the order of the cells."""
        texts = dict.fromkeys(cell.footnote for row in self.rows for cell in (row.stub, *row.cells) if cell.footnote)
        return {text: k for k, text in enumerate(texts, start=1)}


def with_synthetic_mark(table: Table) -> Table:
    """Add SYNTHETIC to the caption and notes of a table that holds synthetic data; any other stays as it is."""
    if not table.synthetic:
        return table
    mark = words.synthetic(table.synthetic)
    note = f"{mark}: these images were drawn; numbers on them do not describe real patients."
    return replace(table, caption=f"{table.caption} {mark}.", notes=(*table.notes, note))


def text_cell(text: str, *, latex: str | None = None) -> Cell:
    """A cell of words."""
    return Cell(text, latex=latex, value=text)


def count_cell(n: int | None, because: str = "not recorded") -> Cell:
    """A cell with a count."""
    return Cell(numbers.count(n), value=n, footnote=because if n is None else "")
