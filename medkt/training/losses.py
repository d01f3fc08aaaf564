"""The task's loss, and the losses of a batch that several processes share.

In: logits and targets of this process's images. Out: the loss, as a tensor with its gradient. The losses of the
transfer methods are in `medkt.transfer`; this module combines their parts into the loss of the full batch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from medkt.data.collection import Task
from medkt.run_settings import RunSettings
from medkt.training.processes.group import ProcessGroup


def task_loss(task: Task, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Compute binary cross-entropy over the labelled entries, or cross-entropy over classes; float32, ().

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
        Which of the two.
    logits : float, (B, n_labels)
        Before sigmoid or softmax.
    targets : float32, (B, n_labels), NaN = not labelled; or int64, (B,)
        Multi-label or multi-class.
    weights : float32, (n_labels,), optional
        Weights of the positive entries of each label, or of the images of each class (`medkt.training.imbalance`).
    """
    logits = logits.float()
    if task == "multiclass":
        return functional.cross_entropy(logits, targets, weight=weights)
    labelled = ~torch.isnan(targets)
    if not labelled.any():
        return logits.sum() * 0.0  # a mean over no entries would be NaN
    positive = None if weights is None else weights.expand_as(targets)[labelled]
    return functional.binary_cross_entropy_with_logits(logits[labelled], targets[labelled], pos_weight=positive)


def whole_batch_task_loss(
    task: Task, logits: Tensor, targets: Tensor, weights: Tensor | None, batch_size: int, processes: ProcessGroup
) -> Tensor:
    """Compute the task's loss over a batch of `batch_size` images, of which this process has those of `logits`."""
    loss = task_loss(task, logits, targets, weights)
    return processes.mean(loss, _divisor(task, targets, weights), batch_size)


def whole_batch_transfer_loss(
    run: RunSettings, loss: Tensor, n_images: int, batch_size: int, processes: ProcessGroup
) -> Tensor:
    """Compute a method's loss over a batch of `batch_size` images from `loss`, that over this process's `n_images`."""
    if run.transfer.norm_over_batch:
        return processes.norm(loss, batch_size)
    return processes.mean(loss, n_images, batch_size)


def check_processes(run: RunSettings, processes: ProcessGroup) -> None:
    """Refuse a loss that several processes cannot compute together.

    Raises
    ------
    InputError
        If it is such a loss, for example a sum of norms over the batch.
    """
    if processes.world_size > 1:
        run.transfer.check_processes(run.run_id)


def _divisor(task: Task, targets: Tensor, weights: Tensor | None) -> float:
    """Return what `task_loss` divides its sum by: labelled entries, images, or the weights of their classes."""
    if task == "multilabel":
        return float((~torch.isnan(targets)).sum())
    return float(len(targets) if weights is None else weights[targets].sum())
