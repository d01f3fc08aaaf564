"""MAIN PATH of training: from pixels to predictions, in one loop.

    (trained,) = train([run], data, start="runs/...-s0/model.safetensors", teacher=None)

The student starts from given weights, follows the paper's protocol (Adam, learning rate halved every 16 epochs, random
rotation and flip, best epoch by a validation metric), and predicts the validation and test images with the weights of
that epoch. What is drawn depends on the run's seed alone, so the same settings give the same bits on the same machine
with the same number of threads, stopped and continued or not.

Several processes share each batch (`medkt.shards`); the loop is the same.

Runs that differ in beta alone see the same images in the same order: they go in lockstep, each batch is read, augmented
and looked at by the teacher once, and each run gets the bits that it would get by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from torch import Tensor

from medkt.errors import TrainingError
from medkt.run_settings import RunSettings
from medkt.teachers.teacher import Teacher
from medkt.training import device
from medkt.training.batches import batches
from medkt.training.checkpoint import Position
from medkt.training.continuation import NO_CHECKPOINTS, Checkpoints
from medkt.training.device import batch_size_that_fits, is_out_of_memory
from medkt.training.run_data import RunData
from medkt.training.shards import ALONE, Shards
from medkt.training.student import Student, Trained
from medkt_eval.errors import InputError


def train(
    runs: Sequence[RunSettings],
    data: RunData,
    *,
    start: str | Path,
    teacher: Teacher | None,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    on_batch: Callable[[], None] = lambda: None,
    on_epoch: Callable[[RunSettings, dict[str, float]], None] = lambda _run, _record: None,
    shards: Shards = ALONE,
) -> list[Trained | TrainingError]:
    """Train one run, or several that differ in beta alone.

    Parameters
    ----------
    runs : sequence of RunSettings
        One; or several of one seed, in lockstep.
    data : RunData
        Their images.
    start : str or Path
        "random", "imagenet" or the file of weights that the students start from.
    teacher : Teacher or None
        The frozen network that they learn from.
    checkpoints : Checkpoints
        Where they are saved, and may go on from.
    on_batch : callable
        Called before each batch; what it raises ends the training.
    on_epoch : callable
        Called with the run and its row of the history.
    shards : Shards
        This process among those that train the runs together.

    Returns
    -------
    list of Trained or TrainingError
        One each; a loss that is not finite ends its own run alone.

    Raises
    ------
    TrainingError
        If memory does not suffice; says which batch size would fit.
    InputError
        If the weights or the image size do not fit the network, the validation images lack a class, or a run was begun
        with other settings.
    """
    where = device.chosen(runs[0].training, shards.local_rank)
    with shards.together():
        if teacher is not None:
            teacher.to(where.device, channels_last=True)
        students = [Student(run, data, start=start, teacher=teacher, device=where, shards=shards) for run in runs]
        position = checkpoints.restore(students)
    with shards.together():
        _check_same_place(shards.gather(position))
    while going := [student for student in students if student.going]:
        for student in going:
            student.begin_epoch()
        epoch, done = position.epoch, position.batch
        began = perf_counter()
        for images, targets, rows in batches(runs[0], data, epoch, where, done=done, shards=shards):
            try:
                with shards.together():
                    on_batch()
            except BaseException:
                checkpoints.stopped(students, Position(epoch, done))
                raise
            _step_each(going, images, targets, data.train.image_ids[rows])
            done += 1
            began = _share_time(going, began)
            checkpoints.batch_done(students, Position(epoch, done))
        for student in going:
            if student.failure is None:
                on_epoch(student.run, student.end_epoch())
        position = Position(epoch + 1)
        checkpoints.epoch_done(students, position)
    if teacher is not None:
        teacher.forget()
    return [student.failure or student.trained() for student in students]


def _step_each(students: Sequence[Student], images: Tensor, targets: Tensor, image_ids: np.ndarray) -> None:
    """One step of each student that has not failed."""
    for student in students:
        if student.failure is not None:
            continue
        try:
            student.step(images, targets, image_ids)
        except TrainingError as error:
            student.failure = error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            fits = batch_size_that_fits(partial(_try_step, student, images, targets), len(images))
            fits = fits and fits * student.shards.world
            remedy = f"batch_size = {fits} fits" if fits else "not even a batch of one image fits"
            raise TrainingError(
                f"{student.run.run_id}: out of memory with {len(image_ids)} images of {images.shape[-1]} px a batch; "
                f"{remedy}. What was saved before is kept"
            ) from error


def _check_same_place(positions: Sequence[Position]) -> None:
    if len(set(positions)) > 1:
        raise InputError(
            f"the processes found different checkpoints of one run (batches {sorted(set(positions))}): "
            "all of them must see one and the same --out"
        )


def _try_step(student: Student, images: Tensor, targets: Tensor, n: int) -> None:
    student.try_step(images[:n], targets[:n])


def _share_time(students: Sequence[Student], began: float) -> float:
    """Give each student its share of the time since `began`; returns the time now."""
    now = perf_counter()
    for student in students:
        student.seconds += (now - began) / len(students)
    return now
