"""The anatomy of a patient of the chest phantom, the place of each finding, and the pose of an image.

In: random generators that belong to one patient or one image. Out: `Anatomy` and `Pose`, which `chest.py` draws. Body
coordinates are fractions of the image's side. (0, 0) is the middle of the chest, x increases to the image's right, and
y increases downwards. The image's right is the patient's left, as on a lightbox. The chest is about 0.77 wide, so 0.08
is about 3 cm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from medkt.data.phantom.drawing import bezier, points

Point = tuple[float, float]


@dataclass(frozen=True)
class Anatomy:
    """One patient: the chest and the place of each finding, present or not. Lengths are fractions of the image's side.

    `*_side` is +1 for the patient's left (the image's right), -1 for the right.
    """

    female: bool
    half_width: float  # of the thorax, inside the ribs, at the base
    apex: float
    base: tuple[float, float]  # y of the right and the left dome
    heart_ratio: tuple[float, float]  # cardiothoracic ratio without and with cardiomegaly
    heart_height: float
    heart_angle: float
    mediastinum: tuple[float, float]  # half its width without and with enlargement
    knob: float  # radius of the aortic knob
    rib_phase: float
    rib_spacing: float
    bone: float  # brightness of the ribs, which fade with age
    vessels: tuple[np.ndarray, np.ndarray, np.ndarray]  # starts, ends (n, 2) and half widths (n,)
    opacity: tuple[float, float, float]  # x, y, radius
    lesion: tuple[float, float, float]  # x, y, radius: a nodule below 0.04 (3 cm across), a mass above
    edema: float  # spread
    consolidation_side: int
    consolidation_fissure: float  # y of the lower border of the upper lobe
    pneumonia: np.ndarray  # (n, 3): x, y and radius of the patches
    atelectasis_side: int
    atelectasis: tuple[np.ndarray, np.ndarray]  # starts, ends of the plates
    pneumothorax_side: int
    pneumothorax_gap: float  # between chest wall and lung
    effusion_sides: tuple[int, ...]
    effusion_level: float
    pleural_side: int
    pleural: tuple[float, float, float]  # y of its middle, half its length, thickness
    fracture_side: int
    fracture: tuple[float, float]  # which rib, and how far out (fraction of the half width)
    devices: tuple[np.ndarray, np.ndarray, np.ndarray]  # starts, ends (n, 2) and half widths (n,)


@dataclass(frozen=True)
class Pose:
    """One image of a patient: the patient's position and breath, and the exposure."""

    shift: Point
    angle: float
    scale: float
    breath: float  # added to y of the diaphragm
    severity: float  # of every finding, around 1
    exposure: float  # mean of the image
    contrast: float
    collimation: np.ndarray  # (4,): left, top, right, bottom, used at hospital B
    marker: tuple[int, int]  # position of the marker: steps of 0.015 to the right and down


