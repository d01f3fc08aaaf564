"""An edit of the study file keeps the declared contrast, unless it changes what the contrast depends on."""

import json
import re
import shutil
from pathlib import Path

import pytest

from medkt.observers.observer import Observer
from medkt.study.contrast_record import contrast_difference
from medkt.study.preparation import TrainOptions
from medkt.study.schema import read_study
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate


class Notes(Observer):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, text: str) -> None:
        self.heard.append(text)

    def run(self, run: object) -> None:
        self.heard.append("a run began")


@pytest.fixture
def edit(trained: Path, tmp_path: Path):
    """Edit the study file of finished runs and train: what was said, and what evaluation says of the contrast."""
    folder = tmp_path / "copy"
    shutil.copytree(trained, folder)
    original = (folder / "tiny.toml").read_text()

    def change(*replacements: tuple[str, str]) -> tuple[list[str], str, list[str]]:
        text = original
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (folder / "tiny.toml").write_text(text)
        heard = Notes()
        train_study_file(StudyFile.read(folder / "tiny.toml"), folder / "runs", TrainOptions(jobs=1), observer=heard)
        settings = evaluate(folder / "runs", replicates=0).settings
        return heard.heard, settings.declared, settings.notes

    change.runs = folder / "runs"  # type: ignore[attr-defined]
    return change


COMMENT = ("[analysis]\n", "# what is compared\n[analysis]\n")
SMALLER = ("[analysis]\n", "[analysis]\nmargin = 0.02\n")


def test_comments_keep_the_declared_contrast(edit):
    heard, declared, notes = edit(COMMENT)
    assert (heard, declared) == ([], "before")
    assert notes == [
        "the study file was edited once after its first runs had finished; its primary contrast is the one declared "
        "before"
    ]


def test_another_margin_is_warned_about_and_restoring_the_file_helps(edit):
    heard, declared, notes = edit(SMALLER)
    (warning,) = heard
    assert "analysis.margin was None, now it is 0.02" in warning
    assert "undo this change and run the command again, or give the changed study another --out" in warning
    assert (declared, "changed its primary contrast" in notes[0]) == ("after", True)
    assert edit()[:2] == ([], "before")
    assert edit(COMMENT)[1] == "before"  # an edit of the restored file


def test_the_warning_comes_before_anything_is_trained(edit):
    shutil.rmtree(next(edit.runs.glob("*attention*-s1")))
    heard, _, _ = edit(SMALLER)
    assert [text.startswith("WARNING") for text in heard] == [True, False]


def test_added_seeds_keep_the_contrast_with_a_note(edit, trained: Path):
    text = (trained / "tiny.toml").read_text()
    for path in edit.runs.glob("*-s1"):  # as if the study had begun with one seed
        shutil.rmtree(path)
    table = json.loads((edit.runs / "study.json").read_text())
    (edit.runs / "study.json").write_text(
        json.dumps({**table, "text": text.replace("seeds = [0, 1]", "seeds = [0]"), "sha256": "of that text"})
    )
    _, declared, notes = edit()
    assert declared == "before"
    assert any(note.startswith("seeds were added to the primary contrast") for note in notes)


def test_a_record_of_0_1_keeps_what_it_says(edit):
    table = json.loads((edit.runs / "study.json").read_text())
    entry = {"sha256": "of a file whose text is lost", "declared": "2026-01-01", "replaced": "2026-01-02"}
    (edit.runs / "study.json").write_text(json.dumps({**table, "earlier": [entry]}))
    assert evaluate(edit.runs, replicates=0).settings.declared == "after"
    (edit.runs / "study.json").write_text(json.dumps({**table, "earlier": [{**entry, "sha256": table["sha256"]}]}))
    assert evaluate(edit.runs, replicates=0).settings.declared == "before"


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("name = ", "# a comment\nname = ", None),
        ("threads_per_run = 1", "threads_per_run = 2", None),
        ("seeds = [0, 1]", "seeds = [0, 1, 2]", None),
        ("[analysis]\n", '[[arms]]\nname = "X"\ndata = "phantom-chest"\nmethod = "transfer_learning"\n'
         'student = "densenet40"\ninitialisation = "shapes"\nunfrozen = "head"\n[analysis]\n', None),
        ("[analysis]\n", '[analysis]\nlabel_latex = { Edema = "edema" }\n', None),
        ("seeds = [0, 1]", "seeds = [0, 2]", "seed 1 of .* is removed"),
        ("beta = 2.0", "beta = 3.0", r"beta was 2\.0, now it is 3\.0"),
        ("epochs = 2", "epochs = 3", "training.epochs was 2, now it is 3"),
        ("{ epochs = 1", "{ epochs = 3", "trained teachers.shapes.training.epochs was 1, now it is 3"),
        ("patients = 80", "patients = 90", "data.patients was 80, now it is 90"),
        ('arm_b = "TL"', 'arm_b = "TL"\nmetric = "f1"', "primary.0.metric was 'auc', now it is 'f1'"),
        ('arm_b = "TL"', 'arm_b = "TL"\nlabel = "Edema"', "primary.0.label was 'macro', now it is 'Edema'"),
        ("[analysis]\n", '[analysis]\nseeds = "crossed"\n', "analysis.seeds was 'nested', now it is 'crossed'"),
        ('[analysis.primary]\narm_a = "AT"\narm_b = "TL"', "", "it names no primary contrast"),
    ],
)  # fmt: skip
def test_what_a_contrast_depends_on(study_file: Path, study_text: str, old: str, new: str, difference: str | None):
    before, _, _ = read_study(study_file)
    assert old in study_text
    study_file.write_text(study_text.replace(old, new))
    found = contrast_difference(before, read_study(study_file)[0])
    if difference is None:
        assert found is None
    else:
        assert re.search(difference, str(found))


@pytest.mark.parametrize("added", ["margin = 0.05", 'confirmatory_labels = ["Edema"]', 'study_family = "holm"'])
def test_without_a_primary_contrast_what_is_added_later_was_not_declared(study_file: Path, study_text: str, added: str):
    primary = '[analysis.primary]\narm_a = "AT"\narm_b = "TL"'
    study_file.write_text(study_text.replace(primary, ""))
    before, _, _ = read_study(study_file)
    study_file.write_text(study_text.replace(primary, "").replace("[analysis]\n", f"[analysis]\n{added}\n"))
    assert f"analysis.{added.split(maxsplit=1)[0]} was" in str(contrast_difference(before, read_study(study_file)[0]))
    assert contrast_difference(before, before) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('arm_b = "TL"', 'arm_b = "TL"\nmetric = "AUC"', "'AUC' is no metric; .*did you mean 'auc'"),
        ('arm_b = "TL"', 'arm_b = "TL"\nlabel = "edemma"', r"primary\.label: 'edemma' is not .*did you mean 'Edema'"),
        ('arm_b = "TL"', 'arm_b = "T L"', r"primary\.arm_b is 'T L', .* did you mean 'TL'"),
        ("[analysis]\n", "[analysis]\naverage_labels = ['Edemas']\n", "average_labels: 'Edemas'.*mean 'Edema'"),
        ('arm_b = "TL"', 'arm_b = "TL"\nmetric = "calibration_slope"', "calibration_slope has a label: it has no aver"),
    ],
)
def test_unknown_names_in_the_analysis_end_before_training(
    study_file: Path, study_text: str, tmp_path: Path, old: str, new: str, message: str
):
    study_file.write_text(study_text.replace(old, new))
    with pytest.raises(InputError, match=message):
        train_study_file(StudyFile.read(study_file), tmp_path / "runs", observer=Observer())
    assert not (tmp_path / "runs").exists()
