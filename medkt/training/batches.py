"""The batches of one epoch.

In: the training images of a run. Out: augmented, normalised batches. The order of the images and their augmentation
depend only on the run's seed, the epoch and the image's row in the training set. No random state is kept between
batches, so a resumed run sees the same batches as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from medkt.data.pixels import augment
from medkt.run_settings import RunSettings
from medkt.training import imbalance
from medkt.training.device import Device
from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt.training.run_data import RunData


class Batch(NamedTuple):
    """A batch of N images, of which this process has B; one process has them all.

    Attributes
    ----------
    images : float32, (B, 3, S, S)
        Augmented and normalised, in the device's memory format.
    targets : float32, (B, n_labels), or int64, (B,)
        Targets of these images.
    image_ids : str, (N,)
        Ids of the images of the full batch, of all processes.
    """

    images: Tensor
    targets: Tensor
    image_ids: np.ndarray


def batches(
    run: RunSettings, data: RunData, epoch: int, device: Device, *, skip: int = 0, processes: ProcessGroup = ONE_PROCESS
) -> Iterator[Batch]:
    """Augmented batches of one epoch.

    Parameters
    ----------
    run : RunSettings
        Seed, batch size, rotation, flip, sampling.
    data : RunData
        Its training images.
    epoch : int
        From 1.
    device : Device
        Device that augments the images.
    skip : int
        Number of batches to skip, because a run that resumes has seen them.
    processes : ProcessGroup
        Decides which part of each batch this process reads and augments.

    Yields
    ------
    Batch
    """
    settings, part = run.training, data.train
    n = len(part.pixels)
    order = imbalance.order(part.targets, data.task, settings, run.seed, epoch)
    angles, flips = augment.draw(run.seed, epoch, n, settings.rotation_degrees, settings.horizontal_flip)
    ends = [*range(settings.batch_size, n, settings.batch_size), n]
    if len(ends) > 1 and n - ends[-2] == 1:
        del ends[-2]  # a last batch of one image has no BatchNorm statistics where its map is 1 x 1
    for begin, end in list(zip([0, *ends[:-1]], ends, strict=True))[skip:]:
        own = processes.rows(end - begin)
        rows = order[begin:end][own]
        # Augmentation goes by row; if the sampler draws an image twice, by draw, so that the two differ.
        draws = np.arange(begin, end)[own] if settings.imbalance == "sampler" else rows
        pixels = torch.from_numpy(part.pixels[rows]).to(device.device)
        augmented = augment.rotated_and_flipped(
            pixels, torch.from_numpy(angles[draws]).to(device.device), torch.from_numpy(flips[draws]).to(device.device)
        )
        yield Batch(
            augment.normalised(augmented).contiguous(memory_format=device.memory_format),
            torch.from_numpy(part.targets[rows]).to(device.device),
            part.image_ids[order[begin:end]],
        )
