"""Published numbers beside ours, and what differences between published numbers their intervals can support.

In: the study file's `reference` and our estimates. Out: `Table`s. Published numbers are computed with only to see
what their half widths imply.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy import stats

from medkt_eval.results.recorded import Reference
from medkt_eval.results.schema import Arm
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup
from medkt_reports.tables.cells import interval_cell
from medkt_reports.tables.model import Cell, Row, Span, Table, estimate_cell, marked, text_cell

LEVEL = 0.95  # of published intervals
NORMAL_QUANTILE = float(stats.norm.ppf((1 + LEVEL) / 2))
# Answers to: does the interval of the difference exclude 0 over seeds?
BOTH = "by both readings"
NORMAL_ONLY = "only by the normal quantile"
NORMAL_KNOWN = "by the normal quantile; t is not known"
INCLUDES = "no, includes 0"
NOTHING = "not known, no interval"


@dataclass(frozen=True)
class PublishedDifference:
    """What two published means and their half widths imply, the means being independent."""

    difference: float
    half_width: float | None
    """As published: the root of the sum of their squares."""
    half_width_student: float | None
    """With Student's t in place of the normal quantile."""
    df: float | None
    decimals: int
    """Of percent, as published: what lies beyond them was rounded away, so an end that rounds to 0 is 0."""
    no_student_because: str = ""

    @property
    def excludes_0(self) -> str:
        """Whether its interval excludes 0 over seeds, and by which reading."""
        if self.half_width is None:
            return NOTHING
        if not self._is_beyond(self.half_width):
            return INCLUDES
        if self.half_width_student is None:
            return NORMAL_KNOWN
        return BOTH if self._is_beyond(self.half_width_student) else NORMAL_ONLY

    def _is_beyond(self, half_width: float) -> bool:
        return round(100 * (abs(self.difference) - half_width), self.decimals) > 0


def published_difference(a: Reference, b: Reference) -> PublishedDifference:
    """Published number a minus b.

    A half width h is taken as 1.96 s/√k over k seeds, so the difference's standard error is √(h_a² + h_b²)/1.96, and
    Student's t has Welch's degrees of freedom.

    Examples
    --------
    >>> given = dict(source="S", dataset="d", method="m", student="s", n_seeds=3)
    >>> found = published_difference(Reference(**given, value=0.80, half_width=0.006),
    ...                              Reference(**given, value=0.79, half_width=0.006))
    >>> round(found.half_width, 4), round(found.half_width_student, 4), round(found.df, 4), found.excludes_0
    (0.0085, 0.012, 4.0, 'only by the normal quantile')
    """
    difference, decimals = a.value - b.value, published_decimals([a, b])
    if a.half_width is None or b.half_width is None:
        return PublishedDifference(difference, None, None, None, decimals, "no half width was published")
    half_width = (a.half_width**2 + b.half_width**2) ** 0.5
    if a.n_seeds is None or b.n_seeds is None:
        return PublishedDifference(difference, half_width, None, None, decimals, "the number of seeds is not given")
    if min(a.n_seeds, b.n_seeds) < 2:
        return PublishedDifference(
            difference, half_width, None, None, decimals, "one seed has no variation to estimate"
        )
    if half_width == 0:
        return PublishedDifference(difference, half_width, None, None, decimals, "both published half widths are 0")
    shares = a.half_width**4 / (a.n_seeds - 1) + b.half_width**4 / (b.n_seeds - 1)
    df = half_width**4 / shares
    student = half_width / NORMAL_QUANTILE * float(stats.t.ppf((1 + LEVEL) / 2, df))
    return PublishedDifference(difference, half_width, student, df, decimals)


