"""Ids, groups and names that look alike: they count as two, and a note names them.

In: texts. Out: keys that are equal for texts that look alike, and what a note says of the first two.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa

_WHOLE_NUMBER = re.compile(r"(\d+)\.0+")


def by_value(text: str) -> str:
    """The text; of a whole number with a decimal point the number, as pandas adds the point to columns with gaps.

    Examples
    --------
    >>> by_value("7.0"), by_value("007"), by_value("7.5")
    ('7', '007', '7.5')
    """
    number = _WHOLE_NUMBER.fullmatch(text)
    return number[1] if number else text


def folded(text: str) -> str:
    r"""A key without case, composition of accents, invisible characters, repeated blanks and zeros before a number.

    Examples
    --------
    >>> folded("P\u200b1"), folded("a  B"), folded("007.0"), folded("e\u0301") == folded("\u00c9")
    ('p1', 'a b', '7', True)
    """
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFC", text) if unicodedata.category(char) != "Cf")
        text = unicodedata.normalize("NFC", text.casefold())
    key = by_value(" ".join(text.casefold().split()))
    return key.lstrip("0") or "0" if key.isdecimal() else key


def look_alikes(values: np.ndarray | pa.Array) -> str | None:
    r"""Say how the first two different values that look alike differ; None if there are none.

    Examples
    --------
    >>> look_alikes(np.array(["P1", "p2", "p1"]))
    "'P1' and 'p1' differ in case only"
    >>> look_alikes(np.array(["007", "7"]))
    "'007' and '7' look alike"
    """
    first: dict[str, str] = {}
    for value in dict.fromkeys(values.tolist() if isinstance(values, np.ndarray) else values.unique().to_pylist()):
        twin = first.setdefault(folded(value), value)
        if twin != value:
            return difference(twin, value)
    return None


def difference(one: str, other: str) -> str:
    r"""Two texts that look alike, with what differs escaped.

    Examples
    --------
    >>> print(difference("e\u0301", "\u00e9"))
    'e\u0301' and '\xe9' look alike
    """
    if one.casefold() == other.casefold():
        return f"{one!r} and {other!r} differ in case only"
    return f"{one!a} and {other!a} look alike"
