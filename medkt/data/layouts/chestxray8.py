"""NIH ChestX-ray8/14 in NIH's own layout, and its 5 % sample in Kaggle's layout.

In: a folder with `Data_Entry_2017*.csv(.gz)` or `sample_labels.csv`, and `images/`, `images_001/images/` ... or the
sample's `sample/images/`. Out: a `Collection`. Listed images that are absent are left out, and a note counts them.

Source: Wang et al., ChestX-ray8, CVPR 2017; https://nihcc.app.box.com/v/ChestXray-NIHCC
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt.data.label_tables import groups, label_names, lists
from medkt.data.pixels import decoding as images
from medkt.data.pixels import spellings
from medkt.data.settings import RootedData
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task
from medkt_eval.runtime.locations import is_remote

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
NO_FINDING = "No Finding"
COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
TABLES = ("Data_Entry_2017*.csv", "sample_labels.csv")
SIZE = (("OriginalImage[Width", "Height]"), ("OriginalImageWidth", "OriginalImageHeight"))
SPACING = ("OriginalImagePixelSpacing[x", "OriginalImagePixelSpacing_x")  # NIH's header has commas inside its names
OFFICIAL = {"train": "train_val_list.txt", "test": "test_list.txt"}
PLACES = ("sample/sample/images", "sample/images", "images_*/images", "images")  # Kaggle's sample has every image twice


class ChestXray8Data(RootedData):
    """Settings of NIH ChestX-ray8/14 in NIH's own layout."""

    collection: Literal["chestxray8"]
    csv: str | None = Field(default=None, description="the table in root, if there are several")
    image_folder: str | None = Field(default=None, description="in root; none: NIH's own folders, or where they are")
    labels: list[str] | None = Field(default=None, description="findings to learn; none: all 14")
    no_finding: bool = Field(default=False, description="'No Finding' as a 15th label, as the paper counts")
    official_split: bool = Field(default=False, description="test on test_list.txt; the rest is train_val_list.txt")

    @classmethod
    def defaults_outside_a_study(cls, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Count "No Finding" as a label, unless labels are given: the paper's Table I counts 15 labels."""
        return {"no_finding": "labels" not in overrides}

    @property
    def brings_test(self) -> bool:
        """Whether `official_split` is set."""
        return self.official_split

    def open(self) -> tuple[Collection, np.ndarray | None]:
        """Open the data set; see `chestxray8`."""
        return chestxray8(self)

    def task_and_labels(self) -> tuple[Task, int]:
        """Multi-label, with the findings that `labels` and `no_finding` choose."""
        return "multilabel", len({*(self.labels or FINDINGS), *([NO_FINDING] if self.no_finding else [])})


def chestxray8(data: ChestXray8Data) -> tuple[Collection, np.ndarray | None]:
    """Read NIH's label table and find its images.

    Returns
    -------
    collection : Collection
        All images.
    split : str, (n_images,) or None
        If `official_split` is set: "test" for the images of NIH's `test_list.txt`, "train" for the images of
        `train_val_list.txt`.

    Raises
    ------
    InputError
        If the table or all images are absent, a column is missing, a label is unknown, or an image is in neither or
        both of NIH's lists.
    """
    path = tables.only_file(data.root, TABLES, "ChestX-ray8 in NIH's layout", chosen=data.csv, setting="csv")
    table = tables.one_row_each(tables.read(path, COLUMNS, encoding=data.encoding), "Image Index")
    table.refuse(table.rows["Patient ID"] == "", "Patient ID", "a value on every row")
    names = tuple(data.labels) if data.labels is not None else FINDINGS
    names += (NO_FINDING,) if data.no_finding and NO_FINDING not in names else ()
    own = label_names.own_names("chestxray8", (*FINDINGS, NO_FINDING), names)

    paths, elsewhere = _files(data, table.rows["Image Index"], str(path))
    present = table.rows["Image Index"].isin(paths)
    if not present.any():
        raise InputError(
            f"{data.root}: none of the {len(table.rows)} images that {path.name} lists; expected them in "
            "images/ or images_001/images/ ..., or name their folder with image_folder = '...'"
        )
    absent = table.rows["Image Index"][~present].to_numpy(dtype=object)
    table = table.keep(present, "listed images are absent")
    rows = table.rows.sort_values("Image Index", kind="stable")
    shown = [set(text.split("|")) for text in rows["Finding Labels"]]
    for row, findings in zip(rows.index, shown, strict=True):
        strange = findings - {*FINDINGS, NO_FINDING}
        if strange:
            raise InputError(
                f"{path}: row {row}: finding {sorted(strange)[0]!r}; expected some of "
                f"{', '.join(FINDINGS)}, {NO_FINDING}"
            )

    image_ids = rows["Image Index"].to_numpy(dtype=object)
    files = np.array([paths[name] for name in image_ids], dtype=object)
    collection = Collection(
        name="chestxray8",
        task="multilabel",
        labels=names,
        image_ids=image_ids,
        patient_ids=rows["Patient ID"].to_numpy(dtype=object),
        targets=np.array([[label in findings for label in own] for findings in shown], dtype=np.float32),
        read=images.reader(files, channels=1),
        groups=_groups(rows),
        acquisition=_acquisition(rows),
        channels=1,
        source="NIH Clinical Center",
        labelling="automatic, from reports",
        views="frontal",
        notes=table.notes + elsewhere,
        files=files,
        absent=absent,
    )
    return collection, _official(data.root, image_ids) if data.official_split else None


def _files(data: ChestXray8Data, names: pd.Series, where: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the path of each image, by name: in NIH's own folders or, if none is there, where a search finds it."""
    if data.image_folder is None:
        paths = {image.name: str(image) for place in PLACES for image in data.root.glob(f"{place}/*.png")}
        if names.isin(paths).any() or is_remote(data.root):
            return paths, ()
        searched = data.root
    else:
        searched = images.inside(data.root, data.image_folder, str(data.root))
    found = spellings.search(searched, names, where)
    return found, spellings.note(data.root, found)


def _official(root: Path, image_ids: np.ndarray) -> np.ndarray:
    """Return the split of each image by NIH's lists. str, (n_images,)."""
    parts = {name: lists.ids(root / file, "image") for name, file in OFFICIAL.items()}
    for image in image_ids:
        n = sum(image in part for part in parts.values())
        if n != 1:
            raise InputError(
                f"{root}: image {image!r} is in {n} of {' and '.join(OFFICIAL.values())}; expected it in "
                "one: fetch NIH's own lists, or leave official_split out"
            )
    return np.array(["test" if image in parts["test"] else "train" for image in image_ids], dtype=object)


def _groups(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    sexes = next((rows[name] for name in ("Patient Gender", "Patient Sex") if name in rows), None)
    columns = {} if sexes is None else {"sex": groups.sex(sexes)}
    if "View Position" in rows:
        columns["view"] = groups.filled(rows["View Position"])
    if "Patient Age" in rows:
        columns["age_band"] = groups.age_band(rows["Patient Age"])
    return columns


def _acquisition(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Size and pixel spacing before NIH reduced the images. They differ between devices."""
    columns = {}
    for width, height in SIZE:
        if width in rows and height in rows:
            sizes = rows[width] + " × " + rows[height]
            columns["original size"] = groups.filled(sizes.where((rows[width] != "") & (rows[height] != ""), ""))
    for spacing in SPACING:
        if spacing in rows:
            columns["pixel spacing (mm)"] = groups.filled(
                rows[spacing].str.slice(0, 5)
            )  # 0.14300000000000002 is 0.143 mm
    return columns
