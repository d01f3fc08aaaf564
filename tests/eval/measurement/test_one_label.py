"""Every metric of a label against scikit-learn: on the data, without each patient, and in each replicate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from medkt_eval.measurement.label_metric import Images, LabelMetric, MeasurementOptions
from medkt_eval.measurement.one_label import measure_confusion, measure_label, positives_variants
from medkt_eval.resampling.bootstrap import LANES, multiplicities
from medkt_eval.results.vocabulary import DEFAULT_METRICS, MORE_METRICS

NAN = float("nan")
EXACT = {"rtol": 0, "atol": 1e-12}
N_BINS = 15
OF_LABEL = tuple(name for name in (*DEFAULT_METRICS, *MORE_METRICS) if name != "kappa_quadratic")
SPECIFICITY = 0.8


OF_BINS = ("calibration_error_squared", "ece", "ece_top")


def in_bins(score: np.ndarray) -> list[np.ndarray]:
    """Bins of equal width, open below, closed above, the first closed on both sides: masks of the images that exist."""
    place = np.clip(np.ceil(score * N_BINS), 1, N_BINS)
    return [place == k for k in set(place.tolist())]


def pair_by_pair(truth: np.ndarray, score: np.ndarray, patient: np.ndarray) -> float:
    """Squared calibration error: in each bin the mean product of residuals over pairs of images of two patients."""
    total, residual = 0.0, truth - score
    for b in in_bins(score):
        products = [
            residual[i] * residual[j] for i in np.flatnonzero(b) for j in np.flatnonzero(b) if patient[i] != patient[j]
        ]
        total += b.mean() * float(np.mean(products)) if products else 0.0
    return total


def of_bins(metric: str, truth: np.ndarray, score: np.ndarray, patient: np.ndarray) -> float:
    """A calibration error by hand."""
    if metric == "calibration_error_squared":
        return pair_by_pair(truth, score, patient)
    if metric == "ece_top":  # the more likely of present and absent, its probability, and whether it is right
        truth, score = np.where(score >= 0.5, truth, ~truth), np.maximum(score, 1 - score)
    return sum(abs(truth[b].mean() - score[b].mean()) * b.mean() for b in in_bins(score))


def expected(metric: str, truth: np.ndarray, score: np.ndarray, called: np.ndarray, patient: np.ndarray) -> float:
    """The metric of scikit-learn, or by hand; NaN if it is undefined."""
    score = score.astype(np.float64)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    needs = {
        "auc": positives and negatives,
        "average_precision": positives,
        "f1": positives,
        "sensitivity": positives,
        "specificity": negatives,
        "balanced_accuracy": positives and negatives,
        "ppv": called.any(),
        "npv": (~called).any(),
        "sensitivity_at_specificity": positives and negatives,
    }
    if not needs.get(metric, len(truth)):
        return NAN
    if metric in OF_BINS:
        return of_bins(metric, truth, score, patient)
    if metric == "sensitivity_at_specificity":
        fpr, tpr, _ = metrics.roc_curve(truth, score, drop_intermediate=False)
        return tpr[fpr <= 1 - SPECIFICITY + 1e-12].max()
    of_scores = {"auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}
    if metric in of_scores:
        return of_scores[metric](truth, score)
    if metric == "brier":
        return metrics.brier_score_loss(truth, score, pos_label=True, labels=[False, True])
    of_calls = {
        "f1": lambda: metrics.f1_score(truth, called),
        "accuracy": lambda: metrics.accuracy_score(truth, called),
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(truth, called),
        "sensitivity": lambda: metrics.recall_score(truth, called),
        "specificity": lambda: metrics.recall_score(truth, called, pos_label=False),
        "ppv": lambda: metrics.precision_score(truth, called),
        "npv": lambda: metrics.precision_score(truth, called, pos_label=False),
    }
    return float(of_calls[metric]())


def expected_variants(metric, truth, score, called, patient, n_patients, replicates) -> np.ndarray:
    """Compute it on the data, without each patient, and on the images repeated by the draws of their patients."""
    times = [np.ones(len(truth), dtype=int), *(patient != i for i in range(n_patients))]
    times += list(drawn(n_patients, replicates)[patient].T)
    every = [expected(metric, *(np.repeat(values, n) for values in (truth, score, called, patient))) for n in times]
    if metric in OF_BINS:  # not computed in replicates
        every[1 + n_patients :] = [NAN] * replicates
    if metric == "average_precision":  # a replicate without a negative counts as undefined: one class is left
        for k, n in enumerate(times[1 + n_patients :], 1 + n_patients):
            every[k] = NAN if truth[n > 0].all() else every[k]
    return np.array(every)


def drawn(n_patients: int, replicates: int) -> np.ndarray:
    blocks = range(-(-replicates // LANES))
    every = [multiplicities(n_patients, dataset="nih", seed=5, block=block) for block in blocks]
    return np.concatenate([np.zeros((n_patients, 0)), *every], axis=1)[:, :replicates].astype(np.int64)


def asked(*names: str, replicates: int = 0) -> MeasurementOptions:
    return MeasurementOptions(names or OF_LABEL, replicates, 5, "nih", SPECIFICITY)


def made(n_images=120, n_patients=40, n_runs=2, prevalence=0.3, decimals=1, dtype=np.float64, seed=0):
    """One label's images, tied scores in [0, 1], and calls. Patients have no, one or several images."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n_images) < prevalence
    scores = np.clip(0.3 + 0.3 * truth + 0.25 * rng.normal(size=(n_runs, n_images)), 0, 1).round(decimals).astype(dtype)
    return Images(truth, rng.integers(0, n_patients, n_images), n_patients), scores, list(scores >= 0.5)


