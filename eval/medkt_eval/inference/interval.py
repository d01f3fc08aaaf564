"""`Interval`: a confidence interval of one arm's metric, and the two scales it is computed on.

In: a value with its standard error or variance and its degrees of freedom. Out: `Interval`, named `scope:method`. Its
limits are None, with the reason, where it does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from medkt_eval.inference.rounding import is_end, is_rounding


@dataclass(frozen=True)
class Interval:
    """A confidence interval with the standard error and degrees of freedom that it was computed from."""

    name: str
    low: float | None
    high: float | None
    level: float
    se: float | None
    df: float | None
    undefined_because: str | None = None

    @classmethod
    def absent(
        cls, reason: str, *, name: str, level: float, se: float | None = None, df: float | None = None
    ) -> Interval:
        """An interval that does not exist, and why; `se` and `df` where they are known all the same."""
        return cls(name, None, None, level, se, df, undefined_because=reason)


def quantile(level: float, df: float | None) -> float:
    """Two-sided quantile for a confidence level: of t, or of the normal distribution where `df` is None.

    Examples
    --------
    >>> round(quantile(0.95, 2), 3), round(quantile(0.95, None), 3)
    (4.303, 1.96)
    """
    tail = 0.5 + level / 2
    return float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))


def symmetric_interval(name: str, value: float, se: float, df: float | None, level: float) -> Interval:
    """Interval on the metric's own scale: value ± quantile times standard error.

    Parameters
    ----------
    name : str
        Name of the interval.
    value, se : float
        The metric and its standard error, which is above 0.
    df : float or None
        Degrees of freedom of t; None: the normal quantile.
    level : float
        Confidence level in (0, 1).
    """
    reach = quantile(level, df) * se
    return Interval(name, value - reach, value + reach, level, se, df)


def logit_interval(name: str, value: float, variance: float, df: float | None, level: float) -> Interval:
    """Interval for a metric in (0, 1) by the delta method on the logit scale, so that it stays between 0 and 1.

    Parameters
    ----------
    name : str
        Name of the interval.
    value : float
        The metric.
    variance : float
        Variance of the metric, on its own scale.
    df : float or None
        Degrees of freedom of t; None: the normal quantile.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Interval
        Its `se` is on the metric's own scale.
    """
    if not 0 < value < 1 or is_end(np.array(value), 0.0, 1.0):
        reason = f"every seed's value is {value:g}, at the edge of its range: no interval on the logit scale"
        return Interval.absent(reason, name=name, level=level)
    se = variance**0.5
    if is_rounding(se, np.array([value])):
        return Interval.absent("no variation over seeds or patients to measure", name=name, level=level, se=0.0)
    centre, reach = special.logit(value), quantile(level, df) * se / (value * (1 - value))
    return Interval(name, float(special.expit(centre - reach)), float(special.expit(centre + reach)), level, se, df)
