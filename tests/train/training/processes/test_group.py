"""One run on two processes (gloo) has the losses, gradients and predictions of one, if BatchNorm allows it."""

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from medkt.training.checkpoints import files
from medkt.training.checkpoints.files import Checkpoint, Position
from medkt.training.checkpoints.resuming import Checkpoints
from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt.training.student import state
from medkt_eval.errors import InputError

PROCESS = Path(__file__).with_name("process.py")
TEACHER = "phantom-shapes-24-supervised-densenet40-none-s0"
AT = "phantom-chest-19-attention_transfer-densenet40-shapes-s0"
SECONDS = 180  # more is a hang

Tensors = dict[str, torch.Tensor]


def torchrun(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run two processes; returns their exit status and output."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        *map(str, arguments),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)  # torchrun ends its processes
            raise
    return process.returncode, said


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Tensors:
    folder = tmp_path_factory.mktemp("one")
    runpy.run_path(str(PROCESS))["main"](folder)
    return load_file(folder / "1.safetensors")


@pytest.fixture(scope="module")
def folder_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    status, said = torchrun(folder, PROCESS, folder)
    assert status == 0, said
    return folder


@pytest.fixture
def two(folder_of_two: Path) -> Tensors:
    return load_file(folder_of_two / "2.safetensors")


def test_a_step_has_the_losses_and_gradients_of_one_process_with_each_method(one: Tensors, two: Tensors):
    assert two.keys() == one.keys()
    steps = [name for name in one if name.endswith((": losses", ": gradient"))]
    assert len(steps) == 2 * 2 * (7 + 2)  # two batches; of several labels seven methods, of classes two
    for name in steps:
        assert (two[name] - one[name]).norm() <= 1e-5 * one[name].norm(), name
        assert one[name].any(), name


def test_a_training_has_the_course_of_one_process_where_batchnorm_is_fixed(one: Tensors, two: Tensors):
    for name in ("history", "validation", "test"):
        torch.testing.assert_close(two[f"fixed {name}"], one[f"fixed {name}"], rtol=1e-5, atol=1e-5)


def test_batch_statistics_are_those_of_each_process(one: Tensors, two: Tensors):
    losses = two["batch statistics history"][:, 0], one["batch statistics history"][:, 0]
    assert not torch.allclose(*losses, rtol=1e-3)
    torch.testing.assert_close(losses[0][0], losses[1][0], rtol=0.2, atol=0)


def test_what_fails_in_one_process_ends_all_and_the_first_says_why(folder_of_two: Path):
    first, second = json.loads((folder_of_two / "2.json").read_text())
    assert first[0] == "InputError: no such file"  # the second process's
    assert second[0] == "OtherProcessError: no such file"
    assert first[1].startswith('InputError: made-s3: attention_loss = "frobenius" over 2 pairs of taps: expected one')
    assert first[2] == second[2]
    assert first[2].startswith("TrainingError: made-s3: the loss is nan in epoch 1 (batch of images ")
    assert first[2].count(", i") == 7  # the full batch


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, study_text: str) -> Path:
    """A teacher and a student, trained by two processes. An epoch's last batch has three images."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    text = study_text.replace("train_size = 24\nvalidation_size = 60", "train_size = 19\nvalidation_size = 60")
    text = text.replace("epochs = 2", "epochs = 3").replace("seeds = [0, 1]", "seeds = [0]")
    teacher, _, student = (text[: text.index("[analysis]")]).split("[[arms]]")
    (folder / "tiny.toml").write_text(f"{teacher}[[arms]]{student}")
    (folder / "killed").touch()
    status, said = torchrun(folder, PROCESS, "train", "tiny.toml")
    assert status == 0, said
    assert said.count("2 runs to train") == 1  # only one process prints
    return folder


def test_a_process_that_dies_costs_an_epoch_at_most_and_no_bits(uninterrupted: Path, tmp_path: Path):
    shutil.copy(uninterrupted / "tiny.toml", tmp_path)
    shutil.copytree(uninterrupted / "runs" / TEACHER, tmp_path / "runs" / TEACHER)
    status, said = torchrun(tmp_path, "--max-restarts=1", PROCESS, "train", "tiny.toml")
    assert status == 0, said
    assert (tmp_path / "killed").exists()
    # The other process may notice first and save where it is, one batch later.
    assert re.search(rf"{re.escape(AT)} resumes at epoch 2, batch [12]\b", said), said
    for name in ("predictions-test.parquet", "predictions-validation.parquet", "model.safetensors"):
        assert (tmp_path / "runs" / AT / name).read_bytes() == (uninterrupted / "runs" / AT / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "runs").iterdir() if path.is_dir()) == [AT, TEACHER]
    environment = json.loads((tmp_path / "runs" / AT / "run.json").read_text())["environment"]
    assert (environment["processes"], environment["batchnorm"]) == (2, "per process")


def test_a_wrong_input_is_said_once_and_ends_all_with_status_2(uninterrupted: Path, tmp_path: Path):
    text = (uninterrupted / "tiny.toml").read_text()
    (tmp_path / "tiny.toml").write_text(text.replace('initialisation = "shapes"', 'initialisation = "absent.pth"'))
    status, said = torchrun(tmp_path, "-m", "medkt", "train", "tiny.toml")
    assert status != 0
    assert said.count("medkt: ") == said.count("no file absent.pth") == 1
    assert said.count("exitcode  : 2") >= 1
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize("begun_with", [2, None])
def test_another_number_of_processes_is_refused(
    begun_with: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """None for a version that could not share a run."""
    restored: list[str] = []
    monkeypatch.setattr(state, "restore", lambda student, *_: restored.append(student.run.run_id))
    student = SimpleNamespace(run=SimpleNamespace(run_id="r"))
    machine = {"threads": 1} if begun_with is None else {"threads": 1, "processes": begun_with}
    files.write(tmp_path, Checkpoint(Position(2, 0), {"machine": machine}, {}, {}))
    now = Checkpoints({"r": tmp_path}, {"r": {"machine": {"threads": 1, "processes": 1}}})
    if begun_with is None:
        assert now.restore([student]) == Position(2, 0)  # type: ignore[list-item]
        assert restored == ["r"]
    else:
        with pytest.raises(InputError, match=r"processes was 2, now it is 1.*--accept-other-threads"):
            now.restore([student])  # type: ignore[list-item]


@given(n=st.integers(1, 70), world=st.integers(1, 9))
def test_each_image_of_a_batch_counts_once(n: int, world: int):
    groups = [ProcessGroup(rank, world) for rank in range(world)]
    counted = [np.arange(n)[one.rows(n)] for one in groups if one.counts(n)]
    assert sorted(np.concatenate(counted).tolist()) == list(range(n))
    assert all(len(np.arange(n)[one.rows(n)]) >= min(n, 2) for one in groups)


def test_a_process_alone_changes_nothing():
    value = torch.tensor(0.3, requires_grad=True)
    assert ONE_PROCESS.mean(value, 5, batch_size=5) is ONE_PROCESS.norm(value, batch_size=5) is value
    assert ONE_PROCESS.gather("mine") == ["mine"]
    assert ONE_PROCESS.on_main(lambda: 1) == ONE_PROCESS.agree_on(lambda: 1) == 1
    with pytest.raises(InputError, match="as it was"), ONE_PROCESS.fail_together():
        raise InputError("as it was")
