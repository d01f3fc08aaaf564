"""McNemar's test for clustered images, of whether two arms' thresholded calls are right equally often.

In: how often each image was called rightly by both arms, and the images' patients. Out: `TestResult`, scope
"patients". Which images are given says what is tested: all, accuracy; the positives, sensitivity; the negatives,
specificity.

Obuchowski 1998, Stat. Med. 17:1495, equations 1-6.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from medkt_eval.inference.intervals import is_rounding
from medkt_eval.inference.t_tests import TestResult


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray, patient: np.ndarray, level: float) -> TestResult:
    """Test the difference of two correlated proportions of right calls, images clustered by patient.

    Parameters
    ----------
    correct_a, correct_b : float64, (n_images,)
        1 where the arm's call is right, 0 where it is wrong; with several seeds their mean.
    patient : int, (n_images,)
        Each image's patient; any numbers.
    level : float
        Confidence level of the interval, which is clipped to [-1, 1].

    Returns
    -------
    TestResult
        `statistic` is z.

    Notes
    -----
    The variance is the observed one, I/(I - 1) sum (d_i - n_i d)^2 / N^2 over I patients with d_i the sum over the
    n_i images of patient i, so that test and interval agree. McNemar's own is that under no difference, sum d_i^2 /
    N^2: with one image a patient and one seed, z^2 = (b - c)^2 / (b + c - (b - c)^2 / I) (I - 1) / I in place of
    (b - c)^2 / (b + c).

    Examples
    --------
    >>> a, b = np.array([1.0, 1, 1, 1, 0, 1]), np.array([0.0, 0, 1, 1, 1, 0])
    >>> result = mcnemar(a, b, np.array([0, 0, 1, 1, 2, 3]), 0.95)
    >>> round(result.difference, 3), round(result.statistic, 3), round(result.p_value, 3)
    (0.333, 0.822, 0.411)
    """
    if not correct_a.size:
        return _undefined(np.nan, level, "no image to be called")
    images = correct_a - correct_b
    difference = float(images.mean())
    _, place, n_images = np.unique(patient, return_inverse=True, return_counts=True)
    n_patients = len(n_images)
    if n_patients < 2:
        return _undefined(difference, level, "one patient: no variation over patients to measure")
    residuals = np.bincount(place, weights=images) - n_images * difference
    se = float(np.sqrt(n_patients / (n_patients - 1) * (residuals**2).sum())) / correct_a.size
    if is_rounding(se, np.ones(1)):
        return _undefined(difference, level, "the difference is the same in every patient")
    statistic = difference / se
    reach = float(stats.norm.ppf((1 + level) / 2)) * se
    return TestResult(
        test="mcnemar",
        scope="patients",
        difference=difference,
        se=se,
        low=max(difference - reach, -1.0),
        high=min(difference + reach, 1.0),
        level=level,
        statistic=statistic,
        df=None,
        p_value=float(2 * stats.norm.sf(abs(statistic))),
    )


def _undefined(difference: float, level: float, because: str) -> TestResult:
    return TestResult("mcnemar", "patients", difference, None, None, None, level, None, None, None, because)
