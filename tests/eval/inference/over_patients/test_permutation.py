"""The permutation test by patient: against exchanges by hand, and its size without an effect."""

from __future__ import annotations

import zlib
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from medkt_eval.inference.over_patients.permutation import PermutedDifferences, permutation_test, permuted_differences

Study = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def study(seed: int, n: int = 40, n_patients: int = 6, n_seeds: int = 2, better: float = 0.5) -> Study:
    """Truth, tied scores of two arms, and patients with images of both classes."""
    rng = np.random.default_rng(seed)
    patient = np.arange(n) % n_patients
    positive = rng.random(n) < 0.4
    common = rng.normal(size=n) + rng.normal(size=n_patients)[patient]
    a, b = (np.round(common + skill * positive + rng.normal(size=(n_seeds, n)), 1) for skill in (1 + better, 1.0))
    return positive, a, b, patient


def auc(positive: np.ndarray, scores: np.ndarray) -> float:
    higher, lower = scores[positive][:, None], scores[~positive]
    return float(((higher > lower) + 0.5 * (higher == lower)).mean())


def exchanged(study: Study, flips: np.ndarray, scale=stats.rankdata) -> float:
    """The difference of mean AUCs after exchanging the scaled scores of each flipped patient."""
    positive, a, b, patient = study
    of_seeds = []
    for one_a, one_b in zip(a, b, strict=True):
        ranks_a, ranks_b, flip = scale(one_a), scale(one_b), flips[patient]
        of_seeds.append(
            auc(positive, np.where(flip, ranks_b, ranks_a)) - auc(positive, np.where(flip, ranks_a, ranks_b))
        )
    return float(np.mean(of_seeds))


def p_of(study: Study, permutations: int = 500, seed: int = 0) -> float:
    found = permuted_differences(*study, int(study[3].max()) + 1, permutations=permutations, seed=seed, dataset="nih")
    return permutation_test(found, 0.95).p_value


