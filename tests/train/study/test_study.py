"""Training of a study: folders, observers, failures and interruptions."""

import errno
import json
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medkt.observers.observer import Observer
from medkt.run import folder as run_folder
from medkt.run.pictures import attention_maps
from medkt.run_settings import RunSettings
from medkt.study import train_study
from medkt.study.preparation import TrainOptions
from medkt.study.schema import read_study
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt.teachers.teacher import load_teacher
from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.runtime.atomic_files import sha256_of_file

TEACHER = "phantom-shapes-24-supervised-densenet40-none-s0"
TL0 = "phantom-chest-24-transfer_learning-densenet40-none-s0"
AT1 = "phantom-chest-24-attention_transfer-densenet40-shapes-s1"


class Watcher(Observer):
    """Records its events, and interrupts the training on request."""

    def __init__(self, interrupt_in: str | None = None) -> None:
        self.trained: list[str] = []
        self.waiting: list[str] = []
        self.whole = 0
        self.interrupt_in = interrupt_in

    def plan(self, runs: Sequence[RunSettings], whole: int) -> None:
        self.waiting, self.whole = [run.run_id for run in runs], whole

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        if run.run_id == self.interrupt_in:
            raise KeyboardInterrupt

    def done(self, run: RunSettings, seconds: float) -> None:
        self.trained.append(run.run_id)


def go(study_file: Path, out: Path, *, only: str | None = None, watcher: Watcher | None = None) -> Watcher:
    file = StudyFile.read(study_file)
    watcher = watcher or Watcher()
    train_study_file(file, out, TrainOptions(only=only, jobs=1), observer=watcher)
    return watcher


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_run_folder_holds_what_the_format_says(trained: Path):
    folder = trained / "runs" / AT1
    assert {path.name for path in folder.iterdir()} == {
        "run.json",
        "config.toml",
        "history.csv",
        "data-hashes.parquet",
        "model.safetensors",
        "predictions-test.parquet",
        "predictions-validation.parquet",
        "architecture.json",
        "pictures.json",
        "pictures",
    }
    run = json.loads((folder / "run.json").read_text())
    assert (run["format"], run["run_id"], run["seed"], run["role"], run["grid"]) == (1, AT1, 1, "arm", None)
    arm = run["arm"]
    assert (arm["dataset"], arm["train_size"], arm["method"]) == ("phantom-chest", 24, "attention_transfer")
    assert (arm["teacher"], arm["settings"]["beta"], arm["settings"]["attention_loss"]) == ("shapes", 2.0, "eq1")
    assert arm["trainable_parameters"] == arm["total_parameters"] == 1_364_142
    assert run["predictions"]["sha256"] == sha256_of_file(folder / "predictions-test.parquet")
    assert run["predictions_validation"]["rows"] == 60
    assert run["environment"]["threads_per_run"] == 1
    teacher = sha256_of_file(trained / "runs" / TEACHER / "model.safetensors")
    own_auc = run["teacher"].pop("auc")
    assert list(own_auc) == run["labels"]
    assert not any(own_auc.values())  # a teacher of shapes knows no finding
    assert set(run["teacher"].pop("undefined_because")) == set(run["labels"])
    assert run["teacher"] == {"source": "shapes", "architecture": "densenet40", "sha256": teacher, "split": "test"}
    assert run["initialisation"]["sha256"] == teacher
    assert run["initialisation"]["fresh"] == ["classifier.weight", "classifier.bias"]
    data = run["data"]
    assert (data["n"], data["patients_in_two_splits"]) == ({"train": 24, "validation": 60, "test": 60}, 0)
    assert data["synthetic"]
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["training"]["rotation_degrees"] == 15.0  # a default, written all the same
    history = pd.read_csv(folder / "history.csv")
    assert {"epoch", "step", "learning_rate", "loss", "loss_task", "loss_transfer", "auc", "seconds"} <= {
        *history.columns
    }
    predictions = pd.read_parquet(folder / "predictions-test.parquet")
    assert predictions["image_id"].is_monotonic_increasing
    assert {"patient_id", "group_sex", "target_No Finding", "score_Support Devices"} <= {*predictions.columns}


