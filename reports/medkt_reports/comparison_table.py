"""The table of every comparison of an average metric, family by family.

In: the results. Out: a `Table` whose groups are the families in which p-values were adjusted.
"""

from __future__ import annotations

from itertools import groupby

from medkt_eval.results import Comparison
from medkt_reports import numbers, words
from medkt_reports.lookup import Lookup
from medkt_reports.tables import Row, Span, Table, difference_cells, marked, text_cell

_KINDS = list(words.KINDS)


def comparisons_table(lookup: Lookup) -> Table | None:
    """Every comparison of a macro or weighted metric; None where none was made."""
    found = [row for row in lookup.comparisons if row.label in words.AVERAGES]
    if not found:
        return None
    order = {training_set: k for k, training_set in enumerate(lookup.training_sets())}
    metrics = list(dict.fromkeys((row.metric, row.label) for row in found))
    found.sort(key=lambda row: (order[lookup.training_set_of(row)], not row.primary, _KINDS.index(row.kind),
                                metrics.index((row.metric, row.label)), row.family or ""))  # fmt: skip
    rows = []
    for group, members in groupby(found, key=lambda row: _group(lookup, row)):
        family = list(members)
        decimals = numbers.places(numbers.half_width(row.low, row.high) for row in family)
        rows += [_row(lookup, row, decimals, group) for row in family]
    heads = ("First arm − second arm", f"Difference, points ({numbers.level(found[0].level)} interval)", "p",
             "Adjusted p", "Test", "Scope", "df", "Seeds")  # fmt: skip
    table = Table(
        name="comparisons",
        title="All comparisons of average metrics",
        caption="All comparisons of average metrics, in points, by the family in which p-values were adjusted.",
        head=(tuple(Span(text) for text in heads),),
        rows=tuple(rows),
        notes=("Intervals are not adjusted for the number of comparisons. Scope: what the interval and p let vary; "
               "the rest is held fixed.",),
    )  # fmt: skip
    return marked(table)


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
            difference, raw, adjusted,
            text_cell(words.test(row.test)), text_cell(row.scope.replace("+", " and ")),
            text_cell(numbers.degrees_of_freedom(row.df)), text_cell(f"{row.n_seeds_a} + {row.n_seeds_b}"),
        ),
        group=group, synthetic=lookup.synthetic(row.dataset),
    )  # fmt: skip
