"""Strata of patients: which patients are drawn together, and what the draws preserve."""

from __future__ import annotations

import numpy as np
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.metrics.ranking import rank
from medkt_eval.metrics.sums import calls
from medkt_eval.predictions.format import Predictions, Task
from medkt_eval.resampling.bootstrap import resample_ranked, resample_sums
from medkt_eval.resampling.draws import multiplicities
from medkt_eval.resampling.strata import FEWEST, Strata, patient_strata
from medkt_eval.study.requests import request

DRAWS = {"dataset": "nih", "seed": 3}


def strata_of(targets, patient=None, task: Task = "multilabel") -> list[int]:
    targets = np.asarray(targets)
    patient = np.arange(len(targets)) if patient is None else np.asarray(patient)
    labels = ("A", "B", "C")[: targets.shape[1] if task == "multilabel" else 3]
    ids = np.arange(len(targets)).astype(str).astype(object)
    predictions = Predictions(task, labels, ids, None, targets, np.zeros((len(targets), len(labels))))
    return patient_strata(predictions, patient, int(patient.max()) + 1).of_patient.tolist()


def test_one_label_has_patients_with_it_and_without():
    targets = np.array([[0.0], [1.0], [np.nan], [0.0]] * 6)
    patient = np.repeat(np.arange(12), 2)  # images of patient 0: 0, 1; of patient 1: not labelled, 0
    assert strata_of(targets, patient) == [1, 0] * 6


def test_of_several_labels_the_rarest_decides():
    # A: 6 patients; B: 11, of whom 5 have A too; C: 22, among them all of these.
    targets = [[1, 1, 1]] * 5 + [[1, 0, 1]] + [[0, 1, 1]] * 6 + [[0, 0, 1]] * 10 + [[0, 0, 0]] * 8
    assert strata_of(targets) == [1] * 6 + [2] * 6 + [3] * 10 + [0] * 8


def test_equally_rare_labels_in_their_order():
    assert strata_of([[1, 1]] * 5 + [[1, 0]] * 5 + [[0, 1]] * 5 + [[0, 0]] * 5) == [1] * 10 + [2] * 5 + [0] * 5


def test_a_label_of_too_few_patients_makes_no_stratum():
    assert FEWEST == 5
    assert strata_of([[1, 1]] * 2 + [[1, 0]] * 2 + [[0, 1]] * 9 + [[0, 0]] * 6) == [1] * 2 + [0] * 2 + [1] * 9 + [0] * 6


def test_the_few_that_are_left_join_the_commonest_label():
    assert strata_of([[1, 0]] * 5 + [[0, 1]] * 9 + [[0, 0]] * 4) == [0] * 5 + [1] * 13
    assert strata_of([[1]] * 3 + [[0]]) == [0] * 4  # none is large enough


def test_classes():
    assert strata_of([0] * 5 + [1] * 6 + [2] * 7, task="multiclass") == [0] * 5 + [1] * 6 + [2] * 7
    mixed = strata_of([0, 2] * 5 + [2] * 7, np.r_[np.repeat(np.arange(5), 2), np.arange(5, 12)], "multiclass")
    assert mixed == [0] * 5 + [1] * 7


def test_each_stratum_gives_as_many_as_it_has_and_each_patient_alike():
    strata = Strata(np.random.default_rng(0).choice(3, 200, p=(0.6, 0.3, 0.1)))
    drawn = np.concatenate(
        [multiplicities(200, **DRAWS, block=block, strata=strata) for block in range(100)], axis=1
    ).astype(int)
    sizes = np.bincount(strata.of_patient)
    for k, size in enumerate(sizes):
        inside = drawn[strata.of_patient == k]
        assert (inside.sum(axis=0) == size).all()
        assert inside.var() == pytest.approx(1 - 1 / size, rel=0.05)
        assert np.abs(inside.mean(axis=1) - 1).max() < 4.5 / np.sqrt(drawn.shape[1])


def test_one_stratum_is_plain_resampling():
    whole = multiplicities(101, **DRAWS, block=2, strata=Strata(np.zeros(101, dtype=np.int64)))
    np.testing.assert_array_equal(whole, multiplicities(101, **DRAWS, block=2))


def test_ranks_and_sums_have_the_same_draws():
    rng = np.random.default_rng(1)
    truth, patient = np.arange(120) % 20 == 0, np.arange(120) // 2
    scores = truth + rng.normal(size=120)
    strata = Strata((np.bincount(patient, truth) > 0).astype(np.int64))
    given = {"replicates": 100, **DRAWS, "strata": strata}
    auc = resample_ranked([rank(truth, scores, patient, 60)], threads=2, **given).auc[0]
    counts = resample_sums([calls(truth, scores > 1, patient, 60).cells()], **given)[0]
    drawn = np.concatenate([multiplicities(60, **DRAWS, block=b, strata=strata) for b in (0, 1)], axis=1)[:, :100]
    for replicate in range(20):
        weight = drawn[patient, replicate].astype(int)
        positive, negative = np.repeat(scores[truth], weight[truth]), np.repeat(scores[~truth], weight[~truth])
        assert auc[replicate] == pytest.approx((positive[:, None] > negative).mean(), abs=1e-12)
    np.testing.assert_array_equal(counts[1], np.full(100, truth.sum()))  # one positive image in each such patient


def test_no_replicate_loses_a_label_that_has_a_stratum():
    rng = np.random.default_rng(2)
    truth = np.arange(300) < FEWEST
    ranking = rank(truth, rng.normal(size=300), np.arange(300), 300)
    lost = [
        np.isnan(resample_ranked([ranking], replicates=4000, **DRAWS, strata=strata).auc).sum()
        for strata in (None, Strata(truth.astype(np.int64)))
    ]
    assert lost[0] == pytest.approx(4000 * np.exp(-FEWEST), abs=25)  # 27
    assert lost[1] == 0


def test_a_study_can_ask_for_it(two_arms, study):
    plain, stratified = evaluate(two_arms), evaluate(two_arms, study=study('resample = "stratified"'))
    assert (plain.settings.resample, stratified.settings.resample) == ("patients", "stratified")
    changed = set()
    for a, b in zip(plain.estimates, stratified.estimates, strict=True):
        assert a.value == b.value
        if a != b:
            changed.add(a.interval)
    assert changed == {"patients:bootstrap-percentile"}  # the analysis by jackknife is the same


def test_another_arm_changes_no_stratified_replicate(two_arms, write_run, study):
    asked = study('resample = "stratified"')
    before = evaluate(two_arms, study=asked).estimates
    write_run("last34", 0, unfrozen="last34")
    after = [row for row in evaluate(two_arms, study=asked).estimates if row.arm in ("at", "tl")]
    assert before == after


def test_its_standard_errors_are_not_those_of_the_studentised_bootstrap():
    with pytest.raises(InputError, match="resample = 'stratified'; leave out one of the two"):
        request(["patients:bootstrap-studentized"], seeds="nested", ordered=False, resample="stratified")
