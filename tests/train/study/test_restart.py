"""A run that is stopped in any way and resumed ends bit-identical to an uninterrupted one."""

import json
import multiprocessing
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from medkt.observers.observer import Observer
from medkt.run.unit import CheckpointOptions
from medkt.run_settings import RunSettings
from medkt.study.preparation import TrainOptions
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt.training.checkpoints import files
from medkt.training.student.student import Student
from medkt_eval.errors import InputError

AT, OTHER = (f"phantom-chest-24-attention_transfer-densenet40-shapes-beta{beta}-s0" for beta in (2, 20))  # in lockstep
EACH_EPOCH = CheckpointOptions()
FILES = ("predictions-test.parquet", "predictions-validation.parquet", "model.safetensors", "config.toml")


class Watching(Observer):
    """Keeps the notes and the epochs; calls `after` at the end of each epoch."""

    def __init__(self, after: Callable[[RunSettings, int], None] = lambda _run, _epoch: None) -> None:
        self.notes: list[str] = []
        self.epochs: list[tuple[str, int]] = []
        self.after = after

    def note(self, text: str) -> None:
        self.notes.append(text)

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        self.epochs.append((run.run_id, int(record["epoch"])))
        self.after(run, int(record["epoch"]))


def go(
    study_file: Path,
    out: Path,
    *,
    only: str | None = None,
    watcher: Watching | None = None,
    checkpoints: CheckpointOptions = EACH_EPOCH,
) -> Watching:
    file = StudyFile.read(study_file)
    watcher = watcher or Watching()
    train_study_file(file, out, TrainOptions(only=only, jobs=1, checkpoints=checkpoints), observer=watcher)
    return watcher


def child(study_file: Path, out: Path, minutes: float | None) -> None:
    go(study_file, out, checkpoints=CheckpointOptions(every_minutes=minutes))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, study_text: str) -> Path:
    """An uninterrupted study: a teacher, an arm, and a grid of two betas, which train in lockstep."""
    folder = tmp_path_factory.mktemp("whole")
    text = study_text.replace("seeds = [0, 1]", "seeds = [0]").replace("epochs = 2", "epochs = 4")
    (folder / "tiny.toml").write_text(text.replace("beta = 2.0", "beta = [2.0, 20.0]"))
    go(folder / "tiny.toml", folder / "runs")
    return folder


def assert_same(runs: Path, whole: Path) -> None:
    names = sorted(path.name for path in (whole / "runs").iterdir() if path.is_dir())
    assert sorted(path.name for path in runs.iterdir() if path.is_dir()) == names  # no checkpoint, no lock is left
    for name in names:
        for file in FILES:
            assert (runs / name / file).read_bytes() == (whole / "runs" / name / file).read_bytes(), (name, file)
        history, other = ((folder / name / "history.csv").read_text().splitlines() for folder in (runs, whole / "runs"))
        assert [row.rsplit(",", 1)[0] for row in history] == [row.rsplit(",", 1)[0] for row in other]  # but the seconds


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_in_the_same_bytes(whole: Path, tmp_path: Path, kills: int):
    # A server that has torch loaded forks each child, so that a child trains within a moment of its start.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["medkt.study.study"])
    moments, killed, round_ = random.Random(5), 0, 0
    while True:
        # saved after each batch (0 minutes) and after each epoch, in turns
        minutes = (0.0, None)[killed % 2]
        process = context.Process(target=child, args=(whole / "tiny.toml", tmp_path / f"runs-{round_}", minutes))
        process.start()
        process.join(moments.uniform(0.5, 2.5) if killed < kills else None)
        if process.is_alive():
            process.kill()
            process.join()
            killed += 1
            continue
        assert process.exitcode == 0
        assert_same(tmp_path / f"runs-{round_}", whole)
        if killed == kills:
            return
        round_ += 1  # through before the last kill: once more, from the start


class StoppedError(Exception):
    pass


def stopped_after(study_file: Path, out: Path, run_id: str, epoch: int) -> None:
    """Start the study and stop it at the end of an epoch of a run, before the epoch is saved."""

    def stop(run: RunSettings, at: int) -> None:
        if (run.run_id, at) == (run_id, epoch):
            raise StoppedError

    with pytest.raises(StoppedError):
        go(study_file, out, watcher=Watching(stop))


