"""P(A > B), against Mann-Whitney's U and a count of all pairs; ties and undefined replicates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medkt_eval.inference.superiority import LEAST_RUNS, over_replicates, over_seeds

seeds = st.lists(st.integers(0, 8), min_size=1, max_size=7).map(lambda v: np.array(v) / 8)


@given(seeds, seeds)
def test_over_seeds_against_scipy(a, b):
    made = over_seeds(a, b)
    assert made.probability == pytest.approx(stats.mannwhitneyu(a, b).statistic / (a.size * b.size), rel=1e-12)
    assert made.probability + over_seeds(b, a).probability == pytest.approx(1, rel=1e-12)
    assert (made.n_pairs, made.descriptive) == (a.size * b.size, True)
    assert over_seeds(np.exp(a), np.exp(b)) == made


def test_over_replicates_against_every_pair():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (3, 40)) / 4 + 0.1, rng.integers(0, 5, (2, 40)) / 4 + 0.1
    of_each = [over_seeds(a[:, k], b[:, k]).probability for k in range(40)]
    made = over_replicates(a, b)
    assert made.probability == pytest.approx(np.mean(of_each), rel=1e-12)
    assert (made.n_pairs, made.descriptive) == (6, True)

    a[1, 3] = b[0, 20] = np.nan
    assert over_replicates(a, b).probability == pytest.approx(np.mean(np.delete(of_each, [3, 20])), rel=1e-12)


@pytest.mark.parametrize(("n_a", "n_b", "descriptive"), [(5, 6, True), (28, 40, True), (1, 29, True), (29, 29, False)])
def test_twenty_nine_runs_an_arm(n_a, n_b, descriptive):
    assert over_seeds(np.arange(float(n_a)), np.arange(float(n_b))).descriptive is descriptive
    replicates = np.zeros((n_a, 3)), np.ones((n_b, 3))
    assert over_replicates(*replicates).descriptive is descriptive


def test_noethers_number_of_runs():
    runs_of_an_arm = (2 * stats.norm.isf(0.05)) ** 2 / (6 * (0.75 - 0.5) ** 2)
    assert runs_of_an_arm == pytest.approx(28.86, abs=0.01)
    assert np.ceil(runs_of_an_arm) == LEAST_RUNS


@pytest.mark.parametrize("replicates", [np.full((2, 3), np.nan), np.zeros((2, 0))])
def test_no_replicate(replicates):
    made = over_replicates(replicates, replicates)
    assert (made.probability, made.n_pairs) == (None, 4)
    assert made.undefined_because == "no replicate is defined in every run"
