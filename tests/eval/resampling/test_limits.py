"""Intervals and p-values from replicates, against scipy and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medkt_eval.resampling.limits import (
    MOST_UNDEFINED,
    Limits,
    basic,
    bca,
    p_studentized,
    p_value,
    percentile,
    studentized,
)

EXACT = {"rel": 0, "abs": 1e-12}


@pytest.fixture
def data() -> np.ndarray:
    return np.random.default_rng(1).exponential(size=40)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("of", "name"), [(percentile, "percentile"), (basic, "basic"), (bca, "BCa")])
@pytest.mark.parametrize("statistic", [np.mean, np.median, np.std], ids=lambda f: f.__name__)
def test_as_scipy(data, statistic, of, name, level):
    made = stats.bootstrap((data,), statistic, method=name, confidence_level=level, n_resamples=999, random_state=3)
    jackknife = np.array([statistic(np.delete(data, i)) for i in range(len(data))])
    more = {"without_patient": jackknife} if of is bca else {}
    found = of(float(statistic(data)), made.bootstrap_distribution, level, **more)
    assert (found.low, found.high) == pytest.approx(tuple(made.confidence_interval), **EXACT)
    assert found.se == pytest.approx(made.standard_error, **EXACT)
    assert (found.n_undefined, found.undefined_because) == (0, None)


def test_bca_by_efrons_formula(data):
    drawn = data[np.random.default_rng(0).integers(0, 40, (1500, 40))].mean(axis=1)
    value, without = data.mean(), (data.sum() - data) / 39
    z0 = stats.norm.ppf((drawn < value).mean())
    deviation = without.mean() - without
    a = (deviation**3).sum() / (6 * (deviation**2).sum() ** 1.5)
    ends = [stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in (-1.959963984540054, 1.959963984540054)]
    found = bca(value, drawn, 0.95, without_patient=without)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, ends)), **EXACT)
    assert a > 0.01  # the sample is skewed: the acceleration does matter


def test_bca_without_bias_and_acceleration_is_percentile():
    drawn = np.linspace(-1, 1, 2001)
    found = bca(0.0, drawn, 0.95, without_patient=np.array([-0.1, 0.0, 0.1]))
    plain = percentile(0.0, drawn, 0.95)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), **EXACT)
    assert bca(0.0, drawn, 0.95, without_patient=np.zeros(5)) == found  # no patient matters: no acceleration either


@pytest.mark.parametrize("value", [-2.0, 2.0])
def test_bca_of_a_value_beyond_every_replicate_stays_among_them(value):
    drawn = np.linspace(-1, 1, 500)
    found = bca(value, drawn, 0.95, without_patient=np.array([0.0, 1.0, 3.0]))
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= found.high <= 1


def test_bca_needs_the_statistic_without_every_patient():
    drawn = np.linspace(-1, 1, 500)
    drawn[:3] = np.nan
    found = bca(0.0, drawn, 0.95, without_patient=np.array([0.1, np.nan]))
    assert found == Limits(None, None, None, 3, "the statistic does not exist without some patient: no acceleration")


def every_kind(value: float, drawn: np.ndarray) -> list[Limits]:
    return [
        percentile(value, drawn, 0.95),
        basic(value, drawn, 0.95),
        bca(value, drawn, 0.95, without_patient=np.array([0.0, 0.1, 0.3])),
        studentized(value, drawn, 0.95, se=0.1, ses=np.where(np.isnan(drawn), np.nan, 0.1)),
    ]


def test_undefined_replicates_are_counted_and_left_out_up_to_one_percent():
    drawn = np.random.default_rng(0).normal(size=1000)
    drawn[:10] = np.nan
    for some, without in zip(every_kind(0.1, drawn), every_kind(0.1, drawn[10:]), strict=True):
        assert (some.low, some.high, some.se) == (without.low, without.high, without.se)
        assert (some.n_undefined, some.undefined_because) == (10, None)


def test_above_one_percent_there_is_no_interval_and_no_p():
    drawn = np.random.default_rng(0).normal(size=1000)
    drawn[:11] = np.nan
    reasons = {
        f"11 of 1000 bootstrap replicates {lacking}; above 1 % no interval is made"
        for lacking in (
            "are undefined (the metric does not exist on the images drawn)",
            "have no value or no standard error",  # studentised
        )
    }
    found = every_kind(0.1, drawn)
    assert {one.undefined_because for one in found} == reasons
    for one in found:
        assert one == Limits(None, None, None, 11, one.undefined_because)
    assert p_value(drawn) is None
    drawn[0] = 0
    assert p_value(drawn) is not None


@given(st.integers(1, 3000), st.integers(-1, 1))
def test_interval_and_p_are_refused_together(n, more):
    absent = min(max(int(MOST_UNDEFINED * n) + more, 0), n)
    drawn = np.linspace(-1, 2, n)
    drawn[:absent] = np.nan
    refused = absent > n / 100
    assert (p_value(drawn) is None) == refused
    if n > 1:
        assert ("above 1 %" in (percentile(0.5, drawn, 0.95).undefined_because or "")) == refused


def test_no_replicates():
    for found in every_kind(0.1, np.zeros(0)):
        assert found == Limits(None, None, None, 0, "no bootstrap replicates were drawn")
    assert p_value(np.zeros(0)) is None


@pytest.mark.parametrize("constant", [0.7, 0.1, 1.0, 0.0])
def test_replicates_that_do_not_vary_but_for_rounding(constant):
    drawn = np.full(2000, constant)
    drawn[::2] += 1e-16
    for found in every_kind(constant, drawn)[:3]:
        assert found == Limits(None, None, 0.0, 0, "every replicate gave the same value")


def test_arms_that_are_the_same_do_not_differ():
    runs = np.random.default_rng(0).random((3, 2000))
    difference = np.r_[np.full(3, 1 / 3), np.full(3, -1 / 3)] @ np.concatenate([runs, runs])
    assert 0 < np.abs(difference).max() < 1e-15  # rounding, whose sign means nothing
    assert p_value(difference) == p_value(np.abs(difference)) == 1
    assert percentile(0.0, difference, 0.95).undefined_because == "every replicate gave the same value"


def test_p_by_hand():
    drawn = np.r_[np.full(3, -0.5), np.full(96, 0.5)]
    assert p_value(drawn) == p_value(-drawn) == 2 * 4 / 100
    assert p_value(np.ones(99)) == 2 / 100  # the smallest it can be
    assert p_value(np.zeros(99)) == 1
    assert p_value(np.r_[drawn, np.nan]) == p_value(drawn)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.floats(-4, 4), st.sampled_from([0.8, 0.9, 0.95]), st.integers(100, 600))
def test_p_and_percentile_interval_agree_but_for_the_last_replicate(seed, shift, level, n):
    """p < alpha iff 0 is outside, up to 4/(n + 1): p steps by 2/(n + 1) and counts one replicate more."""
    drawn = np.random.default_rng(seed).normal(size=n) + shift
    found, p = percentile(0.0, drawn, level), p_value(drawn)
    assert p is not None
    assert found.low is not None
    assert found.high is not None
    alpha = 1 - level
    outside = found.low > 0 or found.high < 0
    if abs(p - alpha) > 4 / (n + 1):
        assert (p < alpha) == outside
    if p < alpha - 1e-9:  # p never claims more than the interval
        assert outside


def test_studentized_by_hand():
    rng = np.random.default_rng(0)
    value, se = 0.7, 0.05
    drawn, ses = value + 0.05 * rng.standard_t(8, 999), 0.04 + 0.02 * rng.random(999)
    pivots = (drawn - value) / ses
    found = studentized(value, drawn, 0.9, se=se, ses=ses)
    low, high = (value - se * quantile for quantile in np.quantile(pivots, [0.95, 0.05]))
    assert (found.low, found.high, found.se) == pytest.approx((low, high, se), **EXACT)


def test_studentized_with_one_standard_error_is_basic():
    drawn = np.random.default_rng(0).normal(size=999)
    one, two = studentized(0.2, drawn, 0.95, se=0.3, ses=np.full(999, 0.3)), basic(0.2, drawn, 0.95)
    assert (one.low, one.high) == pytest.approx((two.low, two.high), **EXACT)


def test_studentized_counts_replicates_without_a_standard_error_as_undefined():
    drawn, ses = np.random.default_rng(0).normal(size=1000), np.ones(1000)
    ses[:10] = 0
    assert studentized(0.0, drawn, 0.95, se=1.0, ses=ses).n_undefined == 10
    ses[10] = np.nan
    found = studentized(0.0, drawn, 0.95, se=1.0, ses=ses)
    assert found.undefined_because is not None
    assert found.undefined_because.startswith("11 of 1000 bootstrap replicates have no value or no standard error")


def test_studentized_without_variation_on_the_data_is_null():
    drawn = np.random.default_rng(0).normal(size=100)
    found = studentized(0.0, drawn, 0.95, se=1e-18, ses=np.ones(100))
    assert found == Limits(None, None, 0.0, 0, "no variation over patients to measure")


def test_p_studentized_by_hand():
    pivots = np.array([-3.0, -1, 0, 1.5, 2, np.nan, 0, 0, 0, 0])
    assert p_studentized(2.0, pivots) == 2 * 2 / 10
    assert p_studentized(-2.0, np.where(np.isnan(pivots), np.inf, pivots)) == 2 * 2 / 10
    assert p_studentized(9.0, np.zeros(99)) == 2 / 100


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.floats(-4, 4), st.sampled_from(["basic", "bca", "studentized"]))
def test_every_p_goes_with_its_own_interval(seed, shift, kind):
    """p < 0.1 iff 0 is outside the 90 % interval, up to the last replicates, as for the percentile interval."""
    rng, n = np.random.default_rng(seed), 500
    drawn = rng.gamma(2.0, size=n) - 2.0 + shift
    value = float(np.median(drawn)) + 0.1
    if kind == "basic":
        found = basic(value, drawn, 0.9)
    elif kind == "bca":
        found = bca(value, drawn, 0.9, without_patient=value + rng.gamma(1.0, size=30))
    else:
        found = studentized(value, drawn, 0.9, se=1.2, ses=rng.uniform(0.8, 1.6, n))
    assert found.p_value is not None
    assert found.low is not None
    assert found.high is not None
    if abs(found.p_value - 0.1) > 0.03:
        assert (found.low > 0 or found.high < 0) == (found.p_value < 0.1)
