"""Read all images once and keep only what the checks need.

In: a `Collection`. Out: `Headers` of the files, without decoding them; or a `Survey`, for which each image is read once
and reduced to 10 kB. It is decoded at a reduced scale if its format allows that. Threads read the images block by
block, and large arrays are in a temporary file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

from medkt.data.collection import Collection
from medkt.data.pixels import image_files
from medkt.data.pixels.decoding import read_image
from medkt.data_report import detail
from medkt_eval.errors import InputError

Progress = Callable[[int, int], None]
SMALL_PX = 16
HASH_SIDE = 16  # 256 bits; with imagehash's default of 64, chest X-rays of strangers are as near as copies
_BLOCK = 1024


@dataclass(frozen=True)
class Headers:
    """Properties in the headers of the files.

    Parameters
    ----------
    width_px, height_px : int64, (n_images,)
        0 if the header cannot be read.
    mode, format : str, (n_images,)
        Pillow's names: L, RGB, I;16; PNG, JPEG. "" if the header cannot be read.
    compression : str, (n_images,)
        Sum of a JPEG's luminance quantisation table, larger = coarser; "" for other formats. Different cameras and
        exports have different tables.
    """

    width_px: np.ndarray
    height_px: np.ndarray
    mode: np.ndarray
    format: np.ndarray
    compression: np.ndarray


@dataclass(frozen=True)
class Survey:
    """Properties of the images, from reading each once.

    Parameters
    ----------
    unreadable : dict of int to str
        Index of each image that cannot be read, and the reason. Its rows in the arrays are zeros.
    sha256 : uint8, (n_images, 32)
        SHA-256 of the file; for drawn images, of the pixels.
    hashes : uint64, (n_images, 4)
        Perceptual hash (imagehash.phash) of 256 bits.
    small : uint8, (n_images, 16, 16)
        Grey thumbnails.
    spread : uint8, (n_images,)
        Brightest minus darkest of 96 x 96 grey pixels.
    brightest : int64, (n_images,)
        Largest value of a file with 16-bit grey, before it is scaled to 8 bits; -1 for other images.
    details : int8, (n_images, 96, 96)
        Fine detail (`medkt.data_report.detail`), in a temporary file.
    """

    unreadable: dict[int, str]
    sha256: np.ndarray
    hashes: np.ndarray
    small: np.ndarray
    spread: np.ndarray
    brightest: np.ndarray
    details: np.ndarray

    def readable(self) -> np.ndarray:
        """Whether each image could be read. bool, (n_images,)."""
        could_be_read = np.ones(len(self.hashes), dtype=bool)
        could_be_read[list(self.unreadable)] = False
        return could_be_read


def headers(collection: Collection, progress: Progress = lambda _done, _all: None) -> Headers | None:
    """Read the header of every file. None for drawn images."""
    if collection.files is None:
        return None
    files, n = collection.files, len(collection)
    sides = np.zeros((n, 2), dtype=np.int64)
    words = np.full((n, 3), "", dtype=object)

    def look(index: int) -> None:
        try:
            with image_files.open_image(files[index]) as image:
                sides[index] = image.size
                tables = getattr(image, "quantization", None) or {}
                words[index] = image.mode, image.format or "", str(sum(tables[min(tables)])) if tables else ""
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
            pass  # the check of unreadable images reports it

    _each(look, n, progress)
    return Headers(sides[:, 0], sides[:, 1], *words.T)


@contextmanager
def survey(collection: Collection, progress: Progress = lambda _done, _all: None) -> Iterator[Survey]:
    """Read every image. The result is only valid inside the context."""
    n = len(collection)
    with tempfile.TemporaryDirectory(prefix="medkt-") as folder:
        details = np.memmap(
            Path(folder) / "details", dtype=np.int8, mode="w+", shape=(max(n, 1), detail.SIDE_PX, detail.SIDE_PX)
        )
        images = Survey(
            {},
            np.zeros((n, 32), dtype=np.uint8),
            np.zeros((n, 4), dtype=np.uint64),
            np.zeros((n, SMALL_PX, SMALL_PX), dtype=np.uint8),
            np.zeros(n, dtype=np.uint8),
            np.full(n, -1, dtype=np.int64),
            details,
        )
        _each(lambda index: _read(collection, index, images), n, progress)
        yield images


def _each(task: Callable[[int], None], n: int, progress: Progress) -> None:
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for start in range(0, n, _BLOCK):
            stop = min(start + _BLOCK, n)
            for done, _ in enumerate(pool.map(task, range(start, stop)), start=start + 1):
                progress(done, n)


def _read(collection: Collection, index: int, images: Survey) -> None:
    try:
        if collection.files is None:
            pixels = collection.read(index, detail.SIDE_PX)
            content = pixels.tobytes()
        else:
            pixels = read_image(collection.files[index], detail.SIDE_PX, collection.channels, reduced=True)
            with image_files.openable(collection.files[index]) as file:
                content = file.read()
    except InputError as error:
        images.unreadable[index] = str(error)
        return
    if collection.files is not None:
        images.brightest[index] = _brightest(collection.files[index])
    image = Image.fromarray(pixels).convert("L")
    grey = np.asarray(image)
    bits = imagehash.phash(image, hash_size=HASH_SIDE).hash
    images.sha256[index] = np.frombuffer(hashlib.sha256(content).digest(), dtype=np.uint8)
    images.hashes[index] = np.packbits(bits).view(np.uint64)
    images.small[index] = np.asarray(image.resize((SMALL_PX, SMALL_PX), Image.Resampling.BOX))
    images.spread[index] = grey.max() - grey.min()
    images.details[index] = detail.fine_detail(grey)


def _brightest(file: str) -> int:
    """Return the largest value of a file with 16-bit grey, which Pillow calls I or I;16; -1 for other files."""
    with image_files.open_image(file) as image:
        return int(np.asarray(image).max()) if image.mode.startswith("I") else -1
