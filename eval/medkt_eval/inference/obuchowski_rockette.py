"""The default interval and test: Obuchowski-Rockette, with seeds as random readers and patients as clustered cases.

In: the metric of each seed's run in each arm of a contrast, and the covariance of these metrics over patients. Out:
`ContrastVariance`: the contrast's value, its variance with seeds and patients both random, and its degrees of freedom
(degrees_of_freedom.py has the formula). `interval` and `compare` turn it into an `Interval` and a `TestResult`.

Obuchowski & Rockette 1995, Commun. Stat. Simul. Comput. 24:285; Hillis 2007, Stat. Med. 26:596; Hillis 2014, Stat. Med.
33:330. Three things differ from these papers: mean squares are never pooled over arms, the degrees of freedom count
patients too, and one arm's interval is on the logit scale. docs/statistics.md explains why, with measured coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from medkt_eval.inference.degrees_of_freedom import DegreesOfFreedom, finite, hillis, satterthwaite
from medkt_eval.inference.interval import Interval, logit_interval, symmetric_interval
from medkt_eval.inference.rounding import is_rounding, variance_of_seeds, without_cancelling
from medkt_eval.inference.test_result import TestResult
from medkt_eval.results.schema import Scope

NAME = "seeds+patients:or"
TEST = "obuchowski-rockette"
SCOPE: Scope = "seeds+patients"
ONE_PATIENT = "without some patient the metric does not exist, so its error over patients cannot be estimated"
FEW_PATIENTS = "fewer than two patients of the scarcer kind: no degrees of freedom"
NO_VARIATION = "no variation over seeds or patients to measure"
BELOW_ZERO = (
    "no variation over seeds, and the variance over patients that the seeds have in common is estimated as 0 or below: "
    "no standard error"
)


@dataclass(frozen=True)
class ContrastVariance:
    """Value and variance of a contrast between arms, with seeds and patients both random.

    Parameters
    ----------
    value : float
        The contrast: the sum of coefficient times the arm's mean over seeds.
    variance : float
        `variance_seeds` + `variance_patients`.
    variance_seeds, variance_patients : float
        The parts that seeds and patients contribute.
    df : float
        Degrees of freedom of `variance`. Hillis's are infinite where seeds do not vary.
    df_hillis : float or None
        Hillis's degrees of freedom, for comparison; None where they are infinite.
    """

    value: float
    variance: float
    variance_seeds: float
    variance_patients: float
    df: float
    df_hillis: float | None


def patient_covariance(without_patient: np.ndarray) -> np.ndarray:
    """Covariance over patients of several runs' metrics, by the patient jackknife.

    Parameters
    ----------
    without_patient : float64, (n_runs, n_patients)
        Each run's metric with each patient left out.

    Returns
    -------
    float64, (n_runs, n_runs)
        (P - 1)/P sum over patients of (theta(-i) - mean)(theta(-i) - mean)'.

    Examples
    --------
    >>> patient_covariance(np.array([[0.7, 0.8, 0.75]])).round(6)
    array([[0.003333]])
    """
    n_patients = without_patient.shape[1]
    centred = without_patient - without_patient.mean(axis=1, keepdims=True)
    # Pair by pair, not as one matrix product: a pair's bits must depend neither on other runs nor on threads.
    products = np.array([(centred * run).sum(axis=1) for run in centred])
    return (n_patients - 1) / n_patients * products


def analyse(
    arms: Sequence[np.ndarray],
    covariance: np.ndarray,
    coefficients: Sequence[float],
    *,
    seeds: Literal["nested", "crossed"],
    df_patients: float,
    degrees_of_freedom: DegreesOfFreedom = "satterthwaite",
) -> ContrastVariance:
    """Estimate a contrast's value, variance and degrees of freedom.

    Parameters
    ----------
    arms : sequence of float64, (n_seeds,)
        The metric of each seed's run, only of the contrast's own arms, each with two seeds or more.
    covariance : float64, (n_runs, n_runs)
        Covariance over patients of all those runs' metrics, arm by arm in the order of `arms`.
    coefficients : sequence of float
        (1, -1) for a difference, (1,) for one arm.
    seeds : {"nested", "crossed"}
        Nested: only a number is shared. Crossed: seed j of one arm shares initialisation and data order with seed j of
        the others; all arms have the same seeds.
    df_patients : float
        Degrees of freedom of the patients: min(patients with a positive, patients with a negative) - 1 for one label,
        patients - 1 for an average over labels.
    degrees_of_freedom : {"satterthwaite", "hillis"}
        Satterthwaite, the default, counts seeds and patients: see docs/statistics.md. Hillis, for comparison with other
        software, counts seeds only and pools the mean squares of the contrast's arms, in the variance too.

    Notes
    -----
    In one case, variance and degrees of freedom equal those of R's MRMCaov 0.3.0: with crossed seeds or one arm, one
    image per patient and "hillis". The call is
    `mrmc(empirical_auc(truth, rating), treatment, reader, case, cov = jackknife)`.
    """
    c = np.asarray(coefficients, dtype=np.float64)
    r = np.array([len(arm) for arm in arms])
    means = mean_covariances(covariance, r, seeds)
    largest = float(np.abs(c).sum() ** 2 * np.abs(covariance).max())
    v_patients = max(without_cancelling(float(c @ means @ c), largest), 0.0)

    mean_squares = np.array([variance_of_seeds(arm) for arm in arms])
    if seeds == "crossed":
        by_seed = np.sum([weight * arm for weight, arm in zip(c, arms, strict=True)], axis=0)
        v_seeds, df_seeds = variance_of_seeds(by_seed, *arms) / r[0], float(r[0] - 1)
        v_pooled, df_pooled = v_seeds, df_seeds
    else:
        parts = c**2 * mean_squares / r
        v_seeds = float(parts.sum())
        df_seeds = v_seeds**2 / float((parts**2 / (r - 1)).sum()) if v_seeds > 0 else np.inf
        df_pooled = float((r - 1).sum())
        v_pooled = float((c**2 / r).sum() * ((r - 1) * mean_squares).sum() / df_pooled)
    df_hillis = hillis(v_pooled, df_pooled, v_patients)
    if degrees_of_freedom == "hillis":
        v_seeds, df = v_pooled, df_hillis
    else:
        df = satterthwaite(v_seeds, df_seeds, v_patients, df_patients) if v_seeds > 0 else df_patients
    return ContrastVariance(
        value=float(sum(weight * arm.mean() for weight, arm in zip(c, arms, strict=True))),
        variance=v_seeds + v_patients,
        variance_seeds=v_seeds,
        variance_patients=v_patients,
        df=df,
        df_hillis=finite(df_hillis),
    )


def interval(
    values: np.ndarray,
    covariance: np.ndarray,
    *,
    df_patients: float,
    level: float,
    scale: Literal["logit", "identity"] = "logit",
    degrees_of_freedom: DegreesOfFreedom = "satterthwaite",
) -> Interval:
    """Interval for one arm's metric: in (0, 1) on the logit scale by the delta method.

    Parameters
    ----------
    values : float64, (n_seeds,)
        The metric of each seed's run.
    covariance : float64, (n_seeds, n_seeds)
        Their covariance over patients; NaN where it does not exist.
    df_patients : float
        As in `analyse`.
    level : float
        Confidence level in (0, 1).
    scale : {"logit", "identity"}
        "identity", untransformed, for a metric that is not confined to (0, 1).
    degrees_of_freedom : {"satterthwaite", "hillis"}
        As in `analyse`. The limits of other software are those on the scale "identity".

    Returns
    -------
    Interval
        `seeds+patients:or`; its `se` is on the metric's own scale.
    """
    reason = why_undefined(values, covariance, df_patients)
    if reason:
        return Interval.absent(reason, name=NAME, level=level)
    mean = analyse(
        [values], covariance, [1.0], seeds="nested", df_patients=df_patients, degrees_of_freedom=degrees_of_freedom
    )
    se = mean.variance**0.5
    if is_rounding(se, values) and patients_vary([values], [1.0], covariance):
        return Interval.absent(BELOW_ZERO, name=NAME, level=level)
    if scale == "logit":
        return logit_interval(NAME, mean.value, mean.variance, finite(mean.df), level)
    if is_rounding(se, values):
        return Interval.absent(NO_VARIATION, name=NAME, level=level, se=0.0)
    return symmetric_interval(NAME, mean.value, se, finite(mean.df), level)


def compare(
    a: np.ndarray,
    b: np.ndarray,
    covariance: np.ndarray,
    *,
    seeds: Literal["nested", "crossed"],
    df_patients: float,
    level: float,
    bound: float = 1.0,
    degrees_of_freedom: DegreesOfFreedom = "satterthwaite",
) -> TestResult:
    """Test arm a minus arm b with seeds and patients random.

    Parameters
    ----------
    a, b : float64, (n_seeds_a,), (n_seeds_b,)
        The metric of each seed's run.
    covariance : float64, (n_seeds_a + n_seeds_b, n_seeds_a + n_seeds_b)
        Covariance over patients of a's runs, then b's; NaN where it does not exist.
    seeds : {"nested", "crossed"}
        As in `analyse`.
    df_patients : float
        As in `analyse`.
    level : float
        Confidence level of the interval, which is not transformed.
    bound : float
        The largest difference that the metric can have. The interval is cut there.
    degrees_of_freedom : {"satterthwaite", "hillis"}
        As in `analyse`.
    """
    return contrast_test(
        [a, b],
        [1.0, -1.0],
        covariance,
        seeds=seeds,
        df_patients=df_patients,
        level=level,
        bound=bound,
        degrees_of_freedom=degrees_of_freedom,
    )


def contrast_test(
    arms: Sequence[np.ndarray],
    coefficients: Sequence[float],
    covariance: np.ndarray,
    *,
    seeds: Literal["nested", "crossed"],
    df_patients: float,
    level: float,
    bound: float,
    degrees_of_freedom: DegreesOfFreedom = "satterthwaite",
) -> TestResult:
    """Test whether a contrast of any number of arms is 0, with seeds and patients random.

    The parameters are those of `analyse` and `compare`; the result's `difference` is the contrast's value.
    """
    value = float(sum(weight * arm.mean() for weight, arm in zip(coefficients, arms, strict=True)))
    reason = next((why for arm in arms if (why := why_undefined(arm, covariance, df_patients))), None)
    if reason:
        return TestResult.absent(reason, test=TEST, scope=SCOPE, difference=value, level=level)
    contrast = analyse(
        arms, covariance, coefficients, seeds=seeds, df_patients=df_patients, degrees_of_freedom=degrees_of_freedom
    )
    se = contrast.variance**0.5
    if is_rounding(se, np.concatenate(arms)):
        if patients_vary(arms, coefficients, covariance):
            return TestResult.absent(BELOW_ZERO, test=TEST, scope=SCOPE, difference=value, level=level)
        return TestResult.absent(NO_VARIATION, test=TEST, scope=SCOPE, difference=value, level=level, se=0.0)
    return TestResult.from_standard_error(
        value, se, finite(contrast.df), test=TEST, scope=SCOPE, level=level, bound=bound, df_hillis=contrast.df_hillis
    )


def mean_covariances(covariance: np.ndarray, n_seeds: np.ndarray, seeds: Literal["nested", "crossed"]) -> np.ndarray:
    """Covariance over patients of the arms' expected metrics.

    Parameters
    ----------
    covariance : float64, (n_runs, n_runs)
        Covariance over patients of the runs' metrics, arm by arm.
    n_seeds : int, (n_arms,)
        Runs of each arm.
    seeds : {"nested", "crossed"}
        Which pairs of runs of two arms are averaged: all pairs, or pairs of different seeds.

    Returns
    -------
    float64, (n_arms, n_arms)
        The diagonal, within an arm, is the mean over pairs of different seeds.
    """
    ends = np.concatenate([[0], np.cumsum(n_seeds)])
    blocks = [[covariance[a:b, c:d] for c, d in pairwise(ends)] for a, b in pairwise(ends)]
    return np.array(
        [
            [_mean_covariance(block, i != k and seeds == "nested") for k, block in enumerate(row)]
            for i, row in enumerate(blocks)
        ]
    )


def _mean_covariance(block: np.ndarray, all_pairs: bool) -> float:
    """Mean of a block of the covariance: over all its pairs, or over pairs of different seeds."""
    if all_pairs:
        return float(block.mean())
    return float((block.sum() - np.trace(block)) / (block.size - len(block)))


def patients_vary(arms: Sequence[np.ndarray], coefficients: Sequence[float], covariance: np.ndarray) -> bool:
    """Whether the contrast of these very models varies over patients, where `analyse` may estimate a variance of 0.

    Parameters
    ----------
    arms, coefficients, covariance
        As in `analyse`.
    """
    weights = np.concatenate([np.full(len(arm), c / len(arm)) for arm, c in zip(arms, coefficients, strict=True)])
    terms = float(np.abs(weights) @ np.abs(covariance) @ np.abs(weights))
    variance = without_cancelling(float(weights @ covariance @ weights), terms)
    return not is_rounding(variance**0.5, *arms)


def why_undefined(values: np.ndarray, covariance: np.ndarray, df_patients: float) -> str | None:
    """Why an arm cannot be analysed with random seeds and patients; None where it can.

    Parameters
    ----------
    values : float64, (n_seeds,)
        The metric of each seed's run.
    covariance : float64, (n_runs, n_runs)
        Covariance over patients of runs that include the arm's.
    df_patients : float
        As in `analyse`.
    """
    if len(values) < 2:
        return "one seed: an analysis with random seeds needs two in each arm"
    if np.isnan(covariance).any():
        return ONE_PATIENT
    return FEW_PATIENTS if df_patients < 1 else None