def _side(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


def _lung_vessels(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grow five branches from each hilum. Each branch forks once."""
    sign = np.repeat([-1.0, 1.0], 5)
    angle = np.tile([-1.35, -0.7, -0.05, 0.6, 1.25], 2) + rng.normal(0, 0.12, 10)
    tip = sign * 0.085 - 0.02j
    half_width = 0.0085
    starts, ends, widths = [], [], []
    for length in (0.085, 0.075, 0.065):
        reach = length * rng.uniform(0.8, 1.2, len(angle))
        end = tip + reach * (sign * np.cos(angle) + 1j * np.sin(angle))
        starts.append(tip)
        ends.append(end)
        widths.append(np.full(len(tip), half_width))
        tip, half_width = end, half_width * 0.68
        if len(tip) == 10:
            angle = np.concatenate([angle - 0.3, angle + 0.3])
            tip, sign = np.concatenate([end, end]), np.concatenate([sign, sign])
        angle = angle + rng.normal(0, 0.15, len(angle))
    return points(np.concatenate(starts)), points(np.concatenate(ends)), np.concatenate(widths)


def _devices(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give a patient two of these: tracheal tube, gastric tube, central line, pacemaker, ECG leads."""
    side = _side(rng)
    w0, w1, w2, w3, w4 = rng.normal(0, 0.008, 5).tolist()
    catalogue: tuple[
        tuple[tuple[tuple[Point, ...], int, float], ...], ...
    ] = (  # paths, as curves of n pieces or straight (0)
        ((((0.004, -0.5), (0.0, -0.3), (w0, -0.17)), 0, 0.009),),
        ((((0.012, -0.5), (0.02, -0.1), (0.03 + w3, 0.1), (0.13, 0.36)), 8, 0.007),),
        ((((-0.2, -0.5), (-0.16, -0.36), (-0.05, -0.36), (-0.055 + w1, -0.06)), 6, 0.006),),
        (
            (((side * (0.235 + w2), -0.245), (side * (0.29 + w2), -0.235)), 0, 0.03),
            (((side * 0.24, -0.25), (side * 0.1, -0.4), (-0.06, -0.2), (0.08 + w1, 0.15)), 8, 0.006),
        ),
        (
            (((-0.27 + w4, -0.17), (-0.27 + w4, -0.17)), 0, 0.02),
            (((0.27 + w3, -0.17), (0.27 + w3, -0.17)), 0, 0.02),
            (((0.29, 0.19 + w2), (0.29, 0.19 + w2)), 0, 0.02),
            (((-0.27 + w4, -0.17), (-0.2, 0.05), (-0.12, 0.15), (-0.1, 0.5)), 6, 0.004),
            (((0.29, 0.19 + w2), (0.2, 0.3), (0.1, 0.3), (-0.08, 0.5)), 5, 0.004),
        ),
    )
    starts, ends, widths = [], [], []
    first = int(rng.integers(2, 5))  # at least one that leaves the midline
    second = (first + int(rng.integers(1, 5))) % 5
    for kind in (first, second):
        for corners, pieces, half_width in catalogue[kind]:
            path = bezier(corners, pieces) if pieces else np.array(corners)
            starts.append(path[:-1])
            ends.append(path[1:])
            widths.append(np.full(len(path) - 1, half_width))
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(widths)


def _plates(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    top = rng.uniform(0.02, 0.06)
    y = top + np.array([0.0, 0.05])
    tilt = rng.uniform(-0.03, 0.03, 2)
    start = np.stack([np.full(2, side * 0.13), y + tilt], 1)
    end = np.stack([side * rng.uniform(0.27, 0.33, 2), y - tilt], 1)
    return start, end


def _patches(rng: np.random.Generator, side: int) -> np.ndarray:
    """Scatter seven patches over one lower zone."""
    x = side * (0.215 + 0.075 * rng.uniform(-1, 1, 7))
    y = 0.06 + 0.085 * rng.uniform(-1, 1, 7)
    return np.stack([x, y, rng.uniform(0.02, 0.034, 7)], 1)


def sample_anatomy(rng: np.random.Generator, *, female: bool, age: float) -> Anatomy:
    """Draw a patient's anatomy and the geometry of every finding, present or not.

    Parameters
    ----------
    rng : numpy.random.Generator
        A generator that only this patient uses, so that one patient never depends on another.
    female : bool
        Whether the chest is slightly narrower and has breast shadows.
    age : float
        Years. Older bones are fainter, and older aortas are wider.

    Examples
    --------
    >>> patient = sample_anatomy(np.random.default_rng(0), female=True, age=60.0)
    >>> patient.heart_ratio[0] < 0.5 < patient.heart_ratio[1]
    True
    """
    aged = (age - 20.0) / 70.0
    dome = rng.uniform(0.17, 0.23)
    pleural_side = _side(rng)
    lesion_side = _side(rng)
    return Anatomy(
        female=female,
        half_width=rng.uniform(0.365, 0.405) - 0.02 * female,
        apex=rng.uniform(-0.42, -0.38),
        base=(dome, dome + rng.uniform(0.01, 0.03)),
        heart_ratio=(rng.uniform(0.40, 0.47), rng.uniform(0.58, 0.68)),
        heart_height=rng.uniform(0.13, 0.15),
        heart_angle=rng.uniform(0.35, 0.55),
        mediastinum=(rng.uniform(0.05, 0.062), rng.uniform(0.115, 0.145)),
        knob=rng.uniform(0.026, 0.032) + 0.008 * aged,
        rib_phase=rng.uniform(0, 1),
        rib_spacing=rng.uniform(0.07, 0.08),
        bone=rng.uniform(0.14, 0.17) - 0.03 * aged,
        vessels=_lung_vessels(rng),
        opacity=(_side(rng) * rng.uniform(0.17, 0.22), rng.uniform(-0.16, -0.06), rng.uniform(0.075, 0.095)),
        lesion=(lesion_side * rng.uniform(0.15, 0.25), rng.uniform(-0.2, 0.04), rng.uniform(0.032, 0.062)),
        edema=rng.uniform(0.9, 1.15),
        consolidation_side=_side(rng),
        consolidation_fissure=rng.uniform(-0.15, -0.09),
        pneumonia=_patches(rng, _side(rng)),
        atelectasis_side=(plate_side := _side(rng)),
        atelectasis=_plates(rng, plate_side),
        pneumothorax_side=_side(rng),
        pneumothorax_gap=rng.uniform(0.07, 0.11),
        effusion_sides=(-1, 1) if rng.random() < 0.3 else (_side(rng),),
        effusion_level=rng.uniform(0.12, 0.19),
        pleural_side=pleural_side,
        pleural=(rng.uniform(-0.1, 0.0), rng.uniform(0.09, 0.13), rng.uniform(0.035, 0.048)),
        fracture_side=_side(rng),
        fracture=(float(rng.integers(-1, 2)), rng.uniform(0.66, 0.8)),
        devices=_devices(rng),
    )


def sample_pose(rng: np.random.Generator) -> Pose:
    """Draw what differs between images of one patient: position, breath and exposure."""
    return Pose(
        shift=(rng.normal(0, 0.012), rng.normal(0, 0.012)),
        angle=rng.normal(0, 0.03),
        scale=rng.uniform(0.96, 1.04),
        breath=rng.normal(0, 0.012),
        severity=rng.uniform(0.85, 1.15),
        exposure=0.42 * math.exp(rng.normal(0, 0.08)),
        contrast=math.exp(rng.normal(0, 0.06)),
        collimation=rng.uniform(-0.02, 0.05, 4),
        marker=(int(rng.integers(4)), int(rng.integers(4))),
    )
