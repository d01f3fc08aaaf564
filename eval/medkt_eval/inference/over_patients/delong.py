"""Covariance of AUCs over patients from placements: DeLong's, for patients with one image or with several.

In: `Placements` of every run on one label, or each patient's influence on an average over labels. Out: covariances
between runs, and from them an `Interval` or a `TestResult` of fixed models (scope "patients").

Obuchowski 1997, Biometrics 53:567 (patients are the clusters). With one image per patient this is DeLong, DeLong &
Clarke-Pearson 1988, Biometrics 44:837.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medkt_eval.inference.interval import Interval, logit_interval
from medkt_eval.inference.rounding import is_rounding, without_cancelling
from medkt_eval.inference.test_result import TestResult
from medkt_eval.metrics.placements import Placements
from medkt_eval.metrics.ranking import Ranking

NAME = "patients:delong"
TEST = "delong-clustered"
ONE_PATIENT = "all positive or all negative images of a label are of one patient: no variation over patients to measure"


@dataclass(frozen=True)
class Influence:
    """Influence of each patient on one run's AUC on one label.

    Parameters
    ----------
    of_positives : float64, (n_patients,)
        Sum over the patient's positives of (V10 - AUC) / m.
    of_negatives : float64, (n_patients,)
        Sum over the patient's negatives of (V01 - AUC) / n.
    m, n : int
        Positive and negative images.
    n_patients_positive, n_patients_negative, n_patients : int
        Patients with a positive image, with a negative image and with any image: Obuchowski's I10, I01 and I.
    """

    of_positives: np.ndarray
    of_negatives: np.ndarray
    m: int
    n: int
    n_patients_positive: int
    n_patients_negative: int
    n_patients: int


def influence(ranking: Ranking, placements: Placements) -> Influence:
    """Influence of each patient on one run's AUC.

    Parameters
    ----------
    ranking : Ranking
    placements : Placements
        The placements of this ranking.
    """
    m, n, auc = ranking.n_positive, ranking.n_negative, placements.auc
    return Influence(
        of_positives=(placements.patient_wins_of_positives / (2 * n) - auc * placements.patient_positives) / m,
        of_negatives=(placements.patient_wins_over_negatives / (2 * m) - auc * placements.patient_negatives) / n,
        m=m,
        n=n,
        n_patients_positive=int(np.count_nonzero(placements.patient_positives)),
        n_patients_negative=int(np.count_nonzero(placements.patient_negatives)),
        n_patients=int(np.count_nonzero(placements.patient_positives + placements.patient_negatives)),
    )


def clustered_covariance(influences: Sequence[Influence]) -> np.ndarray:
    """Covariance over patients of several runs' AUCs on one label.

    Parameters
    ----------
    influences : sequence of Influence, (n_runs,)
        One per run; all runs are on the same images.

    Returns
    -------
    float64, (n_runs, n_runs)
        NaN if all positive images, or all negative ones, are of one patient.

    Notes
    -----
    Obuchowski 1997: S10/m + S01/n + (S11 + S11')/(mn), with her factors I10/(I10 - 1), I01/(I01 - 1) and, on the cross
    terms, I/(I - 1). With one image per patient: R's pROC, `cov(roc_a, roc_b, method = "delong")`.

    Examples
    --------
    >>> from medkt_eval.metrics.placements import placements
    >>> from medkt_eval.metrics.ranking import rank
    >>> positive, scores, patient = np.array([0, 0, 1, 1]), np.array([1, 3, 2, 4]), np.array([0, 1, 2, 3])
    >>> ranking = rank(positive, scores, patient, 4)
    >>> clustered_covariance([influence(ranking, placements(ranking))])
    array([[0.125]])
    """
    first = influences[0]
    if min(first.n_patients_positive, first.n_patients_negative) < 2:
        return np.full((len(influences), len(influences)), np.nan)
    positives = np.array([run.of_positives for run in influences])
    negatives = np.array([run.of_negatives for run in influences])
    cross = _products(positives, negatives)
    return (
        _unbiased(first.n_patients_positive) * _products(positives, positives)
        + _unbiased(first.n_patients_negative) * _products(negatives, negatives)
        + _unbiased(first.n_patients) * (cross + cross.T)
    )


def influence_covariance(influences: np.ndarray) -> np.ndarray:
    """Covariance over patients of several runs' values of a smooth metric, such as an average of AUCs over labels.

    Parameters
    ----------
    influences : float64, (n_runs, n_patients)
        Influence of each patient on each run's value; the influences of a run sum to 0.

    Returns
    -------
    float64, (n_runs, n_runs)
        P/(P - 1) times the sum over patients of U U'; NaN for one patient.

    Examples
    --------
    >>> influence_covariance(np.array([[0.01, -0.01], [0.02, -0.02]])).round(6)
    array([[0.0004, 0.0008],
           [0.0008, 0.0016]])
    """
    n_patients = influences.shape[1]
    if n_patients < 2:
        return np.full((len(influences), len(influences)), np.nan)
    return _unbiased(n_patients) * _products(influences, influences)


def interval(values: np.ndarray, covariance: np.ndarray, level: float) -> Interval:
    """Interval for the mean over seeds of fixed models, on the logit scale by the delta method.

    Parameters
    ----------
    values : float64, (n_seeds,)
        The AUC of each seed's run.
    covariance : float64, (n_seeds, n_seeds)
        Covariance over patients from `clustered_covariance` or `influence_covariance`; NaN if it does not exist.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Interval
        `patients:delong`, with the normal quantile; its `se` is on the metric's own scale.
    """
    variance = without_cancelling(float(covariance.mean()), float(np.abs(covariance).mean()))
    if np.isnan(variance):
        return Interval.absent(ONE_PATIENT, name=NAME, level=level)
    return logit_interval(NAME, float(values.mean()), variance, None, level)


def compare(a: np.ndarray, b: np.ndarray, covariance: np.ndarray, level: float) -> TestResult:
    """Test a - b, means over seeds of fixed models on the same patients.

    Parameters
    ----------
    a, b : float64, (n_seeds_a,), (n_seeds_b,)
        The AUC of each seed's run.
    covariance : float64, (n_seeds_a + n_seeds_b, n_seeds_a + n_seeds_b)
        Covariance over patients, a's runs first; NaN where it does not exist.
    level : float
        Confidence level of the interval, which is not transformed and is cut at -1 and 1.

    Notes
    -----
    One image per patient, one seed per arm: R's pROC, `roc.test(roc_a, roc_b, paired = TRUE, method = "delong")`.
    """
    difference, k = float(a.mean() - b.mean()), len(a)
    of_a, of_b, between = covariance[:k, :k], covariance[k:, k:], covariance[:k, k:]
    variance = without_cancelling(
        float(of_a.mean() + of_b.mean()) - 2 * float(between.mean()),
        float(np.abs(of_a).mean() + np.abs(of_b).mean() + 2 * np.abs(between).mean()),
    )
    if np.isnan(variance):
        return TestResult.absent(ONE_PATIENT, test=TEST, scope="patients", difference=difference, level=level)
    if is_rounding(variance**0.5, a, b):
        reason = "no variation over patients to measure"
        return TestResult.absent(reason, test=TEST, scope="patients", difference=difference, level=level, se=0.0)
    return TestResult.from_standard_error(difference, variance**0.5, None, test=TEST, scope="patients", level=level)


def _unbiased(n_patients: int) -> float:
    """Factor that makes a sum over patients an unbiased variance."""
    return n_patients / (n_patients - 1)


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sum over patients of a b', float64, (n_runs, n_runs)."""
    # Pair by pair, not as one matrix product: a pair's bits must depend neither on other runs nor on threads.
    return np.array([(run * b).sum(axis=1) for run in a])
