"""How long training waits for its images, beside torchvision's ImageFolder, and what the cache needs.

python benchmarks/input_pipeline.py                          ratios on the real images (MEDKT_DATA) and on large ones
python benchmarks/input_pipeline.py --training               share of a training step that is input, at 64 px
python benchmarks/input_pipeline.py --memory 5000 256        phantom images through the cache: bytes and memory (Linux)

One core, one torch thread. Both pipelines give the same: batches of 32 normalised float32 images, rotated by up to 15
degrees, mirrored or not. torchvision's is ImageFolder, Resize, CenterCrop, RandomRotation, RandomHorizontalFlip,
ToTensor, Normalize in a DataLoader without workers. Times are CPU seconds of the process, files in the system's cache;
a round measures the two one after the other, and the ratio is taken within a round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.transforms import InterpolationMode

from medkt.config import RunSettings, TrainingSettings
from medkt.data import augment, cache, images
from medkt.data.collection import Collection
from medkt.data.phantom import phantom_chest
from medkt.data_settings import PhantomChestData
from medkt.models import densenet
from medkt.trainer import Part, batches, task_loss

ROUNDS, BATCH = 5, 32
CHEXPERT = 223_648  # images


def collection(files: Sequence[Path], channels: int) -> Collection:
    """Image files without labels."""
    names = np.array([str(file) for file in files], dtype=object)
    targets = np.zeros((len(files), 14), dtype=np.float32)
    return Collection("benchmark", "multilabel", tuple("abcdefghijklmn"), names, names, targets,
                      images.reader(names, channels), channels=1 if channels == 1 else 3, files=names)  # fmt: skip


def settings(size_px: int, batch: int = BATCH) -> RunSettings:
    data = PhantomChestData(collection="phantom-chest", patients=3, validation_size=1, test_size=1)
    training = TrainingSettings(image_size_px=size_px, batch_size=batch)
    return RunSettings(run_id="benchmark-s0", role="arm", name="b", dataset="b", data=data, train_size=None, seed=0,
                       method="supervised", student="densenet40", initialisation="random", training=training)  # fmt: skip


def through_cache(made: Collection, size_px: int, folder: Path) -> Part:
    pixels = cache.decoded(made, np.arange(len(made)), size_px, folder)
    return Part(pixels, made.targets, made.image_ids)


def medkt_epochs(part: Part, size_px: int, n: int) -> float:
    """CPU seconds an image over whole epochs of at least `n` images."""
    run, epoch, done, began = settings(size_px), 0, 0, time.process_time()
    while done < n:
        epoch += 1
        done += sum(len(rows) for _, _, rows in batches(run, part, epoch, torch.device("cpu")))
    return (time.process_time() - began) / done


def torchvision_epoch(folder: Path, size_px: int, rotation: InterpolationMode) -> float:
    """CPU seconds an image over one epoch of an ImageFolder."""
    steps = [transforms.Resize(size_px), transforms.CenterCrop(size_px),
             transforms.RandomRotation(15, interpolation=rotation), transforms.RandomHorizontalFlip(),
             transforms.ToTensor(), transforms.Normalize(augment.MEAN, augment.STD)]  # fmt: skip
    loader = DataLoader(datasets.ImageFolder(folder, transforms.Compose(steps)), BATCH, shuffle=True)
    began = time.process_time()
    done = sum(len(batch) for batch, _ in loader)
    return (time.process_time() - began) / done


def linked(files: Sequence[Path], root: Path) -> Path:
    """An ImageFolder of one class that links to `files`."""
    (root / "all").mkdir(parents=True)
    for file in files:
        (root / "all" / file.name).symlink_to(file)
    return root


def of_official_size(files: Sequence[Path], side_px: int, mode: str, folder: Path) -> list[Path]:
    """Real images enlarged, with noise so that they compress as scans do: PNG of 1024 px, JPEG of 2592 px."""
    folder.mkdir()
    made = []
    for number, file in enumerate(files):
        rng = np.random.default_rng(number)
        with Image.open(file) as opened:
            large = opened.convert(mode).resize((side_px, round(side_px * opened.height / opened.width)))
        noisy = np.asarray(large) + rng.normal(0, 2, np.asarray(large).shape)
        made.append(folder / (file.stem + (".png" if mode == "L" else ".jpg")))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(made[-1], quality=90)
    return made


def ratios(data: Path, scratch: Path) -> None:
    grey = sorted((data / "nih-chestxray" / "images").iterdir())
    colour = sorted((data / "retina-rahim" / "images").iterdir())
    sets = {
        "NIH, 256 px grey PNG": (1, grey[:200]),
        "retina, 320 px RGB JPEG": (3, colour[:200]),
        "1024 px grey PNG": (1, of_official_size(grey[:48], 1024, "L", scratch / "png")),
        "2592 px RGB JPEG": (3, of_official_size(colour[:24], 2592, "RGB", scratch / "jpg")),
    }
    print("| images | to px | medkt, ms | torchvision, ms | ratio, median (range) | ratio, nearest-neighbour rotation |")
    print("|---|---|---|---|---|---|")
    for name, (channels, files) in sets.items():
        folder = linked(files, scratch / name.replace(" ", "-"))
        for size_px in (64, 256):
            part = through_cache(collection(files, channels), size_px, scratch / "cache")
            rounds = [
                (medkt_epochs(part, size_px, 2000 if size_px == 64 else 200),
                 torchvision_epoch(folder, size_px, InterpolationMode.BILINEAR),
                 torchvision_epoch(folder, size_px, InterpolationMode.NEAREST))
                for _ in range(ROUNDS)
            ]  # fmt: skip
            ours, theirs, _ = (1000 * statistics.median(times) for times in zip(*rounds, strict=True))
            print(f"| {name} | {size_px} | {ours:.3f} | {theirs:.2f} | {_span([b / a for a, b, _ in rounds])} "
                  f"| {_span([c / a for a, _, c in rounds])} |", flush=True)  # fmt: skip


def _span(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def training(data: Path, scratch: Path) -> None:
    """Share of the time of an epoch in which the network waits for its batch."""
    files = sorted((data / "nih-chestxray" / "images").iterdir())
    print("| network | batch | ms an image | of these input, ms | share |\n|---|---|---|---|---|")
    for architecture, n in (("densenet40", 320), ("densenet121", 160)):
        part = through_cache(collection(files[:n], 1), 64, scratch / "cache")
        model = densenet.build(architecture, 14, seed=0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.Adam(model.parameters())
        spent, waited = [], []
        for epoch in range(1, 5):
            waiting, began = 0.0, time.process_time()
            for pixels, targets in _timed(batches(settings(64), part, epoch, torch.device("cpu"))):
                waiting += waited_now()
                loss = task_loss("multilabel", model(pixels), targets)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
            spent.append((time.process_time() - began) / n)
            waited.append(waiting / n)
