"""The calibration errors: against pairs of images, another package, and scikit-learn's parts; what has no interval."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from medkt_eval import evaluate
from medkt_eval.errors import InputError
from medkt_eval.metrics.of_probabilities import squared_calibration_error
from medkt_eval.metrics.sums import N_BINS, bins

EXACT = {"rtol": 0, "atol": 1e-12}
OR = "seeds+patients:or"
SCORES = st.one_of(st.sampled_from([k / N_BINS for k in range(N_BINS + 1)]), st.floats(0, 1))


def pair_by_pair(truth: np.ndarray, score: np.ndarray, patient: np.ndarray) -> float:
    """In each bin the mean product of residuals over pairs of images of two patients; their mean over images."""
    place = np.clip(np.ceil(score * N_BINS), 1, N_BINS)
    total = 0.0
    for k in range(1, N_BINS + 1):
        inside = np.flatnonzero(place == k)
        products = [
            (truth[i] - score[i]) * (truth[j] - score[j]) for i in inside for j in inside if patient[i] != patient[j]
        ]
        total += len(inside) / len(score) * float(np.mean(products)) if products else 0.0
    return total


def without_each(truth: np.ndarray, score: np.ndarray, patient: np.ndarray, n_patients: int) -> list[float]:
    """The same without each patient; NaN if no image is left."""
    kept = [patient != i for i in range(n_patients)]
    return [pair_by_pair(truth[k], score[k], patient[k]) if k.any() else np.nan for k in kept]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.booleans(), SCORES, st.integers(0, 4)), min_size=1, max_size=14))
@example([(True, 0.0, 0), (False, 0.0, 0)])  # one patient
@example([(True, 1 / 15, 0), (False, 1 / 15, 1), (True, 1 / 15, 1), (True, 2 / 15, 2)])  # edges, a bin of one patient
def test_as_over_all_pairs_of_images_of_different_patients(rows):
    truth, score, patient = (np.array(column) for column in zip(*rows, strict=True))
    table = bins(truth, score, patient, 6)  # the last patient has no image
    np.testing.assert_allclose(squared_calibration_error(table.total), pair_by_pair(truth, score, patient), **EXACT)
    expected = without_each(truth, score, patient, 6)
    np.testing.assert_allclose(squared_calibration_error(table.without_patient), expected, **EXACT)


@pytest.mark.parametrize("place", [0, 1])
def test_against_another_package(golden, place):
    case = golden("calibration_error.json")[place]
    score, truth = np.array(case["scores"]), np.array(case["truth"]) == 1
    place = np.clip(np.ceil(score * N_BINS), 1, N_BINS)
    means = np.array([score[place == k].mean() for k in place])  # which the package compares with shares
    one_image_a_patient = bins(truth, means, np.arange(len(truth)), len(truth))
    found = squared_calibration_error(one_image_a_patient.total)
    np.testing.assert_allclose(found, case["squared"], **EXACT)
    np.testing.assert_allclose(max(found, 0) ** 0.5, case["root"], **EXACT)


def predictions(slope: float, seed: int, n: int = 260) -> pd.DataFrame:
    """Scores of two findings whose logits are `slope` times too large; patients of several images, masked targets."""
    truth, noise = np.random.default_rng(5), np.random.default_rng(seed)
    patient = np.r_[np.arange(70), truth.integers(0, 70, n - 70)]
    logit = truth.normal(-0.5, 1.2, (n, 2)) + truth.normal(0, 0.7, 70)[patient, None]
    target = (truth.random((n, 2)) < 1 / (1 + np.exp(-logit))).astype(float)
    target[truth.random((n, 2)) < 0.1] = np.nan
    score = 1 / (1 + np.exp(-slope * (logit + 0.2 * noise.normal(size=logit.shape))))
    columns = {"image_id": [f"i{k}" for k in range(n)], "patient_id": [f"p{i:02d}" for i in patient]}
    columns |= {f"target_{a}": target[:, k] for k, a in enumerate("AB")}
    return pd.DataFrame(columns | {f"score_{a}": score[:, k].round(4) for k, a in enumerate("AB")})


@pytest.fixture(scope="module")
def frames():
    return {arm: [predictions(slope, 10 * k + s) for s in range(3)] for k, (arm, slope) in enumerate(ARMS.items())}


ARMS = {"calibrated": 1.0, "overconfident": 2.0}


@pytest.fixture(scope="module")
def result(frames):
    add = ["ece_top", "patients:jackknife", "mann-whitney", "subgroups", "patients:bootstrap-bca"]
    grouped = {
        arm: [frame.assign(group_half=np.where(frame.index % 2, "odd", "even")) for frame in of_arm]
        for arm, of_arm in frames.items()
    }
    return evaluate(grouped, replicates=100, add=add)


def one(rows, **wanted):
    wanted = {"group": None} | wanted
    (row,) = [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]
    return row


def by_hand(frames, label: str) -> np.ndarray:
    """Values of all runs on the data and without each patient: (6, 1 + 70)."""
    rows = []
    for frame in (frame for of_arm in frames.values() for frame in of_arm):
        kept = frame[f"target_{label}"].notna()
        truth, score = (frame.loc[kept, f"{name}_{label}"].to_numpy() for name in ("target", "score"))
        patient = frame.loc[kept, "patient_id"].str[1:].astype(int).to_numpy()
        rows.append([pair_by_pair(truth, score, patient), *without_each(truth, score, patient, 70)])
    return np.array(rows)


def test_intervals_and_tests_from_pairs_of_images_alone(frames, result):
    runs = (by_hand(frames, "A") + by_hand(frames, "B")) / 2  # macro
    value, without = runs[:, 0], runs[:, 1:]
    covariance = 69**2 / 70 * np.cov(without, ddof=1)
    means = [value[:3].mean(), value[3:].mean()]
    seeds = np.array([value[:3].var(ddof=1), value[3:].var(ddof=1)]) / 3
    blocks = covariance.reshape(2, 3, 2, 3).mean(axis=(1, 3))
    within = [(covariance[k : k + 3, k : k + 3].sum() - np.trace(covariance[k : k + 3, k : k + 3])) / 6 for k in (0, 3)]
    patients = within[0] + within[1] - 2 * blocks[0, 1]
    # docs/statistics.md: df of the patients are those of an average, 69; seeds are nested.
    nu = seeds.sum() ** 2 / (seeds**2 / 2).sum()
    g = 1 + 2 / nu
    df = (g * seeds.sum() + patients) ** 2 / ((g * seeds.sum()) ** 2 / nu + patients**2 / 69)
    reach = stats.t.ppf(0.975, df) * (seeds.sum() + patients) ** 0.5
    of = {"metric": "calibration_error_squared", "label": "macro"}
    found = one(result.comparisons, **of, test="obuchowski-rockette", arm_a="overconfident", kind="declared")
    assert found.difference == pytest.approx(means[1] - means[0], abs=1e-12)
    assert [found.low, found.high, found.df] == pytest.approx([*(means[1] - means[0] + [-reach, reach]), df], rel=1e-9)
    for arm, mean, of_seeds, of_patients in zip(ARMS, means, seeds, within, strict=True):
        df = (2 * of_seeds + of_patients) ** 2 / ((2 * of_seeds) ** 2 / 2 + of_patients**2 / 69)
        reach = stats.t.ppf(0.975, df) * (of_seeds + of_patients) ** 0.5
        row = one(result.estimates, **of, arm=arm, interval=OR)
        assert [row.value, row.low, row.high] == pytest.approx([mean, mean - reach, mean + reach], rel=1e-9)
        root = one(result.estimates, metric="calibration_error", label="macro", arm=arm, interval=OR)
        cut = [max(of, 0) ** 0.5 for of in (row.value, row.low, row.high)]
        assert [root.value, root.low, root.high] == pytest.approx(cut, abs=1e-12)
        assert root.se is None
    assert one(result.estimates, **of, arm="calibrated", interval=OR).low < 0  # never cut


def test_a_root_is_of_the_mean_over_seeds_and_labels_and_has_no_row_of_a_run(result):
    assert not [row for row in result.runs if row.metric == "calibration_error"]
    squared = [r for r in result.estimates if r.metric == "calibration_error_squared"]
    roots = [r for r in result.estimates if r.metric == "calibration_error"]
    keys = [[(r.arm, r.label, r.interval, r.group) for r in rows] for rows in (squared, roots)]
    assert keys[0] == keys[1]
    assert [r.value for r in roots] == pytest.approx([max(r.value, 0) ** 0.5 for r in squared])
    assert not [row for row in result.comparisons if row.metric == "calibration_error"]


@pytest.mark.parametrize("metric", ["ece", "ece_top"])
def test_a_biased_error_keeps_its_value_and_has_neither_interval_nor_test(frames, result, metric):
    frame = frames["overconfident"][0].dropna(subset=["target_A"])
    score, truth = frame["score_A"].to_numpy(), frame["target_A"].to_numpy() == 1
    if metric == "ece_top":
        truth, score = np.where(score >= 0.5, truth, ~truth), np.maximum(score, 1 - score)
    place = np.clip(np.ceil(score * N_BINS), 1, N_BINS)
    expected = sum(abs((truth - score)[place == k].sum()) for k in range(1, N_BINS + 1)) / len(score)
    run = next(r for r in result.runs if (r.metric, r.label, r.arm, r.seed) == (metric, "A", "overconfident", 0))
    assert run.value == pytest.approx(expected, abs=1e-12)
    rows = [row for row in result.estimates if row.metric == metric]
    assert {row.interval for row in rows} >= {OR, "seeds:t", "patients:bootstrap-percentile", "patients:bootstrap-bca"}
    assert all(row.value is not None for row in rows)
    assert {(row.se, row.low, row.high, row.df) for row in rows} == {(None, None, None, None)}
    assert all(row.undefined_because.startswith("biased upward") for row in rows)
    for rows in (result.comparisons, result.gaps, result.omnibus, result.variance_components):
        assert not [row for row in rows if row.metric == metric]


def test_the_most_probable_class_against_another_package(golden):
    case = golden("calibration_error.json")[2]
    scores, truth = np.array(case["scores"]), np.array(case["truth"])
    n = len(truth)
    frame = pd.DataFrame({"image_id": [f"i{k}" for k in range(n)], "patient_id": [f"p{k // 2}" for k in range(n)]})
    frame["target"] = np.array(["a", "b", "c"])[truth]
    frame = frame.assign(**{f"score_{label}": scores[:, k] for k, label in enumerate("abc")})
    other = frame.assign(score_a=frame["score_b"], score_b=frame["score_a"])
    for add in (["ece_top"], ["ece_top", "micro"]):
        found = evaluate({"x": [frame], "y": [other]}, replicates=0, add=add)
        runs = [row for row in found.runs if row.metric == "ece_top"]
        assert [(row.arm, row.label) for row in runs] == [("x", "micro"), ("y", "micro")]
        assert runs[0].value == pytest.approx(case["ece_top"], abs=1e-12)
    of_classes = {row.label for row in found.runs if row.metric == "calibration_error_squared"}
    assert of_classes == {"a", "b", "c", "macro", "weighted", "micro"}


@pytest.mark.parametrize("metric", ["ece", "ece_top", "calibration_error"])
def test_a_primary_contrast_on_an_error_that_is_not_tested_is_refused(frames, tmp_path, metric):
    study = tmp_path / "study.toml"
    contrast = f'primary = {{arm_a = "calibrated", arm_b = "overconfident", metric = "{metric}"}}'
    study.write_text(f"[analysis]\n{contrast}\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"not tested on '{metric}'; expected calibration_error_squared"):
        evaluate(frames, study=study, replicates=0)
    study.write_text(f"[analysis]\n{contrast.replace(metric, 'calibration_error_squared')}\n", encoding="utf-8")
    (primary,) = [row for row in evaluate(frames, study=study, replicates=0).comparisons if row.primary]
    assert primary.metric == "calibration_error_squared"
    assert primary.p_value is not None


def test_a_perfect_score_has_no_variation_and_no_interval():
    frame = predictions(1.0, 0).dropna()
    perfect = frame.assign(score_A=frame["target_A"], score_B=frame["target_B"])
    result = evaluate({"x": [perfect, perfect.copy()], "y": [frame, frame.copy()]}, replicates=0, identical_runs=True)
    for metric in ("calibration_error_squared", "calibration_error"):
        row = one(result.estimates, metric=metric, label="macro", arm="x", interval=OR)
        assert (row.value, row.low, row.high) == (0.0, None, None)
        assert "no variation" in row.undefined_because
    json.loads(result.model_dump_json())
