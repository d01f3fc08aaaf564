"""Hints: a middle layer of the student learns to predict one of the teacher, through a learned regressor.

In: maps of a layer of the student (FitNets' guided layer) and of the teacher (the hint layer), (B, C, H, W). Out: half
their squared distance, a scalar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from medkt.transfer.settings import Lesson
from medkt.transfer.tapped import TappedSettings

if TYPE_CHECKING:
    from torch import Tensor

    from medkt.transfer.taps import TappedTransfer, Taps


class HintTransfer(TappedSettings):
    """Settings of hint transfer."""

    method: Literal["hint_transfer"]

    def build(self, lesson: Lesson) -> TappedTransfer:
        """Build the method; see `hint_transfer`."""
        return hint_transfer(self.layers(lesson), beta=self.divisor, seed=lesson.seed)


def hint(regressed: Tensor, teacher_map: Tensor) -> Tensor:
    r"""Half the squared distance between two maps of an image, averaged over images.

    .. math:: \frac{1}{B} \sum_b \frac{1}{2} \left\| T_b - r(S_b) \right\|_2^2

    It is a sum over planes and pixels. It grows with both and with the square of the activations, and so does beta.

    Parameters
    ----------
    regressed : float32, (B, C, H, W)
        The student's map, r(S), with the teacher's planes.
    teacher_map : float32, (B, C, H', W')
        Raw activations; the larger grid is pooled to the smaller one's.

    Returns
    -------
    Tensor, ()
        At least 0.

    Source: Romero et al., FitNets, ICLR 2015, Eq. 3.

    Examples
    --------
    >>> import torch
    >>> hint(torch.zeros(2, 3, 2, 2), torch.full((2, 3, 2, 2), 0.5)).item()  # 12 entries of 1/4, halved
    1.5
    """
    from medkt.transfer.taps import match_grids

    regressed, teacher_map = match_grids(regressed, teacher_map)
    return (teacher_map - regressed).square().flatten(1).sum(dim=1).mean() / 2


def hint_transfer(taps: Taps, *, beta: float, seed: int) -> TappedTransfer:
    """Add FitNets' hint loss to the task's, divided by beta, throughout the training.

    Three things differ from the paper:

    - The paper trained in two stages: only hints up to the guided layer, then the complete network by knowledge
      distillation. Here both losses act from the first step, so that all methods have the same epochs and schedule.
    - Its regressor was a convolution just large enough to bring the student's grid to the teacher's. Here the larger
      grid is pooled, and the convolution is 1 x 1.
    - Its layers were read after their nonlinearity, and the regressor had the same one. Here layers and regressor are
      linear.

    Source: Romero et al., FitNets, ICLR 2015, section 2.2.

    Parameters
    ----------
    taps : Taps
        The pairs of guided and hint layers.
    beta : float
        Divisor, above 0: the larger, the weaker the teacher.
    seed : int
        Seed of the regressors' start weights.
    """
    from medkt.transfer.taps import TappedTransfer, projections

    return TappedTransfer(taps, hint, projections(taps, seed), beta=beta)
