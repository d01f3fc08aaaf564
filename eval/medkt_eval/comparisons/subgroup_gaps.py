"""Gaps between groups, by arm and between arms, tested with seeds and patients random.

In: the `MetricOfRuns` of each gap, from measurement/subgroups.py. Out: `Gap` rows of results.json, to be adjusted in
their families: Holm within (data set, metric, average) over groups and arms; Benjamini-Hochberg for labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from medkt_eval.inference import obuchowski_rockette
from medkt_eval.inference.degrees_of_freedom import finite
from medkt_eval.inference.rounding import is_rounding, without_cancelling
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.results.schema import Arm, Gap
from medkt_eval.results.vocabulary import AVERAGES, METRICS
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions


def gap_rows(gap: MetricOfRuns, arms: Sequence[Arm], pairs: Sequence[Contrast], options: AnalysisOptions) -> list[Gap]:
    """Test each arm's gap against 0, and each contrast's difference of gaps; not adjusted yet.

    Parameters
    ----------
    gap : MetricOfRuns
        The gap of one group, for all runs of the data set.
    arms : sequence of Arm
    pairs : sequence of Contrast
    options : AnalysisOptions
    """
    rows = [_row(gap, arm, None, options) for arm in arms if arm.role == "arm"]
    by_id = {arm.arm: arm for arm in arms}
    for pair in pairs:
        rows.append(_row(gap, by_id[pair.arm_a], by_id[pair.arm_b], options))
    return rows


def _row(of_all: MetricOfRuns, a: Arm, b: Arm | None, options: AnalysisOptions) -> Gap:
    arms = [a] if b is None else [a, b]
    gap, dataset = of_all.of_arms(*arms), a.dataset
    values = [of_all.of_arm(arm).values for arm in arms]
    signs = [1.0, -1.0][: len(values)]
    because = gap.undefined_because
    scale = np.array([gap.scale])
    difference = None if because else float(np.dot(signs, [arm.mean() for arm in values]))
    if difference is not None and is_rounding(abs(difference), scale):
        difference = 0.0
    because = because or gap.no_error_because(*arms)
    if because is None and gap.no_covariance_because:
        because = f"inside the group or outside it, {gap.no_covariance_because}"
    for arm in values:
        because = because or obuchowski_rockette.why_undefined(arm, gap.covariance, gap.df_patients)
    tested: dict[str, float | None] = dict.fromkeys(("se", "low", "high", "statistic", "df", "p_value"))
    if because is None:
        contrast = obuchowski_rockette.analyse(
            values,
            gap.covariance,
            signs,
            seeds=options.analysis.seeds,
            df_patients=gap.df_patients,
            degrees_of_freedom=options.analysis.degrees_of_freedom,
        )
        se = without_cancelling(contrast.variance, float(np.trace(gap.covariance))) ** 0.5
        if is_rounding(se, scale):
            vary = obuchowski_rockette.patients_vary(values, signs, gap.covariance)
            because = obuchowski_rockette.BELOW_ZERO if vary else obuchowski_rockette.NO_VARIATION
        else:
            bound = len(arms) * METRICS[gap.metric].largest_difference
            reach, statistic = float(stats.t.ppf((1 + options.level) / 2, contrast.df)) * se, contrast.value / se
            tested = {
                "se": se,
                "low": max(contrast.value - reach, -bound),
                "high": min(contrast.value + reach, bound),
                "statistic": statistic,
                "df": finite(contrast.df),
                "p_value": float(2 * stats.t.sf(abs(statistic), contrast.df)),
            }
    kind = "gaps" if b is None else "differences of gaps"
    averaged = gap.label in AVERAGES
    where = f"{gap.metric} {gap.label}" if averaged else f"{gap.metric} by label"
    return Gap(
        dataset=dataset,
        group=str(gap.group),
        arm_a=a.arm,
        arm_b=None if b is None else b.arm,
        metric=gap.metric,
        label=gap.label,
        difference=difference,
        level=options.level,
        test=obuchowski_rockette.TEST,
        scope=obuchowski_rockette.SCOPE,
        **tested,
        p_adjusted=None,
        adjustment="holm" if averaged else "benjamini-hochberg",
        family=f"{dataset}/{where}/{kind}",
        n_patients=options.n_patients,
        n_images=gap.n_images,
        undefined_because=because,
    )
