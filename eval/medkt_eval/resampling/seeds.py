"""The bootstrap over seeds and patients at once: in each replicate of patients, an arm's seeds are drawn again too.

In: joint patient replicates of an arm's runs. Out: replicates of the arm's mean. With few seeds it is too narrow for
small variances over patients; docs/statistics.md has its measured coverage.
"""

from __future__ import annotations

import zlib

import numpy as np


def mean_over_drawn_seeds(replicates: np.ndarray, *, seed: int, dataset: str, stream: str) -> np.ndarray:
    """Mean over seeds drawn with replacement, in each replicate.

    Parameters
    ----------
    replicates : float64, (n_seeds, n_replicates)
        Joint patient replicates of each run.
    seed : int
        Of the evaluation.
    dataset, stream : str
        Name the random stream: an arm's id where seeds are nested, so that arms draw independently; the same word for
        all arms where they are crossed.

    Returns
    -------
    float64, (n_replicates,)
    """
    n_seeds, n_replicates = replicates.shape
    names = [zlib.crc32(name.encode()) for name in (dataset, stream)]
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2, *names]))
    drawn = rng.integers(0, n_seeds, size=(n_replicates, n_seeds))
    return replicates[drawn, np.arange(n_replicates)[:, None]].mean(axis=1)
