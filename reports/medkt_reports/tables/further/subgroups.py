"""Subgroups of the test images: every arm's main metric, every contrast's difference, and the gaps between groups.

In: the rows of results.json that name a group. Out: `Table`s. A group is of few patients, and the notes say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from medkt_eval.results.schema import Comparison, Estimate, Gap
from medkt_reports.language import numbers, words
from medkt_reports.language.words import group_name
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet
from medkt_reports.tables.arm_columns import arm_columns, arm_head
from medkt_reports.tables.cells import (
    adjusted_p_cell,
    difference_cell,
    estimate_cell,
    interval_cell,
    is_symmetric,
    p_cell,
    raw_p_cell,
)
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Row, Span, Table, count_cell, text_cell, with_synthetic_mark

_FEW = "A subgroup's intervals rest on its own patients: where they are few, no difference is no evidence of equality."


def subgroups_table(lookup: Lookup) -> Table | None:
    """The main metric of every arm in every subgroup; None if no subgroup was measured."""
    keys = list(_keys(lookup))
    if not keys:
        return None
    columns_of_arms = arm_columns(lookup, list(dict.fromkeys(t for t, *_ in keys)))
    interval = lookup.preferred_interval
    lines = [
        [
            lookup.estimate(t.dataset, arm.arm, metric, label, interval, group) if (arm := column.arm(t)) else None
            for column in columns_of_arms
        ]
        for t, metric, label, group in keys
    ]
    symmetric = is_symmetric([e for line in lines for e in line if e is not None])
    rows = []
    for (t, metric, label, group), line in zip(keys, lines, strict=True):
        decimals = numbers.decimals_for(numbers.half_width(e.low, e.high) for e in line if e is not None)
        cells = [
            estimate_cell(e, decimals, symmetric=symmetric, footnote=_footnote(e))
            if column.arm(t)
            else Cell("", footnote="no such arm")
            for column, e in zip(columns_of_arms, line, strict=True)
        ]
        heading = f"{t.text}: {words.metric(metric, label)}"
        rows.append(
            Row(
                text_cell(group_name(group)),
                (_patients(line), *cells),
                group=heading,
                synthetic=lookup.synthetic(t.dataset),
            )
        )
    level = lookup.result.settings.level
    head_rows = arm_head(columns_of_arms, "Subgroup")
    table = Table(
        name="subgroups",
        title="Subgroups, in %",
        caption=f"Subgroups of the test images, in %. Mean over seeds and {numbers.level(level)} confidence interval "
        f"({words.interval(interval, level)}).",
        head=tuple((row[0], Span("" if k else "Patients"), *row[1:]) for k, row in enumerate(head_rows)),
        rows=tuple(rows),
        notes=(
            "Patients: with an image in the subgroup; images without the attribute are left out. Thresholds are the "
            "run's own, not the subgroup's.",
            _FEW,
        ),
    )
    return with_synthetic_mark(table)


class Line(NamedTuple):
    """A comparison within a subgroup, and the decimals of its contrast."""

    row: Comparison
    decimals: int


def _difference_columns(lookup: Lookup) -> Sequence[Column[Line]]:
    level = numbers.level(lookup.result.settings.level)
    return (
        Column("Subgroup", lambda line: text_cell(group_name(str(line.row.group)))),
        Column("Patients", lambda line: count_cell(line.row.n_patients)),
        Column(f"Difference, points ({level} interval)", lambda line: difference_cell(line.row, line.decimals)),
        Column("p", lambda line: raw_p_cell(line.row)),
        Column("Adjusted p", lambda line: adjusted_p_cell(line.row)),
    )


def subgroup_differences_table(lookup: Lookup) -> Table | None:
    """Difference of every contrast in every subgroup, raw and adjusted p; None if none was made."""
    columns, rows, adjustments = _difference_columns(lookup), [], set()
    for t in lookup.training_sets():
        for metric, label in HEADLINES[lookup.task(t)]:
            by_pair: dict[tuple[str, str], list[Comparison]] = {}
            for group in lookup.groups(t.dataset):
                for row in lookup.declared(t, metric, label, group):
                    by_pair.setdefault((row.arm_a, row.arm_b), []).append(row)
            for pair, members in by_pair.items():
                adjustments |= {
                    words.ADJUSTMENTS.get(row.adjustment, row.adjustment) for row in members if row.adjustment
                }
                decimals = numbers.decimals_for(numbers.half_width(row.low, row.high) for row in members)
                heading = f"{t.text}, {words.metric(metric, label)}: {lookup.contrast_name(pair)}"
                rows += [
                    row_of(columns, Line(row, decimals), group=heading, synthetic=lookup.synthetic(t.dataset))
                    for row in members
                ]
    if not rows:
        return None
    table = Table(
        name="subgroup-differences",
        title="Differences by subgroup",
        caption="Differences by subgroup, left arm minus right arm on the same images, in points, by the widest scope "
        "each was tested in.",
        head=head_of(columns),
        rows=tuple(rows),
        notes=(
            f"Adjusted p: {' or '.join(sorted(adjustments)) or 'none'}, over comparisons and all subgroups of one "
            "attribute. A difference that is shown in one subgroup and not in another is no evidence that the two "
            "differ: see the gaps.",
            _FEW,
        ),
    )
    return with_synthetic_mark(table)


def gaps_table(lookup: Lookup) -> Table | None:
    """Every arm's gap between a subgroup and all others, and how arms differ in it; None if there is none."""
    columns, rows, reasons = _gap_columns(lookup), [], {}
    for t in lookup.training_sets():
        arms = [arm.arm for arm in lookup.arms_of(t)]
        of_arms = [gap for gap in lookup.result.gaps if gap.arm_a in arms]
        of_arms.sort(key=lambda g: (g.arm_b is not None, g.arm_b not in lookup.baselines, arms.index(g.arm_a)))
        for metric, label in HEADLINES[lookup.task(t)]:
            gaps = [gap for gap in of_arms if (gap.metric, gap.label) == (metric, label)]
            reasons |= {gap.undefined_because: None for gap in gaps if gap.undefined_because}
            for group in dict.fromkeys(gap.group for gap in gaps):
                members = [gap for gap in gaps if gap.group == group]
                decimals = numbers.decimals_for(numbers.half_width(gap.low, gap.high) for gap in members)
                heading = f"{t.text}, {words.metric(metric, label)}: {group_name(group)}, less all others"
                rows += [
                    row_of(columns, GapLine(gap, decimals), group=heading, synthetic=lookup.synthetic(gap.dataset))
                    for gap in members
                ]
    if not rows:
        return None
    table = Table(
        name="gaps",
        title="Gaps between subgroups",
        caption="Gaps between subgroups, in points: the metric on the subgroup's images less that on all other images "
        "with the attribute; and one arm's gap less another's. Seeds and patients random.",
        head=head_of(columns),
        rows=tuple(rows),
        notes=(
            "A gap says that a metric differs between groups of images, not why: they may differ in prevalence or "
            "in how hard they are. Of two subgroups one is shown: the other's gap is the same but for its sign.",
            "Adjusted p: Holm over a data set's subgroups and arms, gaps and their differences apart. Intervals "
            "are not adjusted.",
            *_without_interval(list(reasons)),
        ),
    )
    return with_synthetic_mark(table)