def by_metric(found: list[LabelMetric]) -> dict[str, LabelMetric]:
    assert len({one.metric for one in found}) == len(found)
    return {one.metric: one for one in found}


def assert_as_scikit_learn(images: Images, scores, called, replicates: int) -> None:
    none = [None] * len(scores)
    found = by_metric(measure_label(asked(replicates=replicates), "Edema", images, scores, called, none))
    assert found.keys() == set(OF_LABEL)
    for metric, one in found.items():
        oracle = np.array(
            [
                expected_variants(metric, images.truth, s, c, images.patient, images.n_patients, replicates)
                for s, c in zip(scores, called, strict=True)
            ]
        )
        np.testing.assert_allclose(one.values, oracle[:, 0], **EXACT, err_msg=metric)
        np.testing.assert_allclose(one.replicates, oracle[:, 1 + images.n_patients :], **EXACT, err_msg=metric)
        assert one.has_jackknife == (metric != "sensitivity_at_specificity")
        without = oracle[:, 1 : 1 + images.n_patients] if one.has_jackknife else np.nan
        np.testing.assert_allclose(one.without_patient, np.broadcast_to(without, one.without_patient.shape), **EXACT)
        assert [why is None for why in one.because] == (~np.isnan(one.values)).tolist()


@pytest.mark.parametrize(("prevalence", "decimals", "dtype"), [(0.06, 1, np.float32), (0.5, 16, np.float64)])
def test_every_metric_and_every_variant_as_scikit_learn(prevalence, decimals, dtype):
    data = made(60, 20, n_runs=1, prevalence=prevalence, decimals=decimals, dtype=dtype)
    assert_as_scikit_learn(*data, replicates=15)


def test_a_class_that_one_patient_holds_alone_is_lost_without_it():
    images, scores, called = made(30, 8, n_runs=1)
    images = Images(images.patient == 3, images.patient, 8)
    assert_as_scikit_learn(images, scores, called, replicates=5)
    auc = by_metric(measure_label(asked("auc"), "Edema", images, scores, called, [None]))["auc"]
    assert np.isnan(auc.without_patient).tolist() == [[i == 3 for i in range(8)]]
    assert auc.df_patients == 0


@settings(max_examples=12)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.booleans(), st.integers(0, 3)), max_size=12))
@example([])
@example([(True, 2, True, 0)])
@example([(True, 2, False, 0), (True, 1, True, 1)])
@example([(False, 2, False, 0), (False, 1, False, 1)])
def test_any_few_images(rows):
    truth, score, called, patient = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    assert_as_scikit_learn(Images(truth == 1, patient, 4), score[None] / 4, [called == 1], replicates=4)


