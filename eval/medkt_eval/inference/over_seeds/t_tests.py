"""Student's and Welch's t of one arm against another, over seeds.

In: the metric of each seed's run of both arms. Out: `TestResult` of scope "seeds".
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import stats

from medkt_eval.inference.rounding import is_rounding
from medkt_eval.inference.test_result import TestResult


def welch_t(a: np.ndarray, b: np.ndarray, level: float) -> TestResult:
    """Welch's t over seeds that are nested in their arm: seed 0 of one arm is not paired with seed 0 of the other.

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
        return _absent("one seed in an arm: a test over seeds needs two in each", "t-welch", difference, level)
    se = float(np.sqrt(a.var(ddof=1) / a.size + b.var(ddof=1) / b.size))
    if is_rounding(se, a, b):
        return _absent("neither arm varies over its seeds", "t-welch", difference, level)
    with _without_precision_warning():
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
        return _absent("one seed: a test over seeds needs two", "t-paired", difference, level)
    if is_rounding(float((a - b).std(ddof=1) / np.sqrt(a.size)), a, b):
        return _absent("the difference is the same for every seed", "t-paired", difference, level)
    with _without_precision_warning():
        return _from_scipy("t-paired", difference, level, stats.ttest_rel(a, b))


@contextmanager
def _without_precision_warning() -> Iterator[None]:
    """Silence scipy's warning about equal seeds in one arm: this module returns no test where equality leaves none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
        yield


def _from_scipy(name: str, difference: float, level: float, result: Any) -> TestResult:
    low, high = result.confidence_interval(level)
    statistic, df = float(result.statistic), float(result.df)
    return TestResult(
        test=name,
        scope="seeds",
        difference=difference,
        se=difference / statistic if statistic else _se_of_interval(low, high, level, df),
        low=float(low),
        high=float(high),
        level=level,
        statistic=statistic,
        df=df,
        p_value=float(result.pvalue),
    )


def _se_of_interval(low: float, high: float, level: float, df: float) -> float:
    """Compute the standard error from the interval, because a statistic of 0 does not determine it."""
    return float((high - low) / 2 / stats.t.ppf(0.5 + level / 2, df))


def _absent(reason: str, name: str, difference: float, level: float) -> TestResult:
    return TestResult.absent(reason, test=name, scope="seeds", difference=difference, level=level)