def _keys(lookup: Lookup) -> Iterator[tuple[TrainingSet, str, str, str]]:
    """Training set, metric, label and subgroup of each row."""
    for t in lookup.training_sets():
        for metric, label in HEADLINES[lookup.task(t)]:
            for group in lookup.groups(t.dataset):
                yield t, metric, label, group


def _footnote(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return (
        f"Mean of {numbers.seeds(estimate.n_seeds)} on {numbers.count(estimate.n_images)} images; {estimate.interval}."
    )


def _patients(line: list[Estimate | None]) -> Cell:
    return count_cell(next((e.n_patients for e in line if e is not None), None))


def _without_interval(reasons: list[str]) -> list[str]:
    """Why gaps have no interval; of many reasons the first three."""
    more = [f"Without an interval: {len(reasons) - 3} more reasons, in results.json."] if len(reasons) > 3 else []
    return [*(f"Without an interval: {reason}." for reason in reasons[:3]), *more]


class GapLine(NamedTuple):
    """A gap, and the decimals of its group."""

    gap: Gap
    decimals: int


def _gap_columns(lookup: Lookup) -> Sequence[Column[GapLine]]:
    level = numbers.level(lookup.result.settings.level)
    return (
        Column("Arm, or difference of arms", lambda line: text_cell(_gap_name(lookup, line.gap))),
        Column(f"Gap, points ({level} interval)", _gap_cell),
        Column("p", lambda line: p_cell(line.gap.p_value, line.gap.level, line.gap.undefined_because)),
        Column("Adjusted p", lambda line: p_cell(line.gap.p_adjusted, line.gap.level, line.gap.undefined_because)),
    )


def _gap_name(lookup: Lookup, gap: Gap) -> str:
    return lookup.names[gap.arm_a] if gap.arm_b is None else lookup.contrast_name((gap.arm_a, gap.arm_b))


def _gap_cell(line: GapLine) -> Cell:
    gap = line.gap
    patients = "" if gap.n_patients is None else f" of {numbers.count(gap.n_patients)} patients"
    return interval_cell(
        gap.difference,
        gap.low,
        gap.high,
        line.decimals,
        because=gap.undefined_because,
        footnote=f"{words.capital(words.test(gap.test, gap.scope))}; {numbers.count(gap.n_images)} images in the "
        f"subgroup{patients} tested.",
        signed=True,
    )
