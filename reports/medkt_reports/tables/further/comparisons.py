"""The tables of every comparison of an average metric, family by family: the primary analysis, and its companions.

In: the results. Out: `Table`s whose groups are the families in which p-values were adjusted. One p a comparison is in
the first; the others stand apart, lest readers choose among them.
"""

from __future__ import annotations

from itertools import groupby

from medkt_eval.results.schema import Comparison
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup
from medkt_reports.tables.model import Row, Span, Table, difference_cells, marked, text_cell

_KINDS = list(words.KINDS)


def comparisons_table(lookup: Lookup) -> Table | None:
    """Every comparison of the main metrics' averages by the widest scope it was tested in; None where none was made."""
    return _table(
        lookup,
        [row for row in _averages(lookup) if lookup.is_primary_analysis(row) and not _is_secondary(lookup, row)],
        name="comparisons",
        title="All comparisons of average metrics",
        caption="All comparisons of average metrics, in points, by the family in which p-values were adjusted.",
    )


def secondary_table(lookup: Lookup) -> Table | None:
    """The same on secondary metrics; None where none was made."""
    return _table(
        lookup,
        [row for row in _averages(lookup) if lookup.is_primary_analysis(row) and _is_secondary(lookup, row)],
        name="secondary",
        title="Comparisons on secondary metrics",
        caption="Comparisons of the averages of secondary metrics, in points, by the family in which p-values were "
        "adjusted.",
    )


def _is_secondary(lookup: Lookup, row: Comparison) -> bool:
    """Whether a row is on a metric that Tables IV and V do not show for its data set."""
    shown = {metric for metric, _ in HEADLINES[lookup.datasets[row.dataset].task]}
    return row.secondary and row.metric not in shown


def companions_table(lookup: Lookup) -> Table | None:
    """The same comparisons by all other tests; None where there are none."""
    return _table(
        lookup,
        [row for row in _averages(lookup) if not lookup.is_primary_analysis(row)],
        name="companions",
        title="Companion tests",
        caption="The same comparisons, in points, by other tests: they answer narrower questions, or stand here for "
        "readers who expect them. No answer above rests on them.",
    )


def _averages(lookup: Lookup) -> list[Comparison]:
    return [row for row in lookup.comparisons if row.label in words.AVERAGES]


def _table(lookup: Lookup, found: list[Comparison], *, name: str, title: str, caption: str) -> Table | None:
    if not found:
        return None
    order = {training_set: k for k, training_set in enumerate(lookup.training_sets())}
    metrics = list(dict.fromkeys((row.metric, row.label) for row in found))
    found.sort(
        key=lambda row: (
            order[lookup.training_set_of(row)],
            not row.primary,
            _KINDS.index(row.kind),
            metrics.index((row.metric, row.label)),
            row.family or "",
        )
    )
    rows = []
    for group, members in groupby(found, key=lambda row: _group(lookup, row)):
        family = list(members)
        decimals = numbers.places(numbers.half_width(row.low, row.high) for row in family)
        rows += [_row(lookup, row, decimals, group) for row in family]
    level = numbers.level(lookup.result.settings.level)
    heads = (
        "First arm − second arm",
        f"Difference, points ({level} interval)",
        "p",
        "Adjusted p",
        "Test",
        "Scope",
        "df",
        "Seeds",
    )
    table = Table(
        name=name,
        title=title,
        caption=caption,
        head=(tuple(Span(text) for text in heads),),
        rows=tuple(rows),
        notes=(
            "Intervals are not adjusted for the number of comparisons. Scope: what the interval and p let vary; "
            "the rest is held fixed.",
            *_margin_notes(found, level),
        ),
    )
    return marked(table)


def _margin_notes(found: list[Comparison], level: str) -> list[str]:
    """What the tests against a margin ask, and at which level their intervals are."""
    against = [row for row in found if row.margin is not None]
    if not against:
        return []
    first = against[0]
    return [
        f"Equivalence and non-inferiority: against a margin of {numbers.percent(first.margin, 1)} points; their "
        f"intervals are of {numbers.level(first.level)}, not {level}, as two one-sided tests ask."
    ]


def _group(lookup: Lookup, row: Comparison) -> str:
    metric = words.metric(row.metric, row.label)
    where = f"{lookup.training_set_of(row).text}, {metric}"
    if row.primary:
        return f"{where}: the primary contrast, not adjusted"
    method = words.ADJUSTMENTS.get(row.adjustment, row.adjustment) if row.adjustment else "not adjusted"
    return f"{where}: {words.KINDS[row.kind]} ({method})"


def _row(lookup: Lookup, row: Comparison, decimals: int, group: str) -> Row:
    difference, raw, adjusted = difference_cells(row, decimals)
    return Row(
        text_cell(lookup.contrast_name((row.arm_a, row.arm_b))),
        (
            difference,
            raw,
            adjusted,
            text_cell(words.test(row.test)),
            text_cell(row.scope.replace("+", " and ")),
            text_cell(numbers.degrees_of_freedom(row.df)),
            text_cell(f"{row.n_seeds_a} + {row.n_seeds_b}"),
        ),
        group=group,
        synthetic=lookup.synthetic(row.dataset),
    )