def test_order_of_images_and_company_of_runs_change_no_bit_of_ranks_and_calls():
    images, scores, called = made(n_runs=3)
    order = np.random.default_rng(1).permutation(len(images.truth))
    shuffled = Images(images.truth[order], images.patient[order], images.n_patients)
    names = [name for name in OF_LABEL if name not in ("brier", *OF_BINS)]  # these are sums of floats in rows' order
    first = measure_label(asked(*names, replicates=70), "Edema", images, scores, called, [None] * 3)
    second = measure_label(
        asked(*names, replicates=70), "Edema", shuffled, scores[:1, order], [called[0][order]], [None]
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.variants[:1], other.variants)


def test_counts_and_degrees_of_freedom():
    truth, patient = np.array([1, 1, 1, 0, 0, 0], dtype=bool), np.array([0, 0, 1, 1, 2, 4])
    (one,) = measure_label(asked("auc"), "Edema", Images(truth, patient, 6), np.arange(6.0)[None], [None], [None])
    assert (one.metric, one.label, one.n_images, one.n_positive, one.n_patients) == ("auc", "Edema", 6, 3, 6)
    assert one.df_patients == 1  # two patients with a positive, three with a negative


@pytest.mark.parametrize(
    ("kind", "undefined"),
    [
        (
            "negatives",
            {
                "auc": "no positive image among 4",
                "average_precision": "no positive image among 4",
                "sensitivity_at_specificity": "no positive image among 4",
                "f1": "no positive image among 4",
                "sensitivity": "no positive image among 4",
                "balanced_accuracy": "no positive image among 4",
            },
        ),
        (
            "positives",
            {
                "auc": "no negative image among 4",
                "sensitivity_at_specificity": "no negative image among 4",
                "specificity": "no negative image among 4",
                "balanced_accuracy": "no negative image among 4",
            },
        ),
    ],
)
def test_one_class_is_null_with_the_reason(kind, undefined):
    truth = np.full(4, kind == "positives")
    scores, called = np.array([[0.1, 0.2, 0.6, 0.6]]), [np.array([0, 0, 1, 1], dtype=bool)]
    found = by_metric(measure_label(asked(), "Edema", Images(truth, np.arange(4), 4), scores, called, [None]))
    assert {metric: one.because[0] for metric, one in found.items() if one.because[0]} == undefined
    assert {metric for metric, one in found.items() if np.isnan(one.values[0])} == undefined.keys()


@pytest.mark.parametrize(
    ("called", "metric", "because"),
    [(False, "ppv", "none of 4 images was called"), (True, "npv", "all 4 images were called")],
)
def test_predictive_values_of_nothing(called, metric, because):
    images = Images(np.array([1, 0, 0, 0], dtype=bool), np.arange(4), 4)
    calls = [np.full(4, called), np.array([1, 0, 0, 0], dtype=bool)]
    (one,) = measure_label(asked(metric), "Edema", images, np.zeros((2, 4)), calls, [None, None])
    assert one.because == (because, None)
    assert np.isnan(one.values).tolist() == [True, False]


