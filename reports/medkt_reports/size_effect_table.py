"""Does an advantage fade as training data grow? The change of each difference between two training sizes.

In: the size effects of results.json. Out: a `Table`, and a sentence each.
"""

from __future__ import annotations

from medkt_eval.study_rows import SizeEffect
from medkt_reports import interval_cells, numbers, words
from medkt_reports.interval_cells import interval_cell, p_cell
from medkt_reports.lookup import HEADLINES, Lookup
from medkt_reports.sentences import called
from medkt_reports.tables import Cell, Row, Span, Table, marked, text_cell


def size_effects_table(lookup: Lookup) -> Table | None:
    """Differences in the headline metrics at the smallest and the largest training size; None where there are none."""
    found = _headlines(lookup)
    if not found:
        return None
    decimals = interval_cells.places(numbers.half_width(row.low, row.high) for row in found)
    level = numbers.level(lookup.result.settings.level)
    heads = ("Metric", "Small set", "Large set", "Small less large", "p, adjusted")
    table = Table(
        name="size-effects",
        title="Differences and training-set size",
        caption=f"Differences in points on the smallest and on the largest training set, and their difference with "
        f"{level} interval: above 0, the advantage of the first arm fades as data grow.",
        head=(tuple(map(Span, ("Difference of arms", *heads))),),
        rows=tuple(_row(lookup, row, decimals) for row in found),
        notes=("Obuchowski-Rockette over the four arms, seeds and patients random; p-values adjusted by Holm within "
               "data set and metric. Exploratory.",),
    )  # fmt: skip
    return marked(table)


def _row(lookup: Lookup, row: SizeEffect, decimals: int) -> Row:
    because = row.undefined_because
    sizes = f"{numbers.count(row.size_small)} against {numbers.count(row.size_large)}"
    at_each = [
        Cell(numbers.difference(value, decimals), value=value, how=because or "" if value is None else "")
        for value in (row.difference_small, row.difference_large)
    ]
    change = interval_cell(row.difference, row.low, row.high, decimals, because=because, signed=True)
    cells = (text_cell(words.capital(words.metric(row.metric, row.label))), *at_each, change,
             p_cell(row.p_adjusted, row.level, because))  # fmt: skip
    return Row(
        text_cell(lookup.contrast_name(row.arms_small)), cells, synthetic=lookup.synthetic(row.dataset),
        group=f"{words.dataset(row.dataset)}, {sizes} training images",
    )  # fmt: skip


def size_effect_sentences(lookup: Lookup) -> list[str]:
    """Whether an advantage over a baseline fades, on the headline metrics."""
    return [_sentence(lookup, row) for row in _headlines(lookup) if row.arms_small[1] in lookup.baselines]


def _headlines(lookup: Lookup) -> list[SizeEffect]:
    return [row for row in lookup.result.size_effects
            if (row.metric, row.label) in HEADLINES[lookup.datasets[row.dataset].task]]  # fmt: skip


def _sentence(lookup: Lookup, row: SizeEffect) -> str:
    a, b = (called(lookup, arm).removesuffix(",") for arm in row.arms_small)
    sizes = [numbers.count(size) for size in (row.size_small, row.size_large)]
    metric = words.metric(row.metric, row.label)
    opening = (
        f"On {words.dataset(row.dataset)}, {a} less {b} in {metric}, on {sizes[0]} training images against {sizes[1]},"
    )
    if row.difference is None or row.low is None or row.high is None:
        return f"{opening} could not be compared: {row.undefined_because}."
    decimals = numbers.places([numbers.half_width(row.low, row.high)])
    each = [numbers.difference(value, decimals) for value in (row.difference_small, row.difference_large)]
    shown = row.p_adjusted is not None and row.p_adjusted < numbers.alpha(row.level)
    verdict = "is shown to change" if shown else "is not shown to change"
    ends = f"{numbers.difference(row.low, decimals)} to {numbers.difference(row.high, decimals)}"
    return (
        f"{opening} {verdict} with training size: {each[0]} against {each[1]} points, a change of "
        f"{numbers.difference(row.difference, decimals)} ({numbers.level(row.level)} CI {ends}; seeds and patients "
        f"random; Holm-adjusted {numbers.p_phrase(row.p_adjusted, row.level)}; exploratory)."
    )
