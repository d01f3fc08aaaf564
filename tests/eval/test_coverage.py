"""The coverage simulation in small: its truth is true, its numbers do not depend on who computes them, and the default
interval holds the truth about as often as it says, where the usual one does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks.coverage_study.__main__ import main
from benchmarks.coverage_study.measure import HABIT, RESAMPLED, analyse
from benchmarks.coverage_study.simulate import Cell, draw, read_cells
from benchmarks.coverage_study.tables import summary

CELLS = read_cells()
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
    assert all(having({"metric": metric, "label": label})
               for metric, label in (("auc", "label 0"), ("auc", "macro"), ("f1", "weighted")))  # fmt: skip
    assert {cell.n_arms for cell in CELLS.values()} == {2, 7}
    spread = {round((cell.seed_sd[1] / cell.seed_sd[0]) ** 2) for cell in CELLS.values() if cell.seed_sd[0]}
    assert spread == {1, 4, 16}
