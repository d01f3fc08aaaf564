"""Intervals for one arm's metric, each named scope:method.

In: the metric of each seed's run. Out: `Interval`, whose limits are None, with the reason, where it does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

ROUNDING = 100 * np.finfo(np.float64).eps  # of a variance that cancels to nothing, relative to what it is made of


@dataclass(frozen=True)
class Interval:
    """A confidence interval and what it is made of."""

    name: str
    low: float | None
    high: float | None
    level: float
    se: float | None
    df: float | None
    undefined_because: str | None = None


def seeds_t(values: np.ndarray, level: float) -> Interval:
    """Student's t interval for the mean over seeds; test patients are held fixed.

    Parameters
    ----------
    values : float64, (n_seeds,)
        The metric of each seed's run.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Interval
        `seeds:t`: mean ± t(n_seeds - 1) s / sqrt(n_seeds).

    Notes
    -----
    R: `t.test(values, conf.level = level)`.

    Examples
    --------
    >>> interval = seeds_t(np.array([0.71, 0.72, 0.76]), 0.95)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.6643, 0.7957)
    """
    return _around_the_mean("seeds:t", values, level, float(values.size - 1))


def seeds_normal(values: np.ndarray, level: float) -> Interval:
    """The paper's own convention: mean ± z s / sqrt(n_seeds), z = 1.96 at 95 %.

    With three seeds it covers far less than it claims, even with test patients held fixed (the right quantile is
    t(2) = 4.30): kept only so that the paper's numbers can be set beside ours.

    Parameters
    ----------
    values : float64, (n_seeds,)
        The metric of each seed's run.
    level : float
        Nominal confidence level in (0, 1).
    """
    return _around_the_mean("seeds:normal", values, level, None)


def logit_interval(name: str, value: float, variance: float, df: float | None, level: float) -> Interval:
    """Interval for a metric in (0, 1) by the delta method on the logit scale, so that it stays between 0 and 1.

    Parameters
    ----------
    name : str
        Of the interval.
    value : float
        The metric.
    variance : float
        Of the metric, on its own scale.
    df : float or None
        Degrees of freedom of t; None: the normal quantile.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Interval
        Its `se` is on the metric's own scale.
    """
    if not 0 < value < 1:
        because = f"every seed's value is {value:g}, at the edge of its range: no interval on the logit scale"
        return Interval(name, None, None, level, None, None, because)
    se = variance**0.5
    if is_rounding(se, np.array([value])):
        return Interval(name, None, None, level, 0.0, None, "no variation over seeds or patients to measure")
    tail = 0.5 + level / 2
    quantile = float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))
    centre, reach = special.logit(value), quantile * se / (value * (1 - value))
    return Interval(name, float(special.expit(centre - reach)), float(special.expit(centre + reach)), level, se, df)


def is_rounding(se: float, *values: np.ndarray) -> bool:
    """Whether a standard error is nothing but the rounding of `values`: equal seeds need not give exactly 0.

    R's `t.test` draws the line at 10 epsilon of the values ("data are essentially constant"); a metric that is itself a
    mean over images or labels can be off by more, so below 1e-12 it is rounding too.
    """
    return se <= max(1e-12, 10 * np.finfo(np.float64).eps * max(float(np.abs(group).max()) for group in values))


def _around_the_mean(name: str, values: np.ndarray, level: float, df: float | None) -> Interval:
    if values.size < 2:
        return Interval(name, None, None, level, None, None, "one seed: no variation over seeds to measure")
    se = float(values.std(ddof=1) / np.sqrt(values.size))
    if is_rounding(se, values):
        return Interval(name, None, None, level, 0.0, df, f"all {values.size} seeds gave the same value")
    tail = 0.5 + level / 2
    quantile = float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))
    mean = float(values.mean())
    return Interval(name, mean - quantile * se, mean + quantile * se, level, se, df)
