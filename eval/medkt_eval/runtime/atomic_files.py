"""Files and folders that are written completely or not at all, and their hashes.

On this machine they are written under another name and renamed. That name is random and must be new, so processes never
share it, and no link can be laid there beforehand. Object storage cannot rename, but a file appears there only once it
is complete; a folder is complete once its last file is there.
"""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from medkt_eval.runtime.locations import is_remote
from medkt_eval.runtime.reading.files import open_file


def write_text_atomically(path: Path, text: str) -> None:
    """Write `text` as UTF-8, completely or not at all."""
    write_bytes_atomically(path, text.encode("utf-8"))


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, then rename: a reader never sees half a file."""
    if is_remote(path):
        path.write_bytes(content)
        return
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as handle:
            write_to_disk(handle, content)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_folder_atomically(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files, completely or not at all.

    Parameters
    ----------
    folder : Path
        Must not exist, and one process at a time writes it. What a killed process left is removed.
    files : mapping of str to bytes
        Name in the folder, with `/` between parts, and content. In object storage the files are written in this order.
        There, the folder is complete only if its last file exists.

    Raises
    ------
    OSError
        For example if the disk is full; no partial folder remains.
    """
    partial = _partial_folder(folder)
    try:
        for name, content in files.items():
            path = partial / name
            make_folder(path.parent)
            if is_remote(path):
                path.write_bytes(content)
            else:  # synced before the rename, or a power cut could leave an empty file
                with path.open("xb") as handle:
                    write_to_disk(handle, content)
        if partial is not folder:
            partial.replace(folder)
    except BaseException:
        with suppress(OSError):
            remove_folder(partial)
        raise


def append_text(path: Path, text: str) -> None:
    """Append to a text file that one process at a time writes; create it if absent."""
    if is_remote(path):  # some object storages cannot append
        path.write_text((path.read_text(encoding="utf-8") if path.is_file() else "") + text, encoding="utf-8")
    else:
        with path.open("a", encoding="utf-8") as handle:
            handle.write(text)


def make_folder(path: Path) -> None:
    """Create a folder and its parents if absent; object storage has no folders, only names with / in them."""
    if not is_remote(path):
        path.mkdir(parents=True, exist_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder and its contents, if it exists."""
    if is_remote(path):
        with suppress(FileNotFoundError):
            cast(Any, path).fs.rm(cast(Any, path).path, recursive=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a regular file's bytes."""
    with open_file(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_of_ids(ids: Iterable[str]) -> str:
    """Hexadecimal SHA-256 of the sorted ids, each followed by a newline: the same images give the same hash."""
    return hashlib.sha256("".join(f"{name}\n" for name in sorted(ids)).encode()).hexdigest()


def write_to_disk(handle: Any, content: bytes) -> None:
    """Write to an open file, and wait until the content has reached the disk."""
    handle.write(content)
    handle.flush()
    os.fsync(handle.fileno())


def _partial_folder(folder: Path) -> Path:
    """Make the folder in which the files of `folder` are written, and remove what killed processes left."""
    if is_remote(folder):
        remove_folder(folder)
        return folder
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.{'[0-9a-f]' * 16}.partial"):
        remove_folder(left)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.partial")
    partial.mkdir(parents=True)
    return partial
