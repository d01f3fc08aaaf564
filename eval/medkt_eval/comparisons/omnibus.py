"""Tests of all arms at once: a k-way F test with seeds and patients random, and Friedman's test over data sets.

In: a `MetricOfRuns` and its arms, or the arms' estimates on several data sets. Out: `Omnibus` rows of results.json.
Pairwise tests do not depend on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from medkt_eval.inference.friedman import friedman
from medkt_eval.inference.obuchowski_rockette import NAME, mean_covariances, why_undefined
from medkt_eval.inference.rounding import is_rounding
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.results.schema import Arm, Estimate, Omnibus
from medkt_eval.results.vocabulary import METRICS
from medkt_eval.study.options import AnalysisOptions


@dataclass(frozen=True)
class BoxF:
    """A Box-type F test that all arms are equal."""

    statistic: float
    df1: float
    df2: float
    p_value: float


def box_f(arms: Sequence[np.ndarray], covariance: np.ndarray, *, seeds: Literal["nested", "crossed"]) -> BoxF:
    """Test that all arms have the same expected metric, whatever the variances of their seeds.

    F = theta' T theta / tr(TV), T = I - J/t, V = (variance of the arms' means over seeds) + (D: their covariance over
    patients); df1 = tr(TV)^2 / tr(TVTV), df2 = tr(TV)^2 / sum of T_ii^2 (MS_i/r_i)^2/(r_i - 1). Brunner, Dette & Munk
    1997, JASA 92:1494, with V of Obuchowski & Rockette. Hillis's F pools MS over arms: liberal where they differ.

    Parameters
    ----------
    arms : sequence of float64, (n_seeds,)
        The metric of each seed's run, two seeds or more an arm.
    covariance : float64, (n_runs, n_runs)
        Over patients, arm by arm.
    seeds : {"nested", "crossed"}
        As in `obuchowski_rockette.analyse`.
    """
    t = len(arms)
    r = np.array([len(arm) for arm in arms])
    theta = np.array([arm.mean() for arm in arms])
    centring = np.eye(t) - 1 / t
    if seeds == "crossed":
        of_seeds = np.cov(np.array(arms)) / r[0]
        spread = float(np.trace(centring @ of_seeds @ centring @ of_seeds)) / (r[0] - 1)
    else:
        shares = np.array([arm.var(ddof=1) for arm in arms]) / r
        of_seeds = np.diag(shares)
        spread = float((np.diag(centring) ** 2 * shares**2 / (r - 1)).sum())
    of_patients = mean_covariances(covariance, r, seeds)
    if np.trace(centring @ of_patients) < 0:  # as a difference's: an estimate below 0 is 0
        of_patients = np.zeros_like(of_patients)
    tv = centring @ (of_seeds + of_patients)
    trace = float(np.trace(tv))
    statistic = float(theta @ centring @ theta) / trace
    df1, df2 = trace**2 / float(np.trace(tv @ tv)), trace**2 / spread
    return BoxF(statistic, df1, df2, float(stats.f.sf(statistic, df1, df2)))


def of_all_arms(metric: MetricOfRuns, arms: Sequence[Arm], options: AnalysisOptions) -> list[Omnibus]:
    """The test of all arms of each training size that has three or more."""
    sizes: dict[int | None, list[Arm]] = defaultdict(list)
    for arm in arms:
        if arm.role == "arm":
            sizes[arm.train_size].append(arm)
    return [_of_arms(metric, group, options) for group in sizes.values() if len(group) > 2]


def _of_arms(metric: MetricOfRuns, group: Sequence[Arm], options: AnalysisOptions) -> Omnibus:
    of_group = metric.of_arms(*group)
    because = of_group.undefined_because or of_group.no_error_because(*group) or of_group.no_covariance_because
    values = [metric.of_arm(arm).values for arm in group]
    for arm in values:
        because = because or why_undefined(arm, of_group.covariance, metric.df_patients)
    crossed = options.analysis.seeds == "crossed"
    apart = [value - np.mean(values, axis=0) for value in values] if crossed else values
    if because is None and all(is_rounding(float(np.ptp(value)), *values) for value in apart):
        because = "no difference between arms varies over seeds" if crossed else "no arm varies over its seeds"
    test = None if because else box_f(values, of_group.covariance, seeds=options.analysis.seeds)
    return Omnibus(
        test="box-f",
        scope="seeds+patients",
        datasets=[group[0].dataset],
        train_size=group[0].train_size,
        arms=[arm.arm for arm in group],
        metric=metric.metric,
        label=metric.label,
        statistic=test.statistic if test else None,
        df1=test.df1 if test else None,
        df2=test.df2 if test else None,
        p_value=test.p_value if test else None,
        undefined_because=because,
    )


def over_datasets(arms: Sequence[Arm], estimates: Sequence[Estimate], level: float) -> list[Omnibus]:
    """Friedman's and Nemenyi's tests of arms with the same name, if three arms share two or more data sets.

    Only the largest training size of a data set is used: its sizes share test patients, so they are not data sets of
    their own.
    """
    by_id = {arm.arm: arm for arm in arms if arm.role == "arm"}
    sizes: dict[str, int | None] = {}
    for arm in by_id.values():
        sizes[arm.dataset] = max(sizes.get(arm.dataset) or 0, arm.train_size or 0) or None
    values: dict[tuple[str, str], dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in estimates:
        averaged = row.label in ("macro", "weighted") and row.interval == NAME and row.group is None
        averaged = averaged and METRICS[row.metric].is_compared
        largest = row.arm in by_id and by_id[row.arm].train_size == sizes[row.dataset]
        if averaged and largest and row.value is not None:
            values[row.metric, row.label][row.dataset][by_id[row.arm].name] = row.value
    rows = []
    for (metric, label), table in values.items():
        names = sorted(set.intersection(*(set(of_dataset) for of_dataset in table.values())))
        if len(table) < 2 or len(names) < 3:
            continue
        test = friedman(
            np.array([[of_dataset[name] for name in names] for of_dataset in table.values()]),
            level=level,
            lower_is_better=METRICS[metric].lower_is_better,
        )
        rows.append(
            Omnibus(
                test="friedman",
                scope="data sets",
                datasets=list(table),
                arms=names,
                metric=metric,
                label=label,
                statistic=test.statistic,
                df1=test.df,
                df2=None,
                p_value=test.p_value,
                mean_ranks=None if test.mean_ranks is None else [float(rank) for rank in test.mean_ranks],
                critical_difference=test.critical_difference,
                p_nemenyi=None if test.p_nemenyi is None else [[float(p) for p in row] for row in test.p_nemenyi],
                descriptive=test.descriptive,
                undefined_because=test.undefined_because,
            )
        )
    return rows
