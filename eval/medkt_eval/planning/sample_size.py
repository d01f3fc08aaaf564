"""How many seeds and patients the next study needs, and what this study could have detected.

In: an `EvaluationResult`, whose variance components serve as a pilot's; a difference that would matter; a power. Out:
`Plan`. For each contrast it has the power of this study, the patients needed with each number of seeds, and the seeds
needed with each number of patients. All are also given at the limits of the standard deviation over seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby, product
from typing import Literal

from scipy import stats

from medkt_eval.errors import InputError
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.planning.power import MOST_TIMES_PATIENTS, patients_needed, power
from medkt_eval.planning.variance_components import MEASURED, VarianceComponents
from medkt_eval.results.schema import Comparison, EvaluationResult, VarianceComponent

SEEDS = range(2, 31)
"""Numbers of seeds per arm to consider."""
TIMES_PATIENTS = (1, 1.5, 2, 4)
"""Numbers of test patients to consider, as multiples of the pilot's."""
SD_LEVEL = 0.95
"""Confidence level of the limits of the standard deviation over seeds."""
SeedSd = Literal["lower limit", "estimate", "upper limit"]


@dataclass(frozen=True)
class DesignPower:
    """A design and its power, at one standard deviation over seeds."""

    seed_sd: SeedSd
    seed_sd_factor: float
    seeds_a: int | None
    seeds_b: int | None
    patients: int | None
    power: float | None
    undefined_because: str | None = None


@dataclass(frozen=True)
class ContrastPlan:
    """The plan for one contrast.

    Parameters
    ----------
    dataset, arm_a, arm_b, metric, label : str
        As in results.json.
    components : VarianceComponents
        The pilot's variance components.
    pilot : tuple of DesignPower
        The power of the study that was run, at each standard deviation over seeds.
    patients_needed : tuple of DesignPower
        For each number of seeds in `SEEDS`, the fewest patients that reach the power.
    seeds_needed : tuple of DesignPower
        For each of `TIMES_PATIENTS`, the fewest seeds in `SEEDS` that reach the power.
    curves : tuple of DesignPower
        The power with each of `SEEDS` and `TIMES_PATIENTS`, as the figure shows it.
    """

    dataset: str
    arm_a: str
    arm_b: str
    metric: str
    label: str
    components: VarianceComponents
    pilot: tuple[DesignPower, ...]
    patients_needed: tuple[DesignPower, ...]
    seeds_needed: tuple[DesignPower, ...]
    curves: tuple[DesignPower, ...]


@dataclass(frozen=True)
class Plan:
    """Plans for the primary contrast, or for every contrast on one metric."""

    effect: float
    power: float
    level: float
    primary: bool
    """Whether the plan is for the contrast that the study named as its primary one."""
    contrasts: tuple[ContrastPlan, ...]
    without: tuple[tuple[str, str, str], ...]
    """Arm a, arm b and the reason why they have no plan."""


def plan(
    result: EvaluationResult,
    *,
    effect: float,
    power: float,
    level: float | None = None,
    metric: str | None = None,
    label: str | None = None,
) -> Plan:
    """Plan the next study from this one.

    Parameters
    ----------
    result : EvaluationResult
        The pilot.
    effect : float
        The difference that would matter, as a fraction in (0, 1); not the observed difference.
    power : float
        The probability of detecting it that you want, above 0.5 and below 1.
    level : float or None
        Confidence level of the test in (0, 1); None: the pilot's.
    metric, label : str or None
        If you give one, the plan covers every contrast on that metric and label. If both are None, the plan is for the
        study's primary contrast, or else for `auc` and `macro`.

    Raises
    ------
    InputError
        If a number is out of range, there is no such comparison, or no comparison has variance components.
    """
    level = result.settings.level if level is None else level
    _check(effect, power, level)
    rows = _rows_to_plan(result, metric, label)
    pilots = _pilot_components(result)
    plans, without = [], []
    for row in rows:
        pilot = pilots.get((row.dataset, row.arm_a, row.arm_b, row.metric, row.label))
        if isinstance(pilot, VarianceComponents):
            plans.append(_plan_contrast(row, pilot, effect, power, level))
        else:
            because = row.undefined_because or pilot or "these results hold no variance components of it"
            without.append((row.arm_a, row.arm_b, because))
    if not plans:
        a, b, because = without[0]
        few = any(min(row.n_seeds_a, row.n_seeds_b) < 2 for row in rows if (row.arm_a, row.arm_b) == (a, b))
        remedy = (
            "expected two seeds or more in each arm: train more seeds, then run medkt evaluate again"
            if few
            else "plan from a metric and label that has them (--metric, --label), or run medkt evaluate again"
        )
        raise InputError(f"{a} - {b}: nothing to plan from: {because}; {remedy}")
    return Plan(
        effect=effect,
        power=power,
        level=level,
        primary=any(row.primary for row in rows) and metric is None and label is None,
        contrasts=tuple(plans),
        without=tuple(without),
    )


