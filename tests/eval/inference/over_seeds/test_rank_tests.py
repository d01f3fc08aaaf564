"""Exact tests over seeds, against R's wilcox.test and against all permutations; limits with few seeds."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from medkt_eval.inference.over_seeds.rank_tests import mann_whitney, sign_flip, wilcoxon

CLOSE = {"rel": 1e-12, "abs": 1e-14}
TESTS = {"mann-whitney": mann_whitney, "wilcoxon": wilcoxon, "sign-flip": sign_flip}
PAIRED = {"wilcoxon": wilcoxon, "sign-flip": sign_flip}


@pytest.mark.parametrize("name", ["mann-whitney", "wilcoxon"])
def test_against_r(golden, name):
    cases = [case for case in golden("rank_tests.json") if case["test"] == name]
    assert {case["low"] is None for case in cases} == {True, False}
    for case in cases:
        made = TESTS[name](np.array(case["a"]), np.array(case["b"]), case["level"])
        assert (made.test, made.scope, made.level) == (name, "seeds", case["level"])
        assert (made.undefined_because, made.se, made.df) == (None, None, None)
        assert made.difference == pytest.approx(np.mean(case["a"]) - np.mean(case["b"]), **CLOSE)
        for field in ("statistic", "p_value"):
            assert getattr(made, field) == pytest.approx(case[field], **CLOSE), (case["call"], field)
        if case["low"] is None:
            assert (made.low, made.high) == (None, None), case["call"]
            assert "interval exists" in made.note
        else:
            assert (made.low, made.high) == pytest.approx((case["low"], case["high"]), **CLOSE), case["call"]
            assert made.note is None


few = st.lists(st.integers(0, 6), min_size=2, max_size=6).map(lambda v: np.array(v) / 8)  # ties, no rounding
two = st.tuples(few, few)
pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=8).map(
    lambda v: tuple(np.array(v).T / 8)
)


def doubled(tails: np.ndarray, observed: float) -> float:
    return min(1.0, 2 * min((tails <= observed).mean(), (tails >= observed).mean()))


@settings(max_examples=50)
@given(two)
def test_mann_whitney_with_ties_goes_through_every_choice_of_seeds(arms):
    a, b = arms
    both = np.concatenate(arms)
    assume(np.ptp(both) > 0)

    def pairs_won(chosen: np.ndarray, others: np.ndarray) -> float:
        return float(((chosen[:, None] > others) + 0.5 * (chosen[:, None] == others)).sum())

    all_choices = [
        pairs_won(both[list(chosen)], np.delete(both, list(chosen)))
        for chosen in combinations(range(both.size), a.size)
    ]
    made = mann_whitney(a, b, 0.95)
    assert made.statistic == pairs_won(a, b)
    assert made.p_value == pytest.approx(doubled(np.array(all_choices), pairs_won(a, b)), **CLOSE)


def test_mann_whitney_of_many_seeds_against_scipy():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=24), rng.normal(size=31) + 0.5
    peer = stats.mannwhitneyu(a, b, method="exact")
    made = mann_whitney(a, b, 0.95)
    assert (made.statistic, made.p_value) == pytest.approx((peer.statistic, peer.pvalue), rel=1e-10, abs=0)


@settings(max_examples=50)
@given(pairs)
def test_paired_tests_go_through_every_flip(arms):
    a, b = arms
    differences = a - b
    assume(differences.any())
    kept = differences[differences != 0]
    ranks = stats.rankdata(np.abs(kept))
    sums = np.array([ranks[np.array(signs) > 0].sum() for signs in product((-1, 1), repeat=kept.size)])
    made = wilcoxon(a, b, 0.95)
    assert made.statistic == ranks[kept > 0].sum()
    assert made.p_value == pytest.approx(doubled(sums, made.statistic), **CLOSE)

    means = np.array([np.dot(signs, differences) for signs in product((-1, 1), repeat=a.size)]) / a.size
    made = sign_flip(a, b, 0.95)
    assert made.statistic == made.difference == differences.mean()
    assert made.p_value == (np.abs(means) >= np.abs(differences.mean())).mean()


def test_sign_flip_against_scipy():
    rng = np.random.default_rng(4)
    a, b = 0.7 + rng.normal(size=11) / 50, 0.68 + rng.normal(size=11) / 50
    peer = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(a, b, 0.95).p_value == pytest.approx(peer.pvalue, **CLOSE)


@pytest.mark.parametrize("n", [3, 5, 6, 7, 10])
@pytest.mark.parametrize("level", [0.5, 0.75, 0.9, 0.95, 0.99])
def test_sign_flip_interval_holds_the_shifts_not_rejected(n, level):
    rng = np.random.default_rng(n)
    a, b = 0.7 + rng.normal(size=n) / 50, 0.68 + rng.normal(size=n) / 50
    made = sign_flip(a, b, level)
    if 2.0 ** (1 - n) > 1 - level + 1e-9:
        assert (made.low, made.high) == (None, None)
        return
    assert made.low < made.difference < made.high
    for inside in np.linspace(made.low + 1e-9, made.high - 1e-9, 41):
        assert sign_flip(a - inside, b, level).p_value > 1 - level + 1e-9
    for outside in (made.low - 1e-9, made.high + 1e-9, made.low - 0.01, made.high + 0.5):
        assert sign_flip(a - outside, b, level).p_value <= 1 - level + 1e-9


@pytest.mark.parametrize("name", TESTS)
@settings(max_examples=50)
@given(arms=pairs)
def test_swapping_arms_flips_the_sign_and_keeps_p(name, arms):
    a, b = arms
    there, back = TESTS[name](a, b, 0.9), TESTS[name](b, a, 0.9)
    assert there.difference == -back.difference
    assert (there.undefined_because, there.p_value) == (back.undefined_because, pytest.approx(back.p_value))
    if there.low is None:
        assert back.low is None
    else:
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low), **CLOSE)


@settings(max_examples=50)
@given(two)
def test_mann_whitney_is_the_same_after_a_monotone_change(arms):
    a, b = arms
    before, after = mann_whitney(a, b, 0.9), mann_whitney(np.exp(3 * a), np.exp(3 * b), 0.9)
    assert (before.statistic, before.p_value) == (after.statistic, after.p_value)


@settings(max_examples=50)
@given(pairs)
def test_wilcoxon_is_the_same_after_a_monotone_change_of_differences(arms):
    differences = arms[0] - arms[1]
    zero = np.zeros(len(differences))
    before, after = wilcoxon(*arms, 0.9), wilcoxon(differences**3, zero, 0.9)
    assert (before.statistic, before.p_value) == (after.statistic, after.p_value)


@pytest.mark.parametrize(("name", "least"), [("mann-whitney", 0.1), ("wilcoxon", 0.25), ("sign-flip", 0.25)])
def test_three_seeds_cannot_give_a_small_p(name, least):
    made = TESTS[name](np.array([0.81, 0.83, 0.84]), np.array([0.51, 0.54, 0.52]), 0.95)
    assert made.p_value == pytest.approx(least, **CLOSE)
    seeds = "3 and 3 seeds" if name == "mann-whitney" else "3 paired seeds"
    assert made.note == f"the smallest two-sided p of {seeds} is {least}; no 95 % interval exists"
    assert made.undefined_because is None
    at_its_level = TESTS[name](np.array([0.81, 0.83, 0.84]), np.array([0.51, 0.54, 0.52]), 1 - least)
    assert at_its_level.note is None
    assert at_its_level.low < at_its_level.difference < at_its_level.high


@pytest.mark.parametrize("name", PAIRED)
def test_never_below_five_percent_before_six_seeds(name):
    a, b = 0.8 + np.arange(6) ** 2 / 1000, np.full(6, 0.7)
    assert PAIRED[name](a[:5], b[:5], 0.95).note.startswith("the smallest two-sided p of 5 paired seeds is 0.062;")
    made = PAIRED[name](a, b, 0.95)
    assert (made.p_value, made.note) == (0.03125, None)


def test_seeds_of_unequal_number():
    made = mann_whitney(np.array([0.81, 0.83, 0.84, 0.85]), np.array([0.51, 0.54]), 0.95)
    assert made.p_value == pytest.approx(2 / 15, **CLOSE)
    assert made.note == "the smallest two-sided p of 4 and 2 seeds is 0.13; no 95 % interval exists"


def test_seeds_without_a_difference_are_left_out_and_told():
    a = np.array([0.71, 0.72, 0.74, 0.75, 0.77, 0.7])
    made = wilcoxon(a, np.full(6, 0.7), 0.95)
    assert made.p_value == 2 * 0.5**5
    assert made.note == "the smallest two-sided p of 5 paired seeds that differ is 0.062"
    assert made.low == pytest.approx(0.0, **CLOSE)  # the interval is that of all six


def test_differences_that_are_equal_but_for_rounding_are_tied():
    a, b = np.array([0.9, 0.8, 0.6, 0.3]), np.array([0.8, 0.7, 0.7, 0.3])
    assert len(set(np.abs(a - b))) > 2
    made = wilcoxon(a, b, 0.75)
    assert (made.statistic, made.p_value) == (4.0, 1.0)  # ranks 2, 2, -2


def test_an_interval_that_lacks_the_mean_difference():
    a = np.array([0.701, 0.702, 0.703, 0.704, 0.705, 0.706, 0.707, 0.99])
    b = np.array([0.7, 0.7001, 0.7002, 0.7003, 0.7004, 0.7005, 0.7006, 0.7007])
    for test in (mann_whitney, wilcoxon):
        made = test(a, b, 0.5)
        assert (made.low, made.high) == (None, None)
        assert made.difference > 0.03
        assert made.note.startswith("no interval: that of the shift, 0.00")
        assert made.note.endswith("lacks the mean difference")
        assert made.p_value < 0.05


@pytest.mark.parametrize("name", TESTS)
def test_seeds_that_agree(name):
    made = TESTS[name](np.full(6, 0.75), np.full(6, 0.5), 0.95)
    assert (made.low, made.high, made.difference) == (None, None, 0.25)
    assert made.note == "no interval: it would have no width"
    assert made.p_value == pytest.approx(2 / 924 if name == "mann-whitney" else 1 / 32, **CLOSE)


@pytest.mark.parametrize(
    ("name", "a", "b", "because"),
    [
        ("mann-whitney", [0.5], [0.4, 0.3], "one seed in an arm: a test over seeds needs two in each"),
        ("mann-whitney", [0.5, 0.5], [0.5, 0.5], "every seed of both arms gave the same value"),
        ("wilcoxon", [0.5], [0.4], "one seed: a test over seeds needs two"),
        ("wilcoxon", [0.5, 0.6], [0.5, 0.6], "no seed has a difference"),
        ("sign-flip", [0.5], [0.4], "one seed: a test over seeds needs two"),
        ("sign-flip", [0.5, 0.6], [0.5, 0.6], "no seed has a difference"),
        ("sign-flip", np.arange(23), np.zeros(23), "23 seeds: 2^23 flips are too many to go through"),
    ],
)
def test_no_test(name, a, b, because):
    a, b = np.array(a, dtype=float), np.array(b, dtype=float)
    made = TESTS[name](a, b, 0.95)
    assert made.undefined_because == because
    assert made.difference == pytest.approx(a.mean() - b.mean(), **CLOSE)
    for field in ("se", "low", "high", "statistic", "df", "p_value", "note"):
        assert getattr(made, field) is None
