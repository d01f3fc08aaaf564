"""How alike runs of one seed are in two arms, and whether the next study should declare its seeds crossed.

In: the seed correlations of results.json. Out: a `Table`, one row for each comparison of an average or primary label.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.results.recorded import SeedCorrelation
from medkt_eval.results.vocabulary import AVERAGES
from medkt_reports.language import numbers, words
from medkt_reports.language.units import OWN_UNIT
from medkt_reports.lookup import Lookup
from medkt_reports.prose.seeds import FEW_SEEDS, crossed_advice, seed_correlation
from medkt_reports.tables.cells import interval_cell
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Table, text_cell, with_synthetic_mark


def seed_correlations_table(lookup: Lookup) -> Table | None:
    """Correlations on the main metrics; None if the results hold none."""
    compared = [
        row
        for row in lookup.comparisons
        if lookup.is_primary_analysis(row)
        and row.kind != "table"
        and (row.primary or (row.label in AVERAGES and not row.secondary))
    ]
    rows = [found for row in compared if (found := seed_correlation(lookup, row)) is not None]
    if not rows:
        return None
    columns = _columns(lookup)
    table = Table(
        name="seed-correlations",
        title="Runs of one seed in two arms",
        caption="Correlation of the test results of two arms over the seed numbers that both have, with "
        f"{numbers.level(rows[0].level)} interval (Fisher).",
        head=head_of(columns),
        rows=tuple(
            row_of(columns, row, group=lookup.training_set_of(row).text, synthetic=lookup.synthetic(row.dataset))
            for row in rows
        ),
        notes=tuple(dict.fromkeys(filter(None, (FEW_SEEDS, *(crossed_advice(lookup, row) for row in rows))))),
    )
    return with_synthetic_mark(table)


def _columns(lookup: Lookup) -> Sequence[Column[SeedCorrelation]]:
    return (
        Column("Arms", lambda row: text_cell(lookup.contrast_name((row.arm_a, row.arm_b)))),
        Column("Metric", lambda row: text_cell(words.capital(words.metric(row.metric, row.label)))),
        Column("Shared seeds", lambda row: text_cell(str(row.n_seeds))),
        Column("Correlation", _correlation_cell),
    )


def _correlation_cell(row: SeedCorrelation) -> Cell:
    return interval_cell(row.value, row.low, row.high, 2, because=row.undefined_because, unit=OWN_UNIT)
