"""Arms over several data sets: Friedman's test, Nemenyi's test of every pair, the critical difference of mean ranks.

In: one value for each data set and arm. Out: `Friedman`. Data sets are the sample: with fewer than five there is no
test, with fewer than ten the result is descriptive.

Demšar 2006, J. Mach. Learn. Res. 7:1, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from medkt_eval.inference.rounding import levels, tolerance

LEAST = 5  # data sets that a test needs
DESCRIPTIVE_BELOW = 10


@dataclass(frozen=True)
class Friedman:
    """Friedman's test with its follow-up comparisons.

    Parameters
    ----------
    n_datasets : int
    statistic, df, p_value : float or None
        Chi-square, corrected for ties, with its degrees of freedom.
    mean_ranks : float64, (n_arms,), or None
        1 is best; tied arms have their mean rank, also where all are tied and there is no test.
    critical_difference : float or None
        Two arms differ by Nemenyi's test at 1 - level if their mean ranks are farther apart than this.
    p_nemenyi : float64, (n_arms, n_arms), or None
        p-value of each pair, adjusted for all pairs; 1 on the diagonal.
    descriptive : bool
        Whether there are fewer than ten data sets.
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
        A metric; all values finite.
    level : float
        1 - alpha for the critical difference.
    lower_is_better : bool
        Whether the lowest value has rank 1.

    Notes
    -----
    R: `friedman.test(values)`; `qtukey(level, k, Inf) / sqrt(2) * sqrt(k * (k + 1) / (6 * n))` for k arms and n data
    sets. Nemenyi's p-values: scikit-posthocs; R: `ptukey` of the same.

    Examples
    --------
    >>> result = friedman(np.array([[3, 1, 2], [3, 1, 2], [3, 2, 1], [3, 1, 2], [2, 1, 3]]), level=0.95)
    >>> result.mean_ranks.tolist(), round(result.p_value, 3), round(result.critical_difference, 2)
    ([1.2, 2.8, 2.0], 0.041, 1.48)
    """
    n, k = values.shape
    if k < 3:
        return _absent(n, f"{k} arms; Friedman's test needs three or more")
    if n < LEAST:
        return _absent(n, f"{n} data sets; a test over data sets needs {LEAST} or more")
    ordered = np.array([levels(of_dataset, tolerance(of_dataset)) for of_dataset in values])
    if not ordered.any():
        return _absent(n, "all arms are tied on every data set", np.full(k, (k + 1) / 2))
    mean_ranks = stats.rankdata(ordered if lower_is_better else -ordered, axis=1).mean(axis=0)
    chi_square = stats.friedmanchisquare(*ordered.T)
    # Scale of a difference of mean ranks, as a studentised range.
    scale = np.sqrt(k * (k + 1) / (6 * n)) / np.sqrt(2)
    from scikit_posthocs import posthoc_nemenyi_friedman  # imported late: it takes seconds, and few studies need it

    p_nemenyi = posthoc_nemenyi_friedman(ordered).to_numpy()
    return Friedman(
        n_datasets=n,
        statistic=float(chi_square.statistic),
        df=float(k - 1),
        p_value=float(chi_square.pvalue),
        mean_ranks=mean_ranks,
        critical_difference=float(stats.studentized_range.ppf(level, k, np.inf) * scale),
        p_nemenyi=p_nemenyi,
        descriptive=n < DESCRIPTIVE_BELOW,
    )


def _absent(n_datasets: int, reason: str, mean_ranks: np.ndarray | None = None) -> Friedman:
    return Friedman(
        n_datasets=n_datasets,
        statistic=None,
        df=None,
        p_value=None,
        mean_ranks=mean_ranks,
        critical_difference=None,
        p_nemenyi=None,
        descriptive=n_datasets < DESCRIPTIVE_BELOW,
        undefined_because=reason,
    )
