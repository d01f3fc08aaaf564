"""Ids, groups and labels that differ in case only: they count as two, and a note names them.

In: texts. Out: the first two that are the same in lower case.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def alike_except_case(values: np.ndarray | pa.Array) -> tuple[str, str] | None:
    """Find the first two different values that are the same in lower case.

    Examples
    --------
    >>> alike_except_case(np.array(["P1", "p2", "p1"]))
    ('P1', 'p1')
    """
    first: dict[str, str] = {}
    for value in dict.fromkeys(values.tolist() if isinstance(values, np.ndarray) else values.unique().to_pylist()):
        twin = first.setdefault(value.casefold(), value)
        if twin != value:
            return twin, value
    return None
