"""Calibration: does a score of 0.7 mean that 70 % are positive? Slope, intercept and reliability curve of each label.

In: a `TestSet`. Out: `MetricOfRuns` of `calibration_slope` and `calibration_intercept`, and reliability `Curve`s of
arms. The expected calibration error is in metrics/of_probabilities.py; unlike them, it is biased upward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import expit, logit

from medkt_eval.inference.obuchowski_rockette import interval, patient_covariance
from medkt_eval.measurement.label_metric import Images
from medkt_eval.measurement.metric_of_runs import MetricOfRuns, of_patients
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics import sums
from medkt_eval.metrics.sums import N_BINS, Sums
from medkt_eval.results.schema import Arm, Curve
from medkt_eval.results.vocabulary import REASONS

CALIBRATION = ("calibration_slope", "calibration_intercept")
SINGULAR = 1e12  # condition number of the information matrix at and above which there is no fit
NO_FIT = "the logistic fit does not converge: the classes are separated, or there is one alone"


def measure_calibration(test: TestSet) -> Iterator[MetricOfRuns]:
    """Calibration slope and intercept of every run, label by label.

    The slope is that of a logistic regression of the truth on logit(score): 1 is right, below 1 is overconfident. The
    intercept is that of the same regression with the slope held at 1: 0 is right, above 0 is too low on average.

    Notes
    -----
    Cox 1958, Biometrika 45:562; Steyerberg 2019, Clinical Prediction Models, chapter 15. R: `glm(y ~ qlogis(p),
    binomial)`, `glm(y ~ offset(qlogis(p)), binomial)`. The values without each patient are one Newton step from the fit
    to all images (Pregibon 1981, Ann. Stat. 9:705).
    """
    for k, label in enumerate(test.labels):
        labelled = ~np.isnan(test.truth(k))
        truth, patient = test.truth(k)[labelled], test.patient[labelled]
        scores = test.scores_of(k)[:, labelled]
        inside = np.all((scores > 0) & (scores < 1), axis=1)
        fits = np.full((2, len(scores), 1 + test.n_patients), np.nan)
        for run in np.flatnonzero(inside):
            fits[:, run] = _fits(truth, logit(scores[run]), patient, test.n_patients)
        positive = truth == 1
        images = Images(positive, patient, test.n_patients)
        for row, metric in enumerate(CALIBRATION):
            variants = fits[row]
            because = [
                (NO_FIT if has_logit else REASONS["logit"].format(label=label)) if absent else None
                for has_logit, absent in zip(inside, np.isnan(variants[:, 0]), strict=True)
            ]
            yield MetricOfRuns(
                metric=metric,
                label=label,
                runs=test.runs,
                values=variants[:, 0],
                because=tuple(because),
                n_images=len(truth),
                n_positive=int(positive.sum()),
                df_patients=images.df_patients,
                covariance=patient_covariance(of_patients(variants[:, 1:], images.patients)),
                delong=None,
                replicates=np.zeros((len(variants), 0)),
                without_patient=None,
                one_patient_because=tuple(
                    f"without some patient {NO_FIT}" if lost else None for lost in np.isnan(variants[:, 1:]).any(axis=1)
                ),
            )


def _fits(truth: np.ndarray, x: np.ndarray, patient: np.ndarray, n_patients: int) -> np.ndarray:
    """Slope and intercept (rows) of all images, then without each patient (columns); NaN where there is no fit."""
    design = np.column_stack([np.ones_like(x), x])
    slope = _logistic(truth, design, np.zeros_like(x), patient, n_patients)[1]
    intercept = _logistic(truth, design[:, :1], x, patient, n_patients)[0]
    return np.array([slope, intercept])


def _logistic(
    truth: np.ndarray, design: np.ndarray, offset: np.ndarray, patient: np.ndarray, n_patients: int
) -> np.ndarray:
    """Coefficients by Newton's method, float64, (n_coefficients, 1 + n_patients); NaN where there is no fit."""
    n = design.shape[1]
    beta, nothing = np.zeros(n), np.full((n, 1 + n_patients), np.nan)
    if not 0 < truth.sum() < truth.size:
        return nothing
    for _ in range(50):
        mean = expit(design @ beta + offset)
        information = (design * (mean * (1 - mean))[:, None]).T @ design
        if np.linalg.cond(information) > SINGULAR:
            return nothing
        step = np.linalg.solve(information, design.T @ (truth - mean))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    else:
        return nothing
    mean = expit(design @ beta + offset)
    products = design[:, :, None] * design[:, None, :] * (mean * (1 - mean))[:, None, None]
    own = np.array(
        [[np.bincount(patient, weights=products[:, i, j], minlength=n_patients) for j in range(n)] for i in range(n)]
    )
    score = np.array(
        [np.bincount(patient, weights=design[:, i] * (truth - mean), minlength=n_patients) for i in range(n)]
    )
    left = own.sum(axis=2)[None] - own.transpose(2, 0, 1)  # (n_patients, n, n)
    singular = np.linalg.cond(left) > SINGULAR
    left[singular] = np.eye(n)
    without = beta[:, None] - np.linalg.solve(left, score.T[:, :, None])[:, :, 0].T
    without[:, singular] = np.nan
    return np.column_stack([beta, without])


