"""Strata of patients for a bootstrap that nearly keeps the number of patients with each finding.

In: the positive labels of images, and their patients. Out: `Strata`, from which draws.py draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from medkt_eval.predictions.files.parquet_columns import AnyPredictions

FEWEST = 5
"""Patients in a stratum. With fewer, plain resampling loses a label in more than 1 % of replicates (e^-4 = 2 %)."""


@dataclass(frozen=True, eq=False)  # compared and hashed by identity, because draws are cached by their strata
class Strata:
    """The stratum of each patient.

    Parameters
    ----------
    of_patient : int64, (n_patients,)
        Strata 0, 1, ..., with patients sorted by id, as in all draws.
    """

    of_patient: np.ndarray

    @cached_property
    def order(self) -> np.ndarray:
        """Patients sorted by stratum, uint32, (n_patients,)."""
        return np.argsort(self.of_patient, kind="stable").astype(np.uint32)

    @cached_property
    def ranges(self) -> np.ndarray:
        """For each draw, where its stratum begins in `order` and how many patients it has: uint64, (2, n_patients)."""
        sizes = np.bincount(self.of_patient)
        starts = np.cumsum(sizes) - sizes
        return np.array([np.repeat(starts, sizes), np.repeat(sizes, sizes)], dtype=np.uint64)


def patient_strata(predictions: AnyPredictions, patient: np.ndarray, n_patients: int) -> Strata:
    """Stratify patients by the rarest label that any of their images is positive for; those without one come last.

    Parameters
    ----------
    predictions : Predictions or PredictionFile
        The targets; an image that is not labelled counts as not positive.
    patient : int64, (n_images,)
        Each image's patient, 0 to n_patients - 1.
    n_patients : int
        Number of patients.

    Notes
    -----
    With one label the strata are the patients with a positive image and those without. With several labels each
    replicate draws the patients once for all labels. Strata by pattern of labels would be nearly as many as patients,
    and a stratum of one patient does not vary at all. The rarest label decides instead, because plain replicates lose
    rare labels. The labels are taken in order, from the fewest patients to the most (ties: the first). The patients who
    have the label and no stratum yet form one if they are `FEWEST` or more; otherwise they wait for their next label.
    So no stratum is small. A label of fewer patients is lost as often as without strata, and has no interval either:
    stratifying must not give an interval that so few patients cannot support.

    Examples
    --------
    >>> targets = np.array([[1, 1]] * 5 + [[0, 1]] * 6 + [[0, 0]] * 7)
    >>> images = np.array([f"i{k:02d}" for k in range(18)])
    >>> from medkt_eval.predictions.format import Predictions
    >>> rare = Predictions("multilabel", ("rare", "common"), images, None, targets.astype(float), targets / 2)
    >>> np.bincount(patient_strata(rare, np.arange(18), 18).of_patient).tolist()
    [7, 5, 6]
    """
    has = np.zeros((len(predictions.labels), n_patients), dtype=bool)
    for k in range(len(has)):
        has[k, patient[predictions.target(k) == 1]] = True
    waiting, stratum, n_strata = np.ones(n_patients, dtype=bool), np.zeros(n_patients, dtype=np.int64), 0
    for k in np.argsort(has.sum(axis=1), kind="stable"):
        members = has[k] & waiting
        if members.sum() >= FEWEST:
            n_strata += 1
            stratum[members] = n_strata
            waiting &= ~members
    if waiting.sum() < FEWEST:  # the remaining few join the stratum of the commonest label
        stratum[waiting] = n_strata
        stratum -= min(n_strata, 1)
    return Strata(stratum)
