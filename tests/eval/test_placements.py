"""Placements against scikit-learn, brute force and R's pROC."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from medkt_eval.placements import auc_without_each_patient, placements


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 60), st.integers(1, 8), st.integers(0, 2**32), st.sampled_from(["f4", "f8", "i1", "u1", "i8"]))
def test_auc_and_jackknife_by_brute_force_ties_and_all(n: int, levels: int, seed: int, dtype: str):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n).astype(np.uint8)
    truth[:2] = 0, 1
    scores = rng.integers(0, levels, n).astype(dtype)
    patient = rng.integers(0, 6, n)
    found = placements(truth, scores)
    assert found.auc == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert found.v10.mean() == pytest.approx(found.auc, abs=1e-12)
    assert found.v01.mean() == pytest.approx(found.auc, abs=1e-12)
    without = auc_without_each_patient(found, scores, patient, 7)
    for i in range(7):
        kept = patient != i
        if len(set(truth[kept])) < 2:
            assert np.isnan(without[i])
        else:
            assert without[i] == pytest.approx(roc_auc_score(truth[kept], scores[kept]), abs=1e-12)


@pytest.mark.parametrize("dtype", ["bool", "u1", "u2", "u8", "i1", "i8", "f2", "f4", "f8"])
def test_every_dtype_of_truth_and_score_gives_the_same(dtype: str):
    truth = np.array([0, 0, 1, 1, 0, 1])
    ranks = np.array([1, 0, 1, 1, 0, 1])
    assert placements(truth.astype(dtype), ranks.astype(dtype)).auc == pytest.approx(
        roc_auc_score(truth, ranks), abs=1e-15
    )


def test_infinite_and_huge_scores_keep_their_order():
    truth = np.array([0, 1, 0, 1])
    assert placements(truth, np.array([-np.inf, np.inf, 1e308, -1e308])).auc == 0.75
    assert placements(truth, np.array([0, 2**64 - 1, 1, 2**63], dtype=np.uint64)).auc == 1.0


def test_a_million_images_are_counted_exactly():
    n = 1_000_000
    truth = np.arange(n) % 2 == 0
    found = placements(truth, np.arange(n, dtype=np.float32) // 4)  # ties of four: two positive, two negative
    assert found.auc == 0.5
    assert found.wins_of_positives.sum() == 2 * 500_000 * 500_000 // 2
