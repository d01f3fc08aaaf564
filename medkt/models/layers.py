"""Layers of a network by their names.

In: a network and a name from a study file. Out: the layer, or an error that names those it may have meant.
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
        As `get_submodule` takes it: dots lead inwards.
    key : str
        Of the study file, for the error.

    Returns
    -------
    nn.Module
        The layer.

    Raises
    ------
    InputError
        Where there is no such layer; names near ones.

    Examples
    --------
    >>> find_layer(nn.Sequential(nn.ReLU()), "0", key="taps")
    ReLU()
    """
    layers = {known: module for known, module in network.named_modules() if known}
    if name not in layers:
        near = difflib.get_close_matches(name, layers, n=3) or [outer for outer, _ in network.named_children()]
        raise InputError(
            f"{key}: {type(network).__name__} has no layer {name!r}; expected a name such as {', '.join(near)}."
        )
    return layers[name]
