"""Undefined metrics: the reason is the first requirement that the images do not meet."""

from __future__ import annotations

import numpy as np
import pytest

from medkt_eval.metrics.undefined import undefined_because

POSITIVES, NEGATIVES, BOTH = np.ones(3, dtype=bool), np.zeros(3, dtype=bool), np.array([True, False, True])
NONE = np.zeros(0, dtype=bool)


@pytest.mark.parametrize(
    ("metric", "truth", "because"),
    [
        ("auc", NEGATIVES, "no positive image among 3"),
        ("auc", POSITIVES, "no negative image among 3"),
        ("auc", NONE, "no positive image among 0"),
        ("auc", BOTH, None),
        ("average_precision", POSITIVES, None),
        ("balanced_accuracy", POSITIVES, "no negative image among 3"),
        ("accuracy", POSITIVES, None),
        ("accuracy", NONE, "no image"),
        ("brier", NONE, "no image"),
    ],
)
def test_images_of_one_class_or_none(metric, truth, because):
    assert undefined_because(metric, "Edema", truth) == because


@pytest.mark.parametrize(
    ("metric", "called", "because"),
    [
        ("ppv", NEGATIVES, "none of 3 images was called"),
        ("ppv", POSITIVES, None),
        ("npv", POSITIVES, "all 3 images were called"),
        ("npv", NEGATIVES, None),
        ("f1", NEGATIVES, None),
    ],
)
def test_calls_of_all_images_or_none(metric, called, because):
    assert undefined_because(metric, "Edema", BOTH, called=called) == because


@pytest.mark.parametrize("score", [[0.1, 1.2, 0.3], [-0.1, 0.2, 0.3]])
def test_scores_that_are_no_probabilities(score):
    because = "a score of Edema lies outside [0, 1]: not a probability"
    assert undefined_because("ece", "Edema", BOTH, score=np.array(score)) == because
    assert undefined_because("auc", "Edema", BOTH, score=np.array(score)) is None
    assert undefined_because("ece", "Edema", BOTH, score=np.array([0.0, 0.5, 1.0])) is None
