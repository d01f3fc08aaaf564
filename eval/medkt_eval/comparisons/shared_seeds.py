"""How alike runs of one seed are in two arms, as rows of results.json: whether the next study should declare `crossed`.

In: a `MetricOfRuns` and contrasts. Out: `SeedCorrelation` rows, which the report and planning read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medkt_eval.inference.over_seeds.correlation import Correlation, correlation_over_seeds
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.results.recorded import SeedCorrelation
from medkt_eval.results.schema import Arm
from medkt_eval.study.contrasts import Contrast


def seed_correlations(
    metric: MetricOfRuns, arms: Sequence[Arm], pairs: Sequence[Contrast], level: float
) -> list[SeedCorrelation]:
    """Correlate the runs of each contrast's arms over the seed numbers that both have.

    Parameters
    ----------
    metric : MetricOfRuns
        The metric of all runs of the data set.
    arms : sequence of Arm
        Those of the contrasts.
    pairs : sequence of Contrast
        Within the data set.
    level : float
        Confidence level of the interval.
    """
    by_id = {arm.arm: arm for arm in arms}
    rows = []
    for pair in pairs:
        a, b = by_id[pair.arm_a], by_id[pair.arm_b]
        shared = [seed for seed in a.seeds if seed in b.seeds]
        both = metric.of_arms(a, b)
        found = _correlation(both.values[: len(a.seeds)], both.values[len(a.seeds) :], a, b, shared, level)
        if both.undefined_because:
            found = Correlation(None, undefined_because=both.undefined_because)
        rows.append(
            SeedCorrelation(
                dataset=a.dataset,
                arm_a=a.arm,
                arm_b=b.arm,
                metric=both.metric,
                label=both.label,
                value=found.value,
                low=found.low,
                high=found.high,
                level=level,
                n_seeds=len(shared),
                undefined_because=found.undefined_because,
            )
        )
    return rows


def _correlation(
    values_a: np.ndarray, values_b: np.ndarray, a: Arm, b: Arm, shared: Sequence[int], level: float
) -> Correlation:
    if not shared:
        return Correlation(None, undefined_because="the arms have no seed in common")
    of_a, of_b = (
        np.array([values[arm.seeds.index(seed)] for seed in shared]) for arm, values in ((a, values_a), (b, values_b))
    )
    return correlation_over_seeds(of_a, of_b, level)
