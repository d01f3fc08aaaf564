"""One run during training: its step, and what it does at the end of an epoch.

In: batches, one `step` each, and the end of each epoch. Out: rows of the history, then a `TrainedRun`. building.py
makes the parts, `medkt.training.selection` decides which epoch is selected, state.py saves and restores.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from medkt.errors import TrainingError
from medkt.models import freezing
from medkt.run_settings import RunSettings
from medkt.teachers.teacher import Teacher
from medkt.training import losses, optimisation
from medkt.training.device import Device
from medkt.training.prediction import predict
from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt.training.run_data import RunData
from medkt.training.selection import SELECTION, BestEpoch, out_of_patience, validation_metric
from medkt.training.student.building import build
from medkt.training.student.outcome import TrainedRun

_HUGE = 1e6  # no trained weight of these networks is near it


class Student:
    """A run during training.

    Parameters
    ----------
    run : RunSettings
        Every setting.
    data : RunData
        Its images.
    start : str or Path
        "random", "imagenet" or the file of weights that it starts from.
    teacher : Teacher or None
        The network that it learns from; may have other students.
    device : Device
        Device that trains it.
    processes : ProcessGroup
        The processes that train it together.

    Raises
    ------
    InputError
        If the weights or the image size do not fit the network, the validation images lack a class, or several
        processes cannot compute the loss together.
    """

    def __init__(
        self,
        run: RunSettings,
        data: RunData,
        *,
        start: str | Path,
        teacher: Teacher | None,
        device: Device,
        processes: ProcessGroup = ONE_PROCESS,
    ) -> None:
        self.run, self.data, self.device, self.processes = run, data, device, processes
        self.parts = build(run, data, start=start, teacher=teacher, device=device, processes=processes)
        self.network, self.method, self._teacher = self.parts.network, self.parts.method, teacher
        self.parameters = self.parts.trainable()
        self.optimiser = optimisation.optimiser(self.parameters, run.training)
        self.schedule = optimisation.Schedule(self.optimiser, run.training)
        self.best = BestEpoch(data.task)
        self.history: list[dict[str, float]] = []
        self.steps = 0
        self.sums = [0.0, 0.0]  # task and transfer loss of this epoch, summed over images
        self.seconds = 0.0  # time that this epoch's steps took
        self.failure: TrainingError | None = None

    @property
    def has_epochs_left(self) -> bool:
        """Whether it trains another epoch: it has not failed, finished, or run out of patience."""
        if self.failure is not None or len(self.history) == self.run.training.epochs:
            return False
        metric, _ = SELECTION[self.data.task]
        return not out_of_patience([row[metric] for row in self.history], self.run.training.patience)

    def begin_epoch(self) -> None:
        """Put the network into training mode; validation left it."""
        freezing.set_training_mode(self.network, self.run.training.frozen_batchnorm)

    def step(self, images: Tensor, targets: Tensor, image_ids: np.ndarray) -> None:
        """Learn from one batch: minimise L_task + L_transfer / beta (the paper, Eq. 2).

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            Augmented and normalised: this process's part of a batch of N images.
        targets : float32, (B, n_labels), or int64, (B,)
            Targets of these images.
        image_ids : str, (N,)
            Ids of the images of the full batch, for error messages.

        Raises
        ------
        TrainingError
            If the loss, or the teacher's outputs for the first batch, are not finite.
        """
        n, weights = len(image_ids), self.parts.loss_weights
        logits = self.logits(images)  # (B, n_labels)
        self._check_teacher(images)
        loss_task = losses.whole_batch_task_loss(self.data.task, logits, targets, weights, n, self.processes)
        loss = loss_task
        if self.method is not None:
            own_loss = self.method.loss(images, logits)
            loss_transfer = losses.whole_batch_transfer_loss(self.run, own_loss, len(images), n, self.processes)
            loss = loss_task + self.method.weight * loss_transfer
            self.sums[1] += loss_transfer.item() * n
        self._check_finite(loss, image_ids)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.processes.sum_gradients(self.parameters)
        optimisation.clip(self.parameters, self.run.training)
        self.optimiser.step()
        self.steps += 1
        self.sums[0] += loss_task.item() * n

    def logits(self, images: Tensor) -> Tensor:
        """Return the network's output for a batch, (B, n_labels); the teacher sees the batch in the same precision."""
        with self.device.autocast():
            if self._teacher is not None:
                self._teacher.look(images)
            return self.parts.forward(images)

    def try_step(self, images: Tensor, targets: Tensor) -> None:
        """Compute a step and discard it, to find out whether memory suffices."""
        logits = self.logits(images)
        loss = losses.task_loss(self.data.task, logits, targets, self.parts.loss_weights)
        (loss if self.method is None else loss + self.method.loss(images, logits)).backward()
        self.optimiser.zero_grad(set_to_none=True)

    def end_epoch(self) -> dict[str, float]:
        """Validate, and keep the weights if this epoch is the best so far.

        Returns
        -------
        dict of str to float
            The epoch's row of the history.

        Raises
        ------
        TrainingError
            If scores are not finite.
        """
        began = perf_counter()
        self.processes.broadcast_buffers(self.network)
        scores, loss_validation = self._predict("validation")
        self._check_scores(scores, "validation")
        value = validation_metric(self.data, scores)
        epoch = len(self.history) + 1
        self.best.consider(epoch, value, scores, self.network)
        learning_rate = self.schedule.learning_rate  # of this epoch; the next line sets that of the next
        self.schedule.epoch_done(loss_validation)
        loss_task, loss_transfer = (total / len(self.data.train.pixels) for total in self.sums)
        self.history.append(
            {
                "epoch": epoch,
                "step": self.steps,
                "learning_rate": learning_rate,
                "loss": loss_task if self.method is None else loss_task + self.method.weight * loss_transfer,
                "loss_task": loss_task,
                "loss_transfer": loss_transfer,
                "loss_validation": loss_validation,
                self.best.metric: value,
                "seconds": self.seconds + perf_counter() - began,
            }
        )
        self.sums, self.seconds = [0.0, 0.0], 0.0
        return self.history[-1]

    def trained(self) -> TrainedRun:
        """Load the weights of the best epoch and predict the test images with them."""
        if self.method is not None:
            self.method.close()
        self.network.load_state_dict(self.best.weights)
        test_scores, _ = self._predict("test")
        self._check_scores(test_scores, "test")
        trainable, total = freezing.parameter_counts(self.network)
        return TrainedRun(
            weights=self.best.weights,
            history=pd.DataFrame(self.history),
            validation_scores=self.best.scores,
            test_scores=test_scores,
            selection=self.best.selection,
            start=self.parts.start,
            trainable_parameters=trainable,
            total_parameters=total,
            method_parameters=0 if self.method is None else sum(p.numel() for p in self.method.parameters()),
            device=self.device,
            processes=self.processes.world_size,
            batchnorm=self.parts.batchnorm,
            seconds=sum(row["seconds"] for row in self.history),
        )

    def _predict(self, split: str) -> tuple[np.ndarray, float]:
        part = getattr(self.data, split)
        batch_size = self.run.training.batch_size
        return predict(self.network, self.data.task, part, batch_size, self.device, self.processes)

    def _check_teacher(self, images: Tensor) -> None:
        """Refuse a teacher of infinite outputs in the first step: distances of its maps may be finite all the same."""
        if self._teacher is None or self.steps > 0 or not torch.isfinite(images).all():
            return
        seen = self._teacher.look(images)
        if not all(torch.isfinite(output).all() for output in (seen.logits, *seen.maps.values())):
            raise TrainingError(
                f"{self.run.run_id}: outputs of its teacher {self.run.teacher!r} are infinite or no numbers; name a "
                "teacher that was trained well"
            )

    def _check_finite(self, loss: Tensor, image_ids: np.ndarray) -> None:
        if torch.isfinite(loss):
            return
        remedy = f"lower the learning rate, now {self.schedule.learning_rate:g}"
        remedy += "" if self.method is None else ", or raise beta"
        where = f"{self.run.run_id}: the loss is {loss.item()} in epoch {len(self.history) + 1}"
        if self.steps > 0 and not all((parameter.abs() < _HUGE).all() for parameter in self.parameters):
            raise TrainingError(f"{where}, because earlier steps made weights infinite or above {_HUGE:g}: {remedy}")
        raise TrainingError(
            f"{where} (batch of images {', '.join(str(name) for name in image_ids)}); look at these images, {remedy}"
        )

    def _check_scores(self, scores: np.ndarray, split: str) -> None:
        if not np.isfinite(scores).all():
            raise TrainingError(
                f"{self.run.run_id}: scores of {split} images are no numbers after epoch {len(self.history) + 1}: the "
                f"training diverged. Lower the learning rate, now {self.schedule.learning_rate:g}, or set "
                "clip_gradient_norm"
            )
