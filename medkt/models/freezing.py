"""Which layers train, and how frozen BatchNorm layers behave while the others do.

In: a network and the words of the study file. Out: the same network with `requires_grad` and modes set.
"""

from __future__ import annotations

from typing import get_args

from torch import nn

from medkt.config import FrozenBatchNorm, Unfrozen
from medkt.models.densenet import is_densenet121
from medkt_eval.errors import InputError

# 34 convolutions and linear layers: Table IV's 2.7m parameters.
_LAST34 = ("features.transition3.", "features.denseblock4.", "features.norm5.", "classifier.")
_HEAD = ("classifier.",)


def apply(model: nn.Module, unfrozen: Unfrozen, frozen_batchnorm: FrozenBatchNorm) -> None:
    """Choose the layers that train and put the network in training mode.

    Parameters
    ----------
    model : nn.Module
        Changed in place: `requires_grad` of every parameter, and the mode of every layer.
    unfrozen : {"all", "last34", "head"}
        All layers; DenseNet-121's last 34 (transition3 to classifier); or the classifier alone.
    frozen_batchnorm : {"update", "fixed"}
        See `set_training_mode`.

    Raises
    ------
    InputError
        Where "last34" is asked of a network other than DenseNet-121, or a word is unknown.

    Source: Table IV, column "2.7m".
    """
    if unfrozen not in get_args(Unfrozen):
        raise InputError(f'unfrozen = "{unfrozen}": expected one of {", ".join(get_args(Unfrozen))}.')
    if unfrozen == "last34" and not is_densenet121(model):
        raise InputError(
            'unfrozen = "last34" counts the layers of DenseNet-121 and means nothing in another network. '
            'Use student = "densenet121", or unfrozen = "all" or "head".'
        )
    prefixes = {"all": ("",), "last34": _LAST34, "head": _HEAD}[unfrozen]
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(prefixes))
    set_training_mode(model, frozen_batchnorm)


def set_training_mode(model: nn.Module, frozen_batchnorm: FrozenBatchNorm) -> None:
    """Put a network in training mode, before every epoch and after every validation.

    Parameters
    ----------
    model : nn.Module
        Its modes are changed in place.
    frozen_batchnorm : {"update", "fixed"}
        "update": frozen BatchNorm layers normalise by the batch and move their running statistics, as the paper's
        authors did. "fixed": they stay in evaluation mode, and nothing in a frozen layer moves.

    Raises
    ------
    InputError
        Where the word is unknown.
    """
    if frozen_batchnorm not in get_args(FrozenBatchNorm):
        raise InputError(f'frozen_batchnorm = "{frozen_batchnorm}": expected "update" or "fixed".')
    model.train()
    if frozen_batchnorm == "fixed":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
                module.eval()


def parameter_counts(model: nn.Module) -> tuple[int, int]:
    """Count a network's parameters.

    Parameters
    ----------
    model : nn.Module
        Any network.

    Returns
    -------
    trainable : int
        Those with `requires_grad`.
    total : int
        All; buffers, such as running statistics, are not counted.
    """
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return trainable, sum(parameter.numel() for parameter in model.parameters())
