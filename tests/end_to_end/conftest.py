import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medkt.cli.app import main

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def medkt(tmp_path: Path) -> Run:
    """Run the command line in its own process, in an empty folder."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "medkt", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.fixture
def medkt_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run it in this process. Use this for quick refusals, whose time would mostly be imports."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["medkt", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(sys.argv, int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def foreign_runs(tmp_path: Path) -> Path:
    """Runs like those of another trainer: CSV, no history, no validation. Arm AT is better than arm TL."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (80, 2))
    noise = rng.normal(size=(80, 2))
    for method, teacher, strength in (("transfer_learning", None, 0.3), ("attention_transfer", "mimic", 1.5)):
        for seed in range(3):
            run_id = f"chexpert-5k-{method}-densenet40-{teacher or 'none'}-s{seed}"
            folder = tmp_path / "runs" / run_id
            folder.mkdir(parents=True)
            arm = {
                "dataset": "chexpert",
                "task": "multilabel",
                "train_size": 5000,
                "method": method,
                "student": "densenet40",
                "teacher": teacher,
                "unfrozen": "all",
                "trainable_parameters": 1364142,
                "total_parameters": 1364142,
                "settings": {},
            }
            manifest = {
                "format": 1,
                "run_id": run_id,
                "arm": arm,
                "seed": seed,
                "labels": ["Edema", "Mass"],
                "predictions": {"file": "predictions-test.csv"},
            }
            (folder / "run.json").write_text(json.dumps(manifest))
            scores = strength * targets + noise + 0.1 * rng.normal(size=(80, 2))
            pd.DataFrame(
                {
                    "image_id": [f"i{k:03d}" for k in range(80)],
                    "patient_id": [f"p{k // 2:03d}" for k in range(80)],
                    "target_Edema": targets[:, 0],
                    "score_Edema": scores[:, 0],
                    "target_Mass": targets[:, 1],
                    "score_Mass": scores[:, 1],
                }
            ).to_csv(folder / "predictions-test.csv", index=False)
    return tmp_path / "runs"
