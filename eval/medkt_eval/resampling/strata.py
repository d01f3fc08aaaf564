"""Strata of patients for the bootstrap that keeps the numbers of patients with each finding nearly as they are.

In: the positive labels of images, and their patients. Out: `Strata`, from which resampling.py draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from medkt_eval.predictions.parquet_columns import AnyPredictions

FEWEST = (
    5  # patients of a stratum: of fewer, plain resampling loses a label in more than 1 % (e^-4 = 2 %) of replicates
)


@dataclass(frozen=True, eq=False)  # compared and hashed as an object: draws are remembered by their strata
class Strata:
    """Which stratum each patient is drawn in.

    Parameters
    ----------
    of_patient : int64, (n_patients,)
        0, 1, ...; by sorted patient id, as all draws are.
    """

    of_patient: np.ndarray

    @cached_property
    def order(self) -> np.ndarray:
        """Patients stratum by stratum, uint32, (n_patients,)."""
        return np.argsort(self.of_patient, kind="stable").astype(np.uint32)

    @cached_property
    def ranges(self) -> np.ndarray:
        """Where in `order` each draw's stratum begins, and how many patients it has: uint64, (2, n_patients)."""
        sizes = np.bincount(self.of_patient)
        starts = np.cumsum(sizes) - sizes
        return np.array([np.repeat(starts, sizes), np.repeat(sizes, sizes)], dtype=np.uint64)


def patient_strata(predictions: AnyPredictions, patient: np.ndarray, n_patients: int) -> Strata:
    """Patients by the rarest label that any of their images is positive for; those without one are a stratum too.

    Parameters
    ----------
    predictions : Predictions or PredictionFile
        Targets; an image that is not labelled is not positive.
    patient : int64, (n_images,)
        0 to n_patients - 1.
    n_patients : int

    Notes
    -----
    With one label: patients with a positive image, and those without. With several, each replicate draws the patients
    once for all labels, and patterns of labels are nearly as many as patients: a stratum of one patient does not vary
    at all. The rarest label decides, because it is rare labels that plain replicates lose: from the label of fewest
    patients to that of most (of equals, the first), the patients not yet placed that have it are a stratum if they are
    `FEWEST` or more, else they wait for their next label. So a stratum is never small, and a label of fewer patients
    than that is lost as often as before and its interval is refused as before: stratifying must not print an interval
    that so few patients cannot support.

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
    waiting, found, placed = np.ones(n_patients, dtype=bool), np.zeros(n_patients, dtype=np.int64), 0
    for k in np.argsort(has.sum(axis=1), kind="stable"):
        mine = has[k] & waiting
        if mine.sum() >= FEWEST:
            placed += 1
            found[mine] = placed
            waiting &= ~mine
    if waiting.sum() < FEWEST:  # the few that are left join the stratum of the commonest label
        found[waiting] = placed
        found -= min(placed, 1)
    return Strata(found)
