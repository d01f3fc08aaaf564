"""Metrics that are functions of sums over images: F1, operating points, Brier score, calibration error, kappa.

In: truth, calls or probabilities, and patients of one label's images. Out: `Sums`, a few sums a patient, from which the
metric, its value with any patient left out and its value in any bootstrap replicate are computed alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_BINS = 15  # of equal width, for the calibration error: Guo et al. 2017, ICML 34
CALLS = ("images", "positives", "calls", "hits")


@dataclass(frozen=True)
class Sums:
    """Sums over the images of each patient.

    Parameters
    ----------
    by_patient : float64, (n_sums, n_patients)
    """

    by_patient: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Sums over all images, float64, (n_sums,)."""
        return self.by_patient.sum(axis=1)

    @property
    def without_patient(self) -> np.ndarray:
        """Sums over all images but each patient's, float64, (n_sums, n_patients)."""
        return self.total[:, None] - self.by_patient

    def cells(self) -> Cells:
        """The same without its zeros, as the bootstrap reads them."""
        kind, patient = np.nonzero(self.by_patient)
        return Cells(
            patient=patient.astype(np.int32),
            bin=kind.astype(np.int32),
            value=self.by_patient[kind, patient],
            n_bins=len(self.by_patient),
            n_patients=self.by_patient.shape[1],
        )


def sums(kind: np.ndarray, value: np.ndarray, patient: np.ndarray, n_kinds: int, n_patients: int) -> Sums:
    """Sums of `value` over images, by kind of sum and patient.

    Parameters
    ----------
    kind, value, patient : (n,)
        Which sum each value belongs to, the value, whose it is.
    """
    flat = np.bincount(kind * n_patients + patient, weights=value, minlength=n_kinds * n_patients)
    return Sums(flat.reshape(n_kinds, n_patients))


def calls(truth: np.ndarray, called: np.ndarray, patient: np.ndarray, n_patients: int) -> Sums:
    """Images, positives, calls and hits (positives that were called) of each patient.

    Parameters
    ----------
    truth, called : bool, (n_images,)
    patient : int, (n_images,)
        0 to n_patients - 1.
    n_patients : int
    """
    masks = (np.ones(len(truth), dtype=bool), truth, called, truth & called)
    return Sums(np.array([np.bincount(patient[mask], minlength=n_patients) for mask in masks], dtype=np.float64))


def probabilities(truth: np.ndarray, score: np.ndarray, patient: np.ndarray, n_patients: int) -> Sums:
    """Residuals (truth - probability) summed in each of `N_BINS` bins of probability; then images; then their squares.

    Parameters
    ----------
    truth : bool, (n_images,)
    score : float, (n_images,)
        Probabilities in [0, 1]. Bins are open below and closed above, the first closed on both sides.
    patient : int, (n_images,)
        0 to n_patients - 1.
    n_patients : int
    """
    residual = truth - score.astype(np.float64)
    kind = probability_bin(score)
    found = sums(kind, residual, patient, N_BINS + 2, n_patients).by_patient
    found[N_BINS] = np.bincount(patient, minlength=n_patients)
    found[N_BINS + 1] = np.bincount(patient, weights=residual**2, minlength=n_patients)
    return Sums(found)


def probability_bin(score: np.ndarray) -> np.ndarray:
    """Bin of equal width that each probability lies in: int64, (n_images,)."""
    return np.clip(np.ceil(score.astype(np.float64) * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)


def confusion(truth: np.ndarray, called: np.ndarray, n_classes: int, patient: np.ndarray, n_patients: int) -> Sums:
    """Images of each true class (row) and called class (column), row by row.

    Parameters
    ----------
    truth, called : int64, (n_images,)
        Classes, 0 to n_classes - 1.
    """
    return sums(truth * n_classes + called, np.ones(len(truth)), patient, n_classes**2, n_patients)


def _share(of: np.ndarray, among: np.ndarray) -> np.ndarray:
    """`of` / `among`, NaN where nothing is among."""
    return np.divide(of, among, out=np.full(np.shape(among), np.nan), where=among > 0)


def _f1(s: np.ndarray) -> np.ndarray:
    _, positives, called, hits = s
    return np.where(positives > 0, _share(2 * hits, positives + called), np.nan)


def _sensitivity(s: np.ndarray) -> np.ndarray:
    return _share(s[3], s[1])


def _specificity(s: np.ndarray) -> np.ndarray:
    images, positives, called, hits = s
    return _share(images - positives - called + hits, images - positives)


def _ppv(s: np.ndarray) -> np.ndarray:
    return _share(s[3], s[2])


def _npv(s: np.ndarray) -> np.ndarray:
    images, positives, called, hits = s
    return _share(images - positives - called + hits, images - called)


def _accuracy(s: np.ndarray) -> np.ndarray:
    images, positives, called, hits = s
    return _share(images - positives - called + 2 * hits, images)


def _balanced_accuracy(s: np.ndarray) -> np.ndarray:
    return (_sensitivity(s) + _specificity(s)) / 2


def _ece(s: np.ndarray) -> np.ndarray:
    return _share(np.abs(s[:N_BINS]).sum(axis=0), s[N_BINS])


def _brier(s: np.ndarray) -> np.ndarray:
    return _share(s[N_BINS + 1], s[N_BINS])


Function = Callable[[np.ndarray], np.ndarray]  # float64, (n_sums, ...) -> (...), NaN where the metric does not exist

OF_CALLS: dict[str, Function] = {
    "f1": _f1,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "sensitivity": _sensitivity,
    "specificity": _specificity,
    "ppv": _ppv,
    "npv": _npv,
}
OF_PROBABILITIES: dict[str, Function] = {"brier": _brier, "ece": _ece}


def _square(s: np.ndarray) -> np.ndarray:
    n_classes = round(len(s) ** 0.5)
    return s.reshape(n_classes, n_classes, *s.shape[1:])


def _exact(s: np.ndarray) -> np.ndarray:
    return _share(np.einsum("kk...->...", _square(s)), s.sum(axis=0))


def _mean_recall(s: np.ndarray) -> np.ndarray:
    matrix = _square(s)
    return np.mean([_share(row[k], row.sum(axis=0)) for k, row in enumerate(matrix)], axis=0)


def _kappa(s: np.ndarray) -> np.ndarray:
    matrix = _square(s)
    n_classes = len(matrix)
    weight = (np.arange(n_classes)[:, None] - np.arange(n_classes)) ** 2.0
    chance = matrix.sum(axis=1)[:, None] * matrix.sum(axis=0)[None] / np.where(s.sum(axis=0) > 0, s.sum(axis=0), np.nan)
    expected = np.einsum("jk,jk...->...", weight, chance)
    return 1 - _share(np.einsum("jk,jk...->...", weight, matrix), expected)


OF_CONFUSION: dict[str, Function] = {"accuracy": _exact, "balanced_accuracy": _mean_recall, "kappa_quadratic": _kappa}


@dataclass(frozen=True)
class Cells:
    """Sums over images, gathered by patient: cell k adds `value[k]` to sum `bin[k]` each time `patient[k]` is drawn.

    Parameters
    ----------
    patient : int32, (n_cells,)
        0 to n_patients - 1.
    bin : int32, (n_cells,)
        0 to n_bins - 1.
    value : float64, (n_cells,)
    n_bins, n_patients : int
    """

    patient: np.ndarray
    bin: np.ndarray
    value: np.ndarray
    n_bins: int
    n_patients: int
