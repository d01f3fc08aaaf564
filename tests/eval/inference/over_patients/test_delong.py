"""DeLong's covariance against R's pROC, and the clustered covariance against Obuchowski's formula, pair by pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn.metrics import roc_auc_score

from medkt_eval.inference.over_patients.delong import (
    Influence,
    clustered_covariance,
    compare,
    influence,
    influence_covariance,
    interval,
)
from medkt_eval.measurement.label_averages import LabelAverage
from medkt_eval.measurement.label_metric import Images, MeasurementOptions
from medkt_eval.measurement.one_label import measure_label, positives_variants
from medkt_eval.metrics.placements import placements
from medkt_eval.metrics.ranking import rank


def analysed(truth, runs, patient=None, n_patients=None) -> tuple[np.ndarray, list[Influence]]:
    """AUC and influences of each run. Without `patient`, each image has its own patient."""
    patient = np.arange(len(truth)) if patient is None else patient
    rankings = [rank(truth, scores, patient, n_patients or int(patient.max()) + 1) for scores in runs]
    found = [placements(ranking) for ranking in rankings]
    influences = [influence(ranking, one) for ranking, one in zip(rankings, found, strict=True)]
    return np.array([one.auc for one in found]), influences


def made(seed: int, n: int = 120, n_patients: int = 40, n_runs: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, tied scores of several runs, and patients. Some patients have images of both classes."""
    rng = np.random.default_rng(seed)
    patient = rng.integers(0, n_patients, n)
    truth = rng.random(n) < np.where(patient < n_patients / 2, 0.6, 0.1)
    common = rng.normal(size=n_patients)[patient] + truth
    runs = np.array([np.round(2 * (common + rng.normal(size=n))) for _ in range(n_runs)])
    return truth, runs, patient


def obuchowski_1997(truth: np.ndarray, a: np.ndarray, b: np.ndarray, patient: np.ndarray) -> float:
    """Obuchowski's covariance of two AUCs, pair by pair."""
    m, n = truth.sum(), (~truth).sum()
    v10, v01, auc = [], [], []
    for scores in (a, b):
        kernel = np.array([[(y < x) + 0.5 * (y == x) for y in scores[~truth]] for x in scores[truth]])
        v10.append(kernel.mean(axis=1))
        v01.append(kernel.mean(axis=0))
        auc.append(kernel.mean())
    with_positive, with_negative, everyone = set(patient[truth]), set(patient[~truth]), set(patient)

    def of_positives(run: int, i: int) -> float:
        mine = v10[run][patient[truth] == i]
        return mine.sum() - len(mine) * auc[run]

    def of_negatives(run: int, i: int) -> float:
        mine = v01[run][patient[~truth] == i]
        return mine.sum() - len(mine) * auc[run]

    i10, i01, clusters = len(with_positive), len(with_negative), len(everyone)
    s10 = i10 / ((i10 - 1) * m) * sum(of_positives(0, i) * of_positives(1, i) for i in with_positive)
    s01 = i01 / ((i01 - 1) * n) * sum(of_negatives(0, i) * of_negatives(1, i) for i in with_negative)
    s11 = clusters / (clusters - 1) * sum(of_positives(0, i) * of_negatives(1, i) for i in everyone)
    s11_turned = clusters / (clusters - 1) * sum(of_negatives(0, i) * of_positives(1, i) for i in everyone)
    return s10 / m + s01 / n + (s11 + s11_turned) / (m * n)


def test_one_image_a_patient_is_procs_delong(golden):
    for case in golden("delong.json"):
        truth, runs = np.array(case["truth"], dtype=np.uint8), np.array([case["a"], case["b"]])
        aucs, influences = analysed(truth, runs)
        covariance = clustered_covariance(influences)
        assert aucs == pytest.approx([case["auc_a"], case["auc_b"]], abs=1e-14), case["data"]
        assert np.diag(covariance) == pytest.approx([case["var_a"], case["var_b"]], rel=1e-11), case["data"]
        assert covariance[0, 1] == covariance[1, 0] == pytest.approx(case["cov"], abs=1e-15), case["data"]
        for k, limits in enumerate((case["ci_a"], case["ci_b"])):  # pROC's are untransformed and cut at 0 and 1
            reach = stats.norm.ppf(0.975) * covariance[k, k] ** 0.5
            assert limits == pytest.approx(np.clip([aucs[k] - reach, aucs[k] + reach], 0, 1), abs=1e-12), case["data"]
        own = interval(aucs[:1], covariance[:1, :1], 0.95)
        assert (own.low, own.high) == pytest.approx(tuple(case["logit_a"]), rel=1e-11), case["data"]
        assert (own.name, own.df) == ("patients:delong", None)
        test = compare(aucs[:1], aucs[1:], covariance, 0.95)
        assert test.statistic == pytest.approx(case["z"], rel=1e-9), case["data"]
        assert test.p_value == pytest.approx(case["p_value"], rel=1e-9), case["data"]
        assert (test.low, test.high) == pytest.approx(tuple(np.clip(case["conf_int"], -1, 1)), abs=1e-12), case["data"]
        assert (test.test, test.scope, test.df) == ("delong-clustered", "patients", None)