def test_a_run_folder_holds_its_network_and_pictures(trained: Path):
    folder = trained / "runs" / AT1
    network = json.loads((folder / "architecture.json").read_text())
    assert (network["student"], network["image_size_px"], network["n_outputs"]) == ("densenet40", 32, 14)
    assert sum(stage["parameters"] for stage in network["stages"]) == network["total_parameters"] == 1_364_142
    rows = json.loads((folder / "pictures.json").read_text())["pictures"]
    assert {path.name for path in (folder / "pictures").iterdir()} == {row["file"] for row in rows}
    assert all(sha256_of_file(folder / "pictures" / row["file"]) == row["sha256"] for row in rows)
    test = pd.read_parquet(folder / "predictions-test.parquet").set_index("image_id")
    for row in rows:
        targets = test.loc[row["image_id"]].filter(regex="^target_")
        assert row["shows"] == [name.removeprefix("target_") for name in targets.index[targets == 1]]
    layers = [row["layer"] for row in rows]
    assert (layers.count("student"), layers.count("teacher")) == (4, 4)
    plain = json.loads((trained / "runs" / TL0 / "pictures.json").read_text())["pictures"]
    assert plain == [row for row in rows if row["layer"] == "image"]  # the same images in every run


def test_the_selected_weights_are_those_that_attend(trained: Path):
    folder = trained / "runs" / AT1
    student = load_teacher("densenet40", folder).network
    rows = json.loads((folder / "pictures.json").read_text())["pictures"]
    row = next(row for row in rows if row["layer"] == "student")
    sample = next(one["file"] for one in rows if one["layer"] == "image" and one["image_id"] == row["image_id"])
    with Image.open(folder / "pictures" / sample) as image:  # 32 px: as the network was given it
        (found,) = attention_maps(student, np.array(image)[None, None])
    assert np.allclose(found, row["values"], rtol=1e-4)


def test_without_pictures_the_run_is_the_same(copied: Path):
    before = copied / "runs" / AT1
    kept = before.rename(copied / AT1)
    (copied / "tiny.toml").write_text((copied / "tiny.toml").read_text() + "\n[report]\npictures = false\n")
    assert go(copied / "tiny.toml", copied / "runs").trained == [AT1]  # finished runs do not change
    assert {path.name for path in kept.iterdir()} - {path.name for path in before.iterdir()} == {
        "pictures.json",
        "pictures",
    }
    for name in ("predictions-test.parquet", "model.safetensors", "config.toml", "architecture.json"):
        assert (before / name).read_bytes() == (kept / name).read_bytes()


def test_seeds_differ_and_arms_share_their_images(trained: Path):
    runs = {
        path.name: json.loads((path / "run.json").read_text()) for path in (trained / "runs").glob("phantom-chest*")
    }
    assert len(runs) == 4
    assert len({json.dumps(run["data"]["sha256"]) for run in runs.values()}) == 1
    assert len({run["predictions"]["sha256"] for run in runs.values()}) == 4


def test_the_same_study_gives_the_same_bytes(trained: Path, tmp_path: Path):
    shutil.copytree(trained / "runs" / TEACHER, tmp_path / "runs" / TEACHER)
    go(trained / "tiny.toml", tmp_path / "runs", only=AT1)
    names = ("predictions-test.parquet", "predictions-validation.parquet", "model.safetensors", "pictures.json")
    for name in names:
        assert (tmp_path / "runs" / AT1 / name).read_bytes() == (trained / "runs" / AT1 / name).read_bytes()


def test_a_study_is_trained_as_programs_for_0_1_call_it(trained: Path, tmp_path: Path):
    study, text, sha256 = read_study(trained / "tiny.toml")
    out = tmp_path / "runs"
    finished = train_study(
        study, text=text, sha256=sha256, folder=trained, out=out, only=TEACHER, jobs=1, observer=Observer()
    )
    assert finished == [TEACHER]
    weights = Path(TEACHER) / "model.safetensors"
    assert (out / weights).read_bytes() == (trained / "runs" / weights).read_bytes()


