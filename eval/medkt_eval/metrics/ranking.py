"""One label's images in the order of one run's scores: sorted once for everything that depends on ranks.

In: truth, scores and patients of one label's images, as arrays. Out: `Ranking`, from which placements, average
precision, their patient jackknife and the bootstrap are computed. Ties are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranking:
    """Images in ascending order of score.

    Parameters
    ----------
    order : int64, (n_images,)
        Index, in the caller's order, of each image in ascending order of score.
    positive : bool, (n_images,)
        Truth, in ascending order of score.
    patient : int32, (n_images,)
        Patient, 0 to n_patients - 1, in ascending order of score.
    ends_tie : bool, (n_images,)
        Whether the next image has a higher score (or there is none): the last image of its group of tied scores.
    n_patients : int
        Patients of the data set; some may have no image here.
    """

    order: np.ndarray
    positive: np.ndarray
    patient: np.ndarray
    ends_tie: np.ndarray
    n_patients: int

    @property
    def n_positive(self) -> int:
        """Positive images."""
        return int(self.positive.sum())

    @property
    def n_negative(self) -> int:
        """Negative images."""
        return len(self.positive) - self.n_positive


def rank(positive: np.ndarray, scores: np.ndarray, patient: np.ndarray, n_patients: int) -> Ranking:
    """Sort one label's images by one run's scores.

    Parameters
    ----------
    positive : (n_images,)
        Truth, any dtype: nonzero is positive.
    scores : (n_images,)
        Any real dtype, finite; higher = more likely.
    patient : int, (n_images,)
        0 to n_patients - 1.
    n_patients : int

    Examples
    --------
    >>> ranking = rank(np.array([0, 1, 1]), np.array([0.3, 0.3, 0.1]), np.array([0, 0, 1]), 2)
    >>> ranking.positive.tolist(), ranking.ends_tie.tolist()
    ([True, False, True], [True, False, True])
    """
    scores = np.asarray(scores)
    order = np.argsort(scores, kind="stable")
    ascending = scores[order]
    return Ranking(
        order=order,
        positive=(np.asarray(positive) != 0)[order],  # an unsigned dtype must never be subtracted from
        patient=np.asarray(patient)[order].astype(np.int32),
        ends_tie=np.append(ascending[1:] != ascending[:-1], True) if len(scores) else np.zeros(0, dtype=bool),
        n_patients=n_patients,
    )
