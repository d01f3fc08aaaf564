"""Rounding errors that look like variation or like an order: equal values need not be equal floats.

In: values, or a variance whose terms cancel. Out: what is left of them without rounding errors. Roots, divisions by a
standard error, ranks and ties all use these functions, so one tolerance holds everywhere.
"""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-12  # of a variance whose terms cancel, relative to those terms


def tolerance(*values: np.ndarray) -> float:
    """The largest difference between two of the values that may be a rounding error.

    R's `t.test` sets the limit at 10 epsilon of the values ("data are essentially constant"). A metric that is itself a
    mean over images, labels or seeds can be off by more, so anything up to 1e-12 counts as rounding too.
    """
    largest = max(float(np.abs(group).max(initial=0.0)) for group in values)
    return max(1e-12, 10 * np.finfo(np.float64).eps * largest)


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