@settings(max_examples=60)
@given(st.integers(6, 40), st.integers(2, 9), st.integers(1, 12), st.integers(0, 2**32))
def test_several_images_a_patient_is_obuchowskis_formula(n: int, n_patients: int, levels: int, seed: int):
    rng = np.random.default_rng(seed)
    truth, patient = rng.random(n) < 0.4, rng.integers(0, n_patients, n)
    truth[:4], patient[:4] = (True, True, False, False), (0, 1, 0, 1)
    runs = rng.integers(0, levels, (3, n))
    covariance = clustered_covariance(analysed(truth, runs, patient, n_patients + 2)[1])  # two patients without images
    for r in range(3):
        for s in range(3):
            assert covariance[r, s] == pytest.approx(obuchowski_1997(truth, runs[r], runs[s], patient), abs=1e-13)
    assert np.linalg.eigvalsh(covariance).min() > -1e-13


def test_duplicating_every_image_inside_its_patient_tells_nothing_new():
    truth, runs, patient = made(0)
    aucs, once = analysed(truth, runs, patient)
    aucs_twice, twice = analysed(np.repeat(truth, 2), np.repeat(runs, 2, axis=1), np.repeat(patient, 2))
    assert aucs_twice.tolist() == aucs.tolist()
    assert clustered_covariance(twice).tolist() == clustered_covariance(once).tolist()
    # Image by image it pretends to a larger sample: factors m/(m - 1) and n/(n - 1) become m/(2m - 1) and n/(2n - 1).
    _, images = analysed(truth, runs)
    copies = clustered_covariance(analysed(np.repeat(truth, 2), np.repeat(runs, 2, axis=1))[1])
    m, n = images[0].m, images[0].n
    for k, run in enumerate(images):
        shrunk = m / (2 * m - 1) * (run.of_positives**2).sum() + n / (2 * n - 1) * (run.of_negatives**2).sum()
        assert copies[k, k] == pytest.approx(shrunk, rel=1e-12)


def test_influences_are_derivatives_by_the_weight_of_a_patient():
    truth, runs, patient = made(1, n=60, n_patients=15, n_runs=1)
    _, (found,) = analysed(truth, runs, patient)
    step = 1e-5
    for i in range(15):
        up, down = (roc_auc_score(truth, runs[0], sample_weight=1 + h * (patient == i)) for h in (step, -step))
        assert found.of_positives[i] + found.of_negatives[i] == pytest.approx((up - down) / (2 * step), abs=1e-9)
    assert (found.m, found.n) == (truth.sum(), (~truth).sum())
    counts = [len(set(patient[mask])) for mask in (truth, ~truth, truth | True)]
    assert [found.n_patients_positive, found.n_patients_negative, found.n_patients] == counts


def test_influences_on_averages_are_derivatives_too_and_the_weights_vary_with_the_patients():
    n, n_patients = 60, 12
    labels = [made(seed, n=n, n_patients=n_patients, n_runs=2)[:2] for seed in (1, 2, 3)]
    patient = made(1, n=n, n_patients=n_patients)[2]
    asked = MeasurementOptions(metrics=("auc",), replicates=0, seed=0, dataset="d")
    average = LabelAverage("all", n_patients, patient)
    for k, (truth, runs) in enumerate(labels):
        images = Images(truth, patient, n_patients)
        average.add(
            measure_label(asked, str(k), images, runs, [None] * 2, [None] * 2)[0], positives_variants(images, asked)
        )

    def averages(run: int, weight: np.ndarray) -> dict[str, float]:
        aucs = [roc_auc_score(truth, runs[run], sample_weight=weight) for truth, runs in labels]
        return {
            "macro": float(np.mean(aucs)),
            "weighted": float(np.average(aucs, weights=[weight[truth].sum() for truth, _ in labels])),
        }

    step = 1e-5
    for measured in average.averages():
        found = average.influence_on(measured.label, measured.values)
        assert found is not None
        assert found.sum(axis=1) == pytest.approx([0, 0], abs=1e-15)
        for run in range(2):
            for i in range(n_patients):
                up, down = (averages(run, 1 + h * (patient == i))[measured.label] for h in (step, -step))
                assert found[run, i] == pytest.approx((up - down) / (2 * step), abs=1e-9)


def test_influence_covariance_by_hand():
    found = influence_covariance(np.array([[0.02, -0.01, -0.01], [0.0, 0.03, -0.03]]))
    assert found == pytest.approx(1.5 * np.array([[0.0006, 0.0], [0.0, 0.0018]]), abs=1e-18)
    assert np.isnan(influence_covariance(np.zeros((2, 1)))).all()


