"""Does an advantage fade as training data grow? The change of each difference between two training sizes.

In: the size effects of results.json. Out: a `Table`.
"""

from __future__ import annotations

from medkt_eval.results.recorded import SizeEffect
from medkt_reports.language import numbers, words
from medkt_reports.language.units import OWN_UNIT
from medkt_reports.lookup import Lookup
from medkt_reports.tables.cells import decimals_in_unit, interval_cell, p_cell
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Table, text_cell, with_synthetic_mark

_NO_LOGIT = "the metric does not lie between 0 and 1"
_LOGIT_NOTE = (
    "Logits have p-values adjusted by themselves. A gain counts for more in logits where the metric is nearer to 0 or "
    "100 %. An advantage may fade in points and grow in logits; neither scale is the right one."
)


def size_effects_table(lookup: Lookup) -> Table | None:
    """Differences in the headline metrics at the smallest and the largest training size; None if there are none."""
    effects = lookup.headline_size_effects()
    if not effects:
        return None
    columns = _columns(lookup, decimals_in_unit(numbers.half_width(row.low, row.high) for row in effects))
    in_logits = any(row.logit is not None for row in effects)
    columns += _LOGIT_COLUMNS if in_logits else ()
    level = numbers.level(lookup.result.settings.level)
    table = Table(
        name="size-effects",
        title="Differences and training-set size",
        caption=f"Differences in points on the smallest and on the largest training set, and their difference with "
        f"{level} interval. Above 0: the left arm does better against the right arm on the small set."
        + (" Then the same difference of differences in logits." if in_logits else ""),
        head=head_of(columns),
        rows=tuple(row_of(columns, row, group=_group(row), synthetic=lookup.synthetic(row.dataset)) for row in effects),
        notes=(
            "Obuchowski-Rockette over the four arms, seeds and patients random; p-values adjusted by Holm within "
            "data set and metric. Exploratory.",
            *((_LOGIT_NOTE,) if in_logits else ()),
        ),
    )
    return with_synthetic_mark(table)


def _columns(lookup: Lookup, decimals: int) -> tuple[Column[SizeEffect], ...]:
    return (
        Column("Difference of arms", lambda row: text_cell(lookup.contrast_name(row.arms_small))),
        Column("Metric", lambda row: text_cell(words.capital(words.metric(row.metric, row.label)))),
        Column("Small set", lambda row: _difference_cell(row.difference_small, decimals, row)),
        Column("Large set", lambda row: _difference_cell(row.difference_large, decimals, row)),
        Column("Small less large", lambda row: _change_cell(row, decimals)),
        Column("p, adjusted", lambda row: p_cell(row.p_adjusted, row.level, row.undefined_because)),
    )


def _difference_cell(value: float | None, decimals: int, row: SizeEffect) -> Cell:
    footnote = (row.undefined_because or "") if value is None else ""
    return Cell(numbers.difference(value, decimals), value=value, footnote=footnote)


def _change_cell(row: SizeEffect, decimals: int) -> Cell:
    return interval_cell(row.difference, row.low, row.high, decimals, because=row.undefined_because, signed=True)


def _logit_cell(row: SizeEffect) -> Cell:
    effect = row.logit
    if effect is None:
        return Cell(numbers.ABSENT, footnote=_NO_LOGIT)
    decimals = decimals_in_unit([numbers.half_width(effect.low, effect.high)], unit=OWN_UNIT)
    because = effect.undefined_because
    return interval_cell(
        effect.difference, effect.low, effect.high, decimals, because=because, unit=OWN_UNIT, signed=True
    )


def _logit_p_cell(row: SizeEffect) -> Cell:
    if row.logit is None:
        return Cell(numbers.ABSENT, footnote=_NO_LOGIT)
    return p_cell(row.logit.p_adjusted, row.level, row.logit.undefined_because)


_LOGIT_COLUMNS: tuple[Column[SizeEffect], ...] = (
    Column("In logits", _logit_cell),
    Column("p, adjusted, logits", _logit_p_cell),
)


def _group(row: SizeEffect) -> str:
    sizes = f"{numbers.count(row.size_small)} against {numbers.count(row.size_large)}"
    return f"{words.dataset(row.dataset)}, {sizes} training images"
