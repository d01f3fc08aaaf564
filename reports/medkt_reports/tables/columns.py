"""Columns of a table as (heading, cell) pairs, so that no column can lack its heading.

In: `Column`s of one kind of row. Out: the head of a `Table`, and its `Row`s. The first column is the stub.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from medkt_reports.tables.model import Cell, Row, Span

R = TypeVar("R")


class Column(NamedTuple, Generic[R]):
    """A heading, and the function that makes its cell from what a row shows."""

    heading: str
    cell: Callable[[R], Cell]


def head_of(columns: Sequence[Column[R]]) -> tuple[tuple[Span, ...], ...]:
    """One head row over these columns."""
    return (tuple(Span(column.heading) for column in columns),)


def row_of(columns: Sequence[Column[R]], shown: R, *, group: str = "", synthetic: str = "") -> Row:
    """The row of one result.

    Examples
    --------
    >>> columns = [Column("Arm", lambda pair: Cell(pair[0])), Column("Seeds", lambda pair: Cell(str(pair[1])))]
    >>> row = row_of(columns, ("AT", 3))
    >>> row.stub.text, [cell.text for cell in row.cells]
    ('AT', ['3'])
    """
    stub, *cells = (column.cell(shown) for column in columns)
    return Row(stub, tuple(cells), group=group, synthetic=synthetic)
