"""Sensitivity at a fixed specificity, read off the test images' own ROC curve.

In: `Ranking`, one label's images in the order of one run's scores. Out: the largest sensitivity of any threshold with
at least that specificity.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.metrics.ranking import Ranking


def sensitivity_at_specificity(ranking: Ranking, specificity: float) -> float:
    """Largest sensitivity of the thresholds (score >= threshold) with at least that specificity.

    Parameters
    ----------
    ranking : Ranking
        With at least one positive and one negative.
    specificity : float
        In [0, 1].

    Examples
    --------
    >>> from medkt_eval.metrics.ranking import rank
    >>> ranking = rank(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), np.arange(4), 4)
    >>> sensitivity_at_specificity(ranking, 0.9), sensitivity_at_specificity(ranking, 0.5)
    (0.5, 1.0)
    """
    negatives_below = np.cumsum(~ranking.positive)
    positives_below = np.cumsum(ranking.positive)
    ends = ranking.ends_tie  # thresholds just above a group of ties
    enough = negatives_below[ends] / ranking.n_negative >= specificity  # a product could round past an integer
    return float((ranking.n_positive - positives_below[ends][enough]).max() / ranking.n_positive)
