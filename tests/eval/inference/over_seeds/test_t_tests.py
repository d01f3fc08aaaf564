"""Tests over seeds, against R's t.test; their signs, and cases without a test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from medkt_eval.inference.over_seeds.t_tests import paired_t, welch_t

CLOSE = {"rel": 1e-12, "abs": 0}
TESTS = {"welch": welch_t, "paired": paired_t}


@pytest.mark.parametrize("name", TESTS)
def test_against_r(golden, name):
    cases = [case for case in golden("t_tests.json") if case["test"] == name]
    assert {case["level"] for case in cases} >= {0.9, 0.95}
    for case in cases:
        made = TESTS[name](np.array(case["a"]), np.array(case["b"]), case["level"])
        assert (made.test, made.scope, made.level) == (f"t-{name}", "seeds", case["level"])
        assert made.undefined_because is None
        assert made.difference == pytest.approx(case["estimate"], **CLOSE), case["call"]
        for field in ("se", "low", "high", "statistic", "df", "p_value"):
            assert getattr(made, field) == pytest.approx(case[field], **CLOSE), (case["call"], field)


seeds = st.lists(st.integers(0, 1000), min_size=2, max_size=6).map(lambda v: np.array(v) / 1000)


@pytest.mark.parametrize("test", TESTS.values())
@settings(max_examples=50)
@given(a=seeds, b=seeds)
def test_swapping_arms_flips_signs_alone(test, a, b):
    size = min(a.size, b.size)
    a, b = (a[:size], b[:size]) if test is paired_t else (a, b)
    there, back = test(a, b, 0.95), test(b, a, 0.95)
    assert there.undefined_because == back.undefined_because
    assert there.difference == pytest.approx(-back.difference, rel=0, abs=1e-15)
    assume(there.undefined_because is None)
    tolerance = {"rel": 1e-9, "abs": 1e-12}
    assert there.low == pytest.approx(-back.high, **tolerance)
    assert there.high == pytest.approx(-back.low, **tolerance)
    assert there.statistic == pytest.approx(-back.statistic, **tolerance)
    for name in ("se", "df", "p_value"):
        assert getattr(there, name) == pytest.approx(getattr(back, name), **tolerance)


def assert_undefined(made, because, difference):
    assert made.undefined_because == because
    assert made.difference == pytest.approx(difference, rel=0, abs=1e-15)
    for name in ("se", "low", "high", "statistic", "df", "p_value"):
        assert getattr(made, name) is None


def test_one_seed():
    one, three = np.array([0.75]), np.array([0.25, 0.5, 0.75])
    for a, b in ((one, three), (three, one), (one, one)):
        because = "one seed in an arm: a test over seeds needs two in each"
        assert_undefined(welch_t(a, b, 0.95), because, a.mean() - b.mean())
    assert_undefined(paired_t(one, np.array([0.5]), 0.95), "one seed: a test over seeds needs two", 0.25)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.25), (0.1, 0.7), (0.3, 0.3), (0.0, 1.0), (0.0, 0.0)])
def test_equal_seeds_in_both_arms(a, b):  # the mean of three times 0.1 is not 0.1
    a, b = np.full(3, a), np.full(3, b)
    assert_undefined(welch_t(a, b, 0.95), "neither arm varies over its seeds", a[0] - b[0])
    assert_undefined(paired_t(a, b, 0.95), "the difference is the same for every seed", a[0] - b[0])


def test_difference_that_is_the_same_but_for_rounding():
    a, b = np.array([0.9, 0.8, 0.7]), np.array([0.8, 0.7, 0.6])
    assert np.std(a - b) > 0
    assert_undefined(paired_t(a, b, 0.95), "the difference is the same for every seed", 0.1)
    assert welch_t(a, b, 0.95).p_value > 0.2


@pytest.mark.parametrize("constant", [0.625, 0.1, 1.0, 0.0])
def test_one_arm_whose_seeds_agree(constant):
    a = np.array([0.62, 0.71, 0.66])
    made = welch_t(a, np.full(3, constant), 0.95)
    assert made.se == pytest.approx(a.std(ddof=1) / np.sqrt(3), **CLOSE)
    assert made.df == pytest.approx(2.0, **CLOSE)
    assert made.difference == pytest.approx(a.mean() - constant, **CLOSE)


@pytest.mark.parametrize(("test", "se"), [(paired_t, 0.25), (welch_t, np.sqrt(1 / 24))])
def test_no_difference(test, se):
    made = test(np.array([0.5, 0.75, 0.25]), np.array([0.75, 0.25, 0.5]), 0.95)
    assert (made.difference, made.statistic, made.p_value) == (0, 0, 1)
    assert made.se == pytest.approx(se, **CLOSE)
    assert made.high == pytest.approx(-made.low, **CLOSE)
    assert made.high > se
