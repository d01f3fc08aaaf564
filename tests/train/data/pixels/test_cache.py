"""The cache of decoded images: each image is decoded once, and a kill or a changed file does no harm."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from medkt.data.collection import Collection
from medkt.data.layouts.phantom import PhantomChestData
from medkt.data.phantom.collections import phantom_chest
from medkt.data.pixels import cache, decoded_store
from medkt.data.pixels import decoding as images
from medkt.run_settings import RunSettings
from medkt.settings import TrainingSettings
from medkt.training.batches import batches
from medkt.training.device import Device
from medkt.training.run_data import Part, RunData
from medkt_eval.errors import InputError

SIZE = 8


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Twelve grey images of 10 x 12 pixels, all different."""
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    made = [tmp_path / "images" / f"{number:02d}.png" for number in range(12)]
    for file in made:
        Image.fromarray(rng.integers(0, 256, (10, 12), dtype=np.uint8)).save(file)
    return made


def collection(files: list[Path], channels: Literal[1, 3] = 1) -> Collection:
    names = np.array([str(file) for file in files], dtype=object)
    return Collection(
        name="made",
        task="multilabel",
        labels=("a",),
        image_ids=names,
        patient_ids=names,
        targets=np.zeros((len(files), 1), dtype=np.float32),
        read=images.reader(names, channels),
        channels=channels,
        files=names,
    )


class Counted:
    """A collection that counts its reads and can fail on request."""

    def __init__(self, files: list[Path], fail_at: int | None = None) -> None:
        plain = collection(files)
        self.read: list[int] = []

        def read(index: int, size_px: int) -> np.ndarray:
            if index == fail_at:
                raise KeyboardInterrupt
            self.read.append(index)
            return plain.read(index, size_px)

        self.collection = replace(plain, read=read)


def decoded(files: list[Path], folder: Path, rows: list[int] | None = None, size: int = SIZE) -> list[int]:
    """Decode through the cache, check every pixel against Pillow, and say which images were read for it."""
    counted = Counted(files)
    chosen = np.arange(len(files)) if rows is None else np.array(rows)
    found = cache.decoded(counted.collection, chosen, size, folder)
    assert len(found) == len(chosen)
    expected = images.load(collection(files), chosen, size)
    assert np.array_equal(found[:], expected)
    assert np.array_equal(found[np.array([1, 0])], expected[[1, 0]])
    return sorted(counted.read)


def entry(folder: Path) -> Path:
    (only,) = folder.iterdir()
    return only


def test_images_are_those_of_pillow_and_decoded_once(files: list[Path], tmp_path: Path):
    assert decoded(files, tmp_path / "cache") == list(range(12))
    assert decoded(files, tmp_path / "cache") == []
    about = json.loads((entry(tmp_path / "cache") / "about.json").read_text())
    assert about["size_px"] == SIZE
    assert about["images"] == str(tmp_path / "images")
    assert (entry(tmp_path / "cache") / "pixels.u8").stat().st_size == 12 * SIZE * SIZE


def test_colour(files: list[Path], tmp_path: Path):
    rng = np.random.default_rng(1)
    for file in files:
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(file)
    rows = np.array([3, 1])
    found = cache.decoded(collection(files, channels=3), rows, SIZE, tmp_path / "cache")
    assert np.array_equal(found[:], images.load(collection(files, channels=3), rows, SIZE))
    grey = cache.decoded(collection(files), rows, SIZE, tmp_path / "cache")
    assert grey[:].shape == (2, 1, SIZE, SIZE)


def test_some_images_first_and_others_later(files: list[Path], tmp_path: Path):
    assert decoded(files, tmp_path / "cache", [7, 2]) == [2, 7]
    assert decoded(files, tmp_path / "cache", [2, 5, 7]) == [5]
    assert decoded(files[:3], tmp_path / "cache") == [0, 1]


