"""Whether the values in results.json can be: names of metrics and tests, ranges, limits, and each row once.

In: the content of results.json. Out: its faults as sentences. The ranges are those of `vocabulary.METRICS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medkt_eval.results.vocabulary import METRICS, TESTS
from medkt_eval.runtime.nearest_name import expected_one_of

ROUNDING = 1e-9  # an AUC or a probability of 1 + 1e-12 is one that was rounded

# Lists whose rows are on a metric of METRICS; and for each list with differences, how often a metric's whole range fits
# into one: a difference of two differences may be twice as large.
_ON_METRICS = ("runs", "estimates", "comparisons", "study_family", "variance_components", "seed_correlations",
               "omnibus", "gaps", "size_effects")  # fmt: skip
_DIFFERENCES = {"comparisons": 1, "study_family": 1, "gaps": 2, "size_effects": 2}

# Parts of the names of intervals and tests whose limits need not hold the value: quantiles of replicates, or of the
# differences of pairs of runs. All others hold it.
_NOT_CENTRED = ("bootstrap", "max-t", "mann-whitney")

# Fields by which a row of a list is known.
_KEYS = {
    "runs": ("run_id", "metric", "label", "group"),
    "estimates": ("arm", "metric", "label", "group", "interval"),
    "comparisons": ("arm_a", "arm_b", "metric", "label", "group", "test", "scope", "kind"),
    "gaps": ("dataset", "group", "arm_a", "arm_b", "metric", "label", "test", "scope"),
    "thresholds": ("run_id", "label"),
}


def value_faults(result: Any) -> Iterator[str]:
    """Yield every fault, for example "estimates.0: value is 80.0; AUC lies from 0.0 to 1.0".

    Parameters
    ----------
    result : EvaluationResult
    """
    for name in _ON_METRICS:
        for k, row in enumerate(getattr(result, name)):
            yield from (f"{name}.{k}: {fault}" for fault in _of_row(row, _DIFFERENCES.get(name)))
    for name, fields in _KEYS.items():
        seen: dict[tuple[Any, ...], int] = {}
        for k, row in enumerate(getattr(result, name)):
            first = seen.setdefault(tuple(getattr(row, field) for field in fields), k)
            if first != k:
                yield f"{name}.{k}: the same row as {name}.{first}, by {', '.join(fields)}"
    yield from _primaries(result)


def _of_row(row: Any, ranges: int | None) -> Iterator[str]:
    if row.metric not in METRICS:
        yield f"metric is {row.metric!r}; {expected_one_of(row.metric, METRICS)}"
        return
    test = getattr(row, "test", None)
    if ranges and test is not None and test not in TESTS:
        yield f"test is {test!r}; {expected_one_of(test, TESTS)}"
    positive = getattr(row, "n_positive", None)
    if positive is not None and positive > row.n_images:
        yield f"n_positive is {positive}, above n_images, {row.n_images}"
    p_value, p_adjusted = getattr(row, "p_value", None), getattr(row, "p_adjusted", None)
    if p_value is not None and p_adjusted is not None and p_adjusted < p_value - ROUNDING:
        yield f"p_adjusted is {p_adjusted!r}, below p_value, {p_value!r}"
    yield from _of_difference(row, ranges) if ranges else _of_value(row)


def _of_value(row: Any) -> Iterator[str]:
    """Of a value of an arm or a run; other rows have values of their own kind."""
    if not (hasattr(row, "arm") and hasattr(row, "value")) or row.value is None:
        return
    metric = METRICS[row.metric]
    for end, below in ((metric.low, True), (metric.high, False)):
        if end is not None and (row.value < end - ROUNDING if below else row.value > end + ROUNDING):
            yield f"value is {row.value!r}; {metric.word} is {'at least' if below else 'at most'} {end:g}"
    if hasattr(row, "interval") and not any(name in row.interval for name in _NOT_CENTRED):
        yield from _outside_limits(row, "value")


def _of_difference(row: Any, ranges: int) -> Iterator[str]:
    if row.difference is None:
        return
    largest = ranges * METRICS[row.metric].largest_difference
    if abs(row.difference) > largest + ROUNDING:
        yield f"difference is {row.difference!r}; expected a fraction from {-largest:g} to {largest:g}"
    if not any(name in (getattr(row, "test", None) or "") for name in _NOT_CENTRED):
        yield from _outside_limits(row, "difference")


def _outside_limits(row: Any, name: str) -> Iterator[str]:
    value = getattr(row, name)
    rounding = ROUNDING * max(1.0, abs(value))
    if row.low is not None and value < row.low - rounding:
        yield f"{name} is {value!r}, below low, {row.low!r}"
    if row.high is not None and value > row.high + rounding:
        yield f"{name} is {value!r}, above high, {row.high!r}"


def _primaries(result: Any) -> Iterator[str]:
    named = {(primary.get("metric"), primary.get("label")) for primary in result.settings.primaries}
    for k, row in enumerate(result.comparisons):
        if row.primary and (row.metric, row.label) not in named:
            yield f"comparisons.{k}: primary is true, but settings.primary names none on {row.metric} {row.label}"
