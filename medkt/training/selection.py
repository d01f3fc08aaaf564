"""Which epoch is selected: the one with the best validation metric, the first of equal ones.

In: the validation scores of each epoch. Out: the weights, scores and number of the best epoch; whether training stops
early. The metric is the paper's (section V.A): macro AUC for several labels, weighted F1 for classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from medkt.data.collection import Task
from medkt.training.run_data import RunData
from medkt_eval.errors import InputError
from medkt_eval.metrics.one_run import MetricValue, multiclass_metrics, multilabel_metrics

SELECTION = {"multilabel": ("auc", "macro"), "multiclass": ("f1", "weighted")}
"""For each task, the metric and average that an epoch is selected by."""


class BestEpoch:
    """The best epoch of a run so far.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
        Decides the metric.

    Attributes
    ----------
    selection : dict
        `metric`, `label`, `epoch` and `value` of the best epoch; empty before the first.
    weights : dict of str to Tensor
        State dict of the network after that epoch, copied to the CPU.
    scores : float32, (n, n_labels)
        Validation scores after that epoch.
    """

    def __init__(self, task: Task) -> None:
        self.metric, self.label = SELECTION[task]
        self.selection: dict[str, str | int | float] = {}
        self.weights: dict[str, Tensor] = {}
        self.scores = np.empty(0, dtype=np.float32)

    def consider(self, epoch: int, value: float, scores: np.ndarray, network: nn.Module) -> None:
        """Keep the weights of this epoch if its validation metric is above the best so far.

        Parameters
        ----------
        epoch : int
            From 1.
        value : float
            Its validation metric.
        scores : float32, (n, n_labels)
            Its validation scores.
        network : nn.Module
            With the weights of this epoch.
        """
        if not self.selection or value > float(self.selection["value"]):
            self.selection = {"metric": self.metric, "label": self.label, "epoch": epoch, "value": value}
            self.scores = scores
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def validation_metric(data: RunData, scores: np.ndarray) -> float:
    """Compute the metric that an epoch is selected by.

    Parameters
    ----------
    data : RunData
        Its validation targets are used.
    scores : float32, (n, n_labels)
        Scores of the validation images.

    Raises
    ------
    InputError
        If the metric is undefined because the validation images lack a class.
    """
    return _metric(data.task, data.labels, data.validation.targets, scores)


def check_validation_targets(task: Task, labels: Sequence[str], targets: np.ndarray) -> None:
    """Refuse validation images on which the metric is undefined, before any image is read.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
    labels : sequence of str
    targets : float32, (n, n_labels), NaN = not labelled; or int64, (n,)

    Raises
    ------
    InputError
        As `validation_metric`.
    """
    _metric(task, labels, targets, np.zeros((len(targets), len(labels))))


def _metric(task: Task, labels: Sequence[str], targets: np.ndarray, scores: np.ndarray) -> float:
    metric, label = SELECTION[task]
    none = [None] * len(labels)
    rows: list[MetricValue]
    if task == "multilabel":
        rows = multilabel_metrics(labels, targets.astype(np.float64), scores, none, none, metrics=[metric])
    else:
        rows = multiclass_metrics(labels, targets, scores)
    value = next(row for row in rows if (row.metric, row.label) == (metric, label))
    if value.value is None:
        raise InputError(
            f"{metric} {label} is undefined on the validation images ({value.undefined_because}), and an epoch is "
            "selected by it: increase validation_size or remove the label"
        )
    return value.value


def out_of_patience(values: Sequence[float], patience: int | None) -> bool:
    """Return whether `patience` epochs have passed since the best one; the first of equal ones counts.

    >>> out_of_patience([0.6, 0.8, 0.8, 0.7], patience=2), out_of_patience([0.6, 0.8, 0.8], patience=2)
    (True, False)
    """
    return patience is not None and len(values) > 0 and len(values) - 1 - values.index(max(values)) >= patience
