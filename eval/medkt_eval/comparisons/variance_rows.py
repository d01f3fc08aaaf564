"""Variance components of every declared contrast, as rows of results.json.

In: a `MetricOfRuns` and contrasts. Out: `VarianceComponent` rows, which planning reads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medkt_eval.inference.obuchowski_rockette import why_undefined
from medkt_eval.inference.rounding import is_rounding
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.planning.variance_components import measure_components
from medkt_eval.results.schema import Arm, VarianceComponent
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions


def components_of(
    metric: MetricOfRuns, arms: Sequence[Arm], pairs: Sequence[Contrast], n_patients: int, options: AnalysisOptions
) -> list[VarianceComponent]:
    """Components of each contrast's difference; no rows for a contrast without a primary analysis.

    They are null if all runs of an arm have the same value, which says nothing of how its seeds vary.
    """
    by_id = {arm.arm: arm for arm in arms}
    rows = []
    for pair in pairs:
        a, b = by_id[pair.arm_a], by_id[pair.arm_b]
        both = metric.of_arms(a, b)
        values_a, values_b = both.values[: len(a.seeds)], both.values[len(a.seeds) :]
        absent = (why_undefined(arm, both.covariance, both.df_patients) for arm in (values_a, values_b))
        if both.undefined_because or both.no_error_because(a, b) or any(absent):
            continue
        of_contrast = measure_components(
            values_a,
            values_b,
            both.covariance,
            seeds=options.analysis.seeds,
            n_patients=n_patients,
            df_patients=both.df_patients,
        )
        because = _no_variation(a, values_a) or _no_variation(b, values_b)
        rows += [
            VarianceComponent(
                dataset=a.dataset,
                arm_a=pair.arm_a,
                arm_b=pair.arm_b,
                metric=both.metric,
                label=both.label,
                component=name,
                value=None if because else value,
                n_seeds_a=len(a.seeds),
                n_seeds_b=len(b.seeds),
                n_patients=n_patients,
                df_patients=both.df_patients,
                undefined_because=because,
            )
            for name, value in of_contrast.by_name().items()
        ]
    return rows


def _no_variation(arm: Arm, values: np.ndarray) -> str | None:
    if not is_rounding(float(np.ptp(values)), values):
        return None
    return f"all {len(values)} runs of {arm.arm} have the same value, which says nothing of how its seeds vary"
