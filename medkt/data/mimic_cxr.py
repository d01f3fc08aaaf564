"""MIMIC-CXR-JPG in PhysioNet's own layout.

In: a folder with `mimic-cxr-2.0.0-chexpert.csv`, `-metadata.csv` and, for the official split, `-split.csv` (each plain
or .gz) and `files/p10/p10000032/s50414267/<dicom>.jpg`. Out: a `Collection`: a row an image, labelled as its study.

Source: Johnson et al., MIMIC-CXR-JPG, 2019; https://physionet.org/content/mimic-cxr-jpg/
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from medkt.data import groups, images, label_names, tables, uncertainty
from medkt.data.collection import Collection
from medkt.data.tables import Table
from medkt.data_settings import MimicCxrData

STUDY = ["subject_id", "study_id"]
OFFICIAL = {"train": "train", "validate": "validation", "test": "test"}
FRONTAL = ("AP", "PA")


def mimic_cxr(data: MimicCxrData) -> tuple[Collection, np.ndarray | None]:
    """Join the tables and find the images.

    An image's id is its DICOM id, its patient the subject id. Images of studies without CheXpert labels are left out
    and counted.

    Returns
    -------
    collection : Collection
        All images.
    split : str, (n_images,) or None
        The official one, where `official_split` asks for it.

    Raises
    ------
    InputError
        If a table or all images are absent, a column or value is not as expected, or tables contradict each other.
    """
    own = label_names.asked("mimic-cxr", label_names.CHEXPERT, data.labels or label_names.CHEXPERT)
    labelled = _table(data.root, "chexpert", [*STUDY, *own], "study_id")
    listed = _table(data.root, "metadata", ["dicom_id", *STUDY, "ViewPosition"], "dicom_id")
    studies = labelled.rows.assign(target_row=range(len(labelled.rows)))[[*STUDY, "target_row"]]
    rows = listed.rows.reset_index(names="row").merge(studies, on=STUDY, how="left").set_index("row")
    if data.official_split:
        rows, split_notes = _with_split(data.root, rows, listed.path)
    else:
        split_notes = ()
    table = Table(listed.path, rows, (*labelled.notes, *listed.notes, *split_notes))
    table = table.keep(rows["target_row"].notna(), "images are of studies without CheXpert labels and left out")
    if data.views == "frontal":
        table = table.keep(table.rows["ViewPosition"].isin(FRONTAL), "images are neither AP nor PA and left out")

    rows = table.rows
    subjects = rows["subject_id"]
    names = "files/p" + subjects.str[:2] + "/p" + subjects + "/s" + rows["study_id"] + "/" + rows["dicom_id"] + ".jpg"
    files = images.paths(data.root, names, str(listed.path))
    there, absent = images.present(files, str(listed.path))
    collection = Collection(
        name="mimic-cxr",
        task="multilabel",
        labels=tuple(data.labels or own),
        image_ids=rows["dicom_id"].to_numpy(dtype=object),
        patient_ids=subjects.to_numpy(dtype=object),
        targets=uncertainty.targets(labelled, own, data)[rows["target_row"].to_numpy(dtype=np.int64)],
        read=images.reader(files, channels=1),
        groups={"view": groups.filled(rows["ViewPosition"])},
        channels=1,
        source="Beth Israel Deaconess Medical Center",
        labelling=f"automatic, from reports ({uncertainty.policy(data)})",
        views="frontal" if data.views == "frontal" else "frontal and lateral",
        notes=(*table.notes, *absent),
        files=files,
    ).only(np.flatnonzero(there))
    return collection, rows["split"].to_numpy(dtype=object)[there] if data.official_split else None


def _table(root: Path, kind: str, columns: list[str], key: str) -> Table:
    path = tables.the_one(root, [f"mimic-cxr-*-{kind}.csv"], f"MIMIC-CXR-JPG's table of {kind}")
    table = tables.one_row_each(tables.read(path, columns), key, "study" if key == "study_id" else "image")
    return replace(table, rows=table.rows[columns])


def _with_split(root: Path, rows: pd.DataFrame, where: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows with the official split of each, as medkt calls it."""
    split = _table(root, "split", ["dicom_id", "split"], "dicom_id")
    split.refuse(~split.rows["split"].isin(OFFICIAL), "split", "train, validate or test")
    by_image = split.rows.set_index("dicom_id")["split"].map(OFFICIAL)
    rows = rows.assign(split=rows["dicom_id"].map(by_image))
    Table(where, rows).refuse(rows["split"].isna(), "dicom_id", f"an image that {split.path.name} has too")
    return rows, split.notes
