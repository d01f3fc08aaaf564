"""Adjustment of p-values within families of comparisons.

In: p-values of one family. Out: adjusted p-values, by statsmodels. Which comparisons make a family is said in
docs/statistics.md and decided in contrasts.py.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from statsmodels.stats.multitest import multipletests

METHODS = {"holm": "holm", "benjamini-hochberg": "fdr_bh"}


def adjust(p_values: Sequence[float | None], method: str) -> list[float | None]:
    """Adjusted p-values of one family; a p-value that does not exist stays None and does not count.

    Parameters
    ----------
    p_values : sequence of float or None
        Raw p-values.
    method : {"holm", "benjamini-hochberg"}
        R: `p.adjust(p, "holm")`, `p.adjust(p, "BH")`.

    Examples
    --------
    >>> [round(p, 3) for p in adjust([0.01, 0.04, 0.03], "holm")]
    [0.03, 0.06, 0.06]
    """
    known = [p for p in p_values if p is not None]
    if not known:
        return list(p_values)
    adjusted = iter(np.asarray(multipletests(known, method=METHODS[method])[1]))
    return [None if p is None else float(next(adjusted)) for p in p_values]


class Tested(Protocol):
    """A row with a p-value that is adjusted in a family."""

    p_value: float | None
    adjustment: str
    family: str

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same with some fields changed."""
        ...


T = TypeVar("T", bound=Tested)


def adjusted_rows(rows: Sequence[T]) -> list[T]:
    """The rows with `p_adjusted` of their families."""
    families: dict[str, list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        families[row.family].append(k)
    found = list(rows)
    with quick_collections():
        for members in families.values():
            p_values = adjust([rows[k].p_value for k in members], rows[members[0]].adjustment)
            for k, p in zip(members, p_values, strict=True):
                found[k] = rows[k].model_copy(update={"p_adjusted": p})
    return found


@contextmanager
def quick_collections() -> Iterator[None]:
    """Within it, what exists already is spared by garbage collections: statsmodels makes one in every call of Holm."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
