"""Any folder of images with a CSV: one row per image, with columns for the image, the patient and the labels.

In: `root` and a CSV in it. Out: a `Collection`, and the split of each image if the CSV has a column for it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from medkt.data.collection import Collection
from medkt.data.label_tables import csv_tables as tables
from medkt.data.label_tables import label_columns, lists
from medkt.data.label_tables.classes import Classes, classes_of
from medkt.data.label_tables.csv_tables import Table
from medkt.data.pixels import decoding as images
from medkt.data.pixels.spellings import Spellings
from medkt.data.settings import RootedData
from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote
from medkt_eval.runtime.reading.names import shown

IMAGE_NAMES = ("image", "image_id", "image_path", "path", "file", "filename")
PATIENT_NAMES = ("patient_id", "patient")
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "validate", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Words for the splits, in small letters, and medkt's names."""


class FolderData(RootedData):
    """Settings of a folder with a CSV of images, patients and labels."""

    collection: Literal["folder"]
    csv: str | None = None
    image_folder: str | None = Field(default=None, description="in root; none: root itself, or images/ where they are")
    image_column: str | None = None
    image_ending: str | None = Field(default=None, description="appended to each name of the table: '.png'")
    patient_column: str | None = None
    label_columns: list[str] | None = Field(default=None, description="0/1 columns: a multi-label task")
    class_column: str | None = Field(default=None, description="one class an image: a multi-class task")
    classes: list[str] | None = Field(default=None, description="classes in their order; other rows are left out")
    split_column: str | None = Field(
        default=None, description="holds train, validation (or val) and test, or train and test alone"
    )
    group_columns: list[str] = Field(default=[], description="for subgroups and the shortcut check: eye, device, sex")
    channels: Literal[1, 3] = 3
    validation_size: int = Field(default=0, ge=0, le=10**9)

    @property
    def brings_split(self) -> bool:
        """Whether a `split_column` is named."""
        return self.split_column is not None

    @property
    def name_outside_a_study(self) -> str:
        """The name of the folder."""
        return self.root.name

    def open(self) -> tuple[Collection, np.ndarray | None]:
        """Open the data set; see `folder`."""
        return folder(self)


def folder(data: FolderData) -> tuple[Collection, np.ndarray | None]:
    """Read the CSV. A column that the settings do not name is guessed if exactly one guess is possible.

    Returns
    -------
    collection : Collection
        All rows; if `classes` is set, only the rows of those classes.
    split : str, (n_images,) or None
        The content of `split_column`.

    Raises
    ------
    InputError
        If a file, column or value is not as expected. The message names the row; the header is row 1.
    """
    table = _table(data)
    where = str(table.path)
    image_column = _column(table.rows, data.image_column, IMAGE_NAMES, "image_column", where)
    patient_column = _column(table.rows, data.patient_column, PATIENT_NAMES, "patient_column", where)
    classes = None if data.class_column is None else _classes(data.class_column, data.classes, table)
    if classes is not None:
        table = replace(table, rows=table.rows.assign(**{str(classes.column.name): classes.column}))
        table = table.keep(classes.column.isin(classes.names), "rows are of other classes and left out")
    used = None
    if data.class_column is not None or data.label_columns is not None:
        named = [data.class_column, *(data.label_columns or ()), data.split_column, *data.group_columns]
        grouped = [str(name) for name in table.rows.columns if str(name).startswith("group_")]
        used = [patient_column, *grouped, *(name for name in named if name is not None)]
    table = tables.one_row_each(_with_relative_names(data.root, table, image_column), image_column, used=used)
    table.refuse(table.rows[patient_column] == "", patient_column, "a value on every row")

    rows = table.rows
    groups = _groups(data, rows, where)
    if classes is not None:
        labels, doubts = classes.names, classes.doubts
        position = {name: k for k, name in enumerate(labels)}
        targets = rows[classes.column.name].map(position).to_numpy(dtype=np.int64)
    else:
        special = {image_column, patient_column, data.split_column, *data.group_columns}
        labels, targets = _findings(data, table, special)
        doubts = () if data.label_columns is not None else (label_columns.doubt_about(labels, table.path.name),)
    image_ids = rows[image_column].to_numpy(dtype=object)
    names = np.array([name + (data.image_ending or "") for name in image_ids], dtype=object)
    files = images.paths(_image_root(data, names), names, where)
    files, exists, absent = _located(data, image_ids, files, where)
    collection = Collection(
        name="folder",
        task="multiclass" if data.class_column is not None else "multilabel",
        labels=labels,
        image_ids=image_ids,
        patient_ids=rows[patient_column].to_numpy(dtype=object),
        targets=targets,
        read=images.reader(files, data.channels),
        groups=groups,
        channels=data.channels,
        source=data.root.name,
        notes=table.notes + absent,
        doubts=doubts,
        ordered=classes is None or classes.ordered,
        files=files,
        absent=image_ids[~exists],
        complete=True,
    )
    split = None
    if data.split_column is not None:
        column = _named(rows, data.split_column, "split_column", where)
        split = np.array([SPLITS.get(name.casefold(), name) for name in column], dtype=object)[exists]
    return collection.only(np.flatnonzero(exists)), split


