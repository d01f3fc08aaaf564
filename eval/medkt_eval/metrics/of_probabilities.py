"""Metrics of probabilities: Brier score and calibration errors of one label.

In: sums over images, as `sums.probabilities` or `sums.bins` makes them: float64, (n_sums, ...). Out: the metric,
float64, (...), NaN without an image.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.metrics.sums import N_BINS, share


def brier(sums: np.ndarray) -> np.ndarray:
    """Mean squared difference of probability and truth. Brier 1950, Mon. Weather Rev. 78:1."""
    return share(sums[1], sums[0])


def ece(bins: np.ndarray) -> np.ndarray:
    """Expected calibration error: mean over images of their bin's |mean residual|. Guo et al. 2017, ICML 34, Eq. 3.

    It is biased upward, because noise alone makes the mean residual of a bin differ from 0.
    """
    residuals, images = bins[:N_BINS], bins[N_BINS : 2 * N_BINS]
    return share(np.abs(residuals).sum(axis=0), images.sum(axis=0))


def squared_calibration_error(bins: np.ndarray) -> np.ndarray:
    """Squared calibration error without the bias of noise: mean over images of their bin's squared mean residual.

    The square of a bin is the mean product of the residuals of two images of different patients. So noise does not
    count, nor does what images of a patient have in common. The value may be negative. A bin of one patient adds 0.

    Notes
    -----
    T = sum_b (n_b/N) [(sum_i E_ib)^2 - sum_i E_ib^2] / (n_b^2 - sum_i n_ib^2), with E_ib the residual sum and n_ib the
    images of patient i in bin b. Kumar, Liang & Ma 2019, NeurIPS 32; Sun et al. 2024, arXiv 2408.08998.
    """
    residuals, images, squared_residuals, squared_images = bins.reshape(4, N_BINS, *bins.shape[1:])
    pairs = images**2 - squared_images
    squares = np.divide(residuals**2 - squared_residuals, pairs, out=np.zeros(residuals.shape), where=pairs > 0)
    return share((images * squares).sum(axis=0), images.sum(axis=0))
