"""Small pictures embedded in a page.

In: a `Collection` and ids of its images. Out: data URIs. With `--no-images` there are no pictures.
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
    """An image of the data set, as training uses it."""

    image_id: str
    shows: str
    uri: str
    """Empty if the image cannot be read."""


def per_label(collection: Collection) -> list[tuple[str, list[Picture]]]:
    """Choose up to four images of different patients for each label: the fewest other labels first, then by id."""
    shown = (
        collection.targets[:, None] == np.arange(len(collection.labels))
        if collection.task == "multiclass"
        else collection.targets == 1
    )
    order = np.lexsort((collection.image_ids.astype(str), shown.sum(axis=1)))
    pictures = []
    for k, label in enumerate(collection.labels):
        rows: dict[str, int] = {}
        for row in order[shown[order, k]]:
            rows.setdefault(str(collection.patient_ids[row]), int(row))
            if len(rows) == PER_LABEL:
                break
        pictures.append((label, [picture(collection, row) for row in rows.values()]))
    return pictures


def of_images(collection: Collection, image_ids: Sequence[str]) -> list[Picture]:
    """Return the pictures of some images, in the order of the ids."""
    index = {str(name): row for row, name in enumerate(collection.image_ids)}
    return [picture(collection, index[name]) for name in image_ids]


def picture(collection: Collection, row: int) -> Picture:
    """Make the picture of one image, a JPEG of 160 px."""
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
