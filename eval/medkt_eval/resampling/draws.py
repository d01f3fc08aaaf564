"""Draws of patients: how often each patient is drawn in each bootstrap replicate.

In: the number of patients, a data set's name and a seed. Out: multiplicities, in blocks of replicates. A block has a
random stream of its own, so neither threads nor the number of replicates change a bit.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Literal

import numpy as np
from cachetools import LRUCache, cached

from medkt_eval.compiled import njit
from medkt_eval.resampling.strata import Strata

LANES = 64  # replicates side by side: a patient's multiplicities fill one cache line
BLOCK = LANES  # replicates that share a random stream
STREAMS = {"test": 1, "validation": 3}  # 2 is the stream of seeds, in seeds.py
REMEMBERED_BYTES = 2**30  # of draws, because every label and run of a data set asks for the same ones


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
        Number of patients; as many are drawn, with replacement.
    dataset : str
        Name of the data set. Data sets draw independently of each other.
    seed : int
        Seed of the evaluation, not negative.
    block : int
        Number of the block, which has the replicates `block * BLOCK` to `(block + 1) * BLOCK - 1`.
    strata : Strata, optional
        If given, each stratum draws as many patients as it has, from its own.
    split : {"test", "validation"}
        The split that the patients belong to; each split has its own random streams.

    Returns
    -------
    uint8, (n_patients, LANES)
        Read-only. No count overflows: 255 patients or fewer cannot, and with more, one patient would be drawn 256
        times in a replicate with a probability of 1e-507.

    Notes
    -----
    A draw is the upper half of the 64-bit product of 32 random bits and n_patients. A patient's probability is
    1/n_patients up to a relative error of n_patients / 2**32. The same holds within each stratum.

    Examples
    --------
    >>> drawn = multiplicities(1000, dataset="nih", seed=0, block=0)
    >>> drawn.shape, set(drawn.sum(axis=0).tolist())
    ((1000, 64), {1000})
    """
    stream = np.random.SeedSequence([seed, STREAMS[split], zlib.crc32(dataset.encode()), block])
    random = np.random.SFC64(stream)
    counts = np.zeros((LANES, n_patients), dtype=np.uint8)
    for lane_counts in counts:  # one lane at a time: random words take four times the memory of the counts
        words = random.random_raw((n_patients + 1) // 2)
        if strata is None:
            _count(words, lane_counts)
        else:
            _count_in_strata(words, lane_counts, strata.order, *strata.ranges)
    drawn = counts.T.copy()  # transposed: a patient's counts lie side by side
    drawn.flags.writeable = False
    return drawn


def for_each_block(fill: Callable[[int], None], replicates: int, threads: int | None = None) -> None:
    """Call `fill` with the number of each block of replicates, by default with one thread per processor."""
    blocks = range(-(-replicates // BLOCK))
    threads = min(threads or _processors(), len(blocks))
    if threads <= 1:
        for block in blocks:
            fill(block)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, blocks))


def _processors() -> int:
    """Number of processors that this process may use, if the system reports it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# Numbers stay unsigned inside the kernels: numba turns a sum of int64 and uint64 into float64.


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
    """Like `_count`, with each draw from its own stratum."""
    half, low = np.uint64(32), np.uint64(2**32 - 1)
    for k in range(len(counts)):
        word = words[k // 2]
        bits = word >> half if k % 2 else word & low
        counts[order[starts[k] + ((bits * sizes[k]) >> half)]] += np.uint8(1)
