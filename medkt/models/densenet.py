"""The paper's two networks, and the layer whose output is their attention.

In: an architecture's name and a number of outputs. Out: a network with fresh random weights that returns logits; a
`Tap` on its attention layer. Parameter names are torchvision's, so both networks can load the same file of weights.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import DenseNet, densenet121
from torchvision.models.densenet import _DenseBlock, _Transition

from medkt.settings import Architecture
from medkt_eval.errors import InputError

_ONE_AT_A_TIME = Lock()

# DenseNet-121 halves the image five times, so its last map is size/32. A map of one pixel has no attention.
_SMALLEST_PX = 32
_SMALLEST_PX_DENSENET121_TAP = 64


class DenseNet40(nn.Module):
    """DenseNet-121 cut after its second dense block, with a narrow layer whose output is the attention.

    It has 38 convolutions of DenseNet-121 and two of its own. There is no second transition, and no ReLU between the
    two 1 x 1 convolutions. S is the image's side. Below 64 px the 8 x 8 grid repeats the pixels of a smaller one.

    Source: Table VI, and Table IV's 1.4m parameters (1,364,142 at 14 outputs). `norm5` is not in Table VI, but the
    parameter count requires it.

    Parameters
    ----------
    n_outputs : int
        Number of labels.
    """

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict[str, nn.Module](
                conv0=nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False),  # (B, 64, S/2, S/2)
                norm0=nn.BatchNorm2d(64),
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # (B, 64, S/4, S/4)
                denseblock1=_DenseBlock(6, 64, bn_size=4, growth_rate=32, drop_rate=0.0),  # (B, 256, S/4, S/4)
                transition1=_Transition(256, 128),  # (B, 128, S/8, S/8)
                denseblock2=_DenseBlock(12, 128, bn_size=4, growth_rate=32, drop_rate=0.0),  # (B, 512, S/8, S/8)
                pool=nn.AdaptiveAvgPool2d(8),  # (B, 512, 8, 8)
                reduce=nn.Conv2d(512, 32, kernel_size=1),  # (B, 32, 8, 8): the tap
                expand=nn.Conv2d(32, 1024, kernel_size=1),  # (B, 1024, 8, 8)
                norm5=nn.BatchNorm2d(1024),
            )
        )
        self.classifier = nn.Linear(1024, n_outputs)

        # Initialised as torchvision's DenseNets.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits.

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            Normalised images.

        Returns
        -------
        float32, (B, n_outputs)
            Logits, before any sigmoid or softmax.
        """
        maps = functional.relu(self.features(images), inplace=True)  # (B, 1024, 8, 8)
        pooled = torch.flatten(functional.adaptive_avg_pool2d(maps, 1), 1)  # (B, 1024)
        return self.classifier(pooled)  # (B, n_outputs)


def build(architecture: Architecture, n_outputs: int, *, seed: int) -> nn.Module:
    """Build a network with fresh random weights. Only `seed` determines them; torch's random state does not change.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40"}
        Which network.
    n_outputs : int
        Number of labels, at least 1.
    seed : int
        Seed of the weights.

    Returns
    -------
    nn.Module
        Maps images, float32 (B, 3, S, S), to logits, float32 (B, n_outputs). All parameters are trainable.

    Raises
    ------
    InputError
        If the architecture is unknown or `n_outputs` is below 1.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in build("densenet40", 14, seed=0).parameters())
    1364142
    """
    _check_architecture(architecture)
    if n_outputs < 1:
        raise InputError(f"A network needs at least one output; found n_outputs = {n_outputs}.")
    # torch's layers draw from a random state that all threads share, so build one network at a time.
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if architecture == "densenet40":
            return DenseNet40(n_outputs)
        return densenet121(weights=None, num_classes=n_outputs)


def smallest_size_px(architecture: Architecture, *, tapped: bool) -> int:
    """Return the smallest image side that a network can process.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40"}
        Which network.
    tapped : bool
        Whether attention is read from it, as student or as teacher.

    Returns
    -------
    int
        Pixels. 64 if DenseNet-121 is tapped, because its map is 1 x 1 below 64 px; else 32.

    Examples
    --------
    >>> smallest_size_px("densenet121", tapped=True)
    64
    """
    _check_architecture(architecture)
    return _SMALLEST_PX_DENSENET121_TAP if tapped and architecture == "densenet121" else _SMALLEST_PX


