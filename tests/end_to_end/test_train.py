"""`medkt train`, run as a user runs it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STUDY = """
name = "tiny"
[data.phantom-fundus]
patients = 60
train_size = 30
validation_size = 20
test_size = 40
[training]
image_size_px = 32
epochs = {epochs}
batch_size = 10
threads_per_run = 1
[[arms]]
name = "From scratch"
data = "phantom-fundus"
method = "supervised"
student = "densenet40"
initialisation = "random"
seeds = [0, 1]
"""


def test_from_a_study_file_to_a_report_with_the_same_bytes_by_one_job_or_two(medkt, tmp_path: Path):
    (tmp_path / "tiny.toml").write_text(STUDY.format(epochs=1))
    done = medkt("train", "tiny.toml", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert "2 runs to train" in done.stderr
    assert done.stdout == "2 runs in runs. Next: medkt evaluate runs\n"
    evaluated = medkt("evaluate", "runs")
    assert evaluated.returncode == 0, evaluated.stderr
    assert "SYNTHETIC" in (tmp_path / "evaluation" / "report" / "index.html").read_text()
    results = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert [network["student"] for network in results["architectures"]] == ["densenet40"]
    carried = sorted(path.relative_to(tmp_path / "evaluation") for path in tmp_path.glob("evaluation/pictures/*/*"))
    assert [str(path) for path in carried] == sorted(row["file"] for row in results["pictures"])
    assert {*results["datasets"][0]["splits"]["test"]["n_positive"]} >= {row["shows"][0] for row in results["pictures"]}
    again = medkt("train", "tiny.toml")
    assert "0 runs to train; 2 already finished" in again.stderr
    one = medkt("train", "tiny.toml", "--jobs", "1", "--out", "one")
    assert one.returncode == 0, one.stderr
    assert digests(tmp_path / "one") == digests(tmp_path / "runs")
    assert len(set(digests(tmp_path / "one"))) == 2


def digests(runs: Path) -> list[str]:
    """Hashes of the runs' predictions."""
    return [json.loads(path.read_text())["predictions"]["sha256"] for path in sorted(runs.glob("*/run.json"))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STUDY.format(epochs=1).replace("epochs", "epocs"), "unknown key 'training.epocs'; did you mean 'epochs'?"),
        (STUDY.format(epochs=1).replace("= 60", "= 20"), "images, but the splits ask for 90"),
    ],
)
def test_a_wrong_study_file_costs_one_line_and_exit_2(medkt_here, tmp_path: Path, text: str, message: str):
    (tmp_path / "tiny.toml").write_text(text)
    done = medkt_here("train", "tiny.toml")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    missing = medkt_here("train", "gone.toml")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)


def _heed_ctrl_c() -> None:
    """Restore Ctrl-C. A shell that starts the tests in the background makes them and their children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_in_mid_epoch_keeps_what_is_whole(tmp_path: Path):
    (tmp_path / "tiny.toml").write_text(STUDY.format(epochs=60))
    command = [sys.executable, "-m", "medkt", "train", "tiny.toml", "--jobs", "2"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 (no thread runs here)
    ) as process:
        assert process.stderr is not None
        seen = ""
        while "epoch 2/60" not in seen:
            seen = process.stderr.readline()
            assert seen, "it ended before its second epoch"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 130
    assert "interrupted. Progress is saved in runs; run the same command again to continue" in rest
    assert "Traceback" not in rest
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [name for name in names if not name.startswith(".")] == ["split-phantom-fundus.csv", "study.json"]
    assert len([name for name in names if name.endswith(".checkpoint")]) == 2


@pytest.mark.slow
def test_the_demo_learns_something_in_every_arm(medkt, tmp_path: Path):
    done = subprocess.run([sys.executable, "-m", "medkt", "train"], cwd=tmp_path, check=False, timeout=1500)
    assert done.returncode == 0
    evaluated = medkt("evaluate", "runs")
    assert evaluated.returncode == 0, evaluated.stderr
    results = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    arms = {arm["arm"] for arm in results["arms"] if arm["role"] == "arm"}
    wanted = ("auc", "macro", "seeds:t")
    rows = [row for row in results["estimates"] if (row["metric"], row["label"], row["interval"]) == wanted]
    macro = {row["arm"]: row for row in rows if row["arm"] in arms}
    assert len(macro) == 3
    assert all(row["value"] >= 0.65 and row["low"] > 0.5 for row in macro.values()), macro
