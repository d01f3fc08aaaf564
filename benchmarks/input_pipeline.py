"""How long training waits for its images, compared with torchvision's ImageFolder, and what the cache costs.

python benchmarks/input_pipeline.py                          ratios on the real images (MEDKT_DATA) and on large ones
python benchmarks/input_pipeline.py --training               share of a training step that is input, at 64 px
python benchmarks/input_pipeline.py --memory 5000 256        phantom images through the cache: bytes and memory (Linux)
python benchmarks/input_pipeline.py --mapped                 one epoch over 14.7 GB, from a sparse file of zeros
python benchmarks/input_pipeline.py --checksums              one epoch with and without the checksum of each image

Everything runs on one core with one torch thread. Both pipelines give the same batches of 32 normalised float32 images,
rotated by up to 15 degrees and mirrored at random. torchvision's pipeline is ImageFolder, Resize, CenterCrop,
RandomRotation, RandomHorizontalFlip, ToTensor and Normalize in a DataLoader without workers. Times are CPU seconds of
the process, with files in the system's cache. A round measures both pipelines, and the ratio is taken within the round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.transforms import InterpolationMode

from medkt.data.collection import Collection
from medkt.data.layouts.phantom import PhantomChestData
from medkt.data.phantom.collections import phantom_chest
from medkt.data.pixels import augment, cache
from medkt.data.pixels import decoding as images
from medkt.data.pixels.pixels import Pixels
from medkt.models import densenet
from medkt.run_settings import RunSettings
from medkt.settings import TrainingSettings
from medkt.training.batches import batches
from medkt.training.device import Device
from medkt.training.losses import task_loss
from medkt.training.run_data import Part, RunData

ROUNDS, BATCH = 5, 32
CPU = Device(torch.device("cpu"), False)
CHEXPERT = 223_648  # images


def collection(files: Sequence[Path], channels: int) -> Collection:
    """Make a collection of image files without labels."""
    names = np.array([str(file) for file in files], dtype=object)
    targets = np.zeros((len(files), 14), dtype=np.float32)
    return Collection(
        "benchmark",
        "multilabel",
        tuple("abcdefghijklmn"),
        names,
        names,
        targets,
        images.reader(names, channels),
        channels=1 if channels == 1 else 3,
        files=names,
    )


def settings(size_px: int) -> RunSettings:
    return RunSettings(
        run_id="benchmark-s0",
        role="arm",
        name="b",
        dataset="b",
        train_size=None,
        seed=0,
        method="supervised",
        data=PhantomChestData(collection="phantom-chest", patients=3, validation_size=1, test_size=1),
        student="densenet40",
        initialisation="random",
        training=TrainingSettings(image_size_px=size_px, batch_size=BATCH),
    )


def through_cache(data: Collection, size_px: int, folder: Path) -> Part:
    pixels = cache.decoded(data, np.arange(len(data)), size_px, folder)
    return Part(pixels, data.targets, data.image_ids)


def run_data(part: Part) -> RunData:
    """Make the data of a run that trains on `part`."""
    labels = tuple(f"label {k}" for k in range(part.targets.shape[1]))
    return RunData("multilabel", labels, train=part, validation=part, test=part)


def medkt_epochs(part: Part, size_px: int, n: int) -> float:
    """Measure CPU seconds per image over complete epochs with at least `n` images."""
    run, epoch, done, began = settings(size_px), 0, 0, time.process_time()
    while done < n:
        epoch += 1
        done += sum(len(rows) for _, _, rows in batches(run, run_data(part), epoch, CPU))
    return (time.process_time() - began) / done


def torchvision_epoch(folder: Path, size_px: int, rotation: InterpolationMode) -> float:
    """Measure CPU seconds per image over one epoch of an ImageFolder."""
    steps = [
        transforms.Resize(size_px),
        transforms.CenterCrop(size_px),
        transforms.RandomRotation(15, interpolation=rotation),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(augment.MEAN, augment.STD),
    ]
    loader = DataLoader(datasets.ImageFolder(folder, transforms.Compose(steps)), BATCH, shuffle=True)
    began = time.process_time()
    done = sum(len(batch) for batch, _ in loader)
    return (time.process_time() - began) / done


def linked(files: Sequence[Path], root: Path) -> Path:
    """Make an ImageFolder of one class that links to `files`."""
    (root / "all").mkdir(parents=True)
    for file in files:
        (root / "all" / file.name).symlink_to(file)
    return root


def at_official_size(files: Sequence[Path], side_px: int, mode: str, folder: Path) -> list[Path]:
    """Enlarge real images to PNG of 1024 px or JPEG of 2592 px. Added noise makes them compress like scans."""
    folder.mkdir()
    enlarged = []
    for number, file in enumerate(files):
        rng = np.random.default_rng(number)
        with Image.open(file) as opened:
            large = opened.convert(mode).resize((side_px, round(side_px * opened.height / opened.width)))
        noisy = np.asarray(large) + rng.normal(0, 2, np.asarray(large).shape)
        enlarged.append(folder / (file.stem + (".png" if mode == "L" else ".jpg")))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(enlarged[-1], quality=90)
    return enlarged


def ratios(data: Path, scratch: Path) -> None:
    grey = sorted((data / "nih-chestxray" / "images").iterdir())
    colour = sorted((data / "retina-rahim" / "images").iterdir())
    sets = {
        "NIH, 256 px grey PNG": (1, grey[:200]),
        "retina, 320 px RGB JPEG": (3, colour[:200]),
        "1024 px grey PNG": (1, at_official_size(grey[:48], 1024, "L", scratch / "png")),
        "2592 px RGB JPEG": (3, at_official_size(colour[:24], 2592, "RGB", scratch / "jpg")),
    }
    print(
        "| images | to px | medkt, ms | torchvision, ms | ratio, median (range) | ratio, nearest-neighbour rotation |"
    )
    print("|---|---|---|---|---|---|")
    for name, (channels, files) in sets.items():
        folder = linked(files, scratch / name.replace(" ", "-"))
        for size_px in (64, 256):
            part = through_cache(collection(files, channels), size_px, scratch / "cache")
            rounds = [
                (
                    medkt_epochs(part, size_px, 2000 if size_px == 64 else 200),
                    torchvision_epoch(folder, size_px, InterpolationMode.BILINEAR),
                    torchvision_epoch(folder, size_px, InterpolationMode.NEAREST),
                )
                for _ in range(ROUNDS)
            ]
            ours, theirs, _ = (1000 * statistics.median(times) for times in zip(*rounds, strict=True))
            print(
                f"| {name} | {size_px} | {ours:.3f} | {theirs:.2f} | {_span([b / a for a, b, _ in rounds])} "
                f"| {_span([c / a for a, _, c in rounds])} |",
                flush=True,
            )


def _span(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def training(data: Path, scratch: Path) -> None:
    """Measure the share of an epoch's time in which the network waits for its batch."""
    files = sorted((data / "nih-chestxray" / "images").iterdir())
    print("| network | batch | ms an image | of these input, ms | share |\n|---|---|---|---|---|", flush=True)
    for architecture, n in (("densenet40", 320), ("densenet121", 160)):
        part = through_cache(collection(files[:n], 1), 64, scratch / "cache")
        model = densenet.build(architecture, 14, seed=0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.Adam(model.parameters())
        shares, rounds = [], []
        for epoch in range(1, ROUNDS + 1):
            waited, began = 0.0, time.process_time()
            coming = batches(settings(64), run_data(part), epoch, CPU)
            while True:
                start = time.process_time()
                batch = next(coming, None)
                waited += time.process_time() - start
                if batch is None:
                    break
                loss = task_loss("multilabel", model(batch[0]), batch[1])
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
            rounds.append(1000 * (time.process_time() - began) / n)
            shares.append(1000 * waited / n)
        percent = [100 * share / total for share, total in zip(shares, rounds, strict=True)]
        print(
            f"| {architecture} | {BATCH} | {statistics.median(rounds):.1f} | {statistics.median(shares):.2f} "
            f"| {_span(percent)} % |",
            flush=True,
        )


def memory(n: int, size_px: int, scratch: Path) -> None:
    """Build a cache of `n` different phantom images, read an epoch's batches from it, and measure memory."""
    some = phantom_chest(patients=min(n, 400), seed=0)
    drawn = images.load(some, np.arange(min(n, len(some))), size_px)[:, 0]
    (scratch / "png").mkdir()
    files = []
    for number in range(n):  # each phantom is used several times, moved by a pixel
        moved = np.roll(drawn[number % len(drawn)], divmod(number // len(drawn), size_px), axis=(0, 1))
        files.append(scratch / "png" / f"{number:06d}.png")
        Image.fromarray(moved).save(files[-1], compress_level=1)
    data = collection(files, 1)
    del drawn
    _forget_peak()
    start_mb, start = _peak_mb(), time.perf_counter()
    part = through_cache(data, size_px, scratch / "cache")
    built, seconds = _peak_mb() - start_mb, time.perf_counter() - start
    _forget_peak()
    start = time.perf_counter()
    second = through_cache(data, size_px, scratch / "cache")
    reopened, reopening = _peak_mb() - start_mb, time.perf_counter() - start
    _forget_peak()
    for _ in batches(settings(size_px), run_data(part), 1, CPU):
        pass
    read = _peak_mb() - start_mb
    assert np.array_equal(second.pixels[:BATCH], images.load(data, np.arange(BATCH), size_px))
    sizes = {path.name: path.stat().st_size for path in (scratch / "cache").glob("*/*")}
    print(
        "| images | px | pixels.u8, bytes | index.bin, bytes | MB more: building | opening | over an epoch "
        "| s to build | to open |\n|---|---|---|---|---|---|---|---|---|"
    )
    print(
        f"| {n:,} | {size_px} | {sizes['pixels.u8']:,} | {sizes['index.bin']:,} | {built:.0f} | {reopened:.0f} "
        f"| {read:.0f} | {seconds:.0f} | {reopening:.1f} |"
    )
    gigabytes, megabytes = CHEXPERT * 256 * 256 / 1e9, CHEXPERT * sizes["index.bin"] / n / 1e6
    print(
        f"{CHEXPERT:,} images of 256 px: {gigabytes:.2f} GB of pixels, {megabytes:.0f} MB of index; "
        f"the process had {start_mb:.0f} MB before"
    )


def mapped(scratch: Path) -> None:
    """Gather as many images as CheXpert has, at 256 px, once in random order. Every 20th batch is augmented too."""
    with (scratch / "pixels.u8").open("wb") as file:
        file.truncate(CHEXPERT * 256 * 256)
    pixels = Pixels.mapped(scratch / "pixels.u8", np.random.default_rng(0).permutation(CHEXPERT), (1, 256, 256))
    angles, flips = augment.draw(0, 1, BATCH, 15, True)
    before, gathered = 0.0, 0
    for number, begin in enumerate(range(0, CHEXPERT - BATCH, BATCH)):
        batch = torch.from_numpy(pixels[begin : begin + BATCH])
        gathered += batch.numel()
        if number % 20 == 0:
            augment.normalised(
                augment.rotated_and_flipped(batch, torch.from_numpy(angles), torch.from_numpy(flips))
            ).contiguous(memory_format=torch.channels_last)
        if number == 20:  # libraries are loaded and torch has allocated its buffers
            _forget_peak()
            before = _peak_mb()
    print(
        f"{gathered / 1e9:.2f} GB gathered: {_peak_mb() - before:.0f} MB more than the {before:.0f} MB after 20 batches"
    )


def checksums(scratch: Path, n: int = 2000, size_px: int = 256) -> None:
    """Read one epoch of images from the cache, with and without checking them."""
    files = []
    for number in range(n):
        files.append(scratch / f"{number:05d}.bmp")
        noise = np.random.default_rng(number).integers(0, 256, (size_px, size_px), dtype=np.uint8)
        Image.fromarray(noise).save(files[-1])
    part = through_cache(collection(files, 1), size_px, scratch / "cache")
    assert isinstance(part.pixels, Pixels)
    milliseconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for checked, measured in milliseconds.items():
            pixels = part.pixels if checked else replace(part.pixels, checksums=None)
            start = time.process_time()
            for begin in range(0, n, BATCH):
                pixels[np.arange(begin, min(begin + BATCH, n))]
            measured.append(1e3 * (time.process_time() - start) / n)
    without, checked = (statistics.median(milliseconds[which]) for which in (False, True))
    print(f"{without:.3f} ms an image without and {checked:.3f} ms with its checksum")
    print(f"{CHEXPERT:,} images: {CHEXPERT * (checked - without) / 1e3:.1f} s more an epoch")


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    """Return the peak resident memory of the process, including mapped files."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("MEDKT_DATA"), help="folder of the real images")
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--memory", type=int, nargs=2, metavar=("IMAGES", "PX"))
    parser.add_argument("--mapped", action="store_true")
    parser.add_argument("--checksums", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        if options.memory:
            n, size_px = options.memory
            memory(n, size_px, Path(scratch))
        elif options.mapped:
            mapped(Path(scratch))
        elif options.checksums:
            checksums(Path(scratch))
        elif options.data is None:
            parser.error("--data or MEDKT_DATA must name the folder of real images")
        elif options.training:
            training(options.data, Path(scratch))
        else:
            ratios(options.data, Path(scratch))


if __name__ == "__main__":
    main()
