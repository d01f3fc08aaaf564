"""A folder of decoded images. Many processes read it, and one at a time appends to it.

In: paths of image files, and a function that decodes some of them. Out: their `Pixels`.

    about.json   a description of the folder's content, for people
    pixels.u8    uint8 images (channels, S, S), one after another; append-only
    index.bin    `RECORD`s: the state of a file when it was read, and the position of its image; append-only
    lock         held by the process that appends; the others wait, then read

An image counts once its record exists. The record is written after the image has reached the disk. If a process is
killed, only complete images count, and the next process continues after them. Each record holds the CRC-32 of its
image, which is checked whenever the image is read, and a CRC-32 of its own: a damaged record does not count, and its
image is decoded again.

A file is identified by its path, size and time of change. If one of these is new, the SHA-256 of its content identifies
it, so touched or copied files are not decoded again. A file in object storage is identified by its URL and its tag
(`image_files.tags`) instead. It is fetched only to be decoded.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import shutil
import zlib
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
from medkt_eval.runtime.atomic_files import write_bytes_atomically, write_text_atomically
from medkt_eval.runtime.locations import is_remote
from medkt_eval.runtime.reading.files import open_file

_FIELDS = [("path", "V16"), ("bytes", "<i8"), ("modified_ns", "<i8"), ("sha256", "V32"), ("row", "<i8")]
RECORD = np.dtype([*_FIELDS, ("image_crc32", "<u4"), ("record_crc32", "<u4")])  # the last is of the fields before it
Progress = Callable[[int, int], None]
"""Called after each image with the number done and the number of all. An exception that it raises ends the reading."""
Read = Callable[[np.ndarray, Callable[[], None]], np.ndarray]
"""(which, on_image) -> uint8, (n, channels, S, S): decode the files `which` and call `on_image` after each."""

_BLOCK_BYTES, _BLOCK_IMAGES = 32 * 2**20, 1000  # decoded in memory, then written: the most that a kill loses


class DecodedStore:
    """The folder of one collection at one size.

    Parameters
    ----------
    folder : Path
        Created when there is something to write.
    about : mapping
        Content of about.json. Anything that changes the pixels must also change `folder`.
    shape : tuple of int
        (channels, S, S).
    """

    def __init__(self, folder: Path, about: Mapping[str, object], shape: tuple[int, int, int]) -> None:
        self._folder, self._about, self._shape = folder, about, shape
        self._pixels, self._index = folder / "pixels.u8", folder / "index.bin"
        self._image_bytes = math.prod(shape)

    def images(self, files: Sequence[str], read: Read, progress: Progress) -> Pixels:
        """Return the images of some files; decode files that are new or have changed.

        Raises
        ------
        InputError
            If a file cannot be read.
        OSError
            If the folder cannot be written and there is something to write.
        """
        with naming_folder(self._folder):
            current = _current_records(files)
            records = self._records()
            rows = _rows(current, records)
            if (rows < 0).any():
                self._folder.mkdir(parents=True, exist_ok=True)
                with filelock.FileLock(self._folder / "lock"):  # the system releases it if the process dies
                    self._remove_incomplete()
                    self._append(files, current, read, progress)
                records = self._records()
                rows = _rows(current, records)
            checksums = np.zeros(int(records["row"].max()) + 1, dtype=np.uint32)
            checksums[records["row"]] = records["image_crc32"]
            return Pixels.mapped(self._pixels, rows, self._shape, checksums[rows])

    def _records(self) -> np.ndarray:
        """Read the records whose images are stored. Damaged records and an incomplete one at the end do not count."""
        try:
            n_images = self._pixels.stat().st_size // self._image_bytes
            records = np.fromfile(self._index, dtype=RECORD)
        except FileNotFoundError:
            return np.empty(0, dtype=RECORD)
        undamaged = _record_checksums(records) == records["record_crc32"]
        return records[undamaged & (records["row"] >= 0) & (records["row"] < n_images)]

    def _remove_incomplete(self) -> None:
        """Remove from the index damaged and incomplete records, and records without a stored image."""
        records = self._records()
        if not self._index.exists() or self._index.stat().st_size != records.nbytes:
            write_text_atomically(self._folder / "about.json", json.dumps(self._about, indent=2) + "\n")
            write_bytes_atomically(self._index, records.tobytes())
            self._pixels.touch()

    def _append(self, files: Sequence[str], current: np.ndarray, read: Read, progress: Progress) -> None:
        records = self._records()  # read again: another process may have added some while this one waited
        missing = np.flatnonzero(_rows(current, records) < 0)
        check_room(self._folder, len(missing) * self._image_bytes)
        row_of = dict(zip(_keys(records["sha256"]), records["row"].tolist(), strict=True))
        checksum_of = dict(zip(records["row"].tolist(), records["image_crc32"].tolist(), strict=True))
        end = int(records["row"].max(initial=-1)) + 1
        done = itertools.count(1)

        def on_image() -> None:
            progress(next(done), len(missing))

        with self._pixels.open("r+b") as pixels, self._index.open("ab") as index:
            pixels.seek(end * self._image_bytes)  # overwrite images that a kill left without a record
            for block in blocks(len(missing), self._shape):
                which: list[int] = missing[block].tolist()
                contents = _contents([files[position] for position in which], current[which])
                new = []  # the first of each group of files with the same content
                for position, content in zip(which, contents, strict=True):
                    if content not in row_of:
                        row_of[content] = end + len(new)
                        new.append(position)
                if new:
                    decoded = read(np.array(new), on_image)
                    checksum_of.update(enumerate((zlib.crc32(image) for image in decoded), start=end))
                    pixels.write(decoded.data)
                    _to_disk(pixels)
                end += len(new)
                for _ in range(len(which) - len(new)):
                    on_image()
                current["sha256"][which] = np.array(contents, dtype="V32")
                current["row"][which] = [row_of[content] for content in contents]
                current["image_crc32"][which] = [checksum_of[row] for row in current["row"][which].tolist()]
                current["record_crc32"][which] = _record_checksums(current[which])
                index.write(current[which].tobytes())
                _to_disk(index)


def blocks(n_images: int, shape: tuple[int, int, int]) -> Iterator[slice]:
    """Divide `n_images` into slices that are small enough to hold in memory."""
    step = min(_BLOCK_IMAGES, max(1, _BLOCK_BYTES // math.prod(shape)))
    return (slice(begin, begin + step) for begin in range(0, n_images, step))


def check_room(folder: Path, needed: int) -> None:
    """Check that the disk has room for `needed` bytes.

    Raises
    ------
    OSError
        If it does not; its `errno` is ENOSPC.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(ENOSPC, f"{needed / 1e9:.3g} GB are needed and {free / 1e9:.3g} GB are free")


