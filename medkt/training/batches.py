"""The batches of one epoch, the same however often and from wherever they are drawn.

In: the training images of a run. Out: augmented, normalised batches. Their order and what is done to an image depend on
the run's seed, the epoch and the image's place in the training set alone: no random state outlives a batch, so a run
that was stopped draws what it would have drawn.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from medkt.data.pixels import augment
from medkt.run_settings import RunSettings
from medkt.training import imbalance
from medkt.training.device import Device
from medkt.training.run_data import RunData
from medkt.training.shards import ALONE, Shards


def batches(
    run: RunSettings, data: RunData, epoch: int, device: Device, *, done: int = 0, shards: Shards = ALONE
) -> Iterator[tuple[Tensor, Tensor, np.ndarray]]:
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
        Where images are augmented.
    done : int
        Batches to pass over: those that a stopped run has seen.
    shards : Shards
        Whose part of each batch of N images is read and augmented.

    Yields
    ------
    images : float32, (B, 3, S, S)
        Normalised, in the device's memory format.
    targets : float32, (B, n_labels) or int64, (B,)
    rows : int64, (N,)
        Of the training images: the whole batch's.
    """
    settings, part = run.training, data.train
    n = len(part.pixels)
    order = imbalance.order(part.targets, data.task, settings, run.seed, epoch)
    angles, flips = augment.draw(run.seed, epoch, n, settings.rotation_degrees, settings.horizontal_flip)
    ends = [*range(settings.batch_size, n, settings.batch_size), n]
    if len(ends) > 1 and n - ends[-2] == 1:
        del ends[-2]  # a last batch of one image has no BatchNorm statistics where its map is 1 x 1
    for begin, end in list(zip([0, *ends[:-1]], ends, strict=True))[done:]:
        whole, part_of_it = order[begin:end], shards.rows(end - begin)
        rows = whole[part_of_it]
        # By place in the training set; an image that the sampler draws twice is turned otherwise the second time.
        turns = np.arange(begin, end)[part_of_it] if settings.imbalance == "sampler" else rows
        pixels = torch.from_numpy(part.pixels[rows]).to(device.device)
        turned = augment.rotated_and_flipped(
            pixels, torch.from_numpy(angles[turns]).to(device.device), torch.from_numpy(flips[turns]).to(device.device)
        )
        yield (
            augment.normalised(turned).contiguous(memory_format=device.memory_format),
            torch.from_numpy(part.targets[rows]).to(device.device),
            whole,
        )