def test_a_runs_covariances_do_not_depend_on_the_other_runs():
    truth, runs, patient = made(2)
    _, influences = analysed(truth, runs, patient)
    all_runs = clustered_covariance(influences)
    assert clustered_covariance(influences[1:3]).tolist() == all_runs[1:3, 1:3].tolist()
    assert all_runs.tolist() == all_runs.T.tolist()


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([np.arctan, np.exp, lambda s: 7 - 2 / (s + 30)]), st.integers(1, 3))
def test_only_the_ranks_count_and_swapping_arms_turns_the_sign(seed: int, monotone, n_a: int):
    truth, runs, patient = made(seed)
    aucs, influences = analysed(truth, runs, patient)
    covariance = clustered_covariance(influences)
    changed_aucs, changed = analysed(truth, monotone(runs / 4), patient)
    assert changed_aucs.tolist() == aucs.tolist()
    assert clustered_covariance(changed).tolist() == covariance.tolist()
    turned_aucs, turned = analysed(truth, -runs, patient)
    assert turned_aucs == pytest.approx(1 - aucs, abs=1e-15)
    assert clustered_covariance(turned) == pytest.approx(covariance, abs=1e-16)
    one = compare(aucs[:n_a], aucs[n_a:], covariance, 0.9)
    swapped = np.roll(np.arange(4), -n_a)
    two = compare(aucs[n_a:], aucs[:n_a], covariance[np.ix_(swapped, swapped)], 0.9)
    assert one.difference == -two.difference
    assert (one.statistic, one.low, one.high) == pytest.approx((-two.statistic, -two.high, -two.low))  # type: ignore
    assert (one.se, one.p_value) == pytest.approx((two.se, two.p_value))


def test_seeds_are_averaged_and_their_whole_block_of_covariance_with_them():
    truth, runs, patient = made(5, n_runs=5)
    aucs, influences = analysed(truth, runs, patient)
    covariance = clustered_covariance(influences)
    found = interval(aucs[:3], covariance[:3, :3], 0.9)
    assert found.low is not None
    assert found.high is not None
    mean, se = aucs[:3].mean(), (covariance[:3, :3].sum() / 9) ** 0.5
    assert found.se == pytest.approx(se, rel=1e-12)
    reach = stats.norm.ppf(0.95) * se / (mean * (1 - mean))
    assert special.logit([found.low, found.high]) == pytest.approx(special.logit(mean) + np.array([-reach, reach]))
    weights = np.array([1 / 3] * 3 + [-1 / 2] * 2)
    test = compare(aucs[:3], aucs[3:], covariance, 0.9)
    assert test.se is not None
    assert test.difference == pytest.approx(weights @ aucs, abs=1e-15)
    assert test.se == pytest.approx((weights @ covariance @ weights) ** 0.5, rel=1e-10)
    assert test.p_value == pytest.approx(2 * stats.norm.sf(abs(weights @ aucs) / test.se), rel=1e-10)


@pytest.mark.parametrize("dtype", ["?", "u1", "u8", "i1", "i8", "f2", "f4", "f8"])
def test_every_dtype_of_truth_and_score_gives_the_same(dtype: str):
    truth, runs, patient = made(6)
    expected = clustered_covariance(analysed(truth, runs > 1, patient)[1])
    found = clustered_covariance(analysed(truth.astype(dtype), (runs > 1).astype(dtype), patient)[1])
    assert found.tolist() == expected.tolist()


def test_what_does_not_exist_is_null_with_the_reason():
    truth, runs, patient = made(7)
    aucs, _ = analysed(truth, runs, patient)
    for one_patients in (truth, ~truth):
        nothing = clustered_covariance(analysed(truth, runs, np.where(one_patients, 0, patient))[1])
        assert np.isnan(nothing).all()
        assert "of one patient" in (interval(aucs, nothing, 0.95).undefined_because or "")
        lost = compare(aucs[:2], aucs[2:], nothing, 0.95)
        assert "of one patient" in (lost.undefined_because or "")
        assert (lost.low, lost.high, lost.p_value) == (None, None, None)

    perfect_aucs, perfect = analysed(truth, np.array([truth, truth]), patient)
    nothing = clustered_covariance(perfect)
    assert "at the edge" in (interval(perfect_aucs, nothing, 0.95).undefined_because or "")
    assert "no variation" in (compare(perfect_aucs[:1], perfect_aucs[1:], nothing, 0.95).undefined_because or "")

    constant_aucs, constant = analysed(truth, np.ones((1, 120)), patient)
    assert "no variation" in (interval(constant_aucs, clustered_covariance(constant), 0.95).undefined_because or "")


@pytest.mark.parametrize("seed", range(8))
def test_arms_that_rank_alike_have_no_test_whatever_the_order_of_their_seeds(seed: int):
    truth, runs, patient = made(seed, n_runs=3)
    twice = np.concatenate([runs, np.exp(runs[[2, 0, 1]])])
    aucs, influences = analysed(truth, twice, patient)
    found = compare(aucs[:3], aucs[3:], clustered_covariance(influences), 0.95)
    assert found.difference == pytest.approx(0, abs=1e-15)
    assert "no variation" in (found.undefined_because or "")
    assert found.p_value is None
