"""Read lists that belong to a data set: images to leave out, and test patients.

In: a CSV of image ids, or a text file of patient ids. Out: a smaller `Collection`, or a set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.text import read_text


def excluded(path: Path) -> dict[str, str]:
    """Read a CSV with `image_id` and, if known, `reason`: image id -> reason, "" if none is given.

    If an image is listed several times, its first reason counts.
    """
    rows = tables.read(path, ["image_id"], may_be_empty=True).rows
    rows = rows[~rows["image_id"].duplicated()]
    return dict(zip(rows["image_id"], rows["reason"] if "reason" in rows else [""] * len(rows), strict=True))


def without(collection: Collection, split: np.ndarray | None, path: Path) -> tuple[Collection, np.ndarray | None]:
    """Leave out the images of an exclusion list; a note says how many and why.

    Parameters
    ----------
    collection : Collection
        All images.
    split : str, (n_images,) or None
        The split that the data set defines.
    path : Path
        The exclusion list, as for `excluded`.

    Raises
    ------
    InputError
        If the list has no image of the collection, so that it belongs to another one; or has all of its images.
    """
    reasons = excluded(path)
    listed = np.array([image in reasons for image in collection.image_ids], dtype=bool)
    if reasons and not listed.any():
        raise InputError(
            f"{path}: none of its {len(reasons):,} images is in {collection.name} (first: "
            f"{next(iter(reasons))!r}); expected its image ids"
        )
    if listed.all():
        raise InputError(f"{path}: lists all {len(listed):,} images of {collection.name}; expected some to be left")
    counts: dict[str, int] = {}
    for image in collection.image_ids[listed]:
        counts[reasons[image] or "no reason given"] = counts.get(reasons[image] or "no reason given", 0) + 1
    why = "; ".join(f"{reason}: {n:,}" for reason, n in sorted(counts.items()))
    smaller = collection.only(np.flatnonzero(~listed))
    if why:
        note = f"{int(listed.sum()):,} of {len(listed):,} images are left out by {path.name} ({why})"
        smaller = smaller.noted(note)
    return smaller, None if split is None else split[~listed]


def ids(path: Path, what: str) -> frozenset[str]:
    """Read a text file of patient or image ids (`what`), one per line. Blank lines and outer spaces are ignored.

    Raises
    ------
    InputError
        If the file cannot be read or lists no id.
    """
    text = read_text(path, f"a text file of {what} ids, one a line").removeprefix("\ufeff")
    listed = frozenset(line.strip() for line in text.splitlines()) - {""}
    if not listed:
        raise InputError(f"{path}: lists no {what}; expected {what} ids, one a line")
    return listed
