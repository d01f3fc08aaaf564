"""Table III of the paper: for each student and teacher, the setting that did best on the validation images.

In: every setting of every grid. Out: a `Table` with a row for each student and
three columns for each teacher.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import stdev

from medkt_eval.results.recorded import Tuning
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.tables.model import Cell, Row, Span, Table, count_cell, text_cell, with_synthetic_mark

_EDGE = "‡"
_TEACHERS = list(words.TEACHERS)


def table_three(lookup: Lookup) -> Table | None:
    """The chosen settings, how many were tried, and the validation metric; None if no grid was searched."""
    tried = lookup.result.tuning
    if not tried:
        return None
    teachers = sorted({row.teacher for row in tried}, key=_teacher_order)
    sets = list(dict.fromkeys(TrainingSet(row.dataset, row.train_size) for row in tried))
    datasets = list(lookup.datasets)
    sets.sort(key=lambda t: (datasets.index(t.dataset) if t.dataset in datasets else len(datasets), t.size or 0))
    rows = [row for t in sets for row in _rows(lookup, t, [r for r in tried if _of(r) == t], teachers)]
    heads = [f"Teacher {words.teacher(teacher)}" if teacher else "No teacher" for teacher in teachers]
    metrics = words.listed(list(dict.fromkeys(words.metric(row.metric, row.label) for row in tried)))
    notes = [
        "Tried: settings of the grid. The validation value of the chosen one is the best of several, so it is too "
        "high; no test image was used."
    ]
    if any(cell.text.endswith(_EDGE) for row in rows for cell in row.cells):
        notes.append(f"{_EDGE} The smallest or largest value tried: a better one may lie outside the grid.")
    table = Table(
        name="table3",
        title="Settings chosen on the validation images",
        caption=f"Settings chosen on the validation images by {metrics}, in %, mean over the seeds of the grid.",
        head=(
            (Span("Student"), *(Span(head, 3) for head in heads)),
            (Span(""), *(Span(text) for _ in heads for text in ("Chosen", "Tried", "Validation, %"))),
        ),
        rows=tuple(rows),
        notes=tuple(notes),
    )
    return with_synthetic_mark(table)


def _of(row: Tuning) -> TrainingSet:
    return TrainingSet(row.dataset, row.train_size)


def _teacher_order(teacher: str | None) -> tuple[int, str]:
    if teacher is None:
        return -1, ""
    return (_TEACHERS.index(teacher) if teacher in _TEACHERS else len(_TEACHERS)), teacher


def _rows(lookup: Lookup, t: TrainingSet, tried: Sequence[Tuning], teachers: Sequence[str | None]) -> list[Row]:
    """Rows of one training set: one for each student and method, and more if a teacher has several grids."""
    methods = {row.method for row in tried}
    stubs: dict[str, dict[str | None, dict[str, list[Tuning]]]] = {}
    for row in tried:
        parts = [
            words.network(row.student),
            "" if row.unfrozen in ("all", None) else words.unfrozen(row.unfrozen),
            words.method(row.method).lower() if len(methods) > 1 else "",
        ]
        stub = ", ".join(filter(None, parts))
        stubs.setdefault(stub, {}).setdefault(row.teacher, {}).setdefault(row.grid, []).append(row)
    rows = []
    for stub, by_teacher in stubs.items():
        grids = {teacher: list(by_grid.values()) for teacher, by_grid in by_teacher.items()}
        for k in range(max(map(len, grids.values()))):
            cells: list[Cell] = []
            for teacher in teachers:
                of_teacher = grids.get(teacher, [])
                cells += (
                    _cells(of_teacher[k]) if k < len(of_teacher) else [Cell("", footnote="no grid was searched")] * 3
                )
            rows.append(Row(text_cell(stub), tuple(cells), group=t.text, synthetic=lookup.synthetic(t.dataset)))
    return rows


def _cells(grid: Sequence[Tuning]) -> list[Cell]:
    """The chosen setting, the number tried, and its validation value, of one grid."""
    footnote = f"Validation {words.metric(grid[0].metric, grid[0].label)}: " + "; ".join(
        f"{_settings(row)}: {numbers.percent(row.value, 2)}" for row in grid
    )
    chosen = next((row for row in grid if row.chosen), None)
    if chosen is None:
        absent = Cell(numbers.ABSENT, footnote=f"No setting was chosen. {footnote}")
        return [absent, count_cell(len(grid)), absent]
    decimals = numbers.decimals_for(stdev(row.values) if len(row.values) > 1 else None for row in grid)
    printed = _settings(chosen)
    return [
        Cell(f"{printed}{_EDGE}" if _is_at_an_edge(chosen, grid) else printed, footnote=footnote, value=printed),
        count_cell(len(grid)),
        Cell(numbers.percent(chosen.value, decimals), footnote=footnote, value=chosen.value),
    ]


def _settings(row: Tuning) -> str:
    return ", ".join(words.setting(key, value) for key, value in row.varied.items()) or row.arm


def _is_at_an_edge(chosen: Tuning, grid: Sequence[Tuning]) -> bool:
    """Whether a number that was varied has its smallest or largest value of three or more."""
    for key, value in chosen.varied.items():
        values = {row.varied.get(key) for row in grid}
        tried = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(values) == len(tried) > 2 and value in (min(tried), max(tried)):
            return True
    return False
