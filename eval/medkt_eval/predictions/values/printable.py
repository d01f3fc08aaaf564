"""Refuse ids and groups that cannot be printed, and ids so long that a data set of them fills the memory.

In: the texts of a column. Out: nothing, or an error that shows the first of them escaped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from medkt_eval.runtime.reading.names import LONGEST_ID, LONGEST_NAME, check_printable

pc: Any = pyarrow.compute  # it creates its functions on import, so type checkers see none


def check_texts(values: np.ndarray | pa.Array, name: str, source: str) -> None:
    """Check the values of a column.

    Parameters
    ----------
    values : str, (n_images,), or pyarrow large_string
        Nulls are allowed.
    name : str
        The column. Ids may have `LONGEST_ID` characters, other values `LONGEST_NAME`.
    source : str
        The file or table.

    Raises
    ------
    InputError
        Naming the source, the column and the value.
    """
    longest = LONGEST_ID if name in ("image_id", "patient_id") else LONGEST_NAME
    if not isinstance(values, np.ndarray):
        doubtful = pc.or_(pc.invert(pc.utf8_is_printable(values)), pc.greater(pc.utf8_length(values), longest))
        values = values.filter(doubtful).unique()
    check_printable(values.tolist(), name, source, longest=longest)
