"""Open regular files only, and read them up to a bound.

In: a path or URL. Out: an open file, or its bytes. A FIFO would wait for ever, and a device may have no end.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote

MOST_BYTES = 512 * 2**20  # of a file that is read whole

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotAFileError(OSError):
    """The path names something that is not a regular file."""


def open_file(path: Path | str) -> io.BufferedReader:
    """Open a regular file to read its bytes.

    Parameters
    ----------
    path : Path or str
        On this machine, or a `UPath` of object storage. Links are followed.

    Raises
    ------
    OSError
        If it does not exist or cannot be read. `NotAFileError` if it is a folder, FIFO, socket or device.
    """
    if not isinstance(path, str) and is_remote(path):
        return cast(io.BufferedReader, path.open("rb"))
    check_regular(path)
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  (Path.open takes no opener)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it was replaced since it was checked
        file.close()
        raise NotAFileError(None, "not a regular file", str(path))
    return file


@contextmanager
def open_decompressed(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file to read its content, decompressed if its name ends in .gz.

    Raises
    ------
    OSError
        As in `open_file`. Reading a damaged .gz may also raise EOFError or zlib.error.
    """
    with open_file(path) as file:
        yield cast(IO[bytes], gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file


def check_regular(path: Path | str) -> None:
    """Refuse what is not a regular file, before another library opens it by its name.

    Raises
    ------
    OSError
        As in `open_file`.
    """
    if not isinstance(path, str) and is_remote(path):
        return
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  (also of text)
    except ValueError as error:  # a NUL in the name
        raise NotAFileError(None, f"no name of a file ({error})", ascii(str(path))) from error
    except FileNotFoundError as error:
        if os.path.islink(path):  # noqa: PTH114
            target = os.readlink(path)  # noqa: PTH115
            raise FileNotFoundError(error.errno, f"a link to {target!r}, which does not exist", str(path)) from error
        raise
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise NotAFileError(None, f"is {kind}, not a regular file", str(path))


def check_readable(path: Path, expected: str) -> None:
    """Refuse what is not a regular file.

    Raises
    ------
    InputError
        If it does not exist, or is a folder, FIFO, socket or device.
    """
    try:
        check_regular(path)
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}; expected {expected}") from error


def is_listed(path: Path) -> bool:
    """Whether a folder lists the name: a link whose target is absent does not exist, but it is listed.

    Examples
    --------
    >>> is_listed(Path(__file__)), is_listed(Path("no such file"))
    (True, False)
    """
    return path.exists() if is_remote(path) else os.path.lexists(path)


def read_bytes(path: Path, expected: str, *, most: int = MOST_BYTES) -> bytes:
    """Read a whole file.

    Parameters
    ----------
    path : Path
        If its name ends in .gz, the content is decompressed.
    expected : str
        What the file should be, for the message.
    most : int
        Bytes that the content may have.

    Raises
    ------
    InputError
        If it is absent, not a regular file, cannot be read, is damaged or has more than `most` bytes.
    """
    try:
        with open_decompressed(path) as stream:
            content = io.BytesIO()
            while len(block := stream.read(min(2**20, most + 1 - content.tell()))):
                content.write(block)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: {reason(error)}; expected {expected}") from error
    if content.tell() > most:
        raise InputError(f"{path}: more than {most:,} bytes; expected {expected}, and at most so many")
    return content.getvalue()


def reason(error: BaseException) -> str:
    """What the system says of an error, without the number and the name of the file.

    Examples
    --------
    >>> reason(FileNotFoundError(2, "No such file or directory", "a.csv"))
    'No such file or directory'
    """
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _without_waiting(path: str, flags: int) -> int:
    """Open without waiting for the other end, if the name is that of a FIFO by now."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
