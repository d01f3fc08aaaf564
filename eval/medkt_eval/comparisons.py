"""Contrasts between arms on every metric, the primary one marked, p-values adjusted within their families.

In: contrasts and the runs' values. Out: `Comparison` rows of results.json.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np

from medkt_eval import contrasts, multiplicity, obuchowski_rockette
from medkt_eval.analysis import Analysis
from medkt_eval.contrasts import AVERAGES, Contrast
from medkt_eval.errors import InputError
from medkt_eval.results import Arm, Comparison, RunValue
from medkt_eval.run_metrics import Measured, Values, arm_values, over_seeds
from medkt_eval.seed_tests import TestResult, paired_t, welch_t

ADJUSTMENT = {"macro and weighted": "holm", "labels of one comparison": "benjamini-hochberg", "primary": "none"}


def compare(
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    values: Values,
    measured: Measured,
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
        rows += _compare(a, b, pair, values, measured, analysis=analysis, level=level)
    return _adjusted(_mark_primary(rows, arms, analysis))


def _compare(
    a: Arm, b: Arm, pair: Contrast, values: Values, measured: Measured, *, analysis: Analysis, level: float
) -> list[Comparison]:
    """One contrast on every metric and label (averages alone for a table's marks)."""
    if analysis.seeds == "crossed" and a.seeds != b.seeds:
        raise InputError(
            f"[analysis] seeds = 'crossed', but {a.arm} has seeds {a.seeds} and {b.arm} has {b.seeds}; crossed seeds "
            "must be the same in every arm: train the missing ones, or declare seeds = 'nested'"
        )
    rows = []
    test_set = measured.test_sets[a.dataset]
    for (arm_id, metric, label), runs_a in values.items():
        if arm_id != a.arm or (pair.kind == "table" and label not in AVERAGES):
            continue
        runs_b = values[b.arm, metric, label]
        name, method = contrasts.family(a, pair, metric, label)
        made = _tests(runs_a, runs_b, measured, test_set.df_patients[label], seeds=analysis.seeds, level=level)
        rows += [
            Comparison(
                dataset=a.dataset, arm_a=a.arm, arm_b=b.arm, metric=metric, label=label,
                difference=test.difference if np.isfinite(test.difference) else None,
                se=test.se, low=test.low, high=test.high, level=level, test=test.test, scope=test.scope,
                statistic=test.statistic, df=test.df, df_hillis=test.df_hillis, p_value=test.p_value, p_adjusted=None,
                adjustment=method, family=name, kind=pair.kind, n_seeds_a=len(runs_a), n_seeds_b=len(runs_b),
                n_patients=test_set.n_patients, n_images=runs_a[0].n_images, n_positive=runs_a[0].n_positive,
                undefined_because=test.undefined_because,
            )
            for test in (made if pair.kind != "table" else made[:1])
        ]  # fmt: skip
    return rows


def _tests(
    runs_a: Sequence[RunValue],
    runs_b: Sequence[RunValue],
    measured: Measured,
    df_patients: float,
    *,
    seeds: Literal["nested", "crossed"],
    level: float,
) -> list[TestResult]:
    """The primary analysis, then its companion over seeds alone: Welch's t, or paired t for seeds declared shared."""
    over, name = (paired_t, "t-paired") if seeds == "crossed" else (welch_t, "t-welch")
    a, b = arm_values(runs_a, measured), arm_values(runs_b, measured)
    if a is None or b is None:
        nothing = (None, None, None, level, None, None, None, over_seeds(runs_a)[1] or over_seeds(runs_b)[1])
        return [
            TestResult(obuchowski_rockette.TEST, obuchowski_rockette.SCOPE, np.nan, *nothing),
            TestResult(name, "seeds", np.nan, *nothing),
        ]
    primary = obuchowski_rockette.compare(a, b, seeds=seeds, df_patients=df_patients, level=level)
    return [primary, over(a.values, b.values, level)]


def _mark_primary(rows: list[Comparison], arms: Sequence[Arm], analysis: Analysis) -> list[Comparison]:
    """Turn the named contrast the way it was named; its primary analysis leaves its family and is not adjusted."""
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
        if named and row.arm_a in a and row.arm_b in b and row.test == obuchowski_rockette.TEST:
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
    """Adjust within each family, each test by itself: a companion's p-value is no further member of it."""
    families: dict[tuple[str | None, str], list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        families[row.family, row.test].append(k)
    adjusted: dict[int, float | None] = {}
    for members in families.values():
        p_values = [rows[k].p_value for k in members]
        method = rows[members[0]].adjustment
        adjusted.update(zip(members, multiplicity.adjust(p_values, method) if method else p_values, strict=True))
    return [row.model_copy(update={"p_adjusted": adjusted[k]}) for k, row in enumerate(rows)]
