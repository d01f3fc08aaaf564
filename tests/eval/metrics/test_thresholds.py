"""Each rule for thresholds against brute force: the lowest of equal thresholds, and a reason if there is none."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from medkt_eval.metrics.thresholds import NO_VALIDATION, at_sensitivity, check_rule, choose, max_f1, youden
from medkt_eval.predictions.files.tables import from_frame


def f1(truth, score, threshold):
    called = [s >= threshold for s in score]
    hits = sum(t and c for t, c in zip(truth, called, strict=True))
    return Fraction(2 * hits, sum(called) + sum(truth))


@st.composite
def one_label(draw):
    size = draw(st.integers(1, 40))
    truth = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size).filter(any))
    score = draw(st.lists(st.integers(0, 15), min_size=size, max_size=size))
    return truth, [s / 16 for s in score]


@settings(max_examples=60)
@given(one_label())
@example(([1, 0, 0], [0.5, 0.5, 0.5]))
@example(([1], [0.0]))
def test_no_threshold_is_better_and_no_lower_one_as_good(case):
    truth, score = case
    chosen = max_f1(np.array(truth), np.array(score))
    assert chosen in score
    best = max(f1(truth, score, candidate) for candidate in score)
    assert f1(truth, score, chosen) == best
    assert chosen == min(candidate for candidate in score if f1(truth, score, candidate) == best)


def test_equal_f1_that_rounding_could_tell_apart():
    # Both F1 are 2/3, but 2 P R / (P + R) in floating point is larger for the second.
    truth, score = np.array([1, 0, 0, 0, 1, 0, 0, 1, 1]), np.arange(9.0)
    assert f1(truth, score, 4.0) == f1(truth, score, 7.0) == Fraction(2, 3)
    assert max_f1(truth, score) == 4.0


def test_ties_take_the_lowest():
    # 0.4: 1 of 1 called right, 1 of 2 found; 0.1: 2 of 4, 2 of 2. Both F1 are 2/3.
    truth, score = np.array([1, 0, 0, 1]), np.array([0.4, 0.3, 0.2, 0.1])
    assert f1(truth, score, 0.4) == f1(truth, score, 0.1) == Fraction(2, 3)
    assert max_f1(truth, score) == 0.1


@pytest.mark.parametrize("dtype", ["uint8", "bool", "float64", "int8"])
def test_more_positives_than_a_byte_counts(dtype):
    truth = np.r_[np.zeros(10), np.ones(600)].astype(dtype)
    assert max_f1(truth, np.arange(610.0)) == 10.0


def validation(**columns):
    known = {
        "image_id": ["a", "b", "c", "d"],
        "patient_id": ["1", "2", "3", "4"],
        "target_A": [0, 1, 1, np.nan],
        "target_B": [0, 0, 0, 1],
        "score_A": [0.1, 0.3, 0.2, 0.05],
        "score_B": [0.1, 0.2, 0.3, 0.4],
    }
    return from_frame(pd.DataFrame(known | columns), "multilabel", ("A", "B"), source="v")


def test_one_threshold_a_label_from_its_labelled_images():
    a, b = choose(validation(), ("A", "B"))
    assert (a.label, a.rule, a.value, a.undefined_because) == ("A", "max_f1", 0.2, None)
    assert (b.label, b.rule, b.value, b.undefined_because) == ("B", "max_f1", 0.4, None)


def test_no_positive_validation_image():
    a, b = choose(validation(target_B=[0, np.nan, 0, 0]), ("A", "B"))
    assert a.value == 0.2
    assert b.value is None
    assert b.undefined_because == "no positive image among 3 validation images to choose a threshold on"


def test_no_validation():
    chosen = choose(None, ("A", "B"))
    assert [(c.label, c.value, c.undefined_because) for c in chosen] == [
        ("A", None, NO_VALIDATION),
        ("B", None, NO_VALIDATION),
    ]


@settings(max_examples=60)
@given(one_label().filter(lambda case: not all(case[0])))
@example(([1, 0, 0], [0.5, 0.5, 0.5]))
def test_youden_has_the_largest_sensitivity_and_specificity_and_is_the_lowest_of_equals(case):
    truth, score = case
    chosen = youden(np.array(truth), np.array(score))

    def index(threshold):
        called = [s >= threshold for s in score]
        hits = sum(t and c for t, c in zip(truth, called, strict=True))
        return Fraction(hits, sum(truth)) - Fraction(sum(called) - hits, len(truth) - sum(truth))

    best = max(index(candidate) for candidate in score)
    assert chosen == min(candidate for candidate in score if index(candidate) == best)


def test_youden_as_scikit_learns_roc_curve():
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.3
    score = truth + rng.normal(size=300)
    fpr, tpr, thresholds = roc_curve(truth, score, drop_intermediate=False)
    assert youden(truth, score) == thresholds[np.argmax(tpr - fpr)]


@settings(max_examples=60)
@given(one_label(), st.integers(0, 20))
@example(([1, 0, 0], [0.5, 0.5, 0.5]), 20)
def test_at_sensitivity_is_the_highest_threshold_that_reaches_it(case, twentieths):
    truth, score = case
    chosen = at_sensitivity(np.array(truth), np.array(score), twentieths / 20)

    def sensitivity(threshold):
        return Fraction(sum(t and s >= threshold for t, s in zip(truth, score, strict=True)), sum(truth))

    assert chosen == max(candidate for candidate in score if sensitivity(candidate) >= Fraction(twentieths, 20))


@pytest.mark.parametrize(("sensitivity", "n"), [(0.55, 100), (0.07, 100), (0.9, 30), (1.0, 3), (0.0, 3)])
def test_a_sensitivity_that_is_just_reached(sensitivity, n):
    # 0.55 x 100 is 55.00000000000001 in floating point: 55 of 100 must still be enough.
    chosen = at_sensitivity(np.ones(n), np.arange(n, dtype=float), sensitivity)
    assert n - chosen == max(round(sensitivity * n), 1)


@pytest.mark.parametrize("dtype", ["uint8", "bool", "float64", "int8"])
def test_new_rules_count_beyond_a_byte(dtype):
    truth = np.r_[np.zeros(10), np.ones(600)].astype(dtype)
    assert youden(truth, np.arange(610.0)) == 10.0
    assert at_sensitivity(truth, np.arange(610.0), 0.5) == 310.0


@pytest.mark.parametrize(
    ("rule", "a", "b"),
    [
        ("max_f1", 0.2, 0.4),
        ("youden", 0.2, 0.4),
        ("sensitivity=1", 0.2, 0.4),
        ("sensitivity=0.5", 0.3, 0.4),
        ("fixed=0.35", 0.35, 0.35),
    ],
)
def test_rules_by_name(rule, a, b):
    chosen = choose(validation(), ("A", "B"), rule)
    assert [(c.label, c.rule, c.value, c.undefined_because) for c in chosen] == [
        ("A", rule, a, None),
        ("B", rule, b, None),
    ]


def test_a_fixed_threshold_needs_no_validation_and_no_positive():
    assert [c.value for c in choose(None, ("A", "B"), "fixed=0.5")] == [0.5, 0.5]
    assert choose(validation(target_B=[0, 0, 0, 0]), ("A", "B"), "fixed=0.5")[1].value == 0.5
    assert choose(None, ("A",), "youden")[0].undefined_because == NO_VALIDATION


@pytest.mark.parametrize(
    ("target", "rule", "because"),
    [
        ([0, np.nan, 0, 0], "youden", "no positive image among 3"),
        ([1, 1, np.nan, 1], "youden", "no negative image among 3"),
        ([0, 0, 0, 0], "sensitivity=0.9", "no positive image among 4"),
        ([np.nan] * 4, "youden", "no positive image among 0"),
    ],
)
def test_one_class_in_validation(target, rule, because):
    b = choose(validation(target_B=target), ("A", "B"), rule)[1]
    assert (b.value, b.undefined_because) == (None, f"{because} validation images to choose a threshold on")


def test_positives_alone_have_a_threshold_where_the_rule_needs_no_negative():
    all_positive = validation(target_B=[1, 1, 1, 1])
    assert choose(all_positive, ("A", "B"), "sensitivity=0.75")[1].value == 0.2
    assert choose(all_positive, ("A", "B"), "max_f1")[1].value == 0.1


@pytest.mark.parametrize("rule", ["max_f1", "youden", "sensitivity=0.9", "sensitivity=1", "fixed=0.5", "fixed=0"])
def test_known_rules(rule):
    assert check_rule(rule) == rule


@pytest.mark.parametrize(
    "rule",
    ["f1", "", "sensitivity", "sensitivity=", "sensitivity=90", "fixed=nan", "fixed=-0.1", "youden=0.5", "max_f1=1"],
)
def test_unknown_rules(rule):
    with pytest.raises(ValueError, match=r"is not a threshold rule; expected max_f1, youden, sensitivity=0\.9 or"):
        check_rule(rule)
