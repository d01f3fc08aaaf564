"""Methods that compare the logits of student and teacher.

In: a teacher, the student's logits, and a distance. Out: `LogitTransfer`, which pairs outputs by the names of their
labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from medkt.teachers.teacher import Teacher
from medkt.transfer.method import Transfer
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task


class LogitTransfer(Transfer):
    """A method whose loss is a distance between the logits of student and teacher, over the labels that both have.

    Parameters
    ----------
    teacher : Teacher
        The network whose logits are the goal. If its labels are known, they are matched to the student's by name. If
        not, it must have as many outputs as the student; they are taken for the same labels in the same order.
    labels : sequence of str
        What the student's outputs mean.
    task : {"multilabel", "multiclass"}
        What the student is trained for.
    distance : callable
        Takes the student's and the teacher's logits of the shared labels, float32, (B, k); returns a scalar.
    method : str
        Name of the method, for messages.
    beta : float
        Divisor of the loss.
    image_size_px : int
        Side of the images. The teacher sees a black one at once, to count its outputs.

    Raises
    ------
    InputError
        If the labels do not match.
    """

    def __init__(
        self,
        teacher: Teacher,
        labels: Sequence[str],
        task: Task,
        distance: Callable[[Tensor, Tensor], Tensor],
        *,
        method: str,
        beta: float,
        image_size_px: int,
    ) -> None:
        super().__init__(beta)
        self._teacher = teacher
        self._distance = distance
        black = torch.zeros(1, 3, image_size_px, image_size_px, device=next(teacher.network.parameters()).device)
        n_outputs = teacher.look(black).logits.shape[1]
        teacher.forget()
        self._own, self._teachers = _shared(labels, teacher.labels, n_outputs, method)
        if task == "multiclass" and len(self._own) == 1:
            raise InputError(
                f"{method}: of the classes, student and teacher share {labels[self._own[0]]!r} alone, "
                "and one class is no choice. Expected at least two; take another teacher."
            )

    def loss(self, images: Tensor, logits: Tensor) -> Tensor:
        """Give the distance from the teacher's logits for the same batch; see `Transfer.loss`."""
        answers = self._teacher.look(images).logits
        return self._distance(logits[:, self._own].float(), answers[:, self._teachers].float())

    def close(self) -> None:
        """Do nothing: reading logits needs no hook."""


def _shared(
    labels: Sequence[str], teacher_labels: Sequence[str] | None, n_outputs: int, method: str
) -> tuple[list[int], list[int]]:
    """Positions of the shared labels among the student's outputs and among the teacher's."""
    if teacher_labels is None:
        if n_outputs != len(labels):
            raise InputError(
                f"{method}: it is not known what the teacher's {n_outputs} outputs mean, and the student "
                f"has {len(labels)} labels ({', '.join(labels)}). Take a teacher whose labels are known, or one with "
                f"{len(labels)} outputs in that order."
            )
        teacher_labels = labels
    if len(teacher_labels) != n_outputs:
        raise InputError(
            f"{method}: the teacher has {n_outputs} outputs but names {len(teacher_labels)} "
            f"labels ({', '.join(teacher_labels)}); expected one each."
        )
    position = {name: k for k, name in enumerate(teacher_labels)}
    own = [k for k, name in enumerate(labels) if name in position]
    if not own:
        raise InputError(
            f"{method}: student and teacher share no label. The student's: {', '.join(labels)}; the "
            f"teacher's: {', '.join(teacher_labels)}. Take another teacher, or another method."
        )
    return own, [position[labels[k]] for k in own]