def test_every_permutation_is_the_exchange_of_its_coins():
    positive, a, b, patient = study(1)
    found = permuted_differences(positive, a, b, patient, 6, permutations=70, seed=5, dataset="nih")
    observed = np.mean([[roc_auc_score(positive, run) for run in arm] for arm in (a, b)], axis=1)
    assert found.difference == pytest.approx(observed[0] - observed[1], abs=1e-14)
    for k, difference in enumerate(found.differences):
        stream = np.random.SeedSequence([5, zlib.crc32(b"nih"), 1, k // 64])
        flips = (np.random.SFC64(stream).random_raw(6) >> np.uint64(k % 64)) % np.uint64(2) == 1
        assert difference == pytest.approx(exchanged((positive, a, b, patient), flips), abs=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_against_all_exchanges(seed):
    data = study(seed)
    exact = [exchanged(data, np.array(flips, dtype=bool)) for flips in product((0, 1), repeat=6)]
    share = np.mean(np.abs(exact) >= abs(exact[0]) - 1e-12)
    assert p_of(data, permutations=20_000) == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / 20_000) + 1e-4)


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_recalibrating_one_arm_changes_nothing(seed):
    positive, a, b, patient = study(seed)
    keywords = {"permutations": 100, "seed": 0, "dataset": "nih"}
    before = permuted_differences(positive, a, b, patient, 6, **keywords)
    after = permuted_differences(positive, a, 1 / (1 + np.exp(7 - 2 * b)), patient, 6, **keywords)
    assert before.difference == after.difference
    np.testing.assert_array_equal(before.differences, after.differences)


def test_exchanging_scores_would_not_do():
    def p_of_scores(data: Study) -> float:
        differences = [exchanged(data, np.array(f, dtype=bool), scale=np.asarray) for f in product((0, 1), repeat=10)]
        return float(np.mean(np.abs(differences) >= abs(differences[0]) - 1e-12))

    rng = np.random.default_rng(0)
    patient = np.arange(60) % 10
    positive = patient < 5
    a, b = 2.0 * positive + rng.normal(size=(1, 60)), 0.2 * positive + rng.normal(size=(1, 60))
    recalibrated = positive, a, b - 100, patient
    assert p_of((positive, a, b, patient)) == p_of(recalibrated) < 0.05
    assert p_of_scores((positive, a, b, patient)) < 0.05
    assert p_of_scores(recalibrated) > 0.2  # the exchanged patients decide which images score highest


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_swapping_arms_flips_the_sign_and_keeps_p(seed):
    positive, a, b, patient = study(seed)
    keywords = {"permutations": 100, "seed": 0, "dataset": "nih"}
    there = permuted_differences(positive, a, b, patient, 6, **keywords)
    back = permuted_differences(positive, b, a, patient, 6, **keywords)
    assert there.difference == -back.difference
    np.testing.assert_array_equal(there.differences, -back.differences)
    assert permutation_test(there, 0.95).p_value == permutation_test(back, 0.95).p_value


def test_order_of_rows_and_number_of_permutations_change_nothing():
    positive, a, b, patient = study(3)
    many = permuted_differences(positive, a, b, patient, 6, permutations=200, seed=0, dataset="nih")
    order = np.random.default_rng(0).permutation(len(positive))
    few = permuted_differences(
        positive[order], a[:, order], b[:, order], patient[order], 6, permutations=65, seed=0, dataset="nih"
    )
    assert many.difference == few.difference
    np.testing.assert_array_equal(many.differences[:65], few.differences)
    for seed, dataset in ((1, "nih"), (0, "padchest")):
        other = permuted_differences(positive, a, b, patient, 6, permutations=200, seed=seed, dataset=dataset)
        assert (other.differences != many.differences).any()


def test_labels_share_their_coins():
    positive, a, b, patient = study(4)
    keywords = {"permutations": 100, "seed": 0, "dataset": "nih"}
    one = permuted_differences(positive, a, b, patient, 6, **keywords)
    kept = patient != 2  # a label without a patient's images
    other = permuted_differences(positive[kept], a[:, kept], b[:, kept], patient[kept], 6, **keywords)
    assert np.corrcoef(one.differences, other.differences)[0, 1] > 0.5
    mean = PermutedDifferences((one.difference + other.difference) / 2, (one.differences + other.differences) / 2)
    assert 0 < permutation_test(mean, 0.95).p_value <= 1


@pytest.mark.parametrize("truth", [np.uint8, np.int64, np.float64, bool])
@pytest.mark.parametrize("score", [np.float32, np.float64, np.int16])
def test_dtypes(truth, score):
    positive, a, b, patient = study(5)
    keywords = {"permutations": 64, "seed": 0, "dataset": "nih"}
    scores = [np.round(10 * arm) for arm in (a, b)]
    expected = permuted_differences(positive, *scores, patient, 6, **keywords)
    found = permuted_differences(
        positive.astype(truth), *(arm.astype(score) for arm in scores), patient.astype(np.int32), 6, **keywords
    )
    np.testing.assert_array_equal(found.differences, expected.differences)


def test_size():
    rejected = 0
    for k in range(400):
        rng = np.random.default_rng(k)
        patient = np.arange(120) % 50
        positive = rng.random(120) < 0.3
        common = rng.normal(size=120) + positive
        a, b = (common + rng.normal(size=(2, 120)) + rng.normal(size=50)[patient] for _ in range(2))
        rejected += p_of((positive, a, np.exp(b), patient), permutations=199) <= 0.05
    assert 4 <= rejected <= 38  # 20 expected, standard deviation 4.4


def test_power():
    assert p_of(study(6, n=400, n_patients=100, better=2.0)) == 1 / 501


def test_p_counts_ties_of_averages():
    thirds = np.array([0.1 + 0.2, -0.3, 0.0, 0.2])
    made = permutation_test(PermutedDifferences(0.3, thirds), 0.95)
    assert made.p_value == 3 / 5
    assert (made.test, made.scope, made.difference, made.statistic) == ("permutation", "patients", 0.3, 0.3)
    assert (made.low, made.high, made.se, made.undefined_because) == (None, None, None, None)
    assert made.note == "no interval: a permutation test tells of no difference but zero"
    assert permutation_test(PermutedDifferences(0.1 + 0.2, np.array([0.3])), 0.95).p_value == 1.0


def test_equal_arms():
    positive, a, _, patient = study(7)
    assert p_of((positive, a, a, patient)) == 1.0
    assert p_of((positive, np.zeros_like(a), np.zeros_like(a), patient)) == 1.0


@pytest.mark.parametrize(
    ("positive", "n_seeds_b", "because"),
    [
        ([0, 1, 0, 1], 3, "2 seeds and 3: runs are exchanged in pairs, an equal number is needed"),
        ([0, 0, 0, 0], 2, "0 positive and 4 negative images: there is no AUC"),
        ([1, 1, 1, 1], 2, "4 positive and 0 negative images: there is no AUC"),
    ],
)
def test_no_test(positive, n_seeds_b, because):
    scores = np.arange(4.0)
    found = permuted_differences(
        np.array(positive),
        np.tile(scores, (2, 1)),
        np.tile(scores, (n_seeds_b, 1)),
        np.arange(4),
        4,
        permutations=10,
        seed=0,
        dataset="nih",
    )
    assert np.isnan(found.differences).all()
    assert found.differences.shape == (10,)
    made = permutation_test(found, 0.95)
    assert made.undefined_because == because
    assert (made.p_value, made.statistic, made.note) == (None, None, None)


def test_no_permutations():
    found = permuted_differences(*study(8), 6, permutations=0, seed=0, dataset="nih")
    assert permutation_test(found, 0.95).undefined_because == "no permutations were drawn"
    assert permutation_test(found, 0.95).difference == found.difference
