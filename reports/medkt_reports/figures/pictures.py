"""Sample images by label and attention maps of teacher and student, as in the paper's Figs. 1 and 2.

In: the pictures that results.json lists, and its folder. Out: a `PictureSheet` for each data set and training set, and
each sheet as a `ReportFigure` for a manuscript. A picture that is not in the folder, or differs from the one that
results.json lists, is reported as missing.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib import image
from matplotlib.axes import Axes

from medkt_eval.errors import InputError
from medkt_eval.results.recorded import Picture
from medkt_eval.results.schema import Arm
from medkt_eval.runtime.reading.files import open_file
from medkt_eval.training_records.pictures import LONGEST_PX, MOST_BYTES
from medkt_reports.figures import lettering
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import QUIET, RULE, ReportFigure
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet

_ACROSS = 5
_NOTHING = "no label"
_FIELDS = {"kind", "dataset", "run_id", "arm", "image_id", "layer", "of", "file", "sha256"}
_ENLARGED_PX = 96
"""Smallest side of a map in a manuscript, so that every program shows its values as squares."""


@dataclass(frozen=True)
class SheetPicture:
    """One picture of a sheet, or the reason why it is missing."""

    text: str
    """Under the picture."""
    alt: str
    row: Picture
    png: bytes | None
    missing: str = ""

    @property
    def uri(self) -> str:
        """The picture for the page, which asks for no other file."""
        return f"data:image/png;base64,{base64.b64encode(self.png or b'').decode()}"

    @property
    def is_map(self) -> bool:
        """Whether it is enlarged without smoothing."""
        return self.row.kind == "attention"


@dataclass(frozen=True)
class PictureSheet:
    """Pictures to be seen together."""

    name: str
    """File name without ending, and prefix of the ids in a page."""
    title: str
    caption: str
    alt: str
    synthetic: str
    heads: tuple[str, ...]
    """Headings of the columns; empty if all pictures are of one kind and have no columns."""
    rows: tuple[tuple[SheetPicture | None, ...], ...]

    @property
    def kind(self) -> Literal["samples", "attention"]:
        """What it shows, as the page's sections name it."""
        return "attention" if self.heads else "samples"

    @property
    def pictures(self) -> list[SheetPicture]:
        """Every picture, missing ones too."""
        return [picture for row in self.rows for picture in row if picture is not None]

    @property
    def missing(self) -> list[str]:
        """A line for each picture that could not be shown."""
        return [f"{picture.row.file}: {picture.missing}" for picture in self.pictures if picture.missing]


def sheets(lookup: Lookup, folder: Path | None) -> list[PictureSheet]:
    """Sheets of sample images, one for each data set, then of attention maps, one for each training set.

    Parameters
    ----------
    lookup : Lookup
    folder : Path or None
        The folder of results.json; nothing outside it is read. None: there are no sheets.
    """
    if folder is None:
        return []
    sheets_made = []
    for number, dataset in enumerate(lookup.datasets, start=1):
        samples = [row for row in lookup.result.pictures if row.kind == "sample" and row.dataset == dataset]
        if samples:
            sheets_made.append(_samples(lookup, dataset, samples, folder, f"samples-{number}"))
    for number, training_set in enumerate(lookup.training_sets(), start=1):
        arms = {arm.arm: arm for arm in lookup.arms_of(training_set)}
        maps = [row for row in lookup.result.pictures if row.kind == "attention" and row.arm in arms]
        if maps:
            sheets_made.append(_attention(lookup, training_set, maps, folder, f"attention-{number}"))
    return sheets_made


def why_no_sheets(lookup: Lookup, folder: Path | None) -> str:
    """Why there are no sheets, as a sentence; empty if there are some."""
    n = len(lookup.result.pictures)
    if not n:
        return "No pictures: the runs kept none of their test images."
    return "" if folder else f"No pictures: this report was made without images; the runs kept {n}."


