"""Numbers of low precision, read as the decimals that they are written as.

In: a column of float16, float32 or float64. Out: float64. A float32 of 0.45 is 0.4499999881 as a float64, below
a threshold of 0.45; as text it is "0.45". Read as its text, a column gives the same calls and bins from Parquet, from
CSV and from a table in memory.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def as_written(values: np.ndarray) -> np.ndarray:
    """Each number as the shortest decimal that has its value at its own precision: float64, (n,).

    Parameters
    ----------
    values : float16, float32 or float64, (n,)

    Examples
    --------
    >>> float(np.float32(0.45)), as_written(np.array([0.45], dtype=np.float32))
    (0.44999998807907104, array([0.45]))
    """
    if values.dtype == np.float32:
        return pa.array(values).cast(pa.string()).cast(pa.float64()).to_numpy()
    if values.dtype == np.float16:
        return values.astype(str).astype(np.float64)
    return values.astype(np.float64, copy=False)


def decimal_of(value: object, n_bytes: int) -> object:
    """A scalar that was stored in so many bytes, as `as_written`; what is no float, or has eight bytes, is unchanged.

    bfloat16 has two bytes, but most of its values are no float16: they are read as float32.

    Examples
    --------
    >>> decimal_of(float(np.float32(0.7)), 4), decimal_of(0.7, 8), decimal_of("a", 4)
    (0.7, 0.7, 'a')
    """
    if isinstance(value, float) and n_bytes < 8:
        for dtype in (np.float16, np.float32)[n_bytes // 4 :]:
            narrow = np.array([value]).astype(dtype)
            if narrow[0] == value:
                return float(as_written(narrow)[0])
    return value
