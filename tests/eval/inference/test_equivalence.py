"""Equivalence and non-inferiority, against statsmodels; their intervals agree with their p-values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind, ttost_paired, ztost

from medkt_eval.errors import InputError
from medkt_eval.inference.equivalence import non_inferiority, tost

CLOSE = {"rel": 1e-9, "abs": 0}


@pytest.mark.parametrize("shift", [0.0, 0.03, -0.08, 0.4])
@pytest.mark.parametrize("margin", [0.02, 0.1])
def test_against_statsmodels(shift, margin):
    rng = np.random.default_rng(1)
    a, b = 0.7 + shift + rng.normal(size=12) / 20, 0.7 + rng.normal(size=12) / 30

    welch = stats.ttest_ind(a, b, equal_var=False)
    difference, se = a.mean() - b.mean(), np.sqrt(a.var(ddof=1) / 12 + b.var(ddof=1) / 12)
    made = tost(difference, se, welch.df, margin=margin, level=0.95)
    p, above, below = ttost_ind(a, b, -margin, margin, usevar="unequal")
    assert made.p_value == pytest.approx(p, **CLOSE)
    assert made.statistic == pytest.approx(max(above, below, key=lambda one: one[1])[0], **CLOSE)
    assert (made.low, made.high) == pytest.approx(tuple(welch.confidence_interval(0.9)), **CLOSE)
    assert made.level == pytest.approx(0.9)
    assert (made.test, made.scope, made.difference, made.se, made.df) == (
        "tost",
        "seeds+patients",
        difference,
        se,
        welch.df,
    )
    one_sided = non_inferiority(difference, se, welch.df, margin=margin, level=0.95)
    assert one_sided.test == "non-inferiority"
    assert (one_sided.statistic, one_sided.p_value) == pytest.approx(above[:2], **CLOSE)
    assert (one_sided.low, one_sided.high) == (made.low, made.high)

    paired = tost((a - b).mean(), (a - b).std(ddof=1) / np.sqrt(12), 11.0, margin=margin, level=0.95)
    assert paired.p_value == pytest.approx(ttost_paired(a, b, -margin, margin)[0], **CLOSE)

    normal = tost((a - b).mean(), (a - b).std(ddof=1) / np.sqrt(12), None, margin=margin, level=0.95)
    assert normal.p_value == pytest.approx(ztost(a - b, -margin, margin)[0], **CLOSE)
    assert normal.df is None


numbers = st.floats(-0.2, 0.2), st.floats(0.001, 0.1), st.sampled_from([None, 2.0, 17.3]), st.floats(0.001, 0.2)


@given(*numbers, st.sampled_from([0.8, 0.95, 0.975]))
def test_interval_and_p_say_the_same(difference, se, df, margin, level):
    both = tost(difference, se, df, margin=margin, level=level)
    inside = min(both.high - margin, -margin - both.low, key=abs)
    if abs(inside) > 1e-9:
        assert (both.p_value < 1 - level) == (-margin < both.low and both.high < margin)
    one = non_inferiority(difference, se, df, margin=margin, level=level)
    if abs(one.low + margin) > 1e-9:
        assert (one.p_value < 1 - level) == (one.low > -margin)
    assert one.p_value <= both.p_value


@given(*numbers)
def test_swapping_arms(difference, se, df, margin):
    there = tost(difference, se, df, margin=margin, level=0.95)
    back = tost(-difference, se, df, margin=margin, level=0.95)
    assert there.p_value == pytest.approx(back.p_value, **CLOSE)
    assert (there.low, there.high) == (-back.high, -back.low)


def test_interval_is_symmetric_and_cut_only_where_the_metric_is_known():
    """A difference of two kappas lies within 2, not within 1; one_contrast knows the metric."""
    made = tost(0.9, 0.1, 2.0, margin=0.02, level=0.95)
    reach = 0.1 * stats.t.ppf(0.95, 2)
    assert (made.low, made.high) == pytest.approx((0.9 - reach, 0.9 + reach))


@pytest.mark.parametrize("test", [tost, non_inferiority])
def test_no_variation(test):
    made = test(0.1, 0.0, 3.0, margin=0.2, level=0.95)
    assert made.undefined_because == "no variation over seeds or patients to measure"
    assert (made.p_value, made.low, made.high, made.statistic) == (None, None, None, None)


@pytest.mark.parametrize("test", [tost, non_inferiority])
def test_level_without_an_interval(test):
    with pytest.raises(InputError, match=r"level is 0\.4; .* needs one above 0\.5"):
        test(0.1, 0.1, 3.0, margin=0.2, level=0.4)
