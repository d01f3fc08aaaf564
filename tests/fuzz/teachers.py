"""Mutations of teacher files: tensors of every kind, tables that hold themselves, and pickles with a payload.

In: a state dict and a random generator. Out: a file. A payload that is executed writes a file that the fuzz finds.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors.torch import save_file


class Payload:
    """An object whose unpickling runs a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch EXECUTED",)


def write(weights: dict[str, torch.Tensor], path: Path, rng: Random) -> None:
    """Write the weights with one to three tensors changed, as safetensors or by torch.save."""
    content: dict[Any, Any] = dict(weights)
    for _ in range(rng.randint(0, 3)):
        name = rng.choice(list(content))
        content[name] = _changed(content[name], rng)
    if path.suffix == ".safetensors":
        try:
            save_file(content, path)
        except Exception:
            save_file(weights, path)
        return
    wrapped: Any = content
    how = rng.choice(["plain", "plain", "state_dict", "cycle", "deep", "payload", "list", "module."])
    if how == "state_dict":
        wrapped = {"epoch": 3, "state_dict": content}
    elif how == "cycle":
        wrapped = {"model": {}}
        wrapped["model"]["again"] = wrapped
    elif how == "deep":
        for _ in range(rng.choice([5, 200, 900])):
            wrapped = {"model": wrapped}
    elif how == "payload":
        content["payload"] = Payload()
    elif how == "list":
        wrapped = list(content.items())
    elif how == "module.":
        wrapped = {f"module.{name}": tensor for name, tensor in content.items()}
    try:
        torch.save(wrapped, path)
    except Exception:
        torch.save(weights, path)


def _changed(tensor: torch.Tensor, rng: Random) -> Any:
    changes = [
        lambda: tensor.to(
            rng.choice([torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.bool, torch.complex64])
        ),
        lambda: tensor * float("nan"),
        lambda: tensor * 1e38 * 1e38,
        lambda: tensor.reshape(-1),
        lambda: tensor[:0],
        lambda: torch.zeros(3, 5),
        lambda: torch.tensor(1.0),
        lambda: tensor.to("meta"),
        lambda: tensor.float().to_sparse(),
        lambda: torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8),
        lambda: tensor.clone().requires_grad_(),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: "text",
        lambda: 3.5,
        lambda: None,
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return rng.choice(changes)()
        except Exception:
            return torch.zeros(1)
