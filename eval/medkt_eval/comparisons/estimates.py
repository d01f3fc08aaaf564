"""Estimates: the mean of a metric over an arm's seeds, with each interval.

In: a `MetricOfRuns` of the arm's runs. Out: `Estimate` rows of results.json; those of a metric that has a root are
followed by the root's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from medkt_eval.comparisons.bootstrap_tests import STUDENTIZED, bootstrap_limits, recentred
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.inference.degrees_of_freedom import DegreesOfFreedom
from medkt_eval.inference.interval import Interval
from medkt_eval.inference.over_patients import delong
from medkt_eval.inference.over_patients.patient_jackknife import jackknife_interval
from medkt_eval.inference.over_seeds.t_intervals import seeds_normal, seeds_t
from medkt_eval.inference.rounding import tolerance
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.resampling import limits as bootstrap_intervals
from medkt_eval.resampling.limits import Limits
from medkt_eval.resampling.seeds import mean_over_drawn_seeds
from medkt_eval.results.schema import Arm, Estimate
from medkt_eval.results.vocabulary import AVERAGES, METRICS, ROOTS

IMAGES_DELONG = "images:delong"
FROM_JACKKNIFE = (obuchowski_rockette.NAME, "patients:jackknife")
CENTRED = (
    "centred on the value without the jackknife's estimate of its small-sample bias, so it may lie unevenly about the "
    "estimate"
)
BELOW_ZERO = "the interval of the squared error lies below 0, where an error has no root"
OUTSIDE = "the interval lies outside the range of the metric"
INTERVALS_OVER_SEEDS: Mapping[str, Callable[[np.ndarray, float], Interval]] = {
    "seeds:t": seeds_t,
    "seeds:normal": seeds_normal,
}
"""Intervals of the runs' values alone, by name."""


def estimates_of(
    arm: Arm,
    metric: MetricOfRuns,
    intervals: Sequence[str],
    *,
    n_patients: int | None,
    level: float,
    seed: int,
    studentized: Limits | None,
    degrees_of_freedom: DegreesOfFreedom = "satterthwaite",
) -> list[Estimate]:
    """The mean over seeds, with each requested interval that exists for the metric.

    Parameters
    ----------
    arm : Arm
    metric : MetricOfRuns
        The metric of only the arm's runs, in the order of its seeds.
    intervals : sequence of str
        Names in `results.vocabulary.INTERVALS`.
    n_patients : int or None
        None where images were declared independent and no patient is named.
    level : float
        Confidence level in (0, 1).
    seed : int
        Seed of the random numbers.
    studentized : Limits or None
        Limits of the studentised bootstrap, which image_tests.py computes; None: it was not computed.
    degrees_of_freedom : {"satterthwaite", "hillis"}
        The choice for the default interval; see `obuchowski_rockette.analyse`.
    """
    because, facts = metric.undefined_because, METRICS[metric.metric]
    rows = []
    for name in intervals:
        if not _exists(name, metric):
            continue
        printed = IMAGES_DELONG if name == "patients:delong" and n_patients is None else name
        interval, n_undefined = None, None
        no_error = None if name.startswith("seeds:") else metric.no_error_because(arm)
        if not because and facts.no_inference:
            interval = Interval.absent(facts.no_inference, name=name, level=level)
        elif not because:
            interval, n_undefined = _interval(name, arm, metric, level, seed, studentized, degrees_of_freedom)
            interval = Interval.absent(no_error, name=name, level=level) if no_error else interval
        interval = interval and _within_range(interval, metric.metric)
        rows.append(
            Estimate(
                dataset=arm.dataset,
                arm=arm.arm,
                metric=metric.metric,
                label=metric.label,
                group=metric.group,
                value=None if because else float(metric.values.mean()),
                se=interval.se if interval else None,
                low=interval.low if interval else None,
                high=interval.high if interval else None,
                level=level,
                interval=printed,
                df=interval.df if interval else None,
                n_seeds=len(metric.runs),
                n_patients=n_patients,
                n_images=metric.n_images,
                n_positive=metric.n_positive,
                undefined_replicates=n_undefined,
                note=CENTRED if interval and interval.low is not None and _is_centred(name, metric) else None,
                undefined_because=interval.undefined_because if interval else because,
            )
        )
    return rows + [_root(row) for row in rows if row.metric in ROOTS]


def _root(row: Estimate) -> Estimate:
    """The root of a squared error: of the mean over seeds and labels, and of its limits, cut to 0-1 here only."""
    value, low, high = (None if of is None else min(max(of, 0.0), 1.0) ** 0.5 for of in (row.value, row.low, row.high))
    because = row.undefined_because
    if row.high is not None and row.high < 0:
        low, high, because = None, None, BELOW_ZERO
    changed = {"metric": ROOTS[row.metric], "value": value, "low": low, "high": high, "se": None}
    return row.model_copy(update=changed | {"undefined_because": because})


