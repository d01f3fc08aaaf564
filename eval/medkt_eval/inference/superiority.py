"""P(A > B): how often a run of one arm has the higher value.

In: the metric of each seed's run of both arms, or its joint replicates over patients. Out: `Superiority`. Higher is
better, except for Brier score and calibration error.

Bouthillier et al. 2021, MLSys 3:747, "Accounting for variance in machine learning benchmarks". Ties count half. Their
number of runs is Noether's, which counts the runs of each arm, not pairs of runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medkt_eval.inference.rounding import tolerance

LEAST_RUNS = 29  # of an arm; Noether 1987, JASA 82:645: P(A > B) = 0.75, one-sided 5 %, power 95 %


@dataclass(frozen=True)
class Superiority:
    """Share of pairs of runs in which a has the higher value.

    Parameters
    ----------
    probability : float or None
        P(A > B).
    n_pairs : int
        Pairs of seeds.
    descriptive : bool
        Whether an arm has fewer than 29 runs: the probability then describes these runs.
    undefined_because : str or None
        Why there is no probability.
    """

    probability: float | None
    n_pairs: int
    descriptive: bool
    undefined_because: str | None = None


def over_seeds(a: np.ndarray, b: np.ndarray) -> Superiority:
    """P(A > B) over all pairs of seeds; scope "seeds".

    Parameters
    ----------
    a, b : float64, (n_seeds_a,), (n_seeds_b,)
        The metric of each seed's run.

    Notes
    -----
    Mann-Whitney's U divided by the number of pairs; R: `wilcox.test(a, b)$statistic / (length(a) * length(b))`.

    Examples
    --------
    >>> over_seeds(np.array([0.7, 0.8]), np.array([0.6, 0.7]))
    Superiority(probability=0.875, n_pairs=4, descriptive=True, undefined_because=None)
    """
    return over_replicates(a[:, None], b[:, None])


def over_replicates(replicates_a: np.ndarray, replicates_b: np.ndarray) -> Superiority:
    """P(A > B) over all pairs of seeds in each joint replicate of the patients; scope "seeds+patients".

    Parameters
    ----------
    replicates_a, replicates_b : float64, (n_seeds_a, n_replicates), (n_seeds_b, n_replicates)
        The same patients at the same index. A replicate that is NaN in a run is left out.
    """
    n_pairs = len(replicates_a) * len(replicates_b)
    few = min(len(replicates_a), len(replicates_b)) < LEAST_RUNS
    defined = ~np.isnan(np.concatenate([replicates_a, replicates_b])).any(axis=0)
    if not defined.any():
        return Superiority(None, n_pairs, few, "no replicate is defined in every run")
    a, b = replicates_a[:, defined], replicates_b[:, defined]
    difference, rounding = a[:, None] - b[None, :], tolerance(a, b)
    wins = (difference > rounding) + (np.abs(difference) <= rounding) / 2
    return Superiority(float(np.mean(wins)), n_pairs, few)
