"""Methods of knowledge transfer: what each adds to the loss of its task.

In: a method's name, the student and, for some, a teacher. Out: a `Transfer`, or None where the loss is the task's
alone. A further method is a file of its own and a line in `METHODS`. Transfer learning has no file: it is the start
weights (`medkt.models.initialisation`) and the unfrozen layers (`medkt.models.freezing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from torch import Tensor, nn

from medkt.transfer.attention import AttentionTransfer, attention_form
from medkt_eval.errors import InputError


class Transfer(Protocol):
    """What a method adds: the trainer minimises `task loss + weight * loss(images, logits)`."""

    @property
    def weight(self) -> float:
        """The factor of the method's loss."""
        ...

    def loss(self, images: Tensor, logits: Tensor) -> Tensor:
        """Give the method's loss, a scalar, for the batch that the student has just seen.

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            The batch.
        logits : float32, (B, n_outputs)
            The student's answer to it, with its gradient.
        """
        ...

    def parameters(self) -> Iterable[nn.Parameter]:
        """Give what the method itself must train, such as an adapter between layers; often nothing."""
        ...

    def close(self) -> None:
        """Take the method's hooks off student and teacher."""
        ...


class Settings(Protocol):
    """What the methods read from a run's settings."""

    @property
    def attention_loss(self) -> str | None:
        """Form of the attention loss: "eq1", "frobenius" or "zagoruyko"."""
        ...

    @property
    def beta(self) -> float | None:
        """Divisor of the attention loss, Eq. 2."""
        ...


def _nothing(_student: nn.Module, _teacher: nn.Module | None, _settings: Settings) -> None:
    """Build no transfer: the start weights and the unfrozen layers are the whole method."""


def _attention_transfer(student: nn.Module, teacher: nn.Module | None, settings: Settings) -> Transfer:
    if teacher is None:
        raise InputError('method = "attention_transfer" needs a teacher: name one in the study file.')
    if settings.beta is None:
        raise InputError('method = "attention_transfer" needs beta (the paper searched 1 to 2000): set one.')
    if settings.attention_loss is None:
        raise InputError('method = "attention_transfer" needs attention_loss: set "eq1", "frobenius" or "zagoruyko".')
    return AttentionTransfer(student, teacher, form=attention_form(settings.attention_loss), beta=settings.beta)


METHODS: dict[str, Callable[[nn.Module, nn.Module | None, Settings], Transfer | None]] = {
    "supervised": _nothing,
    "transfer_learning": _nothing,
    "attention_transfer": _attention_transfer,
}


def build(method: str, student: nn.Module, teacher: nn.Module | None, settings: Settings) -> Transfer | None:
    """Build a run's method.

    Parameters
    ----------
    method : {"supervised", "transfer_learning", "attention_transfer"}
        As the study file names it.
    student : nn.Module
        The network that trains.
    teacher : nn.Module or None
        The network it learns from; frozen here, where the method has one.
    settings : Settings
        Anything with `attention_loss` and `beta`.

    Returns
    -------
    Transfer or None
        None where the method is in the start weights, not in the loss.

    Raises
    ------
    InputError
        Where the method is unknown or lacks what it needs.
    """
    if method not in METHODS:
        raise InputError(f'Unknown method "{method}": expected one of {", ".join(METHODS)}.')
    return METHODS[method](student, teacher, settings)