def test_a_run_without_threshold_is_null_with_its_reason_and_leaves_the_others_alone():
    images, scores, called = made(n_runs=2)
    whole = by_metric(measure_label(asked(replicates=9), "Edema", images, scores, called, [None, None]))
    found = by_metric(
        measure_label(asked(replicates=9), "Edema", images, scores, [None, called[1]], ["no validation", None])
    )
    of_calls = {"f1", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv"}
    for metric, one in found.items():
        np.testing.assert_array_equal(one.variants[1], whole[metric].variants[1])
        if metric in of_calls:
            assert np.isnan(one.variants[0]).all()
            assert one.because == ("no validation", None)
        else:
            np.testing.assert_array_equal(one.variants, whole[metric].variants)


@pytest.mark.parametrize("wrong", [-0.01, 1.01])
def test_scores_that_are_no_probabilities_have_no_calibration_and_all_else(wrong):
    images, scores, called = made(n_runs=2)
    scores[0, 7] = wrong
    found = by_metric(measure_label(asked(), "Edema", images, scores, called, [None, None]))
    for metric, one in found.items():
        no_probability = "a score of Edema lies outside [0, 1]: not a probability"
        because = no_probability if metric in ("brier", *OF_BINS) else None
        assert one.because == (because, None)
        assert np.isnan(one.values[0]) == (because is not None)


def test_only_what_is_asked_for():
    images, scores, called = made(n_runs=1)
    for metric in OF_LABEL:
        assert [one.metric for one in measure_label(asked(metric), "E", images, scores, called, [None])] == [metric]
    assert measure_label(asked("kappa_quadratic"), "E", images, scores, called, [None]) == []


@pytest.mark.parametrize(("specificity", "n"), [(0.9, 10), (0.9, 30), (0.55, 100), (0.95, 20), (0.7, 10)])
def test_a_specificity_that_is_just_reached_counts_in_data_and_replicates_alike(specificity, n):
    # Negatives score 0 to n - 1; the positives score just above the negative with just enough negatives below it.
    at = round(specificity * n) - 0.5
    truth, score = np.r_[np.zeros(n), np.ones(2)] == 1, np.r_[np.arange(n), at, at]
    images = Images(truth, np.zeros(n + 2, dtype=int), 1)
    wanted = MeasurementOptions(("sensitivity_at_specificity",), 1, 0, "nih", specificity)
    (one,) = measure_label(wanted, "E", images, score[None], [None], [None])
    assert one.variants[0, [0, 2]].tolist() == [1, 1]  # one patient: the replicate is the data


def test_positives_are_counted_with_every_patient_left_out_and_drawn():
    images, _, _ = made()
    found = positives_variants(images, asked(replicates=10))
    times = np.column_stack([np.ones(40), 1 - np.eye(40), drawn(40, 10)])
    np.testing.assert_array_equal(found, images.truth @ times[images.patient])


def several_classes(seed: int = 0, n: int = 90, n_patients: int = 30):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, n)
    called = np.where(rng.random((2, n)) < 0.6, truth, rng.integers(0, 4, (2, n)))
    return truth, called, rng.integers(0, n_patients, n)


def test_metrics_over_all_classes_in_every_variant():
    truth, called, patient = several_classes()
    truth[(truth == 3) & (patient > 2)] = 0  # a class of three patients: some replicates lose it
    wanted = asked("accuracy", "balanced_accuracy", "kappa_quadratic", replicates=40)
    found = by_metric(measure_confusion(wanted, truth, called, "abcd", patient, 30))
    times = np.column_stack([np.ones(30), 1 - np.eye(30), drawn(30, 40)]).astype(int)[patient]
    oracle = {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": lambda t, c: metrics.balanced_accuracy_score(t, c) if len(set(t)) == 4 else NAN,
        "kappa_quadratic": lambda t, c: metrics.cohen_kappa_score(t, c, weights="quadratic"),
    }
    assert found.keys() == oracle.keys()
    for metric, one in found.items():
        values = [[oracle[metric](np.repeat(truth, n), np.repeat(run, n)) for n in times.T] for run in called]
        np.testing.assert_allclose(one.variants, values, **EXACT, err_msg=metric)
        assert (one.label, one.n_positive, one.n_images, one.df_patients) == ("micro", None, 90, len(set(patient)) - 1)
    assert np.isnan(found["balanced_accuracy"].replicates).any()


def test_why_metrics_over_all_classes_do_not_exist():
    wanted = asked("accuracy", "balanced_accuracy", "kappa_quadratic")
    same = np.ones(3, dtype=int)
    found = by_metric(measure_confusion(wanted, same, same[None], "ab", np.arange(3), 3))
    assert found["accuracy"].because == (None,)
    assert found["balanced_accuracy"].because == ("a class has no image",)
    assert found["kappa_quadratic"].because == ("one class alone, in truth and calls",)
    assert measure_confusion(asked("auc"), same, same[None], "ab", np.arange(3), 3) == []
