r"""The option `--columns`: which column of a file holds what, where its names are not those of docs/formats.md.

In: `image_id=path,score_Edema=p_Edema`. Out: `{"image_id": "path", "score_Edema": "p_Edema"}`. In names that hold
them, `,` `=` and `\` stand after a `\`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.names import PREFIXES, WHOLE, is_known, listed
from medkt_eval.runtime.nearest_name import nearest

EXAMPLE = "image_id=path,patient_id=pid,target=y_true,score=y_prob"


def parse_columns(text: str) -> dict[str, str]:
    r"""Parse the option.

    Raises
    ------
    InputError
        If an entry is no `NAME=COLUMN`, or as in `check_mapping`.

    Examples
    --------
    >>> parse_columns(r"image_id=path, score_A\, B=p")
    {'image_id': 'path', 'score_A, B': 'p'}
    """
    mapping: dict[str, str] = {}
    for entry in re.findall(r"(?:\\.|[^,\\])+", text, flags=re.DOTALL):
        parts = re.findall(r"(?:\\.|[^=\\])+", entry, flags=re.DOTALL)
        if len(parts) != 2:
            raise InputError(f"--columns {text!r}: {entry!r} is no NAME=COLUMN; expected e.g. {EXAMPLE}")
        role, column = (re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in parts)
        role = role.lstrip(" ")  # "a=b, c=d"; a column's name may begin with a blank
        if role in mapping:
            raise InputError(f"--columns {text!r}: {role!r} is given twice; expected one column for it")
        mapping[role] = column
    if not mapping:
        raise InputError(f"--columns {text!r}: expected NAME=COLUMN, separated by commas, e.g. {EXAMPLE}")
    check_mapping(mapping)
    return mapping


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Refuse a name that docs/formats.md does not have, and a column that is to hold two things.

    Raises
    ------
    InputError
        Naming both.
    """
    holds: dict[str, str] = {}
    for role, column in mapping.items():
        if not isinstance(role, str) or not isinstance(column, str):
            raise InputError(f"columns: {role!r}: {column!r}; expected the names of columns as text, e.g. {EXAMPLE}")
        if not is_known(role):
            known = ", ".join((*WHOLE, *(f"{prefix}<name>" for prefix in PREFIXES)))
            raise InputError(f"--columns: {role!r} is no name that medkt knows; expected one of {known} before '='")
        if column in holds:
            raise InputError(
                f"--columns: column {column!r} is to be both {holds[column]} and {role}; expected one column for each. "
                "If every patient has one image, leave patient_id out and say --independent-images"
            )
        holds[column] = role


def check_somewhere(mapping: Mapping[str, str], headers: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Refuse a column that no file has, and one that a file lacks while another has it beside the name's own column.

    Files may differ. If one has both, the name's own column holds something else: no file may be read from it.

    Parameters
    ----------
    mapping : mapping of str to str
        Name in docs/formats.md -> column.
    headers : iterable of (str, sequence of str)
        Each file, and the names of its columns.

    Raises
    ------
    InputError
        Naming the column, and the nearest name of any file; or both files.
    """
    if not mapping:
        return
    of_file = dict(headers)
    names = list(dict.fromkeys(name for header in of_file.values() for name in header))
    for role, column in mapping.items():
        if column not in names:
            close = nearest(column, [name for name in names if name not in mapping.values()])
            raise InputError(
                f"--columns: no file has a column {column!r}, which is to be {role}; found {listed(names)}"
                + (f"; did you mean {close!r}?" if close else "")
            )
        of_own_name = {source: header for source, header in of_file.items() if role in map(str.rstrip, header)}
        lacks = next((source for source, header in of_own_name.items() if column not in header), None)
        both = next((source for source, header in of_own_name.items() if column in header), None)
        if lacks is not None and both is not None and role != column:
            raise InputError(
                f"{lacks}: no column {column!r}, which --columns names as {role}; found {listed(of_file[lacks])}. Its "
                f"column {role!r} is not read instead, since {both} has both: give the column the name {column!r} here"
            )


def option(mapping: Mapping[str, str]) -> str:
    """The option as a shell takes it.

    Examples
    --------
    >>> option({"image_id": "path", "score_A": "p A"})
    "--columns 'image_id=path,score_A=p A'"
    """
    entries = (f"{_escaped(role)}={_escaped(column)}" for role, column in mapping.items())
    return f"--columns {shlex.quote(','.join(entries))}"


def _escaped(name: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", name)
