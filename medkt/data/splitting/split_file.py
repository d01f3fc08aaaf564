"""Write a split to a file, so that others can use the same split and every run can refer to it.

In: a `Collection` and its `Splits`. Out: the text of `split-<dataset>.csv`: image_id, patient_id, split, rows sorted by
image id. `split` is test, validation, train, or "train 5000" for an image of the training set of 5,000. An image of
nested training sets gets the name of the smallest one; the larger ones contain it too.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from medkt.data.collection import Collection
from medkt.data.splitting.splits import Splits
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import make_folder, write_text_atomically
from medkt_eval.runtime.reading.files import MOST_BYTES
from medkt_eval.runtime.reading.text import read_text


def text(collection: Collection, splits: Splits) -> str:
    """Return the text of the file. Images in no split are left out."""
    names = np.full(len(collection), "", dtype=object)
    for size in sorted(splits.train, key=lambda size: np.inf if size is None else size, reverse=True):
        names[splits.train[size]] = "train" if size is None else f"train {size}"
    names[splits.validation], names[splits.test] = "validation", "test"
    used = np.flatnonzero(names != "")
    rows = used[np.argsort(collection.image_ids[used], kind="stable")]
    columns = (collection.image_ids[rows], collection.patient_ids[rows], names[rows])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("image_id", "patient_id", "split"))
    writer.writerows(zip(*columns, strict=True))
    return stream.getvalue()


def write(path: Path, text: str, *, runs_quote_it: bool) -> None:
    """Write the file, unless finished runs used another split of the same name.

    A further training size is not another split. It changes the training set that the file names for an image. It does
    not move images between training, validation and test.

    Raises
    ------
    InputError
        If `runs_quote_it`, and an image is in another part in the existing file.
    """
    if path.is_file() and runs_quote_it:
        existing, current = _parts(read_text(path, "the split that finished runs used", most=MOST_BYTES)), _parts(text)
        for part in ("test", "validation"):
            moved = sorted(existing[part] ^ current[part])
            if moved:
                raise InputError(
                    f"{path}: {len(moved)} images are in its {part} set or in that of the study, not in both (first: "
                    f"{moved[0]!r}); finished runs used it: use another --out, or remove them and the file"
                )
    make_folder(path.parent)
    write_text_atomically(path, text)


def _parts(text: str) -> dict[str, set[str]]:
    """Return the image ids of each part. All training sets are one part."""
    parts: dict[str, set[str]] = {"train": set(), "validation": set(), "test": set()}
    for row in csv.DictReader(io.StringIO(text)):
        parts.setdefault(row["split"].split(" ")[0], set()).add(row["image_id"])
    return parts
