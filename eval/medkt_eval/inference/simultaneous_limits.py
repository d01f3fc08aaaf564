"""Simultaneous limits of a family of differences: those that match Holm's method, or Bonferroni's.

In: differences with standard errors and degrees of freedom. Out: for each an adjusted p-value and two limits; all
limits of the family hold at once with the confidence level.

Holm's method is carried out for each direction at alpha/2: m hypotheses that a difference is not above 0, and m that it
is not below 0. The lower limits are those of Strassburger & Bretz 2008 (Stat. Med. 27:4914) and Guilbaud 2008 (Biom. J.
50:678): with R of the first m rejected, a rejected one has the lower limit 0, any other has one-sided level
1 - alpha/2/(m - R). Upper limits alike. So a limit excludes 0 exactly where the adjusted p-value is below alpha.

Holm's method for two-sided p-values has no such limits. Intervals at 1 - alpha/(m - R) for what it does not reject may
all miss: of 20 large differences the one that is missed is missed because it lies far below its true value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests


@dataclass(frozen=True)
class SimultaneousLimits:
    """A family's adjusted p-values and limits, float64, (m,)."""

    p_adjusted: np.ndarray
    low: np.ndarray
    high: np.ndarray


def holm(
    differences: np.ndarray, se: np.ndarray, df: np.ndarray, *, level: float, absent: int = 0
) -> SimultaneousLimits:
    """Limits and p-values of Holm's method in each direction.

    Parameters
    ----------
    differences, se : float64, (m,)
        The differences and their standard errors, which are above 0.
    df : float64, (m,)
        Degrees of freedom of t; infinite: the normal distribution.
    level : float
        Simultaneous confidence level, 1 - alpha.
    absent : int
        Further members without a p-value. They count in the family, as they were declared.

    Returns
    -------
    SimultaneousLimits
        `p_adjusted` is twice Holm's one-sided p-value in the difference's own direction, at most 1.

    Examples
    --------
    >>> found = holm(np.array([3.0, 2.2]), np.array([1.0, 1.0]), np.array([np.inf, np.inf]), level=0.95)
    >>> found.p_adjusted.round(4), found.low.round(2)
    (array([0.0054, 0.0278]), array([0.76, 0.  ]))
    """
    p_above, low = _one_direction(differences, se, df, level, absent)
    p_below, minus_high = _one_direction(-differences, se, df, level, absent)
    return SimultaneousLimits(np.minimum(2 * np.minimum(p_above, p_below), 1.0), low, -minus_high)


def bonferroni(
    differences: np.ndarray, se: np.ndarray, df: np.ndarray, *, level: float, absent: int = 0
) -> SimultaneousLimits:
    """Bonferroni's limits, each at 1 - alpha/m, and p-values times m.

    Parameters
    ----------
    differences, se, df, level, absent
        As in `holm`.
    """
    m = len(differences) + absent
    p_values = np.minimum(2 * stats.t.sf(np.abs(differences / se), df) * m, 1.0)
    reach = stats.t.ppf(1 - (1 - level) / 2 / m, df) * se
    return SimultaneousLimits(p_values, differences - reach, differences + reach)


def _one_direction(
    differences: np.ndarray, se: np.ndarray, df: np.ndarray, level: float, absent: int
) -> tuple[np.ndarray, np.ndarray]:
    """One-sided p-values by Holm at alpha/2, and the lower limits that match them."""
    alpha, m = (1 - level) / 2, len(differences) + absent
    unadjusted = np.concatenate([stats.t.sf(differences / se, df), np.ones(absent)])
    p_values = np.asarray(multipletests(unadjusted, method="holm")[1])[: len(differences)]
    rejected = 2 * p_values < 1 - level
    left = m - int(rejected.sum())
    limits = differences - stats.t.ppf(1 - alpha / (left or m), df) * se
    return p_values, np.maximum(limits, 0.0) if left == 0 else np.where(rejected, 0.0, limits)


METHODS = {"holm": holm, "bonferroni": bonferroni}
