"""A fundus photograph drawn from an eye's anatomy and its grade of diabetic retinopathy.

In: an `Eye` from `sample_eye` (disc, macula, vessels, and possible places of lesions), a side, a grade, a size. Out: an
RGB image. Coordinates are fractions of the image's side, with (0, 0) in the middle. Every eye is drawn as a right eye,
whose disc is on the image's right, and a left eye is then mirrored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medkt.data.phantom.drawing import Floats, ellipse, grid, haze, inside, points, smooth_noise, strokes

Side = Literal["left", "right"]
Strokes = tuple[np.ndarray, np.ndarray, np.ndarray]

# Lowest and highest number of lesions of each kind in each grade. Graders distinguish the grades by these signs.
_COUNTS: dict[str, tuple[tuple[int, int], ...]] = {
    "microaneurysm": ((0, 0), (8, 14), (10, 16), (14, 22), (10, 20)),
    "haemorrhage": ((0, 0), (0, 0), (5, 9), (18, 26), (8, 16)),
    "exudate": ((0, 0), (0, 0), (8, 16), (8, 18), (4, 14)),
    "cotton wool": ((0, 0), (0, 0), (0, 1), (4, 6), (1, 3)),
}
_RADII = {"microaneurysm": (0.007, 0.010), "haemorrhage": (0.013, 0.022), "exudate": (0.007, 0.013)}


@dataclass(frozen=True)
class Eye:
    """One eye, as a right eye. Lengths are fractions of the image's side."""

    disc: tuple[float, float]
    disc_radius: float
    macula: tuple[float, float]
    vessels: Strokes
    colour: tuple[float, float, float]
    turn: float
    amount: float  # 0 to 1: position of the number of lesions within the grade's range
    places: np.ndarray  # (80, 3): x, y and size (0 to 1) of lesions, used in this order
    new_vessels: Strokes
    boat: tuple[float, float]  # centre of a preretinal haemorrhage


def _tree(rng: np.random.Generator, disc: tuple[float, float]) -> Strokes:
    """Grow two arcades around the macula and two nasal vessels. Each has branches."""
    up = np.repeat([-1.0, 1.0], 3)[:, None]
    reach = np.tile([-0.62, -0.40, 0.28], 2)[:, None]
    lift = np.tile([0.30, 0.40, 0.20], 2)[:, None] * rng.uniform(0.85, 1.15, (6, 1))
    t = np.linspace(0, 1, 9)
    bend = np.where(reach < 0, np.sin(t * (0.62 * math.pi)), t**0.8)
    wander = np.cumsum(rng.normal(0, 0.006, (6, 9, 2)).view(np.complex128)[..., 0], axis=1)
    path = complex(*disc) + reach * t**1.25 + 1j * up * lift * bend + wander * (t > 0)
    half_width = np.tile([0.0085, 0.0060, 0.0055], 2)[:, None] * np.linspace(1, 0.45, 8)
    starts, ends, widths = [path[:, :-1].ravel()], [path[:, 1:].ravel()], [half_width.ravel()]
    root = path[:, 2:8]
    turn = np.tile([1.0, -1.0], 3) * rng.uniform(0.5, 0.9, (6, 6))
    heading = np.angle(path[:, 3:] - root) + turn
    for length, share in ((0.075, 0.55), (0.06, 0.4)):
        tip = root + length * np.exp(1j * heading)
        starts.append(root.ravel())
        ends.append(tip.ravel())
        widths.append((half_width[:, 2:] * share).ravel())
        root, heading = tip, heading + rng.normal(0, 0.3, (6, 6))
    return points(np.concatenate(starts)), points(np.concatenate(ends)), np.concatenate(widths)


def _tangle(rng: np.random.Generator, centre: tuple[float, float]) -> Strokes:
    """Draw a fan of fine loops, the shape of new vessels."""
    angle = np.linspace(0, 2 * math.pi, 11)[:-1] + rng.normal(0, 0.2, 10)
    radius = rng.uniform(0.05, 0.10, 10)
    middle = complex(*centre)
    spokes = middle + radius * np.exp(1j * angle)
    start = np.concatenate([np.full(10, middle), spokes])
    end = np.concatenate([spokes, np.roll(spokes, 1)])
    return points(start), points(end), np.full(20, 0.0045)


def sample_eye(patient_rng: np.random.Generator, eye_rng: np.random.Generator) -> Eye:
    """Draw an eye. Colour and size of the disc belong to the patient; everything else belongs to the eye.

    Examples
    --------
    >>> eye = sample_eye(np.random.default_rng(0), np.random.default_rng(1))
    >>> eye.disc[0] > eye.macula[0]
    True
    """
    radius = patient_rng.uniform(0.058, 0.07)
    warm = patient_rng.uniform(-1, 1)
    colour = (0.72 + 0.06 * warm, 0.36 + 0.05 * warm, 0.17 + 0.03 * patient_rng.uniform(-1, 1))
    disc = (0.235 + eye_rng.uniform(-0.015, 0.015), eye_rng.uniform(-0.03, 0.02))
    macula = (disc[0] - 5.0 * radius * eye_rng.uniform(0.92, 1.05), disc[1] + 0.025)
    angle, distance = eye_rng.uniform(0, 2 * math.pi, 80), 0.40 * np.sqrt(eye_rng.uniform(0.02, 1, 80))
    places = np.stack([distance * np.cos(angle), distance * np.sin(angle), eye_rng.random(80)], 1)
    site = disc if eye_rng.random() < 0.5 else (float(places[-1, 0]) * 0.7, float(places[-1, 1]) * 0.7)
    return Eye(
        disc=disc,
        disc_radius=radius,
        macula=macula,
        vessels=_tree(eye_rng, disc),
        colour=colour,
        turn=eye_rng.normal(0, 0.06),
        amount=eye_rng.random(),
        places=places,
        new_vessels=_tangle(eye_rng, site),
        boat=(eye_rng.uniform(-0.15, 0.1), eye_rng.uniform(0.12, 0.24)),
    )


