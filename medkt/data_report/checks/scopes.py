"""What each check of labels, splits and pixels can look at, in words.

In: a data set, and which of its images can be compared. Out: phrases for `Checked.looked_at`. A phrase that begins with
"not " says why a check looked at nothing. Such a check is never reported among those that found nothing.
"""

from __future__ import annotations

import re

import numpy as np

from medkt.data.collection import Collection
from medkt.data_report.checks import labels as label_checks
from medkt.data_report.opening import Opened
from medkt.data_report.survey import Survey


def reading(survey: Survey) -> str:
    """For the check of pixels: how many images could be read."""
    n, n_readable = len(survey.hashes), int(survey.readable().sum())
    if n_readable == 0:
        return "not checked: no image can be read"
    return (
        f"{n_readable:,} images read"
        if n_readable == n
        else f"{n_readable:,} of {n:,} images; the others cannot be read"
    )


def pairs(usable: np.ndarray, what: str) -> str | None:
    """Why no two images can be compared; None if some can.

    Parameters
    ----------
    usable : bool, (n_images,)
        Which images can be compared.
    what : str
        The property of those images, in words.
    """
    n = int(usable.sum())
    if n >= 2:
        return None
    return f"not compared: {'no image' if n == 0 else 'only one image'} {what}, and two are needed"


def labels(collection: Collection) -> dict[str, str]:
    """For the checks of labels, by check."""
    looked = f"{len(collection.labels)} labels of {len(collection):,} images"
    classes = collection.task == "multiclass"
    numbers = all(re.fullmatch(r"-?\d+", label) for label in collection.labels)
    no_finding = label_checks.NO_FINDING in collection.labels
    one_class = "not checked: every image has one class"
    conflicts = one_class if classes else "" if no_finding else f"not checked: no label is {label_checks.NO_FINDING!r}"
    outside = (
        "not checked: the labels are no classes"
        if not classes
        else ""
        if numbers
        else "not checked: the classes are no numbers"
    )
    alone = one_class if classes else "" if len(collection.labels) > 1 else "not checked: there is only one label"
    return {
        "label conflicts": conflicts or looked,
        "classes outside the range": outside or looked,
        "labels never seen alone": alone or looked,
        "unlabelled images": one_class if classes else looked,
        "labels without images": looked,
    }


def patients_in_splits(opened: Opened) -> str:
    """For the check of patients in two splits."""
    splits = opened.disjoint()
    if not splits:
        return "not compared: no splits are known (name their sizes, or a study file)"
    return f"{len(splits)} splits" if len(splits) > 1 else f"not compared: the only split is {next(iter(splits))!r}"


def metadata(collection: Collection) -> str:
    """For the check of unknown metadata."""
    n = len(collection.groups)
    return f"{n} columns" if n else "not checked: there is no column of metadata"
