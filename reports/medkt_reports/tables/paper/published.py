"""Published numbers beside ours, and the differences between published numbers.

In: the study file's `reference` and our estimates. Out: `Table`s.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from medkt_eval.results.recorded import Reference
from medkt_eval.results.schema import Arm, Estimate
from medkt_reports.language import numbers, units, words
from medkt_reports.lookup import Lookup
from medkt_reports.tables.cells import decimals_in_unit, estimate_cell, interval_cell
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Table, text_cell, with_synthetic_mark
from medkt_reports.tables.paper.published_difference import (
    LEVEL,
    NORMAL_QUANTILE,
    PublishedDifference,
    published_decimals,
    published_difference,
)


class ReferenceLine(NamedTuple):
    """A published number, and ours of the same data set, size, arm and metric if there is one."""

    reference: Reference
    arm: Arm | None
    estimate: Estimate | None
    published_decimals: int
    decimals: int
    """Decimals of our numbers in the same group."""


class DifferenceLine(NamedTuple):
    """A published arm, the published baseline, and the difference between them."""

    reference: Reference
    baseline: Reference
    difference: PublishedDifference


def reference_table(lookup: Lookup) -> Table | None:
    """Each published number beside ours of the same data set, size, arm and metric; None if none was given."""
    published = lookup.result.settings.reference
    if not published:
        return None
    columns = _columns(lookup)
    rows = [
        row_of(columns, line, group=group, synthetic=lookup.synthetic(line.reference.dataset) if line.arm else "")
        for group, members in _grouped(published).items()
        for line in _lines(lookup, members)
    ]
    level = lookup.result.settings.level
    interval = lookup.preferred_interval
    ours = f" ({words.interval(interval, level)})" if interval else ""
    table = Table(
        name="reference",
        title="Published numbers beside ours",
        caption=f"Published numbers beside ours. Ours: mean over seeds and {numbers.level(level)} confidence "
        f"interval{ours}.",
        head=head_of(columns),
        rows=tuple(rows),
        notes=(
            f"Published: as printed by {words.listed(_sources(published))}, on other runs, and perhaps other images. "
            "Nothing in that column was computed here, and no test compares it with ours.",
            "Blank: these results have no such arm, training size or metric.",
        ),
    )
    return with_synthetic_mark(table)


def reference_differences_table(lookup: Lookup) -> Table | None:
    """Each published arm against the published baseline; None if no published number has one."""
    level = numbers.level(LEVEL)
    columns: Sequence[Column[DifferenceLine]] = (
        Column("Published arm, minus its baseline", _pair_cell),
        Column(f"Difference ({level}, as published)", _as_published_cell),
        Column(f"{level} by Student's t", _student_cell),
        Column("df", _df_cell),
        Column("Excludes 0 over seeds", lambda line: text_cell(line.difference.excludes_0)),
    )
    rows = [
        row_of(columns, DifferenceLine(reference, baseline, published_difference(reference, baseline)), group=group)
        for group, members in _grouped(lookup.result.settings.reference).items()
        for reference in members
        if (baseline := _baseline(reference, members)) is not None
    ]
    if not rows:
        return None
    return Table(
        name="reference-differences",
        title="What published differences support",
        caption="Differences between published numbers (points, or the metric's own scale): each arm minus transfer "
        "learning of the same student, all its layers training. Computed from what was printed, from no run of ours.",
        head=head_of(columns),
        rows=tuple(rows),
        notes=(
            "As published: ± the root of the sum of the two squared half widths, the arms' means being independent. By "
            f"Student's t: a half width is taken as {NORMAL_QUANTILE:.2f} s/√k over k seeds, and the normal quantile "
            "replaced by Student's with Welch's degrees of freedom. An end that rounds to 0 at the published digits "
            "counts as 0. Not adjusted for the number of differences.",
            "Both hold the test patients fixed: they cover retraining, and neither supports a statement about new "
            "patients. In simulated studies the published reading held the true difference in 30 to 90 % of studies, "
            "where it claims 95 % (docs/statistics.md).",
        ),
    )


def _grouped(published: Sequence[Reference]) -> dict[str, list[Reference]]:
    """Numbers of the same source, data set, size and metric, by the heading of their group."""
    groups: dict[str, list[Reference]] = {}
    own = any(units.has_own_scale(reference.metric) for reference in published)
    for reference in published:
        size = "" if reference.train_size is None else f", {numbers.count(reference.train_size)} training images"
        metric = words.metric(reference.metric, reference.label)
        if own:
            metric += " (own scale)" if units.has_own_scale(reference.metric) else " (%)"
        heading = f"{words.dataset(reference.dataset)}{size}: {metric}; published: {reference.source}"
        groups.setdefault(heading, []).append(reference)
    return groups


def _sources(published: Sequence[Reference]) -> list[str]:
    return list(dict.fromkeys(reference.source for reference in published))


def _name(reference: Reference) -> str:
    """Name a published arm by method, teacher, student and layers."""
    teacher = f" from {words.teacher(reference.teacher)}" if reference.teacher else ""
    layers = "" if reference.unfrozen == "all" else f", {words.unfrozen(reference.unfrozen)}"
    return f"{words.method(reference.method)}{teacher}, {words.network(reference.student)}{layers}"


def _lines(lookup: Lookup, references: Sequence[Reference]) -> list[ReferenceLine]:
    """Each published number with each of our arms that is such an arm, or with none."""
    pairs = [(reference, arm) for reference in references for arm in _own_arms(lookup, reference) or [None]]
    interval = lookup.preferred_interval
    estimates = [
        lookup.estimate(reference.dataset, arm.arm, reference.metric, reference.label, interval) if arm else None
        for reference, arm in pairs
    ]
    printed = _decimals(references[0].metric, published_decimals(references))
    half_widths = (numbers.half_width(e.low, e.high) for e in estimates if e is not None)
    decimals = decimals_in_unit(half_widths, unit=units.unit_of(references[0].metric))
    return [
        ReferenceLine(reference, arm, estimate, printed, decimals)
        for (reference, arm), estimate in zip(pairs, estimates, strict=True)
    ]


def _decimals(metric: str, of_percent: int) -> int:
    """Decimals on the metric's own scale, from those of percent."""
    return of_percent + 2 if units.has_own_scale(metric) else of_percent


