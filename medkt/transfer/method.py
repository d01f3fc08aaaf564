"""The interface between a method of transfer and the trainer.

In: each batch and the student's logits for it. Out: a loss that the trainer adds to the task's.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from torch import Tensor, nn

from medkt_eval.errors import InputError


class Transfer(nn.Module, ABC):
    """A method's own loss: the trainer minimises L_task + L_transfer / beta (the paper, Eq. 2).

    The method reads student and teacher but does not own them: `parameters` and `state_dict` hold only what the method
    itself trains, such as a projection. One object serves one student; several may share a teacher.

    Parameters
    ----------
    beta : float
        Divisor, above 0: the larger, the weaker the teacher.

    Attributes
    ----------
    weight : float
        1 / beta.

    Raises
    ------
    InputError
        If beta is not a positive number.
    """

    def __init__(self, beta: float) -> None:
        super().__init__()
        if not (math.isfinite(beta) and beta > 0):
            raise InputError(f"beta = {beta}: the method's loss is divided by it; expected a number above 0.")
        self.weight = 1.0 / beta

    @abstractmethod
    def loss(self, images: Tensor, logits: Tensor) -> Tensor:
        """The method's loss for the batch that the student has just seen.

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            The batch, normalised for the student; the teacher gets the same images.
        logits : float, (B, n_outputs)
            The student's output for it, with its gradient.

        Returns
        -------
        Tensor, float32, ()
            The loss before it is multiplied by `weight`; float32 in every precision.
        """

    @abstractmethod
    def close(self) -> None:
        """Remove the method's hooks from the student; the teacher may have other students."""
