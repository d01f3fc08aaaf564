"""AUC of the teachers themselves on the task that they teach.

In: the teachers' rows of results.json. Out: a `Table` with a row for each label and a
column for each teacher.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.results.recorded import TeacherAuc
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup
from medkt_reports.tables.model import Cell, Row, Span, Table, text_cell, with_synthetic_mark


def teachers_on_target_table(lookup: Lookup) -> Table | None:
    """AUC of each teacher on the labels that it shares with the target; None if no run recorded it."""
    rows_of_teachers = lookup.result.teachers
    if not rows_of_teachers:
        return None
    teachers = list(dict.fromkeys((row.teacher, row.sha256) for row in rows_of_teachers))
    by_place = {(row.dataset, row.label, row.teacher, row.sha256): row for row in rows_of_teachers}
    rows = [
        Row(
            text_cell(label),
            tuple(_cell(by_place.get((dataset, label, *teacher))) for teacher in teachers),
            group=f"{words.dataset(dataset)}, test images",
            synthetic=lookup.synthetic(dataset),
        )
        for dataset, label in dict.fromkeys((row.dataset, row.label) for row in rows_of_teachers)
    ]
    notes = (
        "A teacher answers only for labels that it shares with the target. A low AUC says that its answers are of "
        "little use there, not that its attention is. An AUC below 50 % is worse than chance.",
        *_without_any(rows_of_teachers),
    )
    table = Table(
        "teachers-on-target",
        "Teachers on the target",
        "The teachers' own AUC on their students' test images, %.",
        ((Span("Label"), *(Span(f"Teacher {name}") for name, _ in teachers)),),
        tuple(rows),
        notes=notes,
    )
    return with_synthetic_mark(table)


def _without_any(aucs: Sequence[TeacherAuc]) -> list[str]:
    """A line for each teacher that has no AUC on a data set, with the reasons."""
    of: dict[tuple[str, str, str | None], list[TeacherAuc]] = {}
    for row in aucs:
        of.setdefault((row.dataset, row.teacher, row.sha256), []).append(row)
    return [
        f"Teacher {teacher} has no AUC on {words.dataset(dataset)}: {'; '.join(reasons)}."
        for (dataset, teacher, _), rows in of.items()
        if all(row.auc is None for row in rows)
        and (reasons := list(dict.fromkeys(row.undefined_because or words.NO_REASON for row in rows)))
    ]


def _cell(row: TeacherAuc | None) -> Cell:
    if row is None or row.auc is None:
        return Cell(numbers.ABSENT, footnote=(row.undefined_because if row else None) or words.NO_REASON)
    return Cell(numbers.percent(row.auc, 1), value=row.auc)
