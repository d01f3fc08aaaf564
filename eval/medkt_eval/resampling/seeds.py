"""The bootstrap over seeds and patients: each replicate of patients draws an arm's seeds again too.

In: joint patient replicates of an arm's runs. Out: replicates of the arm's mean. With few seeds its intervals are too
narrow where patients vary little; docs/statistics.md has the measured coverage.
"""

from __future__ import annotations

import zlib

import numpy as np


def mean_over_drawn_seeds(replicates: np.ndarray, *, seed: int, dataset: str, stream: str) -> np.ndarray:
    """Compute the mean over seeds drawn with replacement, in each replicate.

    Parameters
    ----------
    replicates : float64, (n_seeds, n_replicates)
        Joint patient replicates of each run.
    seed : int
        Seed of the evaluation.
    dataset, stream : str
        Names of the random stream. With nested seeds `stream` is the arm's id, so that arms draw independently; with
        crossed seeds it is the same word for all arms.

    Returns
    -------
    float64, (n_replicates,)
    """
    n_seeds, n_replicates = replicates.shape
    names = [zlib.crc32(name.encode()) for name in (dataset, stream)]
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2, *names]))
    drawn = rng.integers(0, n_seeds, size=(n_replicates, n_seeds))
    return replicates[drawn, np.arange(n_replicates)[:, None]].mean(axis=1)
