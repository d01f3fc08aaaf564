"""Columns of a DataFrame as text and numbers, whatever their type.

In: a pandas column. Out: the text that a CSV of the column has, "" where missing; or float64. So a table, its CSV and
its Parquet file are read alike. Scalars of other libraries, such as torch's, are read too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from medkt_eval.predictions.values.decimals import as_written, decimal_of

MISSING = ("", "na", "n/a", "nan", "null", "none", "<na>")  # numbers that are missing, as text in lower case
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE | re.ASCII)


def as_texts(column: pd.Series) -> np.ndarray:
    """Values as text, "" where missing: str, (n_images,)."""
    column = _of_plain_type(column)
    if not _is_of_objects(column):
        if pd.api.types.is_integer_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
            return np.array(["" if _is_missing(value) else str(value) for value in column.tolist()], dtype=object)
        written = csv.reader(io.StringIO(column.to_csv(index=False, header=False)))
        return np.array([row[0] if row else "" for row in written], dtype=object)
    plain = (_plain(value) for value in column)
    return np.array(["" if _is_missing(value) else str(value) for value in plain], dtype=object)


def as_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Values as float64, (n_images,), NaN where missing; and where a value is not a number, bool, (n_images,)."""
    column = _of_plain_type(column)
    dtype: Any = getattr(column.dtype, "numpy_dtype", column.dtype)  # of a column that knows missing values
    if getattr(dtype, "kind", "O") in "biuf":
        kept = dtype if np.dtype(dtype) in (np.float16, np.float32) else np.float64
        return as_written(column.to_numpy(dtype=kept, na_value=np.nan)), np.zeros(len(column), dtype=bool)
    numbers = [_number(_plain(value)) for value in column]
    wrong = np.array([number is None for number in numbers], dtype=bool)
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64), wrong


def as_classes(texts: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Index of each text among the labels, -1 if it is none: int64, (n_images,).

    A number is the label of the same value, if one label alone has it: "0.0" is class "0".

    Examples
    --------
    >>> as_classes(np.array(["1.0", "0", "x"], dtype=object), ["0", "1"])
    array([ 1,  0, -1])
    """
    index = {label: k for k, label in enumerate(labels)}
    of_value: dict[float, list[int]] = {}
    for label, k in index.items():
        if NUMBER.fullmatch(label):
            of_value.setdefault(float(label), []).append(k)
    for text in dict.fromkeys(texts.tolist()):
        if text not in index and NUMBER.fullmatch(text):
            same = of_value.get(float(text), [])
            index[text] = same[0] if len(same) == 1 else -1
    return np.array([index.get(text, -1) for text in texts], dtype=np.int64)


def _of_plain_type(column: pd.Series) -> pd.Series:
    """The values of a Categorical or sparse column as a column of their own type."""
    if isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    return column


def _is_of_objects(column: pd.Series) -> bool:
    return column.dtype == object or pd.api.types.is_string_dtype(column.dtype)


def _plain(value: object) -> object:
    """A scalar of another library, such as torch's, as Python's; what has no scalar becomes text."""
    if value is None or isinstance(value, str | int | float | pd.Timestamp | pd.Timedelta):
        return value
    scalar = getattr(value, "item", None)
    if callable(scalar) and getattr(value, "ndim", 0) == 0:
        return decimal_of(scalar(), getattr(value, "itemsize", 8))
    return value if pd.api.types.is_scalar(value) else str(value)


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


def _number(value: object) -> float | None:
    """The number that a value is, NaN if it is missing, None if it is no number."""
    if _is_missing(value):
        return np.nan
    if isinstance(value, int | float | Decimal | np.number):  # also bool
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        if text.casefold() in MISSING:
            return np.nan
        if text.casefold() in ("true", "false"):
            return float(text.casefold() == "true")
        if NUMBER.fullmatch(text):
            return float(text)
    return None
