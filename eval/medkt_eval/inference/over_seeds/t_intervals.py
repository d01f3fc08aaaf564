"""Intervals for one arm's metric over seeds; test patients are held fixed.

In: the metric of each seed's run. Out: `Interval`, whose limits are None, with the reason, where it does not exist.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.inference.interval import Interval, symmetric_interval
from medkt_eval.inference.rounding import is_rounding


def seeds_t(values: np.ndarray, level: float) -> Interval:
    """Student's t interval for the mean over seeds.

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
    t(2) = 4.30). It is kept only to compare the paper's numbers with ours.

    Parameters
    ----------
    values : float64, (n_seeds,)
        The metric of each seed's run.
    level : float
        Nominal confidence level in (0, 1).
    """
    return _around_the_mean("seeds:normal", values, level, None)


def _around_the_mean(name: str, values: np.ndarray, level: float, df: float | None) -> Interval:
    if values.size < 2:
        return Interval.absent("one seed: no variation over seeds to measure", name=name, level=level)
    se = float(values.std(ddof=1) / np.sqrt(values.size))
    if is_rounding(se, values):
        return Interval.absent(f"all {values.size} seeds gave the same value", name=name, level=level, se=0.0, df=df)
    return symmetric_interval(name, float(values.mean()), se, df, level)
