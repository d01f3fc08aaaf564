"""Simultaneous limits against closed testing by brute force, statsmodels, and simulated families."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from medkt_eval.inference.simultaneous_limits import bonferroni, holm
from medkt_eval.runtime.garbage import quick_collections


def closed_lower_limits(d, se, df, alpha):
    """Lower limits by the partition of the parameter space: which hypotheses theta <= 0 are true, all 2^m cases.

    A case in which the hypotheses of I are true holds a point if each coordinate in I is above its limit at
    alpha/|I|. The limit of coordinate i is the smallest value that some point of some case has.
    """
    m = len(d)

    def limit(j, size):
        return d[j] - stats.t.ppf(1 - alpha / size, df[j]) * se[j]

    lower = []
    for i in range(m):
        smallest = [max(0.0, limit(i, m))]  # no hypothesis is true: Bonferroni
        for size in range(1, m + 1):
            for true in combinations(range(m), size):
                if all(limit(j, size) < 0 for j in true):  # the case holds a point
                    smallest.append(limit(i, size) if i in true else 0.0)
        lower.append(min(smallest))
    return np.array(lower)


@pytest.mark.parametrize("seed", range(40))
def test_limits_are_those_of_closed_testing(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 6))
    d, se, df = rng.normal(0, 3, m), rng.uniform(0.5, 1.5, m), rng.choice([3.0, 12.0, np.inf], m)
    d = np.abs(d) + 3 if seed % 4 == 0 else d  # in some families everything is rejected
    found = holm(d, se, df, level=0.95)
    assert found.low == pytest.approx(closed_lower_limits(d, se, df, 0.025), abs=1e-12)
    assert found.high == pytest.approx(-closed_lower_limits(-d, se, df, 0.025), abs=1e-12)
    shown = (found.low >= 0) | (found.high <= 0)
    assert list(found.p_adjusted < 0.05) == list(shown)


def test_p_values_are_statsmodels():
    rng = np.random.default_rng(1)
    d, se, df = rng.normal(1, 2, 6), np.ones(6), np.full(6, 9.0)
    above, below = (multipletests(stats.t.sf(sign * d, 9), method="holm")[1] for sign in (1, -1))
    assert holm(d, se, df, level=0.95).p_adjusted == pytest.approx(np.minimum(2 * np.minimum(above, below), 1))
    two_sided = 2 * stats.t.sf(np.abs(d), 9)
    expected = multipletests(two_sided, method="bonferroni")[1]
    assert bonferroni(d, se, df, level=0.95).p_adjusted == pytest.approx(expected)


def test_with_one_direction_they_are_holms_two_sided_ones():
    d = np.array([1.0, 2.5, 3.5, 2.2])
    two_sided = 2 * stats.norm.sf(d)
    found = holm(d, np.ones(4), np.full(4, np.inf), level=0.95)
    assert found.p_adjusted == pytest.approx(multipletests(two_sided, method="holm")[1], abs=1e-12)


def test_a_family_of_one_has_its_own_interval():
    for method in (holm, bonferroni):
        found = method(np.array([-0.4]), np.array([1.0]), np.array([7.0]), level=0.9)
        reach = stats.t.ppf(0.95, 7)
        assert (found.low[0], found.high[0]) == pytest.approx((-0.4 - reach, -0.4 + reach))
        assert found.p_adjusted[0] == pytest.approx(2 * stats.t.sf(0.4, 7))


@pytest.mark.parametrize("truth", [np.zeros(5), np.full(5, 3.0), np.array([3.0, 3.0, 0.0, 0.0, -3.0])])
@pytest.mark.parametrize("method", [holm, bonferroni])
def test_all_limits_hold_at_once(truth, method):
    rng = np.random.default_rng(0)
    holds = 0
    with quick_collections():
        for _ in range(1000):
            estimates = truth + rng.normal(size=5)
            found = method(estimates, np.ones(5), np.full(5, np.inf), level=0.95)
            holds += bool(((found.low <= truth) & (truth <= found.high)).all())
    assert holds / 1000 > 0.95 - 3 * 0.007
