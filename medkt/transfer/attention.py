"""Attention transfer: the student is drawn to look where the teacher looks.

In: maps of one layer of the student and of the teacher, (B, C, H, W). Out: their distance, a scalar;
`AttentionTransfer` reads the maps from the networks. Every gradient is finite, dead planes and equal maps included.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from medkt.config import AttentionLoss as Form
from medkt.models.densenet import check_size, tap
from medkt.models.teachers import freeze, look
from medkt_eval.errors import InputError

# A plane this faint has no direction. It counts as zero and gets no gradient, where dividing by its norm would give
# NaN, and by a small constant instead, an explosion.
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
        Where the numbers of planes differ.

    Source: the paper, Eq. 1.

    Examples
    --------
    >>> left, top = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]]), torch.tensor([[[[5.0, 5.0], [0.0, 0.0]]]])
    >>> round(eq1(left, top).item(), 4)  # they share one pixel of two: sqrt(4 * 1/2 - 2 * 1/2)
    1.0
    """
    return torch.linalg.vector_norm(_plane_differences(student_map, teacher_map), dim=2).mean()


def frobenius(student_map: Tensor, teacher_map: Tensor) -> Tensor:
    r"""One distance over all planes of the batch, each plane scaled to length 1.

    .. math:: \sqrt{\sum_{b,c} \left\| \frac{S_{bc}}{\|S_{bc}\|_2} - \frac{T_{bc}}{\|T_{bc}\|_2} \right\|_2^2}

    Where all planes are equally far, this is sqrt(B C) times `eq1`: it grows with the batch, and beta with it.

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
        Where the numbers of planes differ.

    Source: the authors' published scripts.
    """
    return torch.linalg.vector_norm(_plane_differences(student_map, teacher_map))


def zagoruyko(student_map: Tensor, teacher_map: Tensor) -> Tensor:
    r"""Mean distance between two maps summed over their planes: these need not be equally many.

    .. math:: \frac{1}{B} \sum_b \left\| \frac{Q^S_b}{\|Q^S_b\|_2} - \frac{Q^T_b}{\|Q^T_b\|_2} \right\|_2,
              \quad Q_b = \sum_c A_{bc}^2

    Parameters
    ----------
    student_map, teacher_map : float32, (B, C, H, W)
        Raw activations; C may differ. The larger grid is pooled to the smaller one's before squaring.

    Returns
    -------
    Tensor, ()
        Between 0 and sqrt(2), for no entry of Q is negative.

    Source: Zagoruyko & Komodakis 2017, Eq. 2 with p = 2, for one pair of layers. Their factor beta / 2 is left to
    the weight.
    """
    student_map, teacher_map = match_grids(student_map, teacher_map)
    student_sum = student_map.square().sum(dim=1).flatten(1)  # (B, H * W)
    teacher_sum = teacher_map.square().sum(dim=1).flatten(1)  # (B, H * W)
    return torch.linalg.vector_norm(_unit(student_sum) - _unit(teacher_sum), dim=1).mean()


FORMS: dict[Form, Callable[[Tensor, Tensor], Tensor]] = {"eq1": eq1, "frobenius": frobenius, "zagoruyko": zagoruyko}


def attention_form(name: str) -> Form:
    """Check the name of a form of the attention loss.

    Parameters
    ----------
    name : str
        From a study file.

    Returns
    -------
    {"eq1", "frobenius", "zagoruyko"}
        The same name.

    Raises
    ------
    InputError
        Where there is no such form.
    """
    for form in FORMS:
        if form == name:
            return form
    raise InputError(f'attention_loss = "{name}": expected one of {", ".join(FORMS)}.')


