"""Each arm's metric: the mean over its seeds, once with each interval.

In: a `MetricOfRuns` of the arm's runs. Out: `Estimate` rows of results.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from medkt_eval.comparisons.bootstrap_tests import bootstrap_limits
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.inference.degrees_of_freedom import DegreesOfFreedom
from medkt_eval.inference.interval import Interval
from medkt_eval.inference.over_patients import delong
from medkt_eval.inference.over_patients.patient_jackknife import jackknife_interval
from medkt_eval.inference.over_seeds.t_intervals import seeds_normal, seeds_t
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.resampling import limits as bootstrap_intervals
from medkt_eval.resampling.limits import Limits
from medkt_eval.resampling.seeds import mean_over_drawn_seeds
from medkt_eval.results.schema import Arm, Estimate
from medkt_eval.results.vocabulary import UNBOUNDED

IMAGES_DELONG = "images:delong"
# docs/coverage.md: no interval of a calibrated arm's error covers it; of a badly calibrated one the default does.
NOTES = {
    "ece": "biased upward: noise alone makes the error positive, and this interval is around the biased value; compare "
    "arms by their difference"
}


def estimates_of(
    arm: Arm,
    measure: MetricOfRuns,
    intervals: Sequence[str],
    *,
    n_patients: int | None,
    level: float,
    seed: int,
    studentized: Limits | None,
    degrees_of_freedom: DegreesOfFreedom = "satterthwaite",
) -> list[Estimate]:
    """The mean over seeds, once with each interval that the metric can have.

    Parameters
    ----------
    arm : Arm
    measure : MetricOfRuns
        Of the arm's runs alone, in the order of its seeds.
    intervals : sequence of str
        Names of statistics; `patients:delong` is left out where the metric has no placements.
    n_patients : int or None
        None where images were declared independent and no patient is named.
    level : float
        Confidence level in (0, 1).
    seed : int
        Of the random numbers.
    studentized : Limits or None
        Of the studentised bootstrap, made elsewhere; None where there is none.
    degrees_of_freedom : {"satterthwaite", "hillis"}
        Of the default interval: see `obuchowski_rockette.analyse`.
    """
    because = measure.undefined_because
    rows = []
    for name in intervals:
        if name == "patients:delong" and measure.delong is None:
            continue
        if name == "patients:bootstrap-studentized" and studentized is None:
            continue
        if name == "patients:jackknife" and not measure.has_jackknife:
            continue
        if "bootstrap" in name and measure.metric in UNBOUNDED:  # calibration is not resampled
            continue
        printed = IMAGES_DELONG if name == "patients:delong" and n_patients is None else name
        made, n_undefined = None, None
        if not because:
            made, n_undefined = _interval(name, arm, measure, level, seed, studentized, degrees_of_freedom)
        rows.append(
            Estimate(
                dataset=arm.dataset,
                arm=arm.arm,
                metric=measure.metric,
                label=measure.label,
                group=measure.group,
                value=None if because else float(measure.values.mean()),
                se=made.se if made else None,
                low=made.low if made else None,
                high=made.high if made else None,
                level=level,
                interval=printed,
                df=made.df if made else None,
                n_seeds=len(measure.runs),
                n_patients=n_patients,
                n_images=measure.n_images,
                n_positive=measure.n_positive,
                undefined_replicates=n_undefined,
                note=NOTES.get(measure.metric),
                undefined_because=made.undefined_because if made else because,
            )
        )
    return rows


def _interval(
    name: str,
    arm: Arm,
    measure: MetricOfRuns,
    level: float,
    seed: int,
    studentized: Limits | None,
    degrees_of_freedom: DegreesOfFreedom,
) -> tuple[Interval, int | None]:
    """The interval, and how many bootstrap replicates were undefined."""
    values, covariance = measure.values, measure.covariance
    if name == "seeds:t":
        return seeds_t(values, level), None
    if name == "seeds:normal":
        return seeds_normal(values, level), None
    if name == "patients:delong":
        assert measure.delong is not None
        return delong.interval(values, measure.delong, level), None
    if name in (obuchowski_rockette.NAME, "patients:jackknife"):
        kappa = measure.metric == "kappa_quadratic"  # in (-1, 1): (1 + kappa)/2 has a logit
        shown = (1 + values) / 2 if kappa else values
        of = jackknife_interval
        if name == obuchowski_rockette.NAME:
            of = partial(obuchowski_rockette.interval, degrees_of_freedom=degrees_of_freedom)
        made = of(
            shown,
            covariance / 4 if kappa else covariance,
            df_patients=measure.df_patients,
            level=level,
            scale="identity" if measure.metric in UNBOUNDED else "logit",
        )
        if made.undefined_because and measure.no_covariance_because:
            made = replace(made, undefined_because=measure.no_covariance_because)
        return _doubled(made) if kappa else made, None
    weights = np.full(len(values), 1 / len(values))
    if name == "seeds+patients:bootstrap":
        drawn = mean_over_drawn_seeds(measure.replicates, seed=seed, dataset=arm.dataset, stream=arm.arm)
        limits = bootstrap_intervals.percentile(float(values.mean()), drawn, level)
        if len(values) < 2:
            limits = Limits.absent("one seed: no seeds to draw from")
    elif studentized is not None and name == "patients:bootstrap-studentized":
        limits = studentized
    else:
        limits = bootstrap_limits(name.removeprefix("patients:bootstrap-"), measure, weights, level)
    made = Interval(name, limits.low, limits.high, level, limits.se, None, limits.undefined_because)
    return made, limits.n_undefined


def _doubled(made: Interval) -> Interval:
    """Back from (0, 1) to (-1, 1)."""
    return replace(
        made,
        low=None if made.low is None else 2 * made.low - 1,
        high=None if made.high is None else 2 * made.high - 1,
        se=None if made.se is None else 2 * made.se,
    )
