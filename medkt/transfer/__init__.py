"""Methods of knowledge transfer: what each adds to the loss of its task.

In: a method's name, the student and, for some, a teacher. Out: a `Transfer`, or None where the loss is the task's
alone. A further method is a file of its own and a case in `build`. Transfer learning has no file: it is the start
weights (`medkt.models.initialisation`) and the unfrozen layers (`medkt.models.freezing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar, get_args

from torch import nn

from medkt.config import WITH_TEACHER, Method, TapSettings, TrainingSettings
from medkt.teachers.teacher import Teacher
from medkt.transfer.attention import AttentionTransfer, attention_form
from medkt.transfer.distillation import KnowledgeDistillation
from medkt.transfer.hints import HintTransfer
from medkt.transfer.method import Transfer
from medkt.transfer.taps import Taps
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task

_T = TypeVar("_T")


class Settings(Protocol):
    """What the methods read from a run's settings."""

    @property
    def seed(self) -> int:
        """Of the start weights of what a method trains itself."""
        ...

    @property
    def training(self) -> TrainingSettings:
        """For the images' size."""
        ...

    @property
    def beta(self) -> float | None:
        """Divisor of the method's loss, Eq. 2."""
        ...

    @property
    def attention_loss(self) -> str | None:
        """Form of the attention loss: "eq1", "frobenius" or "zagoruyko"."""
        ...

    @property
    def temperature(self) -> float | None:
        """Of knowledge distillation."""
        ...

    @property
    def taps(self) -> Sequence[TapSettings] | None:
        """Pairs of layers; None for the attention layers."""
        ...

    @property
    def projection(self) -> bool:
        """Whether attention goes through a learned 1 x 1 convolution."""
        ...


def build(
    method: str, student: nn.Module, teacher: Teacher | None, settings: Settings, *, task: Task, labels: Sequence[str]
) -> Transfer | None:
    """Build a run's method.

    Parameters
    ----------
    method : {"supervised", "transfer_learning", "attention_transfer", "knowledge_distillation", "hint_transfer"}
        As the study file names it.
    student : nn.Module
        The network that trains, on the device where it will.
    teacher : Teacher or None
        The network it learns from, on the same device; may have other students.
    settings : Settings
        A `RunSettings`, or what has the same fields.
    task : {"multilabel", "multiclass"}
        What the student is trained for.
    labels : sequence of str
        What its outputs mean, by the names that the teacher's labels go by.

    Returns
    -------
    Transfer or None
        None where the method is in the start weights, not in the loss.

    Raises
    ------
    InputError
        Where the method is unknown, lacks what it needs, or student and teacher do not fit together.
    """
    if method not in get_args(Method):
        raise InputError(f'Unknown method "{method}": expected one of {", ".join(get_args(Method))}.')
    if method not in WITH_TEACHER:
        return None
    if teacher is None:
        raise InputError(f'method = "{method}" needs a teacher: name one in the study file.')
    if student is teacher.network:
        raise InputError("Student and teacher are one network: a teacher must be a copy, or its weights move too.")
    beta = _given(settings.beta, method, "beta: set a number above 0; the larger, the weaker the teacher")
    image_size_px = settings.training.image_size_px
    if method == "knowledge_distillation":
        temperature = _given(settings.temperature, method, "temperature: set a number above 0")
        return KnowledgeDistillation(
            teacher, labels, task, temperature=temperature, beta=beta, image_size_px=image_size_px
        )
    taps = Taps(student, teacher, settings.taps, image_size_px)
    if method == "hint_transfer":
        return HintTransfer(taps, beta=beta, seed=settings.seed)
    form = attention_form(_given(settings.attention_loss, method, "attention_loss: set a form"))
    return AttentionTransfer(taps, form=form, beta=beta, projection=settings.projection, seed=settings.seed)


def _given(value: _T | None, method: str, need: str) -> _T:
    if value is None:
        raise InputError(f'method = "{method}" needs {need}.')
    return value
