"""The function of each metric: joined by name to the facts in `results.vocabulary.METRICS`, one table for each kind.

In: a metric's name. Out: the function that computes it from a ranking, or from sums over images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.inference.over_patients.delong import Influence, influence
from medkt_eval.metrics import of_calls, of_confusion, of_probabilities
from medkt_eval.metrics.average_precision import average_precision, average_precision_without_each_patient
from medkt_eval.metrics.placements import auc_without_each_patient, placements
from medkt_eval.metrics.ranking import Ranking
from medkt_eval.metrics.sensitivity_at_specificity import sensitivity_at_specificity
from medkt_eval.results.vocabulary import METRICS

# float64, (n_sums, ...) -> (...), NaN where the metric does not exist
OfSums = Callable[[np.ndarray], np.ndarray]
# A run's ranking and the study's specificity -> the values on the data and without each patient, float64,
# (1 + n_patients,), and for AUC each patient's influence. The images have what the metric needs.
OfRanking = Callable[[Ranking, float], tuple[np.ndarray, Influence | None]]


def _auc(ranking: Ranking, _: float) -> tuple[np.ndarray, Influence | None]:
    placed = placements(ranking)
    return np.append(placed.auc, auc_without_each_patient(ranking, placed)), influence(ranking, placed)


def _average_precision(ranking: Ranking, _: float) -> tuple[np.ndarray, Influence | None]:
    return np.append(average_precision(ranking), average_precision_without_each_patient(ranking)), None


def _sensitivity_at_specificity(ranking: Ranking, specificity: float) -> tuple[np.ndarray, Influence | None]:
    no_jackknife = np.full(ranking.n_patients, np.nan)
    return np.append(sensitivity_at_specificity(ranking, specificity), no_jackknife), None


# In bootstrap replicates all three are computed in one walk along the scores: `resampling.bootstrap.resample_ranked`.
OF_RANKING: dict[str, OfRanking] = {
    "auc": _auc,
    "average_precision": _average_precision,
    "sensitivity_at_specificity": _sensitivity_at_specificity,
}
OF_CALLS: dict[str, OfSums] = {
    "f1": of_calls.f1,
    "accuracy": of_calls.accuracy,
    "balanced_accuracy": of_calls.balanced_accuracy,
    "sensitivity": of_calls.sensitivity,
    "specificity": of_calls.specificity,
    "ppv": of_calls.ppv,
    "npv": of_calls.npv,
}
OF_PROBABILITIES: dict[str, OfSums] = {"brier": of_probabilities.brier}
OF_BINS: dict[str, OfSums] = {
    "calibration_error_squared": of_probabilities.squared_calibration_error,
    "ece": of_probabilities.ece,
}
OF_TOP_BINS: dict[str, OfSums] = {"ece_top": of_probabilities.ece}
OF_CONFUSION: dict[str, OfSums] = {
    "accuracy": of_confusion.accuracy,
    "balanced_accuracy": of_confusion.balanced_accuracy,
    "kappa_quadratic": of_confusion.kappa_quadratic,
}
BY_KIND: dict[str, Mapping[str, Callable]] = {
    "ranking": OF_RANKING,
    "calls": OF_CALLS,
    "probabilities": OF_PROBABILITIES,
    "bins": OF_BINS,
    "top bins": OF_TOP_BINS,
    "confusion": OF_CONFUSION,
}


def check_computed(metrics: Iterable[str]) -> None:
    """Refuse metrics that nothing computes, rather than leave them out.

    Raises
    ------
    InputError
        If a metric is not in `METRICS`, or has no function of its kind.
    """
    for name in metrics:
        if name not in METRICS:
            raise InputError(f"metric {name!r} is unknown; expected one of {', '.join(METRICS)}")
        kind = METRICS[name].kind
        of_classes = METRICS[name].needs_of_classes is not None
        if name not in BY_KIND.get(kind, {}) or (of_classes and name not in OF_CONFUSION):
            raise InputError(
                f"metric {name!r} has an entry in results/vocabulary.py, but nothing computes it; add its function to "
                "measurement/metric_functions.py"
            )
