"""What a network predicts for the images of a split.

In: a network and images. Out: probabilities and the mean loss. No weight changes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from medkt.data.collection import Task
from medkt.data.pixels import augment
from medkt.training.device import Device
from medkt.training.losses import task_loss
from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt.training.run_data import Part


def predict(
    model: nn.Module, task: Task, part: Part, batch_size: int, device: Device, processes: ProcessGroup = ONE_PROCESS
) -> tuple[np.ndarray, float]:
    """Predict the images of one split.

    Several processes divide the batches among them. Each image is predicted once, in the same batch as by one process.

    Parameters
    ----------
    model : nn.Module
        Put in evaluation mode.
    task : {"multilabel", "multiclass"}
        Sigmoid or softmax.
    part : Part
        The images.
    batch_size : int
        Images at a time.
    device : Device
        Device of `model`.
    processes : ProcessGroup
        The processes that predict together.

    Returns
    -------
    scores : float32, (n, n_labels)
        Probabilities.
    loss : float
        Mean task loss over batches, weighted by images.
    """
    model.eval()
    begins = range(0, len(part.pixels), batch_size)
    predictions: dict[int, tuple[np.ndarray, float]] = {}  # by a batch's first row: its scores, its loss times images
    with torch.inference_mode():
        for begin in processes.share(begins):
            rows = slice(begin, begin + batch_size)
            pixels = torch.from_numpy(part.pixels[rows]).to(device.device)
            with device.autocast():
                logits = model(augment.normalised(pixels).contiguous(memory_format=device.memory_format)).float()
            loss = task_loss(task, logits, torch.from_numpy(part.targets[rows]).to(device.device)).item()
            scores = (logits.sigmoid() if task == "multilabel" else logits.softmax(1)).cpu().numpy()
            predictions[begin] = scores, loss * len(pixels)
    for of_process in processes.gather(predictions):
        predictions |= of_process
    total = 0.0
    for begin in begins:
        total += predictions[begin][1]
    return np.concatenate([predictions[begin][0] for begin in begins]), total / len(part.pixels)
