"""Intervals over seeds, against R's t.test and the paper's convention; cases without an interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from medkt_eval.inference.over_seeds.t_intervals import seeds_normal, seeds_t

CLOSE = {"rel": 1e-12, "abs": 0}


def test_seeds_t_is_r_t_test(golden):
    cases = [case for case in golden("t_tests.json") if case["test"] == "one-sample"]
    assert {case["level"] for case in cases} >= {0.9, 0.95}
    for case in cases:
        made = seeds_t(np.array(case["a"]), case["level"])
        assert (made.name, made.level, made.undefined_because) == ("seeds:t", case["level"], None)
        for name in ("se", "low", "high", "df"):
            assert getattr(made, name) == pytest.approx(case[name], **CLOSE), (case["call"], name)


@pytest.mark.parametrize(("level", "z"), [(0.95, 1.959963984540054), (0.9, 1.6448536269514722)])
def test_seeds_normal_takes_the_normal_quantile(level, z):
    values = np.array([0.7103, 0.7214, 0.7598])
    made = seeds_normal(values, level)
    half = z * values.std(ddof=1) / np.sqrt(3)
    assert stats.norm.ppf(0.5 + level / 2) == pytest.approx(z, **CLOSE)
    assert (made.name, made.df) == ("seeds:normal", None)
    assert made.low == pytest.approx(values.mean() - half, **CLOSE)
    assert made.high == pytest.approx(values.mean() + half, **CLOSE)


@pytest.mark.parametrize("interval", [seeds_t, seeds_normal])
def test_one_seed_has_no_interval(interval):
    made = interval(np.array([0.7]), 0.95)
    assert made.low is made.high is made.se is None
    assert made.undefined_because == "one seed: no variation over seeds to measure"


@pytest.mark.parametrize("value", [0.0, 0.1, 0.7, 1.0, 1 / 3])  # the mean of three times 0.1 is not 0.1
@pytest.mark.parametrize("interval", [seeds_t, seeds_normal])
@pytest.mark.parametrize("n_seeds", [2, 3, 7])
def test_equal_seeds_have_no_interval(interval, value, n_seeds):
    made = interval(np.full(n_seeds, value), 0.95)
    assert made.low is made.high is None
    assert made.undefined_because == f"all {n_seeds} seeds gave the same value"


def test_seeds_that_differ_little_still_differ():
    made = seeds_t(np.array([0.7, 0.7 + 1e-9, 0.7 - 1e-9]), 0.95)
    assert made.low < 0.7 < made.high
    assert made.high - made.low < 1e-8