def _groups(data: FolderData, rows: pd.DataFrame, where: str) -> dict[str, np.ndarray]:
    """Return the columns that the settings name as groups, and those whose name begins with `group_`."""
    columns = {name: str(name).removeprefix("group_") for name in rows.columns if str(name).startswith("group_")}
    columns |= {str(_named(rows, name, "group_columns", where).name): name for name in data.group_columns}
    repeated = next((group for group in columns.values() if list(columns.values()).count(group) > 1), None)
    if repeated is not None:
        raise InputError(
            f"{where}: columns {repeated!r} and 'group_{repeated}' are both the group {repeated!r}; take one off"
        )
    return {group: rows[name].to_numpy(dtype=object) for name, group in columns.items()}


def _with_relative_names(root: Path, table: Table, column: str) -> Table:
    """Make absolute paths of images relative, so that image ids are the same on every machine."""
    given = table.rows[column]
    absolute = given.str.startswith("/").to_numpy()
    if not absolute.any():
        return table
    names = [
        images.relative(root, name) if is_absolute else name for name, is_absolute in zip(given, absolute, strict=True)
    ]
    note = f"{table.path.name}: {int(absolute.sum()):,} absolute paths of images count from {root}"
    return Table(table.path, table.rows.assign(**{column: names}), (*table.notes, note))


def _image_root(data: FolderData, names: np.ndarray) -> Path:
    """Find the folder of the images: the setting, or else the root or its images/, by the first image that exists."""
    if data.image_folder is not None:
        return images.inside(data.root, data.image_folder, str(data.root))
    places = (data.root, data.root / "images")
    exact = next((place for name in names for place in places if (place / name).is_file()), None)
    if exact is not None or is_remote(data.root):
        return exact or data.root
    spellings = Spellings()
    spelt = ((place, str(place / images.relative(place, name))) for name in names for place in places)
    return next((place for place, path in spelt if spellings.candidates(path)), data.root)


def _located(
    data: FolderData, image_ids: np.ndarray, files: np.ndarray, where: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Look for the images, as `images.located`. Images that `exclude` lists need not exist."""
    left_out = lists.excluded(data.exclude) if data.exclude is not None else {}
    exists = np.array([name in left_out for name in image_ids], dtype=bool)
    sought = ~exists
    files = files.copy()
    files[sought], exists[sought], absent = images.located(files[sought], where)
    return files, exists, absent


def _table(data: FolderData) -> Table:
    if not data.root.is_dir():
        raise InputError(f"{data.root}: no such folder; expected one with images and a CSV")
    paths = (
        [images.inside(data.root, data.csv, f"{data.root}: csv")]
        if data.csv
        else sorted([*data.root.glob("*.csv"), *data.root.glob("*.csv.gz")])
    )
    paths = tables.different([path for path in paths if path != data.exclude])
    if len(paths) != 1:
        names = ", ".join(path.name for path in paths) or "none"
        raise InputError(f"{data.root}: CSV files found: {names}; expected one, or name it with csv = '...'")
    return tables.read(paths[0], encoding=data.encoding)


def _column(table: pd.DataFrame, named: str | None, guesses: tuple[str, ...], setting: str, where: str) -> str:
    if named is not None:
        return str(_named(table, named, setting, where).name)
    candidates = [name for name in guesses if name in table.columns]
    if len(candidates) != 1:
        raise InputError(
            f"{where}: columns {', '.join(table.columns)}: {len(candidates)} of them could be {setting}; "
            f"name it with {setting} = '...'"
        )
    return candidates[0]


def _named(table: pd.DataFrame, name: str, setting: str, where: str) -> pd.Series:
    if name not in table.columns:
        raise InputError(f"{where}: {setting} is {name!r}; expected one of {', '.join(table.columns)}")
    return table[name]


def _findings(data: FolderData, table: Table, special: set[str | None]) -> tuple[tuple[str, ...], np.ndarray]:
    rows, where = table.rows, str(table.path)
    guessed = [name for name in rows.columns if name not in special and not str(name).startswith("group_")]
    labels = guessed if data.label_columns is None else data.label_columns
    if not labels:
        raise InputError(f"{where}: no label column found; expected one or more columns of 0 and 1, or a class_column")
    others = [
        label for label in labels if not _named(rows, label, "label_columns", where).isin(label_columns.FINDING).all()
    ]
    if others and data.label_columns is None:
        raise InputError(f"{where}: {label_columns.not_findings(rows, labels, others)}")
    for label in others:
        classes = f"; is it one class an image? Then set class_column = {label!r} in place of label_columns"
        table.refuse(~rows[label].isin(label_columns.FINDING), label, f"0, 1 or empty (not labelled){classes}")
    targets = rows[list(labels)].replace("", "nan").to_numpy(dtype=np.float32)
    return tuple(labels), targets


def _classes(name: str, named: list[str] | None, table: Table) -> Classes:
    column = _named(table.rows, name, "class_column", str(table.path))
    if named is None:
        table.refuse(column == "", name, "a class on every row")
        label_columns.refuse_marks_of_absence(column, str(table.path))
    classes = classes_of(column, named, str(table.path))
    if len(classes.names) < 2:
        raise InputError(f"{table.path}: {name} holds {len(classes.names)} class; expected two or more")
    if name in table.trimmed:
        doubt = f"{name}: blanks at the edges of classes were removed: {shown('A ')} counts as {shown('A')}"
        classes = replace(classes, doubts=(doubt, *classes.doubts))
    return classes
