"""Columns of a DataFrame as text and numbers, whatever their type.

In: a pandas column. Out: text, "" where missing, or float64. Scalars of other libraries, such as torch's, are read too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from medkt_eval.predictions.values.decimals import as_written, decimal_of


def as_texts(column: pd.Series) -> np.ndarray:
    """Values as text, "" where missing, whatever the type of the column."""
    values, missing = _plain(column.astype(object)), column.isna().to_numpy()
    # not astype(str): pandas stores text as UTF-8 and ends in an error at what that cannot hold
    return np.array(["" if absent else str(value) for value, absent in zip(values, missing, strict=True)], dtype=object)


def _plain(column: pd.Series) -> pd.Series:
    """Values with the scalars of other libraries, such as torch's, as Python's; what has no scalar becomes text."""

    def plain(value: object) -> object:
        if value is None or isinstance(value, str | int | float):
            return value
        scalar = getattr(value, "item", None)
        if callable(scalar) and getattr(value, "ndim", 0) == 0:
            return decimal_of(scalar(), getattr(value, "itemsize", 8))
        return value if pd.api.types.is_scalar(value) else str(value)

    values = [plain(value) for value in column]
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def as_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Values as float64, (n_images,), NaN where missing; and where a value is not a number, bool, (n_images,)."""
    column = _plain(column) if column.dtype == object else column
    numbers: pd.Series = pd.to_numeric(column, errors="coerce")
    dtype: Any = getattr(numbers.dtype, "numpy_dtype", numbers.dtype)  # of a column that knows missing values
    dtype = dtype if np.dtype(dtype) in (np.float16, np.float32) else np.float64
    values = as_written(numbers.to_numpy(dtype=dtype, na_value=np.nan))
    return values, np.isnan(values) & column.notna().to_numpy()