def seed_sd_limits(n_seeds: int) -> dict[SeedSd, float]:
    """Limits of a standard deviation over seeds, as multiples of its estimate: chi-square, n_seeds - 1 df, 95 %.

    `n_seeds` is the number in one arm. The arms' seeds are not pooled, because arms need not vary equally.

    Examples
    --------
    >>> {name: round(factor, 2) for name, factor in seed_sd_limits(3).items()}
    {'lower limit': 0.52, 'estimate': 1.0, 'upper limit': 6.28}
    """
    df = n_seeds - 1
    low, high = (math.sqrt(df / float(stats.chi2.ppf(0.5 + side * SD_LEVEL / 2, df))) for side in (1, -1))
    return {"lower limit": low, "estimate": 1.0, "upper limit": high}


def _check(effect: float, power: float, level: float) -> None:
    if not 1e-6 <= effect < 1:
        raise InputError(f"--effect {effect:g}: expected a fraction from 1e-6 to below 1: 0.02 is two points of AUC")
    if not 0.5 < power <= 0.999999:
        raise InputError(f"--power {power!r}: expected a fraction above 0.5, at most 0.999999, such as 0.8")
    if not 0.01 <= level <= 0.999999:
        raise InputError(f"--level {level!r}: expected a fraction from 0.01 to 0.999999, such as 0.95")


def _rows_to_plan(result: EvaluationResult, metric: str | None, label: str | None) -> list[Comparison]:
    """Comparisons by the primary analysis, one for each contrast to plan."""
    tested = [
        row
        for row in result.comparisons
        if row.test == obuchowski_rockette.TEST and row.kind != "table" and row.group is None
    ]
    if metric is None and label is None and any(row.primary for row in tested):
        return [row for row in tested if row.primary]
    target = (metric or "auc", label or "macro")
    rows = [row for row in tested if (row.metric, row.label) == target]
    if not rows:
        available = sorted({f"{row.metric} {row.label}" for row in tested})
        raise InputError(
            f"no comparison on {' '.join(target)} was made with seeds and patients random; these results have "
            f"{', '.join(available) if available else 'none on any metric: run medkt evaluate again'}"
        )
    return rows


def _pilot_components(result: EvaluationResult) -> dict[tuple[str, ...], VarianceComponents | str]:
    """Variance components of each contrast on each metric and label, or why there are none."""

    def key(row: VarianceComponent) -> tuple[str, ...]:
        return row.dataset, row.arm_a, row.arm_b, row.metric, row.label

    pilots: dict[tuple[str, ...], VarianceComponents | str] = {}
    for contrast, group in groupby(sorted(result.variance_components, key=key), key):
        rows = list(group)
        values = {row.component: row.value for row in rows if row.value is not None}
        if len(values) < len(rows):
            pilots[contrast] = next((row.undefined_because for row in rows if row.undefined_because), None) or "null"
            continue
        if lacking := [name for name in MEASURED if name not in values]:
            pilots[contrast] = f"results.json has no component {lacking[0]!r} of it; evaluate the runs again"
            continue
        first = rows[0]
        pilots[contrast] = VarianceComponents.from_names(
            values,
            design=result.settings.seeds,
            n_seeds=(first.n_seeds_a, first.n_seeds_b),
            n_patients=first.n_patients,
            df_patients=first.df_patients,
        )
        if values["runs"] == values["patients"] == 0:
            pilots[contrast] = "no variation over seeds or patients to measure"
    return pilots


def _plan_contrast(
    row: Comparison, pilot: VarianceComponents, effect: float, target: float, level: float
) -> ContrastPlan:
    limits = seed_sd_limits(min(pilot.n_seeds_a, pilot.n_seeds_b))

    def power_of(name: SeedSd, a: int, b: int, patients: int) -> DesignPower:
        attained = power(
            pilot, effect, seeds_per_arm=(a, b), patients=patients, level=level, seed_sd_factor=limits[name]
        )
        return DesignPower(name, limits[name], a, b, patients, attained)

    def fewest_patients(name: SeedSd, seeds: int) -> DesignPower:
        design = {"seeds_per_arm": seeds, "level": level, "seed_sd_factor": limits[name]}
        patients = patients_needed(pilot, effect, target, **design)
        if patients is not None:
            return power_of(name, seeds, seeds, patients)
        because = f"more than {MOST_TIMES_PATIENTS * pilot.n_patients:,}"
        if power(pilot, effect, patients=math.inf, **design) < target:
            because = "no number suffices"
        return DesignPower(name, limits[name], seeds, seeds, None, None, because)

    def fewest_seeds(name: SeedSd, patients: int) -> DesignPower:
        for design in curves:
            is_candidate = (design.seed_sd, design.patients) == (name, patients)
            if is_candidate and design.power is not None and design.power >= target:
                return design
        because = f"more than {SEEDS[-1]}"
        return DesignPower(name, limits[name], None, None, patients, None, because)

    patients = [round(times * pilot.n_patients) for times in TIMES_PATIENTS]
    curves = tuple(power_of(name, k, k, p) for p, name, k in product(patients, limits, SEEDS))
    return ContrastPlan(
        dataset=row.dataset,
        arm_a=row.arm_a,
        arm_b=row.arm_b,
        metric=row.metric,
        label=row.label,
        components=pilot,
        pilot=tuple(power_of(name, pilot.n_seeds_a, pilot.n_seeds_b, pilot.n_patients) for name in limits),
        patients_needed=tuple(fewest_patients(name, k) for k, name in product(SEEDS, limits)),
        seeds_needed=tuple(fewest_seeds(name, p) for p, name in product(patients, limits)),
        curves=curves,
    )
