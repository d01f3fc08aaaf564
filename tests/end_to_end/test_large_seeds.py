"""Seeds beyond 2^53, which float64 does not hold, from the names of files to the report, its tables and the plan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medkt_eval import evaluate
from medkt_eval.planning.sample_size import plan
from medkt_eval.results.schema import EvaluationResult
from medkt_reports.build import write_report
from medkt_reports.language.spreadsheets import csv_of

SEEDS = (2**53 + 1, 2**63 - 1, 5)
WRONG = ("9007199254740992", "9007199254740994", "9223372036854775808", "9.007", "9.223")


def table(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    target = np.arange(60) % 2
    return pd.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(60)],
            "patient_id": [f"p{k // 2}" for k in range(60)],
            "target_A": target,
            "score_A": 1 / (1 + np.exp(-(target + rng.normal(size=60)))),
        }
    )


@pytest.fixture(params=["names of files", "run.json"])
def result(request: pytest.FixtureRequest, tmp_path: Path) -> EvaluationResult:
    if request.param == "names of files":
        arms: dict[str, list[Path]] = {"TL": [], "AT": []}
        for number, (arm, seed) in enumerate((arm, seed) for arm in arms for seed in SEEDS):
            path = tmp_path / f"{arm}_seed{seed}.csv"
            table(number).to_csv(path, index=False)
            arms[arm].append(path)
        return evaluate(arms, replicates=0)
    for number, (arm, seed) in enumerate((arm, seed) for arm in ("tl", "at") for seed in SEEDS):
        folder = tmp_path / f"{arm}-s{seed}"
        folder.mkdir()
        table(number).to_csv(folder / "predictions-test.csv", index=False)
        manifest = {
            "format": 1,
            "run_id": folder.name,
            "seed": seed,
            "labels": ["A"],
            "arm": {"dataset": "d", "task": "multilabel", "method": "transfer_learning", "student": "net", "name": arm},
        }
        (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    return evaluate(tmp_path, replicates=0)


def test_a_large_seed_keeps_its_last_digit(result: EvaluationResult, tmp_path: Path) -> None:
    result.write(tmp_path / "results.json")
    read = EvaluationResult.read(tmp_path / "results.json")
    assert {seed for arm in read.arms for seed in arm.seeds} == set(SEEDS)
    assert {check.seed for check in read.seed_checks} == set(SEEDS)
    assert plan(read, effect=0.05, power=0.8).contrasts
    write_report(read, tmp_path / "report")
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for folder in ("tables", "figures")
        for path in (tmp_path / "report" / folder).iterdir()
        if path.suffix in (".csv", ".md", ".tex")
    }
    holding = [name for name, text in texts.items() if str(SEEDS[0]) in text and str(SEEDS[1]) in text]
    assert {"seeds.csv", "seeds.md", "seeds.tex"} <= set(holding)
    assert any(name.startswith("seeds-1-") for name in holding)  # the numbers of the figure
    for name, text in texts.items():
        assert not [wrong for wrong in WRONG if wrong in text], name


def test_integers_beside_a_missing_value_stay_integers_in_csv() -> None:
    frame = pd.DataFrame({"seed": pd.Series([2**53 + 1, None, 2**64 - 1], dtype=object), "arm": ["=a", "b", None]})
    assert csv_of(frame) == "seed,arm\n9007199254740993,'=a\n,b\n18446744073709551615,\n"
