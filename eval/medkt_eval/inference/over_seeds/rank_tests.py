"""Tests over seeds by ranks and signs: exact, also with ties. With few seeds they cannot give a small p.

In: the metric of each seed's run of both arms. Out: `TestResult`, whose `note` says what few seeds cannot give.

`difference` is mean a - mean b, as in every test. The interval of a rank test is that of the shift in location (Hodges
& Lehmann 1963, Ann. Math. Stat. 34:598). It is left out where it does not contain that difference.
"""

from __future__ import annotations

from math import comb

import numpy as np
from scipy import stats

from medkt_eval.inference.rounding import is_rounding, levels, tolerance
from medkt_eval.inference.test_result import TestResult

MOST_SEEDS = 22  # in a sign-flip test: four million flips
ROUNDING = 1e-9  # of a probability


def mann_whitney(a: np.ndarray, b: np.ndarray, level: float) -> TestResult:
    """Mann-Whitney's test over seeds that are nested in their arm.

    Parameters
    ----------
    a, b : float64, (n_seeds_a,), (n_seeds_b,)
        The metric of each seed's run.
    level : float
        Confidence level of the interval.

    Returns
    -------
    TestResult
        `statistic`: pairs of seeds with a above b; ties count half. The p-value is exact given the ties: twice the
        smaller tail. Without ties it is at least 2 / C(n_seeds_a + n_seeds_b, n_seeds_a).

    Notes
    -----
    R, without ties: `wilcox.test(a, b, exact = TRUE, conf.int = TRUE, conf.level = level)`. With ties R has no
    exact p, and scipy's `mannwhitneyu(method="exact")` ignores them. Streitberg & Röhmel 1986, Stat. Software
    Newsl. 12:10.

    Examples
    --------
    >>> result = mann_whitney(np.array([0.74, 0.75, 0.79]), np.array([0.70, 0.71, 0.72]), 0.95)
    >>> round(result.p_value, 3), result.note
    (0.1, 'the smallest two-sided p of 3 and 3 seeds is 0.1; no 95 % interval exists')
    """
    difference, n_a, n_b = float(a.mean() - b.mean()), a.size, b.size
    if min(n_a, n_b) < 2:
        return _absent("one seed in an arm: a test over seeds needs two in each", "mann-whitney", difference, level)
    both = levels(np.concatenate([a, b]), tolerance(a, b))
    if np.ptp(both) == 0:
        return _absent("every seed of both arms gave the same value", "mann-whitney", difference, level)
    ranks = _doubled_ranks(both)
    of_a, lowest = int(ranks[:n_a].sum()), n_a * (n_a + 1) // 2
    untied = _sums_of_subsets(np.arange(1, n_a + n_b + 1), n_a)[lowest:]
    return _result(
        "mann-whitney",
        a,
        b,
        level,
        difference=difference,
        statistic=of_a / 2 - lowest,
        p_value=_two_tails(_sums_of_subsets(ranks, n_a), of_a),
        least_p=2 / comb(n_a + n_b, n_a),
        seeds=f"{n_a} and {n_b} seeds",
        limits=_order_limits(np.subtract.outer(a, b).ravel(), untied, level),
    )


def wilcoxon(a: np.ndarray, b: np.ndarray, level: float) -> TestResult:
    """Wilcoxon's signed-rank test over seeds that were declared shared.

    Parameters
    ----------
    a, b : float64, (n_seeds,)
        The metric of each seed's run, in the order of the same seeds.
    level : float
        Confidence level of the interval.

    Returns
    -------
    TestResult
        `statistic`: the sum of the ranks of the positive differences. Seeds without a difference are left out, as
        Wilcoxon did. The p-value is exact given the ties, twice the smaller tail, at least 2^(1 - n_seeds).

    Notes
    -----
    R, without ties and zeros: `wilcox.test(a, b, paired = TRUE, exact = TRUE, conf.int = TRUE, conf.level = level)`.
    Differences that are equal up to rounding (0.9 - 0.8 and 0.8 - 0.7) are tied.
    """
    differences = a - b
    difference = float(differences.mean())
    if a.size < 2:
        return _absent("one seed: a test over seeds needs two", "wilcoxon", difference, level)
    size = _sizes(differences, a, b)
    differs = size > 0
    n = int(differs.sum())
    if n == 0:
        return _absent("no seed has a difference", "wilcoxon", difference, level)
    ranks = _doubled_ranks(size[differs])
    positive = int(ranks[differences[differs] > 0].sum())
    walsh = (differences[:, None] + differences)[np.triu_indices(a.size)] / 2
    return _result(
        "wilcoxon",
        a,
        b,
        level,
        difference=difference,
        statistic=positive / 2,
        p_value=_two_tails(_sums_of_any(ranks), positive),
        least_p=2.0 ** (1 - n),
        seeds=f"{n} paired seeds" + (" that differ" if n < a.size else ""),
        limits=_order_limits(walsh, _sums_of_any(np.arange(1, a.size + 1)), level),
    )


