"""Estimates: the mean of a metric over an arm's seeds, with each interval.

In: a `MetricOfRuns` of the arm's runs. Out: `Estimate` rows of results.json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from medkt_eval.comparisons.bootstrap_tests import STUDENTIZED, bootstrap_limits
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
from medkt_eval.results.vocabulary import AVERAGES, METRICS

IMAGES_DELONG = "images:delong"
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
    because = metric.undefined_because
    rows = []
    for name in intervals:
        if not _exists(name, metric):
            continue
        printed = IMAGES_DELONG if name == "patients:delong" and n_patients is None else name
        interval, n_undefined = None, None
        no_error = None if name.startswith("seeds:") else metric.no_error_because(arm)
        if not because:
            interval, n_undefined = _interval(name, arm, metric, level, seed, studentized, degrees_of_freedom)
        if interval and no_error:
            interval = Interval.absent(no_error, name=name, level=level)
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
                note=METRICS[metric.metric].caution,
                undefined_because=interval.undefined_because if interval else because,
            )
        )
    return rows


def _exists(name: str, metric: MetricOfRuns) -> bool:
    """Whether the metric has an interval of that name."""
    if name == "patients:delong":
        return metric.delong is not None
    if name == STUDENTIZED:
        averages = set(AVERAGES) - {"macro", "weighted"}
        return metric.metric == "auc" and metric.label not in averages and metric.group is None
    if name == "patients:jackknife":
        return metric.has_jackknife
    return METRICS[metric.metric].is_resampled or "bootstrap" not in name


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
    if name in (obuchowski_rockette.NAME, "patients:jackknife"):
        facts = METRICS[metric.metric]
        low, width = (0.0, 1.0)
        if facts.low is not None and facts.high is not None:
            low, width = facts.low, facts.high - facts.low
        interval_of = jackknife_interval
        if name == obuchowski_rockette.NAME:
            interval_of = partial(obuchowski_rockette.interval, degrees_of_freedom=degrees_of_freedom)
        interval = interval_of(
            (values - low) / width,  # in (0, 1), where there is a logit
            covariance / width**2,
            df_patients=metric.df_patients,
            level=level,
            scale="logit" if facts.is_bounded else "identity",
        )
        if interval.undefined_because and metric.no_covariance_because:
            interval = replace(interval, undefined_because=metric.no_covariance_because)
        return _scaled(interval, low, width), None
    weights = np.full(len(values), 1 / len(values))
    if name == "seeds+patients:bootstrap":
        drawn = mean_over_drawn_seeds(metric.replicates, seed=seed, dataset=arm.dataset, stream=arm.arm)
        limits = bootstrap_intervals.percentile(float(values.mean()), drawn, level, rounding=tolerance(values))
        if len(values) < 2:
            limits = Limits.absent("one seed: no seeds to draw from")
    elif name == STUDENTIZED:
        limits = studentized or Limits.absent("this interval exists for the average over all labels only")
    else:
        limits = bootstrap_limits(name.removeprefix("patients:bootstrap-"), metric, weights, level)
    interval = Interval(name, limits.low, limits.high, level, limits.se, None, limits.undefined_because)
    return interval, limits.n_undefined


def _scaled(interval: Interval, low: float, width: float) -> Interval:
    """Back from (0, 1) to the metric's own bounds."""
    return replace(
        interval,
        low=None if interval.low is None else width * interval.low + low,
        high=None if interval.high is None else width * interval.high + low,
        se=None if interval.se is None else width * interval.se,
    )
