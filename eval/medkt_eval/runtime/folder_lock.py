"""A lock on a folder that results are written into: two commands never write into one folder at the same time.

In: a folder. Out: the folder, held by this process until the block ends. The system releases the lock if the process
is killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from medkt_eval.errors import InputError

NAME = ".medkt.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder if it is absent, and hold it. If nothing was written into it, a folder made here is removed again.

    The empty lock file stays, because another process may be about to open it.

    Raises
    ------
    InputError
        If another process holds the folder.
    OSError
        If the folder cannot be made or written.
    """
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / NAME, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise InputError(
            f"{folder}: another medkt command writes into this folder; wait until it has ended, or give another --out"
        ) from error
    try:
        yield
    finally:
        if absent and [path.name for path in folder.iterdir()] == [NAME]:
            (folder / NAME).unlink()
        lock.release()
        with suppress(OSError):
            for path in absent:
                path.rmdir()  # refused where something is in it
