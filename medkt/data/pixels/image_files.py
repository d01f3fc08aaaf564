"""Image files by name, a path or a URL: which exist, whether they changed, and how they are opened.

In: names of the files of one collection, all on this machine or all in one object storage. There a file costs a request
to look at, so the folder that holds them all is listed at once, a thousand a request, and a file is fetched only to be
decoded.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote, location


def there(files: Sequence[str] | np.ndarray) -> np.ndarray:
    """Whether each file is there. bool, (n,)."""
    if not _elsewhere(files):
        return np.fromiter(map(os.path.isfile, files), dtype=bool, count=len(files))
    listed = _listed(files)
    return np.fromiter((file in listed for file in files), dtype=bool, count=len(files))


def common_folder(files: Sequence[str]) -> str:
    """The folder that holds all files, in it or below it; n > 0. Paths are absolute."""
    protocol = files[0].partition("://")[0] + "://" if _elsewhere(files) else ""
    return protocol + os.path.commonpath([os.path.dirname(file.removeprefix(protocol)) for file in files])  # noqa: PTH120


def openable(file: str) -> str | io.BytesIO:
    """What Pillow opens: the path, or what is in the file that a URL names.

    Raises
    ------
    OSError
        If a URL names no file, or it cannot be fetched.
    """
    return io.BytesIO(location(file).read_bytes()) if is_remote(file) else file


def tags(files: Sequence[str]) -> list[bytes] | None:
    """A version of the content of each file in object storage; None for files on this machine.

    SHA-256 of what the storage says of the file: name, size, time, and the hash that it keeps itself, if it does. Two
    files of one content have two tags, which costs a second decoding and no more.

    Raises
    ------
    InputError
        Names the first file that does not exist.
    """
    if not _elsewhere(files):
        return None
    listed, found = _listed(files), []
    for file in files:
        if file not in listed:
            raise InputError(f"{file}: no such file; put it there or take it off the label table")
        found.append(hashlib.sha256(str(sorted(listed[file].items())).encode()).digest())
    return found


def _elsewhere(files: Sequence[str] | np.ndarray) -> bool:
    return len(files) > 0 and is_remote(files[0])


def _listed(files: Sequence[str] | np.ndarray) -> Mapping[str, Mapping[str, Any]]:
    """What the storage says of the files in the folder that holds all `files`, by URL."""
    folder = common_folder(list(files))
    top = cast(Any, location(folder))
    inside = top.path.rstrip("/")
    return {
        folder + key.removeprefix("/")[len(inside.removeprefix("/")) :]: said
        for key, said in top.fs.find(top.path, detail=True).items()
    }
