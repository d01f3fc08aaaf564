"""Labels and averages of every metric, against scikit-learn and against measuring the remaining or drawn images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from medkt_eval.inference.obuchowski_rockette import patient_covariance
from medkt_eval.inference.over_patients.delong import influence_covariance
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.thresholds import ChosenThreshold
from medkt_eval.predictions.format import Predictions, Task
from medkt_eval.resampling.draws import multiplicities
from medkt_eval.results.vocabulary import DEFAULT_METRICS, METRICS, MORE_METRICS

EXACT = {"rtol": 0, "atol": 1e-12}
EVERY = (*DEFAULT_METRICS, *MORE_METRICS)
AVERAGES = ("macro", "weighted", "micro", "macro_ovo")
LABELS = ("A", "B", "C")


def made(task: Task = "multilabel", *, n=80, n_patients=24, n_runs=2, masked=True, seed=0) -> TestSet:
    """Tied scores. Of several findings, only two patients have the last one, and some images are not labelled."""
    rng = np.random.default_rng(seed)
    patient = np.sort(np.concatenate([np.arange(n_patients), rng.integers(0, n_patients, n - n_patients)]))
    if task == "multilabel":
        targets = (rng.random((n, 3)) < (0.5, 0.3, 0.0)).astype(np.float64)
        targets[np.isin(patient, (3, 11)), 2] = 1
        scores = np.clip(0.3 + 0.25 * targets.T[:, None] + 0.2 * rng.normal(size=(3, n_runs, n)), 0, 1).round(2)
        if masked:
            targets[rng.random((n, 3)) < (0.1, 0.3, 0.0)] = np.nan
    else:
        targets = rng.choice(3, n, p=(0.5, 0.4, 0.1))
        parts = (rng.integers(1, 12, size=(n_runs, n, 3)) + 8 * np.eye(3, dtype=int)[targets]).astype(np.float64)
        scores = (parts / parts.sum(axis=2, keepdims=True)).transpose(2, 0, 1)
    ids = np.array([f"i{k:03d}" for k in range(n)], dtype=object)
    first = Predictions(task, LABELS, ids, patient.astype(str).astype(object), targets, scores[:, 0].T)
    chosen = tuple(ChosenThreshold(label, "fixed", value) for label, value in zip(LABELS, (0.5, 0.4, 0.6), strict=True))
    return TestSet(
        "nih",
        first,
        patient,
        n_patients,
        tuple(f"run-s{j}" for j in range(n_runs)),
        scores,
        (chosen,) * n_runs if task == "multilabel" else (),
    )


def taken(test: TestSet, rows: np.ndarray) -> TestSet:
    """The test set of these images, with possible repeats."""
    ids = np.array([f"i{k:03d}" for k in range(len(rows))], dtype=object)
    first = replace(test.predictions, image_ids=ids, targets=test.predictions.targets[rows])
    return replace(test, predictions=first, patient=test.patient[rows], scores=test.scores[:, :, rows])


def with_threshold(test: TestSet, run: int, label: int, value: float | None, because: str | None) -> TestSet:
    chosen = [list(of_run) for of_run in test.thresholds]
    chosen[run][label] = ChosenThreshold(LABELS[label], "max_f1", value, because)
    return replace(test, thresholds=tuple(tuple(of_run) for of_run in chosen))


def measured(test: TestSet, *names: str, replicates=0, **how) -> dict[tuple[str, str], MetricOfRuns]:
    asked = MeasurementOptions(names or EVERY, replicates, 4, test.dataset, 0.8)
    how = {"averages": AVERAGES, "keep_patients": True} | how
    found = list(measure(test, asked, **how))
    by_name = {(one.metric, one.label): one for one in found}
    assert len(by_name) == len(found)
    return by_name


def assert_values(found, metric: str, expected: dict[str, list[float]]) -> None:
    for label, values in expected.items():
        np.testing.assert_allclose(found[metric, label].values, values, **EXACT, err_msg=f"{metric} {label}")


def test_averages_over_findings_as_scikit_learn():
    test = made(masked=False)
    found, truth = measured(test), test.predictions.targets.astype(int)
    scores = [test.scores[:, j].T for j in range(2)]
    called = [run >= (0.5, 0.4, 0.6) for run in scores]
    for metric, oracle, of in (
        ("auc", metrics.roc_auc_score, scores),
        ("average_precision", metrics.average_precision_score, scores),
        ("f1", metrics.f1_score, called),
        ("sensitivity", metrics.recall_score, called),
    ):
        assert_values(
            found,
            metric,
            {
                average: [oracle(truth, run, average=average) for run in of]
                for average in ("macro", "weighted", "micro")
            },
        )
    assert_values(
        found,
        "accuracy",
        {"micro": [np.mean(run == truth) for run in called], "A": [np.mean((run == truth)[:, 0]) for run in called]},
    )


def test_averages_over_labelled_images_alone():
    test = made()
    found, targets = measured(test), test.predictions.targets
    kept, positives = ~np.isnan(targets), np.nansum(targets, axis=0)
    assert 0 < kept.mean() < 1
    for j, run in enumerate(test.scores.transpose(1, 2, 0)):
        of_labels = [metrics.roc_auc_score(targets[mask, k], run[mask, k]) for k, mask in enumerate(kept.T)]
        assert_run = {
            "macro": np.mean(of_labels),
            "weighted": np.average(of_labels, weights=positives),
            "micro": metrics.roc_auc_score(targets[kept], run[kept]),
        }
        for label, value in (assert_run | dict(zip(LABELS, of_labels, strict=True))).items():
            assert found["auc", label].values[j] == pytest.approx(value, rel=0, abs=1e-12)
    assert found["auc", "B"].n_images == kept[:, 1].sum()
    assert found["auc", "B"].n_positive == positives[1]
    assert (found["auc", "macro"].n_images, found["auc", "micro"].n_images) == (80, kept.sum())


def test_averages_over_classes_as_scikit_learn():
    test = made("multiclass")
    found, truth = measured(test), test.predictions.targets
    runs = test.scores.transpose(1, 2, 0)
    called, one_hot = runs.argmax(axis=2), np.eye(3, dtype=int)[truth]

    def auc(**how) -> list[float]:
        return [metrics.roc_auc_score(truth, run, **how) for run in runs]

    assert_values(
        found,
        "auc",
        {
            **{average: auc(multi_class="ovr", average=average) for average in ("macro", "weighted", "micro")},
            "macro_ovo": auc(multi_class="ovo", average="macro"),
            "B": [metrics.roc_auc_score(truth == 1, run[:, 1]) for run in runs],
        },
    )
    for average in ("macro", "weighted", "micro"):
        assert_values(found, "f1", {average: [metrics.f1_score(truth, run, average=average) for run in called]})
        assert_values(
            found,
            "average_precision",
            {average: [metrics.average_precision_score(one_hot, run, average=average) for run in runs]},
        )
    accuracy = [metrics.accuracy_score(truth, run) for run in called]
    assert_values(found, "accuracy", {"micro": accuracy})
    assert_values(found, "f1", {"micro": accuracy})
    assert_values(found, "balanced_accuracy", {"micro": [metrics.balanced_accuracy_score(truth, c) for c in called]})
    kappa = [metrics.cohen_kappa_score(truth, run, weights="quadratic") for run in called]
    assert_values(found, "kappa_quadratic", {"micro": kappa})
    assert [label for metric, label in found if metric == "kappa_quadratic"] == ["micro"]


def test_accuracy_over_all_classes_is_there_without_micro_averages():
    found = measured(made("multiclass"), "auc", "accuracy", averages=("macro",))
    assert [key for key in found if key[1] not in LABELS] == [
        ("auc", "macro"),
        ("accuracy", "macro"),
        ("accuracy", "micro"),
    ]


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_without_each_patient_as_on_the_images_that_are_left(task):
    test = made(task)
    found = measured(test)
    left = [measured(taken(test, np.flatnonzero(test.patient != i))) for i in range(test.n_patients)]
    for key, one in found.items():
        if key[0] == "sensitivity_at_specificity":
            assert one.without_patient is None
            continue
        assert one.without_patient is not None
        expected = np.transpose([other[key].values for other in left])
        np.testing.assert_allclose(one.without_patient, expected, **EXACT, err_msg=str(key))
        counted = one.without_patient.compress(one.patients, axis=1)  # a patient may have no target of a label
        np.testing.assert_array_equal(one.covariance, patient_covariance(counted))


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_replicates_as_on_the_images_that_are_drawn(task):
    test = made(task)
    found = measured(test, replicates=30)
    drawn = multiplicities(test.n_patients, dataset="nih", seed=4, block=0)[test.patient, :30]
    again = [measured(taken(test, np.repeat(np.arange(test.n_images), times))) for times in drawn.T]
    lost = (drawn[np.isin(test.patient, (3, 11))] == 0).all(axis=0)  # the label of two patients, from some replicates
    for key, one in found.items():
        expected = np.transpose([other[key].values for other in again])
        if task == "multilabel" and key[1] == "weighted":  # the average over the other labels is another quantity
            expected[np.isnan(found[key[0], "C"].replicates)] = np.nan
        if METRICS[key[0]].is_resampled:
            np.testing.assert_allclose(one.replicates, expected, **EXACT, err_msg=str(key))
        else:
            assert one.replicates.shape == (len(test.runs), 0)
    if task == "multilabel":
        assert lost.any()
        for label, absent in (("C", lost), ("macro", lost), ("weighted", lost), ("micro", 0 * lost)):
            assert (np.isnan(found["auc", label].replicates) == absent).all()


def test_covariances():
    test = made(n=400, n_patients=150)
    test.predictions.targets[::4, 2] = 1
    found = measured(test, replicates=400)
    for label in ("A", "macro", "weighted", "micro"):
        auc = found["auc", label]
        assert auc.delong is not None
        np.testing.assert_allclose(auc.delong, auc.covariance, rtol=0.1, atol=1e-5)
    assert found["f1", "A"].delong is None
    one = found["sensitivity_at_specificity", "A"]
    np.testing.assert_allclose(one.covariance, np.cov(one.replicates), rtol=1e-12)
    assert np.isnan(measured(test)["sensitivity_at_specificity", "A"].covariance).all()  # no replicates
    rare = measured(made(), replicates=64)["sensitivity_at_specificity", "C"]
    assert np.isnan(rare.replicates).any(axis=0).mean() > 0.01
    assert np.isnan(rare.covariance).all()


def test_values_without_each_patient_are_kept_where_asked_for():
    assert all(one.without_patient is None for one in measured(made(), keep_patients=False).values())


def test_some_runs_alone_have_the_same_bits():
    test = made(n_runs=7)
    found = measured(test, replicates=70)
    some = np.array([4, 1])
    fewer = replace(test, scores=test.scores[:, some], runs=("run-s4", "run-s1"), thresholds=test.thresholds[:2])
    alone = measured(fewer, replicates=70)
    for key, one in alone.items():
        part = found[key].of_runs(some)
        assert (one.runs, one.because, one.df_patients) == (part.runs, part.because, part.df_patients)
        for name in ("values", "covariance", "delong", "replicates", "without_patient"):
            a, b = getattr(one, name), getattr(part, name)
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_array_equal(a, b, err_msg=f"{key} {name}")


def no_positive(test: TestSet, label: int) -> TestSet:
    targets = test.predictions.targets.copy()
    targets[:, label] = 0
    return replace(test, predictions=replace(test.predictions, targets=targets))


def test_a_label_without_positives_makes_the_macro_average_null_and_leaves_the_weighted_one():
    test = no_positive(made(), 2)
    for metric in ("auc", "average_precision", "f1", "sensitivity"):
        found = measured(test, metric)
        a, b, c, macro, weighted = (found[metric, label] for label in (*LABELS, "macro", "weighted"))
        assert set(c.because) == {"no positive image among 80"}
        assert set(macro.because) == {f"no {metric} for C; the average over the other labels is another quantity"}
        assert np.isnan(macro.values).all()
        assert macro.without_patient is not None
        assert np.isnan(macro.without_patient).all()
        expected = np.average([a.values, b.values], axis=0, weights=np.nansum(test.predictions.targets, axis=0)[:2])
        np.testing.assert_allclose(weighted.values, expected, **EXACT)
        assert weighted.undefined_because is None
        defined = measured(test, metric, labels_defined="defined")
        np.testing.assert_allclose(defined[metric, "macro"].values, (a.values + b.values) / 2, **EXACT)
        np.testing.assert_array_equal(defined[metric, "weighted"].values, weighted.values)
        np.testing.assert_array_equal(defined[metric, "weighted"].covariance, weighted.covariance)
    both = measured(test, "brier")  # it needs no positive
    expected = np.mean([both["brier", label].values for label in LABELS], axis=0)
    np.testing.assert_allclose(both["brier", "macro"].values, expected, **EXACT)


def test_an_average_over_the_labels_that_are_defined_has_their_covariances():
    test = no_positive(made(), 2)
    found = measured(test, "auc", labels_defined="defined")["auc", "macro"]
    fewer = replace(test.predictions, labels=("A", "B"), targets=test.predictions.targets[:, :2])
    alone = measured(replace(test, predictions=fewer, scores=test.scores[:2]), "auc")["auc", "macro"]
    np.testing.assert_allclose(found.covariance, alone.covariance, rtol=1e-12)
    assert found.delong is not None
    assert alone.delong is not None
    np.testing.assert_allclose(found.delong, alone.delong, rtol=1e-12)


def test_a_finding_of_one_patient_has_no_covariance():
    targets = made().predictions.targets.copy()
    targets[:, 2] = made().patient == 5
    test = replace(made(), predictions=replace(made().predictions, targets=targets))
    for label in ("C", "macro"):
        one = measured(test, "auc")["auc", label]
        assert not np.isnan(one.values).any()
        assert np.isnan(one.covariance).all()
        assert one.delong is not None
        assert np.isnan(one.delong).all()


@pytest.mark.parametrize("labels_defined", ["all", "defined"])
def test_no_label_with_a_positive_is_null_with_the_reason_and_without_warnings(labels_defined):
    test = no_positive(no_positive(no_positive(made(), 0), 1), 2)
    found = measured(test, "auc", "f1", labels_defined=labels_defined, replicates=10)
    for metric in ("auc", "f1"):
        for label in ("macro", "weighted"):
            one = found[metric, label]
            assert np.isnan(one.values).all()
            assert one.undefined_because is not None
            reason = {"defined": f"no label has {metric}", "all": "no image is positive for any label"}[labels_defined]
            if label == "weighted":
                assert one.because == (reason, reason)


def test_a_run_without_a_threshold_is_null_and_other_runs_keep_their_averages():
    whole = made(n_runs=3)
    test = with_threshold(whole, 1, 0, None, "no positive image among 9")
    for labels_defined in ("all", "defined"):
        before = measured(whole, "f1", replicates=20, labels_defined=labels_defined)
        after = measured(test, "f1", replicates=20, labels_defined=labels_defined)
        assert after["f1", "A"].because == (None, "no positive image among 9", None)
        for label in ("macro", "weighted"):
            one = after["f1", label]
            assert one.because[1] == "no f1 for A; the average over the other labels is another quantity"
            assert np.isnan(one.values[1])
            assert one.undefined_because == f"run-s1: {one.because[1]}"
            others = np.array([0, 2])
            np.testing.assert_array_equal(one.of_runs(others).values, before["f1", label].of_runs(others).values)
            np.testing.assert_array_equal(
                one.of_runs(others).replicates, before["f1", label].of_runs(others).replicates
            )
        assert after["f1", "micro"].because == (None, "no positive image among 9", None)


def test_a_label_that_no_run_has_a_threshold_for_can_be_left_out():
    test = made()
    for run in range(2):
        test = with_threshold(test, run, 0, None, "no positive image among 9")
    found = measured(test, "f1", labels_defined="defined")
    expected = (found["f1", "B"].values + found["f1", "C"].values) / 2
    np.testing.assert_allclose(found["f1", "macro"].values, expected, **EXACT)


def test_one_versus_one_needs_every_class():
    test = made("multiclass")
    kept = np.flatnonzero(test.predictions.targets != 2)
    one = measured(taken(test, kept), "auc")["auc", "macro_ovo"]
    assert np.isnan(one.values).all()
    assert one.undefined_because == (
        "run-s0: no auc for A against C, B against C, C against A, C against B; the average over the other labels is "
        "another quantity"
    )


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_some_images_alone_as_a_test_set_of_these(task):
    test = made(task)
    mask = test.patient < 15
    mask[::3] = False
    part, alone = measured(test, images=mask, replicates=20), measured(taken(test, np.flatnonzero(mask)), replicates=20)
    patients = len(set(test.patient[mask]))
    for key, one in part.items():
        np.testing.assert_array_equal(one.values, alone[key].values)
        np.testing.assert_array_equal(one.replicates, alone[key].replicates)
        np.testing.assert_array_equal(one.covariance, alone[key].covariance)
        assert one.n_images == alone[key].n_images
        if key[1] in ("macro", "weighted", "micro"):
            assert one.df_patients == patients - 1 < test.n_patients - 1


def test_delong_of_averages_is_the_covariance_of_influences_that_sum_to_nothing():
    """By definition: the derivative of the average by a patient's weight, here as a difference quotient."""
    test = made(n_patients=12, masked=False)
    found = measured(test, "auc")

    def average(label: str, weight: np.ndarray, run: int) -> float:
        truth = test.predictions.targets
        aucs = [metrics.roc_auc_score(truth[:, k], test.scores[k, run], sample_weight=weight) for k in range(3)]
        return float(np.average(aucs, weights=weight @ truth if label == "weighted" else None))

    for label in ("macro", "weighted"):
        steps = [1 + 1e-5 * np.array([1, -1])[:, None] * (test.patient == i) for i in range(12)]
        influences = [
            [(average(label, up, run) - average(label, down, run)) / 2e-5 for up, down in steps] for run in range(2)
        ]
        delong = found["auc", label].delong
        assert delong is not None
        np.testing.assert_allclose(delong, influence_covariance(np.array(influences)), rtol=1e-5)
