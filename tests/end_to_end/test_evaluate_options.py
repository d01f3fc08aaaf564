"""`medkt evaluate` and its options, run on prediction files of any origin."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Prediction files of two arms with two seeds each, for test and validation; the working folder."""
    for split in ("", "validation_"):
        rng = np.random.default_rng(len(split))
        target = rng.integers(0, 2, 40)
        for arm, skill in (("tl", 0.5), ("at", 1.5)):
            for seed in range(2):
                pd.DataFrame(
                    {
                        "image_id": [f"{split}i{k:02d}" for k in range(40)],
                        "patient_id": [f"{split}p{k // 2:02d}" for k in range(40)],
                        "group_sex": np.where(np.arange(40) % 4 < 2, "F", "M"),
                        "target_Edema": target,
                        "score_Edema": 1 / (1 + np.exp(-skill * (target - 0.5) - rng.normal(size=40))),
                    }
                ).to_csv(tmp_path / f"{split}{arm}_seed{seed}.csv", index=False)
    return tmp_path


ARMS = ("--arm", "TL=tl_seed*.csv", "--arm", "AT=at_seed*.csv")
FAST = ("--replicates", "100")


def test_files_of_two_arms_to_a_report(medkt, files: Path):
    done = medkt("evaluate", *ARMS, *FAST)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = " ".join(done.stdout.split())
    assert "AT is not shown to differ from TL in macro AUC" in said
    report = files / "evaluation" / "report" / "index.html"
    assert said.endswith("evaluation/report/index.html")
    assert "AT" in report.read_text(encoding="utf-8")
    results = json.loads((files / "evaluation" / "results.json").read_text())
    assert [(arm["arm"], arm["name"], arm["seeds"]) for arm in results["arms"]] == [
        ("at", "AT", [0, 1]),
        ("tl", "TL", [0, 1]),
    ]
    assert results["settings"]["baseline"] == {"predictions/None/": "tl"}
    assert (
        results["settings"]["command"]
        == "medkt evaluate --arm 'TL=tl_seed*.csv' --arm 'AT=at_seed*.csv' --replicates 100"
    )
    assert {row["n_patients"] for row in results["estimates"]} == {20}


def test_every_option_reaches_the_evaluation(medkt, files: Path):
    done = medkt(
        "evaluate",
        *ARMS,
        *FAST,
        "--validation",
        "TL=validation_tl_seed*.csv",
        "--validation",
        "AT=validation_at_seed*.csv",
        "--add",
        "subgroups",
        "--add",
        "permutation",
        "--margin",
        "0.05",
        "--seed",
        "7",
        "--level",
        "0.9",
        "--comparisons",
        "all",
        "--no-report",
        "--out",
        "elsewhere",
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((files / "elsewhere" / "results.json").read_text())
    settings = results["settings"]
    assert (settings["margin"], settings["seed"], settings["level"], settings["comparisons"]) == (0.05, 7, 0.9, "all")
    assert (settings["add"], settings["replicates"]) == (["subgroups", "permutation"], 100)
    assert {row["group"] for row in results["gaps"]} == {"sex=F"}
    assert {"permutation", "tost", "non-inferiority"} <= {row["test"] for row in results["comparisons"]}
    assert None not in {row["value"] for row in results["thresholds"]}
    assert not (files / "elsewhere" / "report").exists()


def test_independent_images(medkt, files: Path):
    for path in files.glob("*.csv"):
        pd.read_csv(path).drop(columns="patient_id").to_csv(path, index=False)
    done = medkt("evaluate", *ARMS, *FAST)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "tl_seed0.csv: no column 'patient_id'" in done.stderr
    assert "--independent-images" in done.stderr
    done = medkt("evaluate", *ARMS, *FAST, "--independent-images")
    assert done.returncode == 0, done.stderr
    results = json.loads((files / "evaluation" / "results.json").read_text())
    assert "images:delong" in {row["interval"] for row in results["estimates"]}
    assert {row["n_patients"] for row in results["estimates"]} == {None}
    assert (files / "evaluation" / "report" / "index.html").is_file()


def test_a_file_that_lacks_an_image(medkt, files: Path):
    path = files / "at_seed1.csv"
    frame = pd.read_csv(path)
    frame[frame["image_id"] != "i17"].to_csv(path, index=False)
    done = medkt("evaluate", *ARMS, *FAST)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "Traceback" not in done.stderr
    for part in ("tl-s0", "at-s1", "i17", "different test images"):
        assert part in done.stderr
    assert not (files / "evaluation").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs either a folder of runs (medkt evaluate runs/) or prediction files"),
        (["runs", *ARMS], "needs either a folder of runs (medkt evaluate runs/) or prediction files"),
        (["--arm", "TL=none*.csv"], "--arm 'TL=none*.csv': no file matches 'none*.csv'"),
        ([*ARMS, "--validation", "XY=validation_tl_seed*.csv"], "for arm 'XY', which has no test predictions"),
        (["runs", "--validation", "TL=tl_seed*.csv"], "--validation goes with --arm"),
        ([*ARMS, "--add", "permutations"], "--add 'permutations': no such metric, interval or test; did you mean"),
        ([*ARMS, "--margin", "2"], "--margin is 2.0; expected a fraction between 0 and 1"),
    ],
)
def test_wrong_options_cost_one_clear_line_and_exit_2(medkt_here, files: Path, arguments: list[str], message: str):
    (files / "runs").mkdir()
    done = medkt_here("evaluate", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("medkt: ")
    assert message in done.stderr
    assert not (files / "evaluation").exists()