def test_a_changed_file_alone_is_decoded_again(files: list[Path], tmp_path: Path):
    Image.fromarray(np.full((10, 12), 100, dtype=np.uint8)).save(files[4], "BMP")
    decoded(files, tmp_path / "cache")
    before = cache.decoded(collection(files), np.arange(12), SIZE, tmp_path / "cache")
    changed, size = files[4].stat().st_mtime_ns, files[4].stat().st_size
    Image.fromarray(np.full((10, 12), 200, dtype=np.uint8)).save(files[4], "BMP")
    os.utime(files[4], ns=(0, changed + 1))
    assert files[4].stat().st_size == size
    assert decoded(files, tmp_path / "cache") == [4]
    assert decoded(files, tmp_path / "cache") == []
    assert (before[4] == 100).all(), "what a running training reads must not change under it"
    with files[4].open("ab") as file:
        file.write(b"more")
    os.utime(files[4], ns=(0, changed + 1))
    assert decoded(files, tmp_path / "cache") == [4]


def test_a_file_that_was_touched_or_is_a_copy_is_known_by_its_content(files: list[Path], tmp_path: Path):
    shutil.copyfile(files[0], files[1])
    assert decoded(files, tmp_path / "cache") == [0, *range(2, 12)]
    os.utime(files[5])
    assert decoded(files, tmp_path / "cache") == []
    assert (entry(tmp_path / "cache") / "pixels.u8").stat().st_size == 11 * SIZE * SIZE


