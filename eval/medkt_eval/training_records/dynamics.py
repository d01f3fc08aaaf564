"""Training dynamics: when the validation metric peaked, how much it lost afterwards, and how rough its curve is.

In: learning curves of runs (learning_curves.py). Out: `Dynamics`: each arm's mean over its seeds, and each contrast's
difference. They measure the paper's claim that attention transfer delays overfitting and steadies training (Fig. 4).
There are three measures of one run's values y at epochs t:

- `peak_epoch`: the epoch of the largest value (ties: the first). A peak at the last epoch (`last_epoch`) means that
  nothing was lost yet, and that longer training might move it.
- `loss_after_peak`: the largest value minus that of the last epoch, a fraction.
- `roughness`: the standard deviation of one epoch's value about a line through its two neighbours, a fraction. A steady
  rise adds nothing and a bend adds little: a rise a (1 - exp(-t/tau)) adds at most a / (2.4 tau^2). The standard
  deviation of first differences would count the rise itself. This is the noise estimate of Gasser, Sroka &
  Jennen-Steinmetz 1986, Biometrika 73:625. For equally spaced epochs it is the root mean square of the second
  differences over sqrt(6).

Only epochs that all runs have are used, in a difference those of both arms: an arm that was stopped earlier had less
time to peak or to lose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from medkt_eval.inference.over_seeds.t_intervals import seeds_t
from medkt_eval.inference.over_seeds.t_tests import paired_t, welch_t
from medkt_eval.results.recorded import Dynamics
from medkt_eval.results.schema import Arm, Curve
from medkt_eval.study.contrasts import Contrast

MEASURES = ("peak_epoch", "loss_after_peak", "roughness")
FEWEST_EPOCHS = 3


@dataclass(frozen=True)
class CurveMeasures:
    """The three measures of one run's learning curve."""

    peak_epoch: float
    loss_after_peak: float
    roughness: float


def measure_curve(epochs: np.ndarray, values: np.ndarray) -> CurveMeasures:
    """Measure one run's learning curve.

    Parameters
    ----------
    epochs : float64, (n_epochs,)
        Increasing; three or more, not necessarily equally spaced.
    values : float64, (n_epochs,)
        The validation metric; higher is better, as for every metric that selects an epoch.

    Examples
    --------
    >>> measures = measure_curve(np.arange(1.0, 6), np.array([0.60, 0.70, 0.80, 0.78, 0.76]))
    >>> measures.peak_epoch, round(measures.loss_after_peak, 3), round(measures.roughness, 3)
    (3.0, 0.04, 0.028)
    """
    left = (epochs[2:] - epochs[1:-1]) / (epochs[2:] - epochs[:-2])  # weight of the neighbour before
    off_the_line = left * values[:-2] + (1 - left) * values[2:] - values[1:-1]
    noise = off_the_line**2 / (left**2 + (1 - left) ** 2 + 1)
    return CurveMeasures(
        peak_epoch=float(epochs[values.argmax()]),
        loss_after_peak=float(values.max() - values[-1]),
        roughness=float(np.sqrt(noise.mean())),
    )


def dynamics(
    curves: Sequence[Curve],
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    *,
    seeds: Literal["nested", "crossed"],
    level: float,
) -> list[Dynamics]:
    """Compute every measure of each arm that has learning curves, then of each contrast with such an arm.

    Parameters
    ----------
    curves : sequence of Curve
        Only the learning curves of single runs are used.
    arms : sequence of Arm
        Teachers are left out.
    pairs : sequence of Contrast
        Those for the marks of a table are left out.
    seeds : {"nested", "crossed"}
        Welch's t, or paired t.
    level : float
        Confidence level in (0, 1) of every interval; p-values are not adjusted.
    """
    of_runs = {curve.run_id: curve for curve in curves if curve.curve == "learning" and curve.run_id is not None}
    by_id = {arm.arm: arm for arm in arms if arm.role == "arm"}
    with_curve = {curve.arm for curve in of_runs.values()}
    found = []
    for arm in by_id.values():
        if arm.arm in with_curve:
            found += _rows(of_runs, [arm], seeds, level)
    for pair in pairs:
        if pair.kind != "table" and {pair.arm_a, pair.arm_b} & with_curve:
            found += _rows(of_runs, [by_id[pair.arm_a], by_id[pair.arm_b]], seeds, level)
    return found


