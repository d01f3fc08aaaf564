"""What does not exist in the results, and why: gathered, so that no absence passes unseen.

In: the results. Out: one line for each thing that is absent for one reason.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from medkt_reports import words
from medkt_reports.lookup import Lookup

_NO_REASON = "the results give no reason"


@dataclass(frozen=True)
class Absence:
    """Something that is not there."""

    what: str
    whom: str
    """Arm, contrast or run."""
    of: str
    """Metric and labels."""
    because: str


def absences(lookup: Lookup) -> list[Absence]:
    """Values, intervals, comparisons and thresholds that are null, those with one reason on one line."""
    found: dict[tuple[str, str, str, str], dict[str, None]] = defaultdict(dict)
    for estimate in lookup.result.estimates:
        if estimate.value is None or estimate.low is None:
            what = "Value" if estimate.value is None else f"Interval {estimate.interval}"
            whom = f"{_where(lookup, estimate.arm)}: {lookup.names[estimate.arm]}{_group(estimate.group)}"
            key = (what, whom, words.METRICS.get(estimate.metric, estimate.metric),
                   estimate.undefined_because or _NO_REASON)  # fmt: skip
            found[key][words.average(estimate.label)] = None
    for row in lookup.result.comparisons:
        if row.difference is None or row.low is None or row.p_value is None:
            whom = f"{_where(lookup, row.arm_a)}: {lookup.contrast_name((row.arm_a, row.arm_b))}{_group(row.group)}"
            key = (f"Comparison ({words.test(row.test)})", whom, words.METRICS.get(row.metric, row.metric),
                   row.undefined_because or _NO_REASON)  # fmt: skip
            found[key][words.average(row.label)] = None
    for threshold in lookup.result.thresholds:
        if threshold.value is None:
            key = ("Threshold", f"Run {threshold.run_id}", threshold.rule, threshold.undefined_because or _NO_REASON)
            found[key][threshold.label] = None
    return [
        Absence(what, whom, f"{metric}: {', '.join(labels)}", because)
        for (what, whom, metric, because), labels in found.items()
    ]


def _where(lookup: Lookup, arm: str) -> str:
    return words.dataset(lookup.arms[arm].dataset)


def _group(group: str | None) -> str:
    return "" if group is None else f" ({group})"
