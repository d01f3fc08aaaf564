"""Flipped bytes in the store of decoded images: never trained on, never an image of another file."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data.collection import Collection
from medkt.data.pixels import cache, decoded_store
from medkt.data.pixels import decoding as images
from medkt.data.pixels.pixels import Pixels
from medkt_eval.errors import InputError

SIZE, N = 8, 12


@pytest.fixture
def store(tmp_path: Path):
    """Twelve different images: decode them through the store, and say which were read from their files for it."""
    files = np.array([str(tmp_path / f"{number:02d}.png") for number in range(N)], dtype=object)
    rng = np.random.default_rng(0)
    for file in files:
        Image.fromarray(rng.integers(0, 256, (10, 12), dtype=np.uint8)).save(file)
    plain = Collection(
        name="made",
        task="multilabel",
        labels=("a",),
        image_ids=files,
        patient_ids=files,
        targets=np.zeros((N, 1), dtype=np.float32),
        read=images.reader(files, 1),
        channels=1,
        files=files,
    )

    def decode() -> tuple[Pixels, list[int]]:
        read: list[int] = []

        def counting(index: int, size_px: int) -> np.ndarray:
            read.append(index)
            return plain.read(index, size_px)

        found = cache.decoded(replace(plain, read=counting), np.arange(N), SIZE, tmp_path / "cache")
        return found, sorted(read)

    expected = decode()[0][:]
    (folder,) = (tmp_path / "cache").iterdir()
    return decode, folder, expected


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("at", range(0, N * SIZE * SIZE, 97))
def test_a_flipped_byte_of_an_image_is_refused_where_it_is_read(at: int, store):
    decode, folder, expected = store
    flip(folder / "pixels.u8", at)
    damaged, (found, _) = at // (SIZE * SIZE), decode()
    others = np.array([n for n in range(N) if n != damaged])
    assert np.array_equal(found[others], expected[others])
    message = rf"pixels\.u8: the decoded image at position {damaged} is damaged: .*; delete the folder .*cache/made-8px"
    for which in (damaged, slice(None), np.array([damaged])):
        with pytest.raises(InputError, match=message):
            found[which]
    shutil.rmtree(folder)
    assert np.array_equal(decode()[0][:], expected)


@pytest.mark.parametrize("at", range(decoded_store.RECORD.itemsize))
def test_a_flipped_byte_of_a_record_costs_one_image(at: int, store):
    decode, folder, expected = store
    flip(folder / "index.bin", 5 * decoded_store.RECORD.itemsize + at)
    found, read = decode()
    assert read == [5]
    assert np.array_equal(found[:], expected)
    assert decode()[1] == []
