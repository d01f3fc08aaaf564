"""A table as Markdown and as CSV.

In: a `Table`. Out: text. Markdown prints the same as the other renderers; CSV holds the unrounded numbers, with both
ends of each interval in separate columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from medkt_reports.language.spreadsheets import guarded
from medkt_reports.tables.model import DAGGER, Cell, Table

_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>#|~$&"})


def markdown(table: Table) -> str:
    """A GitHub-flavoured Markdown table, its caption above and its notes below."""
    names = [name.replace(" / ", ", ") for name in table.column_names()]
    lines = [_escaped(table.caption), "", _line(map(_escaped, names)), _line([":--", *["--:"] * (len(names) - 1)])]
    for group, rows in table.grouped():
        if group:
            lines.append(_line([f"**{_escaped(group)}**", *[""] * (len(names) - 1)]))
        lines += [_line([_cell(row.stub), *map(_cell, row.cells)]) for row in rows]
    return "\n".join([*lines, *(f"\n{_escaped(note)}" for note in table.notes)]) + "\n"


def comma_separated(table: Table) -> str:
    """CSV, a header row first; columns with intervals are followed by `... low` and `... high`. Absent = empty.

    Texts that a spreadsheet would compute are guarded. The last column says whether the row's data set is synthetic.
    """
    names = table.column_names()
    body = [(row.group, row.stub, *row.cells) for row in table.rows]
    with_interval = [any(cells[k].low is not None for _, *cells in body) for k in range(len(names))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header = ["Group"]
    for name, interval in zip(names, with_interval, strict=True):
        header += [name, f"{name} low", f"{name} high"] if interval else [name]
    writer.writerow([*map(guarded, header), "synthetic"])
    for row, (group, *cells) in zip(table.rows, body, strict=True):
        values: list[float | int | str | None] = [group]
        for cell, interval in zip(cells, with_interval, strict=True):
            values += [cell.value, cell.low, cell.high] if interval else [cell.value]
        writer.writerow([*map(guarded, values), "true" if row.synthetic else "false"])
    return out.getvalue()


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = _escaped(" ".join(part for part in (cell.text, cell.uncertainty) if part))
    if cell.mark == "best":
        text = f"**{text}**"
    if cell.mark == "second":
        text = f"<u>{text}</u>"
    return text + (DAGGER if cell.dagger else "")


def _escaped(text: str) -> str:
    return " ".join(text.split()).translate(_MARKDOWN)
