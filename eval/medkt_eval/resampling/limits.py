"""Intervals and p-values from the joint patient bootstrap.

In: a statistic's value on the data and in each replicate. Out: `Limits`. Undefined replicates (as where a label is left
with one class) are counted; if they are more than 1 %, there is no interval.

Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 12-14; Davison & Hinkley 1997, chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

MOST_UNDEFINED = 0.01
ROUNDING = 1e-12  # of a weighted sum of metrics near 1; callers pass `rounding.tolerance` of the metrics they have


@dataclass(frozen=True)
class Limits:
    """An interval from replicates, with its standard error and the number of undefined replicates.

    `p_value` is two-sided, for the statistic being 0: 1 minus the level at which the interval just reaches 0.
    """

    low: float | None
    high: float | None
    se: float | None
    n_undefined: int
    undefined_because: str | None = None
    p_value: float | None = None

    @classmethod
    def absent(cls, reason: str, *, n_undefined: int = 0, se: float | None = None) -> Limits:
        """An interval that does not exist, and why; `se` where it is known all the same."""
        return cls(None, None, se, n_undefined, undefined_because=reason)


def percentile(value: float, replicates: np.ndarray, level: float, *, rounding: float = ROUNDING) -> Limits:
    """Quantiles of the replicates (R: `quantile(x, type = 7)`).

    Parameters
    ----------
    value : float
        The value on the data, which this method does not use.
    replicates : float64, (n_replicates,)
        The statistic in each replicate; NaN where undefined.
    level : float
        Confidence level in (0, 1).
    rounding : float
        The largest difference of two statistics that may be a rounding error.

    Examples
    --------
    >>> limits = percentile(0.5, np.linspace(0, 1, 201), 0.9)
    >>> round(limits.low, 3), round(limits.high, 3)
    (0.05, 0.95)
    """
    del value
    tail = (1 - level) / 2
    limits = _limits(replicates, lambda drawn: np.quantile(drawn, [tail, 1 - tail]), rounding)
    return _with_p(limits, replicates, rounding)


def basic(value: float, replicates: np.ndarray, level: float, *, rounding: float = ROUNDING) -> Limits:
    """Quantiles of the replicates, reflected about the value: 2 value - quantile."""
    tail = (1 - level) / 2
    limits = _limits(replicates, lambda drawn: 2 * value - np.quantile(drawn, [1 - tail, tail]), rounding)
    return _with_p(limits, 2 * value - replicates, rounding)


def bca(
    value: float, replicates: np.ndarray, level: float, *, without_patient: np.ndarray, rounding: float = ROUNDING
) -> Limits:
    """Bias-corrected and accelerated, with the acceleration from the patient jackknife (Efron 1987, JASA 82:171).

    Parameters
    ----------
    value, replicates, level, rounding
        As in `percentile`.
    without_patient : float64, (n_patients,)
        The statistic with each patient left out.
    """
    if np.isnan(without_patient).any():
        reason = "the statistic does not exist without some patient: no acceleration"
        return Limits.absent(reason, n_undefined=int(np.isnan(replicates).sum()))
    deviation = without_patient.mean() - without_patient
    spread = (deviation**2).sum()
    acceleration = 0.0 if spread**0.5 <= rounding else float((deviation**3).sum() / (6 * spread**1.5))

    def bias(drawn: np.ndarray) -> float:
        tied = np.abs(drawn - value) <= rounding
        below = (np.sum((drawn < value) & ~tied) + np.sum(tied) / 2) / len(drawn)
        return float(stats.norm.ppf(np.clip(below, 1 / (len(drawn) + 1), len(drawn) / (len(drawn) + 1))))

    def quantiles(drawn: np.ndarray) -> np.ndarray:
        z0 = bias(drawn)
        z = z0 + stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])
        return np.quantile(drawn, stats.norm.cdf(z0 + z / (1 - acceleration * z)))

    limits = _limits(replicates, quantiles, rounding)
    if limits.undefined_because:
        return limits
    drawn = replicates[~np.isnan(replicates)]
    z0 = bias(drawn)
    tails = []
    for beyond in (np.sum(drawn <= rounding), np.sum(drawn < -rounding)):  # 0 as the lower limit, then as the upper one
        w = float(stats.norm.ppf(np.clip((beyond + 0.5) / (len(drawn) + 1), 0.0, 1.0))) - z0
        tails.append(float(stats.norm.cdf(w / (1 + acceleration * w) - z0)))
    return replace(limits, p_value=min(1.0, 2 * max(min(tails[0], 1 - tails[1]), 1 / (len(drawn) + 1))))


def studentized(value: float, replicates: np.ndarray, level: float, *, se: float, ses: np.ndarray) -> Limits:
    """Studentised: value - quantile times se, with quantiles of (replicate - value) / the replicate's own se.

    Parameters
    ----------
    value, replicates, level
        As in `percentile`.
    se : float
        Standard error of `value`.
    ses : float64, (n_replicates,)
        Standard error of each replicate.
    """
    if se <= ROUNDING:
        reason = "no variation over patients to measure"
        return Limits.absent(reason, n_undefined=int(np.isnan(replicates).sum()), se=0.0)
    tail = (1 - level) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        pivots = np.where(ses > ROUNDING, (replicates - value) / ses, np.nan)
    lacking = "have no value or no standard error"
    limits = _limits(pivots, lambda drawn: value - se * np.quantile(drawn, [1 - tail, tail]), ROUNDING, lacking)
    if limits.undefined_because:
        return replace(limits, se=None)
    return replace(limits, se=se, p_value=p_studentized(value / se, pivots))


def p_value(replicates: np.ndarray, *, rounding: float = ROUNDING) -> float | None:
    """Two-sided p-value of no difference by the percentile interval: 2 (count + 1)/(B + 1) for B replicates.

    Parameters
    ----------
    replicates : float64, (n_replicates,)
        The difference in each replicate; NaN where undefined.
    rounding : float
        As in `percentile`.

    Examples
    --------
    >>> p_value(np.array([-0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.4, 0.2, 0.1]))
    0.4
    """
    drawn = replicates[~np.isnan(replicates)]
    if not len(drawn) or len(drawn) < (1 - MOST_UNDEFINED) * len(replicates):
        return None
    fewer = min(np.sum(drawn <= rounding), np.sum(drawn >= -rounding))
    return float(min(1.0, 2 * (fewer + 1) / (len(drawn) + 1)))


def p_studentized(statistic: float, pivots: np.ndarray) -> float:
    """Two-sided p-value of no difference by the studentised interval: 2 (count + 1)/(B + 1) for B replicates.

    Parameters
    ----------
    statistic : float
        The difference over its standard error.
    pivots : float64, (n_replicates,)
        (replicate - difference) over the replicate's own standard error; NaN where undefined.
    """
    drawn = pivots[np.isfinite(pivots)]
    rounding = ROUNDING * max(1.0, abs(statistic))
    fewer = min(np.sum(drawn >= statistic - rounding), np.sum(drawn <= statistic + rounding))
    return float(min(1.0, 2 * (fewer + 1) / (len(drawn) + 1)))


def _with_p(limits: Limits, mirrored: np.ndarray, rounding: float) -> Limits:
    """The limits with the p-value that agrees with quantiles of `mirrored`."""
    return limits if limits.undefined_because else replace(limits, p_value=p_value(mirrored, rounding=rounding))


def _limits(
    replicates: np.ndarray,
    quantiles: Callable[[np.ndarray], np.ndarray],
    rounding: float,
    lacking: str = "are undefined (the metric does not exist on the images drawn)",
) -> Limits:
    n_undefined = int(np.isnan(replicates).sum())
    if not len(replicates):
        return Limits.absent("no bootstrap replicates were drawn")
    if n_undefined > MOST_UNDEFINED * len(replicates):
        return Limits.absent(
            f"{n_undefined} of {len(replicates)} bootstrap replicates {lacking}; above 1 % no interval is made",
            n_undefined=n_undefined,
        )
    drawn = replicates[~np.isnan(replicates)]
    se = float(drawn.std(ddof=1))
    if se <= rounding:
        return Limits.absent("every replicate gave the same value", n_undefined=n_undefined, se=0.0)
    low, high = (float(limit) for limit in quantiles(drawn))
    if high - low <= rounding:
        reason = "both limits are the same: nearly every replicate gave the same value"
        return Limits.absent(reason, n_undefined=n_undefined, se=se)
    return Limits(low, high, se, n_undefined)
