"""The joint patient bootstrap: replicates of metrics of ranks, and of sums over images.

In: rankings, or sums by patient, of any runs and labels of one data set. Out: each one's value in every replicate. One
draw of patients a replicate is shared by all of them, so that differences between runs are replicates too.

A replicate is how often each patient is drawn; no image is copied. `LANES` replicates lie side by side: an image adds
one row of small integers to running counts in the order of scores. Counts are integers, hence exact, and a block of
replicates has a random stream of its own: threads, order and company of the columns change no bit.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np
from cachetools import LRUCache, cached
from numba import njit

from medkt_eval.errors import InputError
from medkt_eval.metrics.ranking import Ranking
from medkt_eval.metrics.sums import Cells
from medkt_eval.resampling.strata import Strata

LANES = 64  # replicates side by side: a patient's multiplicities fill one line of the cache
BLOCK = LANES  # replicates of one random stream
STREAMS = {"test": 1, "validation": 3}  # 2: of seeds, seed_resampling.py
MOST_IMAGES = 2**31 - 1  # of a replicate: twice as many are counted in 32 bits
REMEMBERED_BYTES = 2**30  # of draws, which every label and run of a data set asks for again


@dataclass(frozen=True)
class RankedReplicates:
    """Metrics of ranks in each replicate; NaN where a replicate has no positive or no negative image.

    Parameters
    ----------
    auc : float64, (n_rankings, replicates)
    average_precision, sensitivity_at_specificity : float64, (n_rankings, replicates), or None
        None where not asked for.
    """

    auc: np.ndarray
    average_precision: np.ndarray | None
    sensitivity_at_specificity: np.ndarray | None


@cached(LRUCache(REMEMBERED_BYTES, getsizeof=lambda drawn: drawn.nbytes), lock=Lock())
def multiplicities(
    n_patients: int,
    *,
    dataset: str,
    seed: int,
    block: int,
    strata: Strata | None = None,
    split: Literal["test", "validation"] = "test",
) -> np.ndarray:
    """How often each patient is drawn in each replicate of one block.

    Parameters
    ----------
    n_patients : int
        Patients drawn, with replacement, from as many.
    dataset : str
        The data set's name: data sets draw independently of each other.
    seed : int
        Of the evaluation, not negative.
    block : int
        Replicates `block * BLOCK` to `(block + 1) * BLOCK - 1`.
    strata : Strata, optional
        Draw in each stratum as many patients as it has, from its own.
    split : {"test", "validation"}
        Whose patients they are: each split has streams of its own.

    Returns
    -------
    uint8, (n_patients, LANES)
        Read-only. No count overflows: up to 255 patients cannot, and of more, one would be drawn 256 times in a
        replicate with a probability of 1e-507.

    Notes
    -----
    A word of 32 random bits times n_patients, its upper half: a patient's probability is 1/n_patients to within
    n_patients / 2**32 of itself. Of strata, read the same of each one.

    Examples
    --------
    >>> drawn = multiplicities(1000, dataset="nih", seed=0, block=0)
    >>> drawn.shape, set(drawn.sum(axis=0).tolist())
    ((1000, 64), {1000})
    """
    stream = np.random.SeedSequence([seed, STREAMS[split], zlib.crc32(dataset.encode()), block])
    random = np.random.SFC64(stream)
    counts = np.zeros((LANES, n_patients), dtype=np.uint8)
    for of_lane in counts:  # words for one at a time: for all of them they take four times what is drawn
        words = random.random_raw((n_patients + 1) // 2)
        if strata is None:
            _count(words, of_lane)
        else:
            _count_in_strata(words, of_lane, strata.order, *strata.ranges)
    drawn = counts.T.copy()  # a lane's counts fit the nearest cache; a patient's, one line of it
    drawn.flags.writeable = False
    return drawn


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
    """AUC, and other metrics of ranks, of each ranking in each replicate.

    Parameters
    ----------
    rankings : sequence of Ranking
        Any labels and runs of one data set, all over the same patients.
    replicates : int
        A replicate is the same however many are asked for.
    seed, dataset, strata
        Name the random streams and say how they are used: see `multiplicities`.
    first : int
        Number of the first replicate, a multiple of `BLOCK`: a part of them can be drawn by itself.
    threads : int, optional
        Threads at work, by default one a processor. The result does not depend on it.
    average_precision : bool
        Whether it is wanted as well (scikit-learn's definition).
    specificity : float, optional
        Asks for the largest sensitivity of the thresholds (score >= threshold) with at least this specificity.

    Raises
    ------
    InputError
        More images in a replicate than are counted.

    Examples
    --------
    >>> from medkt_eval.metrics.ranking import rank
    >>> one = rank(np.array([0, 1, 0, 1]), np.array([0.1, 0.3, 0.3, 0.4]), np.arange(4), 4)
    >>> resample_ranked([one], replicates=3, seed=2, dataset="nih").auc
    array([[1. , 0.5, nan]])
    """
    n_patients = _common_patients(rankings)
    columns = [_descent(ranking) for ranking in rankings]
    most_images = max((len(patient) for patient, _ in columns), default=0)
    found = np.empty((3, len(rankings), replicates))

    def fill(block: int) -> None:
        drawn = multiplicities(n_patients, dataset=dataset, seed=seed, block=first // BLOCK + block, strata=strata)
        _refuse_too_many(int(drawn.max(initial=0)) * most_images)
        here = slice(block * BLOCK, (block + 1) * BLOCK)
        for k, (patient, bounds) in enumerate(columns):
            values = _walk(drawn, patient, bounds, average_precision, -1.0 if specificity is None else specificity)
            found[:, k, here] = values[:, : found[:, k, here].shape[1]]

    for_each_block(fill, replicates, threads)
    return RankedReplicates(
        found[0], found[1] if average_precision else None, None if specificity is None else found[2]
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
    """Sums over images in each replicate: multiplicity[patient] times value, over the cells of a bin in their order.

    Parameters
    ----------
    cells : sequence of Cells
        Of one data set, all over the same patients.
    replicates, seed, dataset, first, threads, strata
        As `resample_ranked`; the replicates are the same.

    Returns
    -------
    list of float64, (n_bins, replicates)

    Examples
    --------
    >>> images = Cells(np.arange(4), np.zeros(4, int), np.array([1.0, 1.0, 2.0, 5.0]), n_bins=1, n_patients=4)
    >>> resample_sums([images], replicates=3, seed=2, dataset="nih")[0]
    array([[ 8.,  5., 12.]])
    """
    n_patients = _common_patients(cells)
    columns = [
        (one.patient.astype(np.uint32), one.bin.astype(np.uint32), one.value.astype(np.float64)) for one in cells
    ]
    found = [np.empty((one.n_bins, replicates)) for one in cells]

    def fill(block: int) -> None:
        drawn = multiplicities(n_patients, dataset=dataset, seed=seed, block=first // BLOCK + block, strata=strata)
        for values, column in zip(found, columns, strict=True):
            here = values[:, block * BLOCK : (block + 1) * BLOCK]
            here[:] = _sum(drawn, *column, len(values))[:, : here.shape[1]]

    for_each_block(fill, replicates, threads)
    return found


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


def for_each_block(fill: Callable[[int], None], replicates: int, threads: int | None = None) -> None:
    """Call `fill` with the number of each block of replicates, by default with a thread a processor."""
    blocks = range(-(-replicates // BLOCK))
    threads = min(threads or _processors(), len(blocks))
    if threads <= 1:
        for block in blocks:
            fill(block)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, blocks))


def _processors() -> int:
    """Those this process may run on, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _descent(ranking: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """A ranking as `_walk` reads it: from the highest score down, in stretches that need no comparison of scores.

    Returns
    -------
    patient : uint32, (n_images,)
        In descending order of score, positives before the negatives they are tied with.
    bounds : int64, (n_groups + 1, 3)
        A group is the images of one score with a positive among them: where the negatives between the group before
        and this one begin, where its positives begin, where its own negatives begin (they end where the next begins).
        The last row has the negatives below every positive.
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
    return ranking.patient[::-1][order].astype(np.uint32), bounds  # unsigned: no index counts from the end


# Numbers stay unsigned inside the kernels: numba makes float64 of a sum of int64 and uint64.


@njit(cache=True, nogil=True)
def _count(words: np.ndarray, counts: np.ndarray) -> None:
    """Add a lane's draws to its counts."""
    n, half, low = np.uint64(len(counts)), np.uint64(32), np.uint64(2**32 - 1)
    for k in range(len(counts)):
        word = words[k // 2]
        bits = word >> half if k % 2 else word & low
        counts[(bits * n) >> half] += np.uint8(1)


@njit(cache=True, nogil=True)
def _count_in_strata(
    words: np.ndarray, counts: np.ndarray, order: np.ndarray, starts: np.ndarray, sizes: np.ndarray
) -> None:
    """As `_count`, each draw from its own stratum."""
    half, low = np.uint64(32), np.uint64(2**32 - 1)
    for k in range(len(counts)):
        word = words[k // 2]
        bits = word >> half if k % 2 else word & low
        counts[order[starts[k] + ((bits * sizes[k]) >> half)]] += np.uint8(1)


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
    losses = np.zeros(LANES, dtype=np.uint64)  # pairs whose negative is higher, doubled: half a tie is an integer too
    found = np.zeros((3, LANES))
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
                found[1, lane] += tied_positives[lane] * (true_calls[lane] / calls)
        if specificity >= 0:
            for lane in range(LANES):
                spared = float(negatives[lane]) - false_calls[lane]
                if spared / max(negatives[lane], 1) >= specificity:
                    found[2, lane] = true_calls[lane]
    _add(false_calls, multiplicity, patient, bounds[groups, 0], bounds[groups, 1])
    for lane in range(LANES):
        m, n = np.uint64(true_calls[lane]), np.uint64(false_calls[lane])
        pairs = np.uint64(2) * m * n
        found[0, lane] = (pairs - losses[lane]) / pairs if pairs else np.nan
        found[1, lane] = found[1, lane] / m if pairs else np.nan
        found[2, lane] = found[2, lane] / m if pairs else np.nan
    return found


@njit(cache=True, nogil=True)
def _sum(
    multiplicity: np.ndarray, patient: np.ndarray, kind: np.ndarray, value: np.ndarray, n_kinds: int
) -> np.ndarray:
    """Sums of one column in each lane: float64, (n_kinds, LANES)."""
    found = np.zeros((n_kinds, LANES))
    for cell in range(len(value)):
        row, into = patient[cell], kind[cell]
        for lane in range(LANES):
            found[into, lane] += multiplicity[row, lane] * value[cell]
    return found
