"""Classes of a column of text: which texts name one class, and in which order the classes are.

In: a column, and the classes that the settings name, if any. Out: `Classes`, with what was guessed; or an `InputError`
where one class may be written in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.names import shown

SEVERITY = {
    **dict.fromkeys(("no", "none", "normal", "negative", "absent"), 0),
    "doubtful": 1,
    "minimal": 2,
    "mild": 3,
    "moderate": 4,
    "severe": 5,
    **dict.fromkeys(("proliferative", "pdr"), 6),
}
"""Words of severity and their rank, as grades of retinopathy (ICDR) and arthrosis (Kellgren and Lawrence) use them."""
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_NUMBERED = re.compile(r"(\D*)(\d+(?:\.\d+)?)(\D*)")


@dataclass(frozen=True)
class Classes:
    """Classes of a column.

    Parameters
    ----------
    names : tuple of str
        In their order.
    ordered : bool
        Whether settings, numbers or words of severity give the order. Otherwise it is alphabetical.
    column : Series of str
        The column, with one spelling of each class.
    doubts : tuple of str
        What was guessed, a sentence each.
    """

    names: tuple[str, ...]
    ordered: bool
    column: pd.Series
    doubts: tuple[str, ...]


def classes_of(column: pd.Series, named: Sequence[str] | None, where: str) -> Classes:
    """Find the classes of a column.

    Numbers that are written in two ways ("0" and "0.0") are one class. Classes that no setting names are in the order
    of their numbers, or of the words of severity in them, or else in alphabetical order.

    Parameters
    ----------
    column : Series of str
        Without blanks at the edges.
    named : sequence of str, or None
        The classes that the settings name, in their order. Other texts of the column stay as they are.
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        If two texts, of which the settings do not name both, differ in case or in the sign between words only.
    """
    values = sorted(set(column) - {""})
    spelling = _spelling(values, named)
    _refuse_two_spellings([*dict.fromkeys(spelling.values())], named, str(column.name), where)
    merged = {value: name for value, name in spelling.items() if value != name}
    doubts = [f"{column.name}: {shown(value)} is taken for class {shown(name)}" for value, name in merged.items()]
    column = column.replace(merged) if merged else column
    if named is not None:
        return Classes(tuple(named), True, column, tuple(doubts))
    names, source = in_order(sorted(set(column) - {""}))
    if source in ("words", "alphabet") and len(names) > 2:
        kind = "guessed from their names" if source == "words" else "alphabetical"
        listed = ", ".join(shown(name) for name in names[:8]) + (", ..." if len(names) > 8 else "")
        doubts.append(
            f"{column.name}: the order of the classes is {kind}: {listed}; if it is another, set classes = [...]"
        )
    return Classes(tuple(names), source != "alphabet" or len(names) < 3, column, tuple(doubts))


def _spelling(values: Sequence[str], named: Sequence[str] | None) -> Mapping[str, str]:
    """Choose one spelling of each number: the one that the settings name, or else the shortest."""
    chosen: dict[float, str] = {}
    for name in [*(named or ()), *sorted(values, key=lambda value: (len(value), value))]:
        if _NUMBER.fullmatch(name):
            chosen.setdefault(float(name), name)
    return {
        value: chosen[float(value)] if _NUMBER.fullmatch(value) and value not in (named or ()) else value
        for value in values
    }


def _refuse_two_spellings(values: Sequence[str], named: Sequence[str] | None, column: str, where: str) -> None:
    """Refuse texts that differ in case, blanks, hyphens or underscores only, unless the settings name both."""
    first = {_words(name): name for name in named or ()}
    for value in values:
        other = first.setdefault(_words(value), value)
        if other != value and value not in (named or ()):
            raise InputError(
                f"{where}: {column} is {other!r} and {value!r}; expected one spelling of a class: correct the table, "
                f"or name both if they are two classes: classes = [{other!r}, {value!r}, ...]"
            )


def _words(text: str) -> str:
    return re.sub(r"(?<=[^\W_])[\s_-]+(?=[^\W_])", " ", text.casefold())


def in_order(values: list[str]) -> tuple[list[str], str]:
    """Sort classes. Also return what gives the order: "numbers", "words" or "alphabet"."""
    if all(_NUMBER.fullmatch(value) for value in values):
        return sorted(values, key=float), "numbers"
    parts = [_NUMBERED.fullmatch(value) for value in values]
    if len({part and (part[1], part[3]) for part in parts}) == 1 and parts[0]:
        return sorted(values, key=lambda value: float(re.findall(r"\d+(?:\.\d+)?", value)[0])), "numbers"
    ranks = {value: [SEVERITY[word] for word in _words(value).split() if word in SEVERITY] for value in values}
    if all(len(found) == 1 for found in ranks.values()) and len({found[0] for found in ranks.values()}) == len(values):
        return sorted(values, key=lambda value: ranks[value]), "words"
    numbers = sorted((value for value in values if _NUMBER.fullmatch(value)), key=float)
    return [*numbers, *(value for value in values if value not in numbers)], "alphabet"
