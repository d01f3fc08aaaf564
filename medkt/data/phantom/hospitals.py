"""The appearance of a chest image at each of two hospitals: the domain shift of the phantom.

In: the density along the beam, from `chest.py`. Out: the image that the hospital's detector and processing produce.
Anatomy and findings are the same at both hospitals. Contrast, blur, noise, collimation and markers differ.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from medkt.data.phantom.anatomy import Pose
from medkt.data.phantom.drawing import Floats, grid, inside, strokes

Hospital = Literal["A", "B"]

# Starts and ends of the markers' strokes: an L beside the left shoulder, an R at the right base.
_L = (np.array([[0.83, 0.04], [0.83, 0.11]]), np.array([[0.83, 0.11], [0.875, 0.11]]))
_R = (
    np.array([[0.03, 0.86], [0.03, 0.86], [0.07, 0.87], [0.07, 0.89], [0.03, 0.895], [0.05, 0.895]]),
    np.array([[0.03, 0.93], [0.06, 0.86], [0.07, 0.89], [0.06, 0.895], [0.06, 0.895], [0.075, 0.93]]),
)


@lru_cache(maxsize=64)
def _marker(hospital: Hospital, size_px: int, steps: tuple[int, int]) -> Floats:
    start, end = _L if hospital == "A" else _R
    shift = 0.015 * np.array(steps)
    return strokes(size_px, start + shift, end + shift, 0.008)


def expose(density: Floats, pose: Pose, hospital: Hospital, rng: np.random.Generator) -> Floats:
    """Turn density into an image as a hospital does, with automatic exposure.

    Parameters
    ----------
    density : float32, (size, size)
        0 for air, 1 for metal.
    pose : Pose
        Its exposure is the mean of the image, whatever the findings are. Thus brightness alone predicts no finding.
    hospital : {"A", "B"}
        A: linear, sharp, little noise. B: darks lifted, blurred, coarse grain, heel effect, collimated.
    rng : numpy.random.Generator
        For the noise.

    Returns
    -------
    float32, (size, size)
        About 0 to 1, not clipped.
    """
    size = density.shape[0]
    noise = rng.standard_normal(density.shape, dtype=np.float32)
    if hospital == "A":
        image = np.clip(density, 0, 1)
        image += np.float32(0.015) * noise
    else:
        image = np.clip(density, 0, 1) ** np.float32(0.5)
        image = gaussian_filter(image, 0.013 * size, mode="nearest", truncate=3.0)
        image += gaussian_filter(noise, 0.008 * size, mode="nearest", truncate=2.5) * np.float32(0.05)
        u, v = grid(size)
        image *= np.float32(0.7) + np.float32(0.6) * v  # heel effect
        left, top, right, bottom = pose.collimation.astype(np.float32)
        field = np.minimum(np.minimum(u - left, 1 - right - u), np.minimum(v - top, 1 - bottom - v))
        image *= inside(field, max(1.0 / size, 0.006))
    image = np.maximum(image, _marker(hospital, size, pose.marker))
    exposure = np.float32(pose.exposure)
    image *= exposure / image.mean()
    return (image - exposure) * np.float32(pose.contrast) + exposure
