"""What a finished training gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from medkt.models.initialisation import InitialWeights
from medkt.training.device import Device


@dataclass(frozen=True)
class TrainedRun:
    """A finished training; weights and scores are those of the selected epoch.

    Parameters
    ----------
    weights : dict of str to Tensor
        State dict of the network, on the CPU.
    history : DataFrame
        One row an epoch.
    validation_scores, test_scores : float32, (n, n_labels)
        Predicted probabilities.
    selection : dict
        `metric`, `label`, `epoch` and `value`: which epoch was selected, and by what.
    start : InitialWeights
        What the student started from.
    trainable_parameters, total_parameters : int
        Parameters of the student.
    method_parameters : int
        Parameters of the transfer method itself, for example of a projection.
    device : Device
        Device that trained it.
    processes : int
        How many processes trained it together.
    batchnorm : str
        What its BatchNorm layers normalised by (`medkt.training.processes.batchnorm.statistics`).
    seconds : float
        Sum over the epochs.
    """

    weights: dict[str, Tensor]
    history: pd.DataFrame
    validation_scores: np.ndarray
    test_scores: np.ndarray
    selection: dict[str, str | int | float]
    start: InitialWeights
    trainable_parameters: int
    total_parameters: int
    method_parameters: int
    device: Device
    processes: int
    batchnorm: str
    seconds: float
