"""The pictures that a run keeps for the report: some test images, and where student and teacher look on them.

In: a run's test images and its networks. Out: PNG files and `pictures.json`, which lists them (docs/formats.md). These
are copies of images of the data set: `[report] pictures = false` in the study file keeps none.
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

LONGEST_PX = (192, 160, 128, 96)  # the first with which all samples fit into MOST_BYTES, else the last
MOST_BYTES = 280_000
ATTENDED = 4  # samples that attention is shown on


@dataclass(frozen=True)
class Kept:
    """One PNG and what pictures.json says of it."""

    name: str
    png: bytes
    width_px: int
    height_px: int
    facts: dict[str, Any]


def files(data: RunData, student: nn.Module, teacher: Teacher | None) -> dict[str, bytes]:
    """Make the pictures of a run.

    Samples are the images as the network was given them (before normalisation), made smaller where they are large.
    Where there is a teacher, maps of attention of both networks are added for up to four of the samples, from the
    first to the last.

    Parameters
    ----------
    data : RunData
        Its test images are looked at.
    student : nn.Module
        With the selected weights. Put in evaluation mode.
    teacher : Teacher or None
        The network that the student learned from.

    Returns
    -------
    dict of str to bytes
        `pictures/<name>.png`, one each, and `pictures.json`. The same run gives the same bytes.
    """
    rows = samples.choose(data.task, data.test.targets, data.test.image_ids)
    kept = _samples(data, rows)
    if teacher is not None:
        numbers = sorted({round(place) for place in np.linspace(0, len(rows) - 1, ATTENDED)}) if rows else []
        shown = {number + 1: rows[number] for number in numbers}
        of = f"{architecture_of(student)} {attention_layer(student)}"
        kept += _attention(data, shown, "student", of, lambda pixels: attention_maps(student, pixels))
        of = f"{teacher_networks.architecture_of(teacher.network)} {teacher.attention_layer}"
        kept += _attention(data, shown, "teacher", of, lambda pixels: teachers_attention(teacher, pixels))
    listed = [
        {
            **one.facts,
            "file": one.name,
            "sha256": hashlib.sha256(one.png).hexdigest(),
            "width_px": one.width_px,
            "height_px": one.height_px,
        }
        for one in kept
    ]
    text = json.dumps({"format": 1, "pictures": listed}, indent=1, allow_nan=False) + "\n"
    return {f"pictures/{one.name}": one.png for one in kept} | {"pictures.json": text.encode()}


def attention_maps(model: nn.Module, pixels: np.ndarray) -> np.ndarray:
    r"""Where a network looks: the mean square over the planes of its attention layer.

    Parameters
    ----------
    model : nn.Module
        Put in evaluation mode.
    pixels : uint8, (n, 1 or 3, S, S)
        Images, 0-255; at least one.

    Returns
    -------
    float32, (n, H, W)
        :math:`\frac{1}{C} \sum_c A_c^2` on the layer's own grid, no entry negative.

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


def teachers_attention(teacher: Teacher, pixels: np.ndarray) -> np.ndarray:
    """Where a teacher looks; as `attention_maps`, of its own attention layer."""
    teacher.watch(teacher.attention_layer)
    device = next(teacher.network.parameters()).device
    seen = teacher.look(augment.normalised(torch.from_numpy(pixels).to(device)))
    teacher.forget()
    return _mean_square(seen.maps[teacher.attention_layer])


def _mean_square(maps: torch.Tensor) -> np.ndarray:
    """Over the planes: (n, C, H, W) to (n, H, W)."""
    return maps.square().mean(dim=1).cpu().numpy()


def _samples(data: RunData, rows: list[int]) -> list[Kept]:
    kept: list[Kept] = []
    for longest_px in LONGEST_PX:
        kept = [
            _sample(data.test.pixels[row], f"sample-{number:02d}.png", longest_px, _facts(data, row, "sample", "image"))
            for number, row in enumerate(rows, start=1)
        ]
        if sum(len(one.png) for one in kept) <= MOST_BYTES:
            break
    return kept


def _sample(pixels: np.ndarray, name: str, longest_px: int, facts: dict[str, Any]) -> Kept:
    """An image of (1 or 3, S, S) as a PNG: grey where its channels are equal."""
    grey = (pixels == pixels[:1]).all()
    image = Image.fromarray(np.ascontiguousarray(pixels[0] if grey else pixels.transpose(1, 2, 0)))
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS, reducing_gap=None)  # never made larger
    return Kept(name, _png(image), *image.size, facts)


def _attention(
    data: RunData, rows: dict[int, int], layer: str, of: str, maps_of: Callable[[np.ndarray], np.ndarray]
) -> list[Kept]:
    """Maps of one network; `rows` by number of the sample."""
    if not rows:
        return []
    kept = []
    maps = maps_of(data.test.pixels[list(rows.values())])
    for (number, row), values in zip(rows.items(), maps, strict=True):
        highest = values.max()
        # Black is no attention and white the map's own highest: a flat map stays flat.
        grey = np.round(255 * values / highest) if highest > 0 else values
        image = Image.fromarray(grey.astype(np.uint8))
        facts = _facts(data, row, "attention", layer) | {
            "of": of,
            "values": [[float(f"{value:.6g}") for value in line] for line in values],
        }
        kept.append(Kept(f"attention-{number:02d}-{layer}.png", _png(image), *image.size, facts))
    return kept


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
