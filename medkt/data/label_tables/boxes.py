"""Boxes that radiologists drew around findings of ChestX-ray8.

In: NIH's `BBox_List_2017.csv`. Out: `Boxes`, or None if the file is absent.

Source: Wang et al., ChestX-ray8, CVPR 2017, section 3.2: 984 boxes on 880 images, eight findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from medkt.data.label_tables import csv_tables as tables

FILE = "BBox_List_2017.csv"
COLUMNS = ["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]"]  # one heading, which its commas split
IMAGE_SIDE_PX = 1024


@dataclass(frozen=True)
class Boxes:
    """The boxes of a data set, one row per box.

    Parameters
    ----------
    image_ids, labels : str, (n_boxes,)
        As in the label table. NIH writes "Infiltrate" in this file; `labels` has the label table's Infiltration.
    x, y, width, height : float64, (n_boxes,)
        Upper left corner and size, as fractions of the image's side. Boxes are cut at the image's edges.
    """

    image_ids: np.ndarray
    labels: np.ndarray
    x: np.ndarray
    y: np.ndarray
    width: np.ndarray
    height: np.ndarray

    def __len__(self) -> int:
        return len(self.image_ids)


def read_boxes(root: Path) -> Boxes | None:
    """Read the boxes of a folder in NIH's layout.

    Raises
    ------
    InputError
        If a box does not consist of four numbers, or begins outside the image of 1024 x 1024 pixels.
    """
    path = root / FILE
    if not path.is_file():
        return None
    table = tables.read(path, COLUMNS)
    corners = table.rows[COLUMNS[2:]].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    x, y, width, height = corners.T
    right = ((corners[:, :2] >= 0) & (corners[:, :2] < IMAGE_SIDE_PX) & (corners[:, 2:] > 0)).all(axis=1)
    wrong = pd.Series(np.logical_not(right))
    table.refuse(wrong, COLUMNS[2], "x, y, width and height in pixels, with x and y below 1024")
    labels = table.rows["Finding Label"].replace("Infiltrate", "Infiltration")
    return Boxes(
        image_ids=table.rows["Image Index"].to_numpy(dtype=object),
        labels=labels.to_numpy(dtype=object),
        x=x / IMAGE_SIDE_PX,
        y=y / IMAGE_SIDE_PX,
        width=np.minimum(width, IMAGE_SIDE_PX - x) / IMAGE_SIDE_PX,
        height=np.minimum(height, IMAGE_SIDE_PX - y) / IMAGE_SIDE_PX,
    )
