"""Intervals that are moved: average precision leaves out its bias, percentiles of refitted thresholds theirs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from sklearn.metrics import average_precision_score

from medkt_eval import evaluate
from medkt_eval.comparisons.bootstrap_tests import recentred
from medkt_eval.comparisons.estimates import CENTRED

OR = "seeds+patients:or"
P = 40


def table(seed: int, skill: float = 1.0, prefix: str = "p") -> pd.DataFrame:
    """160 images of 40 patients with two findings, one of them rare."""
    truth, noise = np.random.default_rng(3), np.random.default_rng(seed)
    patient = np.repeat(np.arange(P), 4)
    target = truth.random((4 * P, 2)) < [0.3, 0.08]
    score = 1 / (
        1 + np.exp(-(skill * (target - 0.5) + truth.normal(size=target.shape) + noise.normal(size=target.shape)))
    )
    columns = {"image_id": [f"{prefix}{k}" for k in range(4 * P)], "patient_id": [f"{prefix}{i:02d}" for i in patient]}
    columns |= {f"target_{a}": target[:, k].astype(int) for k, a in enumerate("AB")}
    return pd.DataFrame(columns | {f"score_{a}": score[:, k] for k, a in enumerate("AB")})


@pytest.fixture(scope="module")
def frames():
    return {"TL": [table(s) for s in range(3)], "AT": [table(s, 1.5) for s in range(3, 6)]}


@pytest.fixture(scope="module")
def result(frames):
    return evaluate(frames, replicates=100, add=["patients:jackknife"])


def one(rows, **wanted):
    (row,) = [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]
    return row


def by_scikit_learn(frames, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Average precision of each run, and without each patient."""

    def of(frame: pd.DataFrame) -> float:
        return float(average_precision_score(frame[f"target_{label}"], frame[f"score_{label}"]))

    without = [[of(frame[frame["patient_id"] != f"p{i:02d}"]) for i in range(P)] for frame in frames]
    return np.array([of(frame) for frame in frames]), np.array(without)


def patients_with_both(frame: pd.DataFrame, label: str) -> int:
    """Patients with a positive image or with a negative one, whichever are fewer."""
    of_patients = frame.groupby("patient_id")[f"target_{label}"]
    return int(min((of_patients.max() == 1).sum(), (of_patients.min() == 0).sum()))


@pytest.mark.parametrize("label", ["A", "B", "macro"])
def test_average_precision_lies_around_the_value_without_the_bias_of_the_jackknife(frames, result, label):
    of_labels = [by_scikit_learn(frames["TL"], name) for name in ("AB" if label == "macro" else label)]
    values, without = (np.mean([pair[k] for pair in of_labels], axis=0) for k in (0, 1))
    centre = float(np.mean(P * values - (P - 1) * without.mean(axis=1)))  # Quenouille 1956
    covariance = (P - 1) ** 2 / P * np.cov(without, ddof=1)
    of_seeds, of_patients = values.var(ddof=1) / 3, (covariance.sum() - np.trace(covariance)) / 6
    row = one(result.estimates, metric="average_precision", label=label, arm="tl", interval=OR)
    assert row.value == pytest.approx(values.mean(), abs=1e-12)  # the estimate stays
    assert centre < row.value
    df_patients = P - 1 if label == "macro" else patients_with_both(frames["TL"][0], label) - 1
    df = (2 * of_seeds + of_patients) ** 2 / ((2 * of_seeds) ** 2 / 2 + of_patients**2 / df_patients)
    assert row.df == pytest.approx(df, rel=1e-9)
    reach = stats.t.ppf(0.975, df) * (of_seeds + of_patients) ** 0.5 / (centre * (1 - centre))
    limits = special.expit(special.logit(centre) + np.array([-reach, reach]))
    assert [row.low, row.high] == pytest.approx(limits.tolist(), rel=1e-9)
    assert row.note == CENTRED
    fixed_models = one(
        result.estimates, metric="average_precision", label=label, arm="tl", interval="patients:jackknife"
    )
    assert fixed_models.note == CENTRED


def test_differences_and_other_metrics_and_intervals_stay_where_they_were(result):
    for row in result.comparisons:
        if row.metric == "average_precision" and row.test == "obuchowski-rockette" and row.p_value is not None:
            assert (row.low + row.high) / 2 == pytest.approx(row.difference, abs=1e-12)
    noted = {(row.metric, row.interval) for row in result.estimates if row.note}
    assert noted == {("average_precision", OR), ("average_precision", "patients:jackknife")}


def test_an_interval_always_holds_its_estimate():
    """Two patients with the finding: its bias is as large as the value."""
    few = {arm: [table(s, skill).iloc[:24] for s in range(k, k + 3)] for arm, skill, k in (("TL", 1, 0), ("AT", 3, 5))}
    rows = [
        row
        for row in evaluate(few, replicates=0).estimates
        if row.metric == "average_precision" and row.low is not None
    ]
    assert rows
    assert all(row.low <= row.value <= row.high for row in rows)


def test_percentile_limits_of_refitted_thresholds_lie_around_the_estimate(frames, tmp_path):
    validation = {arm: [table(90 + s, prefix="v") for s, _ in enumerate(of_arm)] for arm, of_arm in frames.items()}
    study = tmp_path / "study.toml"
    study.write_text('[analysis]\nthresholds = "refit"\n', encoding="utf-8")
    refit = evaluate(frames, validation=validation, study=study, replicates=400, add=["seeds+patients:bootstrap"])
    fixed = evaluate(frames, validation=validation, replicates=400, add=["seeds+patients:bootstrap"])
    for interval in ("patients:bootstrap-percentile", "seeds+patients:bootstrap"):
        wanted = {"metric": "f1", "label": "A", "arm": "tl", "interval": interval}
        moved, kept = one(refit.estimates, **wanted), one(fixed.estimates, **wanted)
        assert moved.value == kept.value
        assert abs((moved.low + moved.high) / 2 - moved.value) < 0.25 * (moved.high - moved.low)
        assert moved.high - moved.low > kept.high - kept.low  # of thresholds that vary


class _Metric:
    """As much of a `MetricOfRuns` as `recentred` reads."""

    def __init__(self, metric: str, has_jackknife: bool) -> None:
        self.metric, self.has_jackknife, self.values = metric, has_jackknife, np.array([0.9, 0.5])


def test_replicates_are_moved_by_their_mean_and_stay_in_the_range_of_the_metric():
    replicates = np.array([0.1, 0.3, np.nan, 0.2])
    difference = np.array([1.0, -1.0])
    moved = recentred(_Metric("f1", has_jackknife=False), difference, replicates)
    np.testing.assert_allclose(moved, [0.3, 0.5, np.nan, 0.4], rtol=0, atol=1e-12)
    one_arm = recentred(_Metric("f1", has_jackknife=False), np.array([1.0, 0.0]), replicates)
    np.testing.assert_allclose(one_arm, [0.8, 1.0, np.nan, 0.9], rtol=0, atol=1e-12)
    wide = recentred(_Metric("f1", has_jackknife=False), np.array([1.0, 0.0]), np.array([0.1, 0.9]))
    np.testing.assert_allclose(wide, [0.5, 1.0], rtol=0, atol=1e-12)
    for metric, has_jackknife in (("f1", True), ("sensitivity_at_specificity", False)):
        np.testing.assert_array_equal(recentred(_Metric(metric, has_jackknife), difference, replicates), replicates)
