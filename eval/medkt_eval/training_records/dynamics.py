"""Training dynamics: when the validation metric peaked, how much it lost afterwards, and how rough its curve is.

In: learning curves of runs (learning_curves.py). Out: `Dynamics`: each arm's mean over its seeds, and each contrast's
difference. They measure the paper's claim that attention transfer delays overfitting and steadies training (Fig. 4).
There are three measures of one run's values y at epochs t:

- `peak_epoch`: the epoch of the largest value (ties: the first). If the peak is at the last epoch (`last_epoch`), the
  metric has not fallen yet, and longer training might move the peak.
- `loss_after_peak`: the largest value minus the value of the last epoch, a fraction.
- `roughness`: the standard deviation of one epoch's value about a line through its two neighbours, a fraction. A steady
  rise adds nothing and a bend adds little: a rise a (1 - exp(-t/tau)) adds at most a / (2.4 tau^2). The standard
  deviation of first differences would count the rise itself. This is the noise estimate of Gasser, Sroka &
  Jennen-Steinmetz 1986, Biometrika 73:625. For equally spaced epochs it is the root mean square of the second
  differences over sqrt(6).

Only epochs that all runs have are used; for a difference, the runs of both arms count. Otherwise an arm that stopped
earlier would have less time to peak or to fall.
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
        Three or more increasing epochs, not necessarily equally spaced.
    values : float64, (n_epochs,)
        The validation metric. Higher is better, as for every metric that selects an epoch.

    Examples
    --------
    >>> measures = measure_curve(np.arange(1.0, 6), np.array([0.60, 0.70, 0.80, 0.78, 0.76]))
    >>> measures.peak_epoch, round(measures.loss_after_peak, 3), round(measures.roughness, 3)
    (3.0, 0.04, 0.028)
    """
    weight_before = (epochs[2:] - epochs[1:-1]) / (epochs[2:] - epochs[:-2])  # weight of the neighbour before
    deviation = weight_before * values[:-2] + (1 - weight_before) * values[2:] - values[1:-1]
    noise = deviation**2 / (weight_before**2 + (1 - weight_before) ** 2 + 1)
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
        Contrasts for the marks of a table are left out.
    seeds : {"nested", "crossed"}
        "nested": Welch's t test. "crossed": paired t test.
    level : float
        Confidence level in (0, 1) of every interval. P-values are not adjusted.
    """
    curve_of_run = {curve.run_id: curve for curve in curves if curve.curve == "learning" and curve.run_id is not None}
    by_id = {arm.arm: arm for arm in arms if arm.role == "arm"}
    with_curve = {curve.arm for curve in curve_of_run.values()}
    rows = []
    for arm in by_id.values():
        if arm.arm in with_curve:
            rows += _rows(curve_of_run, [arm], seeds, level)
    for pair in pairs:
        if pair.kind != "table" and {pair.arm_a, pair.arm_b} & with_curve:
            rows += _rows(curve_of_run, [by_id[pair.arm_a], by_id[pair.arm_b]], seeds, level)
    return rows


def _rows(
    curve_of_run: Mapping[str, Curve], arms: Sequence[Arm], seeds: Literal["nested", "crossed"], level: float
) -> list[Dynamics]:
    """Compute all measures of one arm, or of the difference of two arms."""
    run_ids = [[f"{arm.arm}-s{seed}" for seed in arm.seeds] for arm in arms]
    arm_curves = {run: curve_of_run[run] for arm_runs in run_ids for run in arm_runs if run in curve_of_run}
    first = next(iter(arm_curves.values()))
    because = _not_comparable(curve_of_run, run_ids)
    measures_by_arm: list[list[CurveMeasures]] = [[] for _ in arms]
    last = None
    if because is None:
        defined = {run: dict(zip(curve.x, curve.y, strict=True)) for run, curve in arm_curves.items()}
        epochs = [
            epoch for epoch in sorted(first.x) if all(values.get(epoch) is not None for values in defined.values())
        ]
        if len(epochs) < FEWEST_EPOCHS:
            because = f"{len(epochs)} epoch(s) with a value in every run; expected {FEWEST_EPOCHS} or more"
        else:
            last = epochs[-1]
            measures_by_arm = [
                [
                    measure_curve(np.array(epochs), np.array([defined[run][epoch] for epoch in epochs]))
                    for run in arm_runs
                ]
                for arm_runs in run_ids
            ]
    rows = []
    for measure in MEASURES:
        values = [[float(getattr(run, measure)) for run in arm_runs] for arm_runs in measures_by_arm]
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
                **_tested([np.array(arm_runs) for arm_runs in values], seeds, level, because),
            )
        )
    return rows


def _not_comparable(curve_of_run: Mapping[str, Curve], run_ids: Sequence[Sequence[str]]) -> str | None:
    """Explain why runs cannot be measured together; None if they can."""
    runs = [run for arm_runs in run_ids for run in arm_runs]
    if missing := [run for run in runs if run not in curve_of_run]:
        return f"{missing[0]} has no learning curve"
    first = curve_of_run[runs[0]]
    for run in runs[1:]:
        if (curve_of_run[run].metric, curve_of_run[run].label) != (first.metric, first.label):
            return f"{runs[0]} and {run} were selected by different metrics"
    return None


def _tested(
    values: Sequence[np.ndarray], seeds: Literal["nested", "crossed"], level: float, because: str | None
) -> dict[str, Any]:
    """Test a mean or a difference; returns fields of a row."""
    paired = seeds == "crossed"
    name = "t" if len(values) == 1 else "t-paired" if paired else "t-welch"
    if because:
        nothing = dict.fromkeys(("value", "se", "low", "high", "df", "p_value"))
        return {**nothing, "test": name, "undefined_because": because}
    if len(values) == 1:
        result = seeds_t(values[0], level)
        value, p = float(values[0].mean()), None
    else:
        result = (paired_t if paired else welch_t)(values[0], values[1], level)
        value, p = result.difference, result.p_value
    return {
        "value": value,
        "se": result.se,
        "low": result.low,
        "high": result.high,
        "df": result.df,
        "p_value": p,
        "test": name,
        "undefined_because": result.undefined_because,
    }
