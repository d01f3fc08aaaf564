"""Adjustment of p-values within families of comparisons.

In: p-values of one family. Out: adjusted p-values, by statsmodels. study/contrasts.py decides which comparisons form a
family, and docs/statistics.md explains it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from statsmodels.stats.multitest import multipletests

from medkt_eval.inference.rounding import ROUNDING, tolerance
from medkt_eval.runtime.garbage import quick_collections

METHODS = {"holm": "holm", "benjamini-hochberg": "fdr_bh"}


def adjust(p_values: Sequence[float | None], method: str) -> list[float | None]:
    """Adjust the p-values of one family; one that does not exist stays None and counts as 1.

    The family is what was declared. If its size depended on which p-values the data give, the data would choose the
    adjustment. A p-value of 1 is valid whatever the truth, so counting it keeps the level.

    Parameters
    ----------
    p_values : sequence of float or None
        Raw p-values.
    method : {"holm", "benjamini-hochberg"}
        R: `p.adjust(p, "holm", n = m)`, `p.adjust(p, "BH", n = m)` for a family of m.

    Examples
    --------
    >>> [round(p, 3) for p in adjust([0.01, 0.04, 0.03], "holm")], adjust([0.01, None], "holm")
    ([0.03, 0.06, 0.06], [0.02, None])
    """
    if not p_values:
        return []
    counted = [1.0 if p is None else p for p in p_values]
    adjusted = np.asarray(multipletests(counted, method=METHODS[method])[1])
    return [None if p is None else float(q) for p, q in zip(p_values, adjusted, strict=True)]


class RowWithPValue(Protocol):
    """A row with a p-value that is adjusted in a family."""

    p_value: float | None
    adjustment: str
    family: str

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """A copy with some fields changed."""
        ...


Row = TypeVar("Row", bound=RowWithPValue)


def adjusted_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows with `p_adjusted` of their families."""
    families: dict[str, list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        families[row.family].append(k)
    adjusted = list(rows)
    with quick_collections():
        for members in families.values():
            p_values = adjust([rows[k].p_value for k in members], rows[members[0]].adjustment)
            for k, p in zip(members, p_values, strict=True):
                adjusted[k] = rows[k].model_copy(update={"p_adjusted": p})
    return adjusted


def max_t(differences: np.ndarray, replicates: np.ndarray, rounding: float = ROUNDING) -> np.ndarray:
    """Adjust a family's p-values by step-down max-T, from studentised differences and their centred replicates.

    Parameters
    ----------
    differences : float64, (m,)
        The differences of one family.
    replicates : float64, (m, n_replicates)
        Their replicates. A replicate that is NaN for one difference is left out for all.
    rounding : float
        The largest difference of two replicates that may be a rounding error; the default is that of metrics near 1.

    Returns
    -------
    float64, (m,)
        Two-sided p-values, (count + 1)/(replicates + 1). With m = 1 this is the p-value before adjustment. NaN if the
        replicates do not vary: such a difference is not a member of the family.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(3, 4999))
    >>> max_t(np.array([3.0, 0.5, 2.3]), noise + [[3.0], [0.5], [2.3]]).round(3)
    array([0.008, 0.624, 0.046])
    """
    defined = replicates[:, ~np.isnan(replicates).any(axis=0)]
    adjusted = np.full(len(differences), np.nan)
    if defined.shape[1] < 2:
        return adjusted
    se = defined.std(axis=1, ddof=1)
    member = np.flatnonzero([spread > rounding for spread in se])
    observed = np.abs(differences[member] / se[member])
    under_null = np.abs((defined[member] - differences[member, None]) / se[member, None])

    descending = np.argsort(-observed, kind="stable")
    # In each replicate, the largest statistic among a difference and all those with a smaller one.
    successive = np.maximum.accumulate(under_null[descending[::-1]], axis=0)[::-1]
    counts = (successive >= observed[descending, None] - tolerance(observed)).sum(axis=1)
    p_values = (counts + 1) / (defined.shape[1] + 1)
    adjusted[member[descending]] = np.maximum.accumulate(p_values)
    return adjusted