def _samples(lookup: Lookup, dataset: str, rows: Sequence[Picture], folder: Path, name: str) -> PictureSheet:
    pictures = tuple(_shown(row, folder, f"Test image that shows {_shows(row)}", _shows(row)) for row in rows)
    print_name = words.dataset(dataset)
    caption = (
        f"{print_name}: {len(rows)} of the test images with the labels that they show, as the network was given them "
        "(before normalisation), large ones made smaller."
    )
    alt = f"Sample images of {print_name}: {'; '.join(picture.text for picture in pictures)}."
    return _sheet(lookup, dataset, name, f"Sample images, {print_name}", caption, alt, (), (pictures,))


def _attention(
    lookup: Lookup, training_set: TrainingSet, rows: Sequence[Picture], folder: Path, name: str
) -> PictureSheet:
    """A row for each image: the image, then each teacher's map and those of its students."""
    arms = [arm for arm in lookup.arms_of(training_set) if any(row.arm == arm.arm for row in rows)]
    arms.sort(key=lambda arm: arm.teacher or "")
    maps = {(row.arm, row.layer, row.image_id): row for row in rows}
    images = {
        row.image_id: row
        for row in lookup.result.pictures
        if row.kind == "sample" and row.dataset == training_set.dataset
    }
    columns = list(_columns(arms, maps))
    of_image = list(dict.fromkeys(row.image_id for row in rows))
    lines = []
    for image_id in of_image:
        sample = images.get(image_id)
        line = [_shown(sample, folder, f"Test image that shows {_shows(sample)}", _shows(sample)) if sample else None]
        for arm, layer in columns:
            row = maps.get((arm.arm, layer, image_id))
            line.append(_shown(row, folder, _of(lookup, arm, layer), "") if row else None)
        lines.append(tuple(line))
    heads = ("Test image", *(_of(lookup, arm, layer) for arm, layer in columns))
    read_at = words.listed(list(dict.fromkeys(row.of for row in rows if row.of)) or ["the layer that is compared"])
    caption = (
        f"{training_set.text}: attention of teacher and student on {len(of_image)} test images: the mean square over "
        f"the planes of the layer, on its own grid ({read_at}), of one run of each arm. Black is none, white each "
        "map's own highest value, so brightness is not comparable between maps; nothing is smoothed."
    )
    alt = f"Maps of attention on {len(of_image)} test images of {training_set.text}: {'; '.join(heads[1:])}."
    return _sheet(
        lookup, training_set.dataset, name, f"Attention, {training_set.text}", caption, alt, heads, tuple(lines)
    )


def _columns(arms: Sequence[Arm], maps: dict[tuple[str, str, str], Picture]) -> Iterator[tuple[Arm, str]]:
    """Teacher and student of each arm; a teacher with the same maps as that of the previous arm is not repeated."""
    before: dict[str, str] = {}
    for arm in arms:
        teacher = {
            image_id: row.sha256 for (of, layer, image_id), row in maps.items() if of == arm.arm and layer == "teacher"
        }
        if teacher and teacher != before:
            yield arm, "teacher"
        before = teacher
        yield arm, "student"


def _of(lookup: Lookup, arm: Arm, layer: str) -> str:
    if layer == "teacher":
        return f"Teacher {words.teacher(arm.teacher)}" if arm.teacher else "Teacher"
    return f"Student: {lookup.names[arm.arm]}"


def _shows(row: Picture) -> str:
    return words.listed(row.shows) if row.shows else _NOTHING


def _sheet(
    lookup: Lookup,
    dataset: str,
    name: str,
    title: str,
    caption: str,
    alt: str,
    heads: tuple[str, ...],
    rows: tuple[tuple[SheetPicture | None, ...], ...],
) -> PictureSheet:
    synthetic = lookup.synthetic(dataset)
    if synthetic:
        mark = words.synthetic([synthetic])
        caption, alt = f"{caption} {mark}.", f"{mark}. {alt}"
    return PictureSheet(name, title, caption, alt, synthetic, heads, rows)


def _shown(row: Picture, folder: Path, what: str, text: str) -> SheetPicture:
    try:
        png = _png(row, folder)
        pixels = _pixels(png)
    except InputError as error:
        return SheetPicture(text, f"{what}: missing", row, None, missing=str(error))
    if row.kind == "attention":
        what = f"{what}, on the test image that shows {_shows(row)}: {_brightest(pixels)}"
    return SheetPicture(text, what, row, png)


