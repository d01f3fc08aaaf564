"""The COVID-19 image data collection, in the layout of its repository.

In: a folder with `metadata.csv` and `images/`. Out: a `Collection` of X-rays. Its labels are nodes of the tree of
findings: an image of "Pneumonia/Viral/COVID-19" has the labels Pneumonia, Viral and COVID-19.

Source: Cohen et al., COVID-19 image data collection: prospective predictions are the future, MELBA 2020;
https://github.com/ieee8023/covid-chestxray-dataset
"""

from __future__ import annotations

import re
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
FRONTAL = ["PA", "AP", "AP Supine", "AP Erect"]
NO_FINDING = "No Finding"


class CovidData(RootedData):
    """Settings of the COVID-19 image data collection."""

    collection: Literal["covid"]
    csv: str | None = Field(default=None, description="the table in root, if there are several")
    labels: list[str] = Field(default=["COVID-19"], min_length=1, description="nodes of the tree of findings")
    views: list[str] = Field(
        default=FRONTAL, min_length=1, description="frontal views by default; each view that you name must exist"
    )

    def open(self) -> tuple[Collection, None]:
        """Open the data set; see `covid`."""
        return covid(self), None

    def task_and_labels(self) -> tuple[Task, int]:
        """Multi-label, with the findings that `labels` names."""
        return "multilabel", len(self.labels)


def covid(data: CovidData) -> Collection:
    """Read the table and find the X-rays of the views that the settings name.

    A field may list several findings ("COVID-19, ARDS"); the image shows them all. If a finding is an ancestor of a
    label in the tree ("Pneumonia" for COVID-19) and no other has the label, the label is NaN, not labelled.

    Raises
    ------
    InputError
        If the table or all images are absent, a column is missing, no row has a label or view, or a finding mentions a
        label but is no node of the tree.
    """
    path = tables.only_file(
        data.root, ["metadata.csv"], "the COVID-19 image data collection", chosen=data.csv, setting="csv"
    )
    table = tables.one_row_each(
        tables.read(path, COLUMNS, encoding=data.encoding), "filename", used=(*COLUMNS, "location")
    )
    listed = [_paths(text) for text in table.rows["finding"]]
    nodes = {node for paths in listed for path in paths for node in path}
    named_views = [] if data.views == FRONTAL else data.views
    for key, selected, values in (("labels", data.labels, nodes), ("views", named_views, {*table.rows["view"]})):
        unknown = [name for name in selected if name not in values]
        if unknown:
            raise InputError(f"{path}: {key} names {unknown[0]!r}; expected some of {', '.join(sorted(values - {''}))}")
    for label in data.labels:
        table.refuse(
            pd.Series([_mentions(paths, label) for paths in listed], dtype=bool),
            "finding",
            f"{label!r} as a node of the tree (a/b/{label}), or in a list with commas: correct the table",
        )
    both = pd.Series([len(paths) > 1 and (NO_FINDING,) in paths for paths in listed], dtype=bool)
    table.refuse(both, "finding", f"{NO_FINDING} alone, or findings: correct the table")
    table = table.keep(table.rows["modality"] == "X-ray", "images are no X-rays and left out")
    table = table.keep(table.rows["view"].isin(data.views), f"X-rays are not {', '.join(data.views)} and left out")
    labelled = [any(path[0] not in UNLABELLED for path in _paths(text)) for text in table.rows["finding"]]
    table = table.keep(
        pd.Series(labelled, index=table.rows.index, dtype=bool), "images have no finding and are left out"
    )
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
        targets=_targets(rows["finding"], data.labels, {path for paths in listed for path in paths}),
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
        views=", ".join(view for view in data.views if (rows["view"] == view).any()),
        notes=(*table.notes, *absent, _licences(licence[exists])),
        files=files,
        absent=rows["filename"].to_numpy(dtype=object)[~exists],
    ).only(np.flatnonzero(exists))


def _paths(text: str) -> list[tuple[str, ...]]:
    """Return the findings of a field, each as its path in the tree."""
    return [tuple(node.strip() for node in finding.split("/")) for finding in re.split("[,;|]", text)]


def _mentions(paths: list[tuple[str, ...]], label: str) -> bool:
    """Whether a finding has the label's words in another spelling or among others, and no finding is the label."""
    if any(label in path for path in paths):
        return False
    words = _words(label)
    return any(f" {words} " in f" {_words(node)} " for path in paths for node in path)


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W\d_]+|\d+", text.casefold()))


def _targets(findings: pd.Series, labels: list[str], tree: set[tuple[str, ...]]) -> np.ndarray:
    """Return float32, (n_images, n_labels): 1 in the label's branch, NaN for its ancestors, 0 elsewhere."""
    targets = np.zeros((len(findings), len(labels)), dtype=np.float32)
    for k, label in enumerate(labels):
        above = {path[:depth] for path in tree if label in path for depth in range(1, path.index(label) + 1)}
        for row, text in enumerate(findings):
            paths = _paths(text)
            if any(label in path for path in paths):
                targets[row, k] = 1
            elif any(path in above or path[0] in UNLABELLED for path in paths):
                targets[row, k] = np.nan
    return targets


def _licences(licence: np.ndarray) -> str:
    """Count the images under each licence for a note, because licences differ between images."""
    names, counts = np.unique(licence.astype(str), return_counts=True)
    return "licences: " + ", ".join(f"{name} {n:,}" for name, n in zip(names, counts, strict=True))
