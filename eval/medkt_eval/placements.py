"""Placements: the one computation behind AUC, its covariance and its exact patient jackknife.

In: truth, scores and patients of one label's images, as arrays. Out: `Placements`. Sorting gives all of them,
ties exact, counts in int64 (doubled, so that half a tie is an integer too).

For m positives X and n negatives Y: V10(x) = mean over y of [y < x] + [y = x]/2, V01(y) = mean over x of the same
(DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837; Sun & Xu 2014, IEEE Signal Process. Lett. 21:1389).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Placements:
    """Where each positive stands among the negatives, and each negative among the positives.

    Parameters
    ----------
    wins_of_positives : int64, (m,)
        2 n V10, in the order of the images.
    wins_over_negatives : int64, (n,)
        2 m V01, in the order of the images.
    positive : bool, (n_images,)
        Which images are positive.
    """

    wins_of_positives: np.ndarray
    wins_over_negatives: np.ndarray
    positive: np.ndarray

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


def placements(positive: np.ndarray, scores: np.ndarray) -> Placements:
    """Placements of one label.

    Parameters
    ----------
    positive : (n_images,)
        Truth, any dtype: nonzero is positive. At least one of each.
    scores : (n_images,)
        Any real dtype; higher = more likely.

    Notes
    -----
    R's pROC: `auc(roc(positive, scores, direction = "<"))`.

    Examples
    --------
    >>> placements(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])).auc
    0.75
    """
    positive = np.asarray(positive) != 0  # an unsigned dtype must never be subtracted from
    below, tied = _negatives_below(positive, np.asarray(scores), np.zeros(len(positive), dtype=np.int64))
    above, tied_above = _negatives_below(~positive, -_signed(np.asarray(scores)), np.zeros(len(positive), np.int64))
    return Placements(
        wins_of_positives=(2 * below + tied)[positive],
        wins_over_negatives=(2 * above + tied_above)[~positive],
        positive=positive,
    )


def auc_without_each_patient(found: Placements, scores: np.ndarray, patient: np.ndarray, n_patients: int) -> np.ndarray:
    """AUC with one patient left out, for every patient, in closed form.

    A(-i) = (mnA - n sum V10 - m sum V01 + W_i) / ((m - m_i)(n - n_i)), sums over patient i's images, W_i the pairs
    inside patient i.

    Parameters
    ----------
    found : Placements
        Of all images.
    scores : (n_images,)
        As given to `placements`.
    patient : int64, (n_images,)
        Each image's patient, 0 to n_patients - 1. A patient without images leaves the AUC as it is.
    n_patients : int

    Returns
    -------
    float64, (n_patients,)
        NaN where no positive or no negative is left.
    """
    positive = found.positive
    wins = np.zeros(len(positive), dtype=np.int64)
    wins[positive], wins[~positive] = found.wins_of_positives, found.wins_over_negatives
    lost = np.bincount(patient, weights=wins, minlength=n_patients)
    below, tied = _negatives_below(positive, np.asarray(scores), patient)
    inside = np.bincount(patient[positive], weights=(2 * below + tied)[positive], minlength=n_patients)
    positives = np.bincount(patient[positive], minlength=n_patients)
    negatives = np.bincount(patient[~positive], minlength=n_patients)
    pairs = 2.0 * (positive.sum() - positives) * ((~positive).sum() - negatives)
    total = float(found.wins_of_positives.sum())
    return np.divide(total - lost + inside, pairs, out=np.full(n_patients, np.nan), where=pairs > 0)


def _negatives_below(positive: np.ndarray, scores: np.ndarray, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Negatives of each image's block with a lower score, and those with an equal one: int64, (n_images,)."""
    order = np.lexsort((scores, block))
    ordered_scores, ordered_block = scores[order], block[order]
    negative = (~positive[order]).astype(np.int64)
    before = np.concatenate([[0], np.cumsum(negative)])  # negatives before each place, over all blocks
    new_block = np.concatenate([[True], ordered_block[1:] != ordered_block[:-1]])
    new_tie = new_block | np.concatenate([[True], ordered_scores[1:] != ordered_scores[:-1]])
    tie_start = np.maximum.accumulate(np.where(new_tie, np.arange(len(order)), 0))
    block_start = np.maximum.accumulate(np.where(new_block, np.arange(len(order)), 0))
    tie = np.cumsum(new_tie) - 1
    in_tie = np.bincount(tie, weights=negative).astype(np.int64)[tie]
    below, tied = np.empty(len(order), dtype=np.int64), np.empty(len(order), dtype=np.int64)
    below[order] = before[tie_start] - before[block_start]
    tied[order] = in_tie
    return below, tied


def _signed(scores: np.ndarray) -> np.ndarray:
    """The same scores in a dtype that can be negated without loss of order."""
    return scores.astype(np.int64) if scores.dtype.kind in "bu" and scores.dtype.itemsize < 8 else (
        scores.astype(np.float64) if scores.dtype.kind in "bu" else scores)  # fmt: skip
