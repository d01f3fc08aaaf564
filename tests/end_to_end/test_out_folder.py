"""`--out` holds no file of somebody else, and can be made; otherwise nothing is computed or replaced."""

import shutil
from pathlib import Path

import pytest

from medkt.cli.output.out_folder import check_evaluation
from medkt_reports.page.marks import GENERATOR

REPLICATION = Path(__file__).parents[2] / "docs" / "replication"


@pytest.fixture
def here(tmp_path):
    """A folder with predictions of one arm, and `own/` with files that medkt did not write."""
    lines = [f"i{k},p{k},{k % 2},0.{k + 1}" for k in range(8)]
    (tmp_path / "a.csv").write_text("\n".join(["image_id,patient_id,target_A,score_A", *lines]))
    (tmp_path / "own" / "report").mkdir(parents=True)
    return tmp_path


EVALUATE = ("evaluate", "--arm", "A=a.csv", "--replicates", "0")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("results.json", '{"mine": 1}', "own/results.json: medkt evaluate did not write this file"),
        ("results.json", "", "own/results.json: medkt evaluate did not write this file"),
        (
            "results.json",
            '{"resources": [{"format": "csv"}], "created": "2020"}',
            "own/results.json: medkt evaluate did not write this file",
        ),
        ("report/index.html", "<html>mine", "own/report/index.html: medkt did not write this page"),
        ("report/index.html", "<p>as in medkt</p>", "own/report/index.html: medkt did not write this page"),
        ("report/model-card.md", "# Model card: mine", "own/report/model-card.md: medkt did not write this model card"),
    ],
)
def test_files_of_somebody_else_stay(here, medkt_here, file, content, said):
    (here / "own" / file).write_text(content)
    done = medkt_here(*EVALUATE, "--out", "own")
    assert done.returncode == 2
    assert done.stderr.startswith(f"medkt: {said} and would replace it; move it away, or give another --out")
    assert (here / "own" / file).read_text() == content


def test_medkts_own_files_are_replaced(here, medkt_here):
    for _ in range(2):
        done = medkt_here(*EVALUATE, "--out", "own")
        assert done.returncode == 0, done.stderr
    assert medkt_here("report", "own/results.json").returncode == 0


def test_results_and_reports_of_earlier_versions_may_be_replaced(tmp_path):
    shutil.copy(REPLICATION / "results.json", tmp_path)  # medkt 0.1.0 wrote the results
    for names in (["index.html", "model-card.md"], ["model-card.md"], ["index.html"]):
        report = tmp_path / "report"
        report.mkdir()
        for name in names:
            older = (REPLICATION / "report" / name).read_text(encoding="utf-8")
            (report / name).write_text(older.replace(GENERATOR, ""), encoding="utf-8")
        check_evaluation(tmp_path)
        shutil.rmtree(report)


def test_a_report_of_own_templates_is_replaced(here, medkt_here):
    (here / "templates").mkdir()
    (here / "templates" / "page.html.jinja").write_text("<p>a page</p>")
    (here / "templates" / "model_card.md.jinja").write_text("a card")
    assert medkt_here(*EVALUATE, "--out", "own").returncode == 0
    for _ in range(2):
        done = medkt_here("report", "own/results.json", "--templates", "templates")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("a.csv/x", "--out a.csv/x, but a.csv: is a file; expected a folder"),
        ("a.csv", "--out a.csv: is a file; expected a folder"),
        ("folders", "folders/results.json: is no regular file"),
        ("files", "report/ in --out files/report: is a file; expected a folder"),
        ("", "a folder or its URL is '', which is empty"),
    ],
)
def test_a_folder_that_cannot_be_made_is_wrong_input(here, medkt_here, out, said):
    (here / "folders" / "results.json").mkdir(parents=True)
    (here / "files").mkdir()
    (here / "files" / "report").write_text("mine")
    done = medkt_here(*EVALUATE, "--out", out)
    assert (done.returncode, done.stderr.startswith(f"medkt: {said}")) == (2, True), done.stderr
    assert "partial" not in done.stderr


@pytest.mark.parametrize(("out", "said"), [("a.csv", "--out a.csv: is a file"), ("", "--out is '', which is empty")])
def test_a_report_needs_a_folder_too(here, medkt_here, out, said):
    done = medkt_here("report", "own/results.json", "--out", out)
    assert (done.returncode, done.stderr.startswith(f"medkt: {said}")) == (2, True), done.stderr
