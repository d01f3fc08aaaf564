"""Interval and test of fixed models by the patient jackknife.

In: the metric of each seed's run of one or two arms, and their covariance over patients. Out: `Interval` and
`TestResult` of scope "patients".
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from medkt_eval.inference.interval import Interval, logit_interval, symmetric_interval
from medkt_eval.inference.obuchowski_rockette import FEW_PATIENTS, ONE_PATIENT
from medkt_eval.inference.rounding import is_rounding, without_cancelling
from medkt_eval.inference.test_result import TestResult

NAME = "patients:jackknife"
TEST = "jackknife"
NO_VARIATION = "no variation over patients to measure"


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
        The metric of each seed's run.
    covariance : float64, (n_seeds, n_seeds)
        Covariance over patients of these metrics; NaN where it does not exist.
    df_patients : float
        Degrees of freedom of t: see `obuchowski_rockette.analyse`.
    level : float
        Confidence level in (0, 1).
    scale : {"logit", "identity"}
        "identity", untransformed, for a metric that is not confined to (0, 1).
    """
    value, variance = (
        float(values.mean()),
        without_cancelling(float(covariance.mean()), float(np.abs(covariance).mean())),
    )
    if np.isnan(variance) or df_patients < 1:
        reason = ONE_PATIENT if np.isnan(variance) else FEW_PATIENTS
        return Interval.absent(reason, name=NAME, level=level)
    if scale == "logit":
        return logit_interval(NAME, value, variance, df_patients, level)
    se = variance**0.5
    if is_rounding(se, values):
        return Interval.absent(NO_VARIATION, name=NAME, level=level, se=0.0)
    return symmetric_interval(NAME, value, se, df_patients, level)


def jackknife_test(
    a: np.ndarray, b: np.ndarray, covariance: np.ndarray, *, df_patients: float, level: float, bound: float = 1.0
) -> TestResult:
    """Test a - b with fixed models by the patient jackknife: t with the patients' degrees of freedom.

    Parameters
    ----------
    a, b : float64, (n_seeds_a,), (n_seeds_b,)
        The metric of each seed's run.
    covariance : float64, (n_seeds_a + n_seeds_b, n_seeds_a + n_seeds_b)
        Covariance over patients, a's runs first; NaN where it does not exist.
    df_patients, level
        As in `jackknife_interval`.
    bound : float
        The largest difference that the metric can have. The interval is cut there.
    """
    difference = float(a.mean() - b.mean())
    c = np.concatenate([np.full(len(a), 1 / len(a)), np.full(len(b), -1 / len(b))])
    variance = without_cancelling(float(c @ covariance @ c), float(np.abs(c) @ np.abs(covariance) @ np.abs(c)))
    if np.isnan(variance) or df_patients < 1:
        reason = ONE_PATIENT if np.isnan(variance) else FEW_PATIENTS
        return TestResult.absent(reason, test=TEST, scope="patients", difference=difference, level=level)
    if is_rounding(variance**0.5, a, b):
        return TestResult.absent(NO_VARIATION, test=TEST, scope="patients", difference=difference, level=level, se=0.0)
    return TestResult.from_standard_error(
        difference, variance**0.5, df_patients, test=TEST, scope="patients", level=level, bound=bound
    )
