"""What methods of transfer have in common in a study file: their keys, and what they are built from.

In: the keys of an arm that belong to its method. Out: `MethodSettings`, the base class of each method's own settings.
This module and those of the methods import torch only inside functions, because reading a study file needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from medkt.settings import Settings, Weight, expecting
from medkt_eval.predictions.format import Task

if TYPE_CHECKING:
    from torch import nn

    from medkt.teachers.teacher import Teacher
    from medkt.transfer.method import Transfer

Betas = Annotated[
    Weight | Annotated[list[Weight], Field(min_length=1)],
    expecting("expected a number from 1e-12 to 1e12, or a list of such"),
]


@dataclass(frozen=True)
class Lesson:
    """A student, its teacher, and the images that both see."""

    student: nn.Module
    """The network that trains, on its device."""
    teacher: Teacher
    """The network it learns from, on the same device; it may teach other students too."""
    task: Task
    """What the student is trained for."""
    labels: Sequence[str]
    """What the student's outputs mean, by the names that the teacher's labels go by."""
    image_size_px: int
    """Side of the images."""
    seed: int
    """Seed of the run, for the start weights of what the method itself trains."""


class MethodSettings(Settings):
    """Settings of a method: its own keys in an arm, with their defaults.

    A method without a teacher is a direct subclass, one with a teacher a subclass of `TaughtSettings`.
    """

    method: Any  # a Literal in each method

    def check_start(self, initialisation: str) -> None:
        """Raise a `ValueError` if the method cannot start from `initialisation`."""

    def check_processes(self, run_id: str) -> None:
        """Raise an `InputError` if the method cannot share a batch between processes."""

    @property
    def norm_over_batch(self) -> bool:
        """Whether the method's loss is one norm over the batch; otherwise it is a mean over the images."""
        return False

    @property
    def taps_attention_layers(self) -> bool:
        """Whether the method reads the attention layers of student and teacher."""
        return False


class TaughtSettings(MethodSettings):
    """Settings of a method with a teacher: the trainer minimises L_task + L_transfer / beta (the paper, Eq. 2)."""

    beta: Betas = Field(description="L = L_task + L_transfer / beta (Eq. 2); a list: the best on validation is kept")

    @property
    def betas(self) -> list[float]:
        """The values of beta that an arm tries: one, or those of its list."""
        return self.beta if isinstance(self.beta, list) else [self.beta]

    @property
    def divisor(self) -> float:
        """The one beta of a run."""
        (beta,) = self.betas
        return beta

    def build(self, lesson: Lesson) -> Transfer:
        """Build the method for a run.

        Parameters
        ----------
        lesson : Lesson
            The networks and their images.

        Raises
        ------
        InputError
            If student and teacher do not fit together.
        """
        raise NotImplementedError


class TapSettings(Settings):
    """A pair of layers, by their names in the networks, whose outputs a method compares."""

    student: str
    teacher: str
    weight: Weight = 1.0
