"""Knowledge distillation: the student learns the teacher's softened answers.

In: logits of student and teacher for the same images, (B, k). Out: the divergence of their answers at a temperature, a
scalar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from medkt.transfer.settings import Lesson, TaughtSettings
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task

if TYPE_CHECKING:
    from torch import Tensor

    from medkt.teachers.teacher import Teacher
    from medkt.transfer.logits import LogitTransfer


class KnowledgeDistillation(TaughtSettings):
    """Settings of knowledge distillation."""

    method: Literal["knowledge_distillation"]
    temperature: float = Field(default=4.0, ge=1e-3, le=1e4, description="of knowledge distillation")

    def build(self, lesson: Lesson) -> LogitTransfer:
        """Build the method; see `knowledge_distillation`."""
        return knowledge_distillation(
            lesson.teacher,
            lesson.labels,
            lesson.task,
            temperature=self.temperature,
            beta=self.divisor,
            image_size_px=lesson.image_size_px,
        )


def softmax_distillation(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    r"""Divergence of the student's softened classes from the teacher's.

    .. math:: T^2 \frac{1}{B} \sum_b \mathrm{KL}\left(\mathrm{softmax}(v_b / T) \,\|\, \mathrm{softmax}(z_b / T)\right)

    The factor T^2 keeps the gradient's size as T grows: the limit is the squared distance of the logits z and v, each
    less its mean, over 2 k.

    Parameters
    ----------
    student_logits, teacher_logits : float32, (B, k)
        z and v, before softmax.
    temperature : float
        T, above 0.

    Returns
    -------
    Tensor, ()
        At least 0; 0 if the logits are equal up to a constant.

    Source: Hinton, Vinyals & Dean 2015, section 2; the limit, section 2.1. KL less the teacher's entropy, a constant,
    is their cross-entropy.

    Examples
    --------
    >>> import torch
    >>> v, z = torch.tensor([[math.log(3.0), 0.0]]), torch.zeros(1, 2)  # 3/4 and 1/4 against 1/2 and 1/2
    >>> round(softmax_distillation(z, v, 1.0).item(), 4), round(0.75 * math.log(1.5) + 0.25 * math.log(0.5), 4)
    (0.1308, 0.1308)
    """
    from torch.nn.functional import kl_div, log_softmax

    student, teacher = log_softmax(student_logits / temperature, 1), log_softmax(teacher_logits / temperature, 1)
    return temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)


def sigmoid_distillation(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    r"""Divergence of the student's softened findings from the teacher's, each label by itself.

    .. math:: T^2 \frac{1}{Bk} \sum_{b,l} \mathrm{KL}\left(\mathrm{Bernoulli}(\sigma(v_{bl} / T)) \,\|\,
              \mathrm{Bernoulli}(\sigma(z_{bl} / T))\right)

    This is binary cross-entropy with the teacher's softened answers as targets, less their entropy. As T grows, the
    limit is the mean of (z - v)^2 / 8.

    Parameters
    ----------
    student_logits, teacher_logits : float32, (B, k)
        z and v, before sigmoid.
    temperature : float
        T, above 0.

    Returns
    -------
    Tensor, ()
        At least 0, up to rounding; 0 if the logits are equal.

    Source: `softmax_distillation` of each label's two classes, with logits z and 0, averaged over labels.
    """
    from torch.nn.functional import logsigmoid

    z, v = student_logits / temperature, teacher_logits / temperature
    divergence = v.sigmoid() * (logsigmoid(v) - logsigmoid(z)) + (-v).sigmoid() * (logsigmoid(-v) - logsigmoid(-z))
    return temperature**2 * divergence.mean()


LOSSES: dict[Task, Callable[[Tensor, Tensor, float], Tensor]] = {
    "multilabel": sigmoid_distillation,
    "multiclass": softmax_distillation,
}


def knowledge_distillation(
    teacher: Teacher, labels: Sequence[str], task: Task, *, temperature: float, beta: float, image_size_px: int
) -> LogitTransfer:
    """Add the divergence of the student's softened answers from the teacher's to the loss, divided by beta.

    Only labels that both networks have are distilled; the softmax of a multi-class task is then over these.

    Parameters
    ----------
    teacher : Teacher
        The network whose logits are softened; see `LogitTransfer` for how its labels are matched.
    labels : sequence of str
        What the student's outputs mean.
    task : {"multilabel", "multiclass"}
        Sigmoids or a softmax.
    temperature : float
        Above 0; 1 leaves the answers as they are, larger values soften them.
    beta : float
        Divisor, above 0: the larger, the weaker the teacher.
    image_size_px : int
        Side of the images.

    Raises
    ------
    InputError
        If the temperature is not a positive number, or the labels do not match.
    """
    from medkt.transfer.logits import LogitTransfer

    if not (math.isfinite(temperature) and temperature > 0):
        raise InputError(f"temperature = {temperature}: logits are divided by it; expected a number above 0.")

    def distance(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        return LOSSES[task](student_logits, teacher_logits, temperature)

    return LogitTransfer(
        teacher, labels, task, distance, method="knowledge_distillation", beta=beta, image_size_px=image_size_px
    )
