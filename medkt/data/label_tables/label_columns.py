"""What a column of a table that medkt does not know may hold: findings, classes, a group; and marks of absent classes.

In: the text of columns. Out: error messages that name the setting each column probably needs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from medkt.data.label_tables.classes import in_order
from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.names import shown

FINDING = ("0", "1", "0.0", "1.0", "")
_MOST_CLASSES = 20
_CLASS_WORDS = ("grade", "class", "label", "diagnos", "level", "severity", "stage", "finding", "target", "birads", "dr")
_NO_FINDING = {
    *(
        "sex",
        "gender",
        "male",
        "female",
        "woman",
        "man",
        "age",
        "adult",
        "child",
        "pregnant",
        "smoker",
        "race",
        "ethnicity",
    ),
    *("left", "right", "eye", "side", "laterality", "view", "frontal", "lateral", "position", "portable", "bedside"),
    *("followup", "follow", "visit", "baseline", "id", "index", "patient", "site", "hospital", "device", "camera"),
    *("scanner", "source", "fold", "split", "train", "test", "val", "valid", "validation", "usable", "excluded"),
    *("quality", "dead", "death", "survival", "admitted"),
}
"""Words in names of columns that say who, where or how, rather than what an image shows."""
_ABSENT = {"-1", "-1.0", "-9", "-9.0", "-99", "-999", "nan", "na", "n/a", "null", "missing", "unknown", "?"}


def not_findings(rows: pd.DataFrame, labels: Sequence[str], others: Sequence[str]) -> str:
    """Say which columns hold more than 0, 1 and empty, and which setting each of them probably needs.

    Parameters
    ----------
    rows : DataFrame
        Text.
    labels : sequence of str
        The columns that would be findings, as no setting names the findings.
    others : sequence of str
        Those of them that hold other values.
    """
    held = {name: sorted(set(rows[name]) - {""}) for name in others}
    first = {name: rows.index[~rows[name].isin(FINDING).to_numpy()][0] for name in others}
    listed = "; ".join(f"{shown(name)} holds {_some(held[name])} (first in row {first[name]})" for name in others)
    classes = [name for name, values in held.items() if 2 < len(values) <= _MOST_CLASSES and _is_class(name, values)]
    groups = [name for name, values in held.items() if name not in classes and len(values) <= _MOST_CLASSES]
    findings = [name for name in labels if name not in others]
    remedies = [f"for one class an image set class_column = {name!r}" for name in classes]
    if groups:
        remedies.append(f"for subgroups set group_columns = {groups}")
    remedies.append(f"for findings of 0 and 1 set label_columns = {findings}" if findings else "name the labels")
    if not classes and not findings:
        remedies[-1] = (
            "name the labels with label_columns = [...] (0 and 1) or class_column = '...' (one class an image)"
        )
    elif not findings:
        remedies.pop()
    return f"columns that are no findings of 0, 1 or empty: {listed}; {'; '.join(remedies)}"


def doubt_about(labels: Sequence[str], path: str) -> str:
    """Say which columns are taken for labels because they hold 0, 1 and empty, and which may be none by their names."""
    others = [name for name in labels if _NO_FINDING & _words(name)]
    findings = [name for name in labels if name not in others] or ["..."]
    names = f"; by their names, {', '.join(map(shown, others))} may be no findings" if others else ""
    return (
        f"{path}: label_columns was guessed: {', '.join(map(shown, labels))} are taken for labels, because they "
        f"hold only 0, 1 and empty{names}; if some are none, set label_columns = {findings}"
    )


def _words(name: str) -> set[str]:
    return {word.casefold() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def refuse_marks_of_absence(column: pd.Series, where: str) -> None:
    """Refuse a column of classes, none of which the settings name, that holds -1 or another mark of an absent class.

    Raises
    ------
    InputError
        If there is such a value; says how to keep it and how to leave its rows out.
    """
    values = sorted(set(column))
    marks = [value for value in values if value.casefold() in _ABSENT]
    if marks:
        n = int(column.isin(marks).sum())
        kept = in_order([value for value in values if value not in marks])[0]
        raise InputError(
            f"{where}: {column.name} is {marks[0]!r} on {n:,} of {len(column):,} rows, which often means that no class "
            f"is known; name the classes in their order: classes = {kept} leaves those rows out, "
            f"classes = {[*marks, *kept]} makes {marks[0]!r} a class"
        )


def _is_class(name: str, values: Sequence[str]) -> bool:
    whole_numbers = all(value.lstrip("-").removesuffix(".0").isdigit() for value in values)
    return whole_numbers or any(word in name.casefold() for word in _CLASS_WORDS)


def _some(values: Sequence[str]) -> str:
    more = "" if len(values) <= 5 else f" and {len(values) - 5:,} more"
    return ", ".join(shown(value, most=30) for value in values[:5]) + more
