"""The order in which subgroups are shown: as declared, else by the numbers in their names.

In: the names of groups. Out: the same names in order. `<5` comes before `5-9`, `(9.5, 19.5]` before `(19.5, 39]`, and
`site 2` before `site 10`.
"""

from __future__ import annotations

import math
import re

import numpy as np

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_RANGE = re.compile(
    rf"(?P<sign><=|>=|<|>|≤|≥|⩽|⩾)?\s*[(\[]?\s*(?P<low>{_NUMBER}|-inf)\s*"
    rf"(?:(?:-|–|—|to|,|;)\s*(?P<high>{_NUMBER}|inf))?\s*[)\]]?\s*(?P<plus>\+)?",
    re.IGNORECASE,
)


def groups_in_order(values: np.ndarray, declared: tuple[str, ...]) -> list[str]:
    """The different groups: in the declared order, then numbers and ranges by size, then text by the numbers in it.

    Parameters
    ----------
    values : str, (n_images,)
    declared : tuple of str
        The order that the column declares; may be empty.

    Examples
    --------
    >>> groups_in_order(np.array(["80+", "≤40", "41-79", "1,000"]), ())
    ['≤40', '41-79', '80+', '1,000']
    """
    groups = sorted(set(values.tolist()), key=lambda text: (_limits(text) or (math.inf, math.inf), _natural(text)))
    place = {value: k for k, value in enumerate(declared)}
    return sorted(groups, key=lambda value: place.get(value, len(place)))


def _limits(text: str) -> tuple[float, float] | None:
    """The ends of a range, `<5` and `80+` without one; a number twice; None of other text."""
    plain = (
        text.strip() if text.strip().startswith(("(", "[")) else re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text.strip())
    )
    found = _RANGE.fullmatch(plain)
    if not found:
        return None
    low, sign = float(found["low"]), found["sign"] or ""
    high = low if found["high"] is None else float(found["high"])
    if sign in ("<", "<=", "≤", "⩽"):
        return -math.inf, low
    if sign or found["plus"]:
        return low, math.inf
    return low, high


def _natural(text: str) -> list[tuple[float, str]]:
    """`site 2` before `site 10`: text split at its numbers, which come before text and are compared as numbers."""
    return [(int(part) if part.isdecimal() else math.inf, part) for part in re.split(r"(\d+)", text) if part]
