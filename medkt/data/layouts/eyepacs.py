"""EyePACS, in the layout of Kaggle's diabetic retinopathy detection.

In: a folder with `trainLabels.csv` (image, level). The images `<patient>_left.jpeg` and `<patient>_right.jpeg` are in
`train/`, beside the table, or in another folder, with any ending. Out: a `Collection` of five grades; both eyes belong
to one patient.

Source: https://www.kaggle.com/c/diabetic-retinopathy-detection
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt.data.label_tables.label_names import GRADES
from medkt.data.pixels import decoding as images
from medkt.data.pixels import image_files, spellings
from medkt.data.settings import RootedData
from medkt_eval.predictions.format import Task
from medkt_eval.runtime.locations import is_remote


class EyePacsData(RootedData):
    """Settings of EyePACS in Kaggle's layout."""

    collection: Literal["eyepacs"]
    csv: str | None = Field(default=None, description="the table in root, if there are several")
    image_folder: str | None = Field(default=None, description="in root; none: train/, root itself, or where they are")

    def open(self) -> tuple[Collection, None]:
        """Open the data set; see `eyepacs`."""
        return eyepacs(self), None

    def task_and_labels(self) -> tuple[Task, int]:
        """Multi-class, five grades."""
        return "multiclass", len(GRADES)


def eyepacs(data: EyePacsData) -> Collection:
    """Read the table and find its images.

    Raises
    ------
    InputError
        If the table or all images are absent, or an image or level is not as expected.
    """
    path = tables.only_file(
        data.root, ["trainLabels.csv"], "EyePACS in Kaggle's layout", chosen=data.csv, setting="csv"
    )
    table = tables.one_row_each(tables.read(path, ["image", "level"], encoding=data.encoding), "image", used=["level"])
    rows = table.rows
    table.refuse(~rows["image"].str.fullmatch(r"[^/\\]+_(left|right)"), "image", "<patient>_left or <patient>_right")
    table.refuse(~rows["level"].isin(["0", "1", "2", "3", "4"]), "level", "0 to 4")
    files, elsewhere = _files(data, rows["image"], str(path))
    files, exists, absent = images.located(files, str(path))
    eyes = rows["image"].str.rsplit("_", n=1)
    return Collection(
        name="eyepacs",
        task="multiclass",
        labels=GRADES,
        image_ids=rows["image"].to_numpy(dtype=object),
        patient_ids=eyes.str[0].to_numpy(dtype=object),
        targets=rows["level"].to_numpy(dtype=np.int64),
        read=images.reader(files, channels=3),
        groups={"eye": eyes.str[1].to_numpy(dtype=object)},
        channels=3,
        source="EyePACS",
        labelling="one clinician an image",
        views="fundus",
        notes=table.notes + elsewhere + absent,
        files=files,
        absent=rows["image"].to_numpy(dtype=object)[~exists],
    ).only(np.flatnonzero(exists))


def _files(data: EyePacsData, names: pd.Series, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the path of each image: Kaggle's own or, if none is there, the one where a search finds the image."""
    if data.image_folder is None:
        folder = "train/" if (data.root / "train").is_dir() else ""
        files = images.paths(data.root, folder + names + ".jpeg", where)
        if image_files.exist(files).any() or is_remote(data.root):
            return files, ()
        searched = data.root
    else:
        searched = images.inside(data.root, data.image_folder, str(data.root))
        files = images.paths(searched, names + ".jpeg", where)
    found = spellings.search(searched, names, where)
    return np.array([found.get(name, path) for name, path in zip(names, files, strict=True)], dtype=object), (
        spellings.note(data.root, found)
    )
