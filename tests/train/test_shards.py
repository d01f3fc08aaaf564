"""One run on two processes (gloo): the batches, losses and predictions of one, where BatchNorm lets it be so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from torch.nn import functional

from medkt.batches import batches
from medkt.config import read_study
from medkt.device import chosen
from medkt.observer import Observer
from medkt.run_data import Part, RunData
from medkt.run_plan import plan
from medkt.shards import ALONE, Shards
from medkt.study import train_study
from medkt.task_loss import denominator, task_loss

TEACHER = "phantom-shapes-24-supervised-densenet40-none-s0"
TL = "phantom-chest-23-transfer_learning-densenet40-none-head-s0"
AT = "phantom-chest-23-attention_transfer-densenet40-shapes-s0"
SECONDS = 150  # more is a hang


@pytest.fixture(scope="module")
def text(study_text):
    """Transfer learning of the last layer and attention transfer of all; 23 images, so that the last batch has 7."""
    changed = study_text.replace("seeds = [0, 1]", "seeds = [0]")
    changed = changed.replace("train_size = 24\nvalidation_size = 60", "train_size = 23\nvalidation_size = 60")
    changed = changed.replace('initialisation = "shapes"\nseeds', 'initialisation = "shapes"\nunfrozen = "head"\nseeds')
    return changed.replace("epochs = 2", 'epochs = 4\nfrozen_batchnorm = "fixed"', 1)


@pytest.fixture(scope="module")
def alone(text, tmp_path_factory):
    """Trained by one process."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "tiny.toml").write_text(text)
    study, read, sha256 = read_study(folder / "tiny.toml")
    train_study(study, text=read, sha256=sha256, folder=folder, out=folder / "runs", only=None, jobs=1,
                observer=Observer())  # fmt: skip
    return folder


@pytest.fixture
def begun(alone, tmp_path):
    """A folder with the study and its whole teacher."""
    return begin(alone, tmp_path / "study")


@pytest.fixture(scope="module")
def together(alone, tmp_path_factory):
    """Trained by two processes, and what they said."""
    folder = begin(alone, tmp_path_factory.mktemp("together") / "study")
    return folder, finished(torchrun(folder))


def begin(alone: Path, folder: Path) -> Path:
    shutil.copytree(alone / "runs" / TEACHER, folder / "runs" / TEACHER)
    shutil.copy(alone / "tiny.toml", folder)
    for name in ("study.json", "split-phantom-chest.csv", "split-phantom-shapes.csv"):
        shutil.copy(alone / "runs" / name, folder / "runs")
    return folder


def torchrun(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "medkt",
               "train", "tiny.toml"]  # fmt: skip
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=os.environ | {"OMP_NUM_THREADS": "1"})  # fmt: skip


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    return said


def losses(folder: Path, run: str) -> np.ndarray:
    return pd.read_csv(folder / "runs" / run / "history.csv")[["loss", "loss_validation", "auc"]].to_numpy()


def scores(folder: Path, run: str) -> pd.DataFrame:
    frame = pd.read_parquet(folder / "runs" / run / "predictions-test.parquet").set_index("image_id")
    return frame[[name for name in frame if name.startswith("score_")]]


def test_two_processes_give_what_one_gives(alone, together):
    begun, said = together
    assert said.count("runs to train") == 1  # rank 0 alone speaks
    np.testing.assert_allclose(losses(begun, TL), losses(alone, TL), rtol=1e-5)
    pd.testing.assert_frame_equal(scores(begun, TL), scores(alone, TL), rtol=1e-5, atol=1e-6)
    # All layers: each process normalises by its own four images, so the course differs, and is recorded as another.
    assert scores(begun, AT).index.equals(scores(alone, AT).index)
    assert not np.allclose(losses(begun, AT), losses(alone, AT), rtol=1e-5)
    np.testing.assert_allclose(losses(begun, AT)[0, 0], losses(alone, AT)[0, 0], rtol=0.2)
    environments = [json.loads((folder / "runs" / AT / "run.json").read_text())["environment"]
                    for folder in (begun, alone)]  # fmt: skip
    assert [one["processes"] for one in environments] == [2, 1]


