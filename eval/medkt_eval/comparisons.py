"""Contrasts between arms on every metric, the primary one marked, p-values adjusted within their families.

In: contrasts and the runs' values. Out: `Comparison` rows of results.json.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from medkt_eval import contrasts, multiplicity
from medkt_eval.analysis import Analysis
from medkt_eval.contrasts import AVERAGES, Contrast
from medkt_eval.errors import InputError
from medkt_eval.results import Arm, Comparison, RunValue
from medkt_eval.run_metrics import TestSet, Values, over_seeds
from medkt_eval.seed_tests import TestResult, paired_t, welch_t

ADJUSTMENT = {"macro and weighted": "holm", "labels of one comparison": "benjamini-hochberg", "primary": "none"}


def compare(
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    values: Values,
    test_sets: Mapping[str, TestSet],
    *,
    analysis: Analysis,
    level: float,
) -> list[Comparison]:
    """All comparisons of the contrasts `pairs`, adjusted.

    Raises
    ------
    InputError
        If seeds are declared crossed and differ between arms, or the primary contrast is not among the comparisons.
    """
    by_id = {arm.arm: arm for arm in arms}
    rows = []
    for pair in pairs:
        a, b = by_id[pair.arm_a], by_id[pair.arm_b]
        rows += _compare(a, b, pair, values, test_sets[a.dataset], analysis=analysis, level=level)
    return _adjusted(_mark_primary(rows, arms, analysis))


def _compare(
    a: Arm, b: Arm, pair: Contrast, values: Values, test: TestSet, *, analysis: Analysis, level: float
) -> list[Comparison]:
    """One contrast on every metric and label (averages alone for a table's marks)."""
    if analysis.seeds == "crossed" and a.seeds != b.seeds:
        raise InputError(
            f"[analysis] seeds = 'crossed', but {a.arm} has seeds {a.seeds} and {b.arm} has {b.seeds}; crossed seeds "
            "must be the same in every arm: train the missing ones, or declare seeds = 'nested'"
        )
    rows = []
    for (arm_id, metric, label), runs_a in values.items():
        if arm_id != a.arm or (pair.kind == "table" and label not in AVERAGES):
            continue
        runs_b = values[b.arm, metric, label]
        made = _test(runs_a, runs_b, analysis.seeds, level)
        name, method = contrasts.family(a, pair, metric, label)
        rows.append(
            Comparison(
                dataset=a.dataset, arm_a=a.arm, arm_b=b.arm, metric=metric, label=label,
                difference=made.difference if np.isfinite(made.difference) else None,
                se=made.se, low=made.low, high=made.high, level=level, test=made.test, scope="seeds",
                statistic=made.statistic, df=made.df, p_value=made.p_value, p_adjusted=None, adjustment=method,
                family=name, kind=pair.kind, n_seeds_a=len(runs_a), n_seeds_b=len(runs_b),
                n_patients=test.n_patients, n_images=runs_a[0].n_images, n_positive=runs_a[0].n_positive,
                undefined_because=made.undefined_because,
            )
        )  # fmt: skip
    return rows


def _test(
    runs_a: Sequence[RunValue], runs_b: Sequence[RunValue], seeds: Literal["nested", "crossed"], level: float
) -> TestResult:
    """Welch's t for nested seeds, paired t for seeds that were declared shared."""
    test, name = (paired_t, "t-paired") if seeds == "crossed" else (welch_t, "t-welch")
    a, because_a = over_seeds(runs_a)
    b, because_b = over_seeds(runs_b)
    if a is None or b is None:
        return TestResult(name, "seeds", np.nan, None, None, None, level, None, None, None, because_a or because_b)
    return test(a, b, level)


def _mark_primary(rows: list[Comparison], arms: Sequence[Arm], analysis: Analysis) -> list[Comparison]:
    """The contrast named beforehand, turned the way it was named; it leaves its family and is not adjusted."""
    if analysis.primary is None:
        return rows
    primary = analysis.primary
    a = {arm.arm for arm in contrasts.find_arm(arms, primary.arm_a, "[analysis] primary.arm_a")}
    b = {arm.arm for arm in contrasts.find_arm(arms, primary.arm_b, "[analysis] primary.arm_b")}
    marked, hits = [], 0
    for row in rows:
        named = row.kind != "table" and (row.metric, row.label) == (primary.metric, primary.label)
        if named and row.arm_a in b and row.arm_b in a:
            row = _turned(row)  # noqa: PLW2901
        if named and row.arm_a in a and row.arm_b in b:
            hits += 1
            row = row.model_copy(update={"primary": True, "family": "primary", "adjustment": None})  # noqa: PLW2901
        marked.append(row)
    if hits != 1:
        raise InputError(
            f"[analysis] primary ({primary.arm_a} - {primary.arm_b} on {primary.metric} {primary.label}) is "
            f"{hits} of the comparisons made; expected exactly one: name arms by their full ids, or use "
            "--comparisons all"
        )
    return marked


def _turned(row: Comparison) -> Comparison:
    def minus(value: float | None) -> float | None:
        return None if value is None else -value

    return row.model_copy(
        update={"arm_a": row.arm_b, "arm_b": row.arm_a, "difference": minus(row.difference), "low": minus(row.high),
                "high": minus(row.low), "statistic": minus(row.statistic), "n_seeds_a": row.n_seeds_b,
                "n_seeds_b": row.n_seeds_a}
    )  # fmt: skip


def _adjusted(rows: Sequence[Comparison]) -> list[Comparison]:
    families: dict[str, list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        families[row.family or ""].append(k)
    adjusted: dict[int, float | None] = {}
    for members in families.values():
        p_values = [rows[k].p_value for k in members]
        method = rows[members[0]].adjustment
        adjusted.update(zip(members, multiplicity.adjust(p_values, method) if method else p_values, strict=True))
    return [row.model_copy(update={"p_adjusted": adjusted[k]}) for k, row in enumerate(rows)]
