"""`--out` holds no file of somebody else, and can be made; otherwise nothing is computed or replaced."""

import pytest


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
        ("report/index.html", "<html>mine", "own/report/index.html: medkt did not write this page"),
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
