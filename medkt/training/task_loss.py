"""The loss of the task itself, and the weights that rare findings may have in it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from medkt.data.collection import Task


def task_loss(task: Task, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy over the labelled entries, or cross-entropy over classes; float32.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
        Which of the two.
    logits : float, (B, n_labels)
        Before sigmoid or softmax.
    targets : float32, (B, n_labels), NaN = not labelled; or int64, (B,)
        Multi-label or multi-class.
    weights : float32, (n_labels,), optional
        Of the positive entries of each label, or of the images of each class (`medkt.imbalance`).
    """
    logits = logits.float()
    if task == "multiclass":
        return functional.cross_entropy(logits, targets, weight=weights)
    labelled = ~torch.isnan(targets)
    if not labelled.any():
        return logits.sum() * 0.0  # nothing to learn from this batch; a mean over nothing would be NaN
    positive = None if weights is None else weights.expand_as(targets)[labelled]
    return functional.binary_cross_entropy_with_logits(logits[labelled], targets[labelled], pos_weight=positive)


def divisor(task: Task, targets: Tensor, weights: Tensor | None = None) -> float:
    """What `task_loss` divides its sum by: labelled entries, images, or the weights of their classes."""
    if task == "multilabel":
        return float((~torch.isnan(targets)).sum())
    return float(len(targets) if weights is None else weights[targets].sum())
