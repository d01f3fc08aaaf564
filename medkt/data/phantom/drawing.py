"""Drawing primitives of the phantoms, in unit coordinates: (0, 0) is the top left corner, (1, 1) the bottom right.

In: lengths as fractions of the image's side, so that a picture is the same at any size. Out: float32 coverages in
[0, 1], anti-aliased over about one pixel. Only functions that take a `Generator` are random.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]  # always float32, which numpy's type stubs do not track

_LONGEST_PIECE = 0.1  # longer strokes are cut into pieces, so that their windows stay small


@lru_cache(maxsize=8)
def grid(size_px: int) -> tuple[Floats, Floats]:
    """Return the pixel centres of a square image: x and y, each float32, (size_px, size_px), read-only.

    Examples
    --------
    >>> grid(2)[0].tolist()
    [[0.25, 0.75], [0.25, 0.75]]
    """
    centres = (np.arange(size_px, dtype=np.float32) + 0.5) / np.float32(size_px)
    x = np.ascontiguousarray(np.broadcast_to(centres, (size_px, size_px)))
    y = np.ascontiguousarray(x.T)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def inside(distance: Floats, softness: float) -> Floats:
    """Convert a signed distance (positive inside) to coverage. The edge is `softness` wide, in unit lengths."""
    coverage = distance * np.float32(1.0 / softness)
    coverage += np.float32(0.5)
    return np.clip(coverage, 0.0, 1.0, out=coverage)


def ellipse(
    x: Floats, y: Floats, centre: tuple[float, float], radii: tuple[float, float], angle: float = 0.0
) -> Floats:
    """Return the approximate signed distance (positive inside) to an ellipse that is turned by `angle` radians."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
    along = (dx * cos + dy * sin) * np.float32(1.0 / radii[0])
    across = (dy * cos - dx * sin) * np.float32(1.0 / radii[1])
    radius = np.sqrt(along * along + across * across)
    return (np.float32(1.0) - radius) * np.float32(min(radii))


def haze(x: Floats, y: Floats, centre: tuple[float, float], radii: tuple[float, float]) -> Floats:
    """Return a Gaussian cloud of height 1 with standard deviations `radii`."""
    dx = (x - np.float32(centre[0])) * np.float32(1.0 / radii[0])
    dy = (y - np.float32(centre[1])) * np.float32(1.0 / radii[1])
    return np.exp(np.float32(-0.5) * (dx * dx + dy * dy))


@lru_cache(maxsize=64)
def _interpolation(size_px: int, cells: int) -> tuple[np.ndarray, Floats]:
    position = (np.arange(size_px) + 0.5) / size_px * (cells - 1)
    lower = np.minimum(position.astype(np.intp), cells - 2)
    fraction = position - lower
    return lower, (fraction * fraction * (3 - 2 * fraction)).astype(np.float32)


def smooth_noise(rng: np.random.Generator, size_px: int, cells: int) -> Floats:
    """Draw noise of about unit variance: `cells` x `cells` normal values, smoothly interpolated to any size."""
    values = rng.standard_normal((cells, cells), dtype=np.float32)
    lower, weight = _interpolation(size_px, cells)
    rows = values[lower]
    rows += weight[:, None] * (values[lower + 1] - rows)
    left = rows[:, lower]
    left += weight * (rows[:, lower + 1] - left)
    return left


def strokes(size_px: int, start: ArrayLike, end: ArrayLike, half_width: ArrayLike) -> Floats:
    """Draw straight strokes with round ends. Where strokes overlap, the strongest counts.

    Parameters
    ----------
    size_px : int
    start, end : (n, 2)
        Their x and y.
    half_width : scalar or (n,)
        Half the width in unit lengths. A stroke thinner than a pixel is drawn fainter.

    Returns
    -------
    float32, (size_px, size_px)

    Examples
    --------
    >>> strokes(4, [[0.0, 0.375]], [[1.0, 0.375]], 0.125)[:, 0].round(3).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    # All lengths below are in pixels.
    first: np.ndarray = np.asarray(start, np.float64) * size_px
    along: np.ndarray = np.asarray(end, np.float64) * size_px - first
    half = np.full(len(first), half_width, np.float64) * size_px
    pieces = np.maximum(np.ceil(np.hypot(along[:, 0], along[:, 1]) / (_LONGEST_PIECE * size_px)), 1).astype(np.intp)
    if pieces.max() > 1:
        along /= pieces[:, None]
        order = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        along = np.repeat(along, pieces, axis=0)
        first = np.repeat(first, pieces, axis=0) + order[:, None] * along
        half = np.repeat(half, pieces)

    # Each piece is drawn in its own square window, and all windows are drawn at once: (pieces, window, window).
    reach = half.max() + 0.5
    window = int(np.abs(along).max() + 2 * reach) + 2
    corner = np.floor(np.minimum(first, first + along) - reach).astype(np.intp)
    np.clip(corner, -window, size_px, out=corner)  # parts outside the image go to a margin, which is cut off
    pixels = corner[:, :, None] + np.arange(window)
    away = (pixels + 0.5 - first[:, :, None]).astype(np.float32)
    along = along.astype(np.float32)
    square = np.maximum(along[:, 0] * along[:, 0] + along[:, 1] * along[:, 1], np.float32(1e-6))
    projected = away * (along / square[:, None])[:, :, None]
    place = (
        projected[:, 0, None, :] + projected[:, 1, :, None]
    )  # position along the piece, 0 at its start and 1 at its end
    nearest = np.clip(place, 0.0, 1.0)
    place *= np.float32(-2)
    place += nearest
    place *= nearest
    place *= square[:, None, None]
    away *= away
    place += away[:, 0, None, :]
    place += away[:, 1, :, None]  # the expanded squared distance
    np.maximum(place, 0.0, out=place)
    np.sqrt(place, out=place)
    half = half.astype(np.float32)[:, None, None]
    coverage = np.subtract(half + np.float32(0.5), place, out=place)
    np.clip(coverage, 0.0, np.minimum(2 * half, np.float32(1.0)), out=coverage)

    width = size_px + 2 * window
    canvas = np.zeros(width * width, np.float32)
    pixels += window
    flat = (pixels[:, 1] * width)[:, :, None] + pixels[:, 0, None, :]
    np.maximum.at(canvas, flat.ravel(), coverage.ravel())
    return canvas.reshape(width, width)[window : window + size_px, window : window + size_px]


def points(complex_points: np.ndarray) -> np.ndarray:
    """Convert x + iy, complex (n,), to float64 (n, 2). Complex numbers make turning and adding directions easy."""
    return np.ascontiguousarray(complex_points).view(np.float64).reshape(-1, 2)


@lru_cache(maxsize=16)
def _bernstein(pieces: int) -> np.ndarray:
    t = np.linspace(0.0, 1.0, pieces + 1)[:, None]
    return np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3], axis=1)


def bezier(points: ArrayLike, pieces: int) -> np.ndarray:
    """Return `pieces` + 1 points, float64 (pieces + 1, 2), on the cubic Bezier curve with four control points."""
    return np.einsum("ij,jk->ik", _bernstein(pieces), np.asarray(points, np.float64))
