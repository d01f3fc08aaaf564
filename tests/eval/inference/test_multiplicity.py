"""Adjusted p-values against R's p.adjust, max-T against a plain implementation, and missing p-values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkt_eval.inference.multiplicity import METHODS, adjust, max_t
from medkt_eval.runtime.garbage import quick_collections

CLOSE = {"rel": 1e-12, "abs": 0}


def test_against_r(golden):
    cases = golden("p_adjust.json")
    assert {case["method"] for case in cases} == set(METHODS)
    for case in cases:
        assert adjust(case["p"], case["method"]) == pytest.approx(case["adjusted"], **CLOSE), case["call"]


@pytest.mark.parametrize(
    ("method", "of_five"), [("holm", [0.05, 0.12, 0.12]), ("benjamini-hochberg", [0.05, 0.2 / 3, 0.2 / 3])]
)
def test_a_p_that_does_not_exist_stays_so_and_counts_in_the_size_of_the_family(method, of_five):
    """R: `p.adjust(c(.01, .04, .03), "holm", n = 5)` is 0.05, 0.12, 0.12; "BH": 0.05, 0.0666..., 0.0666..."""
    first, none, second, third, last = adjust([0.01, None, 0.04, 0.03, None], method)
    assert none is None
    assert last is None
    assert [first, second, third] == pytest.approx(of_five, **CLOSE)


def test_holm_over_a_family_that_the_data_shrink_errs_and_over_the_declared_family_does_not():
    """A p-value that exists only where it is small: three true hypotheses, of which large p-values are lost."""
    p = np.random.default_rng(0).random((4000, 3))
    rejected = {"declared": 0, "left": 0}
    with quick_collections():
        for row in p:
            seen = [float(value) if value < 0.05 else None for value in row]
            rejected["declared"] += any(q is not None and q < 0.05 for q in adjust(seen, "holm"))
            rejected["left"] += any(q < 0.05 for q in adjust([q for q in seen if q is not None], "holm"))
    assert rejected["declared"] / 4000 < 0.06
    assert rejected["left"] / 4000 > 0.12


@pytest.mark.parametrize("method", METHODS)
def test_no_p_at_all(method):
    assert adjust([None, None], method) == [None, None]
    assert adjust([], method) == []


def test_unknown_method():
    with pytest.raises(KeyError, match="fdr"):
        adjust([0.1], "fdr")


def plain_max_t(differences: np.ndarray, replicates: np.ndarray) -> np.ndarray:
    """Algorithm 2.8 as printed, with loops."""
    m, n = replicates.shape
    se = [replicates[k].std(ddof=1) for k in range(m)]
    observed = [abs(differences[k] / se[k]) for k in range(m)]
    left, adjusted, floor = set(range(m)), np.empty(m), 0.0
    while left:
        largest = max(left, key=lambda k: (observed[k], -k))
        count = 0
        for draw in range(n):
            of_left = [abs((replicates[k, draw] - differences[k]) / se[k]) for k in left]
            count += max(of_left) >= observed[largest]
        floor = max(floor, (count + 1) / (n + 1))
        adjusted[largest] = floor
        left.remove(largest)
    return adjusted


def joint(seed: int, m: int, n: int, common: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    differences = rng.normal(size=m) / 10
    scale = rng.uniform(0.5, 2, size=(m, 1)) / 10
    return differences, differences[:, None] + scale * (common * rng.normal(size=n) + rng.normal(size=(m, n)))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_max_t_against_a_plain_implementation(seed, m):
    differences, replicates = joint(seed, m, 60)
    np.testing.assert_array_equal(max_t(differences, replicates), plain_max_t(differences, replicates))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_never_below_the_unadjusted_and_in_its_order(seed, m):
    differences, replicates = joint(seed, m, 200)
    adjusted = max_t(differences, replicates)
    raw = np.array([max_t(differences[k : k + 1], replicates[k : k + 1])[0] for k in range(m)])
    assert (adjusted >= raw).all()
    statistic = np.abs(differences) / replicates.std(axis=1, ddof=1)
    assert (np.diff(adjusted[np.argsort(-statistic)]) >= 0).all()
    np.testing.assert_array_equal(max_t(-differences, -replicates), adjusted)


def test_one_difference():
    replicates = np.array([[0.3, 0.5, 0.4, 0.2, 0.1]])  # centred at 0.3: 0, 0.2, 0.1, -0.1, -0.2
    assert max_t(np.array([0.3]), replicates).tolist() == [1 / 6]
    assert max_t(np.array([0.3]), np.append(replicates, [[0.7, -0.1]], axis=1)).tolist() == [3 / 8]


def test_independent_differences_are_adjusted_as_by_sidak():
    rng = np.random.default_rng(2)
    differences = np.array([2.8, 0.1, -2.2, 1.0, 0.4])
    replicates = differences[:, None] + rng.normal(size=(5, 20_000))
    raw = np.array([max_t(differences[k : k + 1], replicates[k : k + 1])[0] for k in range(5)])
    order = np.argsort(raw)
    sidak = np.empty(5)
    sidak[order] = np.maximum.accumulate(1 - (1 - raw[order]) ** np.arange(5, 0, -1))
    assert max_t(differences, replicates) == pytest.approx(sidak, abs=0.015)


def test_differences_that_are_one_need_no_adjustment():
    differences, replicates = joint(3, 1, 500)
    raw = max_t(differences, replicates)[0]
    assert max_t(np.repeat(differences, 9), np.repeat(replicates, 9, axis=0)).tolist() == [raw] * 9


def test_undefined_replicates_are_left_out_of_all():
    differences, replicates = joint(4, 3, 300)
    with_gaps = replicates.copy()
    with_gaps[0, 5] = with_gaps[2, 200] = np.nan
    expected = max_t(differences, np.delete(replicates, [5, 200], axis=1))
    np.testing.assert_array_equal(max_t(differences, with_gaps), expected)


def test_replicates_that_do_not_vary_are_no_members():
    differences, replicates = joint(5, 3, 300)
    replicates[1] = differences[1] = 0.1
    adjusted = max_t(differences, replicates)
    assert np.isnan(adjusted[1])
    np.testing.assert_array_equal(adjusted[[0, 2]], max_t(differences[[0, 2]], replicates[[0, 2]]))


@pytest.mark.parametrize("n", [0, 1])
def test_no_replicates(n):
    assert np.isnan(max_t(np.array([0.1, 0.2]), np.ones((2, n)))).all()
