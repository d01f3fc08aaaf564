"""The program that test_group.py runs in each of two processes. With a folder as argument, it writes its results there.

`python process.py FOLDER` without torchrun does the same in one process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from medkt.cli import app as cli
from medkt.data.layouts.phantom import PhantomChestData
from medkt.data.pixels import augment
from medkt.models import densenet
from medkt.run_settings import RunSettings
from medkt.settings import TrainingSettings
from medkt.teachers.teacher import Teacher
from medkt.training import device
from medkt.training.batches import batches
from medkt.training.processes.group import OtherProcessError, ProcessGroup
from medkt.training.processes.launch import process_group
from medkt.training.run_data import Part, RunData
from medkt.training.student.outcome import TrainedRun
from medkt.training.student.student import Student
from medkt.training.trainer import train
from medkt.transfer.settings import TapSettings
from medkt_eval.errors import InputError

# Without a BatchNorm layer that trains, and with that all of them are fixed.
UNFROZEN = ["features.denseblock2.denselayer12.conv2", "features.reduce", "features.expand", "classifier"]
TAUGHT = {"teacher": "t", "beta": 2.0}
ATTENDING = {**TAUGHT, "method": "attention_transfer", "attention_loss": "eq1"}
METHODS = {
    "supervised": {},
    "eq1": ATTENDING,
    "frobenius": {**ATTENDING, "attention_loss": "frobenius"},
    "zagoruyko": {**ATTENDING, "attention_loss": "zagoruyko"},
    "projection": {**ATTENDING, "projection": True},
    "hints": {**TAUGHT, "method": "hint_transfer", "beta": 100.0},
    "distillation": {**TAUGHT, "method": "knowledge_distillation", "temperature": 4.0},
}


def settings(**changes: object) -> RunSettings:
    training = TrainingSettings(
        image_size_px=32,
        epochs=3,
        batch_size=8,
        learning_rate=1e-3,
        halve_every_epochs=2,
        frozen_batchnorm="fixed",
        imbalance="pos_weight",
    )
    data = PhantomChestData(collection="phantom-chest", patients=3, validation_size=1, test_size=1)
    run = RunSettings(
        run_id="made-s3",
        role="arm",
        name="made",
        dataset="made",
        data=data,
        train_size=19,
        method="supervised",
        student="densenet40",
        seed=3,
        initialisation="random",
        unfrozen=UNFROZEN,
        training=training,
    )
    return RunSettings.model_validate({**run.model_dump(), **changes})


def part(n: int, seed: int) -> Part:
    """Label 0: the left half is bright. Label 1: the top half is; it is unknown for some images."""
    rng = np.random.default_rng(seed)
    targets = (np.arange(2 * n).reshape(n, 2) // 2 % 4 // np.array([1, 2]) % 2).astype(np.float32)
    pixels = rng.integers(0, 100, (n, 1, 32, 32), dtype=np.uint8)
    pixels[targets[:, 0] == 1, :, :, :16] += 120
    pixels[targets[:, 1] == 1, :, :16, :] += 30
    targets[rng.random(n) < 0.3, 1] = np.nan
    return Part(pixels, targets, np.array([f"i{k}" for k in range(n)], dtype=object))


def made(task: str) -> RunData:
    """19 training images, so the last of three batches has 3, too few for two processes."""
    parts = [part(19, 0), part(21, 1), part(18, 2)]
    if task == "multiclass":
        parts = [replace(one, targets=one.targets[:, 0].astype(np.int64)) for one in parts]
        return RunData("multiclass", ("right", "left"), *parts)
    return RunData("multilabel", ("left", "top"), *parts)


def a_teacher() -> Teacher:
    network = densenet.build("densenet40", 2, seed=9)
    return Teacher(network, attention_layer=densenet.attention_layer(network), smallest_size_px=32)


def first_steps(processes: ProcessGroup) -> dict[str, torch.Tensor]:
    """Loss and gradient of the first and of the last batch of an epoch, for each method and task."""
    found = {}
    for task, methods in {"multilabel": METHODS, "multiclass": ("supervised", "distillation")}.items():
        data = made(task)
        for name in methods:
            run = settings(**METHODS[name])
            where = device.chosen(run.training)
            given = list(batches(run, data, 1, where, processes=processes))
            for k in (0, -1):
                teacher = None if run.teacher is None else a_teacher()
                student = Student(run, data, start="random", teacher=teacher, device=where, processes=processes)
                student.begin_epoch()
                student.step(*given[k])
                gradients = [p.grad.reshape(-1) for p in student.parameters if p.grad is not None]
                found[f"{task} {name} {k}: gradient"] = torch.cat(gradients)
                found[f"{task} {name} {k}: losses"] = torch.tensor(student.sums, dtype=torch.float64)
    return found


def course(run: RunSettings, processes: ProcessGroup) -> dict[str, torch.Tensor]:
    """Losses and predictions of a complete training."""
    (trained,) = train([run], made("multilabel"), start="random", teacher=a_teacher(), processes=processes)
    assert isinstance(trained, TrainedRun)
    columns = trained.history[["loss_task", "loss_transfer", "loss_validation", "auc"]].to_numpy()
    return {
        "history": torch.tensor(columns),
        "validation": torch.tensor(trained.validation_scores),
        "test": torch.tensor(trained.test_scores),
    }


def failures(processes: ProcessGroup) -> list[str]:
    """The message of each process about an error in one of them."""
    said = []
    try:
        with processes.fail_together():
            if processes.rank == processes.world_size - 1:
                raise InputError("no such file")
    except (InputError, OtherProcessError) as error:
        said.append(f"{type(error).__name__}: {error}")
    taps = [TapSettings(student=name, teacher=name) for name in ("features.reduce", "features.denseblock1")]
    try:
        train(
            [settings(**METHODS["frobenius"], taps=taps)],
            made("multilabel"),
            start="random",
            teacher=a_teacher(),
            processes=processes,
        )
    except (InputError, OtherProcessError) as error:
        said.append(f"{type(error).__name__}: {error}")
    normalised = augment.normalised
    if processes.rank == processes.world_size - 1:  # in only one process
        augment.normalised = lambda pixels: normalised(pixels) * torch.nan
    (outcome,) = train([settings()], made("multilabel"), start="random", teacher=None, processes=processes)
    augment.normalised = normalised
    said.append(f"{type(outcome).__name__}: {outcome}")
    return said


def study_in_which_a_process_dies_once(arguments: Sequence[str]) -> None:
    """Run `medkt ARGUMENTS`. The last process is killed once, in the second epoch of the first arm."""
    step, done = Student.step, Path("killed")

    def dying(self: Student, *batch: object) -> None:
        step(self, *batch)  # type: ignore[arg-type]
        if self.run.role == "arm" and self.steps == 4 and os.environ["RANK"] == "1" and not done.exists():
            done.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    Student.step = dying  # type: ignore[method-assign]
    sys.argv = ["medkt", *arguments]
    cli.main()


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with process_group() as processes:
        tensors = first_steps(processes)
        attending = settings(**ATTENDING)
        tensors |= {f"fixed {name}": found for name, found in course(attending, processes).items()}
        shifting = settings(**ATTENDING, unfrozen="all")
        tensors |= {f"batch statistics {name}": found for name, found in course(shifting, processes).items()}
        said = processes.gather(failures(processes)) if processes.world_size > 1 else []
        if processes.is_main:
            save_file(
                {name: found.contiguous() for name, found in tensors.items()},
                folder / f"{processes.world_size}.safetensors",
            )
            (folder / f"{processes.world_size}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    if sys.argv[1] == "train":
        study_in_which_a_process_dies_once(sys.argv[1:])
    else:
        main(Path(sys.argv[1]))
