"""Find images that cannot be read, are blank, or differ from the others: negatives, turned or unlike images.

In: a `Survey`. Out: `Finding`s.
"""

from __future__ import annotations

import numpy as np

from medkt.data.collection import Collection
from medkt.data_report.checks.halves import halves
from medkt.data_report.findings import Evidence, Fact, Finding, Severity
from medkt.data_report.survey import Survey

FLAT = 8  # grey levels between brightest and darkest; an image with fewer is blank
ALIKE = 0.5  # median correlation with the mean image above which a collection has a typical image
UNLIKE = 0.2
BETTER = 0.3  # how much better another orientation must fit
_FEWEST = 20  # images that a view needs for a mean image
_HALF = 0.25  # a group of so many has no majority against it; smaller ones are told image by image
_TURNS = {"top to the right": 1, "upside down": 2, "top to the left": 3}  # and the quarter turns that make it upright


def absent(collection: Collection) -> tuple[list[Finding], str]:
    """Find listed images that do not exist.

    Returns
    -------
    findings : list of Finding
        An error if training is refused without them. Otherwise a warning, or only a note if most are absent, because
        the folder is then a part of a collection.
    looked_at : str
        The numbers of listed and of existing images, in words.
    """
    n, n_present = len(collection.absent), len(collection)
    scope = f"{n + n_present:,} listed images" + (f", {n_present:,} of them there" if n else "")
    if not n:
        return [], scope
    if collection.complete:
        severity, meaning = "error", "Training does not begin without them. Add the files, or leave the images out."
    else:
        severity = "note" if n > n_present else "warning"
        meaning = "They are left out of every split. Fetch the files if the collection is to be whole."
    rows = tuple(Evidence((), {"image": str(name)}) for name in collection.absent)
    exclude = {str(name): "absent" for name in collection.absent} if collection.complete else {}
    return [Finding("absent images", severity, "Listed images that are not there", meaning, rows, exclude)], scope


def unreadable(collection: Collection, survey: Survey) -> list[Finding]:
    """Find files that are truncated or not images."""
    if not survey.unreadable:
        return []
    rows = tuple(
        Evidence((str(collection.image_ids[index]),), {"why": survey.unreadable[index]})
        for index in sorted(survey.unreadable)
    )
    return [
        Finding(
            "unreadable images",
            "error",
            "Images that cannot be read",
            "Training stops at them. Replace the files, or leave the images out.",
            rows,
            {row.images[0]: "cannot be read" for row in rows},
        )
    ]


def blank(collection: Collection, survey: Survey) -> list[Finding]:
    """Find images of one brightness."""
    rows = np.flatnonzero(survey.readable() & (survey.spread < FLAT))
    if rows.size == 0:
        return []
    evidence = tuple(
        Evidence(
            (str(collection.image_ids[row]),),
            {"grey": round(float(survey.small[row].mean())), "brightest - darkest": int(survey.spread[row])},
        )
        for row in rows
    )
    return [
        Finding(
            "constant images",
            "error",
            "Images that show nothing: one grey from edge to edge",
            "Their labels can only be learnt by heart. Leave them out.",
            evidence,
            {row.images[0]: "constant" for row in evidence},
        )
    ]


def standing_out(collection: Collection, survey: Survey) -> tuple[list[Finding], str]:
    """Find images that resemble the mean image better as a negative or turned, and images that do not resemble it.

    Each view is compared with its own mean image (the median of standardised 16 x 16 thumbnails).

    Returns
    -------
    findings : list of Finding
    looked_at : str
        What was compared. If the images are too varied to have a mean image, why they were not compared.
    """
    usable = survey.readable() & (survey.spread >= FLAT)
    views = _views(collection)
    fits: dict[str, list[Evidence]] = {"negative": [], "turned": [], "unlike": []}
    in_halves: dict[str, list[Evidence]] = {"negative": [], "turned": []}
    compared = 0
    for view in sorted(set(views)):
        rows = np.flatnonzero((views == view) & usable)
        if rows.size < _FEWEST:
            continue
        images = _standardised(survey.small[rows].astype(np.float64))
        mean = _standardised(np.median(images, axis=0)[None])[0]
        upright = (images * mean).sum(axis=(1, 2))
        without_mean = np.median(upright) < ALIKE
        half = halves(images)
        if half is not None and (without_mean or half.smaller.mean() >= _HALF):
            compared += rows.size
            in_halves[half.kind] += [
                Evidence((str(collection.image_ids[row]),), {"likeness": round(float(half.likeness[k]), 2)})
                for k, row in enumerate(rows)
                if half.smaller[k]
            ]
            continue
        if without_mean:
            continue
        compared += rows.size
        turned = np.stack([(np.rot90(images, turns, axes=(1, 2)) * mean).sum(axis=(1, 2)) for turns in _TURNS.values()])
        for k, row in enumerate(rows):
            best = int(turned[:, k].argmax())
            facts: dict[str, Fact] = {"likeness": round(float(upright[k]), 2)}
            if -upright[k] > max(BETTER, turned[best, k]):
                kind = "negative"
            elif turned[best, k] > max(upright[k] + BETTER, ALIKE):
                kind = "turned"
                facts |= {"lies": list(_TURNS)[best], "turned back": round(float(turned[best, k]), 2)}
            elif upright[k] < UNLIKE:
                kind = "unlike"
            else:
                continue
            fits[kind].append(Evidence((str(collection.image_ids[row]),), facts))
    findings = [
        Finding(f"{kind} images", severity, f"Images that {what}", meaning, tuple(rows))
        for kind, severity, what, meaning in _KINDS
        if (rows := sorted(fits[kind], key=lambda row: row.facts["likeness"]))
    ]
    findings += [
        Finding(f"{kind} images", "warning", f"Images {what}, a large part of all", meaning, tuple(in_halves[kind]))
        for kind, what, meaning in _HALVES
        if in_halves[kind]
    ]
    if not compared:
        return [], "not compared: the images are too unlike one another to have a mean image, or too few"
    scope = f"{compared:,} images compared with the mean image of their view"
    rest = len(collection) - compared
    return findings, scope + (f"; {rest:,} not: unreadable, blank, or of a view without a mean image" if rest else "")


_KINDS: tuple[tuple[str, Severity, str, str], ...] = (
    (
        "negative",
        "warning",
        "look like negatives of the others",
        "Black and white are exchanged (DICOM's MONOCHROME1, stored as it was). Invert the files.",
    ),
    (
        "turned",
        "warning",
        "lie on their side or upside down",
        "They resemble the others once turned. Turn the files, or leave the images out.",
    ),
    (
        "unlike",
        "note",
        "hardly resemble the others",
        "Often a wide collimation frame, a lost exposure, another body part or view. Look at them.",
    ),
)


_HALVES = (
    (
        "negative",
        "that look like negatives of the others",
        "There are two groups with black and white exchanged (DICOM's MONOCHROME1, stored as it was); the smaller is "
        "listed, which need not be the wrong one. Look at both, and invert the files of one.",
    ),
    (
        "turned",
        "that lie upside down to the others",
        "There are two groups; the smaller is listed, which need not be the wrong one. Look at both, and turn the "
        "files of one.",
    ),
)


def _views(collection: Collection) -> np.ndarray:
    named = next((collection.groups[name] for name in ("orientation", "view") if name in collection.groups), None)
    return np.full(len(collection), "", dtype=object) if named is None else named.astype(str).astype(object)


def _standardised(images: np.ndarray) -> np.ndarray:
    """Scale each image to mean 0 and length 1. float64, (n, S, S)."""
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=(1, 2), keepdims=True), 1e-9)
