"""Synthetic images with known truth. With them, medkt runs anywhere and its claims can be tested.

In: a seed, a number of patients, settings. Out: a `Collection` whose images are drawn when they are read. A patient
depends only on (seed, patient), and an image only on (seed, patient, image). They do not depend on the order of
reading, on threads, or on the number of other patients. One version of NumPy draws the same patients on every machine;
another version may draw others.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping
from functools import lru_cache, partial

import numpy as np
from scipy.stats import norm

from medkt.data.collection import Collection
from medkt.data.label_tables.label_names import GRADES
from medkt.data.phantom.anatomy import Anatomy, sample_anatomy, sample_pose
from medkt.data.phantom.chest import chest_masks, draw_chest
from medkt.data.phantom.findings import FINDINGS, LABELS, mixing_matrix, thresholds
from medkt.data.phantom.fundus import draw_fundus, sample_eye
from medkt.data.phantom.hospitals import Hospital
from medkt.data.phantom.shapes import SHAPES, draw_shape

GRADE_SHARES = (0.40, 0.18, 0.18, 0.12, 0.12)
"""Default share of eyes of each grade. In EyePACS the shares are 0.73, 0.07, 0.15, 0.03, 0.02."""

_IMAGES_PER_PATIENT = (0.28, 0.20, 0.17, 0.14, 0.12, 0.09)  # shares of 1 to 6 images; the mean is 2.9
_AGE_BANDS = ("under 40", "40-64", "65 and over")
_BOTH_EYES = 0.8  # correlation of the latent grades of a patient's eyes
_SOURCE = "SYNTHETIC, drawn by medkt's phantom"
# The streams of random numbers. The key of each is (stream, patient[, image]).
_CHEST_PATIENT, _CHEST_IMAGE, _CHEST_LABEL, _CHEST_DRAW, _FUNDUS_PATIENT, _FUNDUS_DRAW, _SHAPE = range(7)


def _stream(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _check_counts(seed: int, **counts: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed: found {seed!r}, expected an integer of at least 0")
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"{name}: found {count!r}, expected an integer of at least 1")


def _check_share(name: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: found {value!r}, expected a number from {low:g} to {high:g}")


def _check_hospital(hospital: str) -> None:
    if hospital not in ("A", "B"):
        raise ValueError(f"hospital: found {hospital!r}, expected 'A' or 'B'")


def _subject(seed: int, patient: int) -> tuple[str, float, int, np.random.Generator]:
    """Draw a patient's sex, age in years and number of images. Also return the stream, which then draws the anatomy."""
    rng = _stream(seed, _CHEST_PATIENT, patient)
    sex = "F" if rng.random() < 0.45 else "M"
    age = float(np.clip(rng.normal(58, 17), 20, 90))
    n_images = 1 + int(np.searchsorted(np.cumsum(_IMAGES_PER_PATIENT)[:-1], rng.random(), side="right"))
    return sex, age, n_images, rng


@lru_cache(maxsize=1024)  # about 5 MB; a patient has three images on average
def _anatomy(seed: int, patient: int) -> Anatomy:
    sex, age, _, rng = _subject(seed, patient)
    return sample_anatomy(rng, female=sex == "F", age=age)


def _draw_chest(
    seed: int, patient: int, image: int, present: Names[str], size_px: int, hospital: Hospital
) -> np.ndarray:
    rng = _stream(seed, _CHEST_DRAW, patient, image)
    pose = sample_pose(rng)
    return draw_chest(_anatomy(seed, patient), pose, present, size_px, hospital=hospital, rng=rng)


