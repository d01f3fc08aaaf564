"""Every comparison of an average metric, family by family: the primary analysis and its companions.

In: the results. Out: `Table`s whose groups are the families in which p-values were adjusted. The first table has one
p-value for each comparison. The other tests have a table of their own, so that no reader chooses among p-values.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from medkt_eval.results.schema import Comparison
from medkt_reports.language import numbers, units, words
from medkt_reports.lookup import HEADLINES, Lookup
from medkt_reports.significance import margin_alpha
from medkt_reports.tables.cells import adjusted_p_cell, decimals_in_unit, difference_cell, raw_p_cell
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Table, text_cell, with_synthetic_mark

_KINDS = list(words.KINDS)


class Line(NamedTuple):
    """A comparison, and the decimals of its family."""

    row: Comparison
    decimals: int


def _columns(lookup: Lookup, heading: str) -> Sequence[Column[Line]]:
    return (
        Column("Left arm − right arm", lambda line: text_cell(lookup.contrast_name((line.row.arm_a, line.row.arm_b)))),
        Column(heading, lambda line: difference_cell(line.row, line.decimals)),
        Column("p", lambda line: raw_p_cell(line.row)),
        Column("Adjusted p", lambda line: adjusted_p_cell(line.row)),
        Column("Test", lambda line: text_cell(words.test(line.row.test, line.row.scope))),
        Column("Scope", lambda line: text_cell(line.row.scope.replace("+", " and "))),
        Column("df", lambda line: text_cell(numbers.degrees_of_freedom(line.row.df))),
        Column("Seeds", lambda line: text_cell(f"{line.row.n_seeds_a} + {line.row.n_seeds_b}")),
    )


def comparisons_table(lookup: Lookup) -> Table | None:
    """Comparisons of the averages of the main metrics, each in the widest scope tested; None if none was made."""
    return _table(
        lookup,
        [row for row in _averages(lookup) if lookup.is_primary_analysis(row) and not _is_secondary(lookup, row)],
        name="comparisons",
        title="All comparisons of average metrics",
        caption="All comparisons of average metrics, by the family in which p-values were adjusted.",
    )


def secondary_table(lookup: Lookup) -> Table | None:
    """The same for secondary metrics; None if none was made."""
    return _table(
        lookup,
        [row for row in _averages(lookup) if lookup.is_primary_analysis(row) and _is_secondary(lookup, row)],
        name="secondary",
        title="Comparisons on secondary metrics",
        caption="Comparisons of the averages of secondary metrics, by the family in which p-values were adjusted.",
    )


def _is_secondary(lookup: Lookup, row: Comparison) -> bool:
    """Whether a row is on a metric that Tables IV and V do not show for its data set."""
    shown = {metric for metric, _ in HEADLINES[lookup.datasets[row.dataset].task]}
    return row.secondary and row.metric not in shown


def companions_table(lookup: Lookup) -> Table | None:
    """The same comparisons by all other tests; None if there are none."""
    return _table(
        lookup,
        [row for row in _averages(lookup) if not lookup.is_primary_analysis(row)],
        name="companions",
        title="Companion tests",
        caption="The same comparisons by other tests. An answer rests on one of them only for the margin, or where "
        "seeds and patients cannot be tested together.",
    )


def _averages(lookup: Lookup) -> list[Comparison]:
    return [row for row in lookup.comparisons if row.label in words.AVERAGES]


def _table(lookup: Lookup, comparisons: list[Comparison], *, name: str, title: str, caption: str) -> Table | None:
    if not comparisons:
        return None
    order = {training_set: k for k, training_set in enumerate(lookup.training_sets())}
    metrics = list(dict.fromkeys((row.metric, row.label) for row in comparisons))
    comparisons.sort(
        key=lambda row: (
            order[lookup.training_set_of(row)],
            not row.primary,
            _KINDS.index(row.kind),
            metrics.index((row.metric, row.label)),
            row.family or "",
        )
    )
    own = [metric for metric, _ in metrics if units.has_own_scale(metric)]
    level = numbers.level(lookup.result.settings.level)
    heading = f"Difference ({level} interval)" if own else f"Difference, points ({level} interval)"
    columns, rows = _columns(lookup, heading), []
    for group, members in groupby(comparisons, key=lambda row: _group(lookup, row, with_unit=bool(own))):
        family = list(members)
        decimals = decimals_in_unit(
            (numbers.half_width(row.low, row.high) for row in family), unit=units.unit_of(family[0].metric)
        )
        rows += [
            row_of(columns, Line(row, decimals), group=group, synthetic=lookup.synthetic(row.dataset)) for row in family
        ]
    table = Table(
        name=name,
        title=title,
        caption=caption,
        head=head_of(columns),
        rows=tuple(rows),
        notes=(
            "Intervals are not adjusted for the number of comparisons. Scope: what the interval and p-value let vary.",
            *_margin_notes(comparisons),
        ),
    )
    return with_synthetic_mark(table)


def _margin_notes(comparisons: list[Comparison]) -> list[str]:
    """The margins of the tests against one, and the level of their intervals."""
    against = [row for row in comparisons if row.margin is not None]
    if not against:
        return []
    margins = words.listed(list(dict.fromkeys(units.amount(row.metric, row.margin or 0.0) for row in against)))
    levels = dict.fromkeys(
        f"{numbers.level(margin_alpha(row))} and {numbers.level(row.level)} for {words.test(row.test, row.scope)}"
        for row in against
    )
    return [
        f"Tests against a margin of {margins} are one-sided. Level of the test and of its interval: "
        f"{words.listed(list(levels))}."
    ]


def _group(lookup: Lookup, row: Comparison, *, with_unit: bool) -> str:
    metric = words.metric(row.metric, row.label)
    if with_unit:
        metric += " (own scale)" if units.has_own_scale(row.metric) else " (points)"
    where = f"{lookup.training_set_of(row).text}, {metric}"
    if row.primary:
        holm = "one of the primary contrasts (Holm over all of them)"
        return f"{where}: {holm if row.adjustment else 'the primary contrast, not adjusted'}"
    method = words.ADJUSTMENTS.get(row.adjustment, row.adjustment) if row.adjustment else "not adjusted"
    return f"{where}: {words.KINDS[row.kind]} ({method})"
