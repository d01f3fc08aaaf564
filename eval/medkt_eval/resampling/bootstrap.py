"""The joint patient bootstrap: replicates of metrics of ranks, and of sums over images.

In: rankings, or sums by patient, of any runs and labels of one data set. Out: the value of each in every replicate. All
of them share one draw of patients per replicate, so differences between runs are replicates too.

A replicate is how often each patient is drawn (draws.py); no image is copied. `LANES` replicates lie side by side: an
image adds one row of small integers to running counts in the order of scores. Counts are integers and therefore exact,
so threads, order and the other columns change no bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medkt_eval.compiled import njit
from medkt_eval.errors import InputError
from medkt_eval.metrics.ranking import Ranking
from medkt_eval.metrics.sums import Cells
from medkt_eval.resampling.draws import BLOCK, LANES, for_each_block, multiplicities
from medkt_eval.resampling.strata import Strata

MOST_IMAGES = 2**31 - 1  # in a replicate: twice as many are counted in 32 bits


@dataclass(frozen=True)
class RankedReplicates:
    """Metrics of ranks in each replicate; NaN where a replicate has no positive or no negative image.

    Parameters
    ----------
    auc : float64, (n_rankings, replicates)
        Area under the ROC curve.
    average_precision, sensitivity_at_specificity : float64, (n_rankings, replicates), or None
        None unless requested.
    """

    auc: np.ndarray
    average_precision: np.ndarray | None
    sensitivity_at_specificity: np.ndarray | None


def resample_ranked(
    rankings: Sequence[Ranking],
    *,
    replicates: int,
    seed: int,
    dataset: str,
    first: int = 0,
    threads: int | None = None,
    average_precision: bool = False,
    specificity: float | None = None,
    strata: Strata | None = None,
) -> RankedReplicates:
    """Compute AUC, and other metrics of ranks, of each ranking in each replicate.

    Parameters
    ----------
    rankings : sequence of Ranking
        Any labels and runs of one data set, all over the same patients.
    replicates : int
        Number of replicates. A larger number keeps the first ones as they are.
    seed, dataset, strata
        The random streams and how they are used: see `draws.multiplicities`.
    first : int
        Number of the first replicate, a multiple of `BLOCK`, so that you can draw a part of the replicates.
    threads : int, optional
        Number of threads, by default one per processor. The result does not depend on it.
    average_precision : bool
        Whether to compute average precision too (scikit-learn's definition).
    specificity : float, optional
        If given, also compute the largest sensitivity among thresholds (score >= threshold) with at least this
        specificity.

    Raises
    ------
    InputError
        If a replicate may have more images than can be counted.

    Examples
    --------
    >>> from medkt_eval.metrics.ranking import rank
    >>> ranking = rank(np.array([0, 1, 0, 1]), np.array([0.1, 0.3, 0.3, 0.4]), np.arange(4), 4)
    >>> resample_ranked([ranking], replicates=3, seed=2, dataset="nih").auc
    array([[1. , 0.5, nan]])
    """
    n_patients = _common_patients(rankings)
    columns = [_descent(ranking) for ranking in rankings]
    most_images = max((len(patient) for patient, _ in columns), default=0)
    metrics = np.empty((3, len(rankings), replicates))

    def fill(block: int) -> None:
        drawn = multiplicities(n_patients, dataset=dataset, seed=seed, block=first // BLOCK + block, strata=strata)
        _refuse_too_many(int(drawn.max(initial=0)) * most_images)
        here = slice(block * BLOCK, (block + 1) * BLOCK)
        for k, (patient, bounds) in enumerate(columns):
            values = _walk(drawn, patient, bounds, average_precision, -1.0 if specificity is None else specificity)
            metrics[:, k, here] = values[:, : metrics[:, k, here].shape[1]]

    for_each_block(fill, replicates, threads)
    return RankedReplicates(
        auc=metrics[0],
        average_precision=metrics[1] if average_precision else None,
        sensitivity_at_specificity=None if specificity is None else metrics[2],
    )


def resample_sums(
    cells: Sequence[Cells],
    *,
    replicates: int,
    seed: int,
    dataset: str,
    first: int = 0,
    threads: int | None = None,
    strata: Strata | None = None,
) -> list[np.ndarray]:
    """Compute sums over images in each replicate: multiplicity[patient] times value, over the cells of each bin.

    Parameters
    ----------
    cells : sequence of Cells
        Cells of one data set, all over the same patients. A bin's cells are added in their order.
    replicates, seed, dataset, first, threads, strata
        As in `resample_ranked`; the replicates are the same.

    Returns
    -------
    list of float64, (n_bins, replicates)
        One array for each element of `cells`.

    Examples
    --------
    >>> images = Cells(np.arange(4), np.zeros(4, int), np.array([1.0, 1.0, 2.0, 5.0]), n_bins=1, n_patients=4)
    >>> resample_sums([images], replicates=3, seed=2, dataset="nih")[0]
    array([[ 8.,  5., 12.]])
    """
    n_patients = _common_patients(cells)
    columns = [
        (column.patient.astype(np.uint32), column.bin.astype(np.uint32), column.value.astype(np.float64))
        for column in cells
    ]
    sums = [np.empty((column.n_bins, replicates)) for column in cells]

    def fill(block: int) -> None:
        drawn = multiplicities(n_patients, dataset=dataset, seed=seed, block=first // BLOCK + block, strata=strata)
        for values, column in zip(sums, columns, strict=True):
            here = values[:, block * BLOCK : (block + 1) * BLOCK]
            here[:] = _sum(drawn, *column, len(values))[:, : here.shape[1]]

    for_each_block(fill, replicates, threads)
    return sums


def _common_patients(columns: Sequence[Ranking] | Sequence[Cells]) -> int:
    counts = {column.n_patients for column in columns}
    if len(counts) > 1:
        raise InputError(
            f"columns over {' and '.join(map(str, sorted(counts)))} patients: replicates are shared by "
            "columns of one data set only; resample each data set by itself"
        )
    return counts.pop() if counts else 0


def _refuse_too_many(images: int) -> None:
    if images > MOST_IMAGES:
        raise InputError(
            f"a bootstrap replicate may have {images} images of a label, more than the {MOST_IMAGES} that "
            "are counted: evaluate fewer images at a time"
        )


def _descent(ranking: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """A ranking as `_walk` reads it: from the highest score down, in groups that need no comparison of scores.

    Returns
    -------
    patient : uint32, (n_images,)
        In descending order of score, positives before the negatives they are tied with.
    bounds : int64, (n_groups + 1, 3)
        A group is all images of one score that has a positive image. Its row gives where three stretches begin: the
        negatives between the previous group and this one, the group's positives, the group's own negatives. The last
        row is for the negatives below every positive.
    """
    positive, n_images = ranking.positive[::-1], len(ranking.positive)
    starts = np.flatnonzero(ranking.ends_tie[::-1])  # of groups of ties, the highest first
    ends = np.append(starts[1:], n_images)[: len(starts)]
    group = np.repeat(np.arange(len(starts)), ends - starts)
    n_positive = np.bincount(group[positive], minlength=len(starts))
    kept = np.flatnonzero(n_positive)
    bounds = np.full((len(kept) + 1, 3), n_images, dtype=np.int64)
    bounds[0, 0], bounds[1:, 0] = 0, ends[kept]
    bounds[:-1, 1], bounds[:-1, 2] = starts[kept], (starts + n_positive)[kept]
    order = np.argsort(2 * group + ~positive, kind="stable")
    return ranking.patient[::-1][order].astype(np.uint32), bounds  # unsigned: no index can count from the end


# Numbers stay unsigned inside the kernels: numba turns a sum of int64 and uint64 into float64.


@njit(cache=True, nogil=True, inline="always")
def _add(counts: np.ndarray, multiplicity: np.ndarray, patient: np.ndarray, start: int, end: int) -> None:
    for image in range(start, end):
        row = patient[image]
        for lane in range(LANES):
            counts[lane] += multiplicity[row, lane]


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(
    multiplicity: np.ndarray, patient: np.ndarray, bounds: np.ndarray, average_precision: bool, specificity: float
) -> np.ndarray:
    """AUC, average precision and sensitivity of one ranking in each lane: float64, (3, LANES)."""
    false_calls = np.zeros(LANES, dtype=np.uint32)  # negatives at or above the threshold, which moves down
    true_calls = np.zeros(LANES, dtype=np.uint32)  # positives at or above it
    tied_positives = np.zeros(LANES, dtype=np.uint32)  # at the threshold
    tied_negatives = np.zeros(LANES, dtype=np.uint32)
    negatives = np.zeros(LANES, dtype=np.uint32)  # all of them
    losses = np.zeros(LANES, dtype=np.uint64)  # twice the pairs whose negative is higher; a tie counts one
    metrics = np.zeros((3, LANES))
    groups = len(bounds) - 1
    if specificity >= 0:
        for g in range(groups + 1):
            _add(negatives, multiplicity, patient, bounds[g, 0], bounds[g, 1])
            if g < groups:
                _add(negatives, multiplicity, patient, bounds[g, 2], bounds[g + 1, 0])
    for g in range(groups):
        _add(false_calls, multiplicity, patient, bounds[g, 0], bounds[g, 1])
        tied_positives[:] = 0
        tied_negatives[:] = 0
        _add(tied_positives, multiplicity, patient, bounds[g, 1], bounds[g, 2])
        _add(tied_negatives, multiplicity, patient, bounds[g, 2], bounds[g + 1, 0])
        for lane in range(LANES):
            twice = np.uint32(2 * false_calls[lane] + tied_negatives[lane])
            losses[lane] += np.uint64(tied_positives[lane]) * np.uint64(twice)
            false_calls[lane] += tied_negatives[lane]
            true_calls[lane] += tied_positives[lane]
        if average_precision:
            for lane in range(LANES):
                calls = max(true_calls[lane] + false_calls[lane], 1)
                metrics[1, lane] += tied_positives[lane] * (true_calls[lane] / calls)
        if specificity >= 0:
            for lane in range(LANES):
                true_negatives = float(negatives[lane]) - false_calls[lane]
                if true_negatives / max(negatives[lane], 1) >= specificity:
                    metrics[2, lane] = true_calls[lane]
    _add(false_calls, multiplicity, patient, bounds[groups, 0], bounds[groups, 1])
    for lane in range(LANES):
        m, n = np.uint64(true_calls[lane]), np.uint64(false_calls[lane])
        pairs = np.uint64(2) * m * n
        metrics[0, lane] = (pairs - losses[lane]) / pairs if pairs else np.nan
        metrics[1, lane] = metrics[1, lane] / m if pairs else np.nan
        metrics[2, lane] = metrics[2, lane] / m if pairs else np.nan
    return metrics


@njit(cache=True, nogil=True)
def _sum(multiplicity: np.ndarray, patient: np.ndarray, bins: np.ndarray, value: np.ndarray, n_bins: int) -> np.ndarray:
    """Sums of one column in each lane: float64, (n_bins, LANES)."""
    sums = np.zeros((n_bins, LANES))
    for cell in range(len(value)):
        row, cell_bin = patient[cell], bins[cell]
        for lane in range(LANES):
            sums[cell_bin, lane] += multiplicity[row, lane] * value[cell]
    return sums
