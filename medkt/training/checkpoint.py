"""Where a run stands, on disk, so that a run that was stopped goes on to the same bits.

In: tensors and numbers of a run after some batch. Out: the same again. A checkpoint is two files: the tensors
(safetensors), then a JSON file with everything else and the hash of the first. Each is written whole or not at all; the
JSON comes last, so a checkpoint without it never was one. The last two are kept: where the newer is damaged, the older
serves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from medkt_eval.runtime.atomic_files import make_folder, remove_folder, write_bytes_atomically, write_text_atomically

_KEPT = 2


@dataclass(frozen=True, order=True)
class Position:
    """The batch that comes next.

    Parameters
    ----------
    epoch : int
        From 1; one more than there are where the run is through.
    batch : int
        Batches of this epoch that are done.
    """

    epoch: int = 1
    batch: int = 0


BEGINNING = Position()


@dataclass(frozen=True)
class Checkpoint:
    """A run after some batch."""

    position: Position
    identity: dict[str, Any]  # what must be the same for the run to go on: settings, weights, split, machine
    numbers: dict[str, Any]
    tensors: dict[str, Tensor]


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Save a checkpoint, then drop all but the last two.

    Raises
    ------
    OSError
        If the disk is full, say; the checkpoints before stay.
    """
    make_folder(folder)
    content = save({name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()})
    position = checkpoint.position
    stem = folder / f"{position.epoch:06d}-{position.batch:07d}"
    described = {
        "format": 1,
        "position": asdict(position),
        "identity": checkpoint.identity,
        "numbers": checkpoint.numbers,
        "tensors": {"sha256": hashlib.sha256(content).hexdigest()},
    }
    write_bytes_atomically(stem.with_suffix(".safetensors"), content)
    write_text_atomically(stem.with_suffix(".json"), json.dumps(described))
    kept = {path.stem for path in _described(folder)[:_KEPT]}
    for path in sorted(folder.iterdir()):  # .json before .safetensors: none is left without its tensors
        if path.stem not in kept:
            path.unlink(missing_ok=True)


def newest(folder: Path) -> Position:
    """Position of the newest checkpoint by name, damaged or not; the beginning where there is none."""
    described = _described(folder)
    return _position(described[0]) if described else BEGINNING


def read(folder: Path) -> tuple[list[Checkpoint], list[str]]:
    """Whole checkpoints, the newest first, and what was wrong with the others.

    Parameters
    ----------
    folder : Path
        Need not exist.

    Returns
    -------
    whole : list of Checkpoint
    damaged : list of str
        One line each.
    """
    whole, damaged = [], []
    for path in _described(folder):
        try:
            whole.append(_read(path))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            damaged.append(f"{path}: damaged checkpoint passed over ({error})")
    return whole, damaged


def remove(folder: Path) -> None:
    """Take a run's checkpoints away."""
    remove_folder(folder)


def _described(folder: Path) -> list[Path]:
    """The JSON files, the newest first."""
    return sorted((path for path in folder.glob("*.json") if not path.name.startswith(".")), reverse=True)


def _position(path: Path) -> Position:
    epoch, batch = path.stem.split("-")
    return Position(int(epoch), int(batch))


def _read(path: Path) -> Checkpoint:
    described: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    content = path.with_suffix(".safetensors").read_bytes()
    if hashlib.sha256(content).hexdigest() != described["tensors"]["sha256"]:
        raise ValueError(f"{path.with_suffix('.safetensors').name} is not the file it was written as")
    return Checkpoint(Position(**described["position"]), described["identity"], described["numbers"], load(content))
