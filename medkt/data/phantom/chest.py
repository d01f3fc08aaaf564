"""A frontal chest radiograph drawn from a patient's anatomy, an image's pose and the findings that are present.

In: an `Anatomy`, a `Pose`, the findings that are present, a size, a hospital. Out: `draw_chest` returns the image, and
`chest_masks` the region of each label. If a finding is absent, its region is the place where it would be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Collection as Names
from functools import cached_property

import numpy as np
from scipy.ndimage import binary_dilation

from medkt.data.phantom.anatomy import Anatomy, Pose
from medkt.data.phantom.drawing import Floats, ellipse, grid, haze, inside, smooth_noise, strokes
from medkt.data.phantom.findings import LABELS
from medkt.data.phantom.hospitals import Hospital, expose


class Scene:
    """The coordinates and outlines of one patient in one pose at one size. Each is computed on first use."""

    def __init__(self, anatomy: Anatomy, pose: Pose, size_px: int, present: Names[str] = ()) -> None:
        self.anatomy, self.pose, self.size_px, self.present = anatomy, pose, size_px, present
        self.pixel = 1.0 / size_px
        u, v = grid(size_px)
        cos, sin = np.float32(math.cos(pose.angle) / pose.scale), np.float32(math.sin(pose.angle) / pose.scale)
        u, v = u - np.float32(0.5 + pose.shift[0]), v - np.float32(0.5 + pose.shift[1])
        self.x, self.y = u * cos + v * sin, v * cos - u * sin
        self.aside = np.abs(self.x)  # distance from the midline
        self.left = self.x > 0

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Convert body coordinates (n, 2) to unit coordinates of the image."""
        cos, sin = math.cos(self.pose.angle) * self.pose.scale, math.sin(self.pose.angle) * self.pose.scale
        return points @ np.array([[cos, sin], [-sin, cos]]) + (0.5 + self.pose.shift[0], 0.5 + self.pose.shift[1])

    def lines(self, start: np.ndarray, end: np.ndarray, half_width: float | np.ndarray) -> Floats:
        """Draw strokes whose ends are in body coordinates."""
        return strokes(self.size_px, self.to_image(start), self.to_image(end), half_width)

    def wall(self, inset: float = 0.0) -> Floats:
        """Return half the thorax's width at each pixel's height. The apex is lowered by `inset`."""
        apex = np.float32(self.anatomy.apex + inset)
        rise = np.clip((np.float32(0.15) - self.y) / (np.float32(0.15) - apex), 0, 1)
        return np.float32(self.anatomy.half_width) * np.sqrt(np.float32(1) - rise * rise)

    @cached_property
    def from_wall(self) -> Floats:
        """The distance to the inner chest wall, positive inside."""
        return self.wall() - self.aside

    @cached_property
    def above_dome(self) -> Floats:
        """The height above the diaphragm, which descends towards the costophrenic angles."""
        right, left = self.anatomy.base
        if "Atelectasis" in self.present:  # volume loss raises the dome of that side
            rise = 0.05 * self.pose.severity
            right, left = (right, left - rise) if self.anatomy.atelectasis_side > 0 else (right - rise, left)
        dome = np.where(self.left, np.float32(left + self.pose.breath), np.float32(right + self.pose.breath))
        width = self.anatomy.half_width
        fall = (self.aside - np.float32(0.45 * width)) * np.float32(1 / (0.55 * width))
        return dome + np.float32(0.085) * fall * fall - self.y

    @cached_property
    def thorax(self) -> Floats:
        """The coverage of the space above the diaphragm and inside the wall."""
        return inside(np.minimum(self.from_wall, self.above_dome), self.pixel)

    def heart(self, enlarged: bool) -> Floats:
        """Return the signed distance to the heart. Its width is the cardiothoracic ratio times the thorax's width."""
        a = self.anatomy
        half = a.heart_ratio[int(enlarged)] * a.half_width
        tall = a.heart_height * (1.12 if enlarged else 1.0)
        long = math.sqrt(half**2 - (tall * math.sin(a.heart_angle)) ** 2) / math.cos(a.heart_angle)
        centre = (0.36 * half, a.base[1] + self.pose.breath - 0.5 * tall)
        return ellipse(self.x, self.y, centre, (long, tall), a.heart_angle)

    def mediastinum(self, enlarged: bool) -> Floats:
        """Return the signed distance to the great vessels above the heart. Enlargement widens their middle."""
        normal, wide = self.anatomy.mediastinum
        width = np.full_like(self.y, normal)
        if enlarged:
            bulge = np.clip(1 - np.abs(self.y + np.float32(0.17)) * np.float32(1 / 0.26), 0, 1)
            width += np.float32(wide - normal) * np.sqrt(bulge)
        band = width - self.aside
        knob = np.float32(self.anatomy.knob) - np.hypot(self.x - np.float32(0.045), self.y + np.float32(0.17))
        return np.maximum(band, knob)

    def rib_phase(self) -> tuple[Floats, Floats, Floats]:
        """Return the phase of the posterior ribs, and how near each pixel is to the fracture.

        In the first array, a rib lies where the phase is an integer. The second array is 1 on the broken ribs and 0
        elsewhere. The third array is the distance outwards from the break.
        """
        a = self.anatomy
        out = self.aside * np.float32(1 / a.half_width)
        phase = (self.y - out * (np.float32(0.17) * out - np.float32(0.11))) * np.float32(1 / a.rib_spacing)
        phase += np.float32(a.rib_phase)
        rib, where = a.fracture
        beyond = self.x * np.float32(a.fracture_side) - np.float32(where * a.half_width)
        broken = np.clip(np.float32(1.8) - np.abs(phase - np.float32(rib)), 0, 1)
        return phase, broken, beyond