def test_evaluation_reads_what_training_wrote(trained: Path):
    result = evaluate(trained / "runs")
    assert {arm.name: arm.role for arm in result.arms} == {"TL": "arm", "AT": "arm", "shapes": "teacher"}
    primary = [row for row in result.comparisons if row.primary]
    assert [(row.metric, row.label, row.n_seeds_a) for row in primary] == [("auc", "macro", 2)]
    assert result.settings.study == "tiny"
    assert next(d for d in result.datasets if d.dataset == "phantom-chest").training_sample == "fixed"


def test_runs_that_are_whole_are_not_trained_again(copied: Path):
    before = (copied / "runs" / TL0 / "run.json").read_bytes()
    watcher = go(copied / "tiny.toml", copied / "runs")
    assert (watcher.waiting, watcher.whole, watcher.trained) == ([], 5, [])
    shutil.rmtree(copied / "runs" / AT1)
    assert go(copied / "tiny.toml", copied / "runs").trained == [AT1]
    assert (copied / "runs" / TL0 / "run.json").read_bytes() == before


def test_a_changed_setting_or_teacher_is_refused_with_the_difference(copied: Path):
    text = (copied / "tiny.toml").read_text()
    (copied / "tiny.toml").write_text(text.replace("beta = 2.0", "beta = 3.0"))
    with pytest.raises(InputError, match=r"was trained with other settings: beta was 2\.0, now it is 3\.0\. Remove it"):
        go(copied / "tiny.toml", copied / "runs")
    (copied / "tiny.toml").write_text(
        text.replace("training = { epochs = 1 }", "training = { epochs = 1, batch_size = 6 }")
    )
    shutil.rmtree(copied / "runs" / TEACHER)
    go(copied / "tiny.toml", copied / "runs", only=TEACHER)
    with pytest.raises(InputError, match="the weights of its initialisation were"):
        go(copied / "tiny.toml", copied / "runs")


def test_interrupted_training_keeps_what_was_whole_and_goes_on(study_file: Path, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        go(study_file, tmp_path / "runs", watcher=Watcher(interrupt_in=TL0))
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        TEACHER,
        "split-phantom-chest.csv",
        "split-phantom-shapes.csv",
        "study.json",
    ]
    assert go(study_file, tmp_path / "runs", only="*-s0").trained == [TL0, AT1.replace("-s1", "-s0")]
    notes = evaluate(tmp_path / "runs").settings.notes
    assert notes == []


def test_evaluating_before_all_arms_are_there_says_what_waits(copied: Path):
    for folder in (copied / "runs").glob("*attention*"):
        shutil.rmtree(folder)
    result = evaluate(copied / "runs")
    assert any("primary contrast, AT - TL, has no runs of both arms yet" in note for note in result.settings.notes)
    assert not any(row.primary for row in result.comparisons)


def test_a_full_disk_leaves_nothing_half_written(copied: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.rmtree(copied / "runs" / AT1)

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "model.safetensors")

    monkeypatch.setattr(run_folder, "save", full)
    with pytest.raises(OSError, match="No space left"):
        go(copied / "tiny.toml", copied / "runs")
    assert [path.name for path in (copied / "runs").glob(".*")] == [f".{AT1}.checkpoint"]
    assert not (copied / "runs" / AT1).exists()
    assert run_folder.is_finished(copied / "runs" / TL0)
    monkeypatch.undo()
    assert go(copied / "tiny.toml", copied / "runs").trained == [AT1]


def test_only_needs_its_teacher_and_must_match(study_file: Path, tmp_path: Path):
    with pytest.raises(InputError, match=r"needs the teacher phantom-shapes-24.*widen --only"):
        go(study_file, tmp_path / "runs", only=TL0)
    with pytest.raises(InputError, match="matches no run; the study's runs are phantom-shapes-24"):
        go(study_file, tmp_path / "runs", only="*-s7")


