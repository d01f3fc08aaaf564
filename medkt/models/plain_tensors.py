"""Which tensors of a file can be the weights of a network: dense, in memory, of finite floating-point numbers.

In: names and tensors. Out: nothing, or an error that names the first tensor of another kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.names import shown

_COUNTER = "num_batches_tracked"  # BatchNorm's, a whole number


def check_plain(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors whose values cannot be copied into a network.

    Raises
    ------
    InputError
        If one is sparse, quantised, nested, complex or of whole numbers, or has no values (torch's meta device).
    """
    for name, tensor in weights.items():
        kind = _kind(tensor, name)
        if kind:
            raise InputError(
                f"{path}: {shown(name)} {kind}; expected dense floating-point numbers: save the network's "
                "state_dict() as it was trained"
            )


def check_finite(weights: Mapping[str, Tensor], names: Iterable[str], path: Path) -> None:
    """Refuse weights that are infinite or no number: every output of the network would be none.

    Raises
    ------
    InputError
        Naming the first such tensor.
    """
    for name in names:
        if not torch.isfinite(weights[name]).all():
            raise InputError(
                f"{path}: {shown(name)} holds infinite values or NaN; name a network that was trained well"
            )


def _kind(tensor: Tensor, name: str) -> str:
    if tensor.is_nested:
        return "is a nested tensor"
    if tensor.layout is not torch.strided:
        return "is a sparse tensor"
    if tensor.is_meta:
        return "has no values (it is on torch's meta device)"
    if tensor.is_quantized:
        return "is a quantised tensor"
    if not tensor.is_floating_point() and not name.endswith(_COUNTER):
        return f"holds {str(tensor.dtype).removeprefix('torch.')}"
    return ""