def chest_case(
    *, seed: int, patient: int, image: int, present: Names[str], size_px: int, hospital: Hospital = "A"
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one chest image with the given findings, and return the region of every finding, present or not.

    Parameters
    ----------
    seed, patient, image : int
        As in `phantom_chest`: "p00012/i2" is patient 12, image 2.
    present : collection of str
        The findings to draw.
    size_px : int
    hospital : {"A", "B"}

    Returns
    -------
    pixels : uint8, (size_px, size_px)
    masks : bool, (14, size_px, size_px)
        In the order of `LABELS`. A finding's region does not depend on whether it is present.

    Raises
    ------
    ValueError
        If a finding or the hospital does not exist.

    Examples
    --------
    >>> pixels, masks = chest_case(seed=0, patient=12, image=2, present=["Edema"], size_px=64)
    >>> pixels.shape, masks.shape, bool(masks[LABELS.index("Edema")].any())
    ((64, 64), (14, 64, 64), True)
    """
    _check_counts(seed, size_px=size_px)
    _check_hospital(hospital)
    if not set(present) <= set(LABELS):
        raise ValueError(f"present: found {sorted(set(present) - set(LABELS))}, expected some of {', '.join(LABELS)}")
    pixels = _draw_chest(seed, patient, image, present, size_px, hospital)
    pose = sample_pose(_stream(seed, _CHEST_DRAW, patient, image))
    return pixels, chest_masks(_anatomy(seed, patient), pose, size_px)


def _read_chest(
    index: int, size_px: int, *, seed: int, hospital: Hospital, cases: np.ndarray, truth: np.ndarray
) -> np.ndarray:
    patient, image = cases[index].tolist()
    present = {label for label, shown in zip(LABELS, truth[index].tolist(), strict=True) if shown}
    return _draw_chest(seed, patient, image, present, size_px, hospital)


def phantom_chest(
    *,
    patients: int,
    seed: int,
    hospital: Hospital = "A",
    prevalence: Mapping[str, float] | None = None,
    co_occurrence: Mapping[tuple[str, str], float] | None = None,
    within_patient: float = 0.6,
    label_noise: float = 0.0,
) -> Collection:
    """Draw chest radiographs with the 14 labels of CheXpert, 1 to 6 images per patient.

    A finding is present if its latent normal value exceeds a threshold. `prevalence` sets the thresholds and
    `co_occurrence` the correlations of an image's findings. `within_patient` sets the correlation of one finding in two
    images of a patient.

    Parameters
    ----------
    patients : int
    seed : int
        The same seed gives the same patients at both hospitals.
    hospital : {"A", "B"}
        The appearance of the images: contrast, blur, noise, collimation, marker.
    prevalence : mapping of finding to share of images, optional
        Findings that are not named keep `PREVALENCE`. "No Finding" results from the others and cannot be set.
    co_occurrence : mapping of two findings to a latent correlation, optional
        Replaces all of `CO_OCCURRENCE`. Pairs that are not named are independent, so with `{}` all are.
    within_patient : float
        Latent correlation of a finding between images of a patient, 0 to 1.
    label_noise : float
        Probability with which each recorded label, including "No Finding", is flipped. The images still show the truth.
        Recorded labels may contradict each other, like those of an automatic labeller.

    Returns
    -------
    Collection
        Name "phantom-chest", multilabel, one channel, groups "sex" and "age_band".

    Raises
    ------
    ValueError
        If a setting is out of range, a finding is unknown, or no variables can have the correlations.

    Examples
    --------
    >>> chest = phantom_chest(patients=3, seed=0)
    >>> chest.image_ids[0], chest.targets.shape[1], chest.read(0, 64).shape
    (np.str_('p00000/i0'), 14, (64, 64))
    """
    _check_counts(seed, patients=patients)
    _check_hospital(hospital)
    _check_share("within_patient", within_patient)
    _check_share("label_noise", label_noise)
    cuts, mixing = thresholds(prevalence), mixing_matrix(co_occurrence)
    cases, latent, flips, sexes, bands = [], [], [], [], []
    for patient in range(patients):
        sex, age, n_images, _ = _subject(seed, patient)
        shared = _stream(seed, _CHEST_LABEL, patient).standard_normal(len(FINDINGS))
        for image in range(n_images):
            rng = _stream(seed, _CHEST_IMAGE, patient, image)
            own = rng.standard_normal(len(FINDINGS))
            latent.append(np.sqrt(within_patient) * shared + np.sqrt(1 - within_patient) * own)
            flips.append(rng.random(len(LABELS)) < label_noise)
            cases.append((patient, image))
            sexes.append(sex)
            bands.append(_AGE_BANDS[(age >= 40) + (age >= 65)])
    drawn = np.asarray(latent) @ mixing.T > cuts
    truth = np.concatenate([~drawn[:, :-1].any(axis=1, keepdims=True), drawn], axis=1)
    notes = [f"hospital {hospital}, seed {seed}"]
    if label_noise:
        notes.append(f"each recorded label is flipped with probability {label_noise:g}; images show the truth")
    return Collection(
        name="phantom-chest",
        task="multilabel",
        labels=LABELS,
        image_ids=np.array([f"p{patient:05d}/i{image}" for patient, image in cases]),
        patient_ids=np.array([f"p{patient:05d}" for patient, _ in cases]),
        targets=(truth ^ np.asarray(flips)).astype(np.float32),
        read=partial(_read_chest, seed=seed, hospital=hospital, cases=np.array(cases), truth=truth),
        groups={"sex": np.array(sexes), "age_band": np.array(bands)},
        channels=1,
        synthetic=True,
        source=_SOURCE,
        labelling="known from the drawing",
        views="frontal",
        notes=tuple(notes),
    )


def _read_fundus(index: int, size_px: int, *, seed: int, grades: np.ndarray) -> np.ndarray:
    patient, side = divmod(index, 2)
    rng = _stream(seed, _FUNDUS_DRAW, patient, side)
    eye = sample_eye(_stream(seed, _FUNDUS_PATIENT, patient), rng)
    return draw_fundus(eye, "right" if side else "left", int(grades[index]), size_px, rng=rng)


def phantom_fundus(*, patients: int, seed: int, grade_shares: tuple[float, ...] = GRADE_SHARES) -> Collection:
    """Draw fundus photographs with grades of diabetic retinopathy, of both eyes of each patient.

    Parameters
    ----------
    patients : int
    seed : int
    grade_shares : tuple of 5 floats
        Share of eyes of each grade. The shares sum to 1. The grades of a patient's eyes are correlated.

    Returns
    -------
    Collection
        Name "phantom-fundus", multiclass (ordered), three channels, group "eye".

    Raises
    ------
    ValueError
        If a setting is out of range, or the shares do not sum to 1.

    Examples
    --------
    >>> fundus = phantom_fundus(patients=3, seed=0)
    >>> fundus.image_ids[1], len(fundus.labels), fundus.read(1, 64).shape
    (np.str_('p00000/right'), 5, (64, 64, 3))
    """
    _check_counts(seed, patients=patients)
    if len(grade_shares) != len(GRADES) or min(grade_shares) < 0 or abs(sum(grade_shares) - 1) > 1e-6:
        raise ValueError(f"grade_shares: found {grade_shares!r}, expected {len(GRADES)} shares that sum to 1")
    cuts = norm.ppf(np.clip(np.cumsum(grade_shares)[:-1], 0, 1))
    latent = np.empty((patients, 2))
    for patient in range(patients):
        shared, *own = _stream(seed, _FUNDUS_PATIENT, patient, 0).standard_normal(3)
        latent[patient] = np.sqrt(_BOTH_EYES) * shared + np.sqrt(1 - _BOTH_EYES) * np.asarray(own)
    grades = np.searchsorted(cuts, latent.ravel()).astype(np.int64)
    eyes = np.tile(["left", "right"], patients)
    patient_ids = np.array([f"p{patient:05d}" for patient in range(patients) for _ in range(2)])
    return Collection(
        name="phantom-fundus",
        task="multiclass",
        labels=GRADES,
        image_ids=np.array([f"{patient}/{eye}" for patient, eye in zip(patient_ids, eyes, strict=True)]),
        patient_ids=patient_ids,
        targets=grades,
        read=partial(_read_fundus, seed=seed, grades=grades),
        groups={"eye": eyes},
        channels=3,
        synthetic=True,
        source=_SOURCE,
        labelling="known from the drawing",
        views="macula-centred",
        notes=(f"seed {seed}",),
    )


def _read_shape(index: int, size_px: int, *, seed: int, classes: np.ndarray) -> np.ndarray:
    return draw_shape(SHAPES[classes[index]], size_px, rng=_stream(seed, _SHAPE, index, 1))


def phantom_shapes(*, images: int, seed: int) -> Collection:
    """Draw textured, coloured shapes of ten classes, which replace natural images as a cross-domain source.

    Parameters
    ----------
    images : int
        Number of images. Each has a patient of its own.
    seed : int

    Returns
    -------
    Collection
        Name "phantom-shapes", multiclass, three channels.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> shapes = phantom_shapes(images=3, seed=0)
    >>> len(shapes.labels), shapes.read(0, 64).shape
    (10, (64, 64, 3))
    """
    _check_counts(seed, images=images)
    classes = np.array([_stream(seed, _SHAPE, image, 0).integers(len(SHAPES)) for image in range(images)], np.int64)
    ids = np.array([f"p{image:05d}" for image in range(images)])
    return Collection(
        name="phantom-shapes",
        task="multiclass",
        labels=SHAPES,
        image_ids=np.array([f"{patient}/i0" for patient in ids]),
        patient_ids=ids,
        targets=classes,
        read=partial(_read_shape, seed=seed, classes=classes),
        channels=3,
        synthetic=True,
        source=_SOURCE,
        labelling="known from the drawing",
        views="one shape on a background",
        notes=(f"seed {seed}",),
    )
