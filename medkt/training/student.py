"""One run in the making: its network, its method, its optimiser, and what it has come to.

In: batches, one `step` each, and the end of each epoch. Out: rows of the history, the weights of the best epoch, and
`Trained`. All that a run is made of goes into `tensors` and `numbers` and comes back by `restore`, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from medkt import transfer
from medkt.errors import TrainingError
from medkt.models import densenet, freezing
from medkt.models.initialisation import InitialWeights, load_weights
from medkt.run_settings import RunSettings
from medkt.teachers.labels import shared_name
from medkt.teachers.teacher import Teacher
from medkt.training import imbalance, optimisation
from medkt.training.device import Device, compiled
from medkt.training.prediction import SELECTION, predict, validation_metric
from medkt.training.run_data import RunData
from medkt.training.shards import ALONE, Shards
from medkt.training.task_loss import divisor, task_loss


@dataclass(frozen=True)
class Trained:
    """The outcome of a run."""

    weights: dict[str, Tensor]
    history: pd.DataFrame
    validation_scores: np.ndarray  # float32, (n, n_labels)
    test_scores: np.ndarray
    selection: dict[str, str | int | float]
    start: InitialWeights
    trainable_parameters: int  # of the student
    total_parameters: int
    method_parameters: int  # of the method itself, such as a projection
    device: Device
    processes: int
    batchnorm: str  # whose statistics it trained by: `Shards.batchnorm`
    seconds: float


class Student:
    """A run in the making.

    Parameters
    ----------
    run : RunSettings
        Every setting.
    data : RunData
        Its images.
    start : str or Path
        "random", "imagenet" or the file of weights that it starts from.
    teacher : Teacher or None
        Whom it learns from; may have other students.
    device : Device
        Where it is trained.
    shards : Shards
        This process among those that train it together.

    Raises
    ------
    InputError
        If the weights or the image size do not fit the network, the validation images lack a class, or its loss cannot
        be put together from parts of a batch.
    """

    def __init__(
        self,
        run: RunSettings,
        data: RunData,
        *,
        start: str | Path,
        teacher: Teacher | None,
        device: Device,
        shards: Shards = ALONE,
    ) -> None:
        settings = run.training
        densenet.check_size(run.student, settings.image_size_px, tapped=False)  # a method checks its taps itself
        validation_metric(data, np.zeros((len(data.validation.pixels), len(data.labels))))  # better now than later
        if shards.world > 1:
            run.transfer.check_processes(run.run_id)
        self.run, self.data, self.device, self.shards = run, data, device, shards
        network = densenet.build(run.student, len(data.labels), seed=run.seed)  # what stays of it: all that start lacks
        self.initial = load_weights(network, start)
        freezing.apply(network, run.unfrozen, settings.frozen_batchnorm)
        shards.synchronise_batchnorm(network, device.device)
        self.batchnorm = shards.batchnorm(network)
        self.network = device.placed(network)
        labels = tuple(map(shared_name, data.labels))  # as the teacher's are called
        self.method = transfer.build(
            run.transfer,
            self.network,
            teacher,
            task=data.task,
            labels=labels,
            image_size_px=settings.image_size_px,
            seed=run.seed,
        )
        if self.method is not None:
            self.method.to(device.device)
        self._teacher = teacher
        self._forward = compiled(self.network, settings, taught=teacher is not None)
        weights = imbalance.loss_weights(data.train.targets, data.task, settings, len(data.labels))
        self._loss_weights = None if weights is None else weights.to(device.device)
        self.parameters = [p for p in self.network.parameters() if p.requires_grad]
        self.parameters += list(self.method.parameters()) if self.method is not None else []
        self.optimiser = optimisation.optimiser(self.parameters, settings)
        self.schedule = optimisation.Schedule(self.optimiser, settings)
        self.history: list[dict[str, float]] = []
        self.steps = 0
        self.sums = [0.0, 0.0]  # task and transfer loss of this epoch, summed over images
        self.seconds = 0.0  # that its steps of this epoch took
        self.best: dict[str, str | int | float] = {}
        self.best_weights: dict[str, Tensor] = {}
        self.best_scores = np.empty(0, dtype=np.float32)
        self.failure: TrainingError | None = None

    @property
    def going(self) -> bool:
        """Whether there is another epoch for it."""
        if self.failure is not None or len(self.history) == self.run.training.epochs:
            return False
        values = [row[SELECTION[self.data.task][0]] for row in self.history]
        return not optimisation.out_of_patience(values, self.run.training.patience)

    def begin_epoch(self) -> None:
        """Training mode, for validation left it."""
        freezing.set_training_mode(self.network, self.run.training.frozen_batchnorm)

    def step(self, images: Tensor, targets: Tensor, image_ids: np.ndarray) -> None:
        """Learn from one batch.

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            Augmented and normalised: this process's part of a batch of N.
        targets : float32, (B, n_labels), or int64, (B,)
        image_ids : str, (N,)
            The whole batch's, to name them where something goes wrong.

        Raises
        ------
        TrainingError
            If the loss is not finite.
        """
        n = len(image_ids)
        logits = self.logits(images)
        loss_task = self._task_loss(logits, targets, n)
        loss = loss_task
        if self.method is not None:
            loss_transfer = self._joined(self.method.loss(images, logits), len(images), n)
            loss = loss_task + self.method.weight * loss_transfer
            self.sums[1] += loss_transfer.item() * n
        self._check_finite(loss, image_ids)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.shards.add_gradients(self.parameters)
        optimisation.clip(self.parameters, self.run.training)
        self.optimiser.step()
        self.steps += 1
        self.sums[0] += loss_task.item() * n

    def logits(self, images: Tensor) -> Tensor:
        """Give the network's answer to a batch, (B, n_labels); its teacher looks at it in the same precision."""
        with self.device.autocast():
            if self._teacher is not None:
                self._teacher.look(images)
            return self._forward(images)

    def try_step(self, images: Tensor, targets: Tensor) -> None:
        """Go through a step without taking it, to see whether there is memory for it."""
        logits = self.logits(images)
        loss = task_loss(self.data.task, logits, targets, self._loss_weights)
        (loss if self.method is None else loss + self.method.loss(images, logits)).backward()
        self.optimiser.zero_grad(set_to_none=True)

    def end_epoch(self) -> dict[str, float]:
        """Look at the validation images, and keep the weights if they are the best yet.

        Returns
        -------
        dict of str to float
            The epoch's row of the history.
        """
        began = perf_counter()
        self.shards.share_statistics(self.network)
        scores, loss_validation = self._predicted("validation")
        metric, label = SELECTION[self.data.task]
        value = validation_metric(self.data, scores)
        epoch = len(self.history) + 1
        task, transferred = (total / len(self.data.train.pixels) for total in self.sums)
        learning_rate = self.schedule.learning_rate
        self.schedule.epoch_done(loss_validation)
        if not self.best or value > float(self.best["value"]):
            self.best = {"metric": metric, "label": label, "epoch": epoch, "value": value}
            self.best_scores = scores
            self.best_weights = {name: tensor.detach().cpu().clone() for name, tensor in self._state()}
        self.history.append(
            {
                "epoch": epoch,
                "step": self.steps,
                "learning_rate": learning_rate,
                "loss": task if self.method is None else task + self.method.weight * transferred,
                "loss_task": task,
                "loss_transfer": transferred,
                "loss_validation": loss_validation,
                metric: value,
                "seconds": self.seconds + perf_counter() - began,
            }
        )
        self.sums, self.seconds = [0.0, 0.0], 0.0
        return self.history[-1]

    def trained(self) -> Trained:
        """Predict the test images with the weights of the best epoch."""
        if self.method is not None:
            self.method.close()
        self.network.load_state_dict(self.best_weights)
        trainable, total = freezing.parameter_counts(self.network)
        return Trained(
            weights=self.best_weights,
            history=pd.DataFrame(self.history),
            validation_scores=self.best_scores,
            test_scores=self._predicted("test")[0],
            selection=self.best,
            start=self.initial,
            trainable_parameters=trainable,
            total_parameters=total,
            method_parameters=0 if self.method is None else sum(p.numel() for p in self.method.parameters()),
            device=self.device,
            processes=self.shards.world,
            batchnorm=self.batchnorm,
            seconds=sum(row["seconds"] for row in self.history),
        )

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor that the run is made of, by a name of its own."""
        states = self.optimiser.state_dict()["state"]
        moments = {f"optimiser/{k}/{name}": value for k in states for name, value in states[k].items()}
        method = {} if self.method is None else self.method.state_dict()
        return (
            {f"network/{name}": tensor for name, tensor in self._state()}
            | {f"method/{name}": tensor for name, tensor in method.items()}
            | moments
            | {f"best/{name}": tensor for name, tensor in self.best_weights.items()}
            | {"best_scores": torch.from_numpy(self.best_scores)}
        )

    def numbers(self) -> dict[str, Any]:
        """Everything else that it is made of, as JSON takes it."""
        return {
            "history": self.history,
            "steps": self.steps,
            "sums": self.sums,
            "seconds": self.seconds,
            "best": self.best,
            "schedule": self.schedule.state_dict(),
        }

    def restore(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Become what `tensors` and `numbers` were of."""
        of: dict[str, dict[str, Tensor]] = {"network": {}, "method": {}, "optimiser": {}, "best": {}}
        for key, tensor in tensors.items():
            kind, _, name = key.partition("/")
            if name:
                of[kind][name] = tensor
        self.network.load_state_dict(of["network"])
        if self.method is not None:
            self.method.load_state_dict(of["method"])
        for k, parameter in enumerate(self.parameters):
            state = {name.split("/")[1]: value for name, value in of["optimiser"].items() if name.startswith(f"{k}/")}
            if state:  # as Adam makes them: on the device and in the memory format of what they belong to
                self.optimiser.state[parameter] = {
                    name: torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
                    for name, value in state.items()
                }
        self.best_weights, self.best_scores = of["best"], tensors["best_scores"].numpy()
        self.history, self.steps = [dict(row) for row in numbers["history"]], numbers["steps"]
        self.sums, self.seconds, self.best = list(numbers["sums"]), numbers["seconds"], dict(numbers["best"])
        self.schedule.load_state_dict(numbers["schedule"])

    def _predicted(self, split: str) -> tuple[np.ndarray, float]:
        part = getattr(self.data, split)
        return predict(self.network, self.data.task, part, self.run.training.batch_size, self.device, self.shards)

    def _task_loss(self, logits: Tensor, targets: Tensor, n: int) -> Tensor:
        """The task's loss over a batch of `n` images, of which this process has those of `logits`."""
        loss = task_loss(self.data.task, logits, targets, self._loss_weights)
        if self.shards.world == 1:
            return loss
        counted = divisor(self.data.task, targets, self._loss_weights) if self.shards.counts(n) else 0.0
        return self.shards.mean(loss, counted)

    def _joined(self, loss: Tensor, images: int, n: int) -> Tensor:
        """A method's loss over a batch of `n` images from that over this process's, `images` of them."""
        counts = self.shards.counts(n)
        if self.run.transfer.norm_over_batch:
            return self.shards.norm(loss, counts=counts)
        return self.shards.mean(loss, images if counts else 0)

    def _state(self) -> list[tuple[str, Tensor]]:
        return list(self.network.state_dict().items())

    def _check_finite(self, loss: Tensor, image_ids: np.ndarray) -> None:
        if not torch.isfinite(loss):
            epoch, remedy = len(self.history) + 1, "" if self.method is None else " or raise beta"
            raise TrainingError(
                f"{self.run.run_id}: the loss is {loss.item()} in epoch {epoch} (batch of images "
                f"{', '.join(str(name) for name in image_ids)}); look at these images, lower the learning rate{remedy}"
            )
