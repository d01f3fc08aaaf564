"""Seeds that may have failed or are outlying: flagged, counted, and kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.training_records.seed_checks import deviations_of, highest_failure_rate

LABELS = ("Edema", "Effusion", "Pneumonia")
EXACT = {"rel": 0, "abs": 1e-12}


def check_of(result, run_id):
    (found,) = [check for check in result.seed_checks if check.run_id == run_id]
    return found


def macro_auc(frame):
    values = []
    for label in LABELS:
        kept = frame[f"target_{label}"].notna().to_numpy()
        truth = frame[f"target_{label}"][kept].astype(int)
        values.append(roc_auc_score(truth, frame[f"score_{label}"][kept]))
    return float(np.mean(values))


@pytest.fixture
def learnt_and_not(write_run, runs):
    """Three seeds that learnt and one whose scores are noise, on validation too."""
    for seed in range(3):
        write_run("tl", seed, skill=3)
    write_run("tl", 3, skill=0)
    return runs


def test_validation_auc_and_its_interval_by_leaving_out_each_patient(learnt_and_not):
    result = evaluate(learnt_and_not, replicates=0)
    for seed in range(4):
        frame = pd.read_parquet(learnt_and_not / f"tl-s{seed}" / "predictions-validation.parquet")
        auc = macro_auc(frame)
        patients = frame["patient_id"].unique()
        without = np.array([macro_auc(frame[frame["patient_id"] != patient]) for patient in patients])
        n = len(patients)
        se = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
        reach = stats.t.ppf(0.975, n - 1) * se / (auc * (1 - auc))
        check = check_of(result, f"tl-s{seed}")
        assert check.validation_auc == pytest.approx(auc, **EXACT)
        assert (check.low, check.high) == pytest.approx(tuple(expit([logit(auc) - reach, logit(auc) + reach])), **EXACT)
        assert check.failed == (check.low <= 0.5)
        assert check.interval == "patients:jackknife"
    assert [check.failed for check in result.seed_checks] == [False, False, False, True]


def test_a_failed_seed_is_counted_noted_and_kept(learnt_and_not, tmp_path):
    result = evaluate(learnt_and_not, replicates=0)
    (rate,) = result.failure_rates
    assert (rate.arm, rate.n_failed, rate.n_checked, rate.n_seeds) == ("tl", 1, 4, 4)
    # The limit is where one failure or none of four has a probability of 5 %.
    limit = optimize.brentq(lambda p: stats.binom.cdf(1, 4, p) - 0.05, 0, 1, xtol=1e-14)
    assert rate.high == pytest.approx(limit, abs=1e-9)
    (note,) = [note for note in result.settings.notes if "may have failed" in note]
    assert note.startswith("1 of 4 runs of tl may have failed: tl-s3 (validation AUC 0.")
    assert note.endswith("does not lie above 0.5. All results include it")
    estimate = next(row for row in result.estimates if (row.metric, row.label) == ("auc", "macro"))
    values = [row.value for row in result.runs if (row.metric, row.label) == ("auc", "macro")]
    assert estimate.n_seeds == len(values) == 4
    assert estimate.value == pytest.approx(np.mean(values), **EXACT)
    result.write(tmp_path / "results.json")
    assert EvaluationResult.read(tmp_path / "results.json") == result


@pytest.mark.parametrize("k", [1, 2, 3, 5, 10])
def test_what_k_seeds_without_a_failure_cannot_exclude(k):
    assert highest_failure_rate(0, k) == pytest.approx(1 - 0.05 ** (1 / k), **EXACT)
    assert highest_failure_rate(k, k) == 1


def test_three_seeds_cannot_exclude_63_percent(two_arms):
    for rate in evaluate(two_arms, replicates=0).failure_rates:
        assert rate.n_seeds == rate.n_checked
    assert round(100 * highest_failure_rate(0, 3)) == 63


def test_without_validation_predictions_nothing_is_known(write_run, runs):
    for seed in range(3):
        write_run("tl", seed, validation=False)
    result = evaluate(runs, replicates=0)
    assert {(check.failed, check.undefined_because) for check in result.seed_checks} == {
        (None, "the run has no validation predictions")
    }
    (rate,) = result.failure_rates
    assert (rate.n_checked, rate.n_failed, rate.high) == (0, 0, None)
    assert rate.undefined_because == "the run has no validation predictions"


def test_a_loss_that_is_not_finite_is_a_divergence(write_run, runs):
    losses = [[0.7, 0.5, 0.4], [0.7, np.nan, np.inf]]
    for seed, loss in enumerate(losses):
        history = pd.DataFrame({"epoch": [1, 2, 3], "loss": loss, "auc": [0.5, 0.6, 0.7]})
        write_run("tl", seed, skill=3, history=history)
    result = evaluate(runs, replicates=0)
    assert [check.failed for check in result.seed_checks] == [False, True]
    assert check_of(result, "tl-s1").diverged_because == "its loss is nan in epoch 2 (history.csv)"
    assert any("may have failed: tl-s1 (its loss is nan in epoch 2" in note for note in result.settings.notes)


def test_outlying_seeds_are_over_five_deviations_of_four_seeds_or_more():
    values = [0.80, 0.81, 0.79, 0.62]
    # Median 0.795; deviations 0.005, 0.015, 0.005, 0.175, whose median is 0.010.
    assert deviations_of(values) == pytest.approx([0.5, 1.5, 0.5, 17.5])
    assert deviations_of([0.8, 0.81, 0.62]) == [None, None, None]
    assert deviations_of([*values, None]) == [*deviations_of(values), None]
    assert deviations_of([0.8, None, 0.81, 0.62]) == [None] * 4
    assert deviations_of([0.8, 0.8, 0.8, 0.6]) == [None] * 4  # no deviation to measure by


def test_an_outlying_seed_is_noted_by_the_primary_metric(write_run, two_arms, study):
    # Three more seeds of tl, of which one has scores without skill on the test images.
    for seed in (3, 4, 5):
        write_run("tl", seed, name="TL", skill=1.0)
    write_run("tl", 6, name="TL", skill=-3.0)
    declared = study('primary = {arm_a = "AT", arm_b = "TL", label = "Edema"}')
    result = evaluate(two_arms, study=declared, replicates=0)
    of_arm = [check for check in result.seed_checks if check.arm == "tl"]
    assert {(check.metric, check.label) for check in of_arm} == {("auc", "Edema")}
    values = [row.value for row in result.runs if (row.arm, row.metric, row.label) == ("tl", "auc", "Edema")]
    expected = np.abs(values - np.median(values)) / stats.median_abs_deviation(values)
    assert [check.deviations for check in of_arm] == pytest.approx(expected)
    assert [check.outlying for check in of_arm] == list(expected > 5)
    assert of_arm[-1].outlying
    assert any(note.startswith("tl: outlying by auc (Edema): tl-s6 (0.") for note in result.settings.notes)
