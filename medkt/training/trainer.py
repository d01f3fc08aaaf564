"""MAIN PATH of training: from images to predictions, in one loop.

    (trained,) = train([run], data, start="runs/...-s0/model.safetensors", teacher=None)

The student starts from given weights and follows the paper's protocol (section V.A): Adam, a learning rate that is
halved every 16 epochs, random rotation and flip. The epoch with the best validation metric is selected
(`medkt.training.selection`); its weights predict the validation and test images.

All random numbers depend only on the run's seed. The same settings on the same machine with the same number of threads
give a bit-identical result, whether the training was interrupted or not.

Runs that differ only in beta train in lockstep: each batch is read, augmented and passed to the teacher once, and each
run gets the same result as it would on its own. Several processes can share each batch (`medkt.training.processes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

from torch import Tensor

from medkt.errors import TrainingError
from medkt.run_settings import RunSettings
from medkt.teachers.teacher import Teacher
from medkt.training import device as devices
from medkt.training.batches import Batch, batches
from medkt.training.checkpoints.resuming import NO_CHECKPOINTS, Checkpoints
from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt.training.run_data import RunData
from medkt.training.student.outcome import TrainedRun
from medkt.training.student.student import Student


def train(
    runs: Sequence[RunSettings],
    data: RunData,
    *,
    start: str | Path,
    teacher: Teacher | None,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    on_batch: Callable[[], None] = lambda: None,
    on_epoch: Callable[[RunSettings, dict[str, float]], None] = lambda _run, _record: None,
    processes: ProcessGroup = ONE_PROCESS,
) -> list[TrainedRun | TrainingError]:
    """Train one run, or several that differ only in beta.

    Parameters
    ----------
    runs : sequence of RunSettings
        One; or several of one seed, which train in lockstep.
    data : RunData
        Their images.
    start : str or Path
        "random", "imagenet" or the file of weights that the students start from.
    teacher : Teacher or None
        The frozen network that they learn from.
    checkpoints : Checkpoints
        Save the runs; they may resume from them.
    on_batch : callable
        Called before each batch; if it raises, the runs are saved and training ends.
    on_epoch : callable
        Called with the run and its row of the history.
    processes : ProcessGroup
        The processes that train the runs together.

    Returns
    -------
    list of TrainedRun or TrainingError
        One for each run. If the loss or the scores of one run are not finite, that run fails and the others continue.

    Raises
    ------
    TrainingError
        If memory does not suffice; says which batch size would fit.
    InputError
        If the weights or the image size do not fit the network, the validation images lack a class, or a run was begun
        with other settings.
    """
    device = devices.chosen(runs[0].training, processes.local_rank)
    with processes.fail_together():
        if teacher is not None:
            teacher.to(device.device, channels_last=True)
        students = [
            Student(run, data, start=start, teacher=teacher, device=device, processes=processes) for run in runs
        ]
    position = checkpoints.restore(students)

    while active := [student for student in students if student.has_epochs_left]:
        for student in active:
            student.begin_epoch()
        epoch = batches(runs[0], data, position.epoch, device, skip=position.batch, processes=processes)
        for batch in _timed(epoch, active):
            with checkpoints.save_if_stopped(students, position), processes.fail_together():
                on_batch()
            for student in active:
                _step(student, batch)
            position = position.next_batch()
            checkpoints.batch_done(students, position)
        for student in active:
            if student.failure is None:
                _end_epoch(student, on_epoch)
        position = position.next_epoch()
        checkpoints.epoch_done(students, position)

    if teacher is not None:
        teacher.forget()
    return [student.failure or _outcome(student) for student in students]


def _step(student: Student, batch: Batch) -> None:
    """Take one step of a student that has not failed; note its failure, or say which batch size fits the memory."""
    if student.failure is not None:
        return
    try:
        student.step(*batch)
    except TrainingError as error:
        student.failure = error
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error):
            raise
        fits = devices.batch_size_that_fits(partial(_try_step, student, batch.images, batch.targets), len(batch.images))
        fits = fits and fits * student.processes.world_size
        remedy = f"batch_size = {fits} fits" if fits else "not even a batch of one image fits"
        raise TrainingError(
            f"{student.run.run_id}: out of memory with {len(batch.image_ids)} images of {batch.images.shape[-1]} px a "
            f"batch; {remedy}. What was saved before is kept"
        ) from error


def _end_epoch(student: Student, on_epoch: Callable[[RunSettings, dict[str, float]], None]) -> None:
    """Validate, which keeps the weights of the best epoch; note a failure."""
    try:
        record = student.end_epoch()
    except TrainingError as error:
        student.failure = error
        return
    on_epoch(student.run, record)


def _outcome(student: Student) -> TrainedRun | TrainingError:
    try:
        return student.trained()
    except TrainingError as error:
        return error


def _try_step(student: Student, images: Tensor, targets: Tensor, n: int) -> None:
    student.try_step(images[:n], targets[:n])


def _timed(epoch: Iterator[Batch], students: Sequence[Student]) -> Iterator[Batch]:
    """Yield batches; add the time that each takes, from reading to the last student's step, in equal shares."""
    began = perf_counter()
    for batch in epoch:
        yield batch
        now = perf_counter()
        for student in students:
            student.seconds += (now - began) / len(students)
        began = now