def published_decimals(published: Iterable[Reference]) -> int:
    """Decimals of percent that published numbers have: 1 to 4.

    Examples
    --------
    >>> given = dict(source="S", dataset="d", method="m", student="s")
    >>> published_decimals([Reference(**given, value=0.766, half_width=0.0003)])
    2
    """
    known = [x for one in published for x in (one.value, one.half_width) if x is not None]
    return max([1, *(len(f"{100 * x:.4f}".rstrip("0").partition(".")[2]) for x in known)])


def reference_table(lookup: Lookup) -> Table | None:
    """Each published number beside ours of the same data set, size, arm and metric; None where none was given."""
    published = lookup.result.settings.reference
    if not published:
        return None
    rows = [row for group, members in _grouped(published).items() for row in _rows(lookup, group, members)]
    level = lookup.result.settings.level
    interval = lookup.preferred_interval
    ours = f" ({words.interval(interval, level)})" if interval else ""
    heads = ("Arm", "Published, %", "Seeds, published", "Ours, %", "Seeds, ours")
    table = Table(
        name="reference",
        title="Published numbers beside ours",
        caption=f"Published numbers beside ours, in %. Ours: mean over seeds and {numbers.level(level)} confidence "
        f"interval{ours}.",
        head=(tuple(map(Span, heads)),),
        rows=tuple(rows),
        notes=(
            f"Published: as printed by {words.listed(_sources(published))}, on other splits, runs and perhaps images. "
            "Nothing in that column was computed here, and no test compares it with ours.",
            "Blank: these results have no such arm, training size or metric.",
        ),
    )
    return marked(table)


def reference_differences_table(lookup: Lookup) -> Table | None:
    """Each published arm against the published baseline; None where no published number has one."""
    rows = []
    for group, members in _grouped(lookup.result.settings.reference).items():
        pairs = [(one, base) for one in members if (base := _baseline(one, members)) is not None]
        found = [published_difference(one, base) for one, base in pairs]
        rows += [_difference_row(*pair, one, group) for pair, one in zip(pairs, found, strict=True)]
    if not rows:
        return None
    level = numbers.level(LEVEL)
    heads = (
        "Published arm, minus its baseline",
        f"Difference ({level}, as published)",
        f"{level} by Student's t",
        "df",
        "Excludes 0 over seeds",
    )
    return Table(
        name="reference-differences",
        title="What published differences support",
        caption="Differences between published numbers, in points: each arm minus transfer learning of the same "
        "student, all its layers training. Computed from what was printed, from no run of ours.",
        head=(tuple(map(Span, heads)),),
        rows=tuple(rows),
        notes=(
            "As published: ± the root of the sum of the two squared half widths, the arms' means being independent. By "
            f"Student's t: a half width is taken as {NORMAL_QUANTILE:.2f} s/√k over k seeds, and the normal quantile "
            "replaced by Student's with Welch's degrees of freedom. An end that rounds to 0 at the published digits "
            "counts as 0. Not adjusted for the number of differences.",
            "Both hold the test patients fixed: they speak of retraining, and none supports a statement about new "
            "patients. In simulated studies the published reading held the true difference in 30 to 90 % of studies, "
            "where it claims 95 % (docs/statistics.md).",
        ),
    )


def _grouped(published: Sequence[Reference]) -> dict[str, list[Reference]]:
    """Numbers that stand side by side, under their heading: same source, data set, size and metric."""
    groups: dict[str, list[Reference]] = {}
    for one in published:
        size = "" if one.train_size is None else f", {numbers.count(one.train_size)} training images"
        heading = f"{words.dataset(one.dataset)}{size}: {words.metric(one.metric, one.label)}; published: {one.source}"
        groups.setdefault(heading, []).append(one)
    return groups


def _sources(published: Sequence[Reference]) -> list[str]:
    return list(dict.fromkeys(one.source for one in published))


def _name(one: Reference) -> str:
    """Name a published arm by method, teacher, student and layers."""
    teacher = f" from {words.teacher(one.teacher)}" if one.teacher else ""
    layers = "" if one.unfrozen == "all" else f", {words.unfrozen(one.unfrozen)}"
    return f"{words.method(one.method)}{teacher}, {words.network(one.student)}{layers}"


