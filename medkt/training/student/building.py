"""The parts that a run is trained with: network, transfer method, weights of the loss, optimiser.

In: a run's settings, images, start weights and teacher. Out: `Parts`, on the device. Settings that cannot be trained
are refused here, before the first batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from medkt import transfer
from medkt.models import densenet, freezing
from medkt.models.initialisation import InitialWeights, load_weights
from medkt.run_settings import RunSettings
from medkt.teachers.labels import shared_name
from medkt.teachers.teacher import Teacher
from medkt.training import imbalance, losses
from medkt.training.device import Device, compiled
from medkt.training.processes import batchnorm
from medkt.training.processes.group import ProcessGroup
from medkt.training.run_data import RunData
from medkt.training.selection import validation_metric
from medkt.transfer.method import Transfer


@dataclass(frozen=True)
class Parts:
    """What one run is trained with.

    Parameters
    ----------
    network : nn.Module
        The student's network.
    forward : callable
        Its forward pass, compiled if the settings ask for it.
    start : InitialWeights
        What was loaded into it.
    method : Transfer or None
        The transfer method; None if the loss is only the task's.
    loss_weights : Tensor or None, (n_labels,)
        Weights of rare findings in the task's loss.
    batchnorm : str
        What the BatchNorm layers normalise by.
    """

    network: nn.Module
    forward: Callable[[Tensor], Tensor]
    start: InitialWeights
    method: Transfer | None
    loss_weights: Tensor | None
    batchnorm: str

    def trainable(self) -> list[nn.Parameter]:
        """Return what the optimiser changes: the unfrozen parameters of the network, and those of the method."""
        parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        return parameters + (list(self.method.parameters()) if self.method is not None else [])


def build(
    run: RunSettings,
    data: RunData,
    *,
    start: str | Path,
    teacher: Teacher | None,
    device: Device,
    processes: ProcessGroup,
) -> Parts:
    """Build the parts of a run; the parameters are those of `Student`.

    Raises
    ------
    InputError
        If the weights or the image size do not fit the network, the validation images lack a class, or several
        processes cannot compute the loss together.
    """
    settings = run.training
    densenet.check_size(run.student, settings.image_size_px, tapped=False)  # the method checks the size for its taps
    validation_metric(data, np.zeros((len(data.validation.pixels), len(data.labels))))  # fails now, not after an epoch
    losses.check_processes(run, processes)

    network = densenet.build(run.student, len(data.labels), seed=run.seed)  # random weights, for what `start` lacks
    initial = load_weights(network, start)
    freezing.apply(network, run.unfrozen, settings.frozen_batchnorm)
    batchnorm.synchronise(network, device.device, processes)
    statistics = batchnorm.statistics(network, processes)
    network = device.placed(network)

    labels = tuple(map(shared_name, data.labels))  # the teacher's labels go by these names too
    method = transfer.build(
        run.transfer,
        network,
        teacher,
        task=data.task,
        labels=labels,
        image_size_px=settings.image_size_px,
        seed=run.seed,
    )
    if method is not None:
        method.to(device.device)
    forward = compiled(network, settings, has_teacher=teacher is not None)

    weights = imbalance.loss_weights(data.train.targets, data.task, settings, len(data.labels))
    weights = None if weights is None else weights.to(device.device)
    return Parts(network, forward, initial, method, weights, statistics)
