"""Tests of one arm against another, each with its difference, its interval and the scope of what it may say.

In: the metric of each seed's run of both arms. Out: `TestResult`; None with the reason where the test does not exist.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from medkt_eval.inference.intervals import is_rounding
from medkt_eval.results.schema import Scope


@dataclass(frozen=True)
class TestResult:
    """A test of difference = a - b."""

    __test__ = False  # not a test of pytest's

    test: str
    scope: Scope
    difference: float
    se: float | None
    low: float | None
    high: float | None
    level: float
    statistic: float | None
    df: float | None
    p_value: float | None
    undefined_because: str | None = None
    df_hillis: float | None = None
    undefined_replicates: int | None = None  # of the bootstrap
    note: str | None = None  # what a reader must know of a test that exists: no interval, no p below some value


def welch_t(a: np.ndarray, b: np.ndarray, level: float) -> TestResult:
    """Welch's t over seeds that are nested in their arm: seed 0 of one arm is not paired with seed 0 of another.

    Parameters
    ----------
    a, b : float64, (n_seeds_a,), (n_seeds_b,)
        The metric of each seed's run.
    level : float
        Confidence level of the interval.

    Notes
    -----
    R: `t.test(a, b, conf.level = level)`.

    Examples
    --------
    >>> result = welch_t(np.array([0.74, 0.75, 0.79]), np.array([0.70, 0.71, 0.72]), 0.95)
    >>> round(result.difference, 3), round(result.p_value, 3)
    (0.05, 0.067)
    """
    difference = float(a.mean() - b.mean())
    if min(a.size, b.size) < 2:
        return _undefined("t-welch", difference, level, "one seed in an arm: a test over seeds needs two in each")
    se = float(np.sqrt(a.var(ddof=1) / a.size + b.var(ddof=1) / b.size))
    if is_rounding(se, a, b):
        return _undefined("t-welch", difference, level, "neither arm varies over its seeds")
    with _equal_seeds():
        return _from_scipy("t-welch", difference, level, stats.ttest_ind(a, b, equal_var=False))


def paired_t(a: np.ndarray, b: np.ndarray, level: float) -> TestResult:
    """Paired t over seeds that were declared shared (same initialisation and data order in both arms).

    Parameters
    ----------
    a, b : float64, (n_seeds,)
        The metric of each seed's run, in the order of the same seeds.
    level : float
        Confidence level of the interval.

    Notes
    -----
    R: `t.test(a, b, paired = TRUE, conf.level = level)`.
    """
    difference = float((a - b).mean())
    if a.size < 2:
        return _undefined("t-paired", difference, level, "one seed: a test over seeds needs two")
    if is_rounding(float((a - b).std(ddof=1) / np.sqrt(a.size)), a, b):
        return _undefined("t-paired", difference, level, "the difference is the same for every seed")
    with _equal_seeds():
        return _from_scipy("t-paired", difference, level, stats.ttest_rel(a, b))


@contextmanager
def _equal_seeds() -> Iterator[None]:
    """Without scipy's warning where the seeds of one arm agree: where that leaves no test, none is made."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
        yield


def _from_scipy(name: str, difference: float, level: float, result: Any) -> TestResult:
    low, high = result.confidence_interval(level)
    statistic, df, p = float(result.statistic), float(result.df), float(result.pvalue)
    return TestResult(
        name,
        "seeds",
        difference,
        difference / statistic if statistic else _half(low, high, level, df),
        float(low),
        float(high),
        level,
        statistic,
        df,
        p,
    )


def _half(low: float, high: float, level: float, df: float) -> float:
    """Standard error from the interval, where the statistic is 0 and cannot give it."""
    return float((high - low) / 2 / stats.t.ppf(0.5 + level / 2, df))


def _undefined(name: str, difference: float, level: float, because: str) -> TestResult:
    return TestResult(name, "seeds", difference, None, None, None, level, None, None, None, because)
