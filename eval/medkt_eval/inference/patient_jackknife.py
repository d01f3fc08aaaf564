"""Intervals and tests that hold the trained models fixed and let patients vary, from covariances and replicates.

In: each seed's metric of one or two arms, its covariance over patients, its bootstrap replicates. Out: `Interval`s and
`TestResult`s of scope "patients". Clustered DeLong is in delong.py.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats

from medkt_eval.inference.intervals import ROUNDING, Interval, is_rounding, logit_interval
from medkt_eval.inference.obuchowski_rockette import ONE_PATIENT
from medkt_eval.inference.t_tests import TestResult

JACKKNIFE = "patients:jackknife"


def jackknife_interval(
    values: np.ndarray,
    covariance: np.ndarray,
    *,
    df_patients: float,
    level: float,
    scale: Literal["logit", "identity"] = "logit",
) -> Interval:
    """Interval for the mean over seeds of fixed models, by the patient jackknife.

    Parameters
    ----------
    values : float64, (n_seeds,)
    covariance : float64, (n_seeds, n_seeds)
        Over patients.
    df_patients : float
        Of t: see `obuchowski_rockette.analyse`.
    level : float
        Confidence level in (0, 1).
    scale : {"logit", "identity"}
        "identity", untransformed, for a metric that is not confined to (0, 1).
    """
    value, variance = float(values.mean()), float(covariance.mean())
    if np.isnan(variance) or df_patients < 1:
        return Interval(JACKKNIFE, None, None, level, None, None, ONE_PATIENT)
    if scale == "logit":
        return logit_interval(JACKKNIFE, value, variance, df_patients, level)
    se = variance**0.5
    if is_rounding(se, values):
        return Interval(JACKKNIFE, None, None, level, 0.0, None, "no variation over patients to measure")
    reach = float(stats.t.ppf(0.5 + level / 2, df_patients)) * se
    return Interval(JACKKNIFE, value - reach, value + reach, level, se, df_patients)


def jackknife_test(
    a: np.ndarray, b: np.ndarray, covariance: np.ndarray, *, df_patients: float, level: float, bound: float = 1.0
) -> TestResult:
    """Test of a - b with fixed models by the patient jackknife: t with the patients' degrees of freedom.

    Parameters
    ----------
    a, b : float64, (n_seeds_a,), (n_seeds_b,)
    covariance : float64, (n_seeds_a + n_seeds_b, n_seeds_a + n_seeds_b)
        Over patients, a's runs first.
    df_patients, level
        As above.
    """
    difference = float(a.mean() - b.mean())
    c = np.concatenate([np.full(len(a), 1 / len(a)), np.full(len(b), -1 / len(b))])
    variance = float(c @ covariance @ c)
    if np.isnan(variance) or df_patients < 1:
        return TestResult("jackknife", "patients", difference, None, None, None, level, None, None, None, ONE_PATIENT)
    apart = float(np.abs(c) @ covariance @ np.abs(c))
    if variance <= ROUNDING * apart or is_rounding(variance**0.5, a, b):
        because = "no variation over patients to measure"
        return TestResult("jackknife", "patients", difference, 0.0, None, None, level, None, None, None, because)
    se = variance**0.5
    reach = float(stats.t.ppf((1 + level) / 2, df_patients)) * se
    return TestResult(
        "jackknife",
        "patients",
        difference,
        se,
        max(difference - reach, -bound),
        min(difference + reach, bound),
        level,
        difference / se,
        df_patients,
        float(2 * stats.t.sf(abs(difference / se), df_patients)),
    )
