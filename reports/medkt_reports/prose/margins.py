"""What a declared margin adds to an answer: that no difference is larger, or which study could have shown it.

In: the tests against the margin and the variance components of results.json. Out: one more sentence for each
comparison, if the study declares a margin. Power is that of the declared margin, never of the observed difference.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from medkt_eval.planning.power import power
from medkt_eval.planning.sample_size import SEEDS, seed_sd_limits
from medkt_eval.planning.variance_components import VarianceComponents
from medkt_eval.results.schema import Comparison, EvaluationResult
from medkt_reports.language import numbers, words
from medkt_reports.significance import margin_alpha, margin_test_shows

POWER = 0.8
"""The power for which a sentence gives the number of seeds."""
_ENDLESS_SEEDS = 10**9

Contrast = tuple[str, str, str, str]
"""Arm a, arm b, metric, label."""


@dataclass(frozen=True)
class Power:
    """Probability that the primary analysis finds a difference as large as the margin.

    Parameters
    ----------
    estimate, low, high : float
        At the pilot's standard deviation over seeds, and at the upper and lower limit of its 95 % interval.
    seeds_needed : int or None
        Fewest seeds in each arm that reach `POWER` with the patients tested; None: more than `planning.SEEDS` has.
    patients_lack : bool
        Whether no number of seeds reaches it with these patients.
    """

    estimate: float
    low: float
    high: float
    seeds_needed: int | None
    patients_lack: bool


class Margins:
    """Tests against the declared margin, and the power to have found such a difference, by contrast."""

    def __init__(self, result: EvaluationResult) -> None:
        self._level = result.settings.level
        self._tests = {
            (*_contrast(row), row.kind, row.test): row
            for row in result.comparisons
            if row.margin is not None and row.group is None
        }
        self._components: dict[Contrast, VarianceComponents] = {}
        if self._tests:
            self._components = _components(result)

    def sentence(self, row: Comparison, *, different: bool) -> str:
        """What the margin adds to a comparison.

        Parameters
        ----------
        row : Comparison
            The comparison that is answered.
        different : bool
            Whether it shows a difference.

        Returns
        -------
        str
            Empty if it was not tested against a margin.
        """
        tost = self._tests.get((*_contrast(row), row.kind, "tost"))
        if tost is None or tost.margin is None or tost.p_value is None or row.scope != tost.scope:
            return ""
        margin = words.points(tost.margin)
        if margin_test_shows(tost):
            opening = f"The difference is smaller than {margin}" if different else f"No difference larger than {margin}"
            return f"{opening}, the study's margin ({_evidence(tost, 'equivalence')})."
        if different:
            return ""
        no_worse = self._tests.get((*_contrast(row), row.kind, "non-inferiority"))
        added = ""
        if no_worse is not None and margin_test_shows(no_worse):
            added = f"Not worse by {margin}, the study's margin, or more ({_evidence(no_worse, 'non-inferiority')}). "
        achieved = self._power(_contrast(row), tost.margin)
        if achieved is None:
            return f"{added}Inconclusive against the study's margin of {margin}."
        return f"{added}Inconclusive: {_power_in_words(achieved, margin)}."

    def _power(self, contrast: Contrast, effect: float) -> Power | None:
        pilot = self._components.get(contrast)
        return None if pilot is None else power_of(pilot, effect, self._level)


def power_of(pilot: VarianceComponents, effect: float, level: float) -> Power:
    """Power of the primary analysis for an effect, as run and with more seeds.

    Parameters
    ----------
    pilot : VarianceComponents
        What the study measured.
    effect : float
        The stated difference, a fraction in (0, 1).
    level : float
        Confidence level of the primary analysis.
    """

    def reached(seeds: int | tuple[int, int], factor: float = 1.0) -> float:
        return power(pilot, effect, seeds_per_arm=seeds, patients=pilot.n_patients, level=level, seed_sd_factor=factor)

    as_run = (pilot.n_seeds_a, pilot.n_seeds_b)
    limits = seed_sd_limits(min(as_run))
    return Power(
        estimate=reached(as_run),
        low=reached(as_run, limits["upper limit"]),
        high=reached(as_run, limits["lower limit"]),
        seeds_needed=next((k for k in SEEDS if reached(k) >= POWER), None),
        patients_lack=reached(_ENDLESS_SEEDS) < POWER,
    )


def _power_in_words(achieved: Power, margin: str) -> str:
    over = f"{_percent(achieved.low)} to {_percent(achieved.high)} over the interval of the seeds' standard deviation"
    shown = f"power {_percent(achieved.estimate)} ({over}) to detect the declared {margin}"
    if achieved.estimate >= POWER:
        return shown
    if achieved.seeds_needed is not None:
        return f"{shown}; {achieved.seeds_needed} seeds an arm would be needed for {_percent(POWER)}"
    if achieved.patients_lack:
        return f"{shown}; more test patients would be needed for {_percent(POWER)}, whatever the seeds"
    return f"{shown}; more than {SEEDS[-1]} seeds an arm would be needed for {_percent(POWER)}"


def _percent(share: float) -> str:
    """Format a power in percent without decimals, never 0 or 100."""
    text = f"{100 * share:.0f}"
    return {"0": "< 1 %", "100": "> 99 %"}.get(text, f"{text} %")


def _evidence(row: Comparison, name: str) -> str:
    decimals = numbers.decimals_for([numbers.half_width(row.low, row.high)])
    ends = f"{numbers.difference(row.low, decimals)} to {numbers.difference(row.high, decimals)}"
    p, method = row.p_value, ""
    if row.adjustment and row.p_adjusted is not None:
        p, method = row.p_adjusted, f" {words.ADJUSTMENTS.get(row.adjustment, row.adjustment)}-adjusted"
    return f"{numbers.level(row.level)} CI {ends}; {name},{method} {numbers.p_phrase(p, 1 - margin_alpha(row))}"


def _contrast(row: Comparison) -> Contrast:
    return row.arm_a, row.arm_b, row.metric, row.label


def _components(result: EvaluationResult) -> dict[Contrast, VarianceComponents]:
    """Variance components of each contrast that has all of them and whose variance is above 0."""
    rows = defaultdict(list)
    for row in result.variance_components:
        rows[row.arm_a, row.arm_b, row.metric, row.label].append(row)
    components = {}
    for contrast, parts in rows.items():
        values = {part.component: part.value for part in parts if part.value is not None}
        if len(values) == len(parts) and values["runs"] + values["patients"] > 0:
            first = parts[0]
            components[contrast] = VarianceComponents.from_names(
                values,
                design=result.settings.seeds,
                n_seeds=(first.n_seeds_a, first.n_seeds_b),
                n_patients=first.n_patients,
                df_patients=first.df_patients,
            )
    return components
