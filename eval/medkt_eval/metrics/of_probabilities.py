"""Metrics of probabilities: Brier score and expected calibration error of one label.

In: sums of residuals, images and squared residuals, as `sums.probabilities` sums them: float64, (N_BINS + 2, ...). Out:
the metric, float64, (...), NaN without an image.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.metrics.sums import N_BINS, share


def brier(residuals: np.ndarray) -> np.ndarray:
    """Mean squared difference of probability and truth. Brier 1950, Mon. Weather Rev. 78:1."""
    return share(residuals[N_BINS + 1], residuals[N_BINS])


def ece(residuals: np.ndarray) -> np.ndarray:
    """Expected calibration error: mean over images of their bin's |mean residual|. Guo et al. 2017, ICML 34, Eq. 3."""
    return share(np.abs(residuals[:N_BINS]).sum(axis=0), residuals[N_BINS])
