"""Limits and tests from the joint bootstrap replicates of one or two arms' runs.

In: a `MetricOfRuns` with replicates. Out: `Limits` and `TestResult`.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.inference.rounding import tolerance
from medkt_eval.inference.test_result import TestResult
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.resampling import limits as bootstrap
from medkt_eval.resampling.limits import Limits
from medkt_eval.results.vocabulary import METRICS

BOOTSTRAPS = ("percentile", "basic", "bca")
STUDENTIZED = "patients:bootstrap-studentized"


def bootstrap_limits(kind: str, metric: MetricOfRuns, weights: np.ndarray, level: float) -> Limits:
    """Limits of a weighted sum of runs' values: an arm's mean, or a difference of two.

    Parameters
    ----------
    kind : {"percentile", "basic", "bca"}
    metric : MetricOfRuns
        The metric of the runs that are weighted.
    weights : float64, (n_runs,)
    level : float
        Confidence level in (0, 1).
    """
    value, replicates = float(weights @ metric.values), weights @ metric.replicates
    rounding = tolerance(metric.values)
    if kind == "percentile":
        return bootstrap.percentile(value, recentred(metric, weights, replicates), level, rounding=rounding)
    if kind == "bca":
        if metric.without_patient is None:
            because = f"{metric.metric} has no patient jackknife, so no acceleration"
            return Limits.absent(because, n_undefined=int(np.isnan(replicates).sum()))
        return bootstrap.bca(
            value, replicates, level, without_patient=weights @ metric.without_patient, rounding=rounding
        )
    return bootstrap.basic(value, replicates, level, rounding=rounding)


def recentred(metric: MetricOfRuns, weights: np.ndarray, replicates: np.ndarray) -> np.ndarray:
    """Replicates for percentile limits: moved to the estimate if thresholds were chosen again in each.

    A threshold that is chosen on a resample is worse than one that is chosen on as many different patients. So the
    replicates are low on average, by a bias that the estimate does not have.

    Parameters
    ----------
    metric : MetricOfRuns
        The metric of the runs that are weighted.
    weights : float64, (n_runs,)
    replicates : float64, (n_replicates,)
        Of the weighted sum.
    """
    facts = METRICS[metric.metric]
    thresholds_are_refitted = facts.kind == "calls" and not metric.has_jackknife
    if not thresholds_are_refitted or np.isnan(replicates).all() or facts.low is None or facts.high is None:
        return replicates
    added, subtracted = weights.clip(min=0).sum(), weights.clip(max=0).sum()
    moved = replicates + float(weights @ metric.values) - np.nanmean(replicates)
    return moved.clip(added * facts.low + subtracted * facts.high, added * facts.high + subtracted * facts.low)


def bootstrap_test(name: str, difference: float, limits: Limits, level: float) -> TestResult:
    """A difference with its bootstrap interval and the p-value of the same replicates."""
    return TestResult(
        test=name,
        scope="patients",
        difference=difference,
        se=limits.se,
        low=limits.low,
        high=limits.high,
        level=level,
        statistic=None,
        df=None,
        p_value=limits.p_value,
        undefined_because=limits.undefined_because,
        undefined_replicates=limits.n_undefined,
    )