def _lung_opacity(scene: Scene) -> Floats:
    x, y, radius = scene.anatomy.opacity
    return haze(scene.x, scene.y, (x, y), (radius * 0.85, radius))


def _lung_lesion(scene: Scene) -> Floats:
    x, y, radius = scene.anatomy.lesion
    return inside(ellipse(scene.x, scene.y, (x, y), (radius, radius)), max(scene.pixel, 0.008))


def _edema(scene: Scene) -> Floats:
    """Draw bat's wings around both hila, and Kerley's lines at the bases."""
    spread = scene.anatomy.edema
    dx = (scene.aside - np.float32(0.14)) * np.float32(1 / (0.075 * spread))
    dy = (scene.y + np.float32(0.03)) * np.float32(1 / (0.13 * spread))
    wings = np.exp(np.float32(-0.5) * (dx * dx + dy * dy))
    kerley = np.cos(scene.y * np.float32(2 * math.pi / 0.035)) > 0.55
    near_wall = (np.abs(scene.from_wall - np.float32(0.035)) < 0.03) & (scene.y > 0.0)
    return np.maximum(wings, np.float32(0.55) * (kerley & near_wall))


def _consolidation(scene: Scene) -> Floats:
    """Draw a dense upper lobe with a sharp border at its fissure, and with air bronchograms."""
    a = scene.anatomy
    beside = scene.x * np.float32(a.consolidation_side)
    fissure = np.float32(a.consolidation_fissure) + np.float32(0.1) * (beside - np.float32(0.2)) - scene.y
    lobe = inside(np.minimum(fissure, beside), max(scene.pixel, 0.008))
    start = np.array([[0.09, -0.06], [0.09, -0.08], [0.08, -0.10]]) * [a.consolidation_side, 1]
    end = np.array([[0.25, -0.17], [0.20, -0.26], [0.12, -0.30]]) * [a.consolidation_side, 1]
    return lobe * (np.float32(1) - np.float32(0.6) * scene.lines(start, end, 0.008))


def _pneumonia(scene: Scene) -> Floats:
    """Draw confluent patches in one lower zone."""
    total = np.zeros_like(scene.x)
    for x, y, radius in scene.anatomy.pneumonia.tolist():
        total += haze(scene.x, scene.y, (x, y), (radius, radius))
    return np.minimum(total, np.float32(1))


def _atelectasis(scene: Scene) -> Floats:
    return scene.lines(*scene.anatomy.atelectasis, 0.011)


def _pleural_effusion(scene: Scene) -> Floats:
    """Draw fluid over the diaphragm. Its meniscus rises towards the wall."""
    out = scene.aside * np.float32(1 / scene.anatomy.half_width)
    level = np.float32(scene.anatomy.effusion_level) - np.float32(0.17) * out * out * out
    fluid = inside(scene.y - level, max(scene.pixel, 0.015))
    if len(scene.anatomy.effusion_sides) == 1:
        fluid = fluid * (scene.left if scene.anatomy.effusion_sides[0] > 0 else ~scene.left)
    return fluid


def _pleural_other(scene: Scene) -> Floats:
    """Draw lumpy thickening along the lateral wall."""
    a = scene.anatomy
    middle, half, thickness = a.pleural
    along = (scene.y - np.float32(middle)) * np.float32(1 / half)
    lumps = np.float32(0.75) + np.float32(0.25) * np.cos(along * np.float32(9.0))
    profile = np.float32(thickness) * np.sqrt(np.clip(1 - along * along, 0, 1)) * lumps
    plaque = inside(profile - scene.from_wall, max(scene.pixel, 0.006)) * (profile > 0)
    return plaque * (scene.left if a.pleural_side > 0 else ~scene.left)


