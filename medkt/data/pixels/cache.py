"""Decode the images of a data set once, and keep them on disk for every later run and study.

In: a `Collection`, some of its rows, a size. Out: their `Pixels`, mapped from the file instead of held in memory. Drawn
images have no file whose change could be noticed, so each study draws them again. They are kept in memory, or in a
temporary file if there are many.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import tempfile
from pathlib import Path

import numpy as np
import PIL

from medkt.data.collection import Collection
from medkt.data.pixels import decoding as images
from medkt.data.pixels import image_files
from medkt.data.pixels.decoded_store import RECORD, DecodedStore, Progress, blocks, check_room, naming_folder
from medkt.data.pixels.pixels import Pixels
from medkt_eval.runtime.locations import is_remote

MOST_DRAWN_IN_MEMORY = 256 * 2**20
"""Bytes. Drawn images of more are kept in a temporary file instead of in memory."""


def default_folder() -> Path:
    """Return `MEDKT_CACHE`, or else medkt/ in the user's cache folder, `XDG_CACHE_HOME` or ~/.cache."""
    chosen = os.environ.get("MEDKT_CACHE")
    return Path(chosen or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "medkt").expanduser()


def decoded(
    collection: Collection,
    rows: np.ndarray,
    size_px: int,
    folder: Path,
    *,
    progress: Progress = lambda _done, _all: None,
) -> Pixels:
    """Return images of a collection; read or draw those that are not stored yet.

    Parameters
    ----------
    collection : Collection
        If it has `files`, its `read` must depend only on the file, the size and the channels.
    rows : int64, (n,), n > 0
        Indices of the images, without repeats.
    size_px : int
        Side of the images.
    folder : Path
        The cache. It is created if it does not exist.
    progress : callable (done, all)
        Called after each image that is read or drawn.

    Raises
    ------
    InputError
        If a file is absent or not an image. Images decoded before it are kept.
    OSError
        If the cache cannot be written or the disk is full. Images decoded before are kept.
    """
    shape = (collection.channels, size_px, size_px)
    if collection.files is None:
        return _drawn(collection, rows, shape, folder, progress)
    # links are not resolved
    files = [file if is_remote(file) else os.path.abspath(file) for file in collection.files]  # noqa: PTH100
    root = image_files.common_folder(files)
    about = {
        "what": "images decoded by medkt; they can be made again, so this folder may be deleted where no training runs",
        "collection": collection.name,
        "images": root,
        "size_px": size_px,
        "channels": collection.channels,
        "decoding": images.DECODING,
        "records": RECORD.itemsize,  # an index of another version has records of another size
        "pillow": PIL.__version__,
    }
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]
    store = DecodedStore(folder / f"{collection.name}-{size_px}px-{key}", about, shape)
    return store.images(
        [files[row] for row in rows.tolist()],
        lambda which, on_image: images.load(collection, rows[which], size_px, on_image),
        progress,
    )


def _drawn(
    collection: Collection, rows: np.ndarray, shape: tuple[int, int, int], folder: Path, progress: Progress
) -> Pixels:
    done, positions = itertools.count(1), np.arange(len(rows), dtype=np.int64)
    size = len(rows) * math.prod(shape)

    def draw(block: slice) -> np.ndarray:
        return images.load(collection, rows[block], shape[1], lambda: progress(next(done), len(rows)))

    if size <= MOST_DRAWN_IN_MEMORY:
        return Pixels(draw(slice(None)), positions)
    with naming_folder(folder):
        folder.mkdir(parents=True, exist_ok=True)
        check_room(folder, size)
        with tempfile.TemporaryFile(
            dir=folder
        ) as file:  # the system deletes it with the mapping, however the process ends
            for block in blocks(len(rows), shape):
                file.write(draw(block).data)
            file.flush()
            return Pixels.mapped(file, positions, shape)