def _lesions(eye: Eye, grade: int) -> dict[str, np.ndarray]:
    """Distribute the eye's places among the kinds of lesion of a grade: kind -> (n, 3)."""
    lesions, used = {}, 0
    for kind, ranges in _COUNTS.items():
        low, high = ranges[grade]
        count = low + round(eye.amount * (high - low))
        lesions[kind] = eye.places[used : used + count]
        used += count
    return lesions


def draw_fundus(eye: Eye, side: Side, grade: int, size_px: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw one fundus photograph.

    Parameters
    ----------
    eye : Eye
    side : {"left", "right"}
    grade : int
        0 (no retinopathy) to 4 (proliferative).
    size_px : int
    rng : numpy.random.Generator
        For texture, light and noise only.

    Returns
    -------
    uint8, (size_px, size_px, 3)

    Examples
    --------
    >>> eye = sample_eye(np.random.default_rng(0), np.random.default_rng(1))
    >>> draw_fundus(eye, "left", 4, 32, rng=np.random.default_rng(2)).shape
    (32, 32, 3)
    """
    pixel = 1 / size_px
    u, v = grid(size_px)
    u, v = u - np.float32(0.5), v - np.float32(0.5)
    cos, sin = math.cos(eye.turn), math.sin(eye.turn)
    x, y = u * np.float32(cos) + v * np.float32(sin), v * np.float32(cos) - u * np.float32(sin)

    turn = np.array([[cos, sin], [-sin, cos]])

    def lines(parts: Strokes) -> Floats:
        start, end, half_width = parts
        return strokes(size_px, start @ turn + 0.5, end @ turn + 0.5, half_width)

    lesions = _lesions(eye, grade)

    def dots(*kinds: str) -> Floats:
        at = np.concatenate([lesions[kind][:, :2] for kind in kinds])
        radii = np.concatenate([_RADII[kind][0] + np.ptp(_RADII[kind]) * lesions[kind][:, 2] for kind in kinds])
        return lines((at, at, radii))

    light = rng.uniform(-0.25, 0.25, 2).astype(np.float32)
    shade = np.float32(1.06) - np.float32(1.3) * (u * u + v * v) + u * light[0] + v * light[1]
    shade += np.float32(0.025) * smooth_noise(rng, size_px, 9) + np.float32(0.02) * smooth_noise(rng, size_px, 24)
    shade *= 1 - np.float32(0.34) * haze(x, y, eye.macula, (0.055, 0.055))

    blood = np.float32(0.62) * lines(eye.vessels)
    pale = np.zeros_like(x)
    if grade > 0:
        blood = np.maximum(blood, np.float32(0.85) * dots("microaneurysm", "haemorrhage"))
    if grade > 1:
        pale = np.float32(0.9) * dots("exudate")
    for at_x, at_y, large in lesions["cotton wool"].tolist():
        pale = np.maximum(pale, np.float32(0.75) * haze(x, y, (at_x, at_y), (0.016 + 0.008 * large, 0.012)))
    if grade == 4:
        blood = np.maximum(blood, np.float32(0.75) * lines(eye.new_vessels))
        boat = np.minimum(ellipse(x, y, eye.boat, (0.11, 0.07)), y - np.float32(eye.boat[1]))
        blood = np.maximum(blood, np.float32(0.92) * inside(boat, max(pixel, 0.006)))
    disc = inside(ellipse(x, y, eye.disc, (eye.disc_radius * 0.92, eye.disc_radius)), max(pixel, 0.012))
    cup = inside(ellipse(x, y, eye.disc, (eye.disc_radius * 0.4, eye.disc_radius * 0.4)), max(pixel, 0.02))
    field = inside(np.float32(0.475) - np.hypot(u, v), max(pixel, 0.004))
    exposure = np.float32(0.9 + 0.2 * rng.random())

    image = np.empty((size_px, size_px, 3), np.float32)
    paint = zip(eye.colour, (0.95, 0.78, 0.45), (0.98, 0.90, 0.62), (0.45, 0.06, 0.05), strict=True)
    for channel, (ground, disc_level, pale_level, blood_level) in enumerate(paint):
        layer = np.float32(ground) * shade
        layer += disc * (np.float32(disc_level) - layer)
        layer += np.float32(0.5) * cup * (np.float32(pale_level) - layer)
        layer += pale * (np.float32(pale_level) - layer)
        layer += blood * (np.float32(blood_level) - layer)
        layer += np.float32(0.012) * rng.standard_normal((size_px, size_px), dtype=np.float32)
        image[..., channel] = layer * field * exposure
    if side == "left":
        image = image[:, ::-1]
    return (np.clip(image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
