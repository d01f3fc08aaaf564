"""Rounding errors that look like variation or like an order: equal values need not be equal floats.

In: values, or a variance whose terms cancel. Out: what is left of them without rounding errors. Roots, divisions by a
standard error, ranks, ties and the ends of a range all use these functions, so one tolerance holds everywhere.
"""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-12  # relative: of a mean to its values, of a variance whose terms cancel to those terms
FLOOR = 10 * float(np.finfo(np.float64).eps)  # absolute: of a sum of numbers near 1 that cancel


def tolerance(*values: np.ndarray) -> float:
    """The largest difference between two of the values that may be a rounding error.

    It is 1e-12 of the largest value: a mean over a million images, labels or seeds can be off by that much. Metrics
    such as kappa are differences of numbers near 1, off by their last bits. So it is at least
    10 epsilon, where R's `t.test` sets the limit too ("data are essentially constant").

    Examples
    --------
    >>> tolerance(np.array([0.5, 0.8])), tolerance(np.array([1e-13])) < 1e-14
    (8e-13, True)
    """
    largest = max(float(np.abs(group).max(initial=0.0)) for group in values)
    return max(ROUNDING * largest, FLOOR)


def difference_of_means(a: np.ndarray, b: np.ndarray) -> float:
    """Mean of a minus mean of b; 0 where it is only a rounding error."""
    difference = float(a.mean() - b.mean())
    return 0.0 if abs(difference) <= tolerance(a, b) else difference


def is_end(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Whether each value is `low` or `high` up to rounding: bool, of the shape of `values`.

    Examples
    --------
    >>> is_end(np.array([1 - 1e-16, 0.999]), 0.0, 1.0).tolist()
    [True, False]
    """
    return (np.abs(values - low) <= tolerance(np.array([low]))) | (np.abs(values - high) <= tolerance(np.array([high])))


def is_rounding(se: float, *values: np.ndarray) -> bool:
    """Whether a standard error is only the rounding error of `values`: see `tolerance`.

    Examples
    --------
    >>> is_rounding(1e-15, np.array([0.7, 0.7])), is_rounding(1e-3, np.array([0.7, 0.702]))
    (True, False)
    """
    return se <= tolerance(*values)


def without_cancelling(variance: float, terms: float) -> float:
    """A variance; 0 where it is only the rounding error of terms that cancel, which can also be negative.

    Parameters
    ----------
    variance : float
        A sum of variances and covariances; NaN stays NaN.
    terms : float
        The sum of their sizes.

    Examples
    --------
    >>> without_cancelling(-1e-18, 0.1), without_cancelling(1e-4, 0.1)
    (0.0, 0.0001)
    """
    return 0.0 if variance <= ROUNDING * terms else variance


def variance_of_seeds(values: np.ndarray, *arms: np.ndarray) -> float:
    """Variance over seeds; 0 where they differ by rounding only.

    Parameters
    ----------
    values : float64, (n_seeds,)
        A metric, or a contrast, of each seed's run; two seeds or more.
    *arms : float64, (n_seeds,)
        The values that a contrast was computed from.
    """
    return 0.0 if is_rounding(float(np.ptp(values)), values, *arms) else float(values.var(ddof=1))


def levels(values: np.ndarray, rounding: float) -> np.ndarray:
    """The order of values as integers from 0; values that differ by no more than `rounding` have the same one.

    Parameters
    ----------
    values : float64, (n,)
    rounding : float
        See `tolerance`.

    Returns
    -------
    int64, (n,)
        Ranks and ties of these are those of the values in exact arithmetic.

    Examples
    --------
    >>> levels(np.array([0.9 - 0.8, 0.2, 0.8 - 0.7]), 1e-12).tolist()
    [0, 1, 0]
    """
    order = np.argsort(values)
    merged = np.empty(len(values), dtype=np.int64)
    merged[order] = np.cumsum(np.diff(values[order], prepend=values[order][:1]) > rounding)
    return merged
