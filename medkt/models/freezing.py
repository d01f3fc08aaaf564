"""Choose the layers that train, and how frozen BatchNorm layers behave during training.

In: a network and the settings of the study file. Out: the same network with `requires_grad` and modes set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from torch import nn

from medkt.models.densenet import is_densenet121
from medkt.models.layers import find_layer
from medkt.settings import FrozenBatchNorm, Unfrozen, UnfrozenName
from medkt_eval.errors import InputError

# 34 convolutions and linear layers: Table IV's 2.7m parameters.
_LAST34 = ("features.transition3", "features.denseblock4", "features.norm5", "classifier")
_HEAD = ("classifier",)


def apply(model: nn.Module, unfrozen: Unfrozen, frozen_batchnorm: FrozenBatchNorm) -> None:
    """Choose the layers that train and put the network in training mode.

    Parameters
    ----------
    model : nn.Module
        The network. `requires_grad` of every parameter and the mode of every layer change in place.
    unfrozen : {"all", "last34", "head"} or list of str
        All layers; DenseNet-121's last 34 (transition3 to classifier); only the classifier; or the named layers and the
        layers inside them.
    frozen_batchnorm : {"update", "fixed"}
        See `set_training_mode`.

    Raises
    ------
    InputError
        If "last34" is set for a network other than DenseNet-121, a value is unknown, or a layer does not exist or has
        no parameters to train.

    Source: Table IV, column "2.7m".
    """
    chosen = list(_chosen(model, unfrozen))
    model.requires_grad_(False)
    for layer in chosen:
        layer.requires_grad_(True)
    set_training_mode(model, frozen_batchnorm)


def _chosen(model: nn.Module, unfrozen: Unfrozen) -> Iterator[nn.Module]:
    """Return the layers that train, each with the layers inside it."""
    if unfrozen == "all":
        yield model
        return
    if isinstance(unfrozen, str) and unfrozen not in get_args(UnfrozenName):
        raise InputError(
            f'unfrozen = "{unfrozen}": expected one of {", ".join(get_args(UnfrozenName))}, or a list of layers.'
        )
    if unfrozen == "last34" and not is_densenet121(model):
        raise InputError(
            'unfrozen = "last34" counts the layers of DenseNet-121 and means nothing in another network. '
            'Use student = "densenet121", or unfrozen = "all", "head" or a list of layers.'
        )
    for name in {"last34": _LAST34, "head": _HEAD}[unfrozen] if isinstance(unfrozen, str) else unfrozen:
        layer = find_layer(model, name, key="unfrozen")
        if next(layer.parameters(), None) is None:
            raise InputError(
                f"unfrozen: {name} is a {type(layer).__name__}, which has no parameters to train; "
                "expected a layer that has, or a block of such layers."
            )
        yield layer


def set_training_mode(model: nn.Module, frozen_batchnorm: FrozenBatchNorm) -> None:
    """Put a network in training mode. Call it before every epoch and after every validation.

    Parameters
    ----------
    model : nn.Module
        The network. Its modes change in place.
    frozen_batchnorm : {"update", "fixed"}
        "update": frozen BatchNorm layers normalise by the batch and update their running statistics, as the paper's
        authors did. "fixed": they stay in evaluation mode, and nothing in a frozen layer changes.

    Raises
    ------
    InputError
        If the value is unknown.
    """
    if frozen_batchnorm not in get_args(FrozenBatchNorm):
        raise InputError(f'frozen_batchnorm = "{frozen_batchnorm}": expected "update" or "fixed".')
    model.train()
    if frozen_batchnorm == "fixed":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
                module.eval()


def parameter_counts(model: nn.Module) -> tuple[int, int]:
    """Count the parameters of a network or of a transfer method.

    Parameters
    ----------
    model : nn.Module
        Any network, or a `medkt.transfer.Transfer`.

    Returns
    -------
    trainable : int
        Number of parameters with `requires_grad`.
    total : int
        Number of all parameters. Buffers, such as running statistics, are not counted.
    """
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return trainable, sum(parameter.numel() for parameter in model.parameters())
