"""How many seeds and patients the next study needs, and what the study at hand could have found.

In: an `EvaluationResult` whose variance components stand for a pilot's, a difference that would matter, a power. Out:
`Plan`: for each contrast the power of what was run, the patients needed with each number of seeds, the seeds needed
with each number of patients, all of it over the interval of the standard deviation over seeds.
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
from medkt_eval.planning.variance_components import Components
from medkt_eval.results.schema import Comparison, EvaluationResult, VarianceComponent

SEEDS = range(2, 31)
"""Seeds an arm that are considered."""
TIMES_PATIENTS = (1, 1.5, 2, 4)
"""Test patients that are considered, as multiples of the pilot's."""
SD_LEVEL = 0.95
"""Level of the interval of the standard deviation over seeds."""
SeedSd = Literal["lower limit", "estimate", "upper limit"]


@dataclass(frozen=True)
class Row:
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
    components : Components
        What the pilot measured.
    pilot : tuple of Row
        The power of what was run, at each standard deviation over seeds.
    patients_needed : tuple of Row
        For each number of seeds in `SEEDS` the fewest patients that reach the asked power.
    seeds_needed : tuple of Row
        For each of `TIMES_PATIENTS` the fewest seeds in `SEEDS` that reach it.
    curves : tuple of Row
        The power of every one of `SEEDS` with each of `TIMES_PATIENTS`: what the figure shows.
    """

    dataset: str
    arm_a: str
    arm_b: str
    metric: str
    label: str
    components: Components
    pilot: tuple[Row, ...]
    patients_needed: tuple[Row, ...]
    seeds_needed: tuple[Row, ...]
    curves: tuple[Row, ...]


@dataclass(frozen=True)
class Plan:
    """Plans for the primary contrast, or for every contrast on one metric."""

    effect: float
    power: float
    level: float
    primary: bool
    """Whether it is for the contrast that the study named as its primary one."""
    contrasts: tuple[ContrastPlan, ...]
    without: tuple[tuple[str, str, str], ...]
    """Arm a, arm b and why there is no plan for them."""


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
        The difference that would matter, as a fraction in (0, 1); not the one that was observed.
    power : float
        Wanted probability to find it, above 0.5 and below 1.
    level : float or None
        Confidence level of the test in (0, 1); None: the pilot's.
    metric, label : str or None
        None: those of the contrast that the study named as its primary one, else `auc` and `macro`. Given, every
        contrast on them is planned for.

    Raises
    ------
    InputError
        If a number is out of its range, there is no such comparison, or no variance components are known of any.
    """
    level = result.settings.level if level is None else level
    _check(effect, power, level)
    asked = _asked(result, metric, label)
    known = _known(result)
    made, without = [], []
    for row in asked:
        found = known.get((row.dataset, row.arm_a, row.arm_b, row.metric, row.label))
        if isinstance(found, Components):
            made.append(_for_contrast(row, found, effect, power, level))
        else:
            because = row.undefined_because or found or "these results hold no variance components of it"
            without.append((row.arm_a, row.arm_b, because))
    if not made:
        a, b, because = without[0]
        raise InputError(
            f"{a} - {b}: nothing to plan from: {because}; expected two seeds or more in each arm, evaluated by this "
            "version: train more seeds, or run medkt evaluate again"
        )
    return Plan(
        effect,
        power,
        level,
        any(row.primary for row in asked) and metric is None and label is None,
        tuple(made),
        tuple(without),
    )


def seed_sd_limits(n_seeds: int) -> dict[SeedSd, float]:
    """Limits of a standard deviation over seeds, as multiples of its estimate: chi-square, n_seeds - 1 df, 95 %.

    Both arms' seeds are not counted together: arms need not vary alike.

    Examples
    --------
    >>> {name: round(factor, 2) for name, factor in seed_sd_limits(3).items()}
    {'lower limit': 0.52, 'estimate': 1.0, 'upper limit': 6.28}
    """
    df = n_seeds - 1
    low, high = (math.sqrt(df / float(stats.chi2.ppf(0.5 + side * SD_LEVEL / 2, df))) for side in (1, -1))
    return {"lower limit": low, "estimate": 1.0, "upper limit": high}


