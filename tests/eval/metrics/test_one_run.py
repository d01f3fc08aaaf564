"""Metrics of one run, against scikit-learn. An undefined metric is None with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.metrics import f1_score, roc_auc_score

from medkt_eval.errors import InputError
from medkt_eval.measurement.label_metric import Images, MeasurementOptions
from medkt_eval.measurement.one_label import measure_label
from medkt_eval.metrics.one_run import MetricValue, averages, multiclass_metrics, multilabel_metrics

LABELS = ("A", "B", "C")
EXACT = {"rel": 0, "abs": 1e-12}


def by_name(values):
    found = {(value.metric, value.label): value for value in values}
    assert len(found) == len(values)
    return found


def multilabel(targets, scores, thresholds=None, labels=None):
    labels = labels or LABELS[: targets.shape[1]]
    thresholds = thresholds or [0.5] * len(labels)
    because = [None if threshold is not None else "because" for threshold in thresholds]
    return by_name(multilabel_metrics(labels, np.asarray(targets, float), scores, thresholds, because))


def drawn(seed, ties, dtype, n=60):
    rng = np.random.default_rng(seed)
    targets = rng.random((n, 3)) < [0.1, 0.4, 0.7]
    scores = 0.3 * targets + rng.random((n, 3))
    if ties:
        scores = np.round(scores * 4) / 4
    return targets, scores.astype(dtype)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("score_dtype", ["float32", "float64"])
@pytest.mark.parametrize("target_dtype", ["uint8", "bool", "int64", "float64"])
@pytest.mark.parametrize("seed", range(3))
def test_multilabel_against_scikit_learn(seed, ties, score_dtype, target_dtype):
    targets, scores = drawn(seed, ties, score_dtype)
    thresholds = [0.75, 0.5, 0.25]
    found = multilabel(targets.astype(target_dtype), scores, thresholds)
    truth, called = targets.astype(int), (scores >= thresholds).astype(int)
    for average in ("macro", "weighted"):
        assert found["auc", average].value == pytest.approx(roc_auc_score(truth, scores, average=average), **EXACT)
        assert found["f1", average].value == pytest.approx(f1_score(truth, called, average=average), **EXACT)
        assert (found["auc", average].n_images, found["auc", average].n_positive) == (60, None)
    for k, label in enumerate(LABELS):
        assert found["auc", label].value == pytest.approx(roc_auc_score(truth[:, k], scores[:, k]), **EXACT)
        assert found["f1", label].value == pytest.approx(f1_score(truth[:, k], called[:, k]), **EXACT)
        assert found["auc", label].n_positive == found["f1", label].n_positive == truth[:, k].sum()


@pytest.mark.parametrize("seed", range(3))
def test_masked_targets_leave_their_images_out_for_that_label_alone(seed):
    targets, scores = drawn(seed, ties=True, dtype="float32")
    masked = targets.astype(float)
    masked[np.random.default_rng(seed + 10).random(masked.shape) < 0.3] = np.nan
    found = multilabel(masked, scores)
    aucs, f1s, positives = [], [], []
    for k, label in enumerate(LABELS):
        kept = ~np.isnan(masked[:, k])
        truth, score = targets[kept, k], scores[kept, k]
        aucs.append(roc_auc_score(truth, score))
        f1s.append(f1_score(truth, score >= 0.5))
        positives.append(truth.sum())
        assert found["auc", label].value == pytest.approx(aucs[-1], **EXACT)
        assert found["f1", label].value == pytest.approx(f1s[-1], **EXACT)
        assert found["auc", label].n_images == found["f1", label].n_images == kept.sum()
    assert found["auc", "macro"].value == pytest.approx(np.mean(aucs), **EXACT)
    assert found["f1", "weighted"].value == pytest.approx(np.average(f1s, weights=positives), **EXACT)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(4))
def test_multiclass_against_scikit_learn(seed, dtype):
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, p=[0.1, 0.2, 0.3, 0.4], size=80)
    logits = np.eye(4)[truth] + np.round(rng.normal(size=(80, 4)))  # rounded: ties
    scores = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(dtype)
    found = by_name(multiclass_metrics("abcd", truth, scores))
    called = scores.argmax(axis=1)
    for average in ("macro", "weighted"):
        auc = roc_auc_score(truth, scores, multi_class="ovr", average=average)
        assert found["auc", average].value == pytest.approx(auc, **EXACT)
        assert found["f1", average].value == pytest.approx(f1_score(truth, called, average=average), **EXACT)
    for k, f1 in enumerate(f1_score(truth, called, average=None)):
        assert found["f1", "abcd"[k]].value == pytest.approx(f1, **EXACT)
        assert found["auc", "abcd"[k]].value == pytest.approx(roc_auc_score(truth == k, scores[:, k]), **EXACT)


def test_label_without_positives():
    targets, scores = drawn(0, ties=False, dtype="float64")
    targets[:, 1] = False
    found = multilabel(targets, scores)
    for metric in ("auc", "f1"):
        assert found[metric, "B"].value is None
        assert found[metric, "B"].undefined_because == "no positive image among 60"
        assert found[metric, "macro"].value is None
        assert found[metric, "macro"].undefined_because.startswith(f"no {metric} for B;")
        a, c = found[metric, "A"], found[metric, "C"]  # B's weight is 0
        expected = (a.value * a.n_positive + c.value * c.n_positive) / (a.n_positive + c.n_positive)
        assert found[metric, "weighted"].value == pytest.approx(expected, **EXACT)
        assert found[metric, "weighted"].undefined_because is None


def test_label_without_negatives_has_f1_but_no_auc():
    targets, scores = drawn(0, ties=False, dtype="float64")
    targets[:, 2] = True
    found = multilabel(targets, scores)
    assert found["auc", "C"].undefined_because == "no negative image among 60"
    for average in ("macro", "weighted"):
        assert found["auc", average].value is None
        assert found["auc", average].undefined_because.startswith("no auc for C;")
        assert found["f1", average].value == pytest.approx(f1_score(targets, scores >= 0.5, average=average), **EXACT)


def test_every_label_missing_is_named():
    targets, scores = drawn(0, ties=False, dtype="float64")
    targets[:, [0, 2]] = False, True
    found = multilabel(targets, scores)
    assert found["auc", "macro"].undefined_because.startswith("no auc for A, C;")
    assert found["auc", "weighted"].undefined_because.startswith("no auc for C;")


def test_no_positive_anywhere():
    found = multilabel(np.zeros((4, 2)), np.zeros((4, 2)))
    assert found["auc", "weighted"].value is None
    assert found["auc", "weighted"].undefined_because == "no image is positive for any label"


def test_label_that_no_image_has_a_target_for():
    targets, scores = drawn(0, ties=False, dtype="float64")
    masked = targets.astype(float)
    masked[:, 0] = np.nan
    found = multilabel(masked, scores)
    assert (found["auc", "A"].value, found["auc", "A"].n_images, found["auc", "A"].n_positive) == (None, 0, 0)
    assert found["f1", "A"].value is None


def test_no_threshold_no_f1():
    targets, scores = drawn(0, ties=False, dtype="float64")
    found = multilabel(targets, scores, [0.5, None, 0.5])
    assert (found["f1", "B"].value, found["f1", "B"].undefined_because) == (None, "because")
    assert found["f1", "macro"].value is found["f1", "weighted"].value is None
    assert found["f1", "A"].value is not None
    assert found["auc", "macro"].value is not None


def test_nothing_called_is_an_f1_of_zero_which_exists():
    found = multilabel(np.array([[1], [0]]), np.array([[0.1], [0.2]]), [0.9])
    assert (found["f1", "A"].value, found["f1", "A"].undefined_because) == (0.0, None)


def test_threshold_itself_is_called():
    found = multilabel(np.array([[1], [0]]), np.array([[0.5], [0.4]]), [0.5])
    assert found["f1", "A"].value == 1.0


def test_class_absent_from_the_test_images():
    scores = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    found = by_name(multiclass_metrics(LABELS, np.array([0, 1, 1]), scores))
    assert found["auc", "C"].undefined_because == "no positive image among 3"
    assert found["auc", "macro"].value is found["f1", "macro"].value is None
    assert found["auc", "weighted"].value == pytest.approx(1.0, **EXACT)
    assert found["f1", "weighted"].value == pytest.approx((2 / 3 + 2 * 2 / 3) / 3, **EXACT)


def test_averages_by_hand():
    values = [MetricValue("auc", "A", 0.5, 10, 1), MetricValue("auc", "B", 0.9, 10, 3)]
    macro, weighted = averages(values, 10)
    assert macro.value == pytest.approx(0.7, **EXACT)
    assert weighted.value == pytest.approx(0.8, **EXACT)


def test_constant_scores_are_chance():
    assert multilabel(np.array([[1], [0], [0]]), np.full((3, 1), 0.25))["auc", "A"].value == 0.5


@st.composite
def one_label(draw):
    """Targets with both classes, and tied scores whose different values stay different after monotone changes."""
    size = draw(st.integers(2, 30))
    targets = draw(st.lists(st.booleans(), min_size=size, max_size=size).filter(lambda t: 0 < sum(t) < len(t)))
    scores = draw(st.lists(st.integers(-20, 20), min_size=size, max_size=size))
    return np.array(targets)[:, None], np.array(scores, dtype=float)[:, None] / 8


def auc(targets, scores):
    return multilabel(targets, scores)["auc", "A"].value


@settings(max_examples=25)
@given(one_label())
def test_auc_is_the_same_after_any_strictly_monotone_change(case):
    targets, scores = case
    for change in (np.exp, np.arctan, lambda s: 3 * s - 7, lambda s: s**3):
        assert auc(targets, change(scores)) == auc(targets, scores)


@settings(max_examples=40)
@given(one_label())
def test_auc_of_scores_turned_round(case):
    targets, scores = case
    assert auc(targets, -scores) == pytest.approx(1 - auc(targets, scores), **EXACT)


@settings(max_examples=40)
@given(one_label())
def test_auc_counts_pairs(case):
    targets, scores = case
    positive, negative = scores[targets], scores[~targets]
    pairs = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    assert auc(targets, scores) == pytest.approx(pairs.mean(), **EXACT)


OF_CALLS = ("f1", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv")
EVERY = ("auc", "average_precision", "brier", "ece", *OF_CALLS)
THRESHOLDS = np.array([0.35, 0.5, 0.6])


def weighed(targets, scores, weight, names=EVERY):
    found = multilabel_metrics(
        LABELS, targets, scores, THRESHOLDS.tolist(), [None] * 3, metrics=names, sample_weight=weight
    )
    return by_name(found)


def probabilities_of(seed, ties, n=80):
    targets, scores = drawn(seed, ties=False, dtype="float64", n=n)
    scores = scores / 1.3
    return targets.astype(float), scores.round(1) if ties else scores, np.random.default_rng(seed + 50)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_weights_of_images_as_scikit_learn(seed, ties):
    targets, scores, rng = probabilities_of(seed, ties)
    weight = rng.gamma(0.7, size=80)
    weight[rng.random(80) < 0.1] = 0
    found, called = weighed(targets, scores, weight), scores >= THRESHOLDS
    how: dict[str, Any] = {"sample_weight": weight}
    for metric, oracle, of in (
        ("auc", metrics.roc_auc_score, scores),
        ("average_precision", metrics.average_precision_score, scores),
        ("f1", metrics.f1_score, called),
        ("sensitivity", metrics.recall_score, called),
        ("ppv", metrics.precision_score, called),
    ):  # all labels in one call, the weights of a weighted average its own
        of_labels: Any = oracle(targets, of, average=None, **how)
        for label, value in zip(LABELS, of_labels, strict=True):
            assert found[metric, label].value == pytest.approx(value, **EXACT)
        for average in ("macro", "weighted"):
            expected = oracle(targets, of, average=average, **how)
            assert found[metric, average].value == pytest.approx(expected, **EXACT)
    tables = metrics.multilabel_confusion_matrix(targets, called, **how)
    for k, ((tn, fp), (fn, tp)) in enumerate(tables):
        total = tn + fp + fn + tp
        expected = {
            "specificity": tn / (tn + fp),
            "npv": tn / (tn + fn),
            "accuracy": (tp + tn) / total,
            "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
            "brier": np.average((targets[:, k] - scores[:, k]) ** 2, weights=weight),
        }
        for metric, value in expected.items():
            assert found[metric, LABELS[k]].value == pytest.approx(value, **EXACT), metric
    for metric in EVERY:
        assert found[metric, "A"].n_images == found[metric, "macro"].n_images == (weight > 0).sum()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_an_image_of_weight_three_is_three_images(seed, masked):
    targets, scores, rng = probabilities_of(seed, ties=True)
    if masked:
        targets[rng.random(targets.shape) < 0.3] = np.nan
    weight = rng.integers(0, 4, 80)
    copies = np.repeat(np.arange(80), weight)
    found, expected = weighed(targets, scores, weight), weighed(targets[copies], scores[copies], None)
    assert found.keys() == expected.keys() == {(m, of) for m in EVERY for of in (*LABELS, "macro", "weighted")}
    for key, value in expected.items():
        assert value.value is not None
        assert found[key].value == pytest.approx(value.value, **EXACT), key


@pytest.mark.parametrize("seed", range(3))
def test_without_weights_as_the_evaluation(seed):
    targets, scores, _ = probabilities_of(seed, ties=True)
    found = weighed(targets, scores, None)
    for k, label in enumerate(LABELS):
        images, called = Images(targets[:, k] == 1, np.arange(80), 80), scores[:, k] >= THRESHOLDS[k]
        for one in measure_label(
            MeasurementOptions(EVERY, 0, 0, "d"), label, images, scores[:, k][None], [called], [None]
        ):
            assert found[one.metric, label].value == pytest.approx(one.values[0], **EXACT), one.metric


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_images_of_several_classes(seed):
    rng = np.random.default_rng(seed)
    truth = np.r_[np.arange(4), rng.choice(4, p=[0.1, 0.2, 0.3, 0.4], size=76)]
    logits = np.eye(4)[truth] + np.round(rng.normal(size=(80, 4)))
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    weight = rng.gamma(0.7, size=80)
    found = by_name(multiclass_metrics("abcd", truth, scores, metrics=("auc", "f1"), sample_weight=weight))
    for average in ("macro", "weighted"):
        how: dict[str, Any] = {"average": average, "sample_weight": weight}
        auc = roc_auc_score(truth, scores, multi_class="ovr", **how)
        assert found["auc", average].value == pytest.approx(auc, **EXACT)
        assert found["f1", average].value == pytest.approx(f1_score(truth, scores.argmax(axis=1), **how), **EXACT)


def test_positives_of_no_weight_are_none():
    targets, scores, _ = probabilities_of(0, ties=False)
    found = weighed(targets, scores, (targets[:, 0] == 0) * 1.0)
    n = int((targets[:, 0] == 0).sum())
    for metric in ("auc", "average_precision", "f1", "balanced_accuracy", "sensitivity"):
        assert found[metric, "A"].undefined_because == f"no positive image among {n}"
        assert found[metric, "macro"].value is None
        assert found[metric, "weighted"].value is not None  # its weight is 0
    assert found["specificity", "A"].value is not None


def test_why_a_metric_of_calls_or_probabilities_does_not_exist():
    targets, scores = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), np.array([[0.1, 0.9, 0.7], [0.2, 0.8, 1.7]])
    found = weighed(targets, scores, None)
    assert found["ppv", "A"].undefined_because == "none of 2 images was called"
    assert found["npv", "B"].undefined_because == "all 2 images were called"
    assert found["specificity", "C"].undefined_because == "no negative image among 2"
    assert found["brier", "C"].undefined_because == "a score of C lies outside [0, 1]: not a probability"
    assert found["ece", "C"].value is None
    nothing = weighed(targets, scores, np.zeros(2))
    assert {nothing["accuracy", label].undefined_because for label in LABELS} == {"no image"}
    assert nothing["brier", "C"].undefined_because == "no image"


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, -1.0], "sample_weight of image 1 is -1.0; expected a finite number, 0 or more"),
        ([np.nan, 1.0], "sample_weight of image 0 is nan"),
        ([1.0], r"sample_weight has shape \(1,\); expected one weight for each of 2 images"),
    ],
)
def test_weights_that_are_none(weight, message):
    with pytest.raises(InputError, match=message):
        multilabel_metrics("A", np.array([[1.0], [0.0]]), np.zeros((2, 1)), [0.5], [None], sample_weight=weight)
    with pytest.raises(InputError, match=message):
        multiclass_metrics("AB", np.array([1, 0]), np.full((2, 2), 0.5), sample_weight=weight)
