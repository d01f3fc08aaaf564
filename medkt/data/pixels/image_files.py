"""Image files by path or URL: which exist, whether they changed, and how they are opened.

In: names of the files of one collection, all on this machine or all in one object storage. In object storage, looking
at one file costs a request. Therefore their common folder is listed, with a thousand files per request, and a file is
fetched only to be decoded.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, cast

import numpy as np
from PIL import Image, UnidentifiedImageError

from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote, location
from medkt_eval.runtime.reading.files import open_file
from medkt_eval.runtime.reading.image_formats import IMAGE_FORMATS


def exist(files: Sequence[str] | np.ndarray) -> np.ndarray:
    """Check whether each file exists. bool, (n,)."""
    if not _in_storage(files):
        return np.fromiter(map(os.path.isfile, files), dtype=bool, count=len(files))
    urls = _listing(files)
    return np.fromiter((file in urls for file in files), dtype=bool, count=len(files))


def common_folder(files: Sequence[str]) -> str:
    """Return the deepest folder that contains all files. There is at least one file, and paths are absolute."""
    protocol = files[0].partition("://")[0] + "://" if _in_storage(files) else ""
    return protocol + os.path.commonpath([os.path.dirname(file.removeprefix(protocol)) for file in files])  # noqa: PTH120


def openable(file: str) -> IO[bytes]:
    """Open a regular file, or fetch the content of the file that a URL names.

    Raises
    ------
    OSError
        If there is no such file, it is not a regular one, or it cannot be fetched.
    """
    return io.BytesIO(location(file).read_bytes()) if is_remote(file) else open_file(file)


@contextmanager
def open_image(file: str) -> Iterator[Image.Image]:
    """Open an image of one of the formats that medkt reads, whatever the name of the file says.

    Raises
    ------
    OSError
        As `openable`, or if it is no such image.
    """
    with openable(file) as content:
        try:
            image = Image.open(content, formats=IMAGE_FORMATS)
        except UnidentifiedImageError as error:
            raise UnidentifiedImageError(f"none of {', '.join(IMAGE_FORMATS)}, by its content") from error
        with image:
            yield image


def tags(files: Sequence[str]) -> list[bytes] | None:
    """Return a version tag for the content of each file in object storage; None for files on this machine.

    A tag is the SHA-256 of the storage's metadata of the file: name, size, time and, if there is one, a hash. Two files
    with the same content have different tags, so both are decoded.

    Raises
    ------
    InputError
        If a file does not exist. The message names the first.
    """
    if not _in_storage(files):
        return None
    metadata, digests = _listing(files), []
    for file in files:
        if file not in metadata:
            raise InputError(f"{file}: no such file; put it there or take it off the label table")
        digests.append(hashlib.sha256(str(sorted(metadata[file].items())).encode()).digest())
    return digests


def _in_storage(files: Sequence[str] | np.ndarray) -> bool:
    return len(files) > 0 and is_remote(files[0])


def _listing(files: Sequence[str] | np.ndarray) -> Mapping[str, Mapping[str, Any]]:
    """Return the storage's metadata of all files in the common folder of `files`, by URL."""
    folder = common_folder(list(files))
    top = cast(Any, location(folder))
    inside = top.path.rstrip("/")
    return {
        folder + key.removeprefix("/")[len(inside.removeprefix("/")) :]: metadata
        for key, metadata in top.fs.find(top.path, detail=True).items()
    }
