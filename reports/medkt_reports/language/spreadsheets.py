"""Text that a spreadsheet would compute, made text again.

Excel and LibreOffice compute a cell of a CSV that begins with = + - or @, whatever wrote it, and a formula can fetch a
page or start a program. Names of arms and labels come from files of others. Source: OWASP, CSV injection.
"""

from __future__ import annotations

import pandas as pd

_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def guarded(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would compute; numbers and other texts are unchanged.

    Examples
    --------
    >>> [guarded(value) for value in ("@SUM(A1)", "-1+1", "=1", "-0.5", "-", "Edema", -0.5)]
    ["'@SUM(A1)", "'-1+1", "'=1", '-0.5', '-', 'Edema', -0.5]
    """
    if not isinstance(value, str) or not value.startswith(_BEGINNINGS):
        return value
    if value[0] in "+-" and (_is_number(value) or not any(map(str.isalnum, value))):
        return value
    return f"'{value}"


def csv_of(frame: pd.DataFrame) -> str:
    """Write a frame as CSV without its index, texts and column names guarded."""
    texts = frame.select_dtypes(include=["object", "string", "category"]).columns
    safe = frame.assign(**{name: _guarded_column(frame[name]) for name in texts})
    return safe.rename(columns=guarded).to_csv(index=False, lineterminator="\n")


def _guarded_column(column: pd.Series) -> pd.Series:
    """Guard each value; `Series.map` would turn integers beside a missing value into float64, which ends at 2^53."""
    values = [value if pd.isna(value) else guarded(value) for value in column]
    return pd.Series(values, index=column.index, dtype=object)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
