"""Pairs of layers, one of the student and one of the teacher, read for each batch.

In: two networks, and names of layers. Out: their maps, (B, C, H, W), in pairs, pooled to one grid and projected to
the same number of planes. `TappedTransfer` is any method whose loss is a distance between such maps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, conv2d

from medkt.models.densenet import Tap, architecture_of, attention_layer, check_size
from medkt.models.layers import find_layer
from medkt.teachers.teacher import Teacher
from medkt.transfer.method import Transfer
from medkt.transfer.settings import TapSettings
from medkt_eval.errors import InputError

_PROJECTIONS = 1  # with a run's seed, the stream of random numbers that projections start from


class Taps:
    """Reads pairs of layers, with one hook on each layer of the student until `close`.

    When it is made, both networks see a black image once, so that layers that do not fit are refused before anything is
    trained. This changes neither network.

    Parameters
    ----------
    student : nn.Module
        The network that trains: DenseNet-121 or DenseNet-40.
    teacher : Teacher
        The network that it learns from.
    pairs : sequence of TapSettings or None
        The layers; None for the attention layer of each network, with weight 1. If an in-place ReLU follows a layer,
        the map is read after the ReLU.
    image_size_px : int
        Side of the images.

    Attributes
    ----------
    pairs : tuple of TapSettings
        Names of the layers, and weights.
    shapes : list of (torch.Size, torch.Size)
        Shapes of the student's and the teacher's map of one image, (1, C, H, W).

    Raises
    ------
    InputError
        If a layer does not exist, its output is no map, or the images are too small for an attention layer.
    """

    def __init__(
        self, student: nn.Module, teacher: Teacher, pairs: Sequence[TapSettings] | None, image_size_px: int
    ) -> None:
        self.pairs = tuple(pairs) if pairs is not None else (_attention_layers(student, teacher, image_size_px),)
        layers = [find_layer(student, pair.student, key="taps: student") for pair in self.pairs]
        for pair in self.pairs:
            teacher.watch(pair.teacher)
        self._teacher = teacher
        self._taps = [Tap(layer, architecture_of(student)) for layer in layers]
        self.shapes = self._rehearse(student, image_size_px)

    def read(self, images: Tensor, logits: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Read all pairs after the student's forward pass; the teacher sees the batch now, unless it has already.

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            The batch.
        logits : float, (B, n_outputs)
            The student's output; only whether it has a gradient matters.

        Returns
        -------
        list of (float32, (B, C, H, W); float32, (B, C', H', W'))
            The student's map and the teacher's, of each pair.

        Raises
        ------
        InputError
            If all layers below a student's tap are frozen.
        RuntimeError
            If the student has not seen a batch since the last call.
        """
        student_maps = [tap.take() for tap in self._taps]
        for pair, maps in zip(self.pairs, student_maps, strict=True):
            if logits.requires_grad and not maps.requires_grad:
                raise InputError(
                    f"This method trains no layer through {pair.student}: all below that tap are frozen (unfrozen = "
                    '"head"?). Unfreeze them with unfrozen = "all", or use method = "transfer_learning".'
                )
        teacher_maps = self._teacher.look(images).maps
        return [
            (maps.float(), teacher_maps[pair.teacher].float())
            for pair, maps in zip(self.pairs, student_maps, strict=True)
        ]

    def close(self) -> None:
        """Remove the hooks from the student."""
        for tap in self._taps:
            tap.close()

    def _rehearse(self, student: nn.Module, image_size_px: int) -> list[tuple[torch.Size, torch.Size]]:
        """Shapes of the maps of a black image, in evaluation mode, which changes no running statistics."""
        black = torch.zeros(1, 3, image_size_px, image_size_px, device=next(student.parameters()).device)
        modes = [(module, module.training) for module in student.modules()]
        student.eval()
        with torch.no_grad():
            student(black)
        for module, training in modes:
            module.training = training
        seen = self._teacher.look(black).maps
        self._teacher.forget()
        shapes = []
        for pair, tap in zip(self.pairs, self._taps, strict=True):
            shapes.append(
                (
                    _map_shape("student", pair.student, tap.value),
                    _map_shape("teacher", pair.teacher, seen.get(pair.teacher)),
                )
            )
            tap.take()
        return shapes


