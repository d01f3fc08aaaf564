"""A contrast of arms on the logit scale: the difference of logits, with seeds and patients random.

In: the metric of each seed's run in each arm, between 0 and 1, and their covariance over patients. Out: `TestResult` in
logits. A gain of 5 points at 70 % is smaller in logits than one of 3 points at 95 %: points say what changes for the
patients, logits how far the odds move. The standard error is that of the delta method, as for one arm's interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.special import logit

from medkt_eval.inference.degrees_of_freedom import DegreesOfFreedom, finite
from medkt_eval.inference.obuchowski_rockette import (
    BELOW_ZERO,
    NO_VARIATION,
    SCOPE,
    TEST,
    analyse,
    patients_vary,
    why_undefined,
)
from medkt_eval.inference.rounding import is_rounding
from medkt_eval.inference.test_result import TestResult

AT_AN_END = "an arm's mean is 0 or 1, which has no logit"


def logit_contrast_test(
    arms: Sequence[np.ndarray],
    signs: Sequence[float],
    covariance: np.ndarray,
    *,
    seeds: Literal["nested", "crossed"],
    df_patients: float,
    level: float,
    degrees_of_freedom: DegreesOfFreedom = "satterthwaite",
) -> TestResult:
    """Test whether the sum of sign times logit(mean over seeds) is 0.

    The parameters are those of `obuchowski_rockette.contrast_test`; the result's `difference` is in logits.

    Examples
    --------
    >>> arms = [np.array([0.74, 0.76]), np.array([0.69, 0.71])]
    >>> covariance = 1e-4 * (np.eye(4) + 1)
    >>> test = logit_contrast_test(arms, (1, -1), covariance, seeds="nested", df_patients=99, level=0.95)
    >>> round(test.difference, 4), round(float(logit(0.75) - logit(0.70)), 4)
    (0.2513, 0.2513)
    """
    means = np.array([arm.mean() for arm in arms])
    inside = bool(((means > 0) & (means < 1)).all())
    value = float(np.dot(signs, logit(means))) if inside else np.nan
    reason = next((why for arm in arms if (why := why_undefined(arm, covariance, df_patients))), None)
    if reason or not inside:
        return TestResult.absent(reason or AT_AN_END, test=TEST, scope=SCOPE, difference=value, level=level)
    slopes = np.asarray(signs) / (means * (1 - means))  # of the logits
    contrast = analyse(
        arms, covariance, list(slopes), seeds=seeds, df_patients=df_patients, degrees_of_freedom=degrees_of_freedom
    )
    se = contrast.variance**0.5
    if is_rounding(se, np.concatenate(arms)):
        if patients_vary(arms, list(slopes), covariance):
            return TestResult.absent(BELOW_ZERO, test=TEST, scope=SCOPE, difference=value, level=level)
        return TestResult.absent(NO_VARIATION, test=TEST, scope=SCOPE, difference=value, level=level, se=0.0)
    return TestResult.from_standard_error(
        value, se, finite(contrast.df), test=TEST, scope=SCOPE, level=level, bound=np.inf, df_hillis=contrast.df_hillis
    )