def test_weights_that_are_not_there_are_refused_before_training(study_file: Path, study_text: str, tmp_path: Path):
    study_file.write_text(study_text.replace('initialisation = "shapes"', 'initialisation = "warm.safetensors"'))
    with pytest.raises(InputError, match=r"weights 'warm\.safetensors': no file .*warm\.safetensors"):
        go(study_file, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_tap_on_densenet121_is_refused_below_64_px(study_file: Path, study_text: str, tmp_path: Path):
    study_file.write_text(study_text.replace("densenet40", "densenet121"))
    with pytest.raises(InputError, match="image_size_px = 32: densenet121 needs at least 64 px"):
        go(study_file, tmp_path / "runs")


def test_given_weights_as_start_and_teacher(copied: Path, tmp_path: Path):
    (copied / "teacher.safetensors").write_bytes((copied / "runs" / TEACHER / "model.safetensors").read_bytes())
    text = (copied / "tiny.toml").read_text()
    given = text.replace('data = "phantom-shapes"\ntraining = { epochs = 1 }', 'weights = "teacher.safetensors"')
    (copied / "given.toml").write_text(given)
    assert go(copied / "given.toml", tmp_path / "runs", only=AT1).trained == [AT1]
    trained_here = np.array(pd.read_parquet(copied / "runs" / AT1 / "predictions-test.parquet")["score_Edema"])
    given_here = np.array(pd.read_parquet(tmp_path / "runs" / AT1 / "predictions-test.parquet")["score_Edema"])
    assert np.array_equal(trained_here, given_here)


def test_a_teacher_that_learned_from_test_patients_is_refused(study_file: Path, study_text: str, tmp_path: Path):
    again = study_text[study_text.index("[data.phantom-chest]") : study_text.index("[data.phantom-shapes]")]
    again = again.replace("[data.phantom-chest]", '[data.again]\ncollection = "phantom-chest"\nsplit_seed = 9')
    text = study_text.replace("[training]", again + "[training]", 1)
    study_file.write_text(text.replace('data = "phantom-shapes"\ntraining', 'data = "again"\ntraining'))
    with pytest.raises(
        InputError, match=r"patients that a teacher learns from in again are test patients of phantom-chest"
    ):
        go(study_file, tmp_path / "runs")
    study_file.write_text(study_file.read_text().replace("seed = 1\n", "seed = 2\n", 1))
    go(study_file, tmp_path / "runs", only="again-*")


def test_data_that_is_wrong_is_told_before_a_teacher_is_trained(study_file: Path, study_text: str, tmp_path: Path):
    chest = study_text[study_text.index("[data.phantom-chest]") : study_text.index("[data.phantom-shapes]")]
    wrong = '[data.phantom-chest]\ncollection = "folder"\nroot = "nowhere"\nvalidation_size = 5\ntest_size = 5\n'
    study_file.write_text(study_text.replace(chest, wrong))
    with pytest.raises(InputError, match="nowhere: no such folder"):
        go(study_file, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["run.json", "config.toml"])
def test_damaged_runs_are_named_with_what_to_do(copied: Path, name: str):
    (copied / "runs" / TL0 / name).write_text("{")
    with pytest.raises(InputError, match=rf"{name}: not (JSON|TOML) .*remove it"):
        go(copied / "tiny.toml", copied / "runs")
    (copied / "runs" / TL0 / "run.json").unlink()
    with pytest.raises(InputError, match="exists but holds no finished run"):
        go(copied / "tiny.toml", copied / "runs")


def test_two_studies_do_not_share_a_folder(copied: Path):
    (copied / "tiny.toml").write_text((copied / "tiny.toml").read_text().replace('name = "tiny"', 'name = "other"'))
    with pytest.raises(InputError, match="holds runs of the study 'tiny'; give 'other' another --out"):
        go(copied / "tiny.toml", copied / "runs")
    with pytest.raises(InputError, match="is a file"):
        go(copied / "tiny.toml", copied / "tiny.toml")
