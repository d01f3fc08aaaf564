"""Rounding of scores is forgiven, with one note; an error names the score or sum that is furthest off."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets
from medkt_eval.predictions.values.probabilities import clip_finding

N = 40
TRUTH = np.arange(N) % 3


@pytest.fixture(params=["frame", ".csv", ".parquet", "by column"])
def door(request, tmp_path, save, monkeypatch):
    """A function that gives a table to the evaluation, by each way in."""
    if request.param == "by column":
        monkeypatch.setattr(test_sets, "HELD_BYTES", 0)
    suffix = {"by column": ".parquet"}.get(request.param, request.param)
    return lambda frame: frame if suffix == "frame" else save(frame, tmp_path / f"tl_s0{suffix}")


def ids():
    return {"image_id": [f"i{k:02d}" for k in range(N)][::-1], "patient_id": [f"p{k // 2:02d}" for k in range(N)][::-1]}


def classes(n=2):
    rng = np.random.default_rng(1)
    odds = np.exp(np.eye(n)[TRUTH % n] + rng.normal(size=(N, n)))
    shares = odds / odds.sum(axis=1, keepdims=True)
    names = "abcdefgh"[:n]
    columns = {"target": [names[k] for k in TRUTH % n]} | {f"score_{c}": shares[:, k] for k, c in enumerate(names)}
    return pd.DataFrame(ids() | columns)


def findings(scores):
    return pd.DataFrame(ids() | {"target_A": TRUTH % 2, "score_A": scores})


def value(result, metric, label):
    (row,) = [row for row in result.runs if (row.metric, row.label) == (metric, label)]
    return row.value


def note(result, word):
    (found,) = [note for note in result.settings.notes if word in note]
    return found


def test_classes_a_little_outside_are_clipped(door):
    frame = classes()
    frame.loc[[3, 9], ["score_a", "score_b"]] = [1.000005, -0.000005]
    result = evaluate({"TL": [door(frame)]}, replicates=0)
    clipped = frame["score_a"].clip(0, 1)
    target = (frame["target"] == "a").astype(int)
    assert value(result, "auc", "a") == pytest.approx(roc_auc_score(target, clipped), abs=1e-12)
    assert value(result, "brier", "a") == pytest.approx(brier_score_loss(target, clipped), abs=1e-12)
    assert "scores up to 0.001 outside [0, 1] were clipped in 1 prediction file(s)" in note(result, "clipped")
    assert not any("sum" in text for text in result.settings.notes)


def test_sums_of_classes_within_rounding_are_divided_out(door):
    frame = classes()
    frame[["score_a", "score_b"]] = frame[["score_a", "score_b"]] * 0.997
    frame.loc[5, ["score_a", "score_b"]] = [0.59, 0.4]
    result = evaluate({"TL": [door(frame)]}, replicates=0)
    shares = frame["score_a"] / (frame["score_a"] + frame["score_b"])
    target = (frame["target"] == "a").astype(int)
    assert value(result, "brier", "a") == pytest.approx(brier_score_loss(target, shares), abs=1e-12)
    assert note(result, "sum").endswith("0.99 for image 'i34')")


@pytest.mark.parametrize(
    ("n", "off", "accepted"), [(2, 0.01, True), (2, 0.0101, False), (6, 0.03, True), (6, 0.031, False)]
)
def test_how_far_a_sum_may_be_off(door, n, off, accepted):
    frame = classes(n)
    frame.loc[5, [f"score_{c}" for c in "abcdef"[:n]]] = (1 - off) / n
    if accepted:
        assert evaluate({"TL": [door(frame)]}, replicates=0).runs
        return
    with pytest.raises(
        InputError, match=r"image 'i34': the scores of the classes sum to 0\.9.*; expected probabilities"
    ):
        evaluate({"TL": [door(frame)]}, replicates=0)


def test_the_true_offender_is_named(door):
    frame = classes()
    frame.loc[36, ["score_a", "score_b"]] = [1.0011, -0.0011]
    frame.loc[28, ["score_a", "score_b"]] = [0.5, 0.5005]  # a sum within rounding
    with pytest.raises(InputError, match=r"image 'i03': score_[ab] is (1\.0011|-0\.0011); expected a probability"):
        evaluate({"TL": [door(frame)]}, replicates=0)


def test_a_finding_keeps_its_brier_score(door):
    scores = 1 / (1 + np.exp(-np.random.default_rng(2).normal(size=N) - TRUTH % 2))
    scores[[4, 6]] = [1.0000001, -0.0009]
    result = evaluate({"TL": [door(findings(scores))]}, replicates=0, add=["calibration", "net-benefit"])
    target = TRUTH % 2
    assert value(result, "brier", "A") == pytest.approx(brier_score_loss(target, scores.clip(0, 1)), abs=1e-12)
    assert value(result, "ece", "A") is not None
    assert {curve.curve for curve in result.curves} >= {"reliability"}
    assert note(result, "clipped").endswith("score_A is -0.0009 for image 'i33')")


def test_scores_further_out_are_no_probabilities_and_stay(door):
    scores = 1 / (1 + np.exp(-np.random.default_rng(2).normal(size=N) - TRUTH % 2))
    scores[[4, 6]] = [1.0000001, -0.0011]
    result = evaluate({"TL": [door(findings(scores))]}, replicates=0)
    assert value(result, "brier", "A") is None
    assert value(result, "auc", "A") is not None
    assert not any("clipped" in text for text in result.settings.notes)


def test_scores_of_a_narrow_range_keep_their_order():
    scores = np.linspace(-5e-4, 5e-4, 11)  # scores of any kind, for example differences of two networks
    kept, repairs = clip_finding(scores, "score_A", str)
    np.testing.assert_array_equal(kept, scores)
    assert repairs == []
