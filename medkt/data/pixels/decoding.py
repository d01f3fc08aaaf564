"""Find image files, read them, make them square and load them into memory.

In: paths, or a `Collection`. Out: uint8 arrays.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from medkt.data.collection import Collection
from medkt.data.pixels import image_files, spellings
from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote, location

MOST_PIXELS = 89_478_485
"""Larger images are refused before they are decoded. This is Pillow's bound; the largest X-rays have 20 million."""
LONGEST = 20  # longest side accepted, as a multiple of the shorter side
DECODING = 1
"""Version of the result of `read_image`. Cached images of another version are decoded again."""


def read_image(path: Path | str, size_px: int, channels: int, *, reduced: bool = False) -> np.ndarray:
    """Read an image, resize its shorter side to `size_px`, crop the centre.

    Parameters
    ----------
    path : Path or str
        A path or URL of a PNG, JPEG, TIFF, WebP or BMP; the content decides, not the name. 16-bit grey is scaled to 8
        bits over its full range (65,535 is white). The scale is the same for every image, so brightness stays
        comparable; 12 bits stored in 16 become dark. Transparent pixels become black, and palettes and CMYK become RGB.
        The rotation in the EXIF data is applied. If the file has several frames, the first is read.
    size_px : int
        Side of the result.
    channels : {1, 3}
        Grey or RGB.
    reduced : bool
        Decode a JPEG at an eighth, a quarter or half of its size, but at twice `size_px` or more. Large files are read
        five times as fast, still to their end, and pixels differ by a few grey levels. Use it to look at images, not to
        train on them.

    Returns
    -------
    uint8, (size_px, size_px) or (size_px, size_px, 3)

    Raises
    ------
    InputError
        If the file is absent, truncated or not an image; if it has more than `MOST_PIXELS` pixels, or a side more than
        20 times the other; or if its pixel values have neither 8 nor 16 bits.
    """
    try:
        with image_files.open_image(str(path)) as opened:
            _check_shape(opened)
            if reduced:
                opened.draft(opened.mode, (2 * size_px, 2 * size_px))
            image = _eight_bits(ImageOps.exif_transpose(opened)).convert("L" if channels == 1 else "RGB")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such image; expected it because the label table lists it") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path}: more than {MOST_PIXELS:,} pixels; shrink it or take it off the list") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        raise InputError(f"{path}: cannot be read as an image ({error}); replace it or take it off the list") from error
    scale = size_px / min(image.size)
    width, height = (max(size_px, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size_px) // 2, (height - size_px) // 2
    return np.asarray(image.crop((left, top, left + size_px, top + size_px)))


def _check_shape(image: Image.Image) -> None:
    """Refuse, by its header, an image that would not fit into memory."""
    short, long = sorted(image.size)
    if short * long > MOST_PIXELS:
        raise Image.DecompressionBombError
    if long > LONGEST * short:
        raise ValueError(f"{image.width} x {image.height} pixels, one side more than {LONGEST} times the other")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert the image to a mode of 8 bits without transparency."""
    if image.mode.startswith("I"):  # Pillow clips 16-bit grey at 255 instead of scaling it
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"values from {values.min()} to {values.max()}; expected 8 or 16 bits")
        return Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point values; expected 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
    return image


def inside(root: Path, relative: str, where: str) -> Path:
    """Return `root / relative`, or refuse it if it leaves `root`. Use `paths` for many names."""
    return location(paths(root, [relative], where)[0])


def paths(root: Path, names: Iterable[str], where: str) -> np.ndarray:
    """Return the paths of images that a table names; refuse a path that leaves `root`.

    Links in `root` are followed wherever they lead: the folder's owner made them, and large collections are often on
    another disk. Only the names in the table are not trusted.

    Parameters
    ----------
    root : Path
        The folder.
    names : iterable of str, (n,)
        Names relative to the folder, or absolute paths in it. Backslashes part folders, unless a file has them in its
        name.
    where : str
        The table.

    Returns
    -------
    str, (n,)

    Raises
    ------
    InputError
        If a name leads out of the folder.
    """
    full, base = [], str(root)
    for name in names:  # as strings: Path would take most of the time that opening a large collection needs
        normal = os.path.normpath(relative(root, name))
        if os.path.isabs(normal) or normal.startswith("..") or "\0" in normal:  # noqa: PTH117
            raise InputError(f"{where}: image {name!r} lies outside {root}; expected a path inside it")
        full.append(os.path.join(base, normal))  # noqa: PTH118
    return np.array(full, dtype=object)


def relative(root: Path, name: str) -> str:
    r"""Return a name relative to `root` if it is an absolute path in it, with slashes for backslashes.

    >>> relative(Path("/data"), "/data/images/a.png"), relative(Path("/data"), "images\\a.png")
    ('images/a.png', 'images/a.png')
    """
    if "\\" in name and "\0" not in name and (is_remote(root) or not os.path.isfile(os.path.join(root, name))):  # noqa: PTH113, PTH118
        name = name.replace("\\", "/")
    if os.path.isabs(name) and not is_remote(root):  # noqa: PTH117
        for folder in dict.fromkeys((os.path.abspath(root), os.path.realpath(root))):  # noqa: PTH100
            normal = os.path.normpath(name)
            if normal.startswith(os.path.join(folder, "")):  # noqa: PTH118
                return normal[len(os.path.join(folder, "")) :]  # noqa: PTH118
    return name


def located(files: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Find the images that a table lists. An absent path may mean a file that is spelt otherwise (`spellings`).

    Parameters
    ----------
    files : str, (n,)
        Paths or URLs.
    where : str
        The table.

    Returns
    -------
    str, (n,)
        The paths, with those of files that are spelt otherwise.
    bool, (n,)
        Whether each exists.
    notes : tuple of str
        The number of files that are spelt otherwise and the first of them; the number of absent images.

    Raises
    ------
    InputError
        If no image exists, or a path may mean several files.
    """
    exists = image_files.exist(files)
    notes: list[str] = []
    if len(files) and not exists.all() and not is_remote(files[0]):
        found = spellings.respelled(files[~exists], files[exists], where)
        if found:
            first = next(iter(found))
            listed, file = os.path.basename(first), os.path.basename(found[first])  # noqa: PTH119
            notes.append(f"{len(found):,} images are spelt otherwise in the table (first: {listed!r} is {file!r})")
            exists |= np.fromiter((path in found for path in files), dtype=bool, count=len(files))
            files = np.array([found.get(path, path) for path in files], dtype=object)
    if len(exists) and not exists.any():
        raise InputError(
            f"{where}: none of the {len(exists):,} images that it lists is there; expected the first as {files[0]}"
            f"{_others(str(files[0]))}"
        )
    n = int((~exists).sum())
    notes += [f"{n:,} of {len(exists):,} listed images are absent"] if n else []
    return files, exists, tuple(notes)


def _others(path: str) -> str:
    """Say which images are in the folder of an absent one."""
    names = [] if is_remote(path) else spellings.Spellings().holds(os.path.dirname(path))  # noqa: PTH120
    return f"; its folder holds {len(names):,} images (first: {names[0]!r})" if names else ""


def reader(files: np.ndarray, channels: int) -> Callable[[int, int], np.ndarray]:
    """Make `Collection.read` for images that are files."""
    return lambda index, size_px: read_image(files[index], size_px, channels)


def load(
    collection: Collection, indices: np.ndarray, size_px: int, on_image: Callable[[], None] = lambda: None
) -> np.ndarray:
    """Read or draw the images `indices` of a collection in parallel threads, and call `on_image` after each.

    Returns
    -------
    uint8, (n, 1, size_px, size_px) or (n, 3, size_px, size_px)
    """
    pixels = np.empty((len(indices), collection.channels, size_px, size_px), dtype=np.uint8)

    def put(position: int) -> None:
        image = collection.read(int(indices[position]), size_px)
        pixels[position] = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for _ in pool.map(put, range(len(indices))):
            on_image()
    return pixels