def _exists(name: str, metric: MetricOfRuns) -> bool:
    """Whether the metric has an interval of that name."""
    if name == "patients:delong":
        return metric.delong is not None
    if name == STUDENTIZED:
        averages = set(AVERAGES) - {"macro", "weighted"}
        return metric.metric == "auc" and metric.label not in averages and metric.group is None
    if name == "patients:jackknife":
        return metric.has_jackknife
    facts = METRICS[metric.metric]
    return facts.is_resampled or facts.no_inference is not None or "bootstrap" not in name


def _is_centred(name: str, metric: MetricOfRuns) -> bool:
    """Whether the interval lies around the value without the jackknife's bias, which must be a value of the metric."""
    if metric.bias is None or name not in FROM_JACKKNIFE:
        return False
    return 0 < metric.values.mean() - metric.bias.mean() < 1


def _interval(
    name: str,
    arm: Arm,
    metric: MetricOfRuns,
    level: float,
    seed: int,
    studentized: Limits | None,
    degrees_of_freedom: DegreesOfFreedom,
) -> tuple[Interval, int | None]:
    """The interval, and the number of bootstrap replicates in which the mean is undefined."""
    values, covariance = metric.values, metric.covariance
    if name in INTERVALS_OVER_SEEDS:
        return INTERVALS_OVER_SEEDS[name](values, level), None
    if name == "patients:delong":
        assert metric.delong is not None
        return delong.interval(values, metric.delong, level), None
    if name in FROM_JACKKNIFE:
        facts = METRICS[metric.metric]
        low, width = (0.0, 1.0)
        if facts.low is not None and facts.high is not None:
            low, width = facts.low, facts.high - facts.low
        interval_of = jackknife_interval
        if name == obuchowski_rockette.NAME:
            interval_of = partial(obuchowski_rockette.interval, degrees_of_freedom=degrees_of_freedom)
        bias = metric.bias.mean() if metric.bias is not None and _is_centred(name, metric) else 0.0
        interval = interval_of(
            (values - bias - low) / width,  # in (0, 1), where there is a logit
            covariance / width**2,
            df_patients=metric.df_patients,
            level=level,
            scale="logit" if facts.is_bounded else "identity",
        )
        if interval.undefined_because and metric.no_covariance_because:
            interval = replace(interval, undefined_because=metric.no_covariance_because)
        return _holding(float(values.mean()), _scaled(interval, low, width)), None
    weights = np.full(len(values), 1 / len(values))
    if name == "seeds+patients:bootstrap":
        drawn = mean_over_drawn_seeds(metric.replicates, seed=seed, dataset=arm.dataset, stream=arm.arm)
        value, replicates = float(values.mean()), recentred(metric, weights, drawn)
        limits = bootstrap_intervals.percentile(value, replicates, level, rounding=tolerance(values))
        if len(values) < 2:
            limits = Limits.absent("one seed: no seeds to draw from")
    elif name == STUDENTIZED:
        limits = studentized or Limits.absent("this interval exists for the average over all labels only")
    else:
        limits = bootstrap_limits(name.removeprefix("patients:bootstrap-"), metric, weights, level)
    interval = Interval(name, limits.low, limits.high, level, limits.se, None, limits.undefined_because)
    return interval, limits.n_undefined


def _holding(value: float, interval: Interval) -> Interval:
    """The interval, widened to its own estimate where a large bias of few patients puts it beside that."""
    if interval.low is None or interval.high is None:
        return interval
    return replace(interval, low=min(interval.low, value), high=max(interval.high, value))


def _within_range(interval: Interval, metric: str) -> Interval:
    """The interval, cut at the ends of the metric's range: a symmetric or reflected one can exceed it."""
    facts = METRICS[metric]
    if interval.low is None or interval.high is None or facts.low is None or facts.high is None:
        return interval
    low, high = max(interval.low, facts.low), min(interval.high, facts.high)
    if low < high:
        return replace(interval, low=low, high=high)
    return Interval.absent(OUTSIDE, name=interval.name, level=interval.level, se=interval.se, df=interval.df)


def _scaled(interval: Interval, low: float, width: float) -> Interval:
    """Back from (0, 1) to the metric's own bounds."""
    return replace(
        interval,
        low=None if interval.low is None else width * interval.low + low,
        high=None if interval.high is None else width * interval.high + low,
        se=None if interval.se is None else width * interval.se,
    )
