"""The COVID-19 image data collection, in the layout of its repository.

In: a folder with `metadata.csv` and `images/`. Out: a `Collection` of X-rays. Its labels are nodes of the tree of
findings: an image of "Pneumonia/Viral/COVID-19" has the labels Pneumonia, Viral and COVID-19.

Source: Cohen et al., COVID-19 image data collection: prospective predictions are the future, MELBA 2020;
https://github.com/ieee8023/covid-chestxray-dataset
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt.data.label_tables import groups
from medkt.data.pixels import decoding as images
from medkt.data.settings import RootedData
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task

COLUMNS = ("patientid", "sex", "age", "finding", "view", "modality", "folder", "filename", "license")
UNLABELLED = ("", "todo", "Unknown")


class CovidData(RootedData):
    """Settings of the COVID-19 image data collection."""

    collection: Literal["covid"]
    csv: str | None = Field(default=None, description="the table in root, if there are several")
    labels: list[str] = Field(default=["COVID-19"], min_length=1, description="nodes of the tree of findings")
    views: list[str] = Field(default=["PA", "AP", "AP Supine", "AP Erect"], min_length=1)

    def open(self) -> tuple[Collection, None]:
        """Open the data set; see `covid`."""
        return covid(self), None

    def task_and_labels(self) -> tuple[Task, int]:
        """Multi-label, with the findings that `labels` names."""
        return "multilabel", len(self.labels)


def covid(data: CovidData) -> Collection:
    """Read the table and find the X-rays of the views that the settings name.

    If an image's finding is an ancestor of a label in the tree ("Pneumonia" for COVID-19), that label is NaN, not
    labelled.

    Raises
    ------
    InputError
        If the table or all images are absent, a column is missing, or no row has a label or view.
    """
    path = tables.only_file(
        data.root, ["metadata.csv"], "the COVID-19 image data collection", chosen=data.csv, setting="csv"
    )
    table = tables.one_row_each(tables.read(path, COLUMNS, encoding=data.encoding), "filename")
    nodes = {node for finding in table.rows["finding"] for node in finding.split("/")}
    for key, selected, values in (("labels", data.labels, nodes), ("views", data.views, {*table.rows["view"]})):
        unknown = [name for name in selected if name not in values]
        if unknown:
            raise InputError(f"{path}: {key} names {unknown[0]!r}; expected some of {', '.join(sorted(values - {''}))}")
    tree = {finding for finding in table.rows["finding"] if finding not in UNLABELLED}
    table = table.keep(table.rows["modality"] == "X-ray", "images are no X-rays and left out")
    table = table.keep(table.rows["view"].isin(data.views), f"X-rays are not {', '.join(data.views)} and left out")
    table = table.keep(~table.rows["finding"].isin(UNLABELLED), "images have no finding and are left out")
    table.refuse(table.rows["patientid"] == "", "patientid", "a value on every row")

    rows = table.rows
    names = rows["folder"] + "/" + rows["filename"]
    files = images.paths(data.root, names, str(path))
    files, exists, absent = images.located(files, str(path))
    licence = groups.filled(rows["license"])
    return Collection(
        name="covid",
        task="multilabel",
        labels=tuple(data.labels),
        image_ids=rows["filename"].to_numpy(dtype=object),
        patient_ids=rows["patientid"].to_numpy(dtype=object),
        targets=_targets(rows["finding"], data.labels, tree),
        read=images.reader(files, channels=1),
        groups={
            "sex": groups.sex(rows["sex"]),
            "age_band": groups.age_band(rows["age"]),
            "view": rows["view"].to_numpy(dtype=object),
            "licence": licence,
        },
        acquisition={"location": groups.filled(rows["location"])} if "location" in rows else {},
        channels=1,
        source="publications and public case collections",
        labelling="from publications and reports",
        views=", ".join(data.views),
        notes=(*table.notes, *absent, _licences(licence[exists])),
        files=files,
        absent=rows["filename"].to_numpy(dtype=object)[~exists],
    ).only(np.flatnonzero(exists))


def _targets(findings: pd.Series, labels: list[str], tree: set[str]) -> np.ndarray:
    """Return float32, (n_images, n_labels): 1 in the label's branch, NaN for its ancestors, 0 elsewhere."""
    above = {
        label: {
            tuple(finding.split("/")[:depth])
            for finding in tree
            if label in finding.split("/")
            for depth in range(1, finding.split("/").index(label) + 1)
        }
        for label in labels
    }
    paths = [tuple(finding.split("/")) for finding in findings]
    return np.array(
        [[1 if label in path else np.nan if path in above[label] else 0 for label in labels] for path in paths],
        dtype=np.float32,
    ).reshape(len(paths), len(labels))


def _licences(licence: np.ndarray) -> str:
    """Count the images under each licence for a note, because licences differ between images."""
    names, counts = np.unique(licence.astype(str), return_counts=True)
    return "licences: " + ", ".join(f"{name} {n:,}" for name, n in zip(names, counts, strict=True))
