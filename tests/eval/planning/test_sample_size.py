"""Variance components, power and plans: hand computation, textbook tests as limits, and simulated studies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from medkt_eval.errors import InputError
from medkt_eval.inference.obuchowski_rockette import analyse, compare
from medkt_eval.planning.power import patients_needed, power
from medkt_eval.planning.sample_size import SEEDS, Plan, plan, seed_sd_limits
from medkt_eval.planning.variance_components import VarianceComponents, measure_components
from medkt_eval.results.schema import Arm, Comparison, EvaluationResult, VarianceComponent
from medkt_eval.results.settings import Settings

PILOT = VarianceComponents(1e-4, 3e-5, 1e-4, "nested", 3, 3, 300, 299)
LEVEL = 0.95


def study(rng, n_seeds, n_patients, *, seeds, together, patients):
    """Two equal arms' runs of a metric that is a mean over patients, and their jackknife covariance.

    `seeds`, `together` and `patients` are the components with `n_patients`; patients differ between the arms.
    """
    shared = np.repeat(rng.normal(0, math.sqrt(n_patients * patients / 2), (2, n_patients)), n_seeds, axis=0)
    x = shared + rng.normal(0, math.sqrt(n_patients * together), shared.shape)  # (2 n_seeds, n_patients)
    values = rng.normal(0, math.sqrt(seeds), 2 * n_seeds) + x.mean(axis=1)
    return values[:n_seeds], values[n_seeds:], np.cov(x) / n_patients


def test_components_by_hand():
    a, b, s = study(np.random.default_rng(5), 3, 40, seeds=1.0, together=0.3, patients=0.5)
    made = measure_components(a, b, s, seeds="nested", n_patients=40, df_patients=39)
    own = [np.mean([s[i, i] - s[i, j] for i in arm for j in arm if i != j]) for arm in (range(3), range(3, 6))]
    pairs = [np.mean([s[i, j] for i in arm for j in arm if i != j]) for arm in (range(3), range(3, 6))]
    assert made.runs == pytest.approx((a.var(ddof=1) + b.var(ddof=1)) / 2, rel=1e-12)
    assert made.seeds_by_patients == pytest.approx(np.mean(own), rel=1e-12)
    assert made.patients == pytest.approx(max(sum(pairs) - 2 * s[:3, 3:].mean(), 0), rel=1e-12)
    assert made.seeds == pytest.approx(max(made.runs - made.seeds_by_patients, 0), rel=1e-12)


def test_components_of_crossed_seeds_by_hand():
    a, b, s = study(np.random.default_rng(6), 4, 40, seeds=1.0, together=0.3, patients=0.5)
    made = measure_components(a, b, s, seeds="crossed", n_patients=40, df_patients=39)
    covariance = np.array([[s[i, j] + s[4 + i, 4 + j] - s[i, 4 + j] - s[4 + i, j] for j in range(4)] for i in range(4)])
    others = [covariance[i, j] for i in range(4) for j in range(4) if i != j]
    assert made.runs == pytest.approx((a - b).var(ddof=1) / 2, rel=1e-12)
    assert made.seeds_by_patients == pytest.approx((np.diag(covariance).mean() - np.mean(others)) / 2, rel=1e-12)
    assert made.patients == pytest.approx(max(np.mean(others), 0), rel=1e-9)


@pytest.mark.parametrize("design", ["nested", "crossed"])
def test_components_add_up_to_the_variance_of_the_primary_analysis(design):
    a, b, s = study(np.random.default_rng(7), 5, 60, seeds=1.0, together=0.3, patients=0.5)
    made = measure_components(a, b, s, seeds=design, n_patients=60, df_patients=59)
    found = analyse([a, b], s, [1, -1], seeds=design, df_patients=59)
    assert 2 * made.runs / 5 + made.patients == pytest.approx(found.variance, rel=1e-12)


@pytest.mark.parametrize("design", ["nested", "crossed"])
def test_components_are_unbiased(design):
    rng = np.random.default_rng(8)
    true = {"seeds": 2.0, "together": 0.5, "patients": 1.5}
    made = [
        measure_components(*study(rng, 4, 50, **true), seeds=design, n_patients=50, df_patients=49) for _ in range(600)
    ]
    found = np.array([(one.runs - one.seeds_by_patients, one.seeds_by_patients, one.patients) for one in made])
    error = found.std(axis=0, ddof=1) / math.sqrt(len(made))
    assert np.all(np.abs(found.mean(axis=0) - list(true.values())) < 4 * error)


def test_negative_seeds_are_cut_and_survive_results_json():
    made = VarianceComponents(1e-5, 4e-5, 1e-4, "nested", 3, 4, 300, 299)
    assert made.seeds == 0
    assert made.by_name()["runs"] - made.by_name()["seeds x patients"] == pytest.approx(-3e-5)
    assert (
        VarianceComponents.from_names(made.by_name(), design="nested", n_seeds=(3, 4), n_patients=300, df_patients=299)
        == made
    )


def test_one_seed_has_no_components():
    with pytest.raises(InputError, match="1 and 3 seeds"):
        measure_components(np.ones(1), np.ones(3), np.eye(4), seeds="nested", n_patients=9, df_patients=8)


@pytest.mark.parametrize("n_seeds", [2, 3, 5, 12])
def test_without_patients_crossed_seeds_give_the_power_of_a_paired_t(n_seeds):
    only_seeds = VarianceComponents(2e-4, 0.0, 0.0, "crossed", 3, 3, 300, 299)
    for size in (0.3, 1.0, 2.5):
        expected = TTestPower().power(size, n_seeds, 0.05)
        found = power(only_seeds, size * 0.02, seeds_per_arm=n_seeds, patients=300, level=LEVEL)
        assert found == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize("df", [9, 60, 500])
def test_without_seeds_the_power_is_noncentral_t(df):
    only_patients = VarianceComponents(0.0, 0.0, 1e-4, "nested", 3, 3, df + 1, df)
    for size in (0.5, 2.0, 3.5):
        reach = stats.t.ppf(0.975, df)
        expected = stats.nct.sf(reach, df, size) + stats.nct.cdf(-reach, df, size)
        found = power(only_patients, size * 0.01, seeds_per_arm=3, patients=df + 1, level=LEVEL)
        assert found == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("design", ["nested", "crossed"])
@pytest.mark.parametrize("n_seeds", [3, 5, 10])
@pytest.mark.parametrize("ratio", [1 / 9, 1, 9], ids=["patients-dominate", "balanced", "seeds-dominate"])
def test_simulated_studies_attain_the_power(design, n_seeds, ratio):
    """The pilot had 90 patients and 4 seeds; the studies have 150 patients and other seeds."""
    n, patients, scale = 500, 150, 90 / 150
    pilot = VarianceComponents(ratio * n_seeds / 2, 0.3 * ratio * n_seeds / 2, 1.0, design, 4, 4, 90, 89)
    together, shared = pilot.seeds_by_patients * scale, pilot.patients * scale
    effect = 2.9 * math.sqrt(2 * (pilot.seeds + together) / n_seeds + shared)
    # Values like an AUC's, where the analysis cuts differences at 1.
    unit = 0.02 / effect
    true = {"seeds": pilot.seeds * unit**2, "together": together * unit**2, "patients": shared * unit**2}
    pilot = replace(
        pilot, runs=pilot.runs * unit**2, seeds_by_patients=pilot.seeds_by_patients * unit**2, patients=unit**2
    )
    rng = np.random.default_rng([n_seeds, round(9 * ratio), design == "nested"])
    found = 0
    for _ in range(n):
        a, b, covariance = study(rng, n_seeds, patients, **true)
        test = compare(a + 0.02, b, covariance, seeds=design, df_patients=patients - 1, level=LEVEL)
        found += test.p_value is not None and test.p_value < 0.05
    expected = power(pilot, 0.02, seeds_per_arm=n_seeds, patients=patients, level=LEVEL)
    assert 0.4 < expected < 0.9
    error = math.sqrt(expected * (1 - expected) / n)
    assert found / n == pytest.approx(expected, abs=0.01 + 3 * error)


@settings(max_examples=40, deadline=None)
@given(
    runs=st.floats(1e-6, 1e-2),
    together=st.floats(0, 1e-3),
    patients=st.floats(1e-6, 1e-2),
    n_seeds=st.integers(4, 12),
    design=st.sampled_from(["nested", "crossed"]),
    size=st.floats(2.5, 5),
)
def test_more_seeds_patients_or_difference_give_more_power(runs, together, patients, n_seeds, design, size):
    """Where there is power to speak of, and seeds enough that losing degrees of freedom cannot outweigh the gain."""
    pilot = VarianceComponents(runs, together, patients, design, 3, 3, 200, 199)
    size *= math.sqrt(2 * max(runs, together) / n_seeds + patients)

    def of(effect=size, seeds=n_seeds, p=200, factor=1.0):
        return power(pilot, effect, seeds_per_arm=seeds, patients=p, level=LEVEL, seed_sd_factor=factor)

    here = of()
    assert -1e-9 <= here <= 1 + 1e-9
    assert of(effect=1.2 * size) >= here - 1e-9
    assert of(seeds=n_seeds + 1) >= here - 5e-3
    assert of(p=300) >= here - 5e-3
    assert of(factor=1.5) <= here + 5e-3


def test_a_pair_of_seeds_is_symmetric_and_lies_between():
    def of(seeds):
        return power(PILOT, 0.04, seeds_per_arm=seeds, patients=300, level=LEVEL)

    assert of((3, 5)) == pytest.approx(of((5, 3)), rel=1e-12)
    assert of((4, 4)) == of(4)
    assert of(3) < of((3, 5)) < of(5)


def test_a_label_needs_patients_that_have_it():
    rare = replace(PILOT, df_patients=19)  # 20 of 300 patients have it
    assert power(rare, 0.04, seeds_per_arm=5, patients=300, level=LEVEL) < power(
        PILOT, 0.04, seeds_per_arm=5, patients=300, level=LEVEL
    )
    with pytest.raises(InputError, match="15 patients: too few"):
        power(rare, 0.04, seeds_per_arm=5, patients=15, level=LEVEL)


@pytest.mark.parametrize(("n_seeds", "factor"), [(5, 1.0), (10, 1.0), (4, 0.52)])
def test_the_patients_needed_are_the_fewest(n_seeds, factor):
    given = {"seeds_per_arm": n_seeds, "level": LEVEL, "seed_sd_factor": factor}
    needed = patients_needed(PILOT, 0.03, 0.8, **given)
    assert needed is not None
    assert power(PILOT, 0.03, patients=needed, **given) >= 0.8 > power(PILOT, 0.03, patients=needed - 1, **given)


def test_patients_cannot_make_up_for_seeds():
    given = {"seeds_per_arm": 3, "level": LEVEL, "seed_sd_factor": 6.28}
    assert patients_needed(PILOT, 0.02, 0.8, **given) is None
    assert power(PILOT, 0.02, patients=math.inf, **given) < 0.8


def test_never_fewer_patients_than_ten():
    assert patients_needed(PILOT, 0.5, 0.8, seeds_per_arm=20, level=LEVEL) == 10
    rare = replace(PILOT, df_patients=19)
    assert patients_needed(rare, 0.5, 0.8, seeds_per_arm=20, level=LEVEL) == 150


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
