"""Checks the folder of `--out` before anything is computed: it can be made, and medkt replaces no file but its own.

In: the folder. Out: nothing, or an error that names the file in the way. A results.json is medkt's if it has a format
and a date in front; a page and a model card are medkt's by their marks, see `medkt_reports.page.marks`.
"""

from __future__ import annotations

import re
from pathlib import Path

from medkt_eval.errors import InputError

_RESULTS = re.compile(rb'\A\s*\{\s*"format"\s*:\s*\d+\s*,\s*"created"\s*:\s*"')
_OTHER_OUT = "move it away, or give another --out"


def check_evaluation(out: Path) -> None:
    """Refuse a folder of results that cannot be made, or that holds files of those names by somebody else.

    Raises
    ------
    InputError
        If the folder, results.json or report/ cannot be written, or is not medkt's.
    """
    _check_folder(out, "--out")
    results = out / "results.json"
    if results.exists():
        if not results.is_file():
            raise InputError(f"{results}: is no regular file, and medkt evaluate writes a file there; {_OTHER_OUT}")
        with results.open("rb") as handle:
            if not _RESULTS.match(handle.read(4096)):
                raise InputError(
                    f"{results}: medkt evaluate did not write this file and would replace it; {_OTHER_OUT}"
                )
    check_report(out / "report", "report/ in --out")


def check_report(folder: Path, where: str = "--out") -> None:
    """Refuse a folder of a report that cannot be made, or that holds an index.html or a model card of somebody else.

    Raises
    ------
    InputError
        If the folder or its page cannot be written, or the page or the card is not medkt's.
    """
    from medkt_reports.build import CARD, PAGE, file_of_others

    _check_folder(folder, where)
    for path, content in ((folder / PAGE, "page"), (folder / CARD, "model card")):
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no regular file, and medkt writes the report's {content} there; {_OTHER_OUT}")
    if (path := file_of_others(folder)) is not None:
        content = "page" if path.name == PAGE else "model card"
        raise InputError(f"{path}: medkt did not write this {content} and would replace it; {_OTHER_OUT}")


def _check_folder(folder: Path, where: str) -> None:
    present = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if present.exists() and not present.is_dir():
        below = "" if present == folder else f", but {present}"
        raise InputError(f"{where} {folder}{below}: is a file; expected a folder, or a name that does not exist")
