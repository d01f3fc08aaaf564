"""Placements and AUC without each patient, against scikit-learn and the definition, pair by pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from medkt_eval.errors import InputError
from medkt_eval.metrics.placements import Placements, auc_without_each_patient, placements
from medkt_eval.metrics.ranking import rank

DTYPES = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "g"]


def placed(truth, scores, patient=None, n_patients=None) -> tuple[Placements, np.ndarray]:
    """Placements and AUC without each patient. Without `patient`, each image has its own patient."""
    patient = np.arange(len(truth)) if patient is None else patient
    ranking = rank(truth, scores, patient, n_patients or int(patient.max()) + 1)
    found = placements(ranking)
    return found, auc_without_each_patient(ranking, found)


@settings(max_examples=150)
@given(st.integers(2, 60), st.integers(1, 40), st.integers(1, 8), st.integers(0, 2**32))
def test_auc_and_jackknife_are_scikit_learns_ties_and_all(n: int, levels: int, n_patients: int, seed: int):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    truth[:2] = 0, 1
    scores, patient = rng.integers(0, levels, n), rng.integers(0, n_patients, n)
    found, without = placed(truth, scores, patient, n_patients + 1)  # the last patient has no image
    assert found.auc == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert without[-1] == found.auc
    for i in range(n_patients):
        kept = patient != i
        if len(set(truth[kept])) < 2:
            assert np.isnan(without[i])
        else:
            assert without[i] == pytest.approx(roc_auc_score(truth[kept], scores[kept]), abs=1e-12)


def test_placements_and_their_sums_by_patient_by_definition():
    rng = np.random.default_rng(3)
    truth, scores, patient = rng.random(90) < 0.3, rng.integers(0, 12, 90), rng.integers(0, 20, 90)
    found, _ = placed(truth, scores, patient)
    order = np.argsort(scores, kind="stable")
    truth, scores, patient = truth[order], scores[order], patient[order]
    x, y = scores[truth][:, None], scores[~truth]
    wins = (y < x) + (y == x) / 2
    assert found.v10.tolist() == wins.mean(axis=1).tolist()
    assert found.v01 == pytest.approx(wins.mean(axis=0), abs=1e-15)
    for i in range(20):
        assert found.patient_wins_of_positives[i] == 2 * wins[patient[truth] == i].sum()
        assert found.patient_wins_over_negatives[i] == 2 * wins[:, patient[~truth] == i].sum()
        assert found.patient_positives[i] == (truth & (patient == i)).sum()
        assert found.patient_negatives[i] == (~truth & (patient == i)).sum()


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_of_truth_and_score_gives_the_same(dtype: str):
    truth, scores = np.array([0, 0, 1, 1, 0, 1, 0]), np.array([1, 0, 1, 1, 0, 0, 0])
    patient = np.array([0, 1, 1, 2, 3, 3, 0])
    expected, expected_without = placed(truth, scores, patient)
    assert expected.auc == pytest.approx(roc_auc_score(truth, scores), abs=1e-15)
    for one in (placed(truth.astype(dtype), scores, patient), placed(truth, scores.astype(dtype), patient)):
        assert one[0].auc == expected.auc
        assert one[1].tolist() == expected_without.tolist()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(-30, 30), st.integers(0, 5)), min_size=2, max_size=40), st.data())
def test_only_the_ranks_count_neither_the_order_of_the_rows_nor_copies_inside_a_patient(images, data):
    truth, scores, patient = (np.array(column) for column in zip(*images, strict=True))
    truth[:2] = True, False
    found, without = placed(truth, scores, patient, 6)
    monotone, monotone_without = placed(truth, np.exp(scores / 3.0), patient, 6)
    assert monotone.auc == found.auc
    np.testing.assert_array_equal(monotone_without, without)
    shuffled = np.array(data.draw(st.permutations(range(len(truth)))))
    again, again_without = placed(truth[shuffled], scores[shuffled], patient[shuffled], 6)
    assert again.auc == found.auc
    np.testing.assert_array_equal(again_without, without)
    doubled, doubled_without = placed(np.repeat(truth, 2), np.repeat(scores, 2), np.repeat(patient, 2), 6)
    assert doubled.auc == found.auc
    np.testing.assert_array_equal(doubled_without, without)
    turned, turned_without = placed(truth, -scores, patient, 6)
    assert turned.auc == pytest.approx(1 - found.auc, abs=1e-15)
    np.testing.assert_allclose(turned_without, 1 - without, rtol=0, atol=1e-15)


def test_constant_scores_one_positive_and_two_images():
    constant, without = placed(np.array([0, 1, 1, 0, 0]), np.full(5, 0.7))
    assert constant.auc == 0.5
    assert without.tolist() == [0.5] * 5
    one_positive, without = placed(np.array([0, 1, 0, 0]), np.array([1.0, 2.0, 2.0, 3.0]))
    assert one_positive.auc == 0.5
    assert without == pytest.approx([0.25, np.nan, 0.5, 0.75], nan_ok=True)
    two, without = placed(np.array([1, 0]), np.array([0.2, 0.1]))
    assert two.auc == 1.0
    assert np.isnan(without).all()


def test_a_patient_with_images_of_both_classes_takes_its_own_pairs_away_once():
    found, without = placed(np.array([1, 0, 1, 0]), np.array([3, 1, 2, 2]), np.array([0, 0, 1, 1]))
    assert found.auc == 3.5 / 4
    assert without.tolist() == [0.5, 1.0]


def test_infinite_and_huge_scores_keep_their_order():
    truth = np.array([0, 1, 0, 1])
    assert placed(truth, np.array([-np.inf, np.inf, 1e308, -1e308]))[0].auc == 0.75
    assert placed(truth, np.array([0, 2**64 - 1, 1, 2**63], dtype=np.uint64))[0].auc == 1.0


@pytest.mark.parametrize("truth", [[0, 0], [1, 1], []])
def test_one_class_has_no_placements(truth: list[int]):
    images = np.arange(len(truth))
    with pytest.raises(InputError, match="AUC needs one of each"):
        placements(rank(np.array(truth), images, images, 2))


def test_a_million_images_are_counted_exactly():
    n = 1_000_000
    truth = np.arange(n) % 2 == 0
    patient = np.arange(n) // 8
    found, without = placed(truth, np.arange(n, dtype=np.float32) // 4, patient)  # ties: two positive, two negative
    assert found.auc == 0.5
    assert found.wins_of_positives.sum() == 2 * 500_000 * 500_000 // 2
    assert (without == 0.5).all()