def _png(row: Picture, folder: Path) -> bytes:
    """The picture that results.json lists.

    Raises
    ------
    InputError
        If it is missing, outside the folder, or another picture.
    """
    try:
        path = (folder / row.file).resolve(strict=True)
        inside, png = path.is_relative_to(folder.resolve()), b""
        if inside:
            with open_file(path) as file:
                png = file.read(MOST_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:  # absent, a name with a null, a loop of links
        raise InputError("not in the folder of results.json; copy the folder pictures with it") from error
    if not inside:
        raise InputError("leads out of the folder of results.json; nothing there is read")
    if len(png) > MOST_BYTES:
        raise InputError(f"larger than {numbers.count(MOST_BYTES)} bytes; no picture of medkt's")
    if hashlib.sha256(png).hexdigest() != row.sha256:
        raise InputError("not the picture that results.json lists (its sha256 differs); evaluate the runs again")
    return png


def _pixels(png: bytes) -> np.ndarray:
    """(H, W) or (H, W, 3 or 4), 0-1.

    Raises
    ------
    InputError
        If it is not a PNG that medkt wrote.
    """
    size = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")  # of its header
    try:
        if max(size) > LONGEST_PX:
            raise ValueError(f"{size[0]} x {size[1]} px")
        return np.asarray(image.imread(io.BytesIO(png), format="png"))
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises of a damaged PNG
        raise InputError(f"no PNG of at most {LONGEST_PX} px a side; evaluate the runs again") from error


def _brightest(pixels: np.ndarray) -> str:
    """In which ninth of a map its highest value lies.

    Examples
    --------
    >>> _brightest(np.eye(8)[:, ::-1])
    'highest in the upper right'
    """
    grey = pixels if pixels.ndim == 2 else pixels[..., :3].mean(axis=2)
    if grey.min() == grey.max():
        return "the same everywhere"
    y, x = np.unravel_index(int(grey.argmax()), grey.shape)
    down = ("upper", "middle", "lower")[3 * int(y) // grey.shape[0]]
    along = ("left", "centre", "right")[3 * int(x) // grey.shape[1]]
    return f"highest in the {down} {along}"


def sheet_figure(sheet: PictureSheet) -> ReportFigure:
    """The sheet as a figure for a manuscript, with unchanged pixels."""
    rows = sheet.rows
    if not sheet.heads:
        pictures = sheet.pictures
        rows = tuple(tuple(pictures[k : k + _ACROSS]) for k in range(0, len(pictures), _ACROSS))
    across = max(map(len, rows))
    with figure_style.house_style():
        figure = figure_style.new_figure(1.3 * across + 0.1, 1.62 * len(rows) + (0.6 if sheet.heads else 0.2))
        grid = figure.subplots(len(rows), across, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for of_row, row in zip(grid, rows, strict=True):
            for axes, picture in zip(of_row, row, strict=False):
                if picture is not None:
                    _draw(axes, picture)
        for axes, head in zip(grid[0], sheet.heads, strict=False):
            axes.set_title(lettering.wrapped(head, 18), loc="center", fontsize=7.5)
        figure_style.settle(figure, sheet.synthetic)
    data = pd.DataFrame(
        {
            **picture.row.model_dump(include=_FIELDS),
            "shows": "; ".join(picture.row.shows),
            "missing": picture.missing,
            "synthetic": "true" if sheet.synthetic else "false",
        }
        for picture in sheet.pictures
    )
    return ReportFigure(sheet.name, figure, data, sheet.caption, sheet.alt)


def _draw(axes: Axes, picture: SheetPicture) -> None:
    if picture.png is None:
        axes.text(0.5, 0.5, "missing", transform=axes.transAxes, ha="center", va="center", color=QUIET)
        axes.axis("on")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=RULE)
    else:
        pixels = _pixels(picture.png)
        times = max(_ENLARGED_PX // max(pixels.shape[:2]), 1) if picture.is_map else 1
        axes.imshow(
            pixels.repeat(times, axis=0).repeat(times, axis=1), cmap="gray", vmin=0, vmax=1, interpolation="none"
        )
    axes.text(
        0.5, -0.04, lettering.wrapped(picture.text, 20), transform=axes.transAxes, ha="center", va="top", fontsize=7
    )
