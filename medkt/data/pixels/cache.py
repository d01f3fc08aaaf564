"""Images of a data set, decoded once: on disk for every later run and study, then mapped instead of held in memory.

In: a `Collection`, some of its rows, a size. Out: their `Pixels`. Images that are drawn have no file whose change would
show, so they are drawn anew by each study: into memory or, where they are many, into a temporary file.
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
from medkt.data.pixels.decoded_store import DecodedStore, Progress, blocks, check_room, told
from medkt.data.pixels.pixels import Pixels
from medkt_eval.runtime.locations import is_remote

MOST_DRAWN_IN_MEMORY = 256 * 2**20
"""Bytes of drawn images that are held in memory; more go to a temporary file."""


def default_folder() -> Path:
    """`MEDKT_CACHE`; else medkt/ where programs keep what can be made again, `XDG_CACHE_HOME` or ~/.cache."""
    named = os.environ.get("MEDKT_CACHE")
    return Path(named or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "medkt").expanduser()


def decoded(
    collection: Collection,
    rows: np.ndarray,
    size_px: int,
    folder: Path,
    *,
    progress: Progress = lambda _done, _all: None,
) -> Pixels:
    """Images of a collection, read or drawn now where they were not before.

    Parameters
    ----------
    collection : Collection
        Where it has `files`, `read` depends on the file, the size and the channels alone.
    rows : int64, (n,), n > 0
        Indices of the images, each once.
    size_px : int
        Side of the images.
    folder : Path
        The cache; made if absent.
    progress : callable (done, all)
        Not called where nothing is to be read.

    Raises
    ------
    InputError
        If a file is absent or no image. What was decoded before it is kept.
    OSError
        If the cache cannot be written or the disk is full; likewise.
    """
    shape = (collection.channels, size_px, size_px)
    if collection.files is None:
        return _drawn(collection, rows, shape, folder, progress)
    # links stay links
    files = [file if is_remote(file) else os.path.abspath(file) for file in collection.files]  # noqa: PTH100
    root = image_files.common_folder(files)
    about = {
        "what": "images decoded by medkt; they can be made again, so this folder may be deleted where no training runs",
        "collection": collection.name,
        "images": root,
        "size_px": size_px,
        "channels": collection.channels,
        "decoding": images.DECODING,
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
    done, places = itertools.count(1), np.arange(len(rows), dtype=np.int64)
    size = len(rows) * math.prod(shape)

    def draw(block: slice) -> np.ndarray:
        return images.load(collection, rows[block], shape[1], lambda: progress(next(done), len(rows)))

    if size <= MOST_DRAWN_IN_MEMORY:
        return Pixels(draw(slice(None)), places)
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        check_room(folder, size)
        with tempfile.TemporaryFile(dir=folder) as file:  # gone when the mapping is, however the process ends
            for block in blocks(len(rows), shape):
                file.write(draw(block).data)
            file.flush()
            return Pixels.mapped(file, places, shape)
