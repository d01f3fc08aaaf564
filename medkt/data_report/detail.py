"""Fine detail: the vessels of a retina, or the ribs and lung markings of a chest, without the common shading.

In: small grey images. Out: maps of detail, and how well two of them match. A perceptual hash shows that two images are
alike, as all chest X-rays are. Fine detail shows that they are of the same body.
"""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

SIDE_PX = 96
_SHADING_PX = 2.0  # standard deviation of the Gaussian blur that is subtracted as shading
_FLAT = 3.0  # grey levels; weaker detail is noise
_CLIP = 3.0  # standard deviations
_SHIFT_PX = 8  # largest shift of one image against the other
_TAPER = np.sqrt(np.outer(*[np.hanning(SIDE_PX + 2)[1:-1]] * 2))


def fine_detail(grey: np.ndarray) -> np.ndarray:
    """Remove the shading of an image, equalise its contrast, and fade it to its edges.

    Parameters
    ----------
    grey : uint8, (96, 96)

    Returns
    -------
    int8, (96, 96)
        In steps of 1/42 of the local standard deviation.
    """
    values = grey.astype(np.float32)
    values -= gaussian_filter(values, _SHADING_PX)
    values /= np.sqrt(gaussian_filter(values * values, 2 * _SHADING_PX)) + _FLAT
    values = np.clip(values, -_CLIP, _CLIP)
    return np.round((values - values.mean()) * _TAPER * (126 / (2 * _CLIP))).astype(np.int8)


def spectrum(details: np.ndarray) -> np.ndarray:
    """Compute the Fourier transform of maps of detail, scaled so that a map's match with itself is 1.

    Parameters
    ----------
    details : int8, (n, 96, 96)

    Returns
    -------
    complex64, (n, 96, 49)
    """
    values = details.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    size = np.sqrt((values * values).sum(axis=(1, 2), keepdims=True))
    return fft.rfft2(values / np.maximum(size, 1e-6))


def match(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the highest correlation of two maps over shifts of up to 8 pixels.

    Parameters
    ----------
    a, b : complex64, (n, 96, 49) or (1, 96, 49)
        From `spectrum`.

    Returns
    -------
    float32, (n,)
        1 for the same image. From `alike.SAME`, both are of the same body.
    """
    correlation = fft.irfft2(a * np.conj(b), s=(SIDE_PX, SIDE_PX))
    near = np.r_[-_SHIFT_PX : _SHIFT_PX + 1]
    return correlation[:, near][:, :, near].max(axis=(1, 2))
