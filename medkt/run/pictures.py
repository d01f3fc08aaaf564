"""The pictures that a run keeps for the report: some test images, and the attention of student and teacher on them.

In: a run's test images and its networks. Out: PNG files and `pictures.json`, which lists them (docs/formats.md). They
are copies of images of the data set; set `[report] pictures = false` in the study file to keep none.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from medkt.data.pixels import augment, samples
from medkt.models.densenet import architecture_of, attention_layer, tap
from medkt.teachers import networks as teacher_networks
from medkt.teachers.teacher import Teacher
from medkt.training.run_data import RunData

LONGEST_PX = (192, 160, 128, 96)  # the first at which all samples fit into MOST_BYTES, or the last
MOST_BYTES = 280_000
ATTENTION_SAMPLES = 4  # samples that attention is shown on


@dataclass(frozen=True)
class Picture:
    """One PNG and its entry in pictures.json."""

    name: str
    png: bytes
    width_px: int
    height_px: int
    facts: dict[str, Any]


def files(data: RunData, student: nn.Module, teacher: Teacher | None) -> dict[str, bytes]:
    """Make the pictures of a run.

    Samples are images as the network sees them, before normalisation; large ones are scaled down. If there is a
    teacher, attention maps of both networks are added for up to four of the samples, evenly spaced.

    Parameters
    ----------
    data : RunData
        Its test images are used.
    student : nn.Module
        With the selected weights. Put in evaluation mode.
    teacher : Teacher or None
        The network that the student learned from.

    Returns
    -------
    dict of str to bytes
        `pictures/<name>.png` and `pictures.json`. The same run gives the same bytes.
    """
    rows = samples.choose(data.task, data.test.targets, data.test.image_ids)
    pictures = _samples(data, rows)
    if teacher is not None:
        numbers = (
            sorted({round(position) for position in np.linspace(0, len(rows) - 1, ATTENTION_SAMPLES)}) if rows else []
        )
        shown = {number + 1: rows[number] for number in numbers}
        of = f"{architecture_of(student)} {attention_layer(student)}"
        pictures += _attention(data, shown, "student", of, lambda pixels: attention_maps(student, pixels))
        of = f"{teacher_networks.architecture_of(teacher.network)} {teacher.attention_layer}"
        pictures += _attention(data, shown, "teacher", of, lambda pixels: teacher_attention_maps(teacher, pixels))
    entries = [
        {
            **picture.facts,
            "file": picture.name,
            "sha256": hashlib.sha256(picture.png).hexdigest(),
            "width_px": picture.width_px,
            "height_px": picture.height_px,
        }
        for picture in pictures
    ]
    text = json.dumps({"format": 1, "pictures": entries}, indent=1, allow_nan=False) + "\n"
    return {f"pictures/{picture.name}": picture.png for picture in pictures} | {"pictures.json": text.encode()}


def attention_maps(model: nn.Module, pixels: np.ndarray) -> np.ndarray:
    r"""Compute where a network looks: the mean square over the planes of its attention layer.

    Parameters
    ----------
    model : nn.Module
        Put in evaluation mode.
    pixels : uint8, (n, 1 or 3, S, S)
        Images, 0-255; at least one.

    Returns
    -------
    float32, (n, H, W)
        :math:`\frac{1}{C} \sum_c A_c^2` on the layer's own grid; no entry is negative.

    Source: Zagoruyko & Komodakis 2017, section 3.1, :math:`F^2_{sum}`, divided by the number of planes.
    """
    network_tap = tap(model)
    device = next(model.parameters()).device
    try:
        model.eval()
        with torch.inference_mode():
            model(augment.normalised(torch.from_numpy(pixels).to(device)))
            return _mean_square(network_tap.take())
    finally:
        network_tap.close()


def teacher_attention_maps(teacher: Teacher, pixels: np.ndarray) -> np.ndarray:
    """Compute where a teacher looks: as `attention_maps`, of the teacher's attention layer."""
    teacher.watch(teacher.attention_layer)
    device = next(teacher.network.parameters()).device
    seen = teacher.look(augment.normalised(torch.from_numpy(pixels).to(device)))
    teacher.forget()
    return _mean_square(seen.maps[teacher.attention_layer])


def _mean_square(maps: torch.Tensor) -> np.ndarray:
    """Average the squares over the planes: (n, C, H, W) to (n, H, W)."""
    return maps.square().mean(dim=1).cpu().numpy()


def _samples(data: RunData, rows: list[int]) -> list[Picture]:
    pictures: list[Picture] = []
    for longest_px in LONGEST_PX:
        pictures = [
            _sample(data.test.pixels[row], f"sample-{number:02d}.png", longest_px, _facts(data, row, "sample", "image"))
            for number, row in enumerate(rows, start=1)
        ]
        if sum(len(picture.png) for picture in pictures) <= MOST_BYTES:
            break
    return pictures


def _sample(pixels: np.ndarray, name: str, longest_px: int, facts: dict[str, Any]) -> Picture:
    """Encode an image, (1 or 3, S, S), as a PNG; grey if its channels are equal."""
    grey = (pixels == pixels[:1]).all()
    image = Image.fromarray(np.ascontiguousarray(pixels[0] if grey else pixels.transpose(1, 2, 0)))
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS, reducing_gap=None)  # never scales up
    return Picture(name, _png(image), *image.size, facts)


def _attention(
    data: RunData, rows: dict[int, int], layer: str, of: str, maps_of: Callable[[np.ndarray], np.ndarray]
) -> list[Picture]:
    """Draw the attention maps of one network; `rows` maps the number of a sample to its row."""
    if not rows:
        return []
    pictures = []
    maps = maps_of(data.test.pixels[list(rows.values())])
    if not np.isfinite(maps).all():  # the squares of a diverged network's planes exceed float32
        return []
    for (number, row), values in zip(rows.items(), maps, strict=True):
        highest = values.max()
        # Black is no attention, white the maximum of this map.
        grey = np.round(255 * values / highest) if highest > 0 else values
        image = Image.fromarray(grey.astype(np.uint8))
        facts = _facts(data, row, "attention", layer) | {
            "of": of,
            "values": [[float(f"{value:.6g}") for value in line] for line in values],
        }
        pictures.append(Picture(f"attention-{number:02d}-{layer}.png", _png(image), *image.size, facts))
    return pictures


def _facts(data: RunData, row: int, kind: str, layer: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "image_id": str(data.test.image_ids[row]),
        "shows": samples.shows(data.task, data.test.targets[row], data.labels),
        "layer": layer,
        "of": "",
    }


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)  # Pillow writes neither date nor name
    return buffer.getvalue()
