"""EyePACS, in the layout of Kaggle's diabetic retinopathy detection.

In: a folder with `trainLabels.csv` (image, level). The images `<patient>_left.jpeg` and `<patient>_right.jpeg` are in
`train/` or beside the table. Out: a `Collection` of five grades; both eyes belong to one patient.

Source: https://www.kaggle.com/c/diabetic-retinopathy-detection
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt.data.label_tables.label_names import GRADES
from medkt.data.pixels import decoding as images
from medkt.data.settings import RootedData
from medkt_eval.predictions.format import Task


class EyePacsData(RootedData):
    """Settings of EyePACS in Kaggle's layout."""

    collection: Literal["eyepacs"]

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
    path = tables.only_file(data.root, ["trainLabels.csv"], "EyePACS in Kaggle's layout")
    table = tables.one_row_each(tables.read(path, ["image", "level"]), "image")
    rows = table.rows
    table.refuse(~rows["image"].str.fullmatch(r"[^/\\]+_(left|right)"), "image", "<patient>_left or <patient>_right")
    table.refuse(~rows["level"].isin(["0", "1", "2", "3", "4"]), "level", "0 to 4")
    folder = "train/" if (data.root / "train").is_dir() else ""
    files = images.paths(data.root, folder + rows["image"] + ".jpeg", str(path))
    exists, absent = images.present(files, str(path))
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
        notes=table.notes + absent,
        files=files,
        absent=rows["image"].to_numpy(dtype=object)[~exists],
    ).only(np.flatnonzero(exists))
