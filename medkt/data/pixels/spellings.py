"""Find image files whose names a table spells otherwise: other endings or none, other accents, other folders.

In: paths that do not exist. Out: the files that are meant, if exactly one is possible. Only files on this machine are
looked for; in object storage each look is a request.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from medkt_eval.errors import InputError

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
"""Endings of image files, in small letters."""
_DEEPEST = 4  # folders below the root that are searched


class Spellings:
    """The image files of some folders, by the name without ending. Each folder is listed once."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, list[str]]] = {}
        self._folders: dict[str, str | None] = {}

    def candidates(self, path: str) -> list[str]:
        """Return the files that a path may mean, sorted; only those with its ending if there are any."""
        folder, name = os.path.split(path)
        found = self._folder(folder)
        if found is None:
            return []
        names = self._listing(found).get(stem(name), [])
        same_ending = [other for other in names if ending(other) == ending(name)]
        return [os.path.join(found, other) for other in same_ending or names]  # noqa: PTH118

    def holds(self, folder: str) -> list[str]:
        """Return the image files of a folder, sorted; none if there is no such folder."""
        found = self._folder(folder)
        return [] if found is None else sorted(name for names in self._listing(found).values() for name in names)

    def _listing(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._files:
            listing: dict[str, list[str]] = {}
            for name in sorted(os.listdir(folder)):  # noqa: PTH208 - as strings: folders hold 100,000 files
                if ending(name) and not name.startswith("."):
                    listing.setdefault(stem(name), []).append(name)
            self._files[folder] = listing
        return self._files[folder]

    def _folder(self, path: str) -> str | None:
        """Return the folder that a path means: itself, or the one that differs only in the form of accents."""
        if path not in self._folders:
            found = path if os.path.isdir(path) else None  # noqa: PTH112
            above, name = os.path.split(path)
            if found is None and name and not name.isascii() and (parent := self._folder(above)) is not None:
                others = [other for other in os.listdir(parent) if _composed(other) == _composed(name)]  # noqa: PTH208
                found = os.path.join(parent, others[0]) if len(others) == 1 else None  # noqa: PTH118
            elif found is None and name and (parent := self._folder(above)) not in (None, above):
                found = self._folder(os.path.join(str(parent), name))  # noqa: PTH118
            self._folders[path] = found
        return self._folders[path]


def respelled(files: Iterable[str], named: Iterable[str], where: str) -> dict[str, str]:
    """Find the files that absent paths mean.

    Parameters
    ----------
    files : iterable of str
        Paths that do not exist.
    named : iterable of str
        Paths that exist and are named by other rows. No absent path means one of these.
    where : str
        The table.

    Returns
    -------
    dict of str to str
        The file for each path that means exactly one.

    Raises
    ------
    InputError
        If a path may mean several files, or two paths mean the same file.
    """
    spellings, taken = Spellings(), set(named)
    found: dict[str, str] = {}
    meant_by: dict[str, str] = {}
    for path in files:
        candidates = [candidate for candidate in spellings.candidates(path) if candidate not in taken]
        if len(candidates) > 1:
            first, second = (os.path.basename(candidate) for candidate in candidates[:2])  # noqa: PTH119
            raise InputError(
                f"{where}: image {path} may be {first!r} or {second!r}; expected one file: write the ending into "
                "the table, or set image_ending = '...' for a folder"
            )
        if candidates:
            (file,) = candidates
            if meant_by.setdefault(file, path) != path:
                raise InputError(
                    f"{where}: images {meant_by[file]} and {path} are one file, {os.path.basename(file)!r}; "  # noqa: PTH119
                    "expected one row an image: take one off"
                )
            found[path] = file
    return found


def search(root: Path, names: Iterable[str], where: str) -> dict[str, str]:
    """Find images by their names, without ending, in all folders below `root`.

    Returns
    -------
    dict of str to str
        The path of each image that was found.

    Raises
    ------
    InputError
        If an image is in two folders, or has two endings in one.
    """
    wanted = {stem(name): name for name in names}
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(root, followlinks=False):
        depth = len(Path(folder).relative_to(root).parts)
        hidden = (".", "__MACOSX")
        folders[:] = sorted(name for name in folders if not name.startswith(hidden)) if depth < _DEEPEST else []
        for file in files:
            if not ending(file) or file.startswith(".") or stem(file) not in wanted:
                continue
            path, name = os.path.join(folder, file), wanted[stem(file)]  # noqa: PTH118
            if name in found:
                raise InputError(
                    f"{where}: image {name!r} is there twice: {found[name]} and {path}; name the folder with "
                    "image_folder = '...'"
                )
            found[name] = path
    return found


def note(root: Path, found: Mapping[str, str]) -> tuple[str, ...]:
    """Say where `search` found the images; nothing if it found none."""
    if not found:
        return ()
    first = Path(next(iter(found.values()))).relative_to(root)
    return (f"{len(found):,} images were found by their names (first: {str(first)!r})",)


def stem(name: str) -> str:
    """Return a name without the ending of an image, with accents composed.

    >>> stem("1.2.840.PNG"), stem("1.2.840")
    ('1.2.840', '1.2.840')
    """
    return _composed(name[: len(name) - len(ending(name))])


def ending(name: str) -> str:
    """Return the ending of an image file in small letters, or "".

    >>> ending("a.JPEG"), ending("1.2.840")
    ('.jpeg', '')
    """
    last = os.path.splitext(name)[1].lower()  # noqa: PTH122
    return last if last in ENDINGS else ""


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