def _rows(lookup: Lookup, group: str, published: Sequence[Reference]) -> list[Row]:
    matched = [(one, arm) for one in published for arm in _ours(lookup, one) or [None]]
    interval = lookup.preferred_interval
    estimates = [
        lookup.estimate(one.dataset, arm.arm, one.metric, one.label, interval) if arm else None for one, arm in matched
    ]
    printed = published_decimals(published)
    decimals = numbers.places(numbers.half_width(e.low, e.high) for e in estimates if e is not None)
    rows = []
    for (one, arm), estimate in zip(matched, estimates, strict=True):
        half = one.half_width
        uncertainty = "" if half is None else numbers.plus_minus(one.value - half, one.value + half, printed)
        low, high = (None, None) if half is None else (one.value - half, one.value + half)
        theirs = Cell(
            numbers.percent(one.value, printed),
            uncertainty,
            how=f"Published: {one.source}.",
            value=one.value,
            low=low,
            high=high,
        )
        seeds = Cell(
            "" if one.n_seeds is None else str(one.n_seeds), value=one.n_seeds, how="" if one.n_seeds else "not given"
        )
        if arm is None or estimate is None:
            blank = Cell("", how="no such arm in these results" if arm is None else "no such metric in these results")
            ours = (blank, blank)
        else:
            how = f"{lookup.names[arm.arm]}: mean of {estimate.n_seeds} seeds; interval {estimate.interval}."
            ours = (
                estimate_cell(estimate, decimals, symmetric=False, how=how),
                Cell(str(estimate.n_seeds), value=estimate.n_seeds),
            )
        synthetic = lookup.synthetic(one.dataset) if arm else ""
        rows.append(Row(_stub(lookup, one, arm), (theirs, seeds, *ours), group=group, synthetic=synthetic))
    return rows


def _stub(lookup: Lookup, one: Reference, arm: Arm | None) -> Cell:
    """Name the published arm; ours too where several of ours are such an arm."""
    several = arm is not None and len(_ours(lookup, one)) > 1
    return text_cell(f"{_name(one)} (ours: {lookup.names[arm.arm]})" if arm and several else _name(one))


def _ours(lookup: Lookup, one: Reference) -> list[Arm]:
    """Our arms of the same data set, size, method, student, teacher and layers: more than one where settings differ."""
    wanted = (one.dataset, one.train_size, one.method, one.student, one.teacher, one.unfrozen)
    return [
        arm
        for arm in lookup.result.arms
        if arm.role == "arm"
        and (arm.dataset, arm.train_size, arm.method, arm.student, arm.teacher, arm.unfrozen or "all") == wanted
    ]


def _baseline(one: Reference, members: Sequence[Reference]) -> Reference | None:
    """Transfer learning of the same student with all layers training, unless it is that itself."""
    found = [
        other
        for other in members
        if (other.method, other.student, other.unfrozen, other.teacher)
        == ("transfer_learning", one.student, "all", None)
    ]
    return found[0] if found and one not in found else None


def _difference_row(one: Reference, base: Reference, found: PublishedDifference, group: str) -> Row:
    def within(half: float | None) -> tuple[float | None, float | None]:
        return (None, None) if half is None else (found.difference - half, found.difference + half)

    low, high = within(found.half_width_student)
    student = Cell(numbers.interval(low, high, found.decimals), low=low, high=high, how=found.no_student_because)
    return Row(
        Cell(_name(one), value=_name(one), how=f"Minus {_name(base)}."),
        (
            interval_cell(
                found.difference,
                *within(found.half_width),
                found.decimals,
                because=found.no_student_because,
                signed=True,
            ),
            student,
            Cell(numbers.degrees_of_freedom(found.df), value=found.df, how=found.no_student_because),
            text_cell(found.excludes_0),
        ),
        group=group,
    )
