"""Knowledge distillation: the student is drawn to the teacher's softened answers.

In: logits of student and teacher for the same images, (B, k). Out: the divergence of their answers at a temperature, a
scalar; `KnowledgeDistillation` asks the teacher, and sets its outputs beside the student's by their labels' names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, logsigmoid

from medkt.teachers.teacher import Teacher
from medkt.transfer.method import Transfer
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task


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
        At least 0; 0 where the logits are equal up to a constant.

    Source: Hinton, Vinyals & Dean 2015, section 2; the limit, section 2.1. KL less the teacher's entropy, a constant,
    is their cross-entropy.

    Examples
    --------
    >>> v, z = torch.tensor([[math.log(3.0), 0.0]]), torch.zeros(1, 2)  # 3/4 and 1/4 against 1/2 and 1/2
    >>> round(softmax_distillation(z, v, 1.0).item(), 4), round(0.75 * math.log(1.5) + 0.25 * math.log(0.5), 4)
    (0.1308, 0.1308)
    """
    student, teacher = log_softmax(student_logits / temperature, 1), log_softmax(teacher_logits / temperature, 1)
    return temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)


def sigmoid_distillation(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    r"""Divergence of the student's softened findings from the teacher's, each label a question of its own.

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
        At least 0 (but for rounding); 0 where the logits are equal.

    Source: `softmax_distillation` of each label's two classes, with logits z and 0, averaged over labels.
    """
    z, v = student_logits / temperature, teacher_logits / temperature
    divergence = v.sigmoid() * (logsigmoid(v) - logsigmoid(z)) + (-v).sigmoid() * (logsigmoid(-v) - logsigmoid(-z))
    return temperature**2 * divergence.mean()


LOSSES: dict[Task, Callable[[Tensor, Tensor, float], Tensor]] = {
    "multilabel": sigmoid_distillation,
    "multiclass": softmax_distillation,
}


class KnowledgeDistillation(Transfer):
    """Adds the divergence of the student's softened answers from the teacher's to the loss, divided by beta.

    Only labels that both networks have are distilled; among classes, the softmax is then over the shared ones.

    Parameters
    ----------
    teacher : Teacher
        Whose logits are asked for. Where its labels are known, they are matched to the student's by name; where not,
        it must have as many outputs, which are taken for the same labels in the same order.
    labels : sequence of str
        What the student's outputs mean.
    task : {"multilabel", "multiclass"}
        Sigmoids or a softmax.
    temperature : float
        Above 0; 1 leaves the answers as they are, more softens them.
    beta : float
        Divisor, above 0: the larger, the weaker the teacher.
    image_size_px : int
        Side of the images to come: the teacher looks at a black one now, for its number of outputs.

    Raises
    ------
    InputError
        Where the temperature is not a positive number, or the labels do not match.
    """

    def __init__(
        self,
        teacher: Teacher,
        labels: Sequence[str],
        task: Task,
        *,
        temperature: float,
        beta: float,
        image_size_px: int,
    ) -> None:
        super().__init__(beta)
        if not (math.isfinite(temperature) and temperature > 0):
            raise InputError(f"temperature = {temperature}: logits are divided by it; expected a number above 0.")
        self._teacher = teacher
        self._divergence = LOSSES[task]
        self._temperature = temperature
        black = torch.zeros(1, 3, image_size_px, image_size_px, device=next(teacher.network.parameters()).device)
        n_outputs = teacher.look(black).logits.shape[1]
        teacher.forget()
        self._own, self._teachers = _shared(labels, teacher.labels, n_outputs)
        if task == "multiclass" and len(self._own) == 1:
            raise InputError(
                f"knowledge_distillation: of the classes, student and teacher share {labels[self._own[0]]!r} alone, "
                "and one class is no choice. Expected at least two; take another teacher."
            )

    def loss(self, images: Tensor, logits: Tensor) -> Tensor:
        """Give the divergence from the teacher's answers to the same batch; see `Transfer.loss`."""
        answers = self._teacher.look(images).logits
        return self._divergence(logits[:, self._own].float(), answers[:, self._teachers].float(), self._temperature)

    def close(self) -> None:
        """Nothing to take off: logits need no hook."""


def _shared(labels: Sequence[str], teacher_labels: Sequence[str] | None, n_outputs: int) -> tuple[list[int], list[int]]:
    """Places of the shared labels among the student's outputs and among the teacher's."""
    if teacher_labels is None:
        if n_outputs != len(labels):
            raise InputError(
                f"knowledge_distillation: it is not known what the teacher's {n_outputs} outputs mean, and the student "
                f"has {len(labels)} labels ({', '.join(labels)}). Take a teacher whose labels are known, or one with "
                f"{len(labels)} outputs in that order."
            )
        teacher_labels = labels
    if len(teacher_labels) != n_outputs:
        raise InputError(
            f"knowledge_distillation: the teacher has {n_outputs} outputs but names {len(teacher_labels)} "
            f"labels ({', '.join(teacher_labels)}); expected one each."
        )
    place = {name: k for k, name in enumerate(teacher_labels)}
    own = [k for k, name in enumerate(labels) if name in place]
    if not own:
        raise InputError(
            f"knowledge_distillation: student and teacher share no label. The student's: {', '.join(labels)}; the "
            f"teacher's: {', '.join(teacher_labels)}. Take another teacher, or another method."
        )
    return own, [place[labels[k]] for k in own]
