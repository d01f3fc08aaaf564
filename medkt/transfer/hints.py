"""Hints: the student's middle layer is taught to foretell the teacher's, through a learned regressor.

In: maps of a layer of the student (FitNets' guided layer) and of the teacher (the hint layer), (B, C, H, W). Out: half
their squared distance, a scalar.
"""

from __future__ import annotations

from torch import Tensor

from medkt.transfer.taps import TappedTransfer, Taps, match_grids, projections


def hint(regressed: Tensor, teacher_map: Tensor) -> Tensor:
    r"""Half the squared distance between two maps of an image, averaged over images.

    .. math:: \frac{1}{B} \sum_b \frac{1}{2} \left\| T_b - r(S_b) \right\|_2^2

    A sum over planes and pixels: it grows with both, with the square of the activations, and beta with it.

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
    regressed, teacher_map = match_grids(regressed, teacher_map)
    return (teacher_map - regressed).square().flatten(1).sum(dim=1).mean() / 2


class HintTransfer(TappedTransfer):
    """Adds FitNets' hint loss to the task's, divided by beta, throughout the training.

    Three things differ from the paper. It trained in two stages: up to the guided layer by hints alone, then the whole
    by knowledge distillation; here both losses act together from the first step, so that all methods have the same
    epochs and the same schedule. Its regressor was a convolution just large enough to bring the student's grid to the
    teacher's; here the larger grid is pooled and the convolution is 1 x 1. Its layers were read after their
    nonlinearity, and the regressor had the same; the layers here are raw, and so is the regressor.

    Source: Romero et al., FitNets, ICLR 2015, section 2.2.

    Parameters
    ----------
    taps : Taps
        The pairs of guided and hint layers.
    beta : float
        Divisor, above 0: the larger, the weaker the teacher.
    seed : int
        Of the regressors' start weights.
    """

    def __init__(self, taps: Taps, *, beta: float, seed: int) -> None:
        super().__init__(taps, hint, projections(taps, seed), beta=beta)
