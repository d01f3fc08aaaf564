"""Thresholds: the best validation F1 by brute force, the lowest of equals, a reason where there is none."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medkt_eval.predictions import from_frame
from medkt_eval.thresholds import NO_VALIDATION, choose, max_f1


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
    known = {"image_id": ["a", "b", "c", "d"], "patient_id": ["1", "2", "3", "4"], "target_A": [0, 1, 1, np.nan],
             "target_B": [0, 0, 0, 1], "score_A": [0.1, 0.3, 0.2, 0.05], "score_B": [0.1, 0.2, 0.3, 0.4]}  # fmt: skip
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
