"""The TensorBoard observer."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from medkt.observers import Observer, ObserverList, Together
from medkt.observers.tensorboard import TensorBoard
from medkt.study.run_plan import plan
from medkt.study.schema import read_study
from medkt_eval.errors import InputError

RECORD = {"epoch": 1, "step": 3, "loss": 0.5, "auc": 0.8}


class Hearing(Observer):
    def __init__(self) -> None:
        self.heard: list[object] = []

    def epoch(self, run: object, record: dict[str, float]) -> None:
        self.heard.append((run, record["epoch"]))

    def note(self, text: str) -> None:
        self.heard.append(text)


def test_several_observers_hear_the_same(study_file: Path):
    run = plan(read_study(study_file)[0])[0]
    one, other = Hearing(), Hearing()
    assert Together is ObserverList
    together = ObserverList(one, other)
    together.epoch(run, RECORD)
    together.note("so it goes")
    assert one.heard == other.heard == [(run, 1), "so it goes"]


def test_each_method_of_an_observer_is_passed_on():
    methods = {name for name in vars(Observer) if not name.startswith("_")}
    assert methods <= vars(ObserverList).keys()


def test_histories_go_to_tensorboard(study_file: Path, tmp_path: Path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = plan(read_study(study_file)[0])[0]
    for stopped in (range(1, 13), range(12, 15)):  # epoch 12 comes again: the run was stopped before it was saved
        logger = TensorBoard(tmp_path / "tb")
        for epoch in stopped:
            logger.epoch(run, {**RECORD, "epoch": epoch, "auc": 0.8 + epoch / 100})
    found = EventAccumulator(str(tmp_path / "tb" / run.run_id))
    found.Reload()
    assert [event.step for event in found.Scalars("auc")] == list(range(1, 15))
    assert [event.value for event in found.Scalars("auc")] == pytest.approx([0.8 + k / 100 for k in range(1, 15)])
    assert set(found.Tags()["scalars"]) == {"step", "loss", "auc"}


def test_each_row_is_flushed_and_a_run_has_one_file(study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said: list[object] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            said.append((folder, purge_step))

        def add_scalar(self, name: str, value: float, epoch: int) -> None:
            said.append((name, value, epoch))

        def flush(self) -> None:
            said.append("flush")

        def close(self) -> None:
            said.append("close")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    run = plan(read_study(study_file)[0])[0]
    logger = TensorBoard(tmp_path)
    for epoch in (3, 4):
        logger.epoch(run, {"epoch": epoch, "auc": 0.8})
    logger.done(run, 1.0)
    assert said == [(str(tmp_path / run.run_id), 3), ("auc", 0.8, 3), "flush", ("auc", 0.8, 4), "flush", "close"]


def test_without_tensorboard_the_option_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="pip install tensorboard"):
        TensorBoard(tmp_path)


def test_the_example_sends_histories_to_mlflow(study_file: Path, study_text: str, tmp_path: Path):
    study_file.write_text(study_text.replace("seeds = [0, 1]", "seeds = [0]"))
    (tmp_path / "mlflow.py").write_text(STAND_IN)
    example = Path(__file__).parents[3] / "docs" / "examples" / "history_to_mlflow.py"
    done = subprocess.run(
        [sys.executable, str(example), str(study_file), str(tmp_path / "runs")],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "SENT": str(tmp_path / "sent")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sent = (tmp_path / "sent").read_text().splitlines()
    arm = "phantom-chest-24-attention_transfer-densenet40-shapes-s0"
    assert f"create {arm}" in sent
    assert f"param {arm} beta 2.0" in sent
    assert f"end {arm}" in sent
    steps = [line.split()[-1] for line in sent if line.startswith(f"metric {arm} auc ")]
    assert steps == ["1", "2"]


STAND_IN = """
import os
from types import SimpleNamespace

class MlflowClient:
    def write(self, *words):
        with open(os.environ["SENT"], "a") as file:
            print(*words, file=file)
    def create_run(self, experiment_id, run_name):
        self.write("create", run_name)
        return SimpleNamespace(info=SimpleNamespace(run_id=run_name))
    def log_param(self, run, name, value):
        self.write("param", run, name, value)
    def log_metric(self, run, name, value, step):
        self.write("metric", run, name, value, step)
    def set_terminated(self, run):
        self.write("end", run)
"""
