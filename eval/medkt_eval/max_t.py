"""Max-T: p-values adjusted for several differences at once, from their joint bootstrap replicates.

In: differences and their replicates, drawn jointly. Out: adjusted p-values. Unlike Holm's they use how the differences
depend on each other.

Westfall & Young 1993, Resampling-Based Multiple Testing, algorithm 2.8; Romano & Wolf 2005, Econometrica 73:1237.
"""

from __future__ import annotations

import numpy as np


def max_t(differences: np.ndarray, replicates: np.ndarray) -> np.ndarray:
    """Step-down, with studentised differences and replicates centred at them.

    Parameters
    ----------
    differences : float64, (m,)
        Of one family.
    replicates : float64, (m, n_replicates)
        Of the differences. A replicate that is NaN in one of them is left out of all.

    Returns
    -------
    float64, (m,)
        Two-sided p-values, (count + 1)/(replicates + 1). With m = 1 this is the p-value before adjustment. NaN where
        the replicates do not vary: such a difference is no member of the family.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(3, 4999))
    >>> max_t(np.array([3.0, 0.5, 2.3]), noise + [[3.0], [0.5], [2.3]]).round(3)
    array([0.008, 0.624, 0.046])
    """
    defined = replicates[:, ~np.isnan(replicates).any(axis=0)]
    adjusted = np.full(len(differences), np.nan)
    if defined.shape[1] < 2:
        return adjusted
    se = defined.std(axis=1, ddof=1)
    member = np.flatnonzero(np.ptp(defined, axis=1) > 0)
    observed = np.abs(differences[member] / se[member])
    under_null = np.abs((defined[member] - differences[member, None]) / se[member, None])

    descending = np.argsort(-observed, kind="stable")
    # The largest among a difference and all those with a smaller statistic, in each replicate.
    successive = np.maximum.accumulate(under_null[descending[::-1]], axis=0)[::-1]
    counts = (successive >= observed[descending, None]).sum(axis=1)
    p_values = (counts + 1) / (defined.shape[1] + 1)
    adjusted[member[descending]] = np.maximum.accumulate(p_values)
    return adjusted
