"""Variance components of every declared contrast, as rows of results.json.

In: a `MetricOfRuns` and contrasts. Out: `VarianceComponent` rows, which planning reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from medkt_eval.inference.obuchowski_rockette import undefined
from medkt_eval.measurement.all_labels import MetricOfRuns
from medkt_eval.planning.variance_components import components
from medkt_eval.results.schema import Arm, VarianceComponent
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions


def components_of(
    measure: MetricOfRuns,
    pairs: Sequence[Contrast],
    arms: Mapping[str, Arm],
    places: Mapping[str, np.ndarray],
    n_patients: int,
    plan: AnalysisOptions,
) -> list[VarianceComponent]:
    """Components of each contrast's difference; none where the primary analysis does not exist."""
    rows = []
    for pair in pairs:
        a, b = places[pair.arm_a], places[pair.arm_b]
        both = measure.of(np.concatenate([a, b]))
        values_a, values_b = both.values[: len(a)], both.values[len(a) :]
        absent = (undefined(arm, both.covariance, both.df_patients) for arm in (values_a, values_b))
        if both.undefined_because or any(absent):
            continue
        found = components(
            values_a,
            values_b,
            both.covariance,
            seeds=plan.analysis.seeds,
            n_patients=n_patients,
            df_patients=both.df_patients,
        )
        rows += [
            VarianceComponent(
                dataset=arms[pair.arm_a].dataset,
                arm_a=pair.arm_a,
                arm_b=pair.arm_b,
                metric=both.metric,
                label=both.label,
                component=name,
                value=value,
                n_seeds_a=len(a),
                n_seeds_b=len(b),
                n_patients=n_patients,
                df_patients=both.df_patients,
            )
            for name, value in found.by_name().items()
        ]
    return rows
