"""A study on a Dask cluster equals one on this machine, even if a worker is killed. Failures are listed."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from medkt.errors import TrainingError
from medkt.observers.observer import Observer
from medkt.run.unit import CheckpointOptions
from medkt.study.cluster import tasks
from medkt.study.cluster.scheduler import open_client
from medkt.study.preparation import TrainOptions
from medkt.study.schema import read_study
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError

pytest.importorskip("distributed")
pytestmark = [
    # distributed's own, at the end of its clusters
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client():
    """A cluster of two processes."""
    with open_client("local:2") as client:
        yield client


def train(text: str, out: Path, observer: Observer | None = None, *, only: str | None = None, **more):
    (out.parent / "tiny.toml").write_text(text)
    file = StudyFile.read(out.parent / "tiny.toml")
    return train_study_file(file, out, TrainOptions(only=only, jobs=1), observer=observer or Observer(), **more)


def files(out: Path) -> dict[str, bytes]:
    """The files without times: predictions and weights."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in sorted(out.glob("*/*"))
        if path.suffix in (".parquet", ".safetensors") and not path.parent.name.startswith(".")
    }


@pytest.fixture
def here(trained: Path) -> dict[str, bytes]:
    """The study, trained in one process."""
    return files(trained / "runs")


class Heard(Observer):
    def __init__(self):
        self.runs, self.epochs, self.notes, self.whole = [], [], [], []

    def run(self, run):
        self.runs.append(run.run_id)

    def epoch(self, run, record):
        self.epochs.append((run.run_id, record["epoch"]))

    def note(self, text):
        self.notes.append(text)

    def done(self, run, seconds):
        self.whole.append(run.run_id)


def test_same_bits_as_here_and_all_is_told(study_text, tmp_path, client, here):
    heard = Heard()
    whole = train(study_text, tmp_path / "runs", heard, client=client)
    assert len(whole) == 5
    assert files(tmp_path / "runs") == here
    assert sorted(heard.runs) == sorted(heard.whole) == sorted(whole)
    assert heard.runs[0] == "phantom-shapes-24-supervised-densenet40-none-s0"  # the teacher, before its students
    assert len(heard.epochs) == 1 + 4 * 2
    log = (tmp_path / "runs" / ".logs" / f"{heard.runs[0]}.log").read_text()
    assert "begins on" in log
    assert "finished after" in log
    again = Heard()
    assert train(study_text, tmp_path / "runs", again, client=client) == whole
    assert again.runs == []


class Killer(Heard):
    """Kills the process that reports a student's first epoch, once."""

    def __init__(self, client):
        super().__init__()
        self.pid_of, self.killed = client.run(os.getpid), None
        self.client = client

    def epoch(self, run, record):
        super().epoch(run, record)
        if run.role == "arm" and self.killed is None:
            self.killed = run.run_id
            threading.Thread(
                target=self._kill
            ).start()  # this is the event loop's thread, which may not wait for itself

    def _kill(self):
        address = next(name for name, tasks in self.client.processing().items() if self.killed in str(tasks))
        os.kill(self.pid_of[address], signal.SIGKILL)


def test_a_killed_worker_costs_an_epoch_at_most(study_text, tmp_path, here):
    with open_client("local:2") as client:
        killer = Killer(client)
        whole = train(study_text, tmp_path / "runs", killer, client=client, only="*-s0")
    assert killer.killed is not None
    assert len(whole) == 3
    assert files(tmp_path / "runs") == {name: content for name, content in here.items() if name.split("/")[0] in whole}
    epochs = [epoch for run_id, epoch in killer.epochs if run_id == killer.killed]
    assert epochs in ([1, 2], [1, 1, 2])  # the second where the process died before its checkpoint was written
    assert any("resumes" in note for note in killer.notes)


def test_failures_are_listed_and_stop_nobody_else(study_text, tmp_path, client):
    def beyond_float32(arm):  # a study file may not hold it: the loss is not finite
        return arm.model_copy(update={"transfer": arm.transfer.model_copy(update={"beta": 1e-39})})

    (tmp_path / "tiny.toml").write_text(study_text)
    file = StudyFile.read(tmp_path / "tiny.toml")
    arms = [beyond_float32(arm) if arm.name == "AT" else arm for arm in file.study.arms]
    broken = replace(file, study=file.study.model_copy(update={"arms": arms}))
    with pytest.raises(TrainingError, match=r"2 of 5 runs failed; the others are finished\.") as told:
        train_study_file(broken, tmp_path / "runs", TrainOptions(jobs=1), observer=Observer(), client=client)
    failed = [line.partition(":")[0] for line in str(told.value).splitlines()[1:]]
    assert len(failed) == 2
    assert all("attention_transfer" in run_id for run_id in failed)
    assert len(list((tmp_path / "runs").glob("*transfer_learning*/run.json"))) == 2
    assert ".logs" in str(told.value)
    for run_id in failed:
        assert "the loss is" in (tmp_path / "runs" / ".logs" / f"{run_id}.log").read_text()