def _rows(
    of_runs: Mapping[str, Curve], arms: Sequence[Arm], seeds: Literal["nested", "crossed"], level: float
) -> list[Dynamics]:
    """All measures of one arm, or of the difference of two."""
    run_ids = [[f"{arm.arm}-s{seed}" for seed in arm.seeds] for arm in arms]
    known = {run: of_runs[run] for of_arm in run_ids for run in of_arm if run in of_runs}
    first = next(iter(known.values()))
    because = _not_comparable(of_runs, run_ids)
    measures_of_runs: list[list[CurveMeasures]] = [[] for _ in arms]
    last = None
    if because is None:
        defined = {run: dict(zip(curve.x, curve.y, strict=True)) for run, curve in known.items()}
        epochs = [epoch for epoch in sorted(first.x) if all(one.get(epoch) is not None for one in defined.values())]
        if len(epochs) < FEWEST_EPOCHS:
            because = f"{len(epochs)} epoch(s) with a value in every run; expected {FEWEST_EPOCHS} or more"
        else:
            last = epochs[-1]
            measures_of_runs = [
                [measure_curve(np.array(epochs), np.array([defined[run][epoch] for epoch in epochs])) for run in of_arm]
                for of_arm in run_ids
            ]
    rows = []
    for measure in MEASURES:
        values = [[float(getattr(one, measure)) for one in of_arm] for of_arm in measures_of_runs]
        rows.append(
            Dynamics(
                dataset=arms[0].dataset,
                train_size=arms[0].train_size,
                arm_a=arms[0].arm,
                arm_b=arms[1].arm if len(arms) > 1 else None,
                measure=measure,
                metric=first.metric,
                label=first.label,
                values_a=values[0],
                values_b=values[1] if len(arms) > 1 else None,
                last_epoch=last,
                level=level,
                **_tested([np.array(of_arm) for of_arm in values], seeds, level, because),
            )
        )
    return rows


def _not_comparable(of_runs: Mapping[str, Curve], run_ids: Sequence[Sequence[str]]) -> str | None:
    """Why runs cannot be measured together; None where they can."""
    runs = [run for of_arm in run_ids for run in of_arm]
    if missing := [run for run in runs if run not in of_runs]:
        return f"{missing[0]} has no learning curve"
    first = of_runs[runs[0]]
    for run in runs[1:]:
        if (of_runs[run].metric, of_runs[run].label) != (first.metric, first.label):
            return f"{runs[0]} and {run} were selected by different metrics"
    return None


def _tested(
    values: Sequence[np.ndarray], seeds: Literal["nested", "crossed"], level: float, because: str | None
) -> dict[str, Any]:
    """The mean or difference with its test, as the fields of a row."""
    paired = seeds == "crossed"
    name = "t" if len(values) == 1 else "t-paired" if paired else "t-welch"
    if because:
        nothing = dict.fromkeys(("value", "se", "low", "high", "df", "p_value"))
        return {**nothing, "test": name, "undefined_because": because}
    if len(values) == 1:
        made = seeds_t(values[0], level)
        value, p = float(values[0].mean()), None
    else:
        made = (paired_t if paired else welch_t)(values[0], values[1], level)
        value, p = made.difference, made.p_value
    return {
        "value": value,
        "se": made.se,
        "low": made.low,
        "high": made.high,
        "df": made.df,
        "p_value": p,
        "test": name,
        "undefined_because": made.undefined_because,
    }
