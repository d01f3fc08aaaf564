"""Names in the header of a table of predictions, as docs/formats.md gives them.

In: the names of the columns. Out: which of them medkt knows, or an error that names both columns of one name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from medkt_eval.errors import InputError

Task = Literal["multilabel", "multiclass"]
WHOLE = ("image_id", "patient_id", "target", "score")
PREFIXES = ("target_", "score_", "group_")
SHOWN = 8  # names that a message lists


def target_column(label: str) -> str:
    """Column of a finding's targets."""
    return f"target_{label}"


def score_column(label: str) -> str:
    """Column of a label's scores."""
    return f"score_{label}"


def is_known(name: str) -> bool:
    """Whether docs/formats.md gives a column of this name a meaning.

    Examples
    --------
    >>> [is_known(name) for name in ("image_id", "score_Edema", "score_", "fold", "Image_ID")]
    [True, True, False, False, False]
    """
    return name in WHOLE or any(name.startswith(prefix) and name != prefix for prefix in PREFIXES)


def is_row_number(name: str) -> bool:
    """Whether a column holds row numbers of pandas or R by its name: none, `Unnamed: 0` or `__index_level_0__`."""
    return re.fullmatch(r"|Unnamed: \d+|__index_level_\d+__", name.strip()) is not None


def check_names(names: Sequence[str], *, source: str) -> None:
    """Refuse a header with two columns of one name; columns without a name are row numbers and may repeat.

    Raises
    ------
    InputError
        With the name and the numbers of both columns, counted from 1.
    """
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if name in first and not is_row_number(name):
            raise InputError(
                f"{source}: columns {first[name]} and {number} are both {name!r}; expected every name once"
            )
        first[name] = number


def listed(names: Sequence[str]) -> str:
    """Names as a message lists them, quoted; of many the first."""
    shown = ", ".join(repr(name) for name in names[:SHOWN])
    return f"{shown}, ... ({len(names)} columns)" if len(names) > SHOWN else shown or "no column"
