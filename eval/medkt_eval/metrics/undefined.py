"""The cases in which a metric does not exist, and the reasons.

In: a metric's needs (`results.vocabulary`), and one label's images. Out: `undefined_because` of results.json, for the
metric and for its error over patients.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.results.vocabulary import METRICS, REASONS, Need

# The images that a need counts, where it counts images.
COUNTED: dict[Need, str] = {
    "image": "images",
    "positive": "positive images",
    "negative": "negative images",
    "call": "images that were called",
    "no call": "images that were not called",
}


def undefined_because(
    metric: str, label: str, truth: np.ndarray, *, called: np.ndarray | None = None, score: np.ndarray | None = None
) -> str | None:
    """Why a metric of one run does not exist on a label; None where it does.

    Parameters
    ----------
    metric, label : str
    truth : bool, (n_images,)
    called : bool, (n_images,), or None
        The run's calls; needed for a metric that needs a call.
    score : float, (n_images,), or None
        The run's scores; needed for a metric of probabilities.

    Examples
    --------
    >>> undefined_because("auc", "Edema", np.array([True, True]))
    'no negative image among 2'
    """
    has: dict[Need, bool] = {
        "image": truth.size > 0,
        "positive": bool(truth.any()),
        "negative": not truth.all(),
        "call": called is None or bool(called.any()),
        "no call": called is None or not called.all(),
        "probability": score is None or bool(score.min(initial=0) >= 0 and score.max(initial=1) <= 1),
    }
    missing: Need | None = next((need for need in METRICS[metric].needs if not has[need]), None)
    return None if missing is None else REASONS[missing].format(n_images=truth.size, label=label)


def undefined_without_some_patient(
    metric: str, truth: np.ndarray, patient: np.ndarray, *, called: np.ndarray | None = None
) -> str | None:
    """Why a metric of one run does not exist on a label without some patient; None where it does.

    Its error over patients then cannot be estimated: a replicate or a jackknife without that patient has no value.

    Parameters
    ----------
    metric, truth, called
        As in `undefined_because`.
    patient : int64, (n_images,)
        Each image's patient.

    Examples
    --------
    >>> undefined_without_some_patient("auc", np.array([True, True, False, False]), np.array([0, 0, 0, 1]))
    'all positive images are of one patient'
    """
    counted: dict[Need, np.ndarray] = {"image": np.ones(truth.size, dtype=bool), "positive": truth, "negative": ~truth}
    if called is not None:
        counted |= {"call": called, "no call": ~called}
    for need in METRICS[metric].needs:
        patients = patient[counted[need]] if need in counted else patient[:0]
        if patients.size and (patients == patients[0]).all():
            return f"all {COUNTED[need]} are of one patient"
    return None