def _check(effect: float, power: float, level: float) -> None:
    if not 0 < effect < 1:
        raise InputError(f"--effect {effect:g}: expected a fraction above 0 and below 1: 0.02 is two points of AUC")
    if not 0.5 < power < 1:
        raise InputError(f"--power {power:g}: expected a fraction above 0.5 and below 1, such as 0.8")
    if not 0 < level < 1:
        raise InputError(f"--level {level:g}: expected a fraction above 0 and below 1, such as 0.95")


def _asked(result: EvaluationResult, metric: str | None, label: str | None) -> list[Comparison]:
    """The primary analysis of the contrasts to plan for."""
    tested = [
        row
        for row in result.comparisons
        if row.test == obuchowski_rockette.TEST and row.kind != "table" and row.group is None
    ]
    if metric is None and label is None and any(row.primary for row in tested):
        return [row for row in tested if row.primary]
    wanted = (metric or "auc", label or "macro")
    found = [row for row in tested if (row.metric, row.label) == wanted]
    if not found:
        there = sorted({f"{row.metric} {row.label}" for row in tested})
        raise InputError(
            f"no comparison on {' '.join(wanted)} was made with seeds and patients random; these results have "
            f"{', '.join(there) if there else 'none on any metric: run medkt evaluate again'}"
        )
    return found


def _known(result: EvaluationResult) -> dict[tuple[str, ...], Components | str]:
    """Components of each contrast on each metric and label, or why there are none."""

    def key(row: VarianceComponent) -> tuple[str, ...]:
        return row.dataset, row.arm_a, row.arm_b, row.metric, row.label

    known: dict[tuple[str, ...], Components | str] = {}
    for contrast, group in groupby(sorted(result.variance_components, key=key), key):
        rows = list(group)
        values = {row.component: row.value for row in rows if row.value is not None}
        if len(values) < len(rows):
            known[contrast] = next((row.undefined_because for row in rows if row.undefined_because), None) or "null"
            continue
        first = rows[0]
        known[contrast] = Components.from_names(
            values,
            design=result.settings.seeds,
            n_seeds=(first.n_seeds_a, first.n_seeds_b),
            n_patients=first.n_patients,
            df_patients=first.df_patients,
        )
        if values["runs"] == values["patients"] == 0:
            known[contrast] = "no variation over seeds or patients to measure"
    return known


def _for_contrast(row: Comparison, pilot: Components, effect: float, target: float, level: float) -> ContrastPlan:
    limits = seed_sd_limits(min(pilot.n_seeds_a, pilot.n_seeds_b))

    def reached(name: SeedSd, a: int, b: int, patients: int) -> Row:
        found = power(pilot, effect, seeds_per_arm=(a, b), patients=patients, level=level, seed_sd_factor=limits[name])
        return Row(name, limits[name], a, b, patients, found)

    def fewest_patients(name: SeedSd, seeds: int) -> Row:
        given = {"seeds_per_arm": seeds, "level": level, "seed_sd_factor": limits[name]}
        found = patients_needed(pilot, effect, target, **given)
        if found is not None:
            return reached(name, seeds, seeds, found)
        because = f"more than {MOST_TIMES_PATIENTS * pilot.n_patients:,}"
        if power(pilot, effect, patients=math.inf, **given) < target:
            because = "no number suffices"
        return Row(name, limits[name], seeds, seeds, None, None, because)

    def fewest_seeds(name: SeedSd, patients: int) -> Row:
        for one in curves:
            if (one.seed_sd, one.patients) == (name, patients) and one.power is not None and one.power >= target:
                return one
        because = f"more than {SEEDS[-1]}"
        return Row(name, limits[name], None, None, patients, None, because)

    patients = [round(times * pilot.n_patients) for times in TIMES_PATIENTS]
    curves = tuple(reached(name, k, k, p) for p, name, k in product(patients, limits, SEEDS))
    return ContrastPlan(
        row.dataset,
        row.arm_a,
        row.arm_b,
        row.metric,
        row.label,
        pilot,
        pilot=tuple(reached(name, pilot.n_seeds_a, pilot.n_seeds_b, pilot.n_patients) for name in limits),
        patients_needed=tuple(fewest_patients(name, k) for k, name in product(SEEDS, limits)),
        seeds_needed=tuple(fewest_seeds(name, p) for p, name in product(patients, limits)),
        curves=curves,
    )
