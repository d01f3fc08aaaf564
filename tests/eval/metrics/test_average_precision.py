"""Average precision, against scikit-learn on all images and without each patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from medkt_eval.metrics.average_precision import average_precision, average_precision_without_each_patient
from medkt_eval.metrics.ranking import rank


def check(truth: np.ndarray, scores: np.ndarray, patient: np.ndarray, n_patients: int) -> None:
    """Compare with scikit-learn, on all images and on those without each patient."""
    ranking = rank(truth, scores, patient, n_patients)
    assert average_precision(ranking) == pytest.approx(average_precision_score(truth, scores), abs=1e-12)
    without = average_precision_without_each_patient(ranking)
    assert without.shape == (n_patients,)
    for i in range(n_patients):
        kept = patient != i
        if truth[kept].any():
            assert without[i] == pytest.approx(average_precision_score(truth[kept], scores[kept]), abs=1e-12), i
        else:
            assert np.isnan(without[i])


@settings(max_examples=150)
@given(st.integers(1, 60), st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**32))
def test_ties_and_patients_with_one_image_or_many(n: int, levels: int, n_patients: int, seed: int):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    truth[0] = 1
    check(truth, rng.integers(0, levels, n), rng.integers(0, n_patients, n), n_patients + 1)


@pytest.mark.parametrize("levels", [30, 10**6])
def test_many_patients_with_few_images_and_a_few_with_hundreds(levels: int):
    rng = np.random.default_rng(0)
    patient = rng.permutation(np.repeat(np.arange(203), [400, 150, 90, *rng.integers(0, 5, 200)]))
    truth = rng.random(patient.size) < 0.2
    scores = rng.integers(0, levels, patient.size) + (levels // 4) * truth
    check(truth, scores, patient, 203)


def test_a_patient_who_holds_all_of_the_top():
    truth, patient = np.array([1, 0, 1, 1, 0, 1, 0]), np.array([0, 0, 0, 1, 1, 0, 2])
    check(truth, np.array([9, 8, 8, 7, 6, 5, 4]), patient, 3)
    check(truth, np.array([9, 9, 9, 9, 6, 5, 5]), patient, 3)


@pytest.mark.parametrize("dtype", ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"])
def test_every_dtype_of_truth_and_score(dtype: str):
    truth, scores = np.array([0, 0, 1, 1, 0, 1, 0]), np.array([1, 0, 1, 1, 0, 0, 0])
    patient = np.array([0, 1, 1, 2, 3, 3, 0])
    for ranking in (rank(truth.astype(dtype), scores, patient, 4), rank(truth, scores.astype(dtype), patient, 4)):
        assert average_precision(ranking) == pytest.approx(average_precision_score(truth, scores), abs=1e-15)
        expected = [average_precision_score(truth[patient != i], scores[patient != i]) for i in range(4)]
        assert average_precision_without_each_patient(ranking) == pytest.approx(expected, abs=1e-15)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(-30, 30), st.integers(0, 5)), min_size=1, max_size=40), st.data())
def test_only_the_ranks_count_and_never_the_order_of_the_rows(images, data):
    truth, scores, patient = (np.array(column) for column in zip(*images, strict=True))
    truth[0] = True
    ranking = rank(truth, scores, patient, 6)
    shuffled = np.array(data.draw(st.permutations(range(len(truth)))))
    for again in (
        rank(truth, np.exp(scores / 3.0), patient, 6),
        rank(truth[shuffled], scores[shuffled], patient[shuffled], 6),
    ):
        assert average_precision(again) == average_precision(ranking)
        np.testing.assert_array_equal(
            average_precision_without_each_patient(again), average_precision_without_each_patient(ranking)
        )


def test_constant_scores_give_the_prevalence_and_one_class_of_positives_gives_one():
    patient = np.arange(4)
    ranking = rank(np.array([1, 0, 0, 0]), np.full(4, 0.3), patient, 4)
    assert average_precision(ranking) == 0.25
    assert average_precision_without_each_patient(ranking) == pytest.approx([np.nan, 1 / 3, 1 / 3, 1 / 3], nan_ok=True)
    ranking = rank(np.ones(4), np.array([0.1, 0.2, 0.2, 0.4]), patient, 4)
    assert average_precision(ranking) == 1.0
    assert average_precision_without_each_patient(ranking).tolist() == [1.0] * 4


@pytest.mark.parametrize("n", [0, 3])
def test_without_a_positive_there_is_none(n: int):
    ranking = rank(np.zeros(n), np.arange(n), np.arange(n), 3)
    assert np.isnan(average_precision(ranking))
    assert np.isnan(average_precision_without_each_patient(ranking)).all()
