"""The primary analysis: Obuchowski-Rockette, with seeds as random readers and patients as clustered cases.

In: the metric of each seed's run of each arm of a contrast, and the same with each patient left out. Out: `Analysis`:
the contrast, its variance with seeds and patients both random, its degrees of freedom.

Obuchowski & Rockette 1995, Commun. Stat. Simul. Comput. 24:285; Hillis 2007, Stat. Med. 26:596; Hillis 2014, Stat. Med.
33:330. What differs from them: mean squares are never pooled over arms, and the degrees of freedom count patients too;
docs/statistics.md says why and what it was measured to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from medkt_eval.intervals import Interval
from medkt_eval.results import Scope
from medkt_eval.seed_tests import TestResult, is_rounding

NAME = "seeds+patients:or"
TEST = "obuchowski-rockette"
SCOPE: Scope = "seeds+patients"


@dataclass(frozen=True)
class ArmValues:
    """One arm's metric.

    Parameters
    ----------
    values : float64, (n_seeds,)
        Of each seed's run.
    without_patient : float64, (n_seeds, n_patients)
        The same with each patient left out, in one order of patients for all arms.
    """

    values: np.ndarray
    without_patient: np.ndarray


@dataclass(frozen=True)
class Contrast:
    """A contrast over arms with seeds and patients random."""

    value: float
    variance: float
    variance_seeds: float
    variance_patients: float
    df: float
    df_hillis: float | None  # None where seeds do not vary: it would be infinite


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
    return (n_patients - 1) / n_patients * centred @ centred.T


def analyse(
    arms: Sequence[ArmValues],
    coefficients: Sequence[float],
    *,
    seeds: Literal["nested", "crossed"],
    df_patients: float,
) -> Contrast:
    """Analyse one contrast.

    Parameters
    ----------
    arms : sequence of ArmValues
        The contrast's own arms and no others, each with two seeds or more.
    coefficients : sequence of float
        (1, -1) for a difference, (1,) for one arm.
    seeds : {"nested", "crossed"}
        Nested: only a number is shared. Crossed: seed j of one arm shares initialisation and data order with seed j of
        the others; all arms have the same seeds.
    df_patients : float
        Degrees of freedom of the patients: min(patients with a positive, patients with a negative) - 1 for one label,
        patients - 1 for an average over labels.

    Notes
    -----
    Crossed, one image a patient, `df_hillis`: R's MRMCaov 0.3.0,
    `mrmc(empirical_auc(truth, rating), treatment, reader, case, cov = jackknife)`.
    """
    c = np.asarray(coefficients, dtype=np.float64)
    r = np.array([len(arm.values) for arm in arms])
    covariance = patient_covariance(np.concatenate([arm.without_patient for arm in arms]))
    ends = np.concatenate([[0], np.cumsum(r)])
    means = np.array([
        [
            _mean_covariance(covariance[ends[i] : ends[i + 1], ends[k] : ends[k + 1]], i != k and seeds == "nested")
            for k in range(len(arms))
        ]
        for i in range(len(arms))
    ])  # fmt: skip
    d = max(float(c @ means @ c), 0.0)

    mean_squares = np.array([arm.values.var(ddof=1) for arm in arms])
    if seeds == "crossed":
        of_seeds = sum(weight * arm.values for weight, arm in zip(c, arms, strict=True))
        v_seeds, df_seeds = float(np.var(of_seeds, ddof=1)) / r[0], float(r[0] - 1)
        v_pooled, df_pooled = v_seeds, df_seeds
    else:
        parts = c**2 * mean_squares / r
        v_seeds = float(parts.sum())
        df_seeds = v_seeds**2 / float((parts**2 / (r - 1)).sum()) if v_seeds > 0 else np.inf
        df_pooled = float((r - 1).sum())
        v_pooled = float((c**2 / r).sum() * ((r - 1) * mean_squares).sum() / df_pooled)
    return Contrast(
        value=float(sum(weight * arm.values.mean() for weight, arm in zip(c, arms, strict=True))),
        variance=v_seeds + d,
        variance_seeds=v_seeds,
        variance_patients=d,
        df=_degrees_of_freedom(v_seeds, df_seeds, d, df_patients),
        df_hillis=(v_pooled + d) ** 2 / (v_pooled**2 / df_pooled) if v_pooled > 0 else None,
    )


def interval(arm: ArmValues, *, df_patients: float, level: float) -> Interval:
    """Interval for one arm's metric in (0, 1), on the logit scale by the delta method.

    Parameters
    ----------
    arm : ArmValues
        The arm.
    df_patients : float
        As in `analyse`.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Interval
        `seeds+patients:or`; its `se` is on the metric's own scale.
    """
    because = _undefined(arm)
    if because:
        return Interval(NAME, None, None, level, None, None, because)
    found = analyse([arm], [1.0], seeds="nested", df_patients=df_patients)
    if not 0 < found.value < 1:
        because = f"every seed's value is {found.value:g}, at the edge of its range: no interval on the logit scale"
        return Interval(NAME, None, None, level, None, None, because)
    if is_rounding(found.variance**0.5, arm.values):
        return Interval(NAME, None, None, level, 0.0, None, "no variation over seeds or patients to measure")
    se = found.variance**0.5
    reach = float(stats.t.ppf(0.5 + level / 2, found.df)) * se / (found.value * (1 - found.value))
    centre = special.logit(found.value)
    low, high = (float(special.expit(centre + sign * reach)) for sign in (-1, 1))
    return Interval(NAME, low, high, level, se, found.df)


def compare(
    a: ArmValues, b: ArmValues, *, seeds: Literal["nested", "crossed"], df_patients: float, level: float
) -> TestResult:
    """Test arm a minus arm b with seeds and patients random.

    Parameters
    ----------
    a, b : ArmValues
        The arms.
    seeds : {"nested", "crossed"}
        As in `analyse`.
    df_patients : float
        As in `analyse`.
    level : float
        Confidence level of the interval, which is not transformed and is clipped to [-1, 1].
    """
    difference = float(a.values.mean() - b.values.mean())
    because = _undefined(a) or _undefined(b)
    if because:
        return TestResult(TEST, SCOPE, difference, None, None, None, level, None, None, None, because)
    found = analyse([a, b], [1.0, -1.0], seeds=seeds, df_patients=df_patients)
    se = found.variance**0.5
    if is_rounding(se, np.concatenate([a.values, b.values])):
        because = "no variation over seeds or patients to measure"
        return TestResult(TEST, SCOPE, difference, 0.0, None, None, level, None, None, None, because)
    statistic = difference / se
    reach = float(stats.t.ppf(0.5 + level / 2, found.df)) * se
    return TestResult(
        test=TEST, scope=SCOPE, difference=difference, se=se, low=max(difference - reach, -1.0),
        high=min(difference + reach, 1.0), level=level, statistic=statistic, df=found.df,
        p_value=float(2 * stats.t.sf(abs(statistic), found.df)), df_hillis=found.df_hillis,
    )  # fmt: skip


def _mean_covariance(block: np.ndarray, all_pairs: bool) -> float:
    """Mean of a block of the covariance: over all its pairs, or over pairs of different seeds."""
    if all_pairs:
        return float(block.mean())
    return float((block.sum() - np.trace(block)) / (block.size - len(block)))


def _degrees_of_freedom(v_seeds: float, df_seeds: float, d: float, df_patients: float) -> float:
    """Satterthwaite's; g = 1 + 2/df_seeds undoes the upward bias of a squared mean square."""
    if v_seeds == 0:
        return df_patients
    inflated = (1 + 2 / df_seeds) * v_seeds
    return (inflated + d) ** 2 / (inflated**2 / df_seeds + d**2 / df_patients)


def _undefined(arm: ArmValues) -> str | None:
    if len(arm.values) < 2:
        return "one seed: an analysis with random seeds needs two in each arm"
    if np.isnan(arm.without_patient).any():
        return "all positive or all negative images are of one patient: nothing is left without that patient"
    return None
