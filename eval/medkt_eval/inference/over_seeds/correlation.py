"""How alike runs of two arms with the same seed are: the correlation of their values over seeds.

In: the metric of the runs of two arms, seed by seed. Out: `Correlation`. Fisher 1921, Metron 1:3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from medkt_eval.inference.rounding import ROUNDING, tolerance

FEWEST = 3  # of two seeds the correlation is always -1 or 1
FEWEST_WITH_INTERVAL = 4


@dataclass(frozen=True)
class Correlation:
    """Pearson's correlation and its interval; None, with the reason, where one does not exist."""

    value: float | None
    low: float | None = None
    high: float | None = None
    undefined_because: str | None = None


def correlation_over_seeds(a: np.ndarray, b: np.ndarray, level: float) -> Correlation:
    """Correlate two arms' values over seeds; the interval is Fisher's, tanh(artanh r ± z / sqrt(n - 3)).

    Parameters
    ----------
    a, b : float64, (n_seeds,)
        The metric of each arm's run, in the same order of seeds.
    level : float
        Confidence level in (0, 1).

    Notes
    -----
    R: `cor.test(a, b, conf.level = level)`. With few seeds the interval is wide: five seeds that correlate at 0.6 give
    -0.60 to 0.97. It assumes normal values.

    Examples
    --------
    >>> found = correlation_over_seeds(np.array([0.70, 0.72, 0.74, 0.75]), np.array([0.8, 0.79, 0.83, 0.82]), 0.95)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.741, -0.765, 0.994)
    """
    if len(a) < FEWEST:
        return Correlation(None, undefined_because=f"{len(a)} shared seeds; a correlation needs {FEWEST}")
    if any(np.ptp(values) <= tolerance(values) for values in (a, b)):
        return Correlation(None, undefined_because="an arm has the same value with every shared seed")
    r = float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
    if len(a) < FEWEST_WITH_INTERVAL:
        return Correlation(r, undefined_because=f"{len(a)} shared seeds; an interval needs {FEWEST_WITH_INTERVAL}")
    if 1 - abs(r) <= ROUNDING:
        return Correlation(r, undefined_because="a correlation of -1 or 1 has no interval")
    reach = stats.norm.ppf((1 + level) / 2) / np.sqrt(len(a) - 3)
    low, high = np.tanh(np.arctanh(r) + np.array([-reach, reach]))
    return Correlation(r, float(low), float(high))
