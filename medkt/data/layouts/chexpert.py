"""CheXpert in Stanford's own layout.

In: a folder with `train.csv` and `valid.csv`, directly or in `CheXpert-v1.0/` or `CheXpert-v1.0-small/`. The unpacked
batches `CheXpert-v1.0 batch 1 (validate & csv)/` ... are accepted too. Out: a `Collection` of the images of both
tables, 223,414 + 234, as in the paper.

Source: Irvin et al., CheXpert, AAAI 2019; https://stanfordmlgroup.github.io/competitions/chexpert/
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt.data.label_tables import groups, label_names, uncertainty
from medkt.data.label_tables.csv_tables import Table
from medkt.data.label_tables.uncertainty import CheXpertLabels
from medkt.data.pixels import decoding as images
from medkt_eval.errors import InputError

COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")
FOLDERS = ("CheXpert-v1.0", "CheXpert-v1.0-small")


class CheXpertData(CheXpertLabels):
    """Settings of CheXpert in Stanford's own layout."""

    collection: Literal["chexpert"]

    def open(self) -> tuple[Collection, None]:
        """Open the data set; see `chexpert`."""
        return chexpert(self), None


def chexpert(data: CheXpertData) -> Collection:
    """Read both tables and find their images.

    An image's id is its path without the first folder ("train/patient00001/study1/view1_frontal.jpg"). It is the same
    in both sizes of the download. The patient id is the name of the patient's folder in it.

    Raises
    ------
    InputError
        If a table or all images are absent, a column or value is not as expected, or `labels` names an unknown label.
    """
    base = _base(data.root)
    own = label_names.own_names("chexpert", label_names.CHEXPERT, data.labels or label_names.CHEXPERT)
    read = [
        _table(base, name, own, data.encoding)
        for name in ("train.csv", "valid.csv")
        if name == "train.csv" or _has_table(base, name)
    ]
    notes = [note for table in read for note in table.notes]
    if len(read) == 1:
        notes.append("valid.csv is absent: the images of train.csv alone")
    targets = np.concatenate([uncertainty.targets(table, own, data) for table in read])
    where = " and ".join(table.path.name for table in read)
    rows = pd.concat([table.rows[["image_id", *COLUMNS[1:]]] for table in read], ignore_index=True)

    patients = tables.shared(rows["image_id"].str.extract("/([^/]*)/", expand=False))
    files = _files(base, data.root, rows["image_id"], patients, str(read[0].path))
    files, exists, absent = images.located(files, f"{base}: {where}")
    image_ids = rows["image_id"].to_numpy(dtype=object)
    absent_ids = image_ids[~exists]
    frontal = (rows["Frontal/Lateral"] == "Frontal").to_numpy()
    notes += absent
    kept = exists
    if data.views == "frontal":
        notes.append(f"{int((exists & ~frontal).sum()):,} lateral images are left out")
        kept = exists & frontal
    projection = rows["AP/PA"].where(rows["AP/PA"] != "", rows["Frontal/Lateral"].str.lower())
    everything = Collection(
        name="chexpert",
        task="multilabel",
        labels=tuple(data.labels or own),
        image_ids=image_ids,
        patient_ids=patients,
        targets=targets,
        read=images.reader(files, channels=1),
        groups={
            "sex": groups.sex(rows["Sex"]),
            "age_band": groups.age_band(rows["Age"]),
            "view": tables.shared(projection),
            "orientation": tables.shared(rows["Frontal/Lateral"].str.lower()),
        },
        channels=1,
        source="Stanford Hospital",
        labelling=f"automatic, from reports ({uncertainty.policy(data)})",
        views="frontal" if data.views == "frontal" else "frontal and lateral",
        notes=tuple(notes),
        files=files,
        absent=absent_ids,
    )
    return everything.only(np.flatnonzero(kept))


def _has_table(base: Path, name: str) -> bool:
    return (base / name).is_file() or (base / f"{name}.gz").is_file()


def _base(root: Path) -> Path:
    """Find the folder of the tables."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; expected CheXpert in Stanford's layout")
    batches = sorted(path for path in root.glob("CheXpert-v1.0 batch *") if _has_table(path, "train.csv"))
    folders = [path for path in (root, *(root / name for name in FOLDERS), *batches) if _has_table(path, "train.csv")]
    if len(folders) != 1:
        listing = ", ".join(str(path.relative_to(root)) for path in folders) or "nowhere"
        raise InputError(
            f"{root}: train.csv found: {listing}; expected it once, in the root or in its {' or '.join(FOLDERS)}"
        )
    return folders[0]


def _table(base: Path, name: str, labels: list[str], encoding: str | None) -> Table:
    """Read a table and add the column `image_id`."""
    path = tables.only_file(base, [name], "CheXpert's table")
    table = tables.one_row_each(tables.read(path, [*COLUMNS, *labels], encoding=encoding), "Path")
    ids = table.rows["Path"].str.replace(r"^CheXpert-v1\.0[^/]*/", "", regex=True)
    table.refuse(
        ~ids.str.fullmatch(r"[^/]+/patient\d+/[^/]+/[^/]+"),
        "Path",
        "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg or the like",
    )
    table.refuse(~table.rows["Frontal/Lateral"].isin(["Frontal", "Lateral"]), "Frontal/Lateral", "Frontal or Lateral")
    return Table(table.path, table.rows.assign(image_id=ids), table.notes)


def _files(base: Path, root: Path, ids: pd.Series, patients: np.ndarray, where: str) -> np.ndarray:
    """Return the path of each image: its id in the base folder; with batches, its path in the patient's batch."""
    if base.parent != root or " batch " not in base.name:
        return images.paths(base, ids, where)
    moved = {path.name: path.parent.name for path in root.glob("CheXpert-v1.0 batch */patient*")}
    in_root = [
        f"{moved[patient]}/{name.removeprefix('train/')}" if patient in moved else f"{base.name}/{name}"
        for name, patient in zip(ids, patients, strict=True)
    ]
    return images.paths(root, in_root, where)
