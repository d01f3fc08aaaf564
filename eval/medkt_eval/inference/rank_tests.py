"""Tests over seeds by ranks and signs: exact, with ties too, and with few seeds unable to give a small p.

In: the metric of each seed's run of both arms. Out: `TestResult`, whose `note` says what few seeds cannot give.

`difference` is the mean of a less that of b, as in every test; the interval of a rank test is that of the shift in
location (Hodges & Lehmann 1963, Ann. Math. Stat. 34:598), and is left out where it does not contain that difference.
"""

from __future__ import annotations

from math import comb

import numpy as np
from scipy import stats

from medkt_eval.inference.intervals import is_rounding
from medkt_eval.inference.t_tests import TestResult

MOST_SEEDS = 22  # of a sign-flip test: four million flips
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
        `statistic`: pairs of seeds with a above b, ties half. The p-value is exact given the ties, twice the smaller
        tail; without ties it is at least 2 / C(n_seeds_a + n_seeds_b, n_seeds_a).

    Notes
    -----
    R, without ties: `wilcox.test(a, b, exact = TRUE, conf.int = TRUE, conf.level = level)`; with ties R gives up the
    exact p, and scipy's `mannwhitneyu(method="exact")` neglects them. Streitberg & Röhmel 1986, Stat. Software
    Newsl. 12:10.

    Examples
    --------
    >>> result = mann_whitney(np.array([0.74, 0.75, 0.79]), np.array([0.70, 0.71, 0.72]), 0.95)
    >>> round(result.p_value, 3), result.note
    (0.1, 'the smallest two-sided p of 3 and 3 seeds is 0.1; no 95 % interval exists')
    """
    difference, n_a, n_b = float(a.mean() - b.mean()), a.size, b.size
    if min(n_a, n_b) < 2:
        return _undefined("mann-whitney", difference, level, "one seed in an arm: a test over seeds needs two in each")
    both = np.concatenate([a, b])
    if np.ptp(both) == 0:
        return _undefined("mann-whitney", difference, level, "every seed of both arms gave the same value")
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
        `statistic`: the sum of the ranks of the positive differences. Seeds without a difference are left out of it,
        as Wilcoxon did. The p-value is exact given ties, twice the smaller tail, at least 2^(1 - n_seeds).

    Notes
    -----
    R, without ties and zeros: `wilcox.test(a, b, paired = TRUE, exact = TRUE, conf.int = TRUE, conf.level = level)`.
    Differences that are equal but for rounding (0.9 - 0.8 and 0.8 - 0.7) are tied.
    """
    differences = a - b
    difference = float(differences.mean())
    if a.size < 2:
        return _undefined("wilcoxon", difference, level, "one seed: a test over seeds needs two")
    size = _without_rounding(np.abs(differences), a, b)
    differs = size > 0
    n = int(differs.sum())
    if n == 0:
        return _undefined("wilcoxon", difference, level, "no seed has a difference")
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
        mean is as far from 0; at least 2^(1 - n_seeds). The interval has every shift that the test does not reject.

    Notes
    -----
    Shifted by s, a flip of the seeds I is as extreme as no flip where s lies between the mean difference over I and
    that over the other seeds; so the limits are order statistics of these means, after Hartigan 1969, JASA 64:1303.

    Examples
    --------
    >>> result = sign_flip(np.array([0.74, 0.75, 0.79]), np.array([0.70, 0.72, 0.74]), 0.75)
    >>> result.p_value, round(result.low, 2), round(result.high, 2)
    (0.25, 0.03, 0.05)
    """
    differences = a - b
    difference, n = float(differences.mean()), a.size
    if n < 2:
        return _undefined("sign-flip", difference, level, "one seed: a test over seeds needs two")
    if n > MOST_SEEDS:
        return _undefined("sign-flip", difference, level, f"{n} seeds: 2^{n} flips are too many to go through")
    if not _without_rounding(np.abs(differences), a, b).any():
        return _undefined("sign-flip", difference, level, "no seed has a difference")
    sums, sizes = np.zeros(1), np.zeros(1)  # over every set of seeds without the first: a set or the others, never both
    for one in differences[1:]:
        sums, sizes = np.concatenate([sums, sums + one]), np.concatenate([sizes, sizes + 1])
    total = differences.sum()
    rounding = 10 * np.finfo(np.float64).eps * float(np.abs(a).sum() + np.abs(b).sum())
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
        p_value=float(np.mean(np.abs(total - 2 * sums) >= np.abs(total) - rounding)),
        least_p=2.0 ** (1 - n),
        seeds=f"{n} paired seeds",
        limits=limits,
    )


def _doubled_ranks(values: np.ndarray) -> np.ndarray:
    """Twice the mid-ranks, so that they are integers."""
    return np.rint(2 * stats.rankdata(values)).astype(np.int64)


def _without_rounding(size: np.ndarray, *values: np.ndarray) -> np.ndarray:
    """Sizes of differences of `values`, those that are 0 or equal but for rounding made so: int64, 0 upwards."""
    tolerance = 10 * np.finfo(np.float64).eps * max(float(np.abs(group).max()) for group in values)
    order = np.argsort(size)
    steps = np.diff(size[order], prepend=0.0) > tolerance
    merged = np.empty(len(size), dtype=np.int64)
    merged[order] = np.cumsum(steps)
    return merged


def _sums_of_subsets(ranks: np.ndarray, n_chosen: int) -> np.ndarray:
    """Probability of each sum of `n_chosen` ranks drawn without replacement: float64, (sum of all + 1,)."""
    ways = np.zeros((n_chosen + 1, int(ranks.sum()) + 1))
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank]
    return ways[-1] / comb(len(ranks), n_chosen)


def _sums_of_any(ranks: np.ndarray) -> np.ndarray:
    """Probability of each sum of ranks, each taken or left by a fair coin: float64, (sum of all + 1,)."""
    chance = np.zeros(int(ranks.sum()) + 1)
    chance[0] = 1
    for rank in ranks:
        taken = np.concatenate([np.zeros(rank), chance[: len(chance) - rank]])
        chance = (chance + taken) / 2
    return chance


def _two_tails(chance: np.ndarray, statistic: int) -> float:
    return min(1.0, 2 * float(min(chance[: statistic + 1].sum(), chance[statistic:].sum())))


def _order_limits(shifts: np.ndarray, chance: np.ndarray, level: float) -> tuple[float, float] | None:
    """Limits of the shift: of the sorted `shifts`, as many are cut at each end as a tail of the rank sum allows.

    `chance` is the rank sum's distribution without ties, from its lowest value; with ties the limits cover more.
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
        name, "seeds", difference, None, low, high, level, statistic, None, p_value, note="; ".join(notes) or None
    )


def _undefined(name: str, difference: float, level: float, because: str) -> TestResult:
    return TestResult(name, "seeds", difference, None, None, None, level, None, None, None, because)
