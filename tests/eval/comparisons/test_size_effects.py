"""The change of a difference with training size: its arms and sign, and its variance against leave-one-out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from medkt_eval.comparisons.size_effects import SIGNS
from medkt_eval.evaluation import evaluate
from medkt_eval.inference.logit_contrast import logit_contrast_test
from medkt_eval.inference.obuchowski_rockette import contrast_test
from medkt_eval.results.vocabulary import METRICS

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


def test_the_same_effect_on_the_logit_scale(runs, two_sizes):
    """Differences of logits of the means; their variance by the delta method from that of the four arms."""
    two_sizes(sizes=(100, 300))
    result = evaluate(runs, replicates=0)
    (row,) = macro(result.size_effects)
    arms = [*row.arms_small, *row.arms_large]
    values = {arm: [run.value for run in macro(result.runs) if run.arm == arm] for arm in arms}
    means = np.array([np.mean(values[arm]) for arm in arms])
    a, b, c, d = logit(means)
    assert row.logit.difference_small == pytest.approx(a - b, abs=1e-12)
    assert row.logit.difference_large == pytest.approx(c - d, abs=1e-12)
    assert row.logit.difference == pytest.approx(a - b - c + d, abs=1e-12)
    # The covariance of the runs over patients again, by leaving out each of them.
    frames = [pd.read_parquet(runs / f"{arm}-s{s}" / "predictions-test.parquet") for arm in arms for s in range(3)]

    def auc(frame):
        found = []
        for label in LABELS:
            known = frame[frame[f"target_{label}"].notna()]
            found.append(roc_auc_score(known[f"target_{label}"].astype(int), known[f"score_{label}"]))
        return np.mean(found)

    without = np.array([[auc(f[f["patient_id"] != f"{p:03d}"]) for f in frames] for p in range(20)])
    covariance = np.cov(without.T) * 19**2 / 20
    slopes = np.array([1, -1, -1, 1]) / (means * (1 - means))
    patients = 0.0
    for i in range(4):
        for j in range(4):
            block = covariance[3 * i : 3 * i + 3, 3 * j : 3 * j + 3]
            pairs = block[~np.eye(3, dtype=bool)] if i == j else block
            patients += slopes[i] * slopes[j] * pairs.mean()
    seeds = sum(slope**2 * np.var(values[arm], ddof=1) / 3 for slope, arm in zip(slopes, arms, strict=True))
    assert row.logit.se == pytest.approx(np.sqrt(seeds + max(patients, 0)), rel=1e-9)
    assert row.logit.p_value == pytest.approx(2 * stats.t.sf(abs(row.logit.difference / row.logit.se), row.logit.df))
    assert row.logit.p_adjusted == row.logit.p_value


def test_points_and_logits_can_disagree():
    """5 points at 70 % are less than 3 points at 90 % in logits: what fades on one scale grows on the other."""
    arms = [np.array([mean - 0.001, mean + 0.001]) for mean in (0.75, 0.70, 0.93, 0.90)]
    covariance = np.full((8, 8), 1e-6) + 1e-7 * np.eye(8)
    given = {"seeds": "nested", "df_patients": 99.0, "level": 0.95}
    points = contrast_test(arms, SIGNS, covariance, bound=2.0, **given)
    logits = logit_contrast_test(arms, SIGNS, covariance, **given)
    assert points.difference == pytest.approx(0.02)
    assert logits.difference < 0
    assert points.p_value < 0.05
    assert logits.p_value < 0.05


def test_a_mean_of_one_has_no_logit():
    arms = [np.array([1.0, 1.0]), np.array([0.7, 0.8])]
    test = logit_contrast_test(arms, (1, -1), np.full((4, 4), 1e-4), seeds="nested", df_patients=9.0, level=0.95)
    assert (test.p_value, test.undefined_because) == (None, "an arm's mean is 0 or 1, which has no logit")


def test_only_metrics_between_0_and_1_have_logits(runs, two_sizes):
    two_sizes(sizes=(100, 300))
    rows = evaluate(runs, replicates=0, add=["calibration"]).size_effects
    assert all((row.logit is None) == (METRICS[row.metric].low != 0) for row in rows)
    assert any(row.logit is not None for row in rows)
