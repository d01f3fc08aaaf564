"""MIMIC-CXR-JPG in PhysioNet's own layout.

In: a folder with `mimic-cxr-2.0.0-chexpert.csv`, `-metadata.csv` and, for the official split, `-split.csv`, each plain
or gzipped. The images are `files/p10/p10000032/s50414267/<dicom>.jpg`. Out: a `Collection` with a row per image; an
image has the labels of its study.

Source: Johnson et al., MIMIC-CXR-JPG, 2019; https://physionet.org/content/mimic-cxr-jpg/
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt.data.label_tables import groups, label_names, uncertainty
from medkt.data.label_tables.csv_tables import Table
from medkt.data.label_tables.uncertainty import CheXpertLabels
from medkt.data.pixels import decoding as images

STUDY = ["subject_id", "study_id"]
OFFICIAL = {"train": "train", "validate": "validation", "test": "test"}
FRONTAL = ("AP", "PA")


class MimicCxrData(CheXpertLabels):
    """Settings of MIMIC-CXR-JPG in PhysioNet's own layout."""

    collection: Literal["mimic-cxr"]
    official_split: bool = Field(default=False, description="train, validate and test as mimic-cxr-*-split.csv has it")
    validation_size: int = Field(default=0, ge=0, le=10**9)

    @property
    def brings_split(self) -> bool:
        """Whether `official_split` is set."""
        return self.official_split

    def open(self) -> tuple[Collection, np.ndarray | None]:
        """Open the data set; see `mimic_cxr`."""
        return mimic_cxr(self)


def mimic_cxr(data: MimicCxrData) -> tuple[Collection, np.ndarray | None]:
    """Join the tables and find the images.

    An image's id is its DICOM id, and its patient is the subject id. Images of studies without CheXpert labels are left
    out, and a note counts them.

    Returns
    -------
    collection : Collection
        All images.
    split : str, (n_images,) or None
        The official split, if `official_split` is set.

    Raises
    ------
    InputError
        If a table or all images are absent, a column or value is not as expected, or tables contradict each other.
    """
    own = label_names.own_names("mimic-cxr", label_names.CHEXPERT, data.labels or label_names.CHEXPERT)
    labelled = _table(data, "chexpert", [*STUDY, *own], "study_id")
    targets = uncertainty.targets(labelled, own, data)
    studies = labelled.rows[STUDY].assign(target_row=range(len(targets)))
    table = _table(data, "metadata", ["dicom_id", *STUDY, "ViewPosition"], "dicom_id")
    rows = table.rows.reset_index(names="row").merge(studies, on=STUDY, how="left").set_index("row")
    table = Table(table.path, rows, labelled.notes + table.notes)
    del labelled, studies, rows  # they have several hundred thousand rows: free the memory
    if data.official_split:
        table = _with_split(data, table)
    table = table.keep(table.rows["target_row"].notna(), "images are of studies without CheXpert labels and left out")
    if data.views == "frontal":
        table = table.keep(table.rows["ViewPosition"].isin(FRONTAL), "images are neither AP nor PA and left out")

    rows = table.rows
    image_ids, subjects = rows["dicom_id"].to_numpy(dtype=object), tables.shared(rows["subject_id"])
    names = (
        f"files/p{subject[:2]}/p{subject}/s{study}/{image}.jpg"
        for subject, study, image in zip(subjects, rows["study_id"], image_ids, strict=True)
    )
    files = images.paths(data.root, names, str(table.path))
    files, exists, absent = images.located(files, str(table.path))
    rows = rows[exists]
    collection = Collection(
        name="mimic-cxr",
        task="multilabel",
        labels=tuple(data.labels or own),
        image_ids=image_ids[exists],
        patient_ids=subjects[exists],
        targets=targets[rows["target_row"].to_numpy(dtype=np.int64)],
        read=images.reader(files[exists], channels=1),
        groups={"view": groups.filled(rows["ViewPosition"])},
        channels=1,
        source="Beth Israel Deaconess Medical Center",
        labelling=f"automatic, from reports ({uncertainty.policy(data)})",
        views="frontal" if data.views == "frontal" else "frontal and lateral",
        notes=(*table.notes, *absent),
        files=files[exists],
        absent=image_ids[~exists],
    )
    return collection, tables.shared(rows["split"]) if data.official_split else None


def _table(data: MimicCxrData, kind: str, columns: list[str], key: str) -> Table:
    path = tables.only_file(data.root, [f"mimic-cxr-*-{kind}.csv"], f"MIMIC-CXR-JPG's table of {kind}")
    return tables.one_row_each(
        tables.read(path, columns, encoding=data.encoding, only=True), key, "study" if key == "study_id" else "image"
    )


def _with_split(data: MimicCxrData, table: Table) -> Table:
    """Add the official split of each image, by medkt's names."""
    split = _table(data, "split", ["dicom_id", "split"], "dicom_id")
    split.refuse(~split.rows["split"].isin(OFFICIAL), "split", "train, validate or test")
    official = dict(zip(split.rows["dicom_id"], split.rows["split"].map(OFFICIAL), strict=True))
    parts = np.array([official.get(image) for image in table.rows["dicom_id"]], dtype=object)
    rows = table.rows.assign(split=parts)
    table = Table(table.path, rows, table.notes + split.notes)
    table.refuse(rows["split"].isna(), "dicom_id", f"an image that {split.path.name} has too")
    return table
