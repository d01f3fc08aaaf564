"""Adjustment of p-values within families, and the primary contrasts: steps that need all comparisons.

In: `Compared` rows. Out: `Comparison` rows with `primary` and `p_adjusted`, and Bonferroni limits on request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from medkt_eval.comparisons.one_contrast.comparison_rows import AGAINST_MARGIN, Compared
from medkt_eval.errors import InputError
from medkt_eval.inference import multiplicity, obuchowski_rockette
from medkt_eval.inference.interval import quantile
from medkt_eval.inference.multiplicity import max_t
from medkt_eval.results.schema import Arm, Comparison
from medkt_eval.results.vocabulary import METRICS
from medkt_eval.runtime.garbage import quick_collections
from medkt_eval.study.declaration import Analysis, Primary
from medkt_eval.study.primary import FAMILY, adjustment, primary_arms

LEFT_OUT = "adjusted without {n} of {size} comparisons of its family: max-T has no statistic of theirs"


def adjusted(
    compared: Sequence[Compared],
    arms: Sequence[Arm],
    analysis: Analysis,
    *,
    bonferroni: bool,
    untrained: Sequence[Primary] = (),
) -> list[Comparison]:
    """All comparisons, with the primary ones marked and p-values adjusted within each family and test.

    Each test is adjusted on its own: the p-values of two tests of one contrast are not in the same family. `untrained`
    are primary contrasts of a list whose runs are not trained yet. They count in their family as if p were 1.

    Raises
    ------
    InputError
        If a primary contrast is not exactly one of the comparisons.
    """
    rows = _mark_primary(compared, arms, analysis)
    families: dict[tuple[str | None, str, str], list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        families[row.family, row.test, row.scope].append(k)
    with quick_collections():
        for members in families.values():
            absent = _absent([rows[k] for k in members], analysis, untrained)
            for k, changes in zip(members, _family(members, rows, compared, bonferroni, absent), strict=True):
                rows[k] = rows[k].model_copy(update=changes)
    return rows


def _absent(members: Sequence[Comparison], analysis: Analysis, untrained: Sequence[Primary]) -> int:
    """How many members of a family have no row: their runs are not trained yet, or this test is not made of them."""
    member = members[0]
    if member.family != FAMILY:
        return 0
    if member.test in AGAINST_MARGIN:
        return sum(primary.margin is not None or analysis.margin is not None for primary in untrained)
    without_row = 0 if member.primary else max(len(analysis.primaries) - len(members), 0)
    return len(untrained) + without_row


def _family(
    members: Sequence[int], rows: Sequence[Comparison], compared: Sequence[Compared], bonferroni: bool, absent: int
) -> list[dict[str, float | str | None]]:
    """The fields that change in each member of a family; `absent` further members have no p-value."""
    method = rows[members[0]].adjustment
    if method == "max-t":
        return _max_t(members, rows, compared)
    p_values = [rows[k].p_value for k in members]
    p_adjusted = multiplicity.adjust([*p_values, *[None] * absent], method)[: len(p_values)] if method else p_values
    changes: list[dict[str, float | str | None]] = [{"p_adjusted": p} for p in p_adjusted]
    if bonferroni:
        size = len(members) + absent  # those without a p-value too, as in Holm's method
        for k, change in zip(members, changes, strict=True):
            row = rows[k]
            if row.test == obuchowski_rockette.TEST and row.se and row.difference is not None:
                reach = quantile(1 - (1 - row.level) / size, row.df) * row.se
                bound = METRICS[row.metric].largest_difference
                change["low_bonferroni"] = max(row.difference - reach, -bound)
                change["high_bonferroni"] = min(row.difference + reach, bound)
    return changes


def _max_t(
    members: Sequence[int], rows: Sequence[Comparison], compared: Sequence[Compared]
) -> list[dict[str, float | str | None]]:
    """Unadjusted p from max-T of one member, adjusted p from max-T of all; a member without replicates has neither."""
    changes: dict[int, dict[str, float | str | None]] = {k: {} for k in members}
    known = [k for k in members if compared[k].replicates is not None]
    if known:
        rounding = max(compared[k].rounding for k in known)
        differences = np.array([rows[k].difference for k in known], dtype=np.float64)
        replicates = np.array([compared[k].replicates for k in known])
        replicates = replicates[
            :, ~np.isnan(replicates).any(axis=0)
        ]  # the same ones for the raw p: never above adjusted
        p_values = max_t(differences, replicates, rounding)
        left_out = len(members) - int(np.count_nonzero(~np.isnan(p_values)))
        for j, (k, p) in enumerate(zip(known, p_values, strict=True)):
            raw = max_t(differences[j : j + 1], replicates[j : j + 1], rounding)[0]
            changes[k] = {"p_value": _or_none(raw), "p_adjusted": _or_none(p)}
            if left_out and not np.isnan(p):
                notes = (rows[k].note, LEFT_OUT.format(n=left_out, size=len(members)))
                changes[k]["note"] = "; ".join(note for note in notes if note)
    return [changes[k] for k in members]


def _or_none(p: float) -> float | None:
    return None if np.isnan(p) else float(p)


def _mark_primary(compared: Sequence[Compared], arms: Sequence[Arm], analysis: Analysis) -> list[Comparison]:
    """Mark the primary contrasts; their primary analysis and their tests against a margin leave their families.

    Where the primary analysis of one does not exist, as with one seed, their tests over patients answer and leave too.
    """
    rows = [comparison.row for comparison in compared]
    marked = list(rows)
    change = {"primary": True, "family": FAMILY, "adjustment": adjustment(analysis)}
    over_patients: list[int] = []
    complete = True
    for primary, a, b in primary_arms(arms, analysis):
        same = [
            k
            for k, row in enumerate(rows)
            if row.kind != "table"
            and row.group is None
            and (row.metric, row.label) == (primary.metric, primary.label)
            and row.arm_a in a
            and row.arm_b in b
        ]
        named = [k for k in same if rows[k].test in (obuchowski_rockette.TEST, *AGAINST_MARGIN)]
        hits = [k for k in named if rows[k].test == obuchowski_rockette.TEST]
        if len(hits) != 1:
            raise InputError(
                f"[analysis] primary ({primary.arm_a} - {primary.arm_b} on {primary.metric} {primary.label}) is "
                f"{len(hits)} of the comparisons made; expected exactly one: name arms by their full ids, or use "
                "--comparisons all"
            )
        for k in named:
            marked[k] = rows[k].model_copy(update=change)
        complete &= rows[hits[0]].low is not None
        over_patients += [k for k in same if k not in named and rows[k].scope in ("patients", "images")]
    if not complete:
        for k in over_patients:
            p = _max_t([k], rows, compared)[0] if rows[k].adjustment == "max-t" else {}
            marked[k] = rows[k].model_copy(update={**change, **p, "primary": False})
    return marked
