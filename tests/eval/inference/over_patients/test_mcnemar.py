"""McNemar's test of clustered images, against statsmodels and against the paper's equations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as unclustered

from medkt_eval.evaluation import evaluate
from medkt_eval.inference.over_patients.mcnemar import mcnemar

CLOSE = {"rel": 1e-9, "abs": 1e-15}


def study(seed: int, n: int = 90, n_patients: int = 25, n_seeds: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    patient = rng.integers(0, n_patients, n) * 7  # numbers, not places
    ease = rng.normal(size=n_patients)[patient // 7] + rng.normal(size=n)
    a, b = (np.mean(ease + rng.normal(size=(n_seeds, n)) > cut, axis=0) for cut in (-0.6, -0.3))
    return a, b, patient


@pytest.mark.parametrize("n_seeds", [1, 3])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_against_a_mean_with_cluster_robust_covariance(n_seeds, level):
    a, b, patient = study(0, n_seeds=n_seeds)
    peer = sm.OLS(a - b, np.ones(a.size)).fit(cov_type="cluster", cov_kwds={"groups": patient})
    made = mcnemar(a, b, patient, level)
    assert (made.test, made.scope, made.level, made.df) == ("mcnemar", "patients", level, None)
    assert (made.difference, made.se) == pytest.approx((peer.params[0], peer.bse[0]), **CLOSE)
    assert (made.statistic, made.p_value) == pytest.approx((peer.tvalues[0], peer.pvalues[0]), **CLOSE)
    assert (made.low, made.high) == pytest.approx(tuple(peer.conf_int(1 - level)[0]), **CLOSE)


def test_against_the_equations():
    a, b, patient = study(1, n_seeds=1)
    clusters = np.unique(patient)
    size, of_a, of_b = (np.array([v[patient == i].sum() for i in clusters]) for v in (np.ones(a.size), a, b))
    m = clusters.size

    def covariance(x: np.ndarray, y: np.ndarray) -> float:  # 2 and 3
        return m / (m - 1) * ((x - size * x.sum() / size.sum()) * (y - size * y.sum() / size.sum())).sum() / a.size**2

    variance = covariance(of_a, of_a) + covariance(of_b, of_b) - 2 * covariance(of_a, of_b)  # 4
    made = mcnemar(a, b, patient, 0.95)
    assert made.se**2 == pytest.approx(variance, **CLOSE)
    assert made.statistic**2 == pytest.approx((a.mean() - b.mean()) ** 2 / variance, **CLOSE)  # 6


def test_one_image_a_patient_is_mcnemar_with_the_observed_variance():
    a, b, _ = study(2, n=200, n_seeds=1)
    table = [[np.sum((a == x) & (b == y)) for y in (1, 0)] for x in (1, 0)]
    only_a, only_b, n = table[0][1], table[1][0], a.size
    assert only_a != only_b
    peer = unclustered(table, exact=False, correction=False)
    assert peer.statistic == pytest.approx((only_a - only_b) ** 2 / (only_a + only_b), **CLOSE)
    made = mcnemar(a, b, np.arange(n), 0.95)
    # Variance under no difference: (b + c)/n^2. Observed: n/(n - 1) (b + c - (b - c)^2/n)/n^2.
    under_null = (only_a + only_b) / n**2
    observed = n / (n - 1) * (under_null - made.difference**2 / n)
    assert made.se**2 == pytest.approx(observed, **CLOSE)
    assert made.statistic**2 * observed / under_null == pytest.approx(peer.statistic, **CLOSE)


correctness = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30)


@given(correctness)
def test_swapping_arms_flips_signs_alone(rows):
    a, b, patient = np.array(rows).T
    there, back = mcnemar(a / 3, b / 3, patient, 0.95), mcnemar(b / 3, a / 3, patient, 0.95)
    assert there.undefined_because == back.undefined_because
    assert there.difference == -back.difference
    assume(there.undefined_because is None)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), **CLOSE)
    assert (there.se, there.p_value) == pytest.approx((back.se, back.p_value), **CLOSE)


def test_duplicating_images_inside_their_patients_changes_nothing():
    a, b, patient = study(3)
    once, twice = mcnemar(a, b, patient, 0.95), mcnemar(np.tile(a, 2), np.tile(b, 2), np.tile(patient, 2), 0.95)
    for field in ("difference", "se", "low", "high", "p_value"):
        assert getattr(once, field) == pytest.approx(getattr(twice, field), **CLOSE)
    images_once = mcnemar(a, b, np.arange(a.size), 0.95)
    images_twice = mcnemar(np.tile(a, 2), np.tile(b, 2), np.arange(2 * a.size), 0.95)
    assert images_twice.se == pytest.approx(images_once.se / np.sqrt(2), rel=0.01)


def test_interval_is_clipped():
    made = mcnemar(np.array([1.0, 1, 1, 0]), np.array([0.0, 0, 0, 0]), np.arange(4), 0.999)
    assert made.high == 1.0


@pytest.mark.parametrize(
    ("a", "b", "patient", "because"),
    [
        ([1.0, 0.0], [0.0, 0.0], [3, 3], "one patient: no variation over patients to measure"),
        ([1.0, 0.0], [1.0, 0.0], [1, 2], "the difference is the same in every patient"),
        ([1 / 3, 2 / 3, 1.0], [0.0, 1 / 3, 2 / 3], [1, 2, 3], "the difference is the same in every patient"),
    ],
)
def test_no_test(a, b, patient, because):
    made = mcnemar(np.array(a), np.array(b), np.array(patient), 0.95)
    assert made.undefined_because == because
    assert made.difference == pytest.approx(np.mean(a) - np.mean(b), **CLOSE)
    assert (made.se, made.low, made.high, made.statistic, made.p_value) == (None,) * 5


def test_no_image():
    made = mcnemar(np.zeros(0), np.zeros(0), np.zeros(0, dtype=int), 0.95)
    assert made.undefined_because == "no image to be called"
    assert np.isnan(made.difference)


def several_classes(target, called, patient):
    """A multi-class table in which the likeliest class is the prediction."""
    scores = 0.1 + 0.7 * np.eye(3)[called]
    ids = {"image_id": [f"i{k:03d}" for k in range(len(target))], "patient_id": [f"p{k}" for k in patient]}
    return pd.DataFrame(
        ids
        | {"target": np.array(list("ABC"))[target]}
        | {f"score_{name}": scores[:, k] for k, name in enumerate("ABC")}
    )


def overall(given, **options):
    result = evaluate(given, add=["mcnemar"], replicates=0, **options)
    (row,) = [row for row in result.comparisons if row.test == "mcnemar" and row.label == "micro"]
    assert (row.metric, row.kind, row.scope, row.adjustment) == ("accuracy", "declared", "patients", "holm")
    return row


def test_calls_of_several_classes_by_hand():
    target, patient = np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 1, 1, 2, 3])
    wrong = (target + 1) % 3
    right_a, right_b = np.array([1, 1, 1, 1, 0, 1], dtype=bool), np.array([0, 0, 1, 1, 1, 0], dtype=bool)
    made = overall(
        {
            "TL": [several_classes(target, np.where(right_b, target, wrong), patient)],
            "AT": [several_classes(target, np.where(right_a, target, wrong), patient)],
        }
    )
    # Sums over patients 2, 0, -1, 1 of 2, 2, 1, 1 images, mean 1/3: squares of the residuals 16/9, 4/9, 16/9, 4/9.
    assert (made.difference, made.n_images, made.n_patients) == (pytest.approx(1 / 3), 6, 4)
    assert made.se == pytest.approx(np.sqrt(4 / 3 * 40 / 9 / 36), **CLOSE)
    assert made.statistic == pytest.approx(1 / 3 / made.se, **CLOSE)


def test_calls_of_several_classes_one_image_a_patient_one_seed():
    rng = np.random.default_rng(4)
    target = rng.integers(0, 3, 150)
    called = [np.where(rng.random(150) < skill, target, rng.integers(0, 3, 150)) for skill in (0.4, 0.7)]
    made = overall(
        {name: [several_classes(target, calls, range(150))] for name, calls in zip(("TL", "AT"), called, strict=True)}
    )
    tl, at = (calls == target for calls in called)
    peer = unclustered(
        [[np.sum(at & tl), np.sum(at & ~tl)], [np.sum(~at & tl), np.sum(~at & ~tl)]], exact=False, correction=False
    )
    under_null = np.sum(at != tl) / 150**2
    assert made.statistic**2 * made.se**2 / under_null == pytest.approx(peer.statistic, **CLOSE)
    assert made.se**2 == pytest.approx(150 / 149 * (under_null - made.difference**2 / 150), **CLOSE)


def test_calls_of_several_classes_are_each_images_mean_over_seeds():
    rng = np.random.default_rng(6)
    target, patient = rng.integers(0, 3, 60), rng.integers(0, 20, 60)
    runs = {
        name: [np.where(rng.random(60) < skill, target, (target + 1) % 3) for _ in range(n)]
        for name, skill, n in (("TL", 0.5, 3), ("AT", 0.7, 2))
    }
    made = overall({name: [several_classes(target, run, patient) for run in of_arm] for name, of_arm in runs.items()})
    right = {name: np.mean([run == target for run in of_arm], axis=0) for name, of_arm in runs.items()}
    expected = mcnemar(right["AT"], right["TL"], patient, 0.95)
    assert (made.difference, made.se, made.p_value) == pytest.approx(
        (expected.difference, expected.se, expected.p_value), **CLOSE
    )
    assert (made.n_seeds_a, made.n_seeds_b) == (2, 3)
