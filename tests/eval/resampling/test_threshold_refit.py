"""Thresholds chosen again in each replicate, against choosing and calling on copies of the drawn images."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, recall_score

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.thresholds import choose
from medkt_eval.predictions.format import Predictions
from medkt_eval.resampling.draws import LANES, multiplicities
from medkt_eval.resampling.strata import patient_strata
from medkt_eval.resampling.threshold_refit import ThresholdRefit, resample_calls

LABELS = ("A", "B", "C")
RULES = ("max_f1", "youden", "sensitivity=0.8", "sensitivity=0", "sensitivity=1")
REPLICATES = LANES + 6
N_PATIENTS = 30


def predictions(seed: int, *, ties: bool = True, masked: bool = True, n=90) -> Predictions:
    """Images of 30 patients. Three of them have the last label."""
    rng = np.random.default_rng(seed)
    patient = np.sort(np.r_[np.arange(N_PATIENTS), rng.integers(0, N_PATIENTS, n - N_PATIENTS)])
    targets = (rng.random((n, 3)) < (0.4, 0.2, 0.0)).astype(np.float64)
    targets[np.isin(patient, (2, 9, 17)), 2] = 1
    scores = targets + rng.normal(size=(n, 3))
    if masked:
        targets[rng.random((n, 3)) < 0.15] = np.nan
    ids = np.array([f"i{k:03d}" for k in range(n)], dtype=object)
    names = np.array([f"{k:02d}" for k in patient], dtype=object)
    return Predictions("multilabel", LABELS, ids, names, targets, scores.round(1) if ties else scores)


def draws(split, strata=None) -> np.ndarray:
    every = [
        multiplicities(N_PATIENTS, dataset="nih", seed=4, block=block, split=split, strata=strata) for block in (0, 1)
    ]
    return np.concatenate(every, axis=1)[:, :REPLICATES].astype(int)


def copied(of: Predictions, drawn: np.ndarray) -> Predictions:
    """The images of the drawn patients, repeated as drawn."""
    assert of.patient_ids is not None
    rows = np.repeat(np.arange(len(of.image_ids)), drawn[of.patient_ids.astype(int)])
    return replace(of, targets=of.targets[rows], scores=of.scores[rows])


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_each_threshold_is_the_one_chosen_on_the_images_drawn(rule, ties, stratified):
    validation = predictions(1, ties=ties)
    found = ThresholdRefit(rule, REPLICATES, 4, stratified).thresholds([validation], 3, dataset="nih")[0]
    assert validation.patient_ids is not None
    patient = validation.patient_ids.astype(int)
    drawn = draws("validation", patient_strata(validation, patient, N_PATIENTS) if stratified else None)
    expected = [[one.value for one in choose(copied(validation, lane), LABELS, rule)] for lane in drawn.T]
    np.testing.assert_array_equal(found.T, np.array(expected, dtype=np.float64))
    assert np.isnan(found[2]).any()  # a replicate without a positive has none
    assert not np.isnan(found[:2]).any()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=12), st.sampled_from(RULES))
def test_whatever_the_images(images, rule):
    truth, score = (np.array(column, dtype=np.float64)[:, None] for column in zip(*images, strict=True))
    ids = np.array([f"{k:02d}" for k in range(len(images))], dtype=object)
    validation = Predictions("multilabel", ("A",), ids, ids, truth, score)
    found = ThresholdRefit(rule, 20, 4).thresholds([validation], 1, dataset="nih")[0, 0]
    drawn = multiplicities(len(images), dataset="nih", seed=4, block=0, split="validation")[:, :20].astype(int)
    for lane, threshold in enumerate(found):
        rows = np.repeat(np.arange(len(images)), drawn[:, lane])
        (expected,) = choose(replace(validation, targets=truth[rows], scores=score[rows]), ("A",), rule)
        np.testing.assert_equal(threshold, np.nan if expected.value is None else expected.value)


def test_rows_and_more_replicates_change_no_threshold():
    validation = predictions(1)
    assert validation.patient_ids is not None
    found = ThresholdRefit("max_f1", REPLICATES, 4).thresholds([validation], 3, dataset="nih")[0]
    order = np.random.default_rng(0).permutation(len(validation.image_ids))
    moved = replace(
        validation,
        patient_ids=validation.patient_ids[order],
        targets=validation.targets[order],
        scores=validation.scores[order],
    )
    np.testing.assert_array_equal(
        ThresholdRefit("max_f1", REPLICATES, 4).thresholds([moved], 3, dataset="nih")[0], found
    )
    fewer = ThresholdRefit("max_f1", 5, 4).thresholds([validation], 3, dataset="nih")[0]
    np.testing.assert_array_equal(fewer, found[:, :5])
    assert (ThresholdRefit("max_f1", 5, 5).thresholds([validation], 3, dataset="nih")[0] != fewer).any()
    assert (ThresholdRefit("max_f1", 5, 4).thresholds([validation], 3, dataset="mimic")[0] != fewer).any()


def test_validation_and_test_patients_are_drawn_independently():
    correlation = np.corrcoef(draws("test").ravel(), draws("validation").ravel())[0, 1]
    assert abs(correlation) < 4 / np.sqrt(draws("test").size)


def test_calls_are_at_the_threshold_of_the_replicate():
    test, rng = predictions(2, masked=False), np.random.default_rng(3)
    assert test.patient_ids is not None
    truth, scores = test.targets[:, 0] == 1, np.array([test.scores[:, 0], test.scores[:, 1]])
    thresholds = rng.choice(scores.ravel(), size=(2, REPLICATES))
    thresholds[:, :3] = (np.nan, scores.max() + 1, scores.min() - 1)
    found = resample_calls(truth, test.patient_ids.astype(int), N_PATIENTS, scores, thresholds, seed=4, dataset="nih")
    weight = draws("test")[test.patient_ids.astype(int)]
    for run in range(2):
        called = scores[run][:, None] >= thresholds[run]
        expected = [
            (weight * mask).sum(axis=0)
            for mask in (np.ones_like(called), truth[:, None], called, called & truth[:, None])
        ]
        expected = np.array(expected, dtype=np.float64)
        expected[2:, 0] = np.nan
        np.testing.assert_array_equal(found[run], expected)


def refitted(**fields) -> tuple[TestSet, list[Predictions]]:
    """Two runs of one test set, and their validation predictions."""
    first, second = predictions(5, ties=False), predictions(6, ties=False)
    validations = [predictions(7), replace(predictions(7), scores=predictions(8).scores)]
    assert first.patient_ids is not None
    refit = ThresholdRefit("max_f1", REPLICATES, 4)
    return TestSet(
        "nih",
        first,
        first.patient_ids.astype(int),
        N_PATIENTS,
        ("run-s0", "run-s1"),
        np.array([first.scores.T, second.scores.T]).transpose(1, 0, 2),
        tuple(tuple(choose(validation, LABELS)) for validation in validations),
        refit.thresholds(validations, 3, dataset="nih"),
    ), validations


@pytest.mark.parametrize("group", [False, True])
def test_labels_and_averages_in_each_replicate_as_scikit_learn(group):
    test, validations = refitted()
    among = np.arange(90) % 2 == 0 if group else np.ones(90, dtype=bool)
    asked = MeasurementOptions(("f1", "sensitivity", "auc"), REPLICATES, 4, "nih")
    averages = ("macro", "weighted", "micro")
    found = {(one.metric, one.label): one for one in measure(test, asked, averages=averages, images=among)}
    on_test, on_validation = draws("test"), draws("validation")
    defined = 0
    for replicate in range(12):
        for run, validation in enumerate(validations):
            chosen = [one.value for one in choose(copied(validation, on_validation[:, replicate]), LABELS)]
            weight = on_test[test.patient, replicate] * among
            of_labels, positives, pooled = [], [], []
            for k, label in enumerate(LABELS):
                truth = test.predictions.targets[:, k]
                rows = np.repeat(np.arange(90), weight * ~np.isnan(truth))
                value = found["f1", label].replicates[run, replicate]
                if chosen[k] is None or not truth[rows].any():
                    assert np.isnan(value)
                    continue
                called = test.scores[k, run, rows] >= chosen[k]
                of_labels.append(f1_score(truth[rows], called))
                positives.append(truth[rows].sum())
                pooled.append((truth[rows], called))
                assert value == pytest.approx(of_labels[-1], abs=1e-12)
                assert found["sensitivity", label].replicates[run, replicate] == pytest.approx(
                    recall_score(truth[rows], called), abs=1e-12
                )
            if len(of_labels) == 3:
                defined += 1
                micro = f1_score(*(np.concatenate(part) for part in zip(*pooled, strict=True)))
                expected = np.mean(of_labels), np.average(of_labels, weights=positives), micro
                for label, value in zip(averages, expected, strict=True):
                    assert found["f1", label].replicates[run, replicate] == pytest.approx(value, abs=1e-12)
    assert defined > 4


def test_the_covariance_is_the_joint_bootstraps_and_of_other_metrics_the_jackknifes():
    test, _ = refitted()
    asked = MeasurementOptions(("f1", "auc"), REPLICATES, 4, "nih")
    found = {(one.metric, one.label): one for one in measure(test, asked, keep_patients=True)}
    fixed = {(one.metric, one.label): one for one in measure(replace(test, refitted=None), asked, keep_patients=True)}
    f1, auc = found["f1", "A"], found["auc", "A"]
    np.testing.assert_allclose(f1.covariance, np.cov(f1.replicates), rtol=1e-9)
    assert not f1.has_jackknife
    assert f1.without_patient is None
    np.testing.assert_array_equal(f1.values, fixed["f1", "A"].values)
    np.testing.assert_array_equal(auc.covariance, fixed["auc", "A"].covariance)
    np.testing.assert_array_equal(auc.replicates, fixed["auc", "A"].replicates)
    assert auc.has_jackknife


REFIT = 'thresholds = "refit"'


def test_a_study_can_ask_for_it(two_arms, study):
    fixed, refit = evaluate(two_arms), evaluate(two_arms, study=study(REFIT))
    assert (fixed.settings.thresholds, refit.settings.thresholds) == ("fixed", "refit")
    assert refit.thresholds == fixed.thresholds
    changed = set()
    for a, b in zip(fixed.estimates, refit.estimates, strict=True):
        assert a.value == b.value
        if a != b:
            changed.add((a.metric, a.interval))
    assert changed == {("f1", "patients:bootstrap-percentile"), ("f1", "seeds+patients:or")}
    wider = [
        [
            (row.high or 0) - (row.low or 0)
            for row in result.estimates
            if (row.metric, row.label, row.interval) == ("f1", "macro", "patients:bootstrap-percentile")
        ]
        for result in (fixed, refit)
    ]
    assert (np.array(wider[1]) > np.array(wider[0])).all()


def test_another_arm_changes_nothing(two_arms, write_run, study):
    before = evaluate(two_arms, study=study(REFIT)).estimates
    write_run("last34", 0, unfrozen="last34")
    after = [row for row in evaluate(two_arms, study=study(REFIT)).estimates if row.arm in ("at", "tl")]
    assert before == after


def test_no_validation_predictions_no_threshold(two_arms, write_run, study):
    write_run("last34", 0, unfrozen="last34", validation=False)
    result = evaluate(two_arms, study=study(REFIT))
    rows = [row for row in result.estimates if (row.arm, row.metric) == ("last34", "f1")]
    assert rows
    assert all(row.value is row.low is None for row in rows)
    assert "no validation predictions" in str(rows[0].undefined_because)
    assert all(row.value is not None for row in result.estimates if row.arm == "at" and row.metric == "f1")


def test_no_replicates_no_patient_variance(two_arms, study):
    result = evaluate(two_arms, study=study(REFIT), replicates=0)
    rows = [row for row in result.estimates if (row.metric, row.interval) == ("f1", "seeds+patients:or")]
    assert {row.low for row in rows} == {None}
    assert "its covariance is the bootstrap's" in str(rows[0].undefined_because)


def test_what_it_does_not_reach_is_told(write_run, runs, study):
    for seed in range(2):
        write_run("tl", seed, task="multiclass")
        write_run("at", seed, task="multiclass", method="attention_transfer")
    result = evaluate(runs, study=study(REFIT), add=["mcnemar"])
    assert "phantom-chest: thresholds = 'refit' changes nothing: its classes are called by arg max" in (
        result.settings.notes
    )
    assert "McNemar's test holds the thresholds fixed, though thresholds = 'refit'" in result.settings.notes
    assert result.estimates == evaluate(runs, add=["mcnemar"]).estimates


def test_a_fixed_threshold_cannot_be_chosen_again(two_arms, study):
    with pytest.raises(InputError, match=r"\[analysis\]: thresholds = 'refit' .* expected max_f1, youden or sens"):
        evaluate(two_arms, study=study(REFIT + '\nthreshold_rule = "fixed=0.5"'))


def changed_validation(runs, run_id, change) -> None:
    path = runs / run_id / "predictions-validation.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    manifest = runs / run_id / "run.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"predictions_validation": None}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.iloc[2:], "runs at-s0 and tl-s1 have different validation images or patients"),
        (lambda frame: frame.assign(patient_id="x"), "have different validation images or patients"),
        (lambda frame: frame.drop(columns="patient_id"), "no column 'patient_id'; images of one patient are not"),
    ],
)
def test_runs_share_their_validation_patients(two_arms, study, change, message):
    changed_validation(two_arms, "tl-s1", change)
    with pytest.raises(InputError, match=message):
        evaluate(two_arms, study=study(REFIT))
    assert evaluate(two_arms).estimates  # held fixed, thresholds need no patients
