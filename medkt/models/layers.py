"""Find layers of a network by their names.

In: a network and a name from a study file. Out: the layer, or an error that suggests similar names.
"""

from __future__ import annotations

import difflib

from torch import nn

from medkt_eval.errors import InputError


def find_layer(network: nn.Module, name: str, *, key: str) -> nn.Module:
    """Find a layer by its name.

    Parameters
    ----------
    network : nn.Module
        Any network.
    name : str
        The layer's name, as `get_submodule` takes it. Dots lead to inner layers.
    key : str
        The key of the study file, for the error message.

    Returns
    -------
    nn.Module
        The layer.

    Raises
    ------
    InputError
        If there is no such layer. The message names similar ones.

    Examples
    --------
    >>> find_layer(nn.Sequential(nn.ReLU()), "0", key="taps")
    ReLU()
    """
    layers = {layer_name: module for layer_name, module in network.named_modules() if layer_name}
    if name not in layers:
        near = difflib.get_close_matches(name, layers, n=3) or [outer for outer, _ in network.named_children()]
        raise InputError(
            f"{key}: {type(network).__name__} has no layer {name!r}; expected a name such as {', '.join(near)}."
        )
    return layers[name]
