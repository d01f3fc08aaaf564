"""Calibration slope, intercept and reliability, against statsmodels and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve

from medkt_eval.measurement.calibration import measure_calibration, reliability_curves
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.sums import N_BINS
from medkt_eval.predictions.format import Predictions

ONE_STEP = 0.02  # of the spread over patients: how far one Newton step may lie from a refit


def a_test_set(truth, scores, patient):
    """Labels by columns of `truth`, (n_images, n_labels); `scores`, (n_labels, n_runs, n_images)."""
    n_labels, n_runs, n_images = scores.shape
    ids = np.array([f"i{k:04d}" for k in range(n_images)], dtype=object)
    labels = tuple("AB"[:n_labels])
    predictions = Predictions("multilabel", labels, ids, patient.astype(str), truth, scores[:, 0].T)
    runs = tuple(f"tl-s{j}" for j in range(n_runs))
    return TestSet("d", predictions, patient, int(patient.max()) + 1, runs, scores, ())


@pytest.fixture
def overconfident():
    """Two labels, two runs, 150 patients with two images. The first run is overconfident; B has unlabelled images."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(2, 1, 300)) + 0.5 * rng.normal(size=(2, 1, 150)).repeat(2, axis=2)
    truth = (rng.random((300, 2)) < expit(z[:, 0].T)).astype(float)
    truth[:40, 1] = np.nan
    scores = expit(z * [[2.0], [0.7]] + [[0.8], [0.0]])
    return a_test_set(truth, scores, np.arange(300) // 2)


def glm(truth, x, patient=None, *, slope=True):
    """Logistic regression of the truth on x, or only its intercept with slope 1."""
    design = sm.add_constant(x) if slope else np.ones_like(x)
    model = sm.GLM(truth, design, family=sm.families.Binomial(), offset=None if slope else x)
    clustered = {"cov_type": "cluster", "cov_kwds": {"groups": patient}} if patient is not None else {}
    return model.fit(tol=1e-14, maxiter=200, **clustered)


def labelled(test, k, run):
    kept = ~np.isnan(test.truth(k))
    return test.truth(k)[kept], logit(test.scores[k, run][kept]), test.patient[kept]


def test_slope_and_intercept_are_those_of_a_logistic_regression(overconfident):
    found = {(m.metric, m.label): m for m in measure_calibration(overconfident)}
    assert list(found) == [
        (metric, label) for label in "AB" for metric in ("calibration_slope", "calibration_intercept")
    ]
    for k, label in enumerate("AB"):
        for run in range(2):
            truth, x, _ = labelled(overconfident, k, run)
            slope, intercept = found["calibration_slope", label], found["calibration_intercept", label]
            assert slope.values[run] == pytest.approx(glm(truth, x).params[1], rel=0, abs=1e-8)
            assert intercept.values[run] == pytest.approx(glm(truth, x, slope=False).params[0], rel=0, abs=1e-8)
            assert (slope.n_images, slope.n_positive) == (len(truth), truth.sum())
            assert slope.because == (None, None)
    assert found["calibration_slope", "A"].values[0] < 0.75  # overconfident
    assert found["calibration_intercept", "A"].values[0] < -0.4  # and too high
    assert found["calibration_slope", "B"].df_patients < found["calibration_slope", "A"].df_patients


@pytest.mark.parametrize("scale", [0.1, 1, 8, 12])
def test_newtons_method_arrives_from_far(scale):
    rng = np.random.default_rng(1)
    z = rng.normal(size=200)
    truth = (rng.random(200) < expit(z)).astype(float)
    x = scale * z - 0.5 * scale
    test = a_test_set(truth[:, None], expit(x)[None, None], np.arange(200))
    slope, intercept = measure_calibration(test)
    assert slope.values[0] == pytest.approx(glm(truth, logit(expit(x))).params[1], rel=1e-7)
    assert glm_score(truth, x + intercept.values[0]) == pytest.approx(0, abs=1e-7)


def glm_score(truth, linear):
    """The derivative of the likelihood by the intercept, which is 0 at the maximum."""
    return (truth - expit(linear)).sum()


def test_leaving_a_patient_out_is_near_the_refit(overconfident):
    truth, x, patient = labelled(overconfident, 0, 0)
    one = a_test_set(truth[:, None], expit(x)[None, None], patient)
    for measure, slope in zip(measure_calibration(one), (True, False), strict=True):
        refits = np.array([glm(truth[patient != p], x[patient != p], slope=slope).params[-1] for p in range(150)])
        expected = 149 / 150 * ((refits - refits.mean()) ** 2).sum()
        assert measure.covariance[0, 0] ** 0.5 == pytest.approx(expected**0.5, rel=ONE_STEP)


def test_standard_error_is_near_the_clustered_one_of_statsmodels(overconfident):
    slope, intercept = [m for m in measure_calibration(overconfident) if m.label == "A"]
    for run in range(2):
        truth, x, patient = labelled(overconfident, 0, run)
        assert slope.covariance[run, run] ** 0.5 == pytest.approx(glm(truth, x, patient).bse[1], rel=0.05)
        expected = glm(truth, x, patient, slope=False).bse[0]
        assert intercept.covariance[run, run] ** 0.5 == pytest.approx(expected, rel=0.05)
        by_image = glm(truth, x).bse[1]
        assert abs(slope.covariance[run, run] ** 0.5 - by_image) > 1e-4  # clusters matter


def test_what_has_no_fit_is_null_with_its_reason():
    truth = np.tile([0.0, 1.0], 20)
    good = np.random.default_rng(0).uniform(0.1, 0.9, 40)
    edge, separated, same = good.copy(), 0.3 + 0.4 * truth, np.full(40, 0.4)
    edge[0] = 1.0
    zero = good.copy()
    zero[5] = 0.0
    test = a_test_set(truth[:, None], np.array([[good, edge, zero, separated, same]]), np.arange(40) // 2)
    slope, intercept = measure_calibration(test)
    no_logit = "a score of A is not strictly between 0 and 1: it has no logit"
    assert [why and why.partition(":")[0] for why in slope.because] == [
        None,
        no_logit.partition(":")[0],
        no_logit.partition(":")[0],
        "the logistic fit does not converge",
        "the logistic fit does not converge",
    ]
    assert intercept.because == (None, no_logit, no_logit, None, None)  # a slope that is held at 1 separates nothing
    for measure in (slope, intercept):
        assert [np.isnan(value) for value in measure.values] == [why is not None for why in measure.because]
    assert intercept.values[4] == pytest.approx(-logit(0.4))


@pytest.mark.parametrize("truth", [0.0, 1.0, np.nan])
def test_one_class_or_no_label(truth):
    scores = np.random.default_rng(0).uniform(0.1, 0.9, (1, 1, 20))
    for measure in measure_calibration(a_test_set(np.full((20, 1), truth), scores, np.arange(20) // 2)):
        assert np.isnan(measure.values).all()
        assert measure.because[0].startswith("the logistic fit does not converge: ")


def test_a_fit_that_hangs_on_one_patient_has_no_standard_error():
    truth, score = np.tile([0.0, 1.0], 10), np.full(20, 0.5)
    score[:4] = [0.2, 0.4, 0.9, 0.3]  # of patient 0; without it all scores are equal
    slope, intercept = measure_calibration(a_test_set(truth[:, None], score[None, None], np.arange(20) // 4))
    assert np.isfinite(slope.values[0])
    assert np.isnan(slope.covariance).all()
    assert np.isfinite(intercept.covariance).all()


def test_reliability_is_scikit_learns(overconfident, make_arm):
    of_run = [reliability_curves(overconfident, [make_arm("tl", seeds=[run])], 0.95) for run in range(2)]
    for k in range(2):
        for run in range(2):
            truth, x, _ = labelled(overconfident, k, run)
            curve = of_run[run][k]
            share, mean = calibration_curve(truth, expit(x), n_bins=N_BINS)
            np.testing.assert_allclose(curve.y, share, rtol=0, atol=1e-12)
            np.testing.assert_allclose(curve.x, mean, rtol=0, atol=1e-12)
            assert curve.reference == curve.x
            assert set(curve.low) == {None}  # one seed
    both = reliability_curves(overconfident, [make_arm("tl", seeds=[0, 1])], 0.9)
    assert [(curve.label, curve.n_seeds, curve.level) for curve in both] == [("A", 2, 0.9), ("B", 2, 0.9)]
    for curve in both:
        limits = [
            (low, y, high) for low, y, high in zip(curve.low, curve.y, curve.high, strict=True) if low is not None
        ]
        assert len(limits) >= 5
        assert all(low <= y <= high for low, y, high in limits)
    middle = int(np.argmin(np.abs(np.array(both[0].x) - 0.5)))
    means = [min(of_run[run][0].x, key=lambda x: abs(x - both[0].x[middle])) for run in range(2)]
    assert both[0].x[middle] == pytest.approx(np.mean(means))


def test_reliability_of_scores_that_are_no_probabilities_or_share_no_bin(make_arm):
    truth = np.tile([0.0, 1.0], 10)
    low, high = np.full(20, 0.1), np.full(20, 0.9)
    arm = make_arm("tl", seeds=[0, 1])
    assert reliability_curves(a_test_set(truth[:, None], np.array([[low, high]]), np.arange(20)), [arm], 0.9) == []
    outside = a_test_set(truth[:, None], np.array([[low, low - 1]]), np.arange(20))
    assert reliability_curves(outside, [arm], 0.9) == []
