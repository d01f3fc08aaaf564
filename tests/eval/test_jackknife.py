"""Every metric without each patient, against computing it again on the images that are left."""

import numpy as np
import pytest

from medkt_eval.jackknife import multiclass_without_patient, multilabel_without_patient
from medkt_eval.metrics import MetricValue, multiclass_metrics, multilabel_metrics

LABELS = ("a", "b", "c")


def as_dict(values: list[MetricValue]) -> dict[tuple[str, str], float | None]:
    return {(value.metric, value.label): value.value for value in values}


def check(found: dict[tuple[str, str], np.ndarray], again: list[dict[tuple[str, str], float | None]]) -> int:
    checked = 0
    for key, values in found.items():
        for i, expected in enumerate(again):
            if expected[key] is None:
                assert np.isnan(values[i]), (key, i)
            else:
                assert values[i] == pytest.approx(expected[key], abs=1e-12), (key, i)
                checked += 1
    return checked


@pytest.mark.parametrize("seed", range(5))
def test_multilabel_with_masked_targets_and_ties(seed: int):
    rng = np.random.default_rng(seed)
    n, n_patients = 60, 12
    patient = rng.integers(0, n_patients, n)
    targets = (rng.random((n, 3)) < (0.5, 0.3, 0.1)).astype(float)
    targets[rng.random((n, 3)) < 0.1] = np.nan
    targets[:2, :] = [[0, 0, 0], [1, 1, 1]]
    scores = np.round(rng.random((n, 3)) + 0.3 * np.nan_to_num(targets), 1)
    thresholds = [0.5, 0.7, 0.9]
    found = multilabel_without_patient(LABELS, targets, scores, thresholds, patient=patient, n_patients=n_patients)
    assert set(found) == set(as_dict(multilabel_metrics(LABELS, targets, scores, thresholds, [None] * 3)))
    again = []
    for i in range(n_patients):
        kept = patient != i
        again.append(as_dict(multilabel_metrics(LABELS, targets[kept], scores[kept], thresholds, [None] * 3)))
    assert check(found, again) > 80


def test_multiclass():
    rng = np.random.default_rng(0)
    n, n_patients = 80, 15
    patient, targets = rng.integers(0, n_patients, n), rng.integers(0, 3, n)
    scores = rng.random((n, 3)) + np.eye(3)[targets] * 0.4
    scores /= scores.sum(axis=1, keepdims=True)
    found = multiclass_without_patient(LABELS, targets, scores, patient=patient, n_patients=n_patients)
    again = [
        as_dict(multiclass_metrics(LABELS, targets[patient != i], scores[patient != i])) for i in range(n_patients)
    ]
    assert check(found, again) == len(found) * n_patients


def test_what_is_undefined_with_all_patients_is_absent():
    targets = np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    scores = np.array([[0.1, 0.9], [0.2, 0.3], [0.3, 0.6], [0.4, 0.8]])
    found = multilabel_without_patient(
        ("empty", "b"), targets, scores, [0.5, None], patient=np.array([0, 0, 1, 1]), n_patients=2
    )
    assert set(found) == {("auc", "b"), ("auc", "weighted")}
    assert found["auc", "weighted"].tolist() == found["auc", "b"].tolist()
