"""Small pictures embedded in a page.

In: a `Collection` and which of its images. Out: data URIs. With `--no-images` none is made.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from medkt.data.collection import Collection
from medkt.data.pixels import samples
from medkt_eval.errors import InputError

SIDE_PX = 160
PER_LABEL = 4


@dataclass(frozen=True)
class Picture:
    """An image of the data set as training sees it."""

    image_id: str
    shows: str
    uri: str
    """Empty where the image cannot be read."""


def per_label(collection: Collection) -> list[tuple[str, list[Picture]]]:
    """Up to four images for each label, of different patients: those with the fewest other labels, then by id."""
    shown = (
        collection.targets[:, None] == np.arange(len(collection.labels))
        if collection.task == "multiclass"
        else collection.targets == 1
    )
    order = np.lexsort((collection.image_ids.astype(str), shown.sum(axis=1)))
    found = []
    for k, label in enumerate(collection.labels):
        rows: dict[str, int] = {}
        for row in order[shown[order, k]]:
            rows.setdefault(str(collection.patient_ids[row]), int(row))
            if len(rows) == PER_LABEL:
                break
        found.append((label, [picture(collection, row) for row in rows.values()]))
    return found


def of_images(collection: Collection, image_ids: Sequence[str]) -> list[Picture]:
    """Pictures of some images, by id, in that order."""
    index = {str(name): row for row, name in enumerate(collection.image_ids)}
    return [picture(collection, index[name]) for name in image_ids]


def picture(collection: Collection, row: int) -> Picture:
    """One image, as a JPEG of 160 px."""
    target = collection.targets[row]
    shows = ", ".join(samples.shows(collection.task, target, collection.labels)) or "no label"
    name = str(collection.image_ids[row])
    try:
        pixels = collection.read(row, SIDE_PX)
    except InputError:
        return Picture(name, shows, "")
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=80)
    return Picture(name, shows, "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii"))
