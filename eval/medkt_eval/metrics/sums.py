"""Sums over images, by patient: F1, operating points, Brier score, calibration errors and kappa are functions of them.

In: truth, calls or probabilities, and patients of one label's images. Out: `Sums`, a few sums for each patient. The
same function of them gives the metric on the data, without any patient and in any bootstrap replicate: see of_calls.py,
of_probabilities.py and of_confusion.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_BINS = 15  # of equal width, for the calibration errors: Guo et al. 2017, ICML 34


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
        """The sums that are not zero, as the bootstrap reads them."""
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
        The sum that each value belongs to, the value, and its patient.
    n_kinds, n_patients : int
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
    """Images and squared residuals (truth - probability) of each patient.

    Parameters
    ----------
    truth : bool, (n_images,)
    score : float, (n_images,)
        Probabilities in [0, 1].
    patient : int, (n_images,)
        0 to n_patients - 1.
    n_patients : int
    """
    squared = (truth - score.astype(np.float64)) ** 2
    weights = (None, squared)
    return Sums(np.array([np.bincount(patient, weights=of, minlength=n_patients) for of in weights], dtype=np.float64))


def bins(truth: np.ndarray, score: np.ndarray, patient: np.ndarray, n_patients: int) -> Sums:
    """Residuals (truth - probability) and images of each patient in each bin of probability, then the squares of both.

    Parameters
    ----------
    truth, score, patient, n_patients
        As for `probabilities`. Bins are open below and closed above, the first closed on both sides.

    Returns
    -------
    Sums
        4 x `N_BINS` sums. The squares are of a patient's sum, not of its images.
    """
    kind = probability_bin(score)
    residuals, images = (
        sums(kind, of, patient, N_BINS, n_patients).by_patient
        for of in (truth - score.astype(np.float64), np.ones(len(truth)))
    )
    return Sums(np.concatenate([residuals, images, residuals**2, images**2]))


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


def share(of: np.ndarray, among: np.ndarray) -> np.ndarray:
    """`of` / `among`; NaN where `among` is 0."""
    return np.divide(of, among, out=np.full(np.shape(among), np.nan), where=among > 0)


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
