"""Seconds per image of a training step, of a student's pass in evaluation mode, and of a teacher's pass.

In: a run; a rate, or this machine to measure it on. Out: seconds per image. The trainer's own step is timed, on random
images.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from medkt.data.collection import Task
from medkt.run_settings import RunSettings
from medkt.settings import RANDOM, TeacherArchitecture
from medkt.teachers import networks as teacher_networks
from medkt.training import device as devices
from medkt.training.prediction import predict
from medkt.training.run_data import Part, RunData
from medkt.training.student.student import Student
from medkt.transfer.supervised import Supervised

STEPS, WARM_UP = 20, 1
LONGEST_SECONDS = 60.0  # for one kind of step; then fewer steps are timed
PASS = 1 / 3  # of a step, because a backward pass costs about two forward passes


class StepTimes:
    """Seconds per image.

    Parameters
    ----------
    images_per_second : float or None
        Rate of a student's step without a teacher; a pass, of student or teacher, then takes a third of a step. None:
        each is timed when it is first needed.
    report : callable
        Called with a line of text for each rate that was timed.

    Attributes
    ----------
    rates : list of str
        These lines, or the given rate.

    Examples
    --------
    >>> StepTimes(300.0).rates
    ['Given: 300 images/s a step; a pass takes a third of a step.']
    """

    def __init__(self, images_per_second: float | None, report: Callable[[str], None] = lambda _line: None) -> None:
        self._given = None if images_per_second is None else 1 / images_per_second
        self._report = report
        self._timed: dict[tuple[str, ...], float] = {}
        self.rates: list[str] = []
        if images_per_second is not None:
            self.rates.append(f"Given: {images_per_second:g} images/s a step; a pass takes a third of a step.")

    def step(self, run: RunSettings, task: Task, n_labels: int) -> float:
        """Seconds per image of a training step of the run's student, without its teacher and method."""
        if self._given is not None:
            return self._given

        def make_call() -> Callable[[], object]:
            student, images, targets = _student(run, task, n_labels)
            student.begin_epoch()
            return lambda: student.step(images, targets, student.data.train.image_ids)

        layers = run.unfrozen if isinstance(run.unfrozen, str) else "+".join(run.unfrozen)
        return self._seconds(run, ("step", run.student, f"unfrozen {layers}"), make_call)

    def prediction(self, run: RunSettings, task: Task, n_labels: int) -> float:
        """Seconds per image of a pass of the run's student in evaluation mode."""
        if self._given is not None:
            return PASS * self._given

        def make_call() -> Callable[[], object]:
            student, images, _ = _student(run, task, n_labels)
            return lambda: predict(student.network, task, student.data.validation, len(images), student.device)

        return self._seconds(run, ("prediction", run.student), make_call)

    def teacher(self, run: RunSettings, architecture: TeacherArchitecture) -> float:
        """Seconds per image of a pass of a teacher, in the precision of the run."""
        if self._given is not None:
            return PASS * self._given

        def make_call() -> Callable[[], object]:
            device = devices.chosen(run.training)
            network = device.placed(teacher_networks.build(architecture, 1)).eval()
            images = _images(run, device)

            def look() -> Tensor:
                with torch.no_grad(), device.autocast():
                    return network(images).cpu()

            return look

        return self._seconds(run, ("teacher", architecture), make_call)

    def _seconds(self, run: RunSettings, kind: tuple[str, ...], make_call: Callable[[], Callable[[], object]]) -> float:
        settings, default = run.training, torch.get_num_threads()
        threads = settings.threads_per_run or default
        key = (*kind, f"{settings.image_size_px} px, batches of {settings.batch_size}, threads_per_run = {threads}")
        if key not in self._timed:
            torch.set_num_threads(threads)
            try:
                self._timed[key] = _median(make_call()) / settings.batch_size
            finally:
                torch.set_num_threads(default)
            self.rates.append(f"Timed here: {', '.join(key)}: {1 / self._timed[key]:.3g} images/s")
            self._report(self.rates[-1])
        return self._timed[key]


def _median(step: Callable[[], object]) -> float:
    """Return the median seconds of twenty calls after a warm-up call, or of as many as there is time for."""
    times: list[float] = []
    for _ in range(WARM_UP + STEPS):
        began = perf_counter()
        step()
        times.append(perf_counter() - began)
        if sum(times) > LONGEST_SECONDS and len(times) > WARM_UP:
            break
    return median(times[WARM_UP:])


def _student(run: RunSettings, task: Task, n_labels: int) -> tuple[Student, Tensor, Tensor]:
    """Make the run's student without a teacher, and a batch to train it on."""
    n, size_px = run.training.batch_size, run.training.image_size_px
    rng = np.random.default_rng(0)
    labels = np.arange(max(n, 2, n_labels))  # each label has a positive and a negative image
    targets = labels % n_labels if task == "multiclass" else (labels[:, None] % (n_labels + 1) == np.arange(n_labels))
    targets = targets.astype(np.int64 if task == "multiclass" else np.float32)
    part = Part(rng.integers(0, 256, (len(labels), 1, size_px, size_px), np.uint8), targets, labels.astype(str))
    data = RunData(task, tuple(f"label {k}" for k in range(n_labels)), part, part, part)
    method = Supervised(method="supervised")
    without_teacher = {"method": method.method, "transfer": method, "teacher": None, "initialisation": RANDOM}
    student = Student(
        run.model_copy(update=without_teacher), data, start=RANDOM, teacher=None, device=devices.chosen(run.training)
    )
    targets_here = torch.from_numpy(targets[:n]).to(student.device.device)
    return student, _images(run, student.device), targets_here


def _images(run: RunSettings, device: devices.Device) -> Tensor:
    """Make a batch of random images, float32, (B, 3, S, S)."""
    shape = (run.training.batch_size, 3, run.training.image_size_px, run.training.image_size_px)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return images.to(device.device).contiguous(memory_format=device.memory_format)