def match_grids(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Bring two maps to one grid by average pooling of the larger.

    Parameters
    ----------
    a, b : float32, (B, C, H, W)
        Maps of the same images; C may differ.

    Returns
    -------
    tuple of float32, (B, C, min H, min W)
        A map that already has this grid is returned unchanged.

    Raises
    ------
    InputError
        If the batches differ.
    """
    if len(a) != len(b):
        raise InputError(f"Maps of {len(a)} and {len(b)} images: both must be of the same batch.")
    grid = (min(a.shape[2], b.shape[2]), min(a.shape[3], b.shape[3]))

    def pooled(maps: Tensor) -> Tensor:
        return maps if tuple(maps.shape[2:]) == grid else adaptive_avg_pool2d(maps, grid)

    return pooled(a), pooled(b)


class Projection(nn.Module):
    """A learned 1 x 1 convolution with bias, from the student's planes to the teacher's.

    It is computed in float32 in every precision of the networks.

    Parameters
    ----------
    student_planes, teacher_planes : int
        C before and after.
    generator : torch.Generator
        Draws the start weights: normal, with a variance of 1 / student_planes; biases are zero.
    """

    def __init__(self, student_planes: int, teacher_planes: int, *, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(teacher_planes, student_planes, 1, 1))
        self.bias = nn.Parameter(torch.zeros(teacher_planes))
        nn.init.kaiming_normal_(self.weight, nonlinearity="linear", generator=generator)

    def forward(self, student_map: Tensor) -> Tensor:
        """Project a map, float32 (B, student_planes, H, W), to float32 (B, teacher_planes, H, W)."""
        with torch.autocast(student_map.device.type, enabled=False):
            return conv2d(student_map, self.weight, self.bias)


def projections(taps: Taps, seed: int) -> list[nn.Module]:
    """A projection for each pair.

    Parameters
    ----------
    taps : Taps
        The pairs.
    seed : int
        Seed of the run. The weights depend only on it and on the planes; torch's random state does not change.

    Returns
    -------
    list of Projection
        In the order of the pairs.
    """
    state = np.random.SeedSequence([seed, _PROJECTIONS]).generate_state(1, np.uint64)
    generator = torch.Generator().manual_seed(int(state[0]))
    return [Projection(student[1], teacher[1], generator=generator) for student, teacher in taps.shapes]


class TappedTransfer(Transfer):
    """A method whose loss is the sum over pairs of layers of weight * distance(student's map, teacher's map).

    Parameters
    ----------
    taps : Taps
        The pairs.
    distance : callable
        Takes two maps, (B, C, H, W) and (B, C', H', W'); returns a scalar.
    adapters : sequence of nn.Module, optional
        A module for each pair, through which the student's map goes first. None: maps are compared as they are.
    beta : float
        Divisor of the loss.
    """

    def __init__(
        self,
        taps: Taps,
        distance: Callable[[Tensor, Tensor], Tensor],
        adapters: Sequence[nn.Module] | None = None,
        *,
        beta: float,
    ) -> None:
        super().__init__(beta)
        self._taps = taps
        self._distance = distance
        self.adapters = nn.ModuleList([nn.Identity() for _ in taps.pairs] if adapters is None else adapters)

    def loss(self, images: Tensor, logits: Tensor) -> Tensor:
        """The weighted sum of distances; see `Transfer.loss` and, for errors, `Taps.read`."""
        total = torch.zeros((), device=images.device)
        maps = self._taps.read(images, logits)
        for pair, adapter, (student_map, teacher_map) in zip(self._taps.pairs, self.adapters, maps, strict=True):
            total = total + pair.weight * self._distance(adapter(student_map), teacher_map)
        return total

    def close(self) -> None:
        """Remove the hooks from the student; the teacher may have other students."""
        self._taps.close()


def _attention_layers(student: nn.Module, teacher: Teacher, image_size_px: int) -> TapSettings:
    check_size(architecture_of(student), image_size_px, tapped=True)
    if image_size_px < teacher.smallest_size_px:
        raise InputError(
            f"image_size_px = {image_size_px}: the teacher needs at least {teacher.smallest_size_px} px, for below "
            f"that its attention map is 1 x 1. Set image_size_px = {teacher.smallest_size_px} or more, or taps on "
            "earlier layers."
        )
    return TapSettings(student=attention_layer(student), teacher=teacher.attention_layer)


def _map_shape(whose: str, layer: str, output: object) -> torch.Size:
    if not (isinstance(output, Tensor) and output.ndim == 4):
        found = f"gives {tuple(output.shape)}" if isinstance(output, Tensor) else "gives no tensor, or is never run"
        raise InputError(f"taps: {whose}: {layer} {found}; expected a layer that gives maps, (B, C, H, W).")
    return output.shape
