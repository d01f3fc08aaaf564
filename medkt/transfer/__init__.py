"""Methods of knowledge transfer, one per file: its keys in a study file, its loss, and how it is built.

In: the keys of an arm, the student and, for some methods, a teacher. Out: a `Transfer`, whose loss is added to the
task's, or None if the loss is only the task's.
Read first: attention.py, which holds Eq. 1. To add a method, see docs/contributing.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from medkt.transfer.attention import AttentionTransfer
from medkt.transfer.distillation import KnowledgeDistillation
from medkt.transfer.hints import HintTransfer
from medkt.transfer.settings import Lesson, MethodSettings, TaughtSettings
from medkt.transfer.supervised import Supervised
from medkt.transfer.transfer_learning import TransferLearning
from medkt_eval.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from medkt.teachers.teacher import Teacher
    from medkt.transfer.method import Transfer
    from medkt_eval.predictions.format import Task

METHODS: dict[str, type[MethodSettings]] = {
    "supervised": Supervised,
    "transfer_learning": TransferLearning,
    "attention_transfer": AttentionTransfer,
    "knowledge_distillation": KnowledgeDistillation,
    "hint_transfer": HintTransfer,
}
"""Each method by its name, the value of `method` in a study file."""

if TYPE_CHECKING:
    AnyMethod = MethodSettings
else:
    AnyMethod = Annotated[Union[tuple(METHODS.values())], Field(discriminator="method")]  # noqa: UP007


def gathered(table: dict[str, Any]) -> dict[str, Any]:
    """The table of an arm or a run with the keys of its method gathered under `transfer`.

    Examples
    --------
    >>> gathered({"name": "TL", "method": "attention_transfer", "beta": 20.0})
    {'name': 'TL', 'method': 'attention_transfer', 'transfer': {'method': 'attention_transfer', 'beta': 20.0}}
    """
    own = METHODS[table["method"]].model_fields
    others = {key: value for key, value in table.items() if key not in own or key == "method"}
    return {**others, "transfer": {key: value for key, value in table.items() if key in own}}


def own_keys(settings: MethodSettings) -> dict[str, Any]:
    """The keys of a method and their values, in the order that run.json has always had."""
    keys = settings.model_dump(exclude={"method"})
    return dict(sorted(keys.items(), key=lambda item: item[0] != "attention_loss"))


def build(
    settings: MethodSettings,
    student: nn.Module,
    teacher: Teacher | None,
    *,
    task: Task,
    labels: Sequence[str],
    image_size_px: int,
    seed: int,
) -> Transfer | None:
    """Build a run's method.

    Parameters
    ----------
    settings : MethodSettings
        The method and its keys.
    student : nn.Module
        The network that trains, on its device.
    teacher : Teacher or None
        The network it learns from, on the same device; it may teach other students too.
    task : {"multilabel", "multiclass"}
        What the student is trained for.
    labels : sequence of str
        What its outputs mean, by the names that the teacher's labels go by.
    image_size_px : int
        Side of the images.
    seed : int
        Seed of the run, for the start weights of what the method itself trains.

    Returns
    -------
    Transfer or None
        None if the method changes the start weights and not the loss.

    Raises
    ------
    InputError
        If a teacher is missing, or student and teacher do not fit together.
    """
    if not isinstance(settings, TaughtSettings):
        return None
    if teacher is None:
        raise InputError(f'method = "{settings.method}" needs a teacher: name one in the study file.')
    if student is teacher.network:
        raise InputError("Student and teacher are one network: a teacher must be a copy, or its weights move too.")
    return settings.build(Lesson(student, teacher, task, labels, image_size_px, seed))
