"""Correlation of two arms' runs over the seeds that both have, against scipy's Fisher interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from medkt_eval import evaluate
from medkt_eval.inference.over_seeds.correlation import correlation_over_seeds


def table(skill: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    target = np.arange(60) % 2
    ids = [f"i{k:02}" for k in range(60)]
    return pd.DataFrame(
        {"image_id": ids, "patient_id": ids, "target_A": target, "score_A": skill * target + rng.normal(size=60)}
    )


def named(folder, arm: str, seeds: list[int], skills: list[float]) -> list:
    paths = [folder / f"{arm}_seed{seed}.csv" for seed in seeds]
    for path, seed, skill in zip(paths, seeds, skills, strict=True):
        table(skill, 1000 * len(arm) + seed).to_csv(path, index=False)
    return paths


def correlation(result, metric="auc", label="macro"):
    (row,) = [row for row in result.seed_correlations if (row.metric, row.label) == (metric, label)]
    return row


def test_the_correlation_is_over_equal_seeds_not_over_places(tmp_path):
    """The arms share seeds 1, 2, 4, 5, 7; in one of them other seeds lie between."""
    arms = {
        "TL": named(tmp_path, "tl", [1, 2, 4, 5, 7], [0.2, 1.0, 0.6, 1.4, 0.8]),
        "AT": named(tmp_path, "other", [0, 1, 2, 3, 4, 5, 7], [2.0, 0.4, 1.1, 0.1, 0.5, 1.6, 0.9]),
    }
    result = evaluate(arms, replicates=0)
    row = correlation(result)
    values = {(run.arm, run.seed): run.value for run in result.runs if (run.metric, run.label) == ("auc", "macro")}
    a, b = ([values[arm, seed] for seed in (1, 2, 4, 5, 7)] for arm in (row.arm_a, row.arm_b))
    expected = stats.pearsonr(a, b)
    assert (row.n_seeds, row.level, row.undefined_because) == (5, 0.95, None)
    assert row.value == pytest.approx(expected.statistic, abs=1e-12)
    assert [row.low, row.high] == pytest.approx(list(expected.confidence_interval(0.95)), abs=1e-12)
    assert {one.metric for one in result.seed_correlations} == {
        one.metric for one in result.comparisons if one.kind == "declared"
    }


@pytest.mark.parametrize(
    ("seeds_a", "seeds_b", "n", "because"),
    [
        ([0, 1, 2], [3, 4, 5], 0, "no seed in common"),
        ([0, 1, 2], [1, 2, 3], 2, "2 shared seeds; a correlation needs 3"),
        ([0, 1], [0, 1], 2, "2 shared seeds; a correlation needs 3"),
    ],
)
def test_too_few_shared_seeds_have_no_correlation_and_a_reason(tmp_path, seeds_a, seeds_b, n, because):
    arms = {
        "TL": named(tmp_path, "tl", seeds_a, [0.5, 1.0, 1.5][: len(seeds_a)]),
        "AT": named(tmp_path, "other", seeds_b, [0.6, 1.1, 1.4][: len(seeds_b)]),
    }
    row = correlation(evaluate(arms, replicates=0))
    assert (row.value, row.low, row.high, row.n_seeds) == (None, None, None, n)
    assert because in row.undefined_because


def test_three_seeds_have_a_correlation_without_an_interval():
    a, b = np.array([0.7, 0.72, 0.75]), np.array([0.8, 0.79, 0.83])
    found = correlation_over_seeds(a, b, 0.95)
    assert found.value == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-12)
    assert (found.low, found.high) == (None, None)
    assert "an interval needs 4" in found.undefined_because


@pytest.mark.parametrize("equal", [np.full(5, 0.7), 0.7 + 1e-16 * np.arange(5)])
def test_an_arm_without_variation_has_no_correlation(equal):
    found = correlation_over_seeds(equal, np.arange(5) / 10, 0.95)
    assert (found.value, found.low) == (None, None)
    assert "the same value with every shared seed" in found.undefined_because


def test_a_perfect_correlation_has_no_interval():
    found = correlation_over_seeds(np.arange(5) / 10, np.arange(5) / 7, 0.95)
    assert found.value == pytest.approx(1.0)
    assert found.low is None
    assert "has no interval" in found.undefined_because
