"""Attention transfer: the student learns to look where the teacher looks (Eq. 1).

In: maps of one layer of the student and of the teacher, (B, C, H, W). Out: their distance, a scalar, summed over pairs
of layers. Every gradient is finite, also for dead planes and for equal maps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from medkt.transfer.settings import Lesson
from medkt.transfer.tapped import TappedSettings
from medkt_eval.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from medkt.transfer.taps import TappedTransfer, Taps

Form = Literal["eq1", "frobenius", "zagoruyko"]


class AttentionTransfer(TappedSettings):
    """Settings of attention transfer."""

    method: Literal["attention_transfer"]
    attention_loss: Form = "eq1"
    projection: bool = Field(default=False, description="a learned 1 x 1 convolution to the teacher's planes")

    def build(self, lesson: Lesson) -> TappedTransfer:
        """Build the method; see `attention_transfer`."""
        return attention_transfer(
            self.layers(lesson),
            form=self.attention_loss,
            beta=self.divisor,
            projection=self.projection,
            seed=lesson.seed,
        )

    @property
    def norm_over_batch(self) -> bool:
        """Whether the form is "frobenius"; the others are means over the images."""
        return self.attention_loss == "frobenius"

    def check_processes(self, run_id: str) -> None:
        """Refuse a sum of norms, which processes that share a batch cannot combine."""
        if self.norm_over_batch and len(self.taps or ()) > 1:
            raise InputError(
                f'{run_id}: attention_loss = "frobenius" over {len(self.taps or ())} pairs of taps: '
                "expected one pair where several processes share a batch, because they cannot combine a sum of norms; "
                'train with one process, or set attention_loss = "eq1"'
            )


# A plane with a norm below this has no direction. It counts as zero and gets no gradient: division by its norm would
# give NaN, and division by a small constant would make the gradient explode.
_DEAD_NORM = 1e-8


def eq1(student_map: Tensor, teacher_map: Tensor) -> Tensor:
    r"""Mean distance between the planes of two maps, each plane scaled to length 1.

    .. math:: \frac{1}{BC} \sum_{b,c} \left\| \frac{S_{bc}}{\|S_{bc}\|_2} - \frac{T_{bc}}{\|T_{bc}\|_2} \right\|_2

    Parameters
    ----------
    student_map, teacher_map : float32, (B, C, H, W)
        Raw activations with equal C; the larger grid is pooled to the smaller one's.

    Returns
    -------
    Tensor, ()
        Between 0 (every plane equal up to a positive factor) and 2 (every plane opposite).

    Raises
    ------
    InputError
        If the numbers of planes differ.

    Source: the paper, Eq. 1.

    Examples
    --------
    >>> import torch
    >>> left, top = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]]), torch.tensor([[[[5.0, 5.0], [0.0, 0.0]]]])
    >>> round(eq1(left, top).item(), 4)  # they share one pixel of two: sqrt(4 * 1/2 - 2 * 1/2)
    1.0
    """
    import torch

    return torch.linalg.vector_norm(_plane_differences(student_map, teacher_map), dim=2).mean()


def frobenius(student_map: Tensor, teacher_map: Tensor) -> Tensor:
    r"""One distance over all planes of the batch, each plane scaled to length 1.

    .. math:: \sqrt{\sum_{b,c} \left\| \frac{S_{bc}}{\|S_{bc}\|_2} - \frac{T_{bc}}{\|T_{bc}\|_2} \right\|_2^2}

    If all planes are equally far apart, this is sqrt(B C) times `eq1`: it grows with the batch, and so must beta.

    Parameters
    ----------
    student_map, teacher_map : float32, (B, C, H, W)
        Raw activations with equal C; the larger grid is pooled to the smaller one's.

    Returns
    -------
    Tensor, ()
        Between 0 and 2 sqrt(B C).

    Raises
    ------
    InputError
        If the numbers of planes differ.

    Source: the authors' published scripts.
    """
    import torch

    return torch.linalg.vector_norm(_plane_differences(student_map, teacher_map))


def zagoruyko(student_map: Tensor, teacher_map: Tensor) -> Tensor:
    r"""Mean distance between two maps summed over their planes; the numbers of planes may differ.

    .. math:: \frac{1}{B} \sum_b \left\| \frac{Q^S_b}{\|Q^S_b\|_2} - \frac{Q^T_b}{\|Q^T_b\|_2} \right\|_2,
              \quad Q_b = \sum_c A_{bc}^2

    Parameters
    ----------
    student_map, teacher_map : float32, (B, C, H, W)
        Raw activations; C may differ. The larger grid is pooled to the smaller one's before squaring.

    Returns
    -------
    Tensor, ()
        Between 0 and sqrt(2), because no entry of Q is negative.

    Source: Zagoruyko & Komodakis 2017, Eq. 2 with p = 2, for one pair of layers. Their factor beta / 2 is part
    of the weight here.
    """
    import torch

    from medkt.transfer.taps import match_grids

    student_map, teacher_map = match_grids(student_map, teacher_map)
    student_sum = student_map.square().sum(dim=1).flatten(1)  # (B, H * W)
    teacher_sum = teacher_map.square().sum(dim=1).flatten(1)  # (B, H * W)
    return torch.linalg.vector_norm(_unit(student_sum) - _unit(teacher_sum), dim=1).mean()


FORMS: dict[Form, Callable[[Tensor, Tensor], Tensor]] = {"eq1": eq1, "frobenius": frobenius, "zagoruyko": zagoruyko}


def attention_transfer(
    taps: Taps, *, form: Form, beta: float, projection: bool = False, seed: int = 0
) -> TappedTransfer:
    """Add the distance between a student's and a teacher's attention to the loss, divided by beta.

    Parameters
    ----------
    taps : Taps
        The pairs of layers; by default the attention layer of each network. Over several pairs, the loss is the sum of
        weight * distance.
    form : {"eq1", "frobenius", "zagoruyko"}
        Which distance. The unit of beta depends on it.
    beta : float
        Divisor, above 0: the larger, the weaker the teacher. The paper searched 1 to 2000.
    projection : bool
        Whether the student's planes first pass a 1 x 1 convolution to the number of the teacher's planes, learned with
        the student. "eq1" and "frobenius" need it if the numbers differ. The paper has none.
    seed : int
        Seed of the projection's start weights.

    Raises
    ------
    InputError
        If beta is not a positive number, planes cannot be paired, or a map is one pixel, which has no attention.

    Source: the paper, Eq. 1 and 2.
    """
    from medkt.transfer.taps import TappedTransfer, projections

    if projection and form == "zagoruyko":
        raise InputError(
            'projection = true: attention_loss = "zagoruyko" sums over planes and needs none. Leave projection '
            'out, or set attention_loss = "eq1".'
        )
    for pair, (student, teacher) in zip(taps.pairs, taps.shapes, strict=True):
        if form != "zagoruyko" and not projection:
            _check_planes(student[1], teacher[1])
        if min(student[2], teacher[2]) * min(student[3], teacher[3]) == 1:
            raise InputError(
                f"taps: {pair.student} and {pair.teacher} share a grid of 1 x 1, and one pixel holds no attention. "
                "Tap earlier layers, or set a larger image_size_px."
            )
    adapters = projections(taps, seed) if projection else None
    return TappedTransfer(taps, FORMS[form], adapters, beta=beta)


def _unit(planes: Tensor) -> Tensor:
    """Scale the last dimension to length 1; dead planes become zero, with zero gradient."""
    import torch

    norms = torch.linalg.vector_norm(planes, dim=-1, keepdim=True)
    alive = norms > _DEAD_NORM
    # Both branches of `where` are differentiated: the divisor must be harmless where it is not used.
    return torch.where(alive, planes / torch.where(alive, norms, 1.0), 0.0)


def _plane_differences(student_map: Tensor, teacher_map: Tensor) -> Tensor:
    """Give the difference of unit planes, (B, C, H * W)."""
    from medkt.transfer.taps import match_grids

    _check_planes(student_map.shape[1], teacher_map.shape[1])
    student_map, teacher_map = match_grids(student_map, teacher_map)
    return _unit(student_map.flatten(2)) - _unit(teacher_map.flatten(2))


def _check_planes(student: int, teacher: int) -> None:
    if student != teacher:
        raise InputError(
            f"The student's layer has {student} planes, the teacher's {teacher}: they cannot be paired. Set projection "
            '= true, or attention_loss = "zagoruyko", which sums over planes.'
        )
