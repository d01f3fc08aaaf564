"""Metrics of sums, against scikit-learn and brute force; the sums themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from medkt_eval.measurement.metric_functions import OF_BINS, OF_CALLS, OF_CONFUSION, OF_PROBABILITIES, OF_TOP_BINS
from medkt_eval.metrics.sums import N_BINS, Sums, bins, calls, confusion, probabilities, probability_bin

EXACT = {"rtol": 0, "atol": 1e-12}
NAN = float("nan")
SCORES = st.one_of(st.sampled_from([k / N_BINS for k in range(N_BINS + 1)]), st.floats(0, 1, width=32))


def as_scikit_learn(truth: np.ndarray, called: np.ndarray) -> dict[str, float]:
    """scikit-learn's metrics of calls. They are NaN if it returns 0 or warns because they are undefined."""
    positives, negatives = int(truth.sum()), int((~truth).sum())

    def of(metric, exists: int | np.bool, **how) -> float:
        return float(metric(truth, called, **how)) if exists else NAN

    return {
        "f1": of(metrics.f1_score, positives, zero_division=0),
        "accuracy": of(metrics.accuracy_score, len(truth)),
        "balanced_accuracy": of(metrics.balanced_accuracy_score, positives and negatives),
        "sensitivity": of(metrics.recall_score, positives),
        "specificity": of(metrics.recall_score, negatives, pos_label=False),
        "ppv": of(metrics.precision_score, called.any()),
        "npv": of(metrics.precision_score, (~called).any(), pos_label=False),
    }


def ece_by_hand(truth: np.ndarray, score: np.ndarray) -> float:
    """Guo et al. 2017, equation 3: mean |accuracy - confidence| of 15 bins, weighted by their images.

    The bins are (0, 1/15], (1/15, 2/15], ...; a score of 0 is in the first.
    """
    total = 0.0
    for k in range(N_BINS):
        inside = (score > k / N_BINS) & (score <= (k + 1) / N_BINS) | ((score == 0) & (k == 0))
        if inside.any():
            total += inside.sum() / len(score) * abs(truth[inside].mean() - score[inside].mean())
    return total


@settings(max_examples=150)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), max_size=15))
@example([(True, False, 0)])
@example([(False, True, 0)])
@example([])
def test_metrics_of_calls(rows):
    truth, called, patient = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    table = calls(truth == 1, called == 1, patient, 4)
    expected = as_scikit_learn(truth == 1, called == 1)
    assert expected.keys() == OF_CALLS.keys()
    for name, metric in OF_CALLS.items():
        np.testing.assert_allclose(metric(table.total), expected[name], **EXACT, err_msg=name)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.booleans(), SCORES), min_size=1, max_size=20))
@example([(True, 0.0), (False, 1.0)])
def test_metrics_of_probabilities(rows):
    truth, score = np.array([t for t, _ in rows]), np.array([s for _, s in rows])
    patient = np.arange(len(rows))
    total = probabilities(truth, score, patient, len(rows)).total
    expected = metrics.brier_score_loss(truth, score, pos_label=True, labels=[False, True])
    np.testing.assert_allclose(OF_PROBABILITIES["brier"](total), expected, **EXACT)
    binned = bins(truth, score, patient, len(rows)).total
    np.testing.assert_allclose(OF_BINS["ece"](binned), ece_by_hand(truth, score), **EXACT)


def test_no_image_has_no_calibration():
    empty = np.zeros(0)
    no_image = empty == 1, empty, empty.astype(int), 3
    assert all(np.isnan(metric(probabilities(*no_image).total)) for metric in OF_PROBABILITIES.values())
    assert all(np.isnan(metric(bins(*no_image).total)) for metric in (OF_BINS | OF_TOP_BINS).values())


def test_bins_are_closed_above_and_the_first_on_both_sides():
    edges = np.arange(N_BINS + 1) / N_BINS
    assert probability_bin(edges).tolist() == [0, *range(N_BINS)]
    assert probability_bin(edges[:-1] + 1e-9).tolist() == list(range(N_BINS))
    assert probability_bin(edges[1:] - 1e-9).tolist() == list(range(N_BINS))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_calibration_of_narrow_scores_is_that_of_the_same_numbers_in_float64(dtype):
    rng = np.random.default_rng(0)
    score, truth, patient = rng.random(200).astype(dtype), rng.random(200) < 0.3, rng.integers(0, 20, 200)
    narrow, wide = (probabilities(truth, s, patient, 20).by_patient for s in (score, score.astype(np.float64)))
    np.testing.assert_array_equal(narrow, wide)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=15))
@example([(1, 1), (1, 1)])
@example([(1, 2), (1, 2)])
@example([])
def test_metrics_of_several_classes(rows):
    truth, called = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    total = confusion(truth, called, 3, np.zeros(len(rows), dtype=int), 1).total
    all_classes = len(set(truth.tolist())) == 3
    alone = len({*truth.tolist(), *called.tolist()}) < 2
    expected = {
        "accuracy": metrics.accuracy_score(truth, called) if rows else NAN,
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, called) if all_classes else NAN,
        "kappa_quadratic": NAN if alone else metrics.cohen_kappa_score(truth, called, weights="quadratic"),
    }
    assert expected.keys() == OF_CONFUSION.keys()
    for name, metric in OF_CONFUSION.items():
        np.testing.assert_allclose(metric(total), expected[name], **EXACT, err_msg=name)


def test_many_states_at_once_are_each_alone():
    rng = np.random.default_rng(0)
    truth, called, patient = rng.integers(0, 3, 60), rng.integers(0, 3, 60), rng.integers(0, 12, 60)
    states = confusion(truth, called, 3, patient, 12).without_patient
    for metric in OF_CONFUSION.values():
        np.testing.assert_allclose(metric(states), [metric(state) for state in states.T], **EXACT)


def test_total_and_without_each_patient():
    table = Sums(np.array([[1.0, 2.0, 0.0], [0.5, 0.0, 0.25]]))
    assert table.total.tolist() == [3, 0.75]
    assert table.without_patient.tolist() == [[2, 1, 3], [0.25, 0.75, 0.5]]


def test_cells_are_the_table_without_its_zeros():
    table = Sums(np.array([[1.0, 2.0, 0.0], [0.5, 0.0, 0.25]]))
    cells = table.cells()
    dense = np.zeros((cells.n_bins, cells.n_patients))
    dense[cells.bin, cells.patient] = cells.value
    np.testing.assert_array_equal(dense, table.by_patient)
    assert len(cells.value) == 4


def test_more_images_than_a_byte_counts():
    truth = np.ones(600, dtype=bool)
    assert calls(truth, truth, np.zeros(600, dtype=np.uint8), 1).total.tolist() == [600, 600, 600, 600]
