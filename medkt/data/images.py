"""Image files: read, made square, held in memory.

In: paths, or a `Collection`. Out: uint8 arrays.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from medkt.data.collection import Collection
from medkt_eval.errors import InputError


def read_image(path: Path, size_px: int, channels: int) -> np.ndarray:
    """Read an image, resize its shorter side to `size_px`, crop the centre.

    Parameters
    ----------
    path : Path
        Any format that Pillow reads; 16-bit grey is scaled to 8.
    size_px : int
        Side of the result.
    channels : {1, 3}
        Grey or RGB.

    Returns
    -------
    uint8, (size_px, size_px) or (size_px, size_px, 3)

    Raises
    ------
    InputError
        If the file is absent, truncated or no image.
    """
    try:
        with Image.open(path) as opened:
            image: Image.Image = opened
            if opened.mode.startswith("I"):  # Pillow clips 16-bit grey at 255 instead of scaling it
                image = Image.fromarray((np.asarray(opened, dtype=np.uint32) >> 8).clip(0, 255).astype(np.uint8))
            image = image.convert("L" if channels == 1 else "RGB")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such image; expected it because the label table lists it") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: cannot be read as an image ({error}); replace it or take it off the list") from error
    scale = size_px / min(image.size)
    width, height = (max(size_px, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size_px) // 2, (height - size_px) // 2
    return np.asarray(image.crop((left, top, left + size_px, top + size_px)))


def inside(root: Path, relative: str, where: str) -> Path:
    """`root / relative`, refused where it would leave `root`.

    Raises
    ------
    InputError
        For an absolute path or one that climbs out.
    """
    normal = os.path.normpath(relative)
    if Path(normal).is_absolute() or normal.startswith(".."):
        raise InputError(f"{where}: image {relative!r} lies outside {root}; expected a path inside it")
    return root / normal


def load(collection: Collection, indices: np.ndarray, size_px: int) -> np.ndarray:
    """Read or draw the images `indices` of a collection, side by side in threads.

    Returns
    -------
    uint8, (n, 1, size_px, size_px) or (n, 3, size_px, size_px)
    """
    pixels = np.empty((len(indices), collection.channels, size_px, size_px), dtype=np.uint8)

    def put(position: int) -> None:
        image = collection.read(int(indices[position]), size_px)
        pixels[position] = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for _ in pool.map(put, range(len(indices)), chunksize=16):
            pass
    return pixels
