"""Table VI of the paper: the architecture of the students, as recorded from the models.

In: the architectures that runs recorded. Out: a `Table` with a row for each stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from medkt_eval.results.recorded import Architecture, Stage
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Row, Table, count_cell, text_cell, with_synthetic_mark

_STUDENTS = list(words.NETWORKS)


class RecordedStage(NamedTuple):
    """A stage, and the run that recorded it."""

    stage: Stage
    run_id: str


def _columns() -> Sequence[Column[RecordedStage]]:
    return (
        Column("Stage", lambda of: text_cell(f"{of.stage.name} (tap)" if of.stage.tap else of.stage.name)),
        Column("Output", lambda of: text_cell(f"{of.stage.height or 1} × {of.stage.width or 1}")),
        Column("Filters", _filters_cell),
        Column("Channels", lambda of: count_cell(of.stage.channels)),
        Column("Parameters", lambda of: count_cell(of.stage.parameters)),
    )


def table_six(lookup: Lookup) -> Table | None:
    """Stages of every student's network; None if no run recorded them.

    Networks that differ only in their classifier are shown as one, with the number of parameters of each.
    """
    alike: dict[tuple[str, int, str], list[Architecture]] = {}
    for network in lookup.result.architectures:
        but_classifier = " ".join(stage.model_dump_json() for stage in network.stages[:-1])
        alike.setdefault((network.student, network.image_size_px, but_classifier), []).append(network)
    if not alike:
        return None
    groups = sorted(alike.values(), key=lambda group: (_rank(group[0].student), group[0].image_size_px))
    tapped = any(stage.tap for group in groups for stage in group[0].stages)
    table = Table(
        name="table6",
        title="Architecture of the students",
        caption="Architecture of the students, read off the trained networks.",
        head=head_of(_columns()),
        rows=tuple(row for group in groups for row in _rows(lookup, group)),
        notes=(
            "Output: height × width of the maps that a stage gives; 1 × 1 is a vector. A stage's parameters include "
            "those of its normalisation.",
            *(["Tap: the attention of student and teacher is compared in this stage."] if tapped else []),
        ),
    )
    return with_synthetic_mark(table)


def _rank(student: str) -> tuple[int, str]:
    return (_STUDENTS.index(student) if student in _STUDENTS else len(_STUDENTS)), student


def _rows(lookup: Lookup, alike: Sequence[Architecture]) -> list[Row]:
    shown = alike[0]
    by_outputs: dict[int, list[Architecture]] = {}
    for network in alike:
        by_outputs.setdefault(network.n_outputs, []).append(network)
    counts = "; ".join(
        f"{numbers.count(same[0].total_parameters)} parameters with {n} outputs "
        f"({words.listed(list(dict.fromkeys(words.dataset(network.dataset) for network in same)))})"
        for n, same in by_outputs.items()
    )
    group = f"{words.network(shown.student)}, {shown.image_size_px} px: {counts}"
    synthetic = next(filter(None, (lookup.synthetic(network.dataset) for network in alike)), "")
    columns = _columns()
    return [
        row_of(columns, RecordedStage(stage, shown.run_id), group=group, synthetic=synthetic) for stage in shown.stages
    ]


def _filters_cell(of: RecordedStage) -> Cell:
    text = _filters(of.stage)
    return Cell(text, value=text, footnote=f"Read off run {of.run_id}.")


def _filters(stage: Stage) -> str:
    """What a stage does.

    Examples
    --------
    >>> _filters(Stage(name="", operations=["1 × 1 convolution", "3 × 3 convolution"], repeats=6, channels=256,
    ...                height=64, width=64, parameters=1))
    '(1 × 1 convolution; 3 × 3 convolution) × 6'
    """
    steps = "; ".join(stage.operations)
    return steps if stage.repeats == 1 else f"({steps}) × {stage.repeats}"
