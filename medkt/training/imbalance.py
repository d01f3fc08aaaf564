"""Rare findings: drawn oftener, or weighted in the loss; by default neither, as in the paper.

In: the training targets. Out: the order of an epoch's images; weights for the task's loss.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from medkt.data.collection import Task
from medkt.settings import TrainingSettings


def order(targets: np.ndarray, task: Task, settings: TrainingSettings, seed: int, epoch: int) -> np.ndarray:
    """The images of one epoch in their order: each once, or, with `imbalance = "sampler"`, as many drawn by weight.

    Parameters
    ----------
    targets : float32, (n, n_labels), NaN = not labelled; or int64, (n,)
        Of the training images.
    task : {"multilabel", "multiclass"}
        What they mean.
    settings : TrainingSettings
        `imbalance`.
    seed, epoch : int
        What is drawn depends on them alone.

    Returns
    -------
    int64, (n,)
        Rows of the training images.
    """
    rng = np.random.default_rng([seed, epoch, 0])
    n = len(targets)
    if settings.imbalance != "sampler":
        return rng.permutation(n)
    weights = sampling_weights(targets, task)
    return rng.choice(n, size=n, p=weights / weights.sum())


def sampling_weights(targets: np.ndarray, task: Task) -> np.ndarray:
    """How often an image is drawn, relative to others, float64, (n,).

    One over the number of images of its class; of several labels, of the rarest finding that it shows, and for an image
    without a finding over the number of those.
    """
    if task == "multiclass":
        return 1.0 / np.bincount(targets)[targets]
    positive = targets == 1
    counts = positive.sum(axis=0)
    none = ~positive.any(axis=1)
    rarest = np.where(positive, counts, np.inf).min(axis=1)
    return 1.0 / np.where(none, none.sum(), rarest)


def loss_weights(targets: np.ndarray, task: Task, settings: TrainingSettings, n_labels: int) -> Tensor | None:
    """Weights for `medkt.task_loss`, float32, (n_labels,), with `imbalance = "pos_weight"`; else None.

    Of a label, its negative images over its positive ones (1 where it has none of either); of a class, all images over
    the number of classes times its own, as scikit-learn's "balanced" (1 where it has none).

    Parameters
    ----------
    targets : float32, (n, n_labels), NaN = not labelled; or int64, (n,)
        Of the training images.
    task : {"multilabel", "multiclass"}
        What they mean.
    settings : TrainingSettings
        `imbalance`.
    n_labels : int
        Findings or classes.

    Examples
    --------
    >>> weighted = TrainingSettings(imbalance="pos_weight")
    >>> loss_weights(np.array([[1], [0], [0], [np.nan]]), "multilabel", weighted, n_labels=1)
    tensor([2.])
    >>> loss_weights(np.array([0, 0, 0, 1]), "multiclass", weighted, n_labels=2)
    tensor([0.6667, 2.0000])
    """
    if settings.imbalance != "pos_weight":
        return None
    if task == "multiclass":
        counts = np.bincount(targets, minlength=n_labels)
        weights = np.divide(len(targets), len(counts) * counts, out=np.ones(len(counts)), where=counts > 0)
    else:
        positive, negative = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
        both = (positive > 0) & (negative > 0)
        weights = np.divide(negative, positive, out=np.ones(len(positive)), where=both)
    return torch.from_numpy(weights.astype(np.float32))