@pytest.mark.parametrize("change", ["size", "decoding", "pillow"])
def test_another_size_or_way_of_decoding_is_another_entry(
    change: str, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    decoded(files, tmp_path / "cache")
    if change == "decoding":
        monkeypatch.setattr(images, "DECODING", images.DECODING + 1)
    if change == "pillow":
        monkeypatch.setattr("PIL.__version__", "0.0.1")
    size = SIZE + 1 if change == "size" else SIZE
    assert decoded(files, tmp_path / "cache", size=size) == list(range(12))
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_what_was_decoded_before_an_interruption_is_kept(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(decoded_store, "_BLOCK_IMAGES", 5)
    with pytest.raises(KeyboardInterrupt):
        cache.decoded(Counted(files, fail_at=7).collection, np.arange(12), SIZE, tmp_path / "cache")
    assert decoded(files, tmp_path / "cache") == list(range(5, 12))


def test_progress_counts_to_the_end_and_can_stop_the_reading(files: list[Path], tmp_path: Path):
    shutil.copyfile(files[0], files[1])
    told: list[tuple[int, int]] = []
    cache.decoded(collection(files), np.arange(12), SIZE, tmp_path / "cache", progress=lambda *now: told.append(now))
    assert told == [(done, 12) for done in range(1, 13)]
    cache.decoded(collection(files), np.arange(12), SIZE, tmp_path / "cache", progress=lambda *now: told.append(now))
    assert len(told) == 12

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.decoded(collection(files), np.arange(12), SIZE, tmp_path / "other", progress=stop)


@pytest.mark.parametrize("name", ["pixels.u8", "index.bin"])
@pytest.mark.parametrize("left", [0, 5 * 64 + 7])
def test_a_truncated_file_costs_only_what_is_gone(name: str, left: int, files: list[Path], tmp_path: Path):
    decoded(files, tmp_path / "cache")
    os.truncate(entry(tmp_path / "cache") / name, left)
    item = SIZE * SIZE if name == "pixels.u8" else decoded_store.RECORD.itemsize
    kept = left // item
    # Whether the first or the last to be decoded are asked for first: a stale record must never point at a new image.
    assert decoded(files, tmp_path / "cache", [10, 11]) == ([10, 11] if kept < 11 else [])
    assert decoded(files, tmp_path / "cache") == list(range(kept, 10))
    assert decoded(files, tmp_path / "cache") == []


@pytest.mark.parametrize("name", ["pixels.u8", "index.bin"])
def test_half_an_image_or_record_at_the_end_is_written_over(name: str, files: list[Path], tmp_path: Path):
    decoded(files, tmp_path / "cache", [0, 1, 2])
    with (entry(tmp_path / "cache") / name).open("ab") as file:
        file.write(b"\xff" * 50)
    assert decoded(files, tmp_path / "cache", [0, 1, 2]) == []
    assert decoded(files, tmp_path / "cache") == list(range(3, 12))


def test_a_lost_file_is_made_again(files: list[Path], tmp_path: Path):
    for name in ("pixels.u8", "index.bin"):
        decoded(files, tmp_path / "cache")
        (entry(tmp_path / "cache") / name).unlink()
        assert decoded(files, tmp_path / "cache") == list(range(12))


BUILD = """
import sys
import time
from pathlib import Path
from typing import Literal
import numpy as np
sys.path.insert(0, {here!r})
from test_cache import Counted, SIZE
from medkt.data.pixels import cache, decoded_store
decoded_store._BLOCK_IMAGES = 2
counted = Counted(sorted(Path({images!r}).iterdir()))
def say(done, total):
    print("done", done, flush=True)
    if done == 7:
        sys.stdin.readline()
print("begins", flush=True)
cache.decoded(counted.collection, np.arange(12), SIZE, Path({folder!r}), progress=say)
print("read", *sorted(counted.read), flush=True)
"""


def build(files: list[Path], folder: Path, until: str) -> subprocess.Popen[str]:
    """Start a process that decodes all images but waits after the seventh. It has printed `until`."""
    code = BUILD.format(here=str(Path(__file__).parent), images=str(files[0].parent), folder=str(folder))
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while process.stdout.readline() != f"{until}\n":
        assert process.poll() is None
    return process


def test_two_processes_that_build_at_once_share_the_work(files: list[Path], tmp_path: Path):
    first = build(files, tmp_path / "cache", "done 7")
    second = build(files, tmp_path / "cache", "begins")
    time.sleep(0.5)  # long enough for it to decode something if nothing held it back
    said = [process.communicate("\n", timeout=120)[0] for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert said[0].endswith(f"read {' '.join(map(str, range(12)))}\n")
    assert said[1] == "read\n"
    assert decoded(files, tmp_path / "cache") == []


def test_a_killed_build_lets_go_and_is_gone_on_with(files: list[Path], tmp_path: Path):
    process = build(files, tmp_path / "cache", "done 7")
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert decoded(files, tmp_path / "cache") == [*range(6, 12)]


def test_a_whole_cache_is_read_where_nothing_can_be_written(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    decoded(files[:5], tmp_path / "cache")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    assert decoded(files[:5], tmp_path / "cache") == []
    with pytest.raises(OSError, match=r"Permission denied \(decoded images are kept there; --cache or MEDKT") as error:
        decoded(files, tmp_path / "cache")
    assert str(error.value.filename).startswith(str(tmp_path / "cache" / "made-8px-"))
    with pytest.raises(NotADirectoryError, match="MEDKT_CACHE"):
        decoded(files, files[0])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder(files: list[Path], tmp_path: Path):
    decoded(files[:5], tmp_path / "cache")
    for path in (*entry(tmp_path / "cache").iterdir(), entry(tmp_path / "cache")):
        path.chmod(0o555)
    assert decoded(files[:5], tmp_path / "cache") == []
    with pytest.raises(PermissionError, match="MEDKT_CACHE"):
        decoded(files, tmp_path / "cache")


def test_a_full_disk_is_told_before_and_leaves_nothing_half(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    decoded(files[:5], tmp_path / "cache")
    with monkeypatch.context() as patch:
        usage = shutil.disk_usage(tmp_path)._replace(free=3 * SIZE * SIZE)
        patch.setattr(shutil, "disk_usage", lambda _folder: usage)
        with pytest.raises(OSError, match=r"4.48e-07 GB are needed and 1.92e-07 GB are free") as error:
            decoded(files, tmp_path / "cache")
        assert error.value.errno == errno.ENOSPC

    def full(file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:  # another program took the room in the meantime
        patch.setattr(decoded_store, "_to_disk", full)
        with pytest.raises(OSError, match="No space left on device"):
            decoded(files, tmp_path / "cache")
    assert decoded(files[:5], tmp_path / "cache") == []
    assert decoded(files, tmp_path / "cache") == list(range(5, 12))


def test_a_broken_or_absent_image_is_named_and_the_others_are_kept(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(decoded_store, "_BLOCK_IMAGES", 4)
    whole = files[9].read_bytes()
    files[9].write_bytes(whole[:40])
    with pytest.raises(InputError, match=r"09.png: cannot be read as an image"):
        decoded(files, tmp_path / "cache")
    files[9].unlink()
    with pytest.raises(InputError, match=r"09.png: cannot be read \(No such file"):
        decoded(files, tmp_path / "cache")
    files[9].write_bytes(whole)
    assert decoded(files, tmp_path / "cache") == list(range(8, 12))


def test_drawn_images_lie_in_memory_or_in_a_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn = phantom_chest(patients=5, seed=0)
    rows = np.arange(len(drawn))
    told: list[int] = []
    small = cache.decoded(drawn, rows, 32, tmp_path / "cache", progress=lambda done, _all: told.append(done))
    assert not (tmp_path / "cache").exists()
    assert told == list(range(1, len(drawn) + 1))
    monkeypatch.setattr(cache, "MOST_DRAWN_IN_MEMORY", 32 * 32)
    monkeypatch.setattr(decoded_store, "_BLOCK_IMAGES", 3)
    large = cache.decoded(drawn, rows, 32, tmp_path / "cache")
    assert large.mapping is not None
    assert list((tmp_path / "cache").iterdir()) == []
    assert np.array_equal(large[:], small[:])
    assert np.array_equal(small[:], images.load(drawn, rows, 32))


def test_splits_share_one_array(files: list[Path], tmp_path: Path):
    found = cache.decoded(collection(files), np.arange(12), SIZE, tmp_path / "cache")
    some = found.only(np.array([8, 3]))
    assert some.stored is found.stored
    assert np.array_equal(some[:], found[np.array([8, 3])])
    assert np.array_equal(some[1], found[3])


def test_training_batches_are_the_same_from_the_map_and_from_memory_in_any_epoch_first(
    files: list[Path], tmp_path: Path
):
    torch.set_num_threads(1)
    made = collection(files)
    data = PhantomChestData(collection="phantom-chest", patients=3, validation_size=1, test_size=1)
    run = RunSettings(
        run_id="made-s3",
        role="arm",
        name="made",
        dataset="made",
        data=data,
        train_size=None,
        method="supervised",
        student="densenet40",
        seed=3,
        initialisation="random",
        training=TrainingSettings(image_size_px=32, batch_size=5),
    )
    mapped = cache.decoded(made, np.arange(12), 32, tmp_path / "cache").only(np.arange(1, 12))
    parts = [Part(pixels, made.targets[1:], made.image_ids[1:]) for pixels in (mapped, mapped[:])]
    mine, theirs = (RunData("multilabel", made.labels, part, part, part) for part in parts)
    cpu = Device(torch.device("cpu"))
    third, *two = ([images for images, _, _ in batches(run, mine, epoch, cpu)] for epoch in (3, 1, 2))
    in_order = [[images for images, _, _ in batches(run, theirs, epoch, cpu)] for epoch in (1, 2, 3)]
    for ours, expected in zip([*two, third], in_order, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, expected, strict=True))
    assert [len(batch) for batch in third] == [5, 6]
    assert not torch.equal(third[0], two[0][0])


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("MEDKT_CACHE", raising=False)
    assert cache.default_folder() == tmp_path / ".cache" / "medkt"
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch/me")
    assert cache.default_folder() == Path("/scratch/me/medkt")
    monkeypatch.setenv("MEDKT_CACHE", "~/images")
    assert cache.default_folder() == tmp_path / "images"


@pytest.mark.real
def test_real_images_come_back_as_pillow_reads_them(real_data: Path, tmp_path: Path):
    for name, channels in (("nih-chestxray", 1), ("retina-rahim", 3)):
        some = collection(sorted((real_data / name / "images").iterdir())[:20], channels)
        rows = np.arange(20)
        found = cache.decoded(some, rows, 64, tmp_path / "cache")
        assert np.array_equal(found[:], images.load(some, rows, 64))
