"""Names in the header of a table of predictions.

In: the names of the columns. Out: nothing, or an error that names both columns of one name.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.errors import InputError


def check_names(names: Sequence[str], *, source: str) -> None:
    """Refuse a header with two columns of one name.

    Raises
    ------
    InputError
        With the name and the numbers of both columns, counted from 1.
    """
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if name in first:
            raise InputError(
                f"{source}: columns {first[name]} and {number} are both {name!r}; expected every name once"
            )
        first[name] = number
