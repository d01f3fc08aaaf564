"""Everything that is undefined in the results, and why.

In: the results. Out: an `Absence` for all values that the same arms or contrasts lack for one reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from medkt_eval.results.schema import Comparison
from medkt_reports.language import words
from medkt_reports.lookup import Lookup


@dataclass(frozen=True)
class Absence:
    """Undefined values with a common reason."""

    what: str
    whom: str
    """Arms, contrasts or run."""
    of: str
    """Metrics and labels."""
    because: str


@dataclass(frozen=True)
class _Null:
    """One undefined value of the results."""

    what: str
    where: str
    who: str
    metric: str
    label: str
    because: str | None


def reason(row: Comparison) -> str:
    """Why a comparison lacks its interval or p-value; a test that never has an interval says so in its note."""
    return row.undefined_because or row.note or words.NO_REASON


def absences(lookup: Lookup) -> list[Absence]:
    """All undefined values; those of one arm with one reason share a line, and so do arms that lack the same values."""
    of: dict[tuple[str, str, str, str], dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for null in (*_values(lookup), *_contrasts(lookup), *_beside(lookup), *_thresholds(lookup)):
        of[null.what, null.where, null.who, null.because or words.NO_REASON][null.metric][null.label] = None
    whom: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for (what, where, who, because), metrics in of.items():
        whom[what, where, because, _listed(metrics)].append(who)
    return [
        Absence(what, f"{where}: {'; '.join(names)}" if where else "; ".join(names), text, because)
        for (what, where, because, text), names in whom.items()
    ]


def _listed(metrics: dict[str, dict[str, None]]) -> str:
    """Metrics and labels; metrics of the same labels together."""
    of: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for metric, labels in metrics.items():
        of[tuple(labels)].append(metric)
    return "; ".join(f"{', '.join(names)}: {', '.join(labels)}" for labels, names in of.items())


def _values(lookup: Lookup) -> Iterator[_Null]:
    for e in lookup.result.estimates:
        if e.value is None or e.low is None:
            what = "Value" if e.value is None else f"Interval {e.interval}"
            where = _where(lookup, e.arm, e.group)
            yield _Null(
                what, where, lookup.names[e.arm], _metric(e.metric), words.average(e.label), e.undefined_because
            )


def _contrasts(lookup: Lookup) -> Iterator[_Null]:
    for row in lookup.result.comparisons:
        if row.difference is None or row.low is None or row.p_value is None:
            part = "Interval of comparison" if row.p_value is not None and row.difference is not None else "Comparison"
            what, where = f"{part} ({words.test(row.test, row.scope)})", _where(lookup, row.arm_a, row.group)
            who = lookup.contrast_name((row.arm_a, row.arm_b))
            yield _Null(what, where, who, _metric(row.metric), words.average(row.label), reason(row))


def _beside(lookup: Lookup) -> Iterator[_Null]:
    """Gaps between groups, tests of all arms, the course of training."""
    for row in lookup.result.gaps:
        if row.difference is None or row.low is None:
            where, who = _where(lookup, row.arm_a, row.group), _one_or_two(lookup, row.arm_a, row.arm_b)
            label = words.average(row.label)
            yield _Null("Gap between groups", where, who, _metric(row.metric), label, row.undefined_because)
    for row in lookup.result.omnibus:
        if row.statistic is None:
            where, who = words.listed([words.dataset(name) for name in row.datasets]), f"{len(row.arms)} arms"
            label = words.average(row.label)
            yield _Null("Test of all arms", where, who, _metric(row.metric), label, row.undefined_because)
    for row in lookup.result.size_effects:
        if row.low is None:
            where, who = words.dataset(row.dataset), lookup.contrast_name(row.arms_small)
            label = words.average(row.label)
            yield _Null("Change with training size", where, who, _metric(row.metric), label, row.undefined_because)
    for row in lookup.result.dynamics:
        if row.value is None or row.low is None:
            where, who = _where(lookup, row.arm_a), _one_or_two(lookup, row.arm_a, row.arm_b)
            measure = row.measure.replace("_", " ")
            yield _Null("Course of training", where, who, _metric(row.metric), measure, row.undefined_because)


def _thresholds(lookup: Lookup) -> Iterator[_Null]:
    for threshold in lookup.result.thresholds:
        if threshold.value is None:
            yield _Null(
                "Threshold", "", f"Run {threshold.run_id}", threshold.rule, threshold.label, threshold.undefined_because
            )


def _metric(name: str) -> str:
    return words.METRICS.get(name, name)


def _one_or_two(lookup: Lookup, arm_a: str, arm_b: str | None) -> str:
    return lookup.names[arm_a] if arm_b is None else lookup.contrast_name((arm_a, arm_b))


def _where(lookup: Lookup, arm: str, group: str | None = None) -> str:
    return words.dataset(lookup.arms[arm].dataset) + ("" if group is None else f" ({group})")
