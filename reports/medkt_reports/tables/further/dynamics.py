"""Does attention transfer delay overfitting and steady training? Peak, loss after it and roughness, arm by arm.

In: the training dynamics of results.json. Out: a `Table` of arms and their
differences, with two columns for each measure: its mean and its p-value.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.results.recorded import Dynamics
from medkt_reports.language import numbers, words
from medkt_reports.language.units import OWN_UNIT, POINTS
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.prose import conditions
from medkt_reports.tables import cells as interval_cells
from medkt_reports.tables.cells import interval_cell, p_cell
from medkt_reports.tables.model import Cell, Row, Span, Table, text_cell, with_synthetic_mark

_HEADS = {
    "peak_epoch": "Epoch of the peak",
    "loss_after_peak": "Loss after the peak, points",
    "roughness": "Roughness, points",
}
_UNITS = {"peak_epoch": OWN_UNIT, "loss_after_peak": POINTS, "roughness": POINTS}


def dynamics_table(lookup: Lookup) -> Table | None:
    """Peak, loss after it and roughness of every arm and difference; None if there are none."""
    by_set: dict[tuple[TrainingSet, str, str], list[Dynamics]] = {}
    for row in lookup.result.dynamics:
        by_set.setdefault((TrainingSet(row.dataset, row.train_size), row.metric, row.label), []).append(row)
    rows = []
    for (t, metric, label), measures in by_set.items():
        heading = f"{t.text}: validation {words.metric(metric, label)}"
        rows += _rows(lookup, [row for row in measures if row.arm_b is None], heading)
        rows += _rows(lookup, [row for row in measures if row.arm_b is not None], f"{heading}, differences")
    if not rows:
        return None
    tests = dict.fromkeys(row.test for row in lookup.result.dynamics if row.arm_b is not None)
    tested = f" Differences: {words.listed([words.test(test, 'seeds') for test in tests])} over seeds." if tests else ""
    level = numbers.level(lookup.result.settings.level)
    shared = conditions.of_report(lookup).validation in ("fixed", "fixed in each arm")
    validation = "The validation images are held fixed." if shared else "On each run's own validation images."
    table = Table(
        name="dynamics",
        title="Training dynamics",
        caption="Training dynamics on the validation images: mean over seeds, or left arm minus right arm, with "
        f"{level} interval.",
        head=(
            (Span("Arm, or difference of arms"), *(Span(head, 2) for head in _HEADS.values())),
            (Span(""), *(Span(text) for _ in _HEADS for text in ("Mean", "p"))),
        ),
        rows=tuple(rows),
        notes=(
            "Peak: the epoch with the best validation metric; at the last epoch it says that nothing was lost yet, and "
            "longer training might move it. Loss after it: the metric there less that of the last epoch. Roughness: "
            "the standard deviation of an epoch's value about the line through its neighbours.",
            f"Intervals of an arm: Student's t over seeds.{tested} {validation} Not adjusted: exploratory.",
        ),
    )
    return with_synthetic_mark(table)


def _rows(lookup: Lookup, measures: Sequence[Dynamics], heading: str) -> list[Row]:
    """A row for each arm or difference."""
    decimals = {
        measure: interval_cells.decimals_in_unit(
            (numbers.half_width(row.low, row.high) for row in measures if row.measure == measure), unit=unit
        )
        for measure, unit in _UNITS.items()
    }
    arms = list(lookup.arms)
    pairs = sorted(
        {(row.arm_a, row.arm_b) for row in measures},
        key=lambda pair: ((pair[1] or pair[0]) not in lookup.baselines, arms.index(pair[0]), pair[1] or ""),
    )
    rows = []
    for pair in pairs:
        by_measure = {row.measure: row for row in measures if (row.arm_a, row.arm_b) == pair}
        cells = [cell for measure in _HEADS for cell in _cells(by_measure.get(measure), decimals[measure])]
        arm_a, arm_b = pair
        name = lookup.names[arm_a] if arm_b is None else lookup.contrast_name((arm_a, arm_b))
        rows.append(Row(text_cell(name), tuple(cells), group=heading, synthetic=lookup.synthetic(measures[0].dataset)))
    return rows


def _cells(row: Dynamics | None, decimals: int) -> tuple[Cell, Cell]:
    """A measure with its interval, and its p-value if it is a difference."""
    if row is None:
        absent = Cell(numbers.ABSENT, footnote="not measured")
        return absent, absent
    unit, because = _UNITS[row.measure], row.undefined_because
    value = interval_cell(
        row.value,
        row.low,
        row.high,
        decimals,
        because=because,
        footnote=_footnote(row),
        unit=unit,
        signed=row.arm_b is not None,
    )
    if row.arm_b is None:
        return value, Cell("", footnote="an arm by itself is not tested")
    return value, p_cell(row.p_value, row.level, because)


def _footnote(row: Dynamics) -> str:
    """Seed by seed, and how many seeds peaked in the last epoch."""
    shown = 1 if _UNITS[row.measure] == OWN_UNIT else 100
    sides = [", ".join(f"{shown * value:.4g}" for value in values) for values in (row.values_a, row.values_b or [])]
    known = " against ".join(side for side in sides if side)
    footnote = f"Seed by seed: {known}." if known else ""
    if row.measure == "peak_epoch" and row.last_epoch is not None:
        values = [*row.values_a, *(row.values_b or [])]
        footnote += f" {values.count(row.last_epoch)} of {len(values)} in the last epoch, {row.last_epoch:g}."
    return footnote
