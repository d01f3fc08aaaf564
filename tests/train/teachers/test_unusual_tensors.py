"""Teacher files whose tensors are of unusual kinds, or whose tables hold themselves: one message each, and no file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from medkt.teachers.conversion import convert
from medkt.teachers.networks import build
from medkt_eval.errors import InputError


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return dict(build("densenet40", 2).state_dict())


def last_norm(weights: dict[str, Tensor]) -> str:
    return [name for name in weights if name.startswith("features.") and name.endswith(".weight")][-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensor: tensor.to("meta"), "has no values"),
        (lambda tensor: tensor.to_sparse(), "is a sparse tensor"),
        (lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8), "is a quantised tensor"),
        (lambda tensor: tensor.to(torch.complex64), "holds complex64"),
        (lambda tensor: tensor.to(torch.int8), "holds int8"),
        (lambda tensor: tensor * float("nan"), "holds infinite values or NaN"),
        (lambda tensor: tensor + float("inf"), "holds infinite values or NaN"),
    ],
)
def test_a_tensor_of_an_unusual_kind_is_named(
    weights: dict[str, Tensor], tmp_path: Path, change: Callable[[Tensor], Tensor], words: str
) -> None:
    name = last_norm(weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of making and saving such tensors
        torch.save(weights | {name: change(weights[name])}, tmp_path / "t.pth")
    with pytest.raises(InputError, match=rf"t\.pth: .*{words}") as refused:
        convert(tmp_path / "t.pth", tmp_path / "made" / "t.safetensors", "densenet40")
    assert name in str(refused.value)
    assert not (tmp_path / "made" / "t.safetensors").exists()


def test_a_table_that_holds_itself_ends(weights: dict[str, Tensor], tmp_path: Path) -> None:
    table: dict[str, object] = {}
    table["model"] = {"again": table}
    torch.save(table, tmp_path / "none.pth")
    with pytest.raises(InputError, match="expected the weights of a densenet40"):
        convert(tmp_path / "none.pth", tmp_path / "none.safetensors", "densenet40")
    torch.save({"model": table, "state_dict": weights}, tmp_path / "t.pth")
    convert(tmp_path / "t.pth", tmp_path / "t.safetensors", "densenet40")


def test_labels_that_cannot_be_printed_are_refused_before_anything_is_written(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save(weights, tmp_path / "t.pth")
    for labels in ("Edema\x1b,Mass", "x" * 5000 + ",Mass"):
        with pytest.raises(InputError, match="--labels: label"):
            convert(tmp_path / "t.pth", tmp_path / "t.safetensors", "densenet40", labels)
    assert not (tmp_path / "t.safetensors").exists()


@pytest.mark.skipif(os.name == "nt", reason="FIFOs are of POSIX")
def test_a_fifo_in_the_place_of_a_teacher_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.pth")
    with pytest.raises(InputError, match=r"t\.pth"):
        convert(tmp_path / "t.pth", tmp_path / "t.safetensors", "densenet40")
