"""Describe a network as the rows of a table: the operations, output size and parameters of each stage.

In: a DenseNet-121 or DenseNet-40 and the side of its images. Out: `Stage`s, as Table VI lists them. Sizes are measured
in a forward pass and parameters are counted; no number is typed in.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.densenet import _DenseBlock, _Transition

from medkt.models.densenet import attention_layer
from medkt_eval.errors import InputError
from medkt_eval.results.recorded import Stage

_NOT_LISTED = (nn.BatchNorm2d, nn.ReLU)  # part of a stage, but not among its operations


def stages(model: nn.Module, image_size_px: int) -> list[Stage]:
    """List a network's stages from its modules.

    Every parameter belongs to one stage. A normalisation belongs to the stage of the convolution before it. After a
    dense block, whose layers normalise their input, it belongs to the next stage. As in Table VI, normalisation and
    ReLU are not among the `operations`.

    Parameters
    ----------
    model : nn.Module
        A DenseNet-40, or any network with DenseNet-121's layer names. It does not change: a copy without data is run.
    image_size_px : int
        Side of the images, at least the minimum of `densenet.check_size`.

    Returns
    -------
    list of Stage
        In the order of the forward pass. `height` and `width` are None after pooling to a vector.

    Raises
    ------
    InputError
        If a layer is of a kind without a description, or the network has no attention layer.

    Source: Table VI.

    Examples
    --------
    >>> from medkt.models.densenet import build
    >>> rows = stages(build("densenet40", 14, seed=0), 256)
    >>> [(stage.name, stage.repeats, stage.channels, stage.height) for stage in rows][2:4]
    [('Dense Block (1)', 6, 256, 64), ('Transition Layer (1)', 1, 128, 32)]
    >>> sum(stage.parameters for stage in rows)
    1364142
    """
    tapped = attention_layer(model)
    layers = {f"features.{name}": layer for name, layer in model.get_submodule("features").named_children()}
    layers["classifier"] = model.get_submodule("classifier")
    shapes = _output_shapes(model, list(layers), image_size_px)

    rows: list[dict[str, Any]] = []
    blocks, transitions, pending = 0, 0, 0  # pending: parameters that belong to the next stage
    previous: nn.Module | None = None
    for name, layer in layers.items():
        if isinstance(layer, _NOT_LISTED):
            if isinstance(previous, nn.Conv2d):
                rows[-1]["parameters"] += _parameters(layer)
            else:
                pending += _parameters(layer)
            continue
        blocks += isinstance(layer, _DenseBlock)
        transitions += isinstance(layer, _Transition)
        operations, repeats = _operations(layer, name)
        channels, *grid = shapes[name]
        rows.append(
            {
                "name": _title(layer, blocks, transitions),
                "operations": operations,
                "repeats": repeats,
                "channels": channels,
                "height": grid[0] if grid else None,
                "width": grid[1] if grid else None,
                "parameters": pending + _parameters(layer),
                "tap": tapped == name or tapped.startswith(f"{name}."),
            }
        )
        previous, pending = layer, 0
    return [Stage(**stage) for stage in rows]


def _output_shapes(model: nn.Module, names: list[str], image_size_px: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each layer's output for one image, without the batch axis."""
    ghost = copy.deepcopy(model).to("meta").eval()  # only shapes are computed, no numbers
    shapes: dict[str, tuple[int, ...]] = {}

    def keep(name: str) -> None:
        def hook(_layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            shapes[name] = tuple(output.shape[1:])

        ghost.get_submodule(name).register_forward_hook(hook)

    for name in names:
        keep(name)
    with torch.no_grad():
        ghost(torch.empty(1, 3, image_size_px, image_size_px, device="meta"))
    return shapes


def _operations(layer: nn.Module, name: str) -> tuple[list[str], int]:
    """Return the operations of a layer and the number of their repetitions."""
    if isinstance(layer, _DenseBlock):
        each = [[_operation(step, name) for step in _steps(inner)] for inner in layer.values()]
        if any(steps != each[0] for steps in each):
            raise InputError(f"{name}: its {len(each)} layers differ; expected a dense block of equal layers")
        return each[0], len(each)
    if isinstance(layer, nn.Linear):  # its input is a vector, so the maps were averaged over the image before it
        return ["global average pooling", _operation(layer, name)], 1
    return [_operation(step, name) for step in _steps(layer)], 1


def _steps(layer: nn.Module) -> list[nn.Module]:
    """Return the layers within a layer, or the layer itself, without `_NOT_LISTED`."""
    inner = [step for step in layer.modules() if not list(step.children())]
    return [step for step in inner if not isinstance(step, _NOT_LISTED)]


def _operation(layer: nn.Module, name: str) -> str:
    if isinstance(layer, nn.Conv2d):
        return f"{_pair(layer.kernel_size)} convolution{_stride(layer.stride)}"
    if isinstance(layer, nn.MaxPool2d):
        return f"{_pair(layer.kernel_size)} max pooling{_stride(layer.stride)}"
    if isinstance(layer, nn.AvgPool2d):
        return f"{_pair(layer.kernel_size)} average pooling{_stride(layer.stride)}"
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return f"{_pair(layer.output_size)} adaptive average pooling"
    if isinstance(layer, nn.Linear):
        return f"fully connected, {layer.out_features} output{'s' if layer.out_features > 1 else ''}"
    raise InputError(f"{name}: a {type(layer).__name__} has no description here; expected the layers of a DenseNet")


def _title(layer: nn.Module, blocks: int, transitions: int) -> str:
    if isinstance(layer, _DenseBlock):
        return f"Dense Block ({blocks})"
    if isinstance(layer, _Transition):
        return f"Transition Layer ({transitions})"
    if isinstance(layer, nn.Linear):
        return "Classification"
    return "Convolution" if isinstance(layer, nn.Conv2d) else "Pooling"


def _pair(size: Any) -> str:
    height, width = size if isinstance(size, tuple) else (size, size)
    return f"{height} × {width}"


def _stride(stride: Any) -> str:
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    if set(steps) == {1}:
        return ""
    return f", stride {steps[0]}" if len(set(steps)) == 1 else f", stride {_pair(steps)}"


def _parameters(layer: nn.Module) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())
