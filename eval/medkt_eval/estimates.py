"""Each arm's metric: the mean over its seeds, once with each interval.

In: the runs' values. Out: `Estimate` rows of results.json.
"""

from __future__ import annotations

from medkt_eval.intervals import seeds_normal, seeds_t
from medkt_eval.results import Arm, Estimate
from medkt_eval.run_metrics import TestSet, Values, over_seeds

INTERVALS = {"seeds:t": seeds_t, "seeds:normal": seeds_normal}


def estimates_of(arm: Arm, values: Values, level: float, test: TestSet) -> list[Estimate]:
    """The mean over seeds of each metric, once with each interval."""
    rows = []
    for (arm_id, metric, label), runs in values.items():
        if arm_id != arm.arm:
            continue
        numbers, because = over_seeds(runs)
        for name, interval in INTERVALS.items():
            made = None if numbers is None else interval(numbers, level)
            rows.append(
                Estimate(
                    dataset=arm.dataset, arm=arm.arm, metric=metric, label=label,
                    value=None if numbers is None else float(numbers.mean()),
                    se=made.se if made else None, low=made.low if made else None, high=made.high if made else None,
                    level=level, interval=name, df=made.df if made else None,
                    n_seeds=len(runs), n_patients=test.n_patients, n_images=runs[0].n_images,
                    n_positive=runs[0].n_positive, undefined_because=made.undefined_because if made else because,
                )
            )  # fmt: skip
    return rows