@contextmanager
def naming_folder(folder: Path) -> Iterator[None]:
    """Add the folder and a remedy to the message of an `OSError`."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror or error} (decoded images are kept there; --cache or MEDKT_CACHE names another folder)"
        raise OSError(error.errno, what, str(folder)) from error


def _current_records(files: Sequence[str]) -> np.ndarray:
    """Make records of what is known about the files before they are opened. Their `row` is -1."""
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
            status = os.stat(file)  # noqa: PTH116  (os.stat is faster, and there may be 200,000 files)
        sizes.append(status.st_size)
        times.append(status.st_mtime_ns)
    records["bytes"], records["modified_ns"] = sizes, times
    return records


def _rows(current: np.ndarray, records: np.ndarray) -> np.ndarray:
    """Find the positions of the images of `current` in the store; -1 if an image is absent or its file has changed."""
    newest = {path: position for position, path in enumerate(_keys(records["path"]))}
    position_of = np.array([newest.get(path, -1) for path in _keys(current["path"])])
    rows = np.full(len(current), -1, dtype=np.int64)
    stored = np.flatnonzero(position_of >= 0)
    matching = records[position_of[stored]]
    same = (matching["bytes"] == current["bytes"][stored]) & (matching["modified_ns"] == current["modified_ns"][stored])
    rows[stored[same]] = matching["row"][same]
    return rows


def _record_checksums(records: np.ndarray) -> np.ndarray:
    """Return the CRC-32 of each record, without the field that holds it."""
    size = RECORD.itemsize - 4
    content = records.tobytes()
    begins = range(0, len(content), RECORD.itemsize)
    return np.array([zlib.crc32(content[begin : begin + size]) for begin in begins], dtype=np.uint32)


def _keys(digests: np.ndarray) -> list[bytes]:
    return np.ascontiguousarray(digests).tolist()


def _contents(files: Sequence[str], records: np.ndarray) -> list[bytes]:
    """Return what identifies the content of each file: its SHA-256, or its tag."""
    if is_remote(files[0]):
        return _keys(records["sha256"])

    def sha256(file: str) -> bytes:
        with _readable(file), open_file(file) as stream:
            return hashlib.file_digest(stream, "sha256").digest()

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(sha256, files))


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
