"""Degrees of freedom of the default analysis, in which seeds and patients are both random.

In: the variance of a contrast over seeds and its variance over patients, each with its own degrees of freedom. Out: the
degrees of freedom of their sum. docs/statistics.md derives them and gives their measured coverage.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, TypeVar

import numpy as np

DegreesOfFreedom: TypeAlias = Literal["satterthwaite", "hillis"]
Number = TypeVar("Number", float, np.ndarray)


def satterthwaite(v_seeds: Number, df_seeds: Number | float, v_patients: Number | float, df_patients: float) -> Number:
    """Degrees of freedom of the default interval and test, by Satterthwaite's approximation.

    If seeds do not vary (`v_seeds` is 0), the default interval has `df_patients`: see `obuchowski_rockette.analyse`.

    Parameters
    ----------
    v_seeds : float or float64 array
        Variance of the contrast over seeds, above 0.
    df_seeds : float or float64 array
        Its degrees of freedom.
    v_patients : float or float64 array
        Variance of the contrast over patients.
    df_patients : float
        Its degrees of freedom.

    Notes
    -----
    The factor 1 + 2/df_seeds is a penalty. It lowers the degrees of freedom, and so keeps the level where arms have
    unequal variances. Satterthwaite 1946, Biometrics 2:110.

    Examples
    --------
    >>> round(satterthwaite(1e-4, 4.0, 1e-4, 299.0), 1)
    11.0
    """
    inflated = (1 + 2 / df_seeds) * v_seeds
    return (inflated + v_patients) ** 2 / (inflated**2 / df_seeds + v_patients**2 / df_patients)


def hillis(v_seeds: float, df_seeds: float, v_patients: float) -> float:
    """Hillis's degrees of freedom, which treat patients as infinitely many; infinite where seeds do not vary.

    Parameters
    ----------
    v_seeds, df_seeds : float
        Variance of the contrast over seeds, pooled over its arms, and its degrees of freedom.
    v_patients : float
        Variance of the contrast over patients.

    Notes
    -----
    Hillis 2007, Stat. Med. 26:596.
    """
    return (v_seeds + v_patients) ** 2 / (v_seeds**2 / df_seeds) if v_seeds > 0 else np.inf


def finite(df: float) -> float | None:
    """Degrees of freedom as results.json has them: None where they are infinite and t is the normal distribution."""
    return df if np.isfinite(df) else None
