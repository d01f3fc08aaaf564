"""What reading a prediction file changes or cannot check: each kind is recorded, and the report notes it once.

In: texts of ids and groups. Out: the texts without blanks at their edges, and `Repair`s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medkt_eval.predictions.columns.names import is_row_number

BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())  # DICOM pads text to an even length


@dataclass(frozen=True)
class Repair:
    """Values of one file that reading changed, or could not check.

    Parameters
    ----------
    kind : {"ignored", "own name", "commas", "blanks", "clipped", "renormalised", "unchecked", "alike", ...}
        ignored: a column that medkt does not know. own name: a name whose column of `--columns` is absent. commas:
        decimal commas, read as points. blanks: at the edges of ids and groups, removed. clipped: scores a little
        outside [0, 1]. renormalised: scores of classes, divided by their sum. unchecked: validation patients without
        ids. alike: validation ids that look like test ids. scale: scores that are no probabilities. two scales:
        scores of validation and test of which only one can be of probabilities.
    example : str
        The first of them, as the file has it.
    """

    kind: Literal[
        "ignored",
        "own name",
        "commas",
        "blanks",
        "clipped",
        "renormalised",
        "unchecked",
        "alike",
        "scale",
        "two scales",
    ]
    example: str


def without_blanks(values: np.ndarray, name: str) -> tuple[np.ndarray, list[Repair]]:
    """Remove blanks at the edges of texts.

    Parameters
    ----------
    values : str, (n_images,)
    name : str
        The column.

    Returns
    -------
    str, (n_images,), and list of Repair
        The list is empty if nothing changed.
    """
    stripped = np.array([value.strip(BLANKS) for value in values], dtype=object)
    changed = np.flatnonzero(stripped != values)
    return stripped, [Repair("blanks", f"{name} {values[changed[0]]!r}")] if changed.size else []


def in_several_rows(image_id: str, written: Sequence[str]) -> str:
    """Say that an image id is in several rows; `written` are two of them with the blanks at their edges."""
    if all(text == image_id for text in written):
        return f"image_id {image_id!r} is in several rows; expected one row per image"
    ids = " and ".join(map(repr, written))
    return f"image_ids {ids} are one image: blanks at the edges of ids do not count; expected one row per image"


def of_columns(ignored: Sequence[str], own_names: Sequence[str]) -> list[Repair]:
    """A `Repair` for each column that is ignored, and one for those that `--columns` names and the file lacks."""
    repairs = [Repair("ignored", name) for name in dict.fromkeys(ignored)]
    return [*repairs, Repair("own name", f"column {', '.join(map(repr, own_names))}")] if own_names else repairs


def notes_on_repairs(repairs: Iterable[tuple[str, Repair]]) -> list[str]:
    """One sentence for each kind of repair, with the number of files and the first of them.

    Parameters
    ----------
    repairs : iterable of (str, Repair)
        With the file or table that was repaired.
    """
    of_kind: dict[str, dict[str, str]] = {}
    ignored: dict[str, set[str]] = {}
    for source, repair in repairs:
        if repair.kind == "ignored":
            ignored.setdefault(repair.example, set()).add(source)
            continue
        if repair.kind not in SENTENCES:
            continue  # `study.notes.cautions` says it
        of_kind.setdefault(repair.kind, {}).setdefault(source, repair.example)
    notes = _notes_on_ignored(ignored)
    for kind, examples in of_kind.items():
        source, example = next(iter(examples.items()))
        notes.append(f"{SENTENCES[kind]} in {len(examples)} prediction file(s) (first: {source}, {example})")
    return notes


def _notes_on_ignored(files: dict[str, set[str]]) -> list[str]:
    """Which columns were ignored, each with the number of files that have it."""
    if not files:
        return []
    shown = ", ".join(f"{name!r} ({len(sources)} file(s))" for name, sources in list(files.items())[:SHOWN])
    more = "" if len(files) <= SHOWN else f", and {len(files) - SHOWN} more"
    without = "; leave row numbers out with index=False" if any(map(is_row_number, files)) else ""
    return [f"columns that medkt does not know were ignored: {shown}{more}{without}"]


SHOWN = 8  # ignored columns that a note lists
SENTENCES = {
    "own name": "columns that --columns names were absent, and the columns of the names themselves were read,",
    "commas": "decimal commas were read as decimal points",
    "blanks": "blanks at the edges of ids or groups were removed",
    "clipped": "scores up to 0.001 outside [0, 1] were clipped",
    "renormalised": "scores of classes whose sum is not 1 were divided by their sum",
    "unchecked": "whether validation patients are test patients could not be checked",
    "alike": "validation ids look like test ids, and count as others",
}
