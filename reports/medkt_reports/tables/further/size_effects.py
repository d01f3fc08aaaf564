"""Does an advantage fade as training data grow? The change of each difference between two training sizes.

In: the size effects of results.json. Out: a `Table`, and a sentence each.
"""

from __future__ import annotations

from medkt_eval.results.recorded import SizeEffect
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, _headlines
from medkt_reports.tables import cells as interval_cells
from medkt_reports.tables.cells import interval_cell, p_cell
from medkt_reports.tables.model import Cell, Row, Span, Table, marked, text_cell


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
        notes=(
            "Obuchowski-Rockette over the four arms, seeds and patients random; p-values adjusted by Holm within "
            "data set and metric. Exploratory.",
        ),
    )
    return marked(table)


def _row(lookup: Lookup, row: SizeEffect, decimals: int) -> Row:
    because = row.undefined_because
    sizes = f"{numbers.count(row.size_small)} against {numbers.count(row.size_large)}"
    at_each = [
        Cell(numbers.difference(value, decimals), value=value, how=because or "" if value is None else "")
        for value in (row.difference_small, row.difference_large)
    ]
    change = interval_cell(row.difference, row.low, row.high, decimals, because=because, signed=True)
    cells = (
        text_cell(words.capital(words.metric(row.metric, row.label))),
        *at_each,
        change,
        p_cell(row.p_adjusted, row.level, because),
    )
    return Row(
        text_cell(lookup.contrast_name(row.arms_small)),
        cells,
        synthetic=lookup.synthetic(row.dataset),
        group=f"{words.dataset(row.dataset)}, {sizes} training images",
    )
