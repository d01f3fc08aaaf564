"""Permutation test of AUC by patient, of whether two arms have the same ROC curves.

In: one label's truth, the scores of both arms' runs, and the images' patients. Out: `PermutedDifferences`, which can
also be averaged over labels, and its `TestResult` of scope "patients".

Bandos, Rockette & Gur 2005, Stat. Med. 24:2873. The arms exchange mid-ranks within each run, not scores. Scores have no
common scale: if one arm were recalibrated, exchanging scores would reject nothing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from scipy import stats

from medkt_eval.compiled import njit
from medkt_eval.inference.rounding import tolerance
from medkt_eval.inference.test_result import TestResult

LANES = 64  # permutations side by side from one random stream: a patient's coins are the bits of one word
TEST = "permutation"


@dataclass(frozen=True)
class PermutedDifferences:
    """A difference of mean AUCs, a - b, as observed and after each permutation.

    Parameters
    ----------
    difference : float
        The observed difference.
    differences : float64, (permutations,)
        The difference after each permutation; NaN where there is no test. All labels and contrasts of a data set have
        the same permutation at the same index.
    undefined_because : str or None
        Why there is no test.
    """

    difference: float
    differences: np.ndarray
    undefined_because: str | None = None


def permuted_differences(
    positive: np.ndarray,
    scores_a: np.ndarray,
    scores_b: np.ndarray,
    patient: np.ndarray,
    n_patients: int,
    *,
    permutations: int,
    seed: int,
    dataset: str,
) -> PermutedDifferences:
    """Exchange patients' mid-ranks between two arms, with one fair coin per patient.

    A patient's images are exchanged together, and in all seeds: run j of a exchanges with run j of b.

    Parameters
    ----------
    positive : (n_images,)
        Truth of any dtype: nonzero is positive.
    scores_a, scores_b : (n_seeds, n_images)
        Any real dtype; higher = more likely.
    patient : int, (n_images,)
        0 to n_patients - 1, in the order of the patients' ids, so that coins do not depend on the order of rows.
    n_patients : int
        Patients of the data set; some may have no image here.
    permutations : int
        Number of permutations. A larger number keeps the first ones as they are.
    seed : int
        Seed of the evaluation, not negative.
    dataset : str
        Name of the data set. With `seed` it names the random stream, which all labels and contrasts share.

    Examples
    --------
    >>> truth, patient = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 0, 1, 1, 2, 2])
    >>> a, b = np.array([[0.1, 0.7, 0.2, 0.8, 0.4, 0.9]]), np.array([[0.7, 0.2, 0.4, 0.5, 0.8, 0.6]])
    >>> permuted = permuted_differences(truth, a, b, patient, 3, permutations=1000, seed=0, dataset="nih")
    >>> round(permuted.difference, 3), sorted({round(abs(float(d)), 3) for d in permuted.differences})
    (0.778, [0.056, 0.167, 0.667, 0.778])
    """
    positive = np.asarray(positive) != 0  # boolean, because subtraction wraps around in unsigned dtypes
    nothing = np.full(permutations, np.nan)
    if len(scores_a) != len(scores_b):
        because = f"{len(scores_a)} seeds and {len(scores_b)}: runs are exchanged in pairs, an equal number is needed"
        return PermutedDifferences(np.nan, nothing, because)
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return PermutedDifferences(np.nan, nothing, f"{m} positive and {n} negative images: there is no AUC")
    pairs = [_ascent(positive, a, b, patient) for a, b in zip(scores_a, scores_b, strict=True)]
    doubled = 2 * m * n * len(pairs)

    observed = sum(_walk(np.zeros((n_patients, 1), dtype=np.uint8), *pair)[0] for pair in pairs)
    blocks = [
        sum(_walk(_exchanged(n_patients, seed=seed, dataset=dataset, block=block), *pair) for pair in pairs)
        for block in range(-(-permutations // LANES))
    ]
    differences = np.concatenate([*blocks, np.zeros(0, dtype=np.int64)])[:permutations] / doubled
    return PermutedDifferences(float(observed / doubled), differences)


def permutation_test(permuted: PermutedDifferences, level: float) -> TestResult:
    """Test a difference by its permutations: p = (1 + number as far from 0) / (1 + permutations).

    Parameters
    ----------
    permuted : PermutedDifferences
        Those of one label, or their average over labels.
    level : float
        Confidence level of the analysis; a permutation test has no interval.
    """
    reason = permuted.undefined_because
    if reason is None and not len(permuted.differences):
        reason = "no permutations were drawn"
    if reason:
        return TestResult.absent(reason, test=TEST, scope="patients", difference=permuted.difference, level=level)
    as_far = int((np.abs(permuted.differences) >= abs(permuted.difference) - tolerance(np.ones(1))).sum())
    return TestResult(
        test=TEST,
        scope="patients",
        difference=permuted.difference,
        se=None,
        low=None,
        high=None,
        level=level,
        statistic=permuted.difference,
        df=None,
        p_value=(1 + as_far) / (1 + len(permuted.differences)),
        note="no interval: a permutation test tells of no difference but zero",
    )


def _exchanged(n_patients: int, *, seed: int, dataset: str, block: int) -> np.ndarray:
    """Whether each patient is exchanged in each permutation of one block: uint8, (n_patients, LANES)."""
    stream = np.random.SeedSequence([seed, zlib.crc32(dataset.encode()), 1, block])
    words = np.random.SFC64(stream).random_raw(n_patients)
    return ((words[:, None] >> np.arange(LANES, dtype=np.uint64)) & np.uint64(1)).astype(np.uint8)


def _ascent(positive: np.ndarray, a: np.ndarray, b: np.ndarray, patient: np.ndarray) -> tuple[np.ndarray, ...]:
    """One pair of runs as `_walk` reads it: the mid-ranks of both in ascending order, without ties.

    Each positive comes before the negatives it is tied with, and once more after them. So it beats those below it twice
    and those tied with it once.

    Returns
    -------
    positive : bool, (n_steps,)
    patient : int64, (n_steps,)
    of_b : uint8, (n_steps,)
    """
    mid_ranks = np.concatenate([stats.rankdata(np.asarray(scores)) for scores in (a, b)])
    both, whose = np.concatenate([positive, positive]), np.concatenate([patient, patient])
    of_b = np.repeat(np.array([0, 1], dtype=np.uint8), len(positive))
    order = np.concatenate([np.arange(len(both)), np.flatnonzero(both)])
    position = np.where(both, 0, 1)[order]  # 0 before the tied negatives, 1 among them, 2 after them
    position[len(both) :] = 2
    order = order[np.lexsort((position, mid_ranks[order]))]
    return both[order], whose[order].astype(np.int64), of_b[order]


@njit(cache=True)
def _walk(exchanged: np.ndarray, positive: np.ndarray, patient: np.ndarray, of_b: np.ndarray) -> np.ndarray:
    """Twice the pairs that a wins minus twice those that b wins, in each lane: int64, (lanes,)."""
    lanes = exchanged.shape[1]
    wins = np.zeros(lanes, dtype=np.int64)
    below_a = np.zeros(lanes, dtype=np.int64)  # a's negatives so far
    below = 0  # negatives of both so far
    for step in range(len(positive)):
        row, from_b = patient[step], of_b[step]
        if positive[step]:
            for lane in range(lanes):
                is_b = exchanged[row, lane] ^ from_b
                wins[lane] += below_a[lane] - is_b * below
        else:
            below += 1
            for lane in range(lanes):
                below_a[lane] += 1 - (exchanged[row, lane] ^ from_b)
    return wins
