"""The files of a checkpoint.

In: the tensors and numbers of a run after some batch. Out: the same values again. A checkpoint is two files: the
tensors (safetensors), and a JSON file with everything else and the hash of the first. Each file is written atomically
and the JSON file last, so a checkpoint is complete if its JSON file exists. The last two checkpoints are kept: if the
newest is damaged, the run resumes from the one before.
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
        From 1. After the last epoch of a run, the number of epochs plus one.
    batch : int
        Number of batches of this epoch that are done.
    """

    epoch: int = 1
    batch: int = 0

    def next_batch(self) -> Position:
        """Return the position after one more batch."""
        return Position(self.epoch, self.batch + 1)

    def next_epoch(self) -> Position:
        """Return the beginning of the next epoch."""
        return Position(self.epoch + 1)


BEGINNING = Position()


@dataclass(frozen=True)
class Checkpoint:
    """A run after some batch."""

    position: Position
    identity: dict[str, Any]  # what must not change when the run resumes: settings, weights, split, machine
    numbers: dict[str, Any]
    tensors: dict[str, Tensor]


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, then remove all but the last two.

    Raises
    ------
    OSError
        If it cannot be written, for example because the disk is full. Earlier checkpoints are kept.
    """
    make_folder(folder)
    content = save({name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()})
    position = checkpoint.position
    stem = folder / f"{position.epoch:06d}-{position.batch:07d}"
    description = {
        "format": 1,
        "position": asdict(position),
        "identity": checkpoint.identity,
        "numbers": checkpoint.numbers,
        "tensors": {"sha256": hashlib.sha256(content).hexdigest()},
    }
    write_bytes_atomically(stem.with_suffix(".safetensors"), content)
    write_text_atomically(stem.with_suffix(".json"), json.dumps(description))
    kept = {path.stem for path in _json_files(folder)[:_KEPT]}
    for path in sorted(folder.iterdir()):  # .json before .safetensors, so that no JSON file is left without its tensors
        if path.stem not in kept:
            path.unlink(missing_ok=True)


def newest(folder: Path) -> Position:
    """Return the position of the newest checkpoint by its name, damaged or not; the beginning if there is none."""
    paths = _json_files(folder)
    return _position(paths[0]) if paths else BEGINNING


def read(folder: Path) -> tuple[list[Checkpoint], list[str]]:
    """Read all checkpoints of a run.

    Parameters
    ----------
    folder : Path
        Need not exist.

    Returns
    -------
    complete : list of Checkpoint
        The newest first.
    damaged : list of str
        One line about each checkpoint that cannot be used.
    """
    complete, damaged = [], []
    for path in _json_files(folder):
        try:
            complete.append(_read(path))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            damaged.append(f"{path}: damaged checkpoint skipped ({error})")
    return complete, damaged


def remove(folder: Path) -> None:
    """Remove a run's checkpoints."""
    remove_folder(folder)


def _json_files(folder: Path) -> list[Path]:
    """Return the JSON files, the newest first."""
    return sorted((path for path in folder.glob("*.json") if not path.name.startswith(".")), reverse=True)


def _position(path: Path) -> Position:
    epoch, batch = path.stem.split("-")
    return Position(int(epoch), int(batch))


def _read(path: Path) -> Checkpoint:
    description: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    content = path.with_suffix(".safetensors").read_bytes()
    if hashlib.sha256(content).hexdigest() != description["tensors"]["sha256"]:
        raise ValueError(f"{path.with_suffix('.safetensors').name} has another hash than when it was written")
    return Checkpoint(
        Position(**description["position"]), description["identity"], description["numbers"], load(content)
    )
