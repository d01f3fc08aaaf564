"""What a network says of a split, and the validation metric that an epoch is selected by.

In: a network and images. Out: probabilities; a number. Nothing here changes a weight.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from medkt.data.collection import Task
from medkt.data.pixels import augment
from medkt.training.device import Device
from medkt.training.run_data import Part, RunData
from medkt.training.shards import ALONE, Shards
from medkt.training.task_loss import task_loss
from medkt_eval.errors import InputError
from medkt_eval.metrics.one_run import MetricValue, multiclass_metrics, multilabel_metrics

SELECTION = {"multilabel": ("auc", "macro"), "multiclass": ("f1", "weighted")}  # the paper's, section V.A


def predict(
    model: nn.Module, task: Task, part: Part, batch_size: int, device: Device, shards: Shards = ALONE
) -> tuple[np.ndarray, float]:
    """Probabilities of the images of one split, and the mean task loss.

    Several processes deal the batches out among them, so each image is looked at once, and in the batch that a single
    process would show it in.

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
        Where `model` is.
    shards : Shards
        This process among those that predict together.

    Returns
    -------
    scores : float32, (n, n_labels)
    loss : float
        Mean over batches, weighted by images.
    """
    model.eval()
    begins = range(0, len(part.pixels), batch_size)
    found: dict[int, tuple[np.ndarray, float]] = {}  # of this process's batches: scores, and loss times images
    with torch.inference_mode():
        for begin in begins[shards.rank :: shards.world]:
            rows = slice(begin, begin + batch_size)
            pixels = torch.from_numpy(part.pixels[rows]).to(device.device)
            with device.autocast():
                logits = model(augment.normalised(pixels).contiguous(memory_format=device.memory_format)).float()
            loss = task_loss(task, logits, torch.from_numpy(part.targets[rows]).to(device.device)).item()
            scores = (logits.sigmoid() if task == "multilabel" else logits.softmax(1)).cpu().numpy()
            found[begin] = scores, loss * len(pixels)
    for others in shards.gather(found):
        found |= others
    total = 0.0
    for begin in begins:
        total += found[begin][1]
    return np.concatenate([found[begin][0] for begin in begins]), total / len(part.pixels)


def validation_metric(data: RunData, scores: np.ndarray) -> float:
    """The metric an epoch is selected by: macro AUC, or weighted F1 (`SELECTION`).

    Parameters
    ----------
    data : RunData
        Its validation targets.
    scores : float32, (n, n_labels)
        Of the validation images.

    Raises
    ------
    InputError
        If it does not exist, because the validation images lack a class.
    """
    metric, label = SELECTION[data.task]
    targets, none = data.validation.targets, [None] * len(data.labels)
    found: list[MetricValue]
    if data.task == "multilabel":
        found = multilabel_metrics(data.labels, targets.astype(np.float64), scores, none, none, metrics=[metric])
    else:
        found = multiclass_metrics(data.labels, targets, scores)
    value = next(row for row in found if (row.metric, row.label) == (metric, label))
    if value.value is None:
        raise InputError(
            f"{metric} {label} on the validation images does not exist ({value.undefined_because}), "
            "and an epoch is selected by it: enlarge validation_size or leave the label out"
        )
    return value.value
