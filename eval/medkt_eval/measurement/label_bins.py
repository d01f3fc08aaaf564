"""Calibration errors of all runs on one label, or of the most probable of several classes.

In: truth of the images, every run's probabilities, patients. Out: a `LabelMetric` for each metric, on the data and
without each patient. They have no replicates (`Metric.is_resampled`); NaN stands for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from medkt_eval.measurement.label_metric import Images, LabelMetric, MeasurementOptions, count_patients
from medkt_eval.measurement.metric_functions import OF_BINS, OF_TOP_BINS, OfSums
from medkt_eval.metrics import sums
from medkt_eval.metrics.undefined import undefined_because, undefined_without_some_patient


def measure_bins(options: MeasurementOptions, label: str, images: Images, scores: np.ndarray) -> list[LabelMetric]:
    """Calibration errors of one label's probabilities.

    For `ece_top` a finding is two classes, present and absent. It is called present at 0.5 or more, like a score at its
    threshold.

    Parameters
    ----------
    options : MeasurementOptions
    label : str
    images : Images
    scores : float, (n_runs, n_images)
    """
    scores = scores.astype(np.float64)
    truth, right = np.broadcast_to(images.truth, scores.shape), (scores >= 0.5) == images.truth
    return [
        *_binned(options, OF_BINS, label, images, truth, scores),
        *_binned(options, OF_TOP_BINS, label, images, right, np.maximum(scores, 1 - scores)),
    ]


def measure_top_class(
    options: MeasurementOptions, right: np.ndarray, highest: np.ndarray, patient: np.ndarray, n_patients: int
) -> list[LabelMetric]:
    """Calibration errors of the most probable class of multi-class runs, with label "micro".

    Parameters
    ----------
    options : MeasurementOptions
    right : bool, (n_runs, n_images)
        Whether the most probable class is the true one.
    highest : float64, (n_runs, n_images)
        Its probability.
    patient : int64, (n_images,)
        0 to n_patients - 1.
    n_patients : int
    """
    images = Images(np.ones(len(patient), dtype=bool), patient, n_patients)
    measured = _binned(options, OF_TOP_BINS, "micro", images, right, highest)
    return [replace(metric, n_positive=None, df_patients=count_patients(patient) - 1.0) for metric in measured]


def _binned(
    options: MeasurementOptions,
    functions: Mapping[str, OfSums],
    label: str,
    images: Images,
    truth: np.ndarray,
    scores: np.ndarray,
) -> list[LabelMetric]:
    """The requested metrics; `truth` is whether what a run says with probability `scores` is so, (n_runs, n_images)."""
    metrics = [metric for metric in options.metrics if metric in functions]
    if not metrics:
        return []
    n_runs, n_values = len(scores), 1 + images.n_patients if options.values else 0
    variants = {metric: np.full((n_runs, n_values + options.replicates), np.nan) for metric in metrics}
    because = [[undefined_because(metric, label, images.truth, score=run) for run in scores] for metric in metrics]
    for run in range(n_runs if options.values else 0):
        if scores[run].min(initial=0) < 0 or scores[run].max(initial=1) > 1:
            continue
        table = sums.bins(truth[run], scores[run], images.patient, images.n_patients)
        for metric in metrics:
            of_data, without = (functions[metric](state) for state in (table.total, table.without_patient))
            variants[metric][run, :n_values] = np.append(of_data, without)
    return [
        LabelMetric(
            metric=metric,
            label=label,
            because=tuple(reasons),
            variants=variants[metric],
            patients=images.patients,
            n_images=len(images.truth),
            n_positive=int(images.truth.sum()),
            df_patients=images.df_patients,
            one_patient_because=(undefined_without_some_patient(metric, images.truth, images.patient),) * n_runs,
        )
        for metric, reasons in zip(metrics, because, strict=True)
    ]
