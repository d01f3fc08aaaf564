"""Placements: AUC, its covariance and its exact patient jackknife are computed from them.

In: `Ranking`, one label's images in the order of one run's scores. Out: `Placements`, and AUC without each patient. One
pass over the sorted scores computes them. Ties are exact: counts are int64, doubled so that half a tie is an integer.

For m positives X and n negatives Y: V10(x) = mean over y of [y < x] + [y = x]/2, V01(y) = mean over x of the same
(DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837; Sun & Xu 2014, IEEE Signal Process. Lett. 21:1389).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medkt_eval.compiled import njit
from medkt_eval.errors import InputError
from medkt_eval.metrics.ranking import Ranking


@dataclass(frozen=True)
class Placements:
    """The rank of each positive among the negatives, and of each negative among the positives.

    Parameters
    ----------
    wins_of_positives : int64, (m,)
        2 n V10, in ascending order of score.
    wins_over_negatives : int64, (n,)
        2 m V01, in ascending order of score.
    patient_wins_of_positives, patient_wins_over_negatives : int64, (n_patients,)
        The same, summed over each patient's positives and over each patient's negatives.
    patient_positives, patient_negatives : int64, (n_patients,)
        Images of each patient.
    """

    wins_of_positives: np.ndarray
    wins_over_negatives: np.ndarray
    patient_wins_of_positives: np.ndarray
    patient_wins_over_negatives: np.ndarray
    patient_positives: np.ndarray
    patient_negatives: np.ndarray

    @property
    def auc(self) -> float:
        """Area under the ROC curve, ties count half."""
        m, n = len(self.wins_of_positives), len(self.wins_over_negatives)
        return float(self.wins_of_positives.sum() / (2 * m * n))

    @property
    def v10(self) -> np.ndarray:
        """Placements of the positives, float64, (m,)."""
        return self.wins_of_positives / (2 * len(self.wins_over_negatives))

    @property
    def v01(self) -> np.ndarray:
        """Placements of the negatives, float64, (n,)."""
        return self.wins_over_negatives / (2 * len(self.wins_of_positives))


def placements(ranking: Ranking) -> Placements:
    """Placements of one run on one label.

    Parameters
    ----------
    ranking : Ranking
        With at least one positive and one negative.

    Raises
    ------
    InputError
        If all images are of one class: placements do not exist.

    Notes
    -----
    R's pROC: `auc(roc(positive, scores, direction = "<"))`.

    Examples
    --------
    >>> from medkt_eval.metrics.ranking import rank
    >>> positive, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> placements(rank(positive, scores, np.arange(4), 4)).auc
    0.75
    """
    if ranking.n_positive == 0 or ranking.n_negative == 0:
        raise InputError(
            f"{ranking.n_positive} positive and {ranking.n_negative} negative images: AUC needs one of each; leave "
            "such a label out"
        )
    return Placements(*_placed(ranking.positive, ranking.patient, ranking.ends_tie, ranking.n_patients))


def auc_without_each_patient(ranking: Ranking, placed: Placements) -> np.ndarray:
    """AUC with one patient left out, for every patient, exact and in closed form.

    A(-i) = (mnA - n sum V10 - m sum V01 + W_i) / ((m - m_i)(n - n_i)), sums over patient i's images, W_i the pairs
    inside patient i.

    Parameters
    ----------
    ranking : Ranking
    placed : Placements
        Placements of this ranking.

    Returns
    -------
    float64, (n_patients,)
        NaN where no positive or no negative is left; all images' AUC for a patient without images.
    """
    inside = _inside(ranking.positive, ranking.patient, ranking.ends_tie, ranking.n_patients)
    wins = (
        placed.wins_of_positives.sum() - placed.patient_wins_of_positives - placed.patient_wins_over_negatives + inside
    )
    pairs = (ranking.n_positive - placed.patient_positives) * (ranking.n_negative - placed.patient_negatives)
    return np.divide(wins, 2 * pairs, out=np.full(ranking.n_patients, np.nan), where=pairs > 0)


@njit(cache=True, nogil=True)
def _placed(positive, patient, ends_tie, n_patients):
    """Fields of `Placements`, in order."""
    n_images, m = len(positive), positive.sum()
    of_positives, over_negatives = np.empty(m, np.int64), np.empty(n_images - m, np.int64)
    patient_of_positives, patient_over_negatives = np.zeros(n_patients, np.int64), np.zeros(n_patients, np.int64)
    patient_positives, patient_negatives = np.zeros(n_patients, np.int64), np.zeros(n_patients, np.int64)
    start = positives_below = negatives_below = 0
    for end in range(n_images):
        if not ends_tie[end]:
            continue
        positives = positive[start : end + 1].sum()
        negatives = end + 1 - start - positives
        win = 2 * negatives_below + negatives  # of each positive of this group of ties
        loss = 2 * (m - positives_below) - positives  # of each negative
        for k in range(start, end + 1):
            if positive[k]:
                of_positives[positives_below] = win
                positives_below += 1
                patient_of_positives[patient[k]] += win
                patient_positives[patient[k]] += 1
            else:
                over_negatives[negatives_below] = loss
                negatives_below += 1
                patient_over_negatives[patient[k]] += loss
                patient_negatives[patient[k]] += 1
        start = end + 1
    return (
        of_positives,
        over_negatives,
        patient_of_positives,
        patient_over_negatives,
        patient_positives,
        patient_negatives,
    )


@njit(cache=True, nogil=True)
def _inside(positive, patient, ends_tie, n_patients):
    """2 W_i: wins of each patient's positives over the same patient's negatives, int64, (n_patients,)."""
    wins = np.zeros(n_patients, np.int64)
    negatives_below = np.zeros(n_patients, np.int64)
    tied_positives, tied_negatives = np.zeros(n_patients, np.int64), np.zeros(n_patients, np.int64)
    tie_seen = np.full(n_patients, -1)  # the group of ties that a patient's last two counts are of
    tie = 0
    for k in range(len(positive)):
        i = patient[k]
        if tie_seen[i] != tie:
            negatives_below[i] += tied_negatives[i]
            tied_positives[i] = tied_negatives[i] = 0
            tie_seen[i] = tie
        if positive[k]:
            wins[i] += 2 * negatives_below[i] + tied_negatives[i]
            tied_positives[i] += 1
        else:
            wins[i] += tied_positives[i]
            tied_negatives[i] += 1
        tie += ends_tie[k]
    return wins