# Findings that fill air spaces: the function that draws each, and the share of the air that it replaces.
FILLING: dict[str, tuple[Callable[[Scene], Floats], float]] = {
    "Lung Opacity": (_lung_opacity, 0.75),
    "Lung Lesion": (_lung_lesion, 0.80),
    "Edema": (_edema, 0.60),
    "Consolidation": (_consolidation, 0.88),
    "Pneumonia": (_pneumonia, 0.65),
    "Atelectasis": (_atelectasis, 0.85),
    "Pleural Effusion": (_pleural_effusion, 0.97),
    "Pleural Other": (_pleural_other, 0.95),
}


def _pneumothorax(scene: Scene) -> tuple[Floats, Floats]:
    """Draw the air outside the collapsed lung, and the pleural line between them."""
    a = scene.anatomy
    taper = np.clip((np.float32(0.12) - scene.y) * np.float32(1 / 0.2), 0, 1)
    edge = scene.wall(inset=0.7 * a.pneumothorax_gap) - np.float32(a.pneumothorax_gap) * taper - scene.aside
    space = (scene.left if a.pneumothorax_side > 0 else ~scene.left) & (scene.y < 0.12)
    beyond = inside(-edge, scene.pixel) * space
    line = inside(np.float32(0.006) - np.abs(edge), scene.pixel) * space
    return beyond, line


def _bones(scene: Scene) -> Floats:
    """Draw posterior and anterior ribs, clavicles and spine. A fracture has a step, a gap and overlapping ends."""
    a = scene.anatomy
    phase, broken, beyond = scene.rib_phase()
    strength = np.full_like(scene.x, a.bone)
    if "Fracture" in scene.present:
        phase = phase + np.float32(0.5) * broken * (beyond > 0)
        ends = np.exp(-np.square(beyond * np.float32(1 / 0.045))) * broken
        gap = np.exp(-np.square(beyond * np.float32(1 / 0.010))) * broken
        strength *= (1 + np.float32(2.6 * scene.pose.severity) * ends) * (1 - gap)
    turn = np.float32(2 * math.pi)
    posterior = np.clip(np.cos(phase * turn) * np.float32(1.8) - np.float32(0.5), 0, 1)
    out = scene.aside * np.float32(1 / a.half_width)
    front = (scene.y - np.float32(0.2) * (1 - out) * (1 - out)) * np.float32(1 / (1.25 * a.rib_spacing))
    anterior = np.clip(np.cos(front * turn) * np.float32(1.8) - np.float32(0.6), 0, 1) * (out > 0.4)
    cage = inside(np.minimum(scene.from_wall + np.float32(0.03), np.float32(0.30) - scene.y), 0.03)
    cage *= scene.aside > 0.03
    bones = (posterior * strength + anterior * np.float32(0.35 * a.bone)) * cage

    clavicle = np.abs(scene.y + np.float32(0.27) + scene.aside * (np.float32(0.55) - scene.aside))
    ends_at = np.minimum(scene.aside - np.float32(0.035), np.float32(0.36) - scene.aside)
    bones += np.float32(0.13) * inside(np.minimum(np.float32(0.014) - clavicle, ends_at), max(scene.pixel, 0.008))
    vertebrae = np.float32(0.07) + np.float32(0.03) * np.cos(scene.y * np.float32(2 * math.pi / 0.08))
    bones += vertebrae * inside(np.float32(0.034) - scene.aside, 0.02)
    return bones


