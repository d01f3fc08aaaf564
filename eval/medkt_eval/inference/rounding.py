"""Rounding errors that look like variation: equal values need not give a variance of exactly 0."""

from __future__ import annotations

import numpy as np

ROUNDING = 100 * np.finfo(np.float64).eps  # of a variance whose terms cancel, relative to those terms


def is_rounding(se: float, *values: np.ndarray) -> bool:
    """Whether a standard error is only the rounding error of `values`.

    R's `t.test` sets the limit at 10 epsilon of the values ("data are essentially constant"). A metric that is itself a
    mean over images or labels can be off by more, so anything below 1e-12 counts as rounding too.

    Examples
    --------
    >>> is_rounding(1e-15, np.array([0.7, 0.7])), is_rounding(1e-3, np.array([0.7, 0.702]))
    (True, False)
    """
    return se <= max(1e-12, 10 * np.finfo(np.float64).eps * max(float(np.abs(group).max()) for group in values))
