"""Intervals and p-values from the joint patient bootstrap.

In: a statistic's value on the data and in each replicate. Out: `Limits`. Undefined replicates (a label left with one
class) are counted; where they are more than 1 %, no interval is made.

Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 12-14; Davison & Hinkley 1997, chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

MOST_UNDEFINED = 0.01
ROUNDING = 1e-12  # of a weighted sum of metrics, whose replicates may all be 0 but for it


@dataclass(frozen=True)
class Limits:
    """An interval from replicates, with its standard error and how many replicates were undefined.

    `p_value` is the two-sided p of the statistic being 0: one less the level at which the interval just reaches 0.
    """

    low: float | None
    high: float | None
    se: float | None
    n_undefined: int
    undefined_because: str | None = None
    p_value: float | None = None


def percentile(value: float, replicates: np.ndarray, level: float) -> Limits:
    """Quantiles of the replicates (R: `quantile(x, type = 7)`).

    Parameters
    ----------
    value : float
        On the data; not used, the replicates alone are.
    replicates : float64, (n_replicates,)
        NaN where undefined.
    level : float
        Confidence level in (0, 1).

    Examples
    --------
    >>> limits = percentile(0.5, np.linspace(0, 1, 201), 0.9)
    >>> round(limits.low, 3), round(limits.high, 3)
    (0.05, 0.95)
    """
    del value
    tail = (1 - level) / 2
    found = _limits(replicates, lambda drawn: np.quantile(drawn, [tail, 1 - tail]))
    return _with_p(found, replicates)


def basic(value: float, replicates: np.ndarray, level: float) -> Limits:
    """Quantiles of the replicates, turned about the value: 2 value - quantile."""
    tail = (1 - level) / 2
    found = _limits(replicates, lambda drawn: 2 * value - np.quantile(drawn, [1 - tail, tail]))
    return _with_p(found, 2 * value - replicates)


def bca(value: float, replicates: np.ndarray, level: float, *, without_patient: np.ndarray) -> Limits:
    """Bias-corrected and accelerated; the acceleration from the patient jackknife (Efron 1987, JASA 82:171).

    Parameters
    ----------
    value, replicates, level
        As `percentile`.
    without_patient : float64, (n_patients,)
        The statistic without each patient.
    """
    if np.isnan(without_patient).any():
        because = "the statistic does not exist without some patient: no acceleration"
        return Limits(None, None, None, int(np.isnan(replicates).sum()), because)
    deviation = without_patient.mean() - without_patient
    spread = (deviation**2).sum()
    acceleration = 0.0 if spread == 0 else float((deviation**3).sum() / (6 * spread**1.5))

    def bias(drawn: np.ndarray) -> float:
        below = (np.sum(drawn < value) + np.sum(drawn == value) / 2) / len(drawn)
        return float(stats.norm.ppf(np.clip(below, 1 / (len(drawn) + 1), len(drawn) / (len(drawn) + 1))))

    def quantiles(drawn: np.ndarray) -> np.ndarray:
        z0 = bias(drawn)
        z = z0 + stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])
        return np.quantile(drawn, stats.norm.cdf(z0 + z / (1 - acceleration * z)))

    found = _limits(replicates, quantiles)
    if found.undefined_because:
        return found
    drawn = replicates[~np.isnan(replicates)]
    z0 = bias(drawn)
    tails = []
    for beyond in (np.sum(drawn <= ROUNDING), np.sum(drawn < -ROUNDING)):  # 0 as the lower limit, as the upper one
        w = float(stats.norm.ppf(np.clip((beyond + 0.5) / (len(drawn) + 1), 0.0, 1.0))) - z0
        tails.append(float(stats.norm.cdf(w / (1 + acceleration * w) - z0)))
    return replace(found, p_value=min(1.0, 2 * max(min(tails[0], 1 - tails[1]), 1 / (len(drawn) + 1))))


def studentized(value: float, replicates: np.ndarray, level: float, *, se: float, ses: np.ndarray) -> Limits:
    """Value - quantile of ((replicate - value) / its own standard error) times the standard error on the data.

    Parameters
    ----------
    value, replicates, level
        As `percentile`.
    se : float
        Standard error of `value`.
    ses : float64, (n_replicates,)
        Standard error of each replicate.
    """
    if se <= ROUNDING:
        return Limits(None, None, 0.0, int(np.isnan(replicates).sum()), "no variation over patients to measure")
    tail = (1 - level) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        pivots = np.where(ses > ROUNDING, (replicates - value) / ses, np.nan)
    found = _limits(pivots, lambda drawn: value - se * np.quantile(drawn, [1 - tail, tail]))
    if found.undefined_because:
        return replace(found, se=None)
    return replace(found, se=se, p_value=p_studentized(value / se, pivots))


def p_value(replicates: np.ndarray) -> float | None:
    """Two-sided p of no difference, the level at which the percentile interval just reaches 0: 2 (count + 1)/(B + 1).

    Parameters
    ----------
    replicates : float64, (n_replicates,)
        Of a difference; NaN where undefined.

    Examples
    --------
    >>> p_value(np.array([-0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.4, 0.2, 0.1]))
    0.4
    """
    drawn = replicates[~np.isnan(replicates)]
    if not len(drawn) or len(drawn) < (1 - MOST_UNDEFINED) * len(replicates):
        return None
    fewer = min(np.sum(drawn <= ROUNDING), np.sum(drawn >= -ROUNDING))
    return float(min(1.0, 2 * (fewer + 1) / (len(drawn) + 1)))


def p_studentized(statistic: float, pivots: np.ndarray) -> float:
    """Two-sided p of no difference, the level at which the studentised interval just reaches 0: 2 (count + 1)/(B + 1).

    Parameters
    ----------
    statistic : float
        Difference over its standard error.
    pivots : float64, (n_replicates,)
        (replicate - difference) over the replicate's own standard error; NaN where undefined.
    """
    drawn = pivots[np.isfinite(pivots)]
    fewer = min(np.sum(drawn >= statistic), np.sum(drawn <= statistic))
    return float(min(1.0, 2 * (fewer + 1) / (len(drawn) + 1)))


def _with_p(found: Limits, mirrored: np.ndarray) -> Limits:
    """With the p that belongs to quantiles of `mirrored`."""
    return found if found.undefined_because else replace(found, p_value=p_value(mirrored))


def _limits(replicates: np.ndarray, quantiles: Callable[[np.ndarray], np.ndarray]) -> Limits:
    absent = int(np.isnan(replicates).sum())
    if not len(replicates):
        return Limits(None, None, None, 0, "no bootstrap replicates were drawn")
    if absent > MOST_UNDEFINED * len(replicates):
        return Limits(
            None,
            None,
            None,
            absent,
            f"{absent} of {len(replicates)} bootstrap replicates are undefined (a "
            "label is left with one class); above 1 % no interval is made",
        )
    drawn = replicates[~np.isnan(replicates)]
    se = float(drawn.std(ddof=1))
    if se <= ROUNDING:
        return Limits(None, None, 0.0, absent, "every replicate gave the same value")
    low, high = (float(limit) for limit in quantiles(drawn))
    if high - low <= ROUNDING:
        return Limits(None, None, se, absent, "both limits are the same: nearly every replicate gave the same value")
    return Limits(low, high, se, absent)