def test_a_process_that_dies_costs_an_epoch_at_most(begun, together):
    whole, _ = together
    process = torchrun(begun)
    assert process.stdout is not None
    for line in process.stdout:
        if "[2/2] epoch 2/4" in line:
            ranks = [child for child in psutil.Process(process.pid).children() if "medkt" in child.cmdline()]
            max(ranks, key=lambda child: int(child.environ()["RANK"])).kill()
            break
    process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert not (begun / "runs" / AT).exists()
    said = finished(torchrun(begun))
    assert f"{AT} goes on with epoch" in said
    for name in ("predictions-test.parquet", "predictions-validation.parquet", "model.safetensors"):
        assert (begun / "runs" / AT / name).read_bytes() == (whole / "runs" / AT / name).read_bytes()


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run_in_all_processes(begun):
    study = begun / "tiny.toml"
    study.write_text(study.read_text().replace("beta = 2.0", "beta = 1e-39"))
    process = torchrun(begun)
    said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert said.count("1 of 2 runs failed; the others are whole") == 1
    assert (begun / "runs" / TL / "run.json").is_file()


def test_a_batch_is_shared_whole():
    for world in (2, 3, 4):
        for n in range(1, 40):
            parts = [np.arange(n)[Shards(rank, world).mine(n)] for rank in range(world)]
            if Shards(0, world).shared(n):
                assert sorted(np.concatenate(parts)) == list(range(n))
                assert min(map(len, parts)) >= 2
            else:
                assert all(len(part) == n for part in parts)
    assert np.arange(5)[ALONE.mine(5)].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_the_average_of_shares_is_the_mean_of_the_whole(task):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(11, 4, generator=generator)
    weights = torch.tensor([1.0, 3.0, 0.5, 2.0])
    if task == "multilabel":
        targets = torch.randint(0, 2, (11, 4), generator=generator).float()
        targets[:5, 1], targets[2, 3] = torch.nan, torch.nan
    else:
        targets = torch.randint(0, 4, (11,), generator=generator)
    whole = task_loss(task, logits, targets, weights)
    total = 0.0
    for rank in range(3):
        shards = Shards(rank, 3)
        mine = shards.mine(11)
        share = shards.share(11, denominator(task, targets[mine], weights), denominator(task, targets, weights))
        total += share * task_loss(task, logits[mine], targets[mine], weights).item() / 3
    assert total == pytest.approx(whole.item(), rel=1e-6)
    if task == "multiclass":
        assert whole.item() == pytest.approx(functional.cross_entropy(logits, targets, weight=weights).item())


def test_shards_of_an_epoch_are_the_epoch(study_file):
    run = next(run for run in plan(read_study(study_file)[0]) if run.role == "arm")
    rng = np.random.default_rng(0)
    part = Part(rng.integers(0, 256, (23, 1, 32, 32), dtype=np.uint8), rng.integers(0, 2, (23, 3)).astype(np.float32),
                np.array([f"i{k}" for k in range(23)], dtype=object))  # fmt: skip
    data = RunData("multilabel", ("a", "b", "c"), part, part, part)
    where = chosen(run.training)
    one = list(batches(run, data, 1, where))
    of_two = [list(batches(run, data, 1, where, shards=Shards(rank, 2))) for rank in range(2)]
    for (images, targets, rows), first, second in zip(one, *of_two, strict=True):
        assert rows.tolist() == first[2].tolist() == second[2].tolist()
        for whole, a, b in zip((images, targets), first, second, strict=False):
            together = torch.empty_like(whole)
            together[0::2], together[1::2] = a, b
            assert torch.equal(together, whole)
