"""Net benefit, against the formula of Vickers & Elkin 2006, image by image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from medkt_eval.measurement.net_benefit import THRESHOLDS, net_benefit, net_benefit_curves
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.predictions.format import Predictions


def a_test_set(truth, scores, patient):
    ids = np.array([f"i{k:04d}" for k in range(len(truth))], dtype=object)
    predictions = Predictions("multilabel", ("A",), ids, patient.astype(str), truth[:, None], scores[0][:, None])
    runs = tuple(f"tl-s{j}" for j in range(len(scores)))
    return TestSet("d", predictions, patient, int(patient.max()) + 1, runs, scores[None], ())


@pytest.fixture
def study():
    rng = np.random.default_rng(3)
    truth = (rng.random(120) < 0.3).astype(float)
    scores = np.clip(0.3 + 0.25 * (truth - 0.3) + 0.15 * rng.normal(size=(3, 120)), 0, 1)
    truth[:6] = np.nan
    return a_test_set(truth, scores, np.arange(120) // 3)


def by_hand(truth, score, threshold):
    called = score >= threshold
    return np.mean(called & (truth == 1)) - np.mean(called & (truth == 0)) * threshold / (1 - threshold)


def test_values_and_the_reference(study, make_arm):
    (curve,) = net_benefit_curves(study, [make_arm("tl", seeds=[0, 1, 2])], 0.95)
    kept = ~np.isnan(study.truth(0))
    truth, scores = study.truth(0)[kept], study.scores[0][:, kept]
    assert curve.x == pytest.approx(np.arange(1, 51) / 100)
    for x, y, everyone in zip(curve.x, curve.y, curve.reference, strict=True):
        assert y == pytest.approx(np.mean([by_hand(truth, score, x) for score in scores]), rel=0, abs=1e-12)
        assert everyone == pytest.approx(by_hand(truth, np.ones(len(truth)), x), rel=0, abs=1e-12)
    assert (curve.curve, curve.x_name, curve.n_seeds, curve.interval) == (
        "net-benefit",
        "threshold",
        3,
        "seeds+patients:or",
    )
    assert curve.y[0] == pytest.approx(truth.mean(), abs=0.05)  # nearly all are called
    assert max(curve.y[k] - curve.reference[k] for k in range(50)) > 0.05  # the model is worth something


def test_limits_hold_the_value_and_are_those_of_the_jackknife(study, make_arm):
    (curve,) = net_benefit_curves(study, [make_arm("tl", seeds=[0, 1, 2])], 0.9)
    assert all(low < y < high for low, y, high in zip(curve.low, curve.y, curve.high, strict=True))
    k = THRESHOLDS.index(0.3)
    kept = ~np.isnan(study.truth(0))
    truth, scores, patient = study.truth(0)[kept], study.scores[0][:, kept], study.patient[kept]
    counted = np.unique(patient)  # those with a target of the label
    without = np.array([[by_hand(truth[patient != p], s[patient != p], 0.3) for p in counted] for s in scores])
    share = (len(counted) - 1) / len(counted)
    covariance = share * (without - without.mean(axis=1, keepdims=True)) @ (without - without.mean(axis=1)[:, None]).T
    values = np.array([by_hand(truth, s, 0.3) for s in scores])
    seeds, patients = values.var(ddof=1) / 3, (covariance.sum() - np.trace(covariance)) / 6
    negatives, positives = (np.unique(patient[truth == kind]).size for kind in (0, 1))
    df = (2 * seeds + patients) ** 2 / ((2 * seeds) ** 2 / 2 + patients**2 / (min(positives, negatives) - 1))
    reach = stats.t.ppf(0.95, df) * (seeds + patients) ** 0.5
    assert (curve.low[k], curve.high[k]) == pytest.approx((values.mean() - reach, values.mean() + reach), abs=1e-12)


def test_labels_without_a_curve(make_arm):
    truth, scores = np.tile([0.0, 1.0], 10), np.full((1, 20), 0.3)
    arms, patient = [make_arm("tl", seeds=[0])], np.arange(20) // 2
    (curve,) = net_benefit_curves(a_test_set(truth, scores, patient), arms, 0.95)
    assert set(curve.low) == {None}  # one seed
    for truth_, scores_ in ((np.ones(20), scores), (np.full(20, np.nan), scores), (truth, scores + 1)):
        assert net_benefit_curves(a_test_set(truth_, scores_, patient), arms, 0.95) == []
    only = np.where(patient == 0, truth, np.nan)  # labelled in one patient
    (curve,) = net_benefit_curves(
        a_test_set(only, np.repeat(scores, 2, axis=0), patient), [make_arm("tl", seeds=[0, 1])], 0.9
    )
    assert set(curve.low) == {None}


def test_no_image_is_worth_nothing_that_is_known():
    assert np.isnan(net_benefit(np.zeros(4), 0.2))
