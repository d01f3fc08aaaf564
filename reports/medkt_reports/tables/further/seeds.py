"""Every run: its result on the test images, its validation AUC, and whether it may have failed or is outlying.

In: the seed checks of results.json. Out: a `Table`, one row for each run.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.results.recorded import SeedCheck
from medkt_reports.language import numbers, units, words
from medkt_reports.lookup import Lookup
from medkt_reports.tables.cells import interval_cell
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Table, text_cell, with_synthetic_mark


def seeds_table(lookup: Lookup) -> Table | None:
    """The runs of every arm and their flags; None if the results hold no check."""
    checks = {check.run_id: check for check in lookup.result.seed_checks}
    rows = [
        (training_set, checks[run_id])
        for training_set in lookup.training_sets()
        for arm in lookup.arms_of(training_set)
        for run_id in arm.run_ids
        if run_id in checks
    ]
    if not rows:
        return None
    first = rows[0][1]
    columns = _columns(lookup, first)
    table = Table(
        name="seeds",
        title="Seed by seed",
        caption="Every run. Flagged runs are kept in all results.",
        head=head_of(columns),
        rows=tuple(
            row_of(columns, check, group=training_set.text, synthetic=lookup.synthetic(check.dataset))
            for training_set, check in rows
        ),
        notes=(
            f"May have failed: training diverged, or the {numbers.level(first.level)} interval of the validation AUC "
            "(macro, over patients) does not lie above 50 %. A few validation patients cannot show that a run learnt.",
            "Outlying: more than 5 median absolute deviations from the median of the arm's seeds; not said of fewer "
            "than four seeds, nor where that deviation is 0. It is a reason to look, no test: of arms with four seeds "
            "that vary normally, 18 % have one.",
        ),
    )
    return with_synthetic_mark(table)


def _columns(lookup: Lookup, first: SeedCheck) -> Sequence[Column[SeedCheck]]:
    unit = "" if units.has_own_scale(first.metric) else ", %"
    return (
        Column("Arm", lambda check: text_cell(lookup.names[check.arm])),
        Column("Seed", lambda check: text_cell(str(check.seed))),
        Column(f"Test {words.metric(first.metric, first.label)}{unit}", _value_cell),
        Column("Deviations from the median", _deviations_cell),
        Column("Validation AUC, %", _validation_cell),
        Column("Flag", lambda check: text_cell(lookup.flags.get(check.run_id, ""))),
    )


def _value_cell(check: SeedCheck) -> Cell:
    decimals = units.decimals_of(check.metric, None, None)
    value = None if check.value is None else check.value * units.unit_of(check.metric)
    return Cell(numbers.percent(value, decimals), value=check.value)


def _deviations_cell(check: SeedCheck) -> Cell:
    if check.deviations is None:
        because = "fewer than four seeds, or a median absolute deviation of 0"
        return Cell(numbers.ABSENT, footnote=because)
    return Cell(f"{check.deviations:.1f}", value=check.deviations)


def _validation_cell(check: SeedCheck) -> Cell:
    because = check.undefined_because or words.NO_REASON
    return interval_cell(
        check.validation_auc, check.low, check.high, 1, because=because, footnote=check.diverged_because or ""
    )
