"""The recipe of a metric, with Youden's J: it works in the study file, the results and the report."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

LABELS = ("Edema", "Effusion")
THRESHOLD = 0.5
SEEDS = (0, 1)
SKILL = {"TL": 0.6, "AT": 1.4}


def write_predictions(folder: Path) -> None:
    """Two arms of two seeds: 80 images of 40 patients, the same targets in every file."""
    truth = np.random.default_rng(0).random((80, 2)) < 0.4
    for arm, skill in SKILL.items():
        for seed in SEEDS:
            noise = np.random.default_rng([seed, len(arm), int(10 * skill)]).normal(size=truth.shape)
            scores = 1 / (1 + np.exp(-(skill * (2 * truth - 1) + noise)))
            columns = {
                "image_id": [f"i{k:02d}" for k in range(80)],
                "patient_id": [f"p{k // 2:02d}" for k in range(80)],
            }
            columns |= {f"target_{label}": truth[:, k].astype(int) for k, label in enumerate(LABELS)}
            columns |= {f"score_{label}": scores[:, k].round(6) for k, label in enumerate(LABELS)}
            pd.DataFrame(columns).to_csv(folder / f"{arm.lower()}_s{seed}.csv", index=False)


def youden_by_hand(path: Path, label: str) -> float:
    """Sensitivity + specificity - 1 of one file, counted from its rows."""
    frame = pd.read_csv(path)
    called, truth = frame[f"score_{label}"] >= THRESHOLD, frame[f"target_{label}"] == 1
    return called[truth].mean() + (~called[~truth]).mean() - 1


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    write_predictions(tmp_path)
    return tmp_path


@pytest.fixture
def values(predictions: Path) -> dict[tuple[str, int, str], float]:
    """Youden's J of each arm, seed and label."""
    return {
        (arm, seed, label): youden_by_hand(predictions / f"{arm.lower()}_s{seed}.csv", label)
        for arm in SKILL
        for seed in SEEDS
        for label in LABELS
    }


def test_a_new_metric_is_in_options_study_file_results_and_report(recipe, predictions: Path, values):
    copy = recipe("Add a metric")
    declared = f'name = "toy"\n[analysis]\nthreshold_rule = "fixed={THRESHOLD}"\n'
    (predictions / "thresholds.toml").write_text(declared, encoding="utf-8")
    (predictions / "study.toml").write_text(f'{declared}add = ["youden"]\n', encoding="utf-8")
    evaluate = ["-m", "medkt", "evaluate", *(option for arm in SKILL for option in _arm(arm))]

    copy.run(*evaluate, "--study", "study.toml", "--replicates", "200", "--out", "declared", cwd=predictions)
    _check_results(predictions / "declared" / "results.json", values)
    _check_report(predictions / "declared" / "report", values)

    option = ["--study", "thresholds.toml", "--replicates", "0", "--no-report", "--add", "youden"]
    copy.run(*evaluate, *option, "--out", "option", cwd=predictions)
    _check_results(predictions / "option" / "results.json", values)


def _arm(arm: str) -> tuple[str, str]:
    return "--arm", f"{arm}={arm.lower()}_s*.csv"


def _check_results(path: Path, values: dict[tuple[str, int, str], float]) -> None:
    results = json.loads(path.read_text(encoding="utf-8"))
    assert results["settings"]["add"] == ["youden"]
    names = {arm["arm"]: arm["name"] for arm in results["arms"]}
    runs = {
        (names[row["arm"]], row["seed"], row["label"]): row["value"]
        for row in results["runs"]
        if row["metric"] == "youden" and row["label"] in LABELS
    }
    assert runs == pytest.approx(values, rel=0, abs=1e-12)
    estimates = [row for row in results["estimates"] if row["metric"] == "youden" and row["label"] == "macro"]
    assert {row["interval"] for row in estimates} >= {"seeds+patients:or", "seeds:t"}
    for row in estimates:
        assert row["value"] == pytest.approx(_mean(values, names[row["arm"]]), rel=0, abs=1e-12)
    comparisons = [row for row in results["comparisons"] if row["metric"] == "youden" and row["label"] == "macro"]
    assert {"obuchowski-rockette", "t-welch"} <= {row["test"] for row in comparisons}
    for row in comparisons:
        expected = _mean(values, names[row["arm_a"]]) - _mean(values, names[row["arm_b"]])
        assert row["difference"] == pytest.approx(expected, rel=0, abs=1e-12)
        if row["test"] == "obuchowski-rockette":
            assert row["low"] < row["difference"] < row["high"]
            assert row["p_value"] is not None


def _check_report(report: Path, values: dict[tuple[str, int, str], float]) -> None:
    with (report / "tables" / "operating-points.csv").open(encoding="utf-8", newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["Metric"] == "Youden's J"]
    numbers = {float(cell) for name, cell in row.items() if name not in ("Group", "Metric", "synthetic") and cell}
    for arm in SKILL:
        assert min(abs(number - _mean(values, arm)) for number in numbers) < 1e-12
    secondary = (report / "tables" / "secondary.csv").read_text(encoding="utf-8")
    assert "macro Youden's J" in secondary
    assert "Youden&#39;s J" in (report / "index.html").read_text(encoding="utf-8")


def _mean(values: dict[tuple[str, int, str], float], arm: str) -> float:
    return float(np.mean([values[arm, seed, label] for seed in SEEDS for label in LABELS]))
