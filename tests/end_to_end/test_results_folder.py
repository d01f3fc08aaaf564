"""The folder of an evaluation holds one evaluation: after a kill, a full disk, a closed pipe, or `--no-report`."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medkt.example.generate import example_tables
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.folder_lock import locked

# The same files under other names of the arms: every file of a report shows which evaluation it is of.
COMMAND = ("evaluate", "--replicates", "0", "--out", "ev")
OLD = ("--arm", "OldBase=tl_seed*.csv", "--arm", "OldOther=at_seed*.csv")
NEW = ("--arm", "NewBase=tl_seed*.csv", "--arm", "NewOther=at_seed*.csv")

KILLED = """
import os, signal, sys
from medkt.cli.app import main
counted = 0
def kill(event, args):
    global counted
    if event == "os.rename" and ".medkt-" in str(args[0]):
        counted += 1
        if counted == int(os.environ["KILL_AT"]):
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(kill)
main()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of prediction files with an evaluation and its report."""
    for name, table in example_tables(np.random.default_rng(23)).items():
        table.to_csv(tmp_path / name, index=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def evaluations(out: Path) -> set[str]:
    """Which evaluations the files of a folder are of, apart from a page that says that it is unfinished."""
    found = set()
    for path in (out / "results.json", *(out / "report").rglob("*")):
        if path.suffix in (".json", ".html", ".tex", ".csv", ".md", ".svg"):
            text = path.read_text(encoding="utf-8")
            if "This report is unfinished" not in text:
                found |= {name for name in ("Old", "New") if f"{name}Base" in text or f"{name}Other" in text}
    return found


@pytest.mark.parametrize(
    "kill_at", [1, 2, 3, 30]
)  # the notice, results.json, the first file of the report, a later one
def test_a_killed_evaluation_leaves_files_of_one(here, medkt_here, kill_at):
    assert medkt_here(*COMMAND, *OLD).returncode == 0
    assert evaluations(here / "ev") == {"Old"}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *COMMAND, *NEW],
        cwd=here,
        env=os.environ | {"KILL_AT": str(kill_at)},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    page = (here / "ev" / "report" / "index.html").read_text(encoding="utf-8")
    if kill_at == 1:
        assert "OldBase" in page
        assert "unfinished" not in page
        assert evaluations(here / "ev") == {"Old"}
    else:
        assert "This report is unfinished" in page
        assert evaluations(here / "ev") == ({"Old"} if kill_at == 2 else {"New"})
    assert medkt_here("report", "ev/results.json").returncode == 0
    assert evaluations(here / "ev") == ({"Old"} if kill_at <= 2 else {"New"})


def test_if_the_report_fails_the_results_are_kept_and_the_older_report_is_not(here, medkt_here, monkeypatch):
    assert medkt_here(*COMMAND, *OLD).returncode == 0

    def fails(*_, **__):
        raise MemoryError("Unable to allocate 7 TiB")

    monkeypatch.setattr("medkt_reports.page.model_card.render", fails)
    failed = medkt_here(*COMMAND, *NEW)
    assert failed.returncode == 1
    assert failed.stderr == (
        "Results: ev/results.json; the report could not be written\n"
        "medkt: memory does not suffice (Unable to allocate 7 TiB). Files that were complete before are kept\n"
    )
    assert evaluations(here / "ev") == {"New"}
    assert "This report is unfinished" in (here / "ev/report/index.html").read_text()
    assert {arm.name for arm in EvaluationResult.read(here / "ev/results.json").arms} == {"NewBase", "NewOther"}


def test_without_a_report_an_older_page_says_that_it_is_older(here, medkt_here):
    assert medkt_here(*COMMAND, *OLD).returncode == 0
    page = here / "ev" / "report" / "index.html"
    before = page.read_text(encoding="utf-8")
    for _ in range(2):
        evaluated = medkt_here(*COMMAND, *NEW, "--no-report")
        assert evaluated.returncode == 0
        assert (
            "ev/report/index.html is older, and says so now; to write it again: medkt report ev/results.json"
            in evaluated.stdout
        )
        marked = page.read_text(encoding="utf-8")
        assert marked.count("This report may be older than results.json") == 1
        start = marked.index("\n<aside id=")
        assert marked[:start] + marked[marked.index("</aside>\n", start) + 9 :] == before
    assert medkt_here("report", "ev/results.json").returncode == 0
    assert evaluations(here / "ev") == {"New"}
    assert "may be older" not in page.read_text(encoding="utf-8")


def test_a_second_evaluation_into_a_folder_is_refused_before_it_computes(here, medkt_here):
    with locked(here / "ev"):
        refused = medkt_here(*COMMAND, *OLD)
    assert refused.returncode == 2
    assert refused.stderr == (
        "medkt: ev: another medkt command writes into this folder; wait until it has ended, or give another --out\n"
    )


def test_a_refused_evaluation_leaves_no_folder(here, medkt_here):
    assert medkt_here(*COMMAND, "--arm", "A=none*.csv").returncode == 2
    assert not (here / "ev").exists()


@pytest.mark.parametrize(
    "arguments", [("evaluate", "--replicates", "0", "--out", "ev", *NEW), ("table", "--table", "labels")]
)
def test_a_closed_pipe_costs_no_file_and_is_said_in_one_line(here, medkt_here, arguments):
    if arguments[0] == "table":
        assert medkt_here(*COMMAND, *NEW, "--no-report").returncode == 0
        arguments = ("table", "ev/results.json", *arguments[1:])
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "medkt", *arguments],
            cwd=here,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == (
        "medkt: standard output was closed before everything was printed. Files that were complete before are kept\n"
    )
    assert evaluations(here / "ev") == {"New"}
    assert (here / "ev" / "report" / "index.html").exists() == (arguments[0] == "evaluate")


def test_a_terminal_without_unicode_prints_escapes(here, medkt, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    evaluated = medkt(*COMMAND, "--arm", "Größe=tl_seed*.csv", "--arm", "B=at_seed*.csv")
    assert evaluated.returncode == 0, evaluated.stderr
    assert r"Gr\xf6\xdfe" in evaluated.stdout
    assert "Größe" in (here / "ev" / "report" / "index.html").read_text(encoding="utf-8")


def test_no_cell_of_a_csv_is_a_formula_and_negative_numbers_stay_numbers(here, medkt_here):
    arms = ("--arm", "@SUM(A1)=tl_seed*.csv", "--arm", "-1+1=at_seed*.csv")
    assert medkt_here(*COMMAND, *arms).returncode == 0
    assert medkt_here("plan", "ev/results.json", "--effect", "0.02", "--out", "ev/plan").returncode == 0
    texts, negative = set(), 0
    for path in (here / "ev").rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        for cell in cells:
            if cell.startswith(("=", "+", "-", "@")) and cell != "-":
                assert float(cell) < 0, (path, cell)
                negative += 1
        texts |= set(cells)
    assert negative > 5
    assert {"'@SUM(A1)", "'-1+1"} <= texts
    estimates = pd.read_csv(here / "ev" / "plan" / "plan.csv")
    assert estimates["effect"].dtype == float
