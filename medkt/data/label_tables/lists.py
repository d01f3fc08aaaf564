"""Lists that go with a data set: images to leave out, patients to test on.

In: a CSV of image ids, or a text file of patient ids. Out: a smaller `Collection`, or a set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt_eval.errors import InputError
from medkt_eval.runtime.validation import read_text


def excluded(path: Path) -> dict[str, str]:
    """Image id -> reason ("" where none is given), of a CSV with `image_id` and, if known, `reason`.

    An image may be listed several times, for several reasons; the first is taken.
    """
    rows = tables.read(path, ["image_id"], may_be_empty=True).rows
    rows = rows[~rows["image_id"].duplicated()]
    return dict(zip(rows["image_id"], rows["reason"] if "reason" in rows else [""] * len(rows), strict=True))


def without(collection: Collection, split: np.ndarray | None, path: Path) -> tuple[Collection, np.ndarray | None]:
    """Leave out the images of an exclusion list, and say in the notes how many and why.

    Parameters
    ----------
    collection : Collection
        All images.
    split : str, (n_images,) or None
        The split that it brings along.
    path : Path
        The list (`excluded`).

    Raises
    ------
    InputError
        If none of the listed images is in the collection, so that the list is another's; or all are.
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
    found: dict[str, int] = {}
    for image in collection.image_ids[listed]:
        found[reasons[image] or "no reason given"] = found.get(reasons[image] or "no reason given", 0) + 1
    why = "; ".join(f"{reason}: {n:,}" for reason, n in sorted(found.items()))
    smaller = collection.only(np.flatnonzero(~listed))
    if why:
        note = f"{int(listed.sum()):,} of {len(listed):,} images are left out by {path.name} ({why})"
        smaller = smaller.noted(note)
    return smaller, None if split is None else split[~listed]


def ids(path: Path, what: str) -> frozenset[str]:
    """Ids of a text file, one a line, of a patient or image (`what`); spaces around them and blank lines do not count.

    Raises
    ------
    InputError
        If it cannot be read or lists none.
    """
    text = read_text(path, f"a text file of {what} ids, one a line").removeprefix("\ufeff")
    found = frozenset(line.strip() for line in text.splitlines()) - {""}
    if not found:
        raise InputError(f"{path}: lists no {what}; expected {what} ids, one a line")
    return found
