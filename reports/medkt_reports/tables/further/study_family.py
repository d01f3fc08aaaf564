"""The one family of the whole study: its members, adjusted p-values, and limits that hold for all of them at once.

In: the study family of results.json, which is there on request. Out: a `Table`.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.results.recorded import StudyFamilyMember
from medkt_reports.language import numbers, units, words
from medkt_reports.lookup import Lookup
from medkt_reports.prose.status import family_members
from medkt_reports.tables.cells import interval_cell, p_cell
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Table, text_cell, with_synthetic_mark


def study_family_table(lookup: Lookup) -> Table | None:
    """Every comparison of the one family of the study; None unless the study asks for one family."""
    members = lookup.result.study_family
    if not members:
        return None
    first = members[0]
    columns = _columns(lookup)
    table = Table(
        name="study-family",
        title="One family over the whole study",
        caption=f"{words.capital(family_members(lookup))}, {first.size} in one family. All limits hold at once with "
        f"{numbers.level(first.level)}.",
        head=head_of(columns),
        rows=tuple(
            row_of(columns, row, group=lookup.training_set_of(row).text, synthetic=lookup.synthetic(row.dataset))
            for row in members
        ),
        notes=(f"Adjusted by {words.STUDY_FAMILY[first.method]}.",),
    )
    return with_synthetic_mark(table)


def _columns(lookup: Lookup) -> Sequence[Column[StudyFamilyMember]]:
    return (
        Column("Difference of arms", lambda row: text_cell(lookup.contrast_name((row.arm_a, row.arm_b)))),
        Column("Metric", lambda row: text_cell(words.capital(words.metric(row.metric, row.label)))),
        Column("Difference (simultaneous limits)", _difference_cell),
        Column("p", lambda row: p_cell(row.p_value, row.level, row.undefined_because)),
        Column("p, adjusted", lambda row: p_cell(row.p_adjusted, row.level, row.undefined_because)),
    )


def _difference_cell(row: StudyFamilyMember) -> Cell:
    decimals = units.decimals_of(row.metric, row.low, row.high)
    unit, because = units.unit_of(row.metric), row.undefined_because
    return interval_cell(row.difference, row.low, row.high, decimals, because=because, unit=unit, signed=True)