def match_grids(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Bring two maps to one grid: the larger is averaged down to the smaller.

    Parameters
    ----------
    a, b : float32, (B, C, H, W)
        Maps of the same images; C may differ.

    Returns
    -------
    tuple of float32, (B, C, min H, min W)
        Maps whose grid already fits are returned as they are.

    Raises
    ------
    InputError
        Where the batches differ.
    """
    if len(a) != len(b):
        raise InputError(f"Attention maps of {len(a)} and {len(b)} images: both must be of the same batch.")
    grid = (min(a.shape[2], b.shape[2]), min(a.shape[3], b.shape[3]))

    def pooled(maps: Tensor) -> Tensor:
        return maps if tuple(maps.shape[2:]) == grid else adaptive_avg_pool2d(maps, grid)

    return pooled(a), pooled(b)


class AttentionTransfer:
    """Adds the distance between a student's and a teacher's attention to the loss, divided by beta.

    The total loss is L_task + L_AT / beta (the paper, Eq. 2). One hook on each network, for as long as this lives;
    one pass of the teacher a batch.

    Parameters
    ----------
    student : nn.Module
        The network that trains: DenseNet-121 or DenseNet-40.
    teacher : nn.Module
        Another network; frozen here.
    form : {"eq1", "frobenius", "zagoruyko"}
        Which distance. Beta's unit depends on it.
    beta : float
        Divisor, above 0: the larger, the weaker the teacher. The paper searched 1 to 2000.

    Raises
    ------
    InputError
        Where beta is not a positive number, or a network has no layer to read attention from.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module, *, form: Form, beta: float) -> None:
        if not (math.isfinite(beta) and beta > 0):
            raise InputError(f"beta = {beta}: the attention loss is divided by it; expected a number above 0.")
        if student is teacher:
            raise InputError("Student and teacher are one network: a teacher must be a copy, or its weights move too.")
        self.weight = 1.0 / beta
        self._distance = FORMS[attention_form(form)]
        self._teacher = freeze(teacher)
        self._student_tap = tap(student)
        self._teacher_tap = tap(teacher)

    def loss(self, images: Tensor, logits: Tensor) -> Tensor:
        """Give the attention loss of the batch that the student has just seen.

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            The batch, normalised for the student; the teacher sees it so too.
        logits : float32, (B, n_outputs)
            The student's answer; only its gradient's presence is looked at.

        Returns
        -------
        Tensor, ()
            To be multiplied by `weight`.

        Raises
        ------
        InputError
            Where the images are too small for a tap, the maps do not fit, or no unfrozen layer lies below the tap.
        RuntimeError
            Where the student has not seen a batch since the last call.
        """
        for network_tap in (self._student_tap, self._teacher_tap):
            check_size(network_tap.architecture, min(images.shape[-2:]), tapped=True)
        student_map = self._student_tap.take()
        if logits.requires_grad and not student_map.requires_grad:
            raise InputError(
                'Attention transfer trains no layer here: all below the tap are frozen (unfrozen = "head"?). Unfreeze '
                'them with unfrozen = "all", or use method = "transfer_learning".'
            )
        look(self._teacher, images)
        return self._distance(student_map, self._teacher_tap.take())

    def parameters(self) -> tuple[nn.Parameter, ...]:
        """Give no parameters: the loss has none of its own.

        Returns
        -------
        tuple
            Empty.
        """
        return ()

    def close(self) -> None:
        """Take the hooks off both networks."""
        self._student_tap.close()
        self._teacher_tap.close()


def _unit(planes: Tensor) -> Tensor:
    """Scale the last dimension to length 1; dead planes become zero, with zero gradient."""
    norms = torch.linalg.vector_norm(planes, dim=-1, keepdim=True)
    alive = norms > _DEAD_NORM
    # Both branches of `where` are differentiated: the divisor must be harmless where it is not used.
    return torch.where(alive, planes / torch.where(alive, norms, 1.0), 0.0)


def _plane_differences(student_map: Tensor, teacher_map: Tensor) -> Tensor:
    """Give the difference of unit planes, (B, C, H * W)."""
    if student_map.shape[1] != teacher_map.shape[1]:
        raise InputError(
            f"The student's attention layer has {student_map.shape[1]} planes, the teacher's {teacher_map.shape[1]}: "
            'they cannot be paired. Set attention_loss = "zagoruyko", which sums over planes.'
        )
    student_map, teacher_map = match_grids(student_map, teacher_map)
    return _unit(student_map.flatten(2)) - _unit(teacher_map.flatten(2))
