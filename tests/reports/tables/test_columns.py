"""A table's rows are as wide as its head, and the error names a row that is not."""

from __future__ import annotations

import pytest

from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Row, Span, Table, text_cell

COLUMNS = (Column("Arm", text_cell), Column("Letters", lambda arm: text_cell(str(len(arm)))))


def table(head, rows):
    return Table("arms", "Arms", "Arms.", head, tuple(rows))


def test_a_column_brings_its_heading_and_its_cells():
    made = table(head_of(COLUMNS), [row_of(COLUMNS, "TL", group="g", synthetic="Phantom chest")])
    assert made.column_names() == ["Arm", "Letters"]
    row = made.rows[0]
    assert (row.stub.text, [cell.text for cell in row.cells]) == ("TL", ["2"])
    assert (row.group, row.synthetic) == ("g", "Phantom chest")


@pytest.mark.parametrize("n_cells", [0, 2])
def test_a_row_of_another_width_than_the_head_is_named(n_cells):
    rows = [row_of(COLUMNS, "TL"), Row(text_cell("AT"), (text_cell("x"),) * n_cells)]
    message = rf"table 'arms', row 2 \('AT'\): {n_cells + 1} cells with the stub, but the head has 2 columns"
    with pytest.raises(ValueError, match=message):
        table(head_of(COLUMNS), rows)


def test_head_rows_of_several_widths_are_named():
    with pytest.raises(ValueError, match="table 'arms', head row 2: 3 columns; expected 2 as in head row 1"):
        table((*head_of(COLUMNS), (Span(""), Span("wide", 2))), [])