def reliability_curves(test: TestSet, arms: Sequence[Arm], level: float) -> list[Curve]:
    """Observed share of positives against mean score, in bins of equal width, mean over an arm's seeds.

    A bin that is empty in one of the seeds has no point; an arm without points has no curve. The limits are those of
    the interval `seeds+patients:or`.
    """
    curves = []
    for k, label in enumerate(test.labels):
        labelled = ~np.isnan(test.truth(k))
        scores = test.scores_of(k)[:, labelled]
        if (scores < 0).any() or (scores > 1).any():
            continue
        truth, patient = test.truth(k)[labelled] == 1, test.patient[labelled]
        tables = [_table(truth, run, patient, test.n_patients) for run in scores]
        curves += [_curve([tables[run] for run in test.runs_of(arm)], arm, label, test, level) for arm in arms]
    return [curve for curve in curves if curve is not None]


def _table(truth: np.ndarray, score: np.ndarray, patient: np.ndarray, n_patients: int) -> Sums:
    """Images, positives and scores summed in each bin, 3 x N_BINS sums."""
    kind = sums.probability_bin(score)
    parts = [
        sums.sums(kind, values, patient, N_BINS, n_patients).by_patient
        for values in (np.ones_like(score), truth.astype(np.float64), score)
    ]
    return Sums(np.concatenate(parts))


def _curve(tables: Sequence[Sums], arm: Arm, label: str, test: TestSet, level: float) -> Curve | None:
    totals = np.array([table.total for table in tables]).reshape(len(tables), 3, N_BINS)
    x, y, low, high = [], [], [], []
    for bin_ in range(N_BINS):
        images, positives, scores = totals[:, :, bin_].T
        if (images == 0).any():
            continue
        left = np.array([table.without_patient[[bin_, N_BINS + bin_]] for table in tables])  # (n_seeds, 2, P)
        without = np.divide(left[:, 1], left[:, 0], out=np.full(left[:, 0].shape, np.nan), where=left[:, 0] > 0)
        df = min(int((table.by_patient[bin_] > 0).sum()) for table in tables) - 1.0
        limits = interval(positives / images, patient_covariance(without), df_patients=max(df, 1.0), level=level)
        x.append(float((scores / images).mean()))
        y.append(float((positives / images).mean()))
        low.append(limits.low)
        high.append(limits.high)
    if not x:
        return None
    return Curve(
        curve="reliability",
        dataset=test.dataset,
        arm=arm.arm,
        run_id=None,
        metric="observed_share",
        label=label,
        x_name="mean_score",
        x=x,
        y=y,
        low=low,
        high=high,
        interval="seeds+patients:or",
        level=level,
        reference=x,
        n_seeds=len(tables),
    )
