"""One textured, coloured shape on a textured, coloured background, as a replacement for natural images.

In: a shape's name, a size, a random generator for everything else. Out: an RGB image. Each class has its own outline
and surface, like a natural kind. Place, size, rotation, colours, background and light do not depend on the class.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from medkt.data.phantom.drawing import Floats, ellipse, grid, inside, smooth_noise

_ORIGIN = (0.0, 0.0)


def _petals(x: Floats, y: Floats, count: int, inner: float) -> Floats:
    angle = np.arctan2(y, x)
    radius = np.float32((1 + inner) / 2) + np.float32((1 - inner) / 2) * np.cos(np.float32(count) * angle)
    return (radius - np.hypot(x, y)) * np.float32(0.6)


def _star(x: Floats, y: Floats) -> Floats:
    """Draw a star with five points, by the distance to the nearest of its ten edges."""
    sector = np.float32(2 * math.pi / 5)
    angle = np.abs(np.mod(np.arctan2(y, x), sector) - sector / 2)
    radius = np.hypot(x, y)
    u, v = radius * np.cos(angle), radius * np.sin(angle)  # a notch lies at angle 0, a tip at 36 degrees
    notch, tip = 0.42, (math.cos(math.pi / 5), math.sin(math.pi / 5))
    edge = (tip[0] - notch, tip[1])
    length = math.hypot(*edge)
    return (v * np.float32(edge[0]) - (u - np.float32(notch)) * np.float32(edge[1])) / np.float32(length)


def _triangle(x: Floats, y: Floats) -> Floats:
    slanted = np.abs(x) * np.float32(math.sqrt(3) / 2) - y * np.float32(0.5)
    return np.float32(0.5) - np.maximum(slanted, y)


def _disc(x: Floats, y: Floats) -> Floats:
    return ellipse(x, y, _ORIGIN, (1.0, 1.0))


# Signed distance (positive inside) of each shape, about 1 in radius.
_OUTLINES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "disc": lambda x, y: _disc(x, y) - np.float32(0.1),
    "ring": lambda x, y: np.float32(0.2) - np.abs(np.hypot(x, y) - np.float32(0.75)),
    "crescent": lambda x, y: np.minimum(_disc(x, y), np.hypot(x - np.float32(0.5), y) - np.float32(0.75)),
    "half disc": lambda x, y: np.minimum(_disc(x, y), x + np.float32(0.1)),
    "triangle": _triangle,
    "square": lambda x, y: np.float32(0.75) - np.maximum(np.abs(x), np.abs(y)),
    "bar": lambda x, y: np.minimum(np.float32(1.0) - np.abs(x), np.float32(0.25) - np.abs(y)),
    "star": _star,
    "cross": lambda x, y: np.minimum(
        np.float32(0.95) - np.maximum(np.abs(x), np.abs(y)), np.float32(0.28) - np.minimum(np.abs(x), np.abs(y))
    ),
    "flower": lambda x, y: _petals(x, y, 6, 0.5),
}

SHAPES = tuple(_OUTLINES)

# Pattern on each shape, about -1 to 1, in the coordinates of its outline. It turns and grows with the shape.
_SURFACES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "disc": lambda x, y: np.sin(np.float32(18) * np.hypot(x, y)),
    "ring": lambda x, y: np.sin(np.float32(14) * np.arctan2(y, x)),
    "crescent": lambda x, _y: np.sin(np.float32(16) * x),
    "half disc": lambda _x, y: np.sin(np.float32(9) * y),
    "triangle": lambda x, y: np.sin(np.float32(10) * x) * np.sin(np.float32(10) * y),
    "square": lambda x, y: np.sign(np.sin(np.float32(7) * x) * np.sin(np.float32(7) * y)),
    "bar": lambda x, _y: np.sign(np.sin(np.float32(11) * x)),
    "star": lambda x, y: np.cos(np.float32(4) * np.hypot(x, y)),
    "cross": lambda x, y: np.maximum(np.abs(np.sin(np.float32(8) * x)), np.abs(np.sin(np.float32(8) * y))) * 2 - 1,
    "flower": lambda x, y: np.sin(np.float32(12) * x + np.float32(3) * np.sin(np.float32(9) * y)),
}


def _background(rng: np.random.Generator, size_px: int) -> Floats:
    """Draw stripes, checks, clouds or grain, about -1 to 1."""
    kind = int(rng.integers(4))
    if kind >= 2:
        return np.float32(0.8) * smooth_noise(
            rng, size_px, int(rng.integers(3, 7) if kind == 2 else rng.integers(14, 24))
        )
    x, y = grid(size_px)
    angle, phase = rng.uniform(0, math.pi), rng.uniform(0, 2 * math.pi)
    waves = 2 * math.pi * rng.uniform(3, 9)
    cos, sin = np.float32(waves * math.cos(angle)), np.float32(waves * math.sin(angle))
    stripes = np.sin(x * cos + y * sin + np.float32(phase))
    return stripes if kind == 0 else stripes * np.sin(y * cos - x * sin) * np.float32(1.4)


def _two_colours(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the shape's and the background's colour, different enough to see the shape."""
    first = rng.uniform(0.15, 0.85, 3)
    second = rng.uniform(0.15, 0.85, 3)
    difference = second - first
    distance = math.sqrt(float(difference @ difference)) + 1e-6
    if distance < 0.4:
        second = np.clip(first + difference * (0.4 / distance), 0.05, 0.95)
    return first.astype(np.float32), second.astype(np.float32)


def draw_shape(shape: str, size_px: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw one shape.

    Parameters
    ----------
    shape : str
        One of `SHAPES`.
    size_px : int
    rng : numpy.random.Generator
        Decides everything except the shape.

    Returns
    -------
    uint8, (size_px, size_px, 3)

    Examples
    --------
    >>> draw_shape("star", 32, rng=np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    radius, angle = rng.uniform(0.28, 0.42), rng.uniform(0, 2 * math.pi)
    centre = rng.uniform(0.4, 0.6, 2).tolist()
    squeeze = rng.uniform(0.85, 1.0)
    u, v = grid(size_px)
    cos, sin = np.float32(math.cos(angle) / radius), np.float32(math.sin(angle) / radius)
    u, v = u - np.float32(centre[0]), v - np.float32(centre[1])
    x, y = u * cos + v * sin, (v * cos - u * sin) * np.float32(1 / squeeze)
    cover = inside(_OUTLINES[shape](x, y) * np.float32(radius), 1 / size_px)

    front, back = _two_colours(rng)
    strength = rng.uniform((0.02, 0.15), (0.08, 0.3))
    ground = back * 1
    image = np.empty((size_px, size_px, 3), np.float32)
    shade = np.float32(strength[0]) * _background(rng, size_px)
    shade_front = np.float32(strength[1]) * _SURFACES[shape](x, y)
    light = rng.uniform(-0.25, 0.25, 2)
    shade = shade + cover * (shade_front - shade)
    shade += u * np.float32(light[0]) + v * np.float32(light[1])
    shade += np.float32(0.02) * rng.standard_normal((size_px, size_px), dtype=np.float32)
    for channel in range(3):
        image[..., channel] = ground[channel] + cover * (front[channel] - ground[channel]) + shade
    return (np.clip(image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
