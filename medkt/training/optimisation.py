"""The optimiser, its learning rate over the epochs, and the clipping of gradients.

In: a run's settings. Out: torch's Adam and its schedule. The defaults are the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from medkt.settings import TrainingSettings


def optimiser(parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> torch.optim.Adam:
    """Return Adam with the settings' learning rate."""
    return torch.optim.Adam(parameters, lr=settings.learning_rate)


class Schedule:
    """The learning rate of each epoch.

    "halving": halved every `halve_every_epochs` (the paper's text). "constant": always the same. "cosine": falls to 0
    over all epochs. "plateau": halved when the validation loss has not fallen by a relative 1e-4 for ten epochs (the
    authors' scripts: torch's defaults with a factor of 0.5).

    Parameters
    ----------
    optimiser : torch.optim.Optimizer
        Its learning rate is set.
    settings : TrainingSettings
        `schedule`, `learning_rate`, `epochs`, `halve_every_epochs`.
    """

    def __init__(self, optimiser: torch.optim.Optimizer, settings: TrainingSettings) -> None:
        self._optimiser, self._settings = optimiser, settings
        self.learning_rate = settings.learning_rate
        self._epochs = 0
        self._lowest, self._waited = math.inf, 0

    def epoch_done(self, validation_loss: float) -> None:
        """Set the learning rate of the next epoch."""
        settings = self._settings
        self._epochs += 1
        if settings.schedule == "halving":
            self.learning_rate = settings.learning_rate * 0.5 ** (self._epochs // settings.halve_every_epochs)
        elif settings.schedule == "cosine":
            done = self._epochs / settings.epochs
            self.learning_rate = settings.learning_rate * (1 + math.cos(math.pi * done)) / 2
        elif settings.schedule == "plateau":
            if validation_loss < self._lowest * (1 - 1e-4):
                self._lowest, self._waited = validation_loss, 0
            else:
                self._waited += 1
            if self._waited > 10:
                self._waited = 0
                if self.learning_rate / 2 > 1e-8:  # as torch: smaller changes are not made
                    self.learning_rate /= 2
        self._set()

    def state_dict(self) -> dict[str, Any]:
        """Return the state as values that JSON can hold."""
        lowest = None if math.isinf(self._lowest) else self._lowest
        return {"learning_rate": self.learning_rate, "epochs": self._epochs, "lowest": lowest, "waited": self._waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self.learning_rate, self._epochs, self._waited = state["learning_rate"], state["epochs"], state["waited"]
        self._lowest = math.inf if state["lowest"] is None else state["lowest"]
        self._set()

    def _set(self) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = self.learning_rate


def clip(parameters: Sequence[nn.Parameter], settings: TrainingSettings) -> None:
    """Clip gradients by their common norm, by value, by both or by neither (the authors' scripts: by value, at 0.5)."""
    if settings.clip_gradient_norm is not None:
        nn.utils.clip_grad_norm_(parameters, settings.clip_gradient_norm)
    if settings.clip_gradient_value is not None:
        nn.utils.clip_grad_value_(parameters, settings.clip_gradient_value)
