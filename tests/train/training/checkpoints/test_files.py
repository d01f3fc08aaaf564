"""Files of checkpoints: damage, replacement and older ones."""

import json
from pathlib import Path

import pytest
import torch

from medkt.training.checkpoints import files
from medkt.training.checkpoints.files import Checkpoint, Position


def made(epoch: int, batch: int = 0) -> Checkpoint:
    tensors = {"network/a": torch.arange(6.0).reshape(2, 3) * epoch, "network/n": torch.tensor(epoch)}
    return Checkpoint(Position(epoch, batch), {"settings": {"epochs": 9}}, {"sums": [0.1 + 0.2, 1 / 3]}, tensors)


def test_what_comes_back_is_what_was_saved_to_the_bit(tmp_path: Path):
    files.write(tmp_path / "c", made(3, 2))
    (back,), damaged = files.read(tmp_path / "c")
    assert (back.position, back.identity, back.numbers, damaged) == (
        Position(3, 2),
        {"settings": {"epochs": 9}},
        {"sums": [0.1 + 0.2, 1 / 3]},
        [],
    )
    assert all(torch.equal(back.tensors[name], tensor) for name, tensor in made(3).tensors.items())


def test_the_last_two_are_kept_and_the_newest_comes_first(tmp_path: Path):
    assert files.newest(tmp_path) == Position(1, 0)
    for epoch, batch in ((9, 0), (10, 0), (10, 12), (11, 0)):
        files.write(tmp_path, made(epoch, batch))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000010-0000012.json",
        "000010-0000012.safetensors",
        "000011-0000000.json",
        "000011-0000000.safetensors",
    ]
    assert files.newest(tmp_path) == Position(11, 0)
    assert [one.position for one in files.read(tmp_path)[0]] == [Position(11, 0), Position(10, 12)]


@pytest.mark.parametrize("damage", ["half the tensors", "one bit", "no tensors", "half the json", "other json"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path, damage: str):
    for epoch in (2, 3):
        files.write(tmp_path, made(epoch))
    tensors, described = tmp_path / "000003-0000000.safetensors", tmp_path / "000003-0000000.json"
    content = bytearray(tensors.read_bytes())
    if damage == "half the tensors":
        tensors.write_bytes(content[: len(content) // 2])
    elif damage == "one bit":
        content[-1] ^= 1
        tensors.write_bytes(content)
    elif damage == "no tensors":
        tensors.unlink()
    elif damage == "half the json":
        described.write_text(described.read_text()[:40])
    else:
        described.write_text(json.dumps({"format": 1}))
    whole, damaged = files.read(tmp_path)
    assert [one.position for one in whole] == [Position(2)]
    assert len(damaged) == 1
    assert "000003-0000000.json: damaged checkpoint skipped" in damaged[0]


def test_a_checkpoint_in_the_making_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files.write(tmp_path, made(2))

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_text_atomically", full_disk)
    with pytest.raises(OSError, match="No space left"):
        files.write(tmp_path, made(3))
    assert [one.position for one in files.read(tmp_path)[0]] == [Position(2)]
    monkeypatch.undo()
    files.write(tmp_path, made(3))  # what lay about does no harm
    assert [one.position for one in files.read(tmp_path)[0]] == [Position(3), Position(2)]