def test_students_of_a_teacher_that_failed_are_not_begun(study_text, tmp_path, client):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "phantom-shapes-24-supervised-densenet40-none-s0").symlink_to("nowhere")
    with pytest.raises(TrainingError, match="5 of 5 runs failed") as told:
        train(study_text, tmp_path / "runs", client=client)
    assert str(told.value).count("was not begun, because phantom-shapes-24-supervised-densenet40-none-s0") == 4


def test_a_worker_that_sees_other_runs_is_told(tmp_path, study_text):
    (tmp_path / "tiny.toml").write_text(study_text)
    study, _, _ = read_study(tmp_path / "tiny.toml")
    (tmp_path / "study.json").write_text("another")
    context = tasks.TaskContext(study, {}, {}, {}, tmp_path, tmp_path, "0" * 64, None, CheckpointOptions())
    with pytest.raises(InputError, match=r"worker on .*study\.json is missing, or another file; every worker must see"):
        tasks.train_unit((), context, [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("somewhere", "expected tcp://HOST:PORT"),
        ("local:0", "expected tcp://HOST:PORT"),
        ("slurm:", "expected tcp://HOST:PORT"),
        (
            "slurm:missing.toml",
            r"missing\.toml: No such file or directory; expected a TOML file with a table \[cluster\]",
        ),
        ("slurm:empty.toml", r"empty\.toml: found no table; expected one table, \[cluster\]"),
        ("slurm:other.toml", r"other\.toml: found \[queue\]; expected one table"),
        ("pbs:jobs.toml", r"jobs\.toml: jobs is 0 in \[cluster\]; expected the number"),
        ("slurm:key.toml", r"unknown key 'coers'; expected keywords of dask_jobqueue\.SLURMCluster, such as 'cores'"),
    ],
)
def test_a_wrong_scheduler_is_named(tmp_path, monkeypatch, text, told):
    monkeypatch.chdir(tmp_path)
    Path("empty.toml").write_text("")
    Path("other.toml").write_text("[queue]\ncores = 1\n")
    Path("jobs.toml").write_text("[cluster]\ncores = 1\nmemory = '2GB'\njobs = 0\n")
    Path("key.toml").write_text("[cluster]\ncores = 1\ncoers = 1\nmemory = '2GB'\njobs = 1\n")
    with pytest.raises(InputError, match=told), open_client(text):
        pass


def test_a_job_system_starts_workers(tmp_path):
    """A cluster of dask-jobqueue that runs its job scripts on this machine."""
    path = tmp_path / "cluster.toml"
    path.write_text(
        f"[cluster]\njobs = 1\ncores = 1\nprocesses = 1\nmemory = '2GB'\nlog_directory = '{tmp_path}'\n"
        "interface = 'lo'\nscheduler_options = { dashboard_address = '127.0.0.1:0' }\n"
    )
    with open_client(f"jobqueue-local:{path}") as client:
        assert client.submit(sum, [1, 2, 3]).result(timeout=60) == 6
