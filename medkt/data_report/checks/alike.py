"""Find pairs of images that are alike: select candidates by perceptual hash, then compare their fine detail.

In: a `Survey`. Out: `Pairs`. Every pair of hashes is compared, which takes a nanosecond or two per pair. Fine detail is
compared only for the nearest pairs, at most `MOST_PAIRS`, so the comparison of hashes determines how time grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medkt.data_report import detail
from medkt.data_report.survey import Survey
from medkt_eval.compiled import njit

MOST_PAIRS = 200_000
SAME = 0.55
"""Least match of images of one body. None of 366,000 pairs of strangers exceeded 0.51 (docs/measurements.md)."""
COPY_BITS, COPY_MATCH = 32, 0.85
"""Two pictures are copies if their hashes differ in at most so many of 256 bits, or their detail matches at least so
well. On real images, compression, noise and size change few bits. Shifts, turns of a degree and equalised histograms
keep the detail. Two exposures of one chest differ in both."""
_STRANGERS = 2000  # pairs that show how alike strangers are
_AT_ONCE = 256


@dataclass(frozen=True)
class Pairs:
    """Pairs of images, by index.

    Parameters
    ----------
    first, second : int64, (n_pairs,)
        `first` < `second`.
    bits : int64, (n_pairs,)
        Bits in which their hashes differ, of 256.
    match : float64, (n_pairs,)
        Match of their fine detail; 1 for the same image.
    """

    def copies(self) -> np.ndarray:
        """Find the pairs that show one picture, not only one body. bool, (n_pairs,)."""
        return (self.bits <= COPY_BITS) | (self.match >= COPY_MATCH)

    first: np.ndarray
    second: np.ndarray
    bits: np.ndarray
    match: np.ndarray

    def only(self, rows: np.ndarray) -> Pairs:
        """Select some of the pairs."""
        return Pairs(self.first[rows], self.second[rows], self.bits[rows], self.match[rows])


def alike(images: Survey, usable: np.ndarray, patients: np.ndarray) -> tuple[Pairs, str]:
    """Find pairs whose fine detail matches: copies of a picture, or pictures of one body.

    Parameters
    ----------
    images : Survey
    usable : bool, (n_images,)
        Which images to compare.
    patients : str, (n_images,)
        The patient of each image.

    Returns
    -------
    pairs : Pairs
        Sorted by `first`, `second`.
    looked_at : str
        The number of pairs compared, in words.
    """
    rows = np.flatnonzero(usable)
    hashes = np.ascontiguousarray(images.hashes[rows])
    counts = count_bits(hashes)
    total = int(counts.sum())
    # The largest distance for which at most MOST_PAIRS pairs are as near or nearer.
    farthest = int(np.searchsorted(np.cumsum(counts), MOST_PAIRS, side="right")) - 1
    first, second, bits = near_pairs(hashes, farthest, int(counts[: farthest + 1].sum()))
    first, second = rows[first], rows[second]
    judged = Pairs(first, second, bits, _matches(images.details, first, second))
    least_match = _least_match(images.details, rows, patients)
    scope = (
        f"{total:,} pairs by perceptual hash, the nearest {first.size:,} by fine detail; "
        f"of one body from a match of {least_match:.2f}"
    )
    return judged.only(np.flatnonzero(judged.match >= least_match)), scope


def _least_match(details: np.ndarray, rows: np.ndarray, patients: np.ndarray) -> float:
    """Return the least match of images of one body: `SAME`, or more if strangers are much alike, as in drawn images."""
    if len(rows) < 2:
        return SAME
    pairs = np.sort(np.random.default_rng(0).choice(rows, size=(_STRANGERS, 2)), axis=1)
    pairs = np.unique(pairs[patients[pairs[:, 0]] != patients[pairs[:, 1]]], axis=0)
    if len(pairs) < _STRANGERS // 4:
        return SAME
    middle, high = np.quantile(_matches(details, *pairs.T), [0.5, 0.9])
    return max(SAME, float(middle + 4.5 * (high - middle)))


def _matches(details: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    matches = np.empty(first.size)
    starts = np.flatnonzero(np.r_[True, first[1:] != first[:-1]]) if first.size else np.empty(0, dtype=np.int64)
    for start, stop in zip(starts, np.r_[starts[1:], first.size], strict=True):
        first_spectrum = detail.spectrum(details[first[start]][None])
        for k in range(start, stop, _AT_ONCE):
            others = slice(k, min(k + _AT_ONCE, stop))
            matches[others] = detail.match(first_spectrum, detail.spectrum(details[second[others]]))
    return matches


@njit(cache=True, nogil=True)
def _bits(a: np.ndarray, b: np.ndarray) -> int:
    """Count the bits in which two hashes of 256 bits differ. Bits are counted as in Hacker's Delight, section 5-1."""
    n = 0
    for word in range(4):
        x = a[word] ^ b[word]
        x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
        x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        n += int((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
    return n


@njit(cache=True, nogil=True)
def count_bits(hashes: np.ndarray) -> np.ndarray:
    """Count the pairs that differ in 0, 1, ... 256 bits. `hashes` uint64, (n, 4) -> int64, (257,)."""
    counts = np.zeros(257, dtype=np.int64)
    for i in range(len(hashes)):
        for j in range(i + 1, len(hashes)):
            counts[_bits(hashes[i], hashes[j])] += 1
    return counts


@njit(cache=True, nogil=True)
def near_pairs(hashes: np.ndarray, farthest: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the `n` pairs that differ in at most `farthest` bits, sorted, and their bits. int64, (n,) each."""
    first, second, bits = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    k = 0
    for i in range(len(hashes)):
        for j in range(i + 1, len(hashes)):
            distance = _bits(hashes[i], hashes[j])
            if distance <= farthest:
                first[k], second[k], bits[k] = i, j, distance
                k += 1
    return first, second, bits
