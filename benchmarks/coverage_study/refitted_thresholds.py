"""Percentile limits where thresholds are chosen again in each replicate, `thresholds = "refit"`.

In: a cell of further.toml and the number of a study. Out: `Outcome`s of the percentile bootstrap: refitted as medkt
does it, without moving the replicates to the estimate, and with thresholds held fixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.coverage_study.further_cells import RefitCell
from benchmarks.coverage_study.measure import LEVEL, REPLICATES, Outcome
from benchmarks.coverage_study.simulate import draw
from medkt_eval.comparisons.bootstrap_tests import bootstrap_limits
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.resampling.limits import Limits, percentile
from medkt_eval.resampling.threshold_refit import ThresholdRefit

MOVED, NOT_MOVED, HELD_FIXED = "refitted", "refitted, not moved to the estimate", "thresholds held fixed"


def analyse_refit(cell: RefitCell, number: int) -> Iterator[Outcome]:
    """Check whether the percentile limits of each arm and of the difference contain the true values."""
    validations = cell.validations(number)
    test = replace(draw(cell, number).test, thresholds=cell.chosen(validations))
    refit = ThresholdRefit("max_f1", REPLICATES, number)
    again = replace(test, refitted=refit.thresholds(validations, len(cell.labels), dataset=cell.name))
    options = MeasurementOptions((cell.metric,), REPLICATES, number, cell.name)
    fixed, refitted = (next(iter(measure(one, options, averages=()))) for one in (test, again))
    truth = cell.truth
    own, other = np.repeat([[1.0, 0.0], [0.0, 1.0]], cell.seeds, axis=1) / cell.seeds
    for of, weights, true in (
        ("arm 0", own, truth[0]),
        ("arm 1", other, truth[1]),
        ("difference", own - other, 0.0 if cell.has_equal_arms else truth[0] - truth[1]),
    ):
        null = of == "difference" and cell.has_equal_arms
        for name, metric, limits in (
            (MOVED, refitted, bootstrap_limits("percentile", refitted, weights, LEVEL)),
            (NOT_MOVED, refitted, _as_drawn(refitted, weights)),
            (HELD_FIXED, fixed, bootstrap_limits("percentile", fixed, weights, LEVEL)),
        ):
            yield _outcome(number, of, name, float(weights @ metric.values), limits, true, null)


def _as_drawn(metric: MetricOfRuns, weights: np.ndarray) -> Limits:
    return percentile(float(weights @ metric.values), weights @ metric.replicates, LEVEL)


def _outcome(number: int, of: str, name: str, value: float, limits: Limits, truth: float, null: bool) -> Outcome:
    if limits.low is None or limits.high is None:
        return Outcome(number, of, name, value)
    rejects = bool(limits.p_value < 1 - LEVEL) if null and limits.p_value is not None else None
    covers = bool(limits.low <= truth <= limits.high)
    return Outcome(number, of, name, value, limits.high - limits.low, covers, rejects=rejects)
