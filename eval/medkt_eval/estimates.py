"""Each arm's metric: the mean over its seeds, once with each interval.

In: the runs' values. Out: `Estimate` rows of results.json.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval import obuchowski_rockette
from medkt_eval.intervals import Interval, seeds_normal, seeds_t
from medkt_eval.results import Arm, Estimate, RunValue
from medkt_eval.run_metrics import Measured, Values, arm_values, over_seeds

INTERVALS = (obuchowski_rockette.NAME, "seeds:t", "seeds:normal")  # the default first


def estimates_of(arm: Arm, values: Values, measured: Measured, level: float) -> list[Estimate]:
    """The mean over seeds of each metric, once with each interval."""
    rows = []
    test = measured.test_sets[arm.dataset]
    for (arm_id, metric, label), runs in values.items():
        if arm_id != arm.arm:
            continue
        numbers, because = over_seeds(runs)
        for name in INTERVALS:
            made = _interval(name, runs, measured, test.df_patients[label], level) if numbers is not None else None
            rows.append(
                Estimate(
                    dataset=arm.dataset, arm=arm.arm, metric=metric, label=label,
                    value=None if numbers is None else float(numbers.mean()),
                    se=made.se if made else None, low=made.low if made else None, high=made.high if made else None,
                    level=level, interval=name, df=made.df if made else None, n_seeds=len(runs),
                    n_patients=test.n_patients, n_images=runs[0].n_images, n_positive=runs[0].n_positive,
                    undefined_because=made.undefined_because if made else because,
                )
            )  # fmt: skip
    return rows


def _interval(name: str, runs: Sequence[RunValue], measured: Measured, df_patients: float, level: float) -> Interval:
    found = arm_values(runs, measured)
    assert found is not None  # only called where every run has a value
    if name == obuchowski_rockette.NAME:
        return obuchowski_rockette.interval(found, df_patients=df_patients, level=level)
    return (seeds_t if name == "seeds:t" else seeds_normal)(found.values, level)
