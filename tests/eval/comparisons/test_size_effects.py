"""The change of a difference with training size: its arms and sign, and its variance against leave-one-out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from medkt_eval.evaluation import evaluate

LABELS = ("Edema", "Effusion", "Pneumonia")
TL, AT = "transfer_learning", "attention_transfer"


@pytest.fixture
def two_sizes(write_run):
    def write(seeds=3, sizes=(100, 300, 900)):
        for size in sizes:
            for seed in range(seeds):
                write_run(f"chest-{size}-tl", seed, train_size=size, method=TL, teacher=None)
                write_run(f"chest-{size}-at", seed, train_size=size, method=AT, settings={"beta": size / 10})

    return write


def macro(rows, metric="auc"):
    return [row for row in rows if (row.metric, row.label) == (metric, "macro")]


def test_smallest_less_largest(runs, two_sizes):
    two_sizes()
    result = evaluate(runs, replicates=0)
    (row,) = macro(result.size_effects)
    compared = {(c.arm_a, c.arm_b): c for c in macro(result.comparisons) if c.test == row.test and c.kind == "declared"}
    small, large = compared[row.arms_small], compared[row.arms_large]
    assert row.arms_small == ("chest-100-at", "chest-100-tl")
    assert row.arms_large == ("chest-900-at", "chest-900-tl")
    assert (row.size_small, row.size_large) == (100, 900)
    assert (row.difference_small, row.difference_large) == (small.difference, large.difference)
    assert row.difference == pytest.approx(small.difference - large.difference, abs=1e-15)
    assert row.p_adjusted == row.p_value  # the only one in its family
    assert row.undefined_because is None


def test_variance_is_that_of_four_arms(runs, two_sizes):
    """Mean squares of seeds, and the jackknife over patients with scikit-learn's AUC."""
    two_sizes(sizes=(100, 300))
    (row,) = macro(evaluate(runs, replicates=0).size_effects)

    def aucs(arm, seed, without=None):
        frame = pd.read_parquet(runs / f"{arm}-s{seed}" / "predictions-test.parquet")
        frame = frame[frame["patient_id"] != without]
        found = []
        for label in LABELS:
            known = frame[frame[f"target_{label}"].notna()]
            found.append(roc_auc_score(known[f"target_{label}"].astype(int), known[f"score_{label}"]))
        return np.mean(found)

    arms = [*row.arms_small, *row.arms_large]
    values = np.array([[aucs(arm, seed) for seed in range(3)] for arm in arms])
    patients = [f"{k:03d}" for k in range(20)]
    jackknife = np.array([[[aucs(arm, seed, without) for seed in range(3)] for arm in arms] for without in patients])
    centred = jackknife - jackknife.mean(axis=0)
    covariance = np.einsum("pas,pbt->asbt", centred, centred) * 19 / 20
    signs = np.array([1, -1, -1, 1])
    d = 0.0
    for a in range(4):
        for b in range(4):
            block = covariance[a, :, b, :]
            other = ~np.eye(3, dtype=bool) if a == b else np.ones((3, 3), dtype=bool)
            d += signs[a] * signs[b] * block[other].mean()
    mean_squares = values.var(axis=1, ddof=1) / 3
    variance = mean_squares.sum() + max(d, 0)
    assert row.difference == pytest.approx(signs @ values.mean(axis=1))
    assert row.se == pytest.approx(variance**0.5)
    assert row.statistic == pytest.approx(row.difference / row.se)
    assert row.p_value == pytest.approx(2 * stats.t.sf(abs(row.statistic), row.df))
    reach = stats.t.ppf(0.975, row.df) * row.se
    assert (row.low, row.high) == pytest.approx((row.difference - reach, row.difference + reach))


def test_one_seed_is_said(runs, two_sizes):
    two_sizes(seeds=1, sizes=(100, 300))
    (row,) = macro(evaluate(runs, replicates=0).size_effects)
    assert row.se is None
    assert row.p_value is None
    assert row.difference_small is not None
    assert "one seed" in row.undefined_because


def test_one_size_has_none(runs, two_sizes):
    two_sizes(sizes=(100,))
    assert evaluate(runs, replicates=0).size_effects == []


def test_holm_over_pairs(runs, two_sizes, write_run):
    two_sizes(sizes=(100, 300))
    for size in (100, 300):
        for seed in range(3):
            write_run(f"chest-{size}-at-mimic", seed, train_size=size, method=AT, teacher="mimic", skill=1.5)
    rows = macro(evaluate(runs, replicates=0).size_effects)
    assert len(rows) == 3
    assert len({row.family for row in rows}) == 1
    ordered = sorted(rows, key=lambda row: row.p_value)
    stepped = np.maximum.accumulate([(3 - k) * row.p_value for k, row in enumerate(ordered)])
    assert [row.p_adjusted for row in ordered] == pytest.approx(np.minimum(stepped, 1))
