"""The pictures that a run keeps for the report: some test images, and where student and teacher look on them.

In: a run's test images and its networks. Out: PNG files and `pictures.json`, which lists them (docs/formats.md). These
are copies of images of the data set: `[report] pictures = false` in the study file keeps none.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from medkt.data import augment, samples
from medkt.models.densenet import architecture_of, attention_layer, tap
from medkt.trainer import RunData

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


def files(data: RunData, student: nn.Module, teacher: nn.Module | None) -> dict[str, bytes]:
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
    teacher : nn.Module or None
        The network that the student attended to.

    Returns
    -------
    dict of str to bytes
        `pictures/<name>.png`, one each, and `pictures.json`. The same run gives the same bytes.
    """
    rows = samples.choose(data.task, data.test.targets, data.test.image_ids)
    kept = _samples(data, rows)
    if teacher is not None:
        numbers = sorted({round(place) for place in np.linspace(0, len(rows) - 1, ATTENDED)}) if rows else []
        for layer, network in (("student", student), ("teacher", teacher)):
            kept += _attention(data, {number + 1: rows[number] for number in numbers}, layer, network)
    listed = [
        {**one.facts, "file": one.name, "sha256": hashlib.sha256(one.png).hexdigest(),
         "width_px": one.width_px, "height_px": one.height_px}
        for one in kept
    ]  # fmt: skip
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
            return network_tap.take().square().mean(dim=1).cpu().numpy()
    finally:
        network_tap.close()


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


def _attention(data: RunData, rows: dict[int, int], layer: str, model: nn.Module) -> list[Kept]:
    """Maps of one network; `rows` by number of the sample."""
    if not rows:
        return []
    kept = []
    of = f"{architecture_of(model)} {attention_layer(model)}"
    maps = attention_maps(model, data.test.pixels[list(rows.values())])
    for (number, row), values in zip(rows.items(), maps, strict=True):
        highest = values.max()
        # Black is no attention and white the map's own highest: a flat map stays flat.
        grey = np.round(255 * values / highest) if highest > 0 else values
        image = Image.fromarray(grey.astype(np.uint8))
        facts = _facts(data, row, "attention", layer) | {
            "of": of, "values": [[float(f"{value:.6g}") for value in line] for line in values],
        }  # fmt: skip
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