def sign_flip(a: np.ndarray, b: np.ndarray, level: float) -> TestResult:
    """Exact sign-flip test over seeds that were declared shared: Fisher's permutation of paired differences.

    Parameters
    ----------
    a, b : float64, (n_seeds,)
        The metric of each seed's run, in the order of the same seeds.
    level : float
        Confidence level of the interval.

    Returns
    -------
    TestResult
        `statistic`: the mean difference. `p_value`: the share of all 2^n_seeds flips of the differences' signs whose
        mean is as far from 0; at least 2^(1 - n_seeds). The interval holds every shift that the test does not reject.

    Notes
    -----
    After a shift by s, flipping the seeds I is as extreme as flipping none if s is between two means: that of the
    differences of the seeds I, and that of the other seeds. So the limits are order statistics of these means (Hartigan
    1969, JASA 64:1303).

    Examples
    --------
    >>> result = sign_flip(np.array([0.74, 0.75, 0.79]), np.array([0.70, 0.72, 0.74]), 0.75)
    >>> result.p_value, round(result.low, 2), round(result.high, 2)
    (0.25, 0.03, 0.05)
    """
    differences = a - b
    difference, n = float(differences.mean()), a.size
    if n < 2:
        return _absent("one seed: a test over seeds needs two", "sign-flip", difference, level)
    if n > MOST_SEEDS:
        return _absent(f"{n} seeds: 2^{n} flips are too many to go through", "sign-flip", difference, level)
    if not _sizes(differences, a, b).any():
        return _absent("no seed has a difference", "sign-flip", difference, level)
    # Over every set of seeds without the first: either a set or its complement is counted, never both.
    sums, sizes = np.zeros(1), np.zeros(1)
    for seed_difference in differences[1:]:
        sums, sizes = np.concatenate([sums, sums + seed_difference]), np.concatenate([sizes, sizes + 1])
    total = differences.sum()
    means = np.sort([sums[1:] / sizes[1:], (total - sums[1:]) / (n - sizes[1:])], axis=0)
    needed = int((1 - level) * len(sums) + ROUNDING)  # flips as extreme as no flip, for a shift not to be rejected
    limits = None
    if needed:
        limits = float(np.sort(means[0])[needed - 1]), float(np.sort(means[1])[-needed])
    return _result(
        "sign-flip",
        a,
        b,
        level,
        difference=difference,
        statistic=difference,
        p_value=float(np.mean(np.abs(total - 2 * sums) >= np.abs(total) - n * tolerance(a, b))),
        least_p=2.0 ** (1 - n),
        seeds=f"{n} paired seeds",
        limits=limits,
    )


def _doubled_ranks(values: np.ndarray) -> np.ndarray:
    """Twice the mid-ranks, so that they are integers."""
    return np.rint(2 * stats.rankdata(values)).astype(np.int64)


def _sizes(differences: np.ndarray, *values: np.ndarray) -> np.ndarray:
    """Sizes of differences of `values` as integers: 0 for no difference, equal ones if they differ by rounding only."""
    return levels(np.append(np.abs(differences), 0.0), tolerance(*values))[:-1]


def _sums_of_subsets(ranks: np.ndarray, n_chosen: int) -> np.ndarray:
    """Probability of each sum of `n_chosen` ranks drawn without replacement: float64, (sum of all + 1,)."""
    ways = np.zeros((n_chosen + 1, int(ranks.sum()) + 1))
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank]
    return ways[-1] / comb(len(ranks), n_chosen)


def _sums_of_any(ranks: np.ndarray) -> np.ndarray:
    """Probability of each sum of ranks, where a fair coin takes or leaves each: float64, (sum of all + 1,)."""
    chance = np.zeros(int(ranks.sum()) + 1)
    chance[0] = 1
    for rank in ranks:
        taken = np.concatenate([np.zeros(rank), chance[: len(chance) - rank]])
        chance = (chance + taken) / 2
    return chance


def _two_tails(chance: np.ndarray, statistic: int) -> float:
    return min(1.0, 2 * float(min(chance[: statistic + 1].sum(), chance[statistic:].sum())))


def _order_limits(shifts: np.ndarray, chance: np.ndarray, level: float) -> tuple[float, float] | None:
    """Limits of the shift: the sorted `shifts`, cut at each end by as many as a tail of the rank sum allows.

    `chance` is the rank sum's distribution without ties, from its lowest value. With ties the limits cover more.
    """
    tail = (1 - level) / 2
    if chance[0] > tail + ROUNDING:
        return None
    cut = max(int((np.cumsum(chance) < tail - ROUNDING).sum()), 1)
    ascending = np.sort(shifts)
    return float(ascending[cut - 1]), float(ascending[-cut])


def _result(
    name: str,
    a: np.ndarray,
    b: np.ndarray,
    level: float,
    *,
    difference: float,
    statistic: float,
    p_value: float,
    least_p: float,
    seeds: str,
    limits: tuple[float, float] | None,
) -> TestResult:
    notes = []
    if least_p > 1 - level + ROUNDING:
        notes.append(f"the smallest two-sided p of {seeds} is {least_p:.2g}")
    if limits is None:
        notes.append(f"no {100 * level:g} % interval exists")
    elif is_rounding(limits[1] - limits[0], a, b):
        limits = None
        notes.append("no interval: it would have no width")
    elif not limits[0] - ROUNDING <= difference <= limits[1] + ROUNDING:
        notes.append(f"no interval: that of the shift, {limits[0]:.4f} to {limits[1]:.4f}, lacks the mean difference")
        limits = None
    low, high = limits or (None, None)
    return TestResult(
        test=name,
        scope="seeds",
        difference=difference,
        se=None,
        low=low,
        high=high,
        level=level,
        statistic=statistic,
        df=None,
        p_value=p_value,
        note="; ".join(notes) or None,
    )


def _absent(reason: str, name: str, difference: float, level: float) -> TestResult:
    return TestResult.absent(reason, test=name, scope="seeds", difference=difference, level=level)
