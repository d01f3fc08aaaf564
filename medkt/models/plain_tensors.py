"""Read files of torch.save without running code, and say which tensors can be the weights of a network.

In: a file; names and tensors. Out: its content; nothing, or an error that names the first tensor that is not dense, in
memory and of finite floating-point numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.files import open_file
from medkt_eval.runtime.reading.names import shown

_BEGIN_BYTES = 512
_COUNTER = "num_batches_tracked"  # BatchNorm's, a whole number


def load_without_code(path: Path) -> object:
    """What a file of torch.save holds. A pickle can run code; with `weights_only`, torch refuses what could.

    Raises
    ------
    OSError
        If it is absent or not a regular file.
    Exception
        Of many kinds, if it is damaged; `pickle.UnpicklingError` if it holds more than tensors.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of protocols and sparse tensors; it reads them or raises an error
        with open_file(path) as file:
            return torch.load(file, map_location="cpu", weights_only=True)


def check_no_text(path: Path) -> None:
    """Refuse text in place of weights: a web page, a Git LFS pointer, or the message of a server.

    Raises
    ------
    InputError
        Saying what the file is, and what to do.
    """
    with open_file(path) as file:
        begin = file.read(_BEGIN_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith(b"version https://git-lfs"):
        raise InputError(f"{path}: is a Git LFS pointer, not the weights; run git lfs pull in its repository")
    if begin.lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise InputError(
            f"{path}: is a web page, not weights: the download asked for a confirmation or a login; fetch it again, "
            "in a browser or with the program that the publisher names"
        )
    if begin and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in begin):
        raise InputError(f"{path}: holds text ({shown(begin[:40].decode())}...), not weights; fetch it again")


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
