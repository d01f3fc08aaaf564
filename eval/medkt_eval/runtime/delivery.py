"""Replace the files of an older result by new ones, so that files of two results never lie side by side.

In: a folder, the new files, and the names of the older ones. Out: the folder with the new files.

The new files are written into a folder of their own first, `.medkt-<random>.partial`. This takes the time and the disk.
Then the page of the older result is replaced by a notice, its files are removed, and the new files are moved in, the
page last. If the process is killed before, nothing has changed; if it is killed in between, the notice says so.
Files with other names are never touched, so the folder may be one that holds other things.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from medkt_eval.runtime.atomic_files import remove_folder, write_bytes_atomically, write_to_disk
from medkt_eval.runtime.folder_lock import locked


class Delivery:
    """New files for a folder.

    Parameters
    ----------
    folder : Path
        Where they go.
    aside : Path
        Where they are written first: an empty folder in `folder`.
    """

    def __init__(self, folder: Path, aside: Path) -> None:
        self._folder, self.aside = folder, aside
        self._names: list[str] = []

    def add(self, name: str, content: bytes | str) -> None:
        """Write a new file aside; `name` has "/" between its parts."""
        self._write(name, content)
        self._names.append(name)

    def leave_out(self, folder: str) -> None:
        """Forget the new files in one folder: they are not complete."""
        self._names = [name for name in self._names if not name.startswith(f"{folder}/")]

    def deliver(self, *, page: str = "", notice: str = "", older: Iterable[str] = ()) -> list[Path]:
        """Move the new files into the folder.

        Parameters
        ----------
        page : str
            Name of the page, the file that people open. It is moved last.
        notice : str
            What the page says until then. It stays if the new files hold no page. Empty: none is written.
        older : iterable of str
            Names of files that are removed first.

        Returns
        -------
        list of Path
            The files, in the order in which they were added.
        """
        if notice:
            self._move(self._write(".notice", notice), page)
        for name in older:
            self._remove(name)
        for name in sorted(self._names, key=lambda name: name == page):
            self._move(self.aside / name, name)
        return [self._folder / name for name in self._names]

    def _write(self, name: str, content: bytes | str) -> Path:
        path = self.aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as handle:
            write_to_disk(handle, content.encode("utf-8") if isinstance(content, str) else content)
        return path

    def _move(self, path: Path, name: str) -> None:
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # a folder of the target is a link to another disk
                raise
            write_bytes_atomically(target, path.read_bytes())

    def _remove(self, name: str) -> None:
        path = self._folder / name
        path.unlink(missing_ok=True)
        with suppress(OSError):
            while (path := path.parent) != self._folder:
                path.rmdir()  # refused where something is in it


@contextmanager
def delivery(folder: Path) -> Iterator[Delivery]:
    """Hold a folder, and give a `Delivery` into it. What is not delivered is removed.

    Raises
    ------
    InputError
        If another process writes into the folder.
    OSError
        If the folder cannot be written, for example because the disk is full.
    """
    with locked(folder):
        for left in folder.glob(".medkt-*.partial"):  # by a process that was killed: the lock is ours
            remove_folder(left)
        aside = folder / f".medkt-{secrets.token_hex(8)}.partial"
        try:
            aside.mkdir()
            yield Delivery(folder, aside)
        finally:
            remove_folder(aside)
