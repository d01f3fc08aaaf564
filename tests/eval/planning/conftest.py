"""Simulated studies with known variance components."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest


def simulate(rng, n_seeds, n_patients, *, seeds, together, patients):
    """Two equal arms' runs of a metric that is a mean over patients, and their jackknife covariance.

    `seeds`, `together` and `patients` are the components with `n_patients`; patients differ between the arms.
    """
    shared = np.repeat(rng.normal(0, math.sqrt(n_patients * patients / 2), (2, n_patients)), n_seeds, axis=0)
    x = shared + rng.normal(0, math.sqrt(n_patients * together), shared.shape)  # (2 n_seeds, n_patients)
    values = rng.normal(0, math.sqrt(seeds), 2 * n_seeds) + x.mean(axis=1)
    return values[:n_seeds], values[n_seeds:], np.cov(x) / n_patients


@pytest.fixture(scope="session")
def study() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return simulate
