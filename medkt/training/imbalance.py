"""Rare findings: drawn more often, or weighted in the loss; by default neither, as in the paper.

In: the training targets. Out: the order of an epoch's images; weights for the task's loss.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from medkt.data.collection import Task
from medkt.settings import TrainingSettings


def order(targets: np.ndarray, task: Task, settings: TrainingSettings, seed: int, epoch: int) -> np.ndarray:
    """Return the order of the images in one epoch.

    By default each image comes once. With `imbalance = "sampler"`, as many images are drawn with replacement, by
    `sampling_weights`.

    Parameters
    ----------
    targets : float32, (n, n_labels), NaN = not labelled; or int64, (n,)
        Targets of the training images.
    task : {"multilabel", "multiclass"}
        The task of the targets.
    settings : TrainingSettings
        `imbalance`.
    seed, epoch : int
        The order depends only on these two numbers.

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
    """Return how often each image is drawn, relative to the others, float64, (n,).

    For classes: one over the number of images of its class. For several labels: one over the number of images with the
    rarest finding that it shows; for an image without findings, one over the number of such images.
    """
    if task == "multiclass":
        return 1.0 / np.bincount(targets)[targets]
    positive = targets == 1
    counts = positive.sum(axis=0)
    no_finding = ~positive.any(axis=1)
    rarest = np.where(positive, counts, np.inf).min(axis=1)
    return 1.0 / np.where(no_finding, no_finding.sum(), rarest)


def loss_weights(targets: np.ndarray, task: Task, settings: TrainingSettings, n_labels: int) -> Tensor | None:
    """Return the weights for `medkt.training.losses.task_loss`, float32, (n_labels,).

    None unless `imbalance = "pos_weight"`. The weight of a label is the number of its negative images over that of its
    positive ones. The weight of a class is the number of images over (number of classes x images of the class), as
    scikit-learn's "balanced". Where a count is 0, the weight is 1.

    Parameters
    ----------
    targets : float32, (n, n_labels), NaN = not labelled; or int64, (n,)
        Targets of the training images.
    task : {"multilabel", "multiclass"}
        The task of the targets.
    settings : TrainingSettings
        `imbalance`.
    n_labels : int
        Number of labels or classes.

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
