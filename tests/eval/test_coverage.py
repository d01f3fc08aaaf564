"""The coverage simulation in small.

Its truth is right, and its numbers do not depend on the number of processes. The default interval contains the truth
about as often as it should, and the usual interval does not. Draws depend only on a cell's name, so shares do not
change between runs. Their bounds are about three standard errors away.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import logit
from sklearn import metrics
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks.coverage_study.__main__ import main
from benchmarks.coverage_study.further_cells import ClassesCell, CurveCell, GroupCell, MetricCell, read_further
from benchmarks.coverage_study.measure import HABIT, HILLIS, NOT_CENTRED, RESAMPLED, analyse
from benchmarks.coverage_study.procedures import analyse_further
from benchmarks.coverage_study.simulate import Cell, draw, read_cells
from benchmarks.coverage_study.tables import summary
from medkt_eval.measurement.net_benefit import net_benefit
from medkt_eval.metrics.sums import calls, probability_bin
from medkt_eval.results.vocabulary import METRICS

CELLS = read_cells()
FURTHER = read_further()
OR = "seeds+patients:or"
OR_TEST = "seeds+patients:obuchowski-rockette"


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], dict]:
    """200 studies of one cell, intervals without resampling."""
    cell = CELLS["1:1, k=3"]
    outcomes = [one for number in range(RESAMPLED, RESAMPLED + 200) for one in analyse(cell, number)]
    return {(row["of"], row["name"]): row for row in summary(cell, outcomes)["rows"]}


def test_default_covers(found: dict) -> None:
    for of, name in (("difference", OR_TEST), ("arm 0", OR), ("arm 1", OR)):
        assert found[of, name]["covers_of"] == 200
        assert 0.905 < found[of, name]["covers"] < 0.99  # 3 standard errors below, 2.6 above 95 %


def test_type_i_error_is_the_share_of_intervals_without_zero(found: dict) -> None:
    row = found["difference", OR_TEST]
    assert row["rejects"] == pytest.approx(1 - row["covers"])


def test_the_usual_interval_falls_short(found: dict) -> None:
    assert found["difference", HABIT]["covers"] < 0.85
    assert found["arm 0", "seeds:normal"]["covers"] < 0.7


def test_fixed_models_are_covered_by_intervals_for_fixed_models(found: dict) -> None:
    row = found["difference", "patients:delong-clustered"]
    assert row["covers"] < row["covers_own"]
    assert 0.905 < row["covers_own"] < 0.99


@pytest.mark.parametrize("name", ["1:1, k=3, arms 1:16", "9:1, k=3, macro AUC, 7 arms"])
def test_truth_of_auc_is_what_the_cell_says(name: str) -> None:
    cell = CELLS[name]
    np.testing.assert_allclose(cell.truth, np.mean(cell.auc), atol=1e-12)


def test_truth_is_that_of_many_patients() -> None:
    many = {"patients": 40_000, "seed_sd": (0.0, 0.0), "seeds": 1}
    auc, f1 = (replace(CELLS[name], **many) for name in ("1:1, k=3, macro AUC", "1:1, k=3, weighted F1"))
    test = draw(auc, 0).test
    truth, scores = test.predictions.targets, test.scores[:, 0].T
    assert truth.mean(axis=0) == pytest.approx(auc.prevalence, abs=0.005)
    assert roc_auc_score(truth, scores, average="macro") == pytest.approx(auc.truth[0], abs=0.005)
    weighted = f1_score(truth, scores >= f1.thresholds, average="weighted")
    assert weighted == pytest.approx(f1.truth[0], abs=0.005)


def test_unequal_seeds_have_the_variances_that_the_cell_says() -> None:
    cell = replace(CELLS["9:1, k=3, arms 1:16"], patients=2000, seeds=60)
    values = np.array([draw(cell, number).of_models for number in range(3)])
    assert values.shape == (3, 2)
    test = draw(cell, 0).test
    of_runs = [roc_auc_score(test.truth(0), run) for run in test.scores[0]]
    small, large = np.var(of_runs[:60], ddof=1), np.var(of_runs[60:], ddof=1)
    assert 8 < large / small < 28


def test_a_study_depends_on_its_number_alone() -> None:
    cell = CELLS["1:1, k=3"]
    one, again, other = (analyse(cell, number) for number in (RESAMPLED, RESAMPLED, RESAMPLED + 1))
    assert one == again
    assert one != other
    with_others = draw(cell, 7, retrained=5)
    np.testing.assert_array_equal(with_others.test.scores, draw(cell, 7).test.scores)
    assert with_others.retrained is not None
    assert with_others.retrained.scores.shape[1] == 10


def test_a_label_without_positives_is_counted() -> None:
    cell = replace(CELLS["1:1, k=3"], patients=20, prevalence=(0.01,))
    made = summary(cell, [one for number in range(600, 630) for one in analyse(cell, number)])
    absent = sum(not draw(cell, number).test.predictions.targets.any() for number in range(600, 630))
    assert 0 < absent < 30
    assert made["undefined"] == absent


def test_a_cell_that_is_done_is_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "coverage.json"
    given = ["--cells", "1:1, k=3, crossed", "--studies", "3", "--processes", "1", "--out", str(out)]
    main(given)
    first = out.read_bytes()
    assert "| 1:1, k=3, crossed |" in capsys.readouterr().out
    main(given)
    assert out.read_bytes() == first
    assert json.loads(first)["1:1, k=3, crossed"]["studies"] == 3


def test_cells_are_what_was_asked_for() -> None:
    def having(wanted: dict) -> list[Cell]:
        return [cell for cell in CELLS.values() if all(getattr(cell, key) == value for key, value in wanted.items())]

    assert all(having({"seeds": k}) for k in (2, 3, 5, 10))
    assert all(having({"patients": patients}) for patients in (100, 300))
    assert all(
        having({"metric": metric, "label": label})
        for metric, label in (("auc", "label 0"), ("auc", "macro"), ("f1", "weighted"))
    )
    assert {cell.n_arms for cell in CELLS.values()} == {2, 7}
    spread = {round((cell.seed_sd[1] / cell.seed_sd[0]) ** 2) for cell in CELLS.values() if cell.seed_sd[0]}
    assert spread == {1, 4, 16}


def large(name: str) -> dict:
    """A further cell's study of two equal models and 120,000 images: truth, and the first model's scores."""
    cell = replace(FURTHER[name], patients=40_000, seeds=1, seed_sd=(0.0, 0.0))
    test = cell.draw(0).test if isinstance(cell, ClassesCell) else draw(cell, 0).test
    return {"cell": cell, "test": test, "y": test.predictions.targets, "score": test.scores[0, 0]}


@pytest.mark.parametrize(
    "name",
    [
        "average precision",
        "sensitivity at specificity",
        "sensitivity",
        "specificity",
        "balanced accuracy",
        "PPV",
        "NPV",
        "Brier",
    ],
)
def test_truth_of_further_metrics_is_that_of_many_patients(name: str) -> None:
    found = large(name)
    y, score, cell = found["y"][:, 0], found["score"], found["cell"]
    called = score >= cell.thresholds[0]
    false_calls, hits, _ = metrics.roc_curve(y, score)
    by_scikit_learn: dict[str, Callable[[], float]] = {
        "average precision": lambda: metrics.average_precision_score(y, score),
        "sensitivity at specificity": lambda: float(hits[false_calls <= 0.1].max()),
        "sensitivity": lambda: metrics.recall_score(y, called),
        "specificity": lambda: metrics.recall_score(y, called, pos_label=0),
        "balanced accuracy": lambda: metrics.balanced_accuracy_score(y, called),
        "PPV": lambda: metrics.precision_score(y, called),
        "NPV": lambda: metrics.precision_score(1 - y, ~called),
        "Brier": lambda: metrics.brier_score_loss(y, score),
    }
    assert by_scikit_learn[name]() == pytest.approx(cell.truth[0], abs=0.008)


@pytest.mark.parametrize("sharpness", ["calibrated", "overconfident"])
def test_truth_of_calibration_is_that_of_many_patients(sharpness: str) -> None:
    found = large(f"slope, {sharpness}")
    y, x = found["y"][:, 0], logit(found["score"])
    slope = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial()).fit().params[1]
    intercept = sm.GLM(y, np.ones_like(x), offset=x, family=sm.families.Binomial()).fit().params[0]
    assert slope == pytest.approx(found["cell"].truth[0], abs=0.02)
    seed_sd = {"seeds": 1, "seed_sd": (0.0, 0.0)}
    assert intercept == pytest.approx(replace(FURTHER[f"intercept, {sharpness}"], **seed_sd).truth[0], abs=0.03)
    squares = replace(FURTHER["calibration error, arms 1 and 2"], **seed_sd).truth
    bins = probability_bin(found["score"])
    residuals, images = np.bincount(bins, y - found["score"]), np.bincount(bins)
    expected = squares[0 if sharpness == "calibrated" else 1]
    assert (residuals**2 / images.clip(1)).sum() / y.size == pytest.approx(expected, abs=0.0006)


def test_arms_of_other_sharpness_are_not_equal_and_are_judged_apart() -> None:
    equal, apart = FURTHER["calibration error, equal arms"], FURTHER["calibration error, arms 1 and 1.4"]
    assert (equal.has_equal_arms, apart.has_equal_arms) == (True, False)
    assert equal.truth[0] == equal.truth[1] == pytest.approx(apart.truth[0])
    assert apart.truth[1] > 4 * apart.truth[0]
    found = judged("calibration error, arms 1 and 1.4", 60)
    assert {of for of, name in found if name == OR} == {"arm 0", "arm 1"}
    assert found["arm 0", OR]["studies"] == 60  # the root's rows are not counted too
    assert all(found[key]["covers"] > 0.86 for key in (("arm 0", OR), ("arm 1", OR), ("difference", OR_TEST)))


def test_average_precision_is_judged_with_and_without_its_bias() -> None:
    found = judged("average precision, prevalence 5 %, 100 patients", 3)
    assert found["arm 0", NOT_CENTRED]["covers_of"] == found["arm 0", OR]["covers_of"] == 3
    assert found["arm 0", NOT_CENTRED]["width"] != found["arm 0", OR]["width"]
    assert ("arm 0", NOT_CENTRED) not in judged("sensitivity", 1)


def test_truth_of_classes_is_that_of_many_patients() -> None:
    found = large("kappa of 3 classes")
    y, called = found["y"], found["test"].scores[:, 0].argmax(axis=0)
    of_all = {
        name: replace(FURTHER[f"{name} of 3 classes"], seed_sd=(0.0, 0.0)).truth[0]
        for name in ("kappa", "accuracy", "balanced accuracy")
    }
    assert metrics.cohen_kappa_score(y, called, weights="quadratic") == pytest.approx(of_all["kappa"], abs=0.008)
    assert metrics.accuracy_score(y, called) == pytest.approx(of_all["accuracy"], abs=0.006)
    assert metrics.balanced_accuracy_score(y, called) == pytest.approx(of_all["balanced accuracy"], abs=0.006)


@pytest.mark.parametrize("name", ["half the patients, a gap", "half the images"])
def test_truth_of_groups_is_that_of_many_patients(name: str) -> None:
    cell = FURTHER[name]
    assert isinstance(cell, GroupCell)
    many = replace(cell, patients=40_000, seeds=1, seed_sd=(0.0, 0.0))
    test = many.test_set(0)
    inside, y = test.predictions.groups["of"] == "a", test.truth(0)
    assert inside.mean() == pytest.approx(cell.share, abs=0.01)
    mixed = [0 < inside[test.patient == patient].mean() < 1 for patient in range(50)]
    assert any(mixed) == cell.by_image
    for arm, scores in enumerate(test.scores[0]):
        assert roc_auc_score(y[inside], scores[inside]) == pytest.approx(many.truth_in_group[arm], abs=0.008)
        assert roc_auc_score(y[~inside], scores[~inside]) == pytest.approx(many.truth[arm], abs=0.008)


def test_truth_of_curves_is_that_of_many_patients() -> None:
    found = large("curves, overconfident")
    cell, score, y = found["cell"], found["score"], found["y"][:, 0]
    assert isinstance(cell, CurveCell)
    bins = probability_bin(score)
    np.testing.assert_allclose(np.bincount(bins, y) / np.bincount(bins), cell.observed(0), atol=0.04)
    test = found["test"]
    by_hand = [net_benefit(calls(y == 1, score >= t, test.patient, test.n_patients).total, t) for t in (0.1, 0.4)]
    np.testing.assert_allclose(by_hand, cell.net_benefit(0, np.array([0.1, 0.4])), atol=0.006)


def judged(name: str, studies: int) -> dict[tuple[str, str], dict]:
    """Counts of the first studies of a further cell."""
    outcomes = [one for number in range(studies) for one in analyse_further(FURTHER[name], number)]
    return {(row["of"], row["name"]): row for row in summary(FURTHER[name], outcomes)["rows"]}


def test_at_the_margin_equivalence_is_claimed_in_5_percent() -> None:
    found = judged("1:1, k=3, difference -5 points", 200)
    tost, other = found["difference", "tost"], found["difference", "non-inferiority"]
    assert 0.83 < tost["covers"] < 0.97  # nominal 90 %
    assert tost["rejects"] <= 0.1
    assert tost["rejects"] <= other["rejects"] <= 0.1  # one of two one-sided tests
    assert judged("1:1, k=3, difference 5 points", 2)["difference", "non-inferiority"]["rejects_of"] == 0  # it is true


def test_families_keep_their_error() -> None:
    cell = FURTHER["0:1, k=3, 3 comparisons"]
    of_studies = [{one.name: one for one in analyse_further(cell, number)} for number in range(150)]
    for one in of_studies:
        assert not (one["holm"].rejects and not one["unadjusted"].rejects)
        assert not (one["max-t"].rejects and not one["max-t, unadjusted"].rejects)
        assert not (one["unadjusted"].covers and not one["bonferroni"].covers)
        assert one["unadjusted"].covers is not one["unadjusted"].rejects  # every null hypothesis is true
    for name in ("holm", "max-t"):
        assert np.mean([one[name].rejects is True for one in of_studies]) < 0.105
    assert np.mean([one["bonferroni"].covers is True for one in of_studies]) > 0.895


def test_only_true_null_hypotheses_can_be_rejected_in_error() -> None:
    one_true = FURTHER["0:1, k=3, 3 comparisons, one true"]
    far = replace(one_true, gain=(0.0, -0.2, -0.2, -0.2))
    assert {one.name: one.rejects for one in analyse_further(far, 0)} == dict.fromkeys(
        ("unadjusted", "holm", "bonferroni", "max-t, unadjusted", "max-t")
    )


def test_gaps_are_covered() -> None:
    found = judged("half the patients, a gap", 200)
    names = ("difference in the group", "gap of arm 0", "gap of arm 1", "difference of gaps")
    for of in names:
        assert found[of, "obuchowski-rockette"]["covers_of"] == 200
        assert 0.9 < found[of, "obuchowski-rockette"]["covers"] < 0.995
        assert found[of, "obuchowski-rockette"]["rejects_of"] == 0  # no null hypothesis is true
    assert judged("half the patients", 3)["difference of gaps", "obuchowski-rockette"]["rejects_of"] == 3


def test_calibration_slope_is_covered() -> None:
    found = judged("slope, overconfident", 60)
    assert 0.86 < found["arm 0", OR]["covers"] <= 1
    assert 0.86 < found["difference", OR_TEST]["covers"] <= 1


def test_points_of_curves_are_covered() -> None:
    found = judged("curves, overconfident", 30)
    points = [("net benefit", "at 0.20"), ("observed share", "score 0.00 to 0.07")]
    assert all(0.83 < found[point]["covers"] <= 1 for point in points)


def test_hillis_differs_from_the_default_where_seeds_vary(found: dict) -> None:
    assert found["difference", HILLIS]["width"] < found["difference", OR_TEST]["width"]
    assert found["arm 0", HILLIS]["covers"] > 0.85


def test_every_metric_has_a_cell() -> None:
    measured = {cell.metric for cell in CELLS.values()}
    measured |= {cell.metric for cell in FURTHER.values() if isinstance(cell, MetricCell | ClassesCell)}
    assert measured == {name for name, metric in METRICS.items() if metric.is_compared}  # a root is its square's
    assert not CELLS.keys() & FURTHER.keys()


def test_tables_of_further_cells_name_their_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [
        "calibration error, equal arms",
        "1:1, k=3, difference 5 points",
        "0:1, k=3, 3 comparisons",
        "half the images",
        "curves, calibrated",
    ]
    out = tmp_path / "coverage.json"
    main(["--cells", *names, "--studies", "3", "--processes", "1", "--out", str(out)])
    shown = capsys.readouterr().out
    for title in ("Other metrics", "Tests against a margin", "Families", "Groups", "Points of curves"):
        assert f"## {title}" in shown
    assert all(f"| {name} |" in shown for name in names)
    assert "100.0 ± 21.5" in shown  # of 3 studies, all: as if of half a study not
    lines = shown.splitlines()
    for k, line in enumerate(lines):
        if line.startswith("|---"):
            assert lines[k - 1].count("|") == line.count("|") == lines[k + 1].count("|")
    assert max(json.loads(out.read_text())[name]["studies"] for name in names) == 3