def _density(scene: Scene, rng: np.random.Generator) -> Floats:
    """Return the density along the beam: 0 for air beside the patient, about 1 for metal."""
    a, present, severity = scene.anatomy, scene.present, scene.pose.severity
    x, y, aside = scene.x, scene.y, scene.aside
    slope = np.maximum(aside - np.float32(0.08), 0)
    shoulders = y + np.float32(0.47) - slope * (np.float32(0.1) + np.float32(0.9) * slope)
    armpit = np.maximum(np.float32(-0.05) - y, 0)
    flank = np.float32(a.half_width + 0.06) + armpit * (np.float32(0.2) + np.float32(1.2) * armpit) - aside
    body = inside(np.minimum(flank, shoulders), max(scene.pixel, 0.01))

    heart = scene.heart("Cardiomegaly" in present)
    centre = np.maximum(heart, scene.mediastinum("Enlarged Cardiomediastinum" in present))
    centre = inside(centre, max(scene.pixel, 0.012))
    lung = scene.thorax * (1 - centre)
    air = lung
    for label, (shape, fill) in FILLING.items():
        if label in present:
            air = air * (1 - np.float32(min(fill * severity, 0.97)) * shape(scene))

    markings = np.float32(0.13) * scene.lines(*a.vessels[:2], a.vessels[2]) + np.float32(0.014) * smooth_noise(
        rng, scene.size_px, 26
    )
    markings += np.float32(0.10) * haze(aside, y, (0.09, -0.02), (0.03, 0.055))  # hila
    density = np.float32(0.60) * body + np.float32(0.13) * centre
    abdomen = inside(-scene.above_dome, max(scene.pixel, 0.01)) * (aside < a.half_width + 0.02)
    density += np.float32(0.12) * abdomen * (1 - centre)
    density -= np.float32(0.10) * haze(x, y, (0.17, a.base[1] + 0.10), (0.04, 0.018))  # gas in the stomach
    trachea = inside(np.minimum(np.float32(0.016) - aside, np.float32(-0.13) - y), 0.012)
    density -= np.float32(0.10) * trachea
    if "Pneumothorax" in present:
        beyond, line = _pneumothorax(scene)
        markings = markings * (1 - beyond)
        air = air * (1 + np.float32(0.22) * beyond) - np.float32(0.55) * line * lung
    density -= np.float32(0.42) * air
    density += markings * air
    if a.female:
        breasts = inside(ellipse(aside, y, (0.21, 0.13), (0.135, 0.12)), 0.06)
        density += np.float32(0.05) * breasts
    density += _bones(scene) * (np.float32(0.35) + np.float32(0.65) * air)
    if "Support Devices" in present:
        metal = scene.lines(*a.devices[:2], a.devices[2])
        density += metal * (np.float32(1.0) - density)
    return density


def draw_chest(
    anatomy: Anatomy, pose: Pose, present: Names[str], size_px: int, *, hospital: Hospital, rng: np.random.Generator
) -> np.ndarray:
    """Draw one chest radiograph.

    Parameters
    ----------
    anatomy : Anatomy
    pose : Pose
    present : collection of str
        Labels to draw. "No Finding" draws nothing.
    size_px : int
        Side of the image.
    hospital : {"A", "B"}
        A: linear contrast, sharp, little noise, an L beside the left shoulder. B: compressed contrast, blurred, coarse
        grain, heel effect, collimated, an R at the right base.
    rng : numpy.random.Generator
        For texture and noise only: `anatomy` and `pose` determine the geometry.

    Returns
    -------
    uint8, (size_px, size_px)
    """
    density = _density(Scene(anatomy, pose, size_px, present), rng)
    image = expose(density, pose, hospital, rng)
    return (np.clip(image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def chest_masks(anatomy: Anatomy, pose: Pose, size_px: int) -> np.ndarray:
    """Return the region of each label, present or not.

    Returns
    -------
    bool, (14, size_px, size_px)
        In the order of `LABELS`. Each region is a little wider than the drawn finding. "No Finding" has the union of
        the twelve findings' regions.
    """
    scene = Scene(anatomy, pose, size_px)
    inner = scene.from_wall > -0.01
    _, broken, beyond = scene.rib_phase()
    regions: dict[str, np.ndarray] = {
        label: (shape(scene) > 0.3) & inner & (scene.above_dome > (-0.02 if label != "Pleural Effusion" else -0.05))
        for label, (shape, _) in FILLING.items()
    }
    regions["Cardiomegaly"] = (scene.heart(True) > 0) & (scene.above_dome > -0.02)
    regions["Enlarged Cardiomediastinum"] = (scene.mediastinum(True) > 0) & (scene.y > -0.4) & (scene.y < 0.05)
    regions["Pneumothorax"] = (_pneumothorax(scene)[0] > 0.5) & inner & (scene.y > anatomy.apex)
    regions["Fracture"] = (broken > 0.3) & (np.abs(beyond) < 0.06)
    regions["Support Devices"] = scene.lines(*anatomy.devices[:2], anatomy.devices[2]) > 0.1
    margin = max(1, round(0.02 * size_px))
    masks = np.zeros((len(LABELS), size_px, size_px), bool)
    for index, label in enumerate(LABELS[1:], start=1):
        masks[index] = binary_dilation(regions[label], iterations=margin)
    masks[0] = masks[1:-1].any(axis=0)
    return masks
