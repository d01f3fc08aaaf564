"""Teachers: networks that are looked at and never changed.

In: an architecture and a file of weights. Out: the exact network, frozen, and the one way to run it.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from medkt.models.densenet import Architecture, build
from medkt.models.initialisation import find_weights, load_weights, read_weights
from medkt_eval.errors import InputError


def load_teacher(architecture: Architecture, source: str | Path) -> nn.Module:
    """Load a trained network as a teacher, with the number of outputs that its file holds.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40"}
        Which network the file holds.
    source : str or Path
        A run's folder, a `.safetensors` or `.pth` file, or "imagenet".

    Returns
    -------
    nn.Module
        In evaluation mode, no parameter trainable.

    Raises
    ------
    InputError
        Where the file is missing or is not exactly this network.
    """
    if str(source) == "random":
        raise InputError('A teacher cannot start from "random" weights: give the file or the run that holds it.')
    path = find_weights(source)
    weights = read_weights(path)
    if "classifier.weight" not in weights:
        first = next(iter(weights), "none")
        raise InputError(f"{path}: no classifier.weight among its {len(weights)} names (the first: {first}); "
                         "expected a whole network, as torchvision's densenet121 names it")  # fmt: skip
    teacher = build(architecture, len(weights["classifier.weight"]), seed=0)  # all of it is overwritten
    load_weights(teacher, path, keep_head=True)
    return freeze(teacher)


def freeze(teacher: nn.Module) -> nn.Module:
    """Make a network a teacher: evaluation mode, no parameter trainable.

    Parameters
    ----------
    teacher : nn.Module
        Changed in place.

    Returns
    -------
    nn.Module
        The same network.
    """
    return teacher.requires_grad_(False).eval()


def look(teacher: nn.Module, images: Tensor) -> Tensor:
    """Run a teacher on a batch without changing it: the one way transfer methods call a teacher.

    Parameters
    ----------
    teacher : nn.Module
        Put back in evaluation mode first, whatever was done to it: in training mode a mere look would move its
        BatchNorm statistics.
    images : float32, (B, 3, S, S)
        The student's batch.

    Returns
    -------
    float32, (B, n_outputs)
        Logits, without gradient.
    """
    teacher.eval()
    # no_grad, not inference_mode: the student's loss saves these tensors for its backward pass.
    with torch.no_grad():
        return teacher(images)