@pytest.fixture(scope="module")
def stopped_once(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, stopped in the third epoch of the grid."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "tiny.toml").write_text((whole / "tiny.toml").read_text())
    stopped_after(folder / "tiny.toml", folder / "runs", OTHER, 3)
    return folder


@pytest.fixture
def stopped(stopped_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(stopped_once, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_it_goes_on_after_the_last_epoch_that_was_saved(stopped: Path, whole: Path):
    again = go(stopped / "tiny.toml", stopped / "runs")
    assert again.epochs == [(AT, 3), (OTHER, 3), (AT, 4), (OTHER, 4)]
    assert again.notes == [f"{run} resumes at epoch 3, batch 1" for run in (AT, OTHER)]
    assert_same(stopped / "runs", whole)


def test_a_damaged_checkpoint_costs_an_epoch_and_no_more(stopped: Path, whole: Path):
    newest = max((stopped / "runs" / f".{AT}.checkpoint").glob("*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:1000])
    again = go(stopped / "tiny.toml", stopped / "runs")
    assert again.epochs == [(run, epoch) for epoch in (2, 3, 4) for run in (AT, OTHER)]
    assert "damaged checkpoint skipped" in again.notes[0]
    assert_same(stopped / "runs", whole)


def test_ctrl_c_in_the_middle_of_an_epoch_loses_no_batch(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    step = Student.step

    def counting(self: Student, *batch: object) -> None:
        seen.append(1)
        step(self, *batch)  # type: ignore[arg-type]
        if self.run.run_id == AT and self.steps == 5 and len(seen) < 1000:
            seen.extend([0] * 1000)
            raise KeyboardInterrupt

    monkeypatch.setattr(Student, "step", counting)
    with pytest.raises(KeyboardInterrupt):
        go(whole / "tiny.toml", tmp_path / "runs")
    monkeypatch.setattr(Student, "step", step)
    go(whole / "tiny.toml", tmp_path / "runs")
    assert_same(tmp_path / "runs", whole)


def test_another_setting_is_refused_with_the_difference(stopped: Path):
    text = (stopped / "tiny.toml").read_text()
    (stopped / "tiny.toml").write_text(text.replace("beta = [", 'attention_loss = "frobenius"\nbeta = ['))
    expected = (
        rf"\.{AT}\.checkpoint: this run was begun with other settings: "
        r"settings\.attention_loss was 'eq1', now it is 'frob"
    )
    with pytest.raises(InputError, match=expected):
        go(stopped / "tiny.toml", stopped / "runs")


def test_another_number_of_threads_is_refused_or_accepted_with_a_note(stopped: Path):
    for path in (stopped / "runs").glob(".*.checkpoint/*.json"):
        described = json.loads(path.read_text())
        assert described["identity"]["machine"]["threads"] == 1
        described["identity"]["machine"]["threads"] = 3
        path.write_text(json.dumps(described))
    with pytest.raises(InputError, match=r"threads was 3, now it is 1.*--accept-other-threads"):
        go(stopped / "tiny.toml", stopped / "runs")
    again = go(stopped / "tiny.toml", stopped / "runs", checkpoints=CheckpointOptions(accept_other_threads=True))
    assert again.epochs == [(AT, 3), (OTHER, 3), (AT, 4), (OTHER, 4)]
    assert any("threads was 3, now it is 1: the result is not bit-identical" in note for note in again.notes)


def test_a_run_in_the_hands_of_another_process_is_left_to_it(stopped: Path, whole: Path):
    with FileLock(stopped / "runs" / f".{AT}.lock"):
        left = go(stopped / "tiny.toml", stopped / "runs")
    assert left.epochs == [(OTHER, 3), (OTHER, 4)]
    assert left.notes[-1] == f"{AT} is being trained by another process and was left to it"
    assert go(stopped / "tiny.toml", stopped / "runs").epochs == [(AT, 3), (AT, 4)]
    assert_same(stopped / "runs", whole)


def test_a_full_disk_ends_the_run_and_keeps_what_was_saved(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write, calls = files.write, []

    def full(folder: Path, made: files.Checkpoint) -> None:
        calls.append(folder)
        if len([one for one in calls if AT in str(one)]) == 3:
            raise OSError(28, "No space left on device", str(folder))
        write(folder, made)

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(OSError, match="No space left"):
        go(whole / "tiny.toml", tmp_path / "runs")
    assert files.newest(tmp_path / "runs" / f".{AT}.checkpoint").epoch == 3  # two epochs were saved
    monkeypatch.undo()
    again = go(whole / "tiny.toml", tmp_path / "runs").epochs
    assert again == [(AT, 3), (OTHER, 3), (AT, 4), (OTHER, 4)]
    assert_same(tmp_path / "runs", whole)
