"""Everything except training works without torch. `nox -s notorch` runs these tests without it."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TORCH_IS_HERE = importlib.util.find_spec("torch") is not None


def test_evaluate_report_and_table(medkt, foreign_runs: Path, tmp_path: Path):
    done = medkt("evaluate", "runs/")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = " ".join(done.stdout.split())
    assert "attention transfer from mimic improves macro auc over transfer learning" in said.lower()
    assert "Exploratory: no primary contrast was named" in said
    assert done.stdout.rstrip().endswith("evaluation/report/index.html")
    results = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert len(results["runs"]) == 6 * 6 * 4  # runs x metrics x (2 labels, macro, weighted)
    f1 = [row for row in results["runs"] if row["metric"] == "f1"]
    assert {row["value"] for row in f1} == {None}
    assert "no validation predictions" in f1[0]["undefined_because"]

    first = (tmp_path / "evaluation" / "report" / "index.html").read_bytes()
    again = medkt("report", "evaluation/results.json", "--out", "again")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "index.html").read_bytes() == first

    table = medkt("table", "evaluation/results.json", "--table", "IV", "--format", "latex")
    assert table.stdout.startswith("%")
    assert r"\bfseries" in table.stdout
    assert r"\toprule" in table.stdout


def test_evaluation_and_reports_import_no_torch(foreign_runs: Path, tmp_path: Path):
    code = (
        "import sys; from pathlib import Path\n"
        "from medkt_eval.evaluation import evaluate\n"
        "from medkt_reports.build import write_report\n"
        f"write_report(evaluate(Path({str(foreign_runs)!r})), Path({str(tmp_path / 'report')!r}))\n"
        "assert 'torch' not in sys.modules and 'medkt' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(TORCH_IS_HERE, reason="torch is installed")
def test_training_without_torch_says_what_to_install(medkt):
    done = medkt("train")
    assert done.returncode == 2
    assert 'pip install "medkt[train]"' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nowhere"], "medkt: nowhere: no such folder; expected the folder that medkt train wrote"),
        (["evaluate", "empty"], "medkt: empty: no run in it"),
        (["evaluate", "runs", "--out", "runs/study.txt"], "medkt: --out runs/study.txt: is a file; expected a folder"),
        (["evaluate", "runs", "--level", "95"], "medkt: --level is 95.0; expected a number between 0 and 1"),
        (["evaluate", "runs", "--study", "gone.toml"], "medkt: gone.toml: No such file or directory; expected a study"),
        (["report", "gone.json"], "medkt: gone.json: No such file or directory; expected a results.json"),
        (["evaluate", "runs", "--replicate", "5"], "No such option: --replicate"),
    ],
)
def test_wrong_input_costs_one_clear_line_and_exit_2(
    medkt_here, foreign_runs: Path, arguments: list[str], message: str
):
    (foreign_runs.parent / "empty").mkdir()
    (foreign_runs / "study.txt").write_text("a file")
    done = medkt_here(*arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_runs_with_different_test_images_are_refused_by_name(medkt, foreign_runs: Path):
    path = foreign_runs / "chexpert-5k-transfer_learning-densenet40-none-s1" / "predictions-test.csv"
    path.write_text(path.read_text().replace("i007", "j007"))
    done = medkt("evaluate", "runs")
    assert done.returncode == 2
    assert "chexpert-5k-transfer_learning-densenet40-none-s1" in done.stderr
    assert "different test images" in done.stderr
    assert "i007" in done.stderr
    assert not (foreign_runs.parent / "evaluation").exists()


def test_help_names_every_command(medkt):
    done = medkt("--help")
    assert done.returncode == 0
    for command in ("train", "evaluate", "report", "table"):
        assert command in done.stdout


def test_help_imports_nothing_heavy():
    code = "import sys, medkt.cli.app; print([m for m in ('torch', 'numpy', 'pandas', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_left_half_way_is_not_read(medkt, foreign_runs: Path, tmp_path: Path):
    whole = foreign_runs / "chexpert-5k-transfer_learning-densenet40-none-s1"
    shutil.move(whole, foreign_runs / f".{whole.name}.partial")
    done = medkt("evaluate", "runs", "--no-report")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert sorted(arm["seeds"] for arm in results["arms"]) == [[0, 1, 2], [0, 2]]
    assert not (tmp_path / "evaluation" / "report").exists()