def check_size(architecture: Architecture, image_size_px: int, *, tapped: bool) -> None:
    """Refuse images that are too small for a network, before any image is read.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40"}
        Which network.
    image_size_px : int
        The images' side.
    tapped : bool
        Whether attention is read from it, as student or as teacher.

    Raises
    ------
    InputError
        If `image_size_px` is below `smallest_size_px`.
    """
    smallest = smallest_size_px(architecture, tapped=tapped)
    if image_size_px < smallest:
        reason = ", for below that its attention map is 1 x 1" if smallest == _SMALLEST_PX_DENSENET121_TAP else ""
        other = ", or use densenet40 as student and teacher" if reason and image_size_px >= _SMALLEST_PX else ""
        raise InputError(
            f"image_size_px = {image_size_px}: {architecture} needs at least {smallest} px here{reason}. "
            f"Set image_size_px = {smallest} or more{other}."
        )


class Tap:
    """The last output of one layer, stored by a single forward hook.

    The hook is registered once, when the tap is created; one hook per batch would leak memory. `value` is the output of
    the layer's last forward pass, with its gradient graph if it has one.

    Parameters
    ----------
    module : nn.Module
        The layer.
    architecture : {"densenet121", "densenet40"}
        The network that contains it. It determines the smallest image (`check_size`).

    Attributes
    ----------
    value : Tensor or None
        (B, C, H, W), the raw output. None before the first pass and after `take`.
    """

    def __init__(self, module: nn.Module, architecture: Architecture) -> None:
        self.value: Tensor | None = None
        self.architecture: Architecture = architecture
        self._hook = module.register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.value = output

    def take(self) -> Tensor:
        """Return the value and drop it. Thus no batch is read twice, and its graph is freed after the step.

        Returns
        -------
        Tensor, (B, C, H, W)
            The layer's last output.

        Raises
        ------
        RuntimeError
            If there was no forward pass since the last call.
        """
        if self.value is None:
            raise RuntimeError("The tap is empty: run the network on the batch before reading its attention.")
        value, self.value = self.value, None
        return value

    def close(self) -> None:
        """Remove the hook and drop the value."""
        self._hook.remove()
        self.value = None


def tap(model: nn.Module) -> Tap:
    """Put a tap on a network's attention layer, before any BatchNorm or ReLU.

    In both networks, the layer's output has 32 planes and is 8 x 8 at 256 px.

    Parameters
    ----------
    model : nn.Module
        A DenseNet-40, or any network with DenseNet-121's layer names.

    Returns
    -------
    Tap
        The tap is on DenseNet-40's first 1 x 1 convolution (always 8 x 8), or on DenseNet-121's last 3 x 3 convolution
        (S/32 x S/32).

    Raises
    ------
    InputError
        If the network has no such layer.
    """
    return Tap(model.get_submodule(attention_layer(model)), architecture_of(model))


def attention_layer(model: nn.Module) -> str:
    """Name the layer whose raw output is a network's attention.

    Parameters
    ----------
    model : nn.Module
        As for `tap`.

    Returns
    -------
    str
        The layer's name in the network, as `get_submodule` takes it.

    Raises
    ------
    InputError
        If the network has no such layer.
    """
    name = "features.reduce" if architecture_of(model) == "densenet40" else "features.denseblock4.denselayer16.conv2"
    try:
        model.get_submodule(name)
    except AttributeError as error:
        raise InputError(
            f"{type(model).__name__} has no layer to read attention from: expected a DenseNet-121 or a DenseNet-40."
        ) from error
    return name


def architecture_of(model: nn.Module) -> Architecture:
    """Return the architecture of a student: DenseNet-40, or a network with DenseNet-121's layer names.

    Returns
    -------
    {"densenet121", "densenet40"}
    """
    return "densenet40" if isinstance(model, DenseNet40) else "densenet121"


def is_densenet121(model: nn.Module) -> bool:
    """Whether a network is DenseNet-121 and not another network or DenseNet.

    Parameters
    ----------
    model : nn.Module
        Any network.

    Returns
    -------
    bool
        True for torchvision's DenseNet with blocks of 6, 12, 24 and 16 layers.
    """
    if not isinstance(model, DenseNet):
        return False
    layers = [len(block) for block in model.features if isinstance(block, _DenseBlock)]
    return layers == [6, 12, 24, 16]


def _check_architecture(architecture: str) -> None:
    if architecture not in get_args(Architecture):
        raise InputError(f'Unknown architecture "{architecture}": expected one of {", ".join(get_args(Architecture))}.')
