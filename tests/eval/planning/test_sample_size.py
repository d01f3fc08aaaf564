"""Plans of the next study from results."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from medkt_eval.errors import InputError
from medkt_eval.planning.power import power
from medkt_eval.planning.sample_size import SEEDS, Plan, plan, seed_sd_limits
from medkt_eval.planning.variance_components import VarianceComponents
from medkt_eval.results.schema import Arm, Comparison, EvaluationResult, VarianceComponent
from medkt_eval.results.settings import Settings

PILOT = VarianceComponents(1e-4, 3e-5, 1e-4, "nested", 3, 3, 300, 299)
LEVEL = 0.95


@pytest.mark.parametrize(("n_seeds", "low", "high"), [(3, 0.52, 6.28), (10, 0.69, 1.83)])
def test_limits_of_a_standard_deviation(n_seeds, low, high):
    limits = seed_sd_limits(n_seeds)
    assert (limits["lower limit"], limits["upper limit"]) == pytest.approx((low, high), abs=0.005)


def arm(name: str, seeds: int) -> Arm:
    return Arm(
        arm=name,
        name=name.upper(),
        dataset="chest",
        task="multilabel",
        train_size=200,
        method="transfer_learning",
        student="densenet40",
        teacher=None,
        unfrozen="all",
        trainable_parameters=None,
        total_parameters=None,
        settings={},
        seeds=list(range(seeds)),
    )


def comparison(a: str, label: str, **changes) -> Comparison:
    return Comparison(
        **{
            "dataset": "chest",
            "arm_a": a,
            "arm_b": "tl",
            "metric": "auc",
            "label": label,
            "difference": 0.01,
            "se": 0.01,
            "low": -0.01,
            "high": 0.03,
            "level": 0.95,
            "test": "obuchowski-rockette",
            "scope": "seeds+patients",
            "statistic": 1.0,
            "df": 5.0,
            "p_value": 0.4,
            "p_adjusted": 0.4,
            "adjustment": "holm",
            "family": "f",
            "n_seeds_a": 3,
            "n_seeds_b": 3,
            "n_patients": 300,
            "n_images": 600,
            **changes,
        }
    )


def rows_of(a: str, label: str, pilot: VarianceComponents = PILOT) -> list[VarianceComponent]:
    return [
        VarianceComponent(
            dataset="chest",
            arm_a=a,
            arm_b="tl",
            metric="auc",
            label=label,
            component=name,
            value=value,
            n_seeds_a=pilot.n_seeds_a,
            n_seeds_b=pilot.n_seeds_b,
            n_patients=pilot.n_patients,
            df_patients=pilot.df_patients,
        )
        for name, value in pilot.by_name().items()
    ]


@pytest.fixture(scope="module")
def result() -> EvaluationResult:
    return EvaluationResult(
        created="2024-05-01T12:00:00+00:00",
        inputs=[],
        settings=Settings(level=0.95, adjustment={}),
        datasets=[],
        arms=[arm("at", 3), arm("one", 1), arm("tl", 3)],
        runs=[],
        estimates=[],
        comparisons=[
            comparison("at", "macro"),
            comparison("at", "macro", test="t-welch", scope="seeds"),
            comparison("at", "Edema"),
            comparison("one", "macro", n_seeds_a=1, undefined_because="one seed in an arm"),
        ],
        variance_components=[*rows_of("at", "macro"), *rows_of("at", "Edema", replace(PILOT, df_patients=39))],
    )


@pytest.fixture(scope="module")
def made(result) -> Plan:
    return plan(result, effect=0.03, power=0.8)


def test_a_plan_answers_for_every_contrast_on_the_headline_metric(made):
    assert not made.primary
    assert made.without == (("one", "tl", "one seed in an arm"),)
    [one] = made.contrasts
    assert (one.arm_a, one.arm_b, one.metric, one.label) == ("at", "tl", "auc", "macro")
    assert one.components == PILOT
    powers = {row.seed_sd: row.power for row in one.pilot}
    assert powers["estimate"] == power(PILOT, 0.03, seeds_per_arm=3, patients=300, level=0.95)
    assert powers["lower limit"] > powers["estimate"] > powers["upper limit"]
    assert len(one.patients_needed) == 3 * len(SEEDS)
    assert len(one.curves) == 3 * 4 * len(SEEDS)
    reached = [row for row in (*one.patients_needed, *one.seeds_needed) if row.power is not None]
    assert reached
    assert all(row.power >= 0.8 for row in reached)
    missing = {
        (row.undefined_because, row.seeds_a is None)
        for row in (*one.patients_needed, *one.seeds_needed)
        if row.power is None
    }
    assert ("no number suffices", False) in missing
    assert ("more than 30", True) in missing


def test_the_seeds_needed_are_the_fewest(made):
    [one] = made.contrasts
    found = {row.patients: row.seeds_a for row in one.seeds_needed if row.seed_sd == "estimate"}
    assert set(found) == {300, 450, 600, 1200}
    for patients, seeds in found.items():
        of = [power(PILOT, 0.03, seeds_per_arm=k, patients=patients, level=0.95) for k in SEEDS]
        assert seeds == next((k for k, p in zip(SEEDS, of, strict=True) if p >= 0.8), None)


def test_the_primary_contrast_is_planned_for_alone(result):
    named = comparison("at", "Edema", primary=True)
    declared = result.model_copy(update={"comparisons": [*result.comparisons[:2], named]})
    alone = plan(declared, effect=0.03, power=0.8)
    assert alone.primary
    assert [(one.label, one.components.df_patients) for one in alone.contrasts] == [("Edema", 39)]
    asked = plan(declared, effect=0.03, power=0.8, metric="auc", label="macro")
    assert not asked.primary
    assert [one.label for one in asked.contrasts] == ["macro"]


def test_the_order_of_rows_changes_nothing(result, made):
    turned = result.model_copy(update={"variance_components": result.variance_components[::-1]})
    assert plan(turned, effect=0.03, power=0.8) == made


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"effect": 2.0, "power": 0.8}, "--effect 2"),
        ({"effect": 0.0, "power": 0.8}, "--effect 0"),
        ({"effect": math.nan, "power": 0.8}, "--effect nan"),
        ({"effect": 0.02, "power": 80}, "--power 80"),
        ({"effect": 0.02, "power": 0.5}, "--power 0.5"),
        ({"effect": 0.02, "power": 0.8, "level": 95}, "--level 95"),
        ({"effect": 0.02, "power": 0.8, "metric": "f1"}, "no comparison on f1 macro .* auc Edema, auc macro"),
    ],
)
def test_what_cannot_be_asked_for(result, asked, message):
    with pytest.raises(InputError, match=message):
        plan(result, **asked)


def test_results_without_components_are_told(result):
    with pytest.raises(InputError, match=r"no variance components.*run medkt evaluate again"):
        plan(result.model_copy(update={"variance_components": []}), effect=0.02, power=0.8)


def test_arms_with_one_seed_are_told(result):
    alone = result.model_copy(update={"comparisons": result.comparisons[-1:]})
    with pytest.raises(InputError, match="one - tl: nothing to plan from: one seed in an arm"):
        plan(alone, effect=0.02, power=0.8)


def test_more_seeds_are_asked_for_only_where_an_arm_has_one(result):
    with pytest.raises(InputError) as found:
        plan(result.model_copy(update={"variance_components": []}), effect=0.02, power=0.8)
    assert "train more seeds" not in str(found.value)


def test_null_components_keep_their_reason(result):
    null = [
        row.model_copy(update={"value": None, "undefined_because": "no positive image"})
        for row in result.variance_components
    ]
    with pytest.raises(InputError, match="no positive image"):
        plan(result.model_copy(update={"variance_components": null}), effect=0.02, power=0.8)


def test_nothing_that_varies_is_nothing_to_plan_from(result):
    still = rows_of("at", "macro", replace(PILOT, runs=0.0, seeds_by_patients=0.0, patients=0.0))
    with pytest.raises(InputError, match="no variation over seeds or patients"):
        plan(result.model_copy(update={"variance_components": still}), effect=0.02, power=0.8)


def test_a_component_that_is_missing_is_named(result):
    kept = [row for row in result.variance_components if row.component != "runs"]
    with pytest.raises(InputError, match=r"results\.json has no component 'runs' of it; evaluate the runs again"):
        plan(result.model_copy(update={"variance_components": kept}), effect=0.02, power=0.8)