def _columns(lookup: Lookup) -> Sequence[Column[ReferenceLine]]:
    own = any(units.has_own_scale(reference.metric) for reference in lookup.result.settings.reference)
    percent = "" if own else ", %"
    return (
        Column("Arm", lambda line: _arm_cell(lookup, line.reference, line.arm)),
        Column(f"Published{percent}", _published_cell),
        Column("Seeds, published", lambda line: _published_seeds_cell(line.reference)),
        Column(f"Ours{percent}", lambda line: _own_cell(lookup, line)),
        Column("Seeds, ours", _own_seeds_cell),
    )


def _published_cell(line: ReferenceLine) -> Cell:
    reference, half = line.reference, line.reference.half_width
    low, high = (None, None) if half is None else (reference.value - half, reference.value + half)
    unit, decimals = units.unit_of(reference.metric), line.published_decimals
    uncertainty = "" if low is None or high is None else numbers.plus_minus(low * unit, high * unit, decimals)
    return Cell(
        numbers.percent(reference.value * unit, decimals),
        uncertainty,
        footnote=f"Published: {reference.source}.",
        value=reference.value,
        low=low,
        high=high,
    )


def _published_seeds_cell(reference: Reference) -> Cell:
    n = reference.n_seeds
    return Cell("" if n is None else str(n), value=n, footnote="" if n else "not given")


def _own_cell(lookup: Lookup, line: ReferenceLine) -> Cell:
    if line.arm is None or line.estimate is None:
        return _blank(line)
    estimate = line.estimate
    footnote = f"{lookup.names[line.arm.arm]}: mean of {numbers.seeds(estimate.n_seeds)}; interval {estimate.interval}."
    return estimate_cell(estimate, line.decimals, symmetric=False, footnote=footnote)


def _own_seeds_cell(line: ReferenceLine) -> Cell:
    if line.arm is None or line.estimate is None:
        return _blank(line)
    return Cell(str(line.estimate.n_seeds), value=line.estimate.n_seeds)


def _blank(line: ReferenceLine) -> Cell:
    return Cell("", footnote=f"no such {'arm' if line.arm is None else 'metric'} in these results")


def _arm_cell(lookup: Lookup, reference: Reference, arm: Arm | None) -> Cell:
    """Name the published arm, and ours if several of ours are such an arm."""
    several = arm is not None and len(_own_arms(lookup, reference)) > 1
    return text_cell(f"{_name(reference)} (ours: {lookup.names[arm.arm]})" if arm and several else _name(reference))


def _own_arms(lookup: Lookup, reference: Reference) -> list[Arm]:
    """Our arms of the same data set, size, method, student, teacher and layers: several if their settings differ."""
    shared = attrgetter("dataset", "train_size", "method", "student", "teacher")
    return [
        arm
        for arm in lookup.result.arms
        if arm.role == "arm" and shared(arm) == shared(reference) and (arm.unfrozen or "all") == reference.unfrozen
    ]


def _baseline(reference: Reference, members: Sequence[Reference]) -> Reference | None:
    """Transfer learning of the same student with all layers training, unless the number is that baseline."""
    baselines = [
        other
        for other in members
        if (other.method, other.student, other.unfrozen, other.teacher)
        == ("transfer_learning", reference.student, "all", None)
    ]
    return baselines[0] if baselines and reference not in baselines else None


def _pair_cell(line: DifferenceLine) -> Cell:
    name = _name(line.reference)
    return Cell(name, value=name, footnote=f"Minus {_name(line.baseline)}.")


def _as_published_cell(line: DifferenceLine) -> Cell:
    difference, metric = line.difference, line.reference.metric
    return interval_cell(
        difference.difference,
        *difference.ends(difference.half_width),
        _decimals(metric, difference.decimals),
        unit=units.unit_of(metric),
        because=difference.no_student_because,
        signed=True,
    )


def _student_cell(line: DifferenceLine) -> Cell:
    difference = line.difference
    low, high = difference.ends(difference.half_width_student)
    metric = line.reference.metric
    text = units.interval(metric, low, high, _decimals(metric, difference.decimals))
    return Cell(text, low=low, high=high, footnote=difference.no_student_because)


def _df_cell(line: DifferenceLine) -> Cell:
    df = line.difference.df
    return Cell(numbers.degrees_of_freedom(df), value=df, footnote=line.difference.no_student_because)
