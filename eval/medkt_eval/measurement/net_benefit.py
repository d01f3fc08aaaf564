"""Net benefit: what acting on a model's calls is worth, compared with acting on everyone or on no one.

In: a `TestSet`. Out: net-benefit `Curve`s of arms, per label. Vickers & Elkin 2006, Med. Decis. Making 26:565.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medkt_eval.inference.obuchowski_rockette import interval, patient_covariance
from medkt_eval.measurement.label_metric import Images
from medkt_eval.measurement.metric_of_runs import of_patients
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics import sums
from medkt_eval.metrics.undefined import undefined_because
from medkt_eval.results.schema import Arm, Curve

THRESHOLDS = tuple(np.round(np.arange(0.01, 0.51, 0.01), 2))  # probabilities at which one would act


def net_benefit(calls: np.ndarray, threshold: float) -> np.ndarray:
    """Hits minus false alarms, per image; false alarms are weighted by the odds of the threshold.

    Parameters
    ----------
    calls : float64, (4, ...)
        Images, positives, calls and hits, as `sums.calls` sums them.
    threshold : float
        Probability in (0, 1) at and above which one acts.

    Returns
    -------
    float64, (...)
        NaN without an image.

    Examples
    --------
    >>> float(net_benefit(np.array([100.0, 20.0, 30.0, 15.0]), 0.2))
    0.1125
    """
    images, _, called, hits = calls
    net = hits - (called - hits) * threshold / (1 - threshold)
    return np.divide(net, images, out=np.full(np.shape(images), np.nan), where=images > 0)


def no_curve_because(test: TestSet, k: int) -> str | None:
    """Why label k has no curve; None where it has one."""
    labelled = ~np.isnan(test.truth(k))
    truth, scores = test.truth(k)[labelled] == 1, test.scores_of(k)[:, labelled]
    return next(
        filter(None, (undefined_because(metric, test.labels[k], truth, score=scores) for metric in ("auc", "brier"))),
        None,
    )


def net_benefit_curves(test: TestSet, arms: Sequence[Arm], level: float) -> list[Curve]:
    """Net benefit against the threshold probability, mean over an arm's seeds; the reference is acting on everyone.

    A label whose scores are not probabilities has no curve. The limits are those of the interval `seeds+patients:or`,
    untransformed; an arm with one seed has none.
    """
    curves = []
    for k, label in enumerate(test.labels):
        labelled = ~np.isnan(test.truth(k))
        scores = test.scores_of(k)[:, labelled]
        truth, patient = test.truth(k)[labelled] == 1, test.patient[labelled]
        if no_curve_because(test, k):
            continue
        share = float(truth.mean())
        images = Images(truth, patient, test.n_patients)
        for arm in arms:
            y, low, high = [], [], []
            for threshold in THRESHOLDS:
                tables = [
                    sums.calls(truth, scores[run] >= threshold, patient, test.n_patients) for run in test.runs_of(arm)
                ]
                values = np.array([net_benefit(table.total, threshold) for table in tables])
                y.append(float(values.mean()))
                without = np.array([net_benefit(table.without_patient, threshold) for table in tables])
                covariance = patient_covariance(of_patients(without, images.patients))
                limits = interval(values, covariance, df_patients=images.df_patients, level=level, scale="identity")
                low.append(limits.low)
                high.append(limits.high)
            curves.append(
                Curve(
                    curve="net-benefit",
                    dataset=test.dataset,
                    arm=arm.arm,
                    run_id=None,
                    metric="net_benefit",
                    label=label,
                    x_name="threshold",
                    x=[float(t) for t in THRESHOLDS],
                    y=y,
                    low=low,
                    high=high,
                    interval="seeds+patients:or",
                    level=level,
                    reference=[share - (1 - share) * float(t / (1 - t)) for t in THRESHOLDS],
                    n_seeds=len(arm.seeds),
                )
            )
    return curves
