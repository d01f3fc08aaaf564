"""A folder of decoded images that many processes read and one at a time appends to.

In: paths of image files, and a function that decodes some of them. Out: their `Pixels`.

    about.json   what it holds, for whoever finds it
    pixels.u8    uint8 images (channels, S, S), one after another; only ever appended to
    index.bin    `RECORD`s: a file, as it was when it was read, and the place of its image; only ever appended to
    lock         held by whoever appends; others wait, then read

An image counts once its record is there, and that is written after the image has reached the disk: a kill leaves whole
images alone, and the next process goes on from there. A file is known by its path, size and time of change, and where
one of these is new, by the SHA-256 of what is in it: touched or copied files are not decoded again. A file in object
storage is known by its URL and its tag (`image_files.tags`) in place of both: it is fetched to be decoded, and for no
other reason.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from errno import ENOSPC
from io import BufferedIOBase
from pathlib import Path

import filelock
import numpy as np

from medkt.data.pixels import image_files
from medkt.data.pixels.pixels import Pixels
from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote

RECORD = np.dtype([("path", "V16"), ("bytes", "<i8"), ("modified_ns", "<i8"), ("sha256", "V32"), ("row", "<i8")])
Progress = Callable[[int, int], None]
"""Told after each image how many of how many are done; what it raises ends the reading."""
Read = Callable[[np.ndarray, Callable[[], None]], np.ndarray]
"""(which, on_image) -> uint8, (n, channels, S, S): decodes the files `which`, calling `on_image` after each."""

_BLOCK_BYTES, _BLOCK_IMAGES = 32 * 2**20, 1000  # decoded in memory, then written; a kill loses no more


class DecodedStore:
    """The folder of one collection at one size.

    Parameters
    ----------
    folder : Path
        Made when there is something to write.
    about : mapping
        For about.json; whatever changes the pixels must change `folder`.
    shape : tuple of int
        (channels, S, S).
    """

    def __init__(self, folder: Path, about: Mapping[str, object], shape: tuple[int, int, int]) -> None:
        self._folder, self._about, self._shape = folder, about, shape
        self._pixels, self._index = folder / "pixels.u8", folder / "index.bin"
        self._image_bytes = math.prod(shape)

    def images(self, files: Sequence[str], read: Read, progress: Progress) -> Pixels:
        """The images of some files, decoded where that has not been done or the file is another now.

        Raises
        ------
        InputError
            If a file cannot be read.
        OSError
            If the folder cannot be written, though there is something to write.
        """
        with told(self._folder):
            wanted = _as_they_are(files)
            rows = _rows(wanted, self._records())
            if (rows < 0).any():
                self._folder.mkdir(parents=True, exist_ok=True)
                with filelock.FileLock(self._folder / "lock"):  # the system lets go of it when its holder dies
                    self._make_whole()
                    self._append(files, wanted, read, progress)
                rows = _rows(wanted, self._records())
            return Pixels.mapped(self._pixels, rows, self._shape)

    def _records(self) -> np.ndarray:
        """Records whose images are there; half a record at the end does not count."""
        try:
            n_images = self._pixels.stat().st_size // self._image_bytes
            records = np.fromfile(self._index, dtype=RECORD)
        except FileNotFoundError:
            return np.empty(0, dtype=RECORD)
        return records[records["row"] < n_images]

    def _make_whole(self) -> None:
        """Leave whole records alone in the index, and of images that are there."""
        records = self._records()
        if not self._index.exists() or self._index.stat().st_size != records.nbytes:
            (self._folder / "about.json").write_text(json.dumps(self._about, indent=2) + "\n")
            fresh = self._index.with_suffix(".new")
            fresh.write_bytes(records.tobytes())
            fresh.replace(self._index)
            self._pixels.touch()

    def _append(self, files: Sequence[str], wanted: np.ndarray, read: Read, progress: Progress) -> None:
        records = self._records()  # again: another process may have added some while this one waited
        missing = np.flatnonzero(_rows(wanted, records) < 0)
        check_room(self._folder, len(missing) * self._image_bytes)
        row_of = dict(zip(_keys(records["sha256"]), records["row"].tolist(), strict=True))
        end = int(records["row"].max(initial=-1)) + 1
        done = itertools.count(1)

        def on_image() -> None:
            progress(next(done), len(missing))

        with self._pixels.open("r+b") as pixels, self._index.open("ab") as index:
            pixels.seek(end * self._image_bytes)  # over images that a kill left without a record
            for block in blocks(len(missing), self._shape):
                which: list[int] = missing[block].tolist()
                contents = _contents([files[position] for position in which], wanted[which])
                new = []  # of those with the same content the first
                for position, content in zip(which, contents, strict=True):
                    if content not in row_of:
                        row_of[content] = end + len(new)
                        new.append(position)
                if new:
                    pixels.write(read(np.array(new), on_image).data)
                    _to_disk(pixels)
                end += len(new)
                for _ in range(len(which) - len(new)):
                    on_image()
                wanted["sha256"][which] = np.array(contents, dtype="V32")
                wanted["row"][which] = [row_of[content] for content in contents]
                index.write(wanted[which].tobytes())
                _to_disk(index)


def blocks(n_images: int, shape: tuple[int, int, int]) -> Iterator[slice]:
    """Slices of `n_images` that are small enough to hold in memory."""
    step = min(_BLOCK_IMAGES, max(1, _BLOCK_BYTES // math.prod(shape)))
    return (slice(begin, begin + step) for begin in range(0, n_images, step))


def check_room(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises
    ------
    OSError
        ENOSPC.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(ENOSPC, f"{needed / 1e9:.3g} GB are needed and {free / 1e9:.3g} GB are free")


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Turn an error of the system into an `InputError` that names the folder and a remedy."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror or error} (decoded images are kept there; --cache or MEDKT_CACHE names another folder)"
        raise OSError(error.errno, what, str(folder)) from error


def _as_they_are(files: Sequence[str]) -> np.ndarray:
    """Records with what is known of files before they are opened; row -1."""
    records = np.zeros(len(files), dtype=RECORD)
    paths = [hashlib.blake2b(os.fsencode(file), digest_size=16).digest() for file in files]
    records["path"], records["row"] = np.array(paths, dtype="V16"), -1
    tags = image_files.tags(files)
    if tags is not None:
        records["sha256"] = np.array(tags, dtype="V32")
        records["modified_ns"] = [int.from_bytes(tag[:8], "little", signed=True) for tag in tags]
        return records
    sizes, times = [], []
    for file in files:
        with _readable(file):
            status = os.stat(file)  # noqa: PTH116  (there may be 200,000 of them)
        sizes.append(status.st_size)
        times.append(status.st_mtime_ns)
    records["bytes"], records["modified_ns"] = sizes, times
    return records


def _rows(wanted: np.ndarray, records: np.ndarray) -> np.ndarray:
    """Positions of the images of `wanted` in the store; -1 if an image is absent or its file has changed."""
    newest = {path: position for position, path in enumerate(_keys(records["path"]))}
    at = np.array([newest.get(path, -1) for path in _keys(wanted["path"])])
    rows = np.full(len(wanted), -1, dtype=np.int64)
    known = np.flatnonzero(at >= 0)
    found = records[at[known]]
    same = (found["bytes"] == wanted["bytes"][known]) & (found["modified_ns"] == wanted["modified_ns"][known])
    rows[known[same]] = found["row"][same]
    return rows


def _keys(digests: np.ndarray) -> list[bytes]:
    return np.ascontiguousarray(digests).tolist()


def _contents(files: Sequence[str], records: np.ndarray) -> list[bytes]:
    """What tells the content of each file from others: its SHA-256, or its tag."""
    if is_remote(files[0]):
        return _keys(records["sha256"])

    def one(file: str) -> bytes:
        with _readable(file), open(file, "rb") as opened:  # noqa: PTH123
            return hashlib.file_digest(opened, "sha256").digest()

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(one, files))


@contextmanager
def _readable(file: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read ({error.strerror}); put it there or take it off the label table"
        ) from error


def _to_disk(file: BufferedIOBase) -> None:
    file.flush()
    os.fsync(file.fileno())
