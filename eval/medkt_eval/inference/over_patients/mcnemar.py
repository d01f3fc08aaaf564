"""McNemar's test for clustered images, of whether two arms' thresholded calls are right equally often.

In: how often each image was called correctly by both arms, and the images' patients. Out: `TestResult` of scope
"patients". The images you pass decide what is tested: all images, accuracy; the positives, sensitivity; the negatives,
specificity.

Obuchowski 1998, Stat. Med. 17:1495, equations 1-6.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.inference.rounding import is_rounding
from medkt_eval.inference.test_result import TestResult


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray, patient: np.ndarray, level: float) -> TestResult:
    """Test the difference of two correlated proportions of correct calls, with images clustered by patient.

    Parameters
    ----------
    correct_a, correct_b : float64, (n_images,)
        1 where the arm's call is correct, 0 where it is wrong; the mean over seeds where there are several.
    patient : int, (n_images,)
        Each image's patient, as any number.
    level : float
        Confidence level of the interval, which is cut at -1 and 1.

    Returns
    -------
    TestResult
        `statistic` is z.

    Notes
    -----
    The variance is the observed one, I/(I - 1) sum (d_i - n_i d)^2 / N^2, so that test and interval agree. I is the
    number of patients and d_i the sum over the n_i images of patient i. McNemar's own variance assumes no difference:
    sum d_i^2 / N^2. With one image per patient and one seed, z^2 = (b - c)^2 / (b + c - (b - c)^2 / I) (I - 1) / I
    here, in place of (b - c)^2 / (b + c).

    Examples
    --------
    >>> a, b = np.array([1.0, 1, 1, 1, 0, 1]), np.array([0.0, 0, 1, 1, 1, 0])
    >>> result = mcnemar(a, b, np.array([0, 0, 1, 1, 2, 3]), 0.95)
    >>> round(result.difference, 3), round(result.statistic, 3), round(result.p_value, 3)
    (0.333, 0.822, 0.411)
    """
    if not correct_a.size:
        return _absent("no image to be called", np.nan, level)
    images = correct_a - correct_b
    difference = float(images.mean())
    _, row, n_images = np.unique(patient, return_inverse=True, return_counts=True)
    n_patients = len(n_images)
    if n_patients < 2:
        return _absent("one patient: no variation over patients to measure", difference, level)
    residuals = np.bincount(row, weights=images) - n_images * difference
    se = float(np.sqrt(n_patients / (n_patients - 1) * (residuals**2).sum())) / correct_a.size
    if is_rounding(se, np.ones(1)):
        return _absent("the difference is the same in every patient", difference, level)
    return TestResult.from_standard_error(difference, se, None, test="mcnemar", scope="patients", level=level)


def _absent(reason: str, difference: float, level: float) -> TestResult:
    return TestResult.absent(reason, test="mcnemar", scope="patients", difference=difference, level=level)
