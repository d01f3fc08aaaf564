"""Arms over several data sets: Friedman's test, Nemenyi's of every pair, and the critical difference of mean ranks.

In: one value for each data set and arm. Out: `Friedman`. Data sets are the sample: below five there is no test, below
ten it describes more than it tests.

Demšar 2006, J. Mach. Learn. Res. 7:1, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEAST = 5  # data sets to test
DESCRIPTIVE_BELOW = 10


@dataclass(frozen=True)
class Friedman:
    """Friedman's test and what follows it.

    Parameters
    ----------
    n_datasets : int
    statistic, df, p_value : float or None
        Chi-square with its degrees of freedom, corrected for ties.
    mean_ranks : float64, (n_arms,), or None
        1 is best; ties have their mean rank.
    critical_difference : float or None
        Two arms whose mean ranks are farther apart than this differ, by Nemenyi's test at 1 - level.
    p_nemenyi : float64, (n_arms, n_arms), or None
        Of each pair, adjusted for all pairs; 1 on the diagonal.
    descriptive : bool
        Fewer than ten data sets.
    undefined_because : str or None
    """

    n_datasets: int
    statistic: float | None
    df: float | None
    p_value: float | None
    mean_ranks: np.ndarray | None
    critical_difference: float | None
    p_nemenyi: np.ndarray | None
    descriptive: bool
    undefined_because: str | None = None


def friedman(values: np.ndarray, *, level: float, lower_is_better: bool = False) -> Friedman:
    """Test whether arms rank alike over data sets.

    Parameters
    ----------
    values : float64, (n_datasets, n_arms)
        A metric, finite.
    level : float
        1 - alpha of the critical difference.
    lower_is_better : bool
        Whether the lowest value has rank 1.

    Notes
    -----
    R: `friedman.test(values)`; `qtukey(level, k, Inf) / sqrt(2) * sqrt(k * (k + 1) / (6 * n))` for k arms and n data
    sets. Nemenyi's p-values: scikit-posthocs; R: `ptukey` of the same.

    Examples
    --------
    >>> found = friedman(np.array([[3, 1, 2], [3, 1, 2], [3, 2, 1], [3, 1, 2], [2, 1, 3]]), level=0.95)
    >>> found.mean_ranks.tolist(), round(found.p_value, 3), round(found.critical_difference, 2)
    ([1.2, 2.8, 2.0], 0.041, 1.48)
    """
    n, k = values.shape
    if k < 3:
        return _undefined(n, f"{k} arms; Friedman's test needs three or more")
    if n < LEAST:
        return _undefined(n, f"{n} data sets; a test over data sets needs {LEAST} or more")
    if (values == values[:, :1]).all():
        return _undefined(n, "all arms are tied on every data set")
    mean_ranks = stats.rankdata(values if lower_is_better else -values, axis=1).mean(axis=0)
    tested = stats.friedmanchisquare(*values.T)
    scale = np.sqrt(k * (k + 1) / (6 * n)) / np.sqrt(2)  # of a difference of mean ranks, as a studentised range
    from scikit_posthocs import posthoc_nemenyi_friedman  # seconds to import: few studies have five data sets

    p_nemenyi = posthoc_nemenyi_friedman(values).to_numpy()
    return Friedman(
        n_datasets=n,
        statistic=float(tested.statistic),
        df=float(k - 1),
        p_value=float(tested.pvalue),
        mean_ranks=mean_ranks,
        critical_difference=float(stats.studentized_range.ppf(level, k, np.inf) * scale),
        p_nemenyi=p_nemenyi,
        descriptive=n < DESCRIPTIVE_BELOW,
    )


def _undefined(n_datasets: int, because: str) -> Friedman:
    return Friedman(n_datasets, None, None, None, None, None, None, n_datasets < DESCRIPTIVE_BELOW, because)
