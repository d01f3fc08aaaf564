"""Any folder of images with a CSV: one row an image, a column for the image, one for the patient, labels.

In: `root` and a CSV in it. Out: a `Collection`, and the splits where the CSV has a column for them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from medkt.config import FolderData
from medkt.data.collection import Collection
from medkt.data.images import inside, read_image
from medkt_eval.errors import InputError

IMAGE_NAMES = ("image", "image_id", "image_path", "path", "file", "filename")
PATIENT_NAMES = ("patient_id", "patient")


def folder(data: FolderData) -> tuple[Collection, np.ndarray | None]:
    """Read the CSV; columns that are not named in the settings are guessed where only one guess is possible.

    Returns
    -------
    collection : Collection
        All rows; with `classes`, the rows of those classes.
    split : str, (n_images,) or None
        What `split_column` says.

    Raises
    ------
    InputError
        If a file, column or value is not as expected; the message names the row (the header is row 1).
    """
    table, where = _table(data)
    image_column = _column(table, data.image_column, IMAGE_NAMES, "image_column", where)
    patient_column = _column(table, data.patient_column, PATIENT_NAMES, "patient_column", where)
    for column in (image_column, patient_column):
        empty = table[column] == ""
        if empty.any():
            raise InputError(f"{where}: row {_row(empty)}: {column} is empty; expected a value on every row")
    if data.classes is not None and data.class_column is not None:
        table = table[_named(table, data.class_column, "class_column", where).isin(data.classes)]
    repeated = table[image_column].duplicated()
    if repeated.any():
        raise InputError(f"{where}: row {_row(repeated)}: image {table[image_column][repeated].iloc[0]!r} is listed "
                         "twice; expected one row an image")  # fmt: skip

    special = {image_column, patient_column, data.split_column}
    if data.class_column is not None:
        labels, targets = _classes(data, table, where)
    else:
        labels, targets = _findings(data, table, special, where)
    image_ids = table[image_column].to_numpy(dtype=object)
    files = [inside(_image_root(data, str(image_ids[0])), str(name), where) for name in image_ids]
    absent = [name for name, file in zip(image_ids, files, strict=True) if not file.is_file()]
    if absent:
        raise InputError(f"{where}: {len(absent)} listed images are absent from {data.root} (first: {absent[0]!r}); "
                         "add them or take them off the list")  # fmt: skip
    collection = Collection(
        name="folder",
        task="multiclass" if data.class_column is not None else "multilabel",
        labels=labels,
        image_ids=image_ids,
        patient_ids=table[patient_column].to_numpy(dtype=object),
        targets=targets,
        read=lambda index, size_px: read_image(files[index], size_px, data.channels),
        groups={str(name).removeprefix("group_"): table[name].to_numpy(dtype=object)
                for name in table.columns if str(name).startswith("group_")},
        channels=data.channels,
        source=data.root.name,
    )  # fmt: skip
    split = None
    if data.split_column is not None:
        split = _named(table, data.split_column, "split_column", where).to_numpy(dtype=object)
    return collection, split


def _image_root(data: FolderData, first: str) -> Path:
    """Where the images lie: as said, else in the root, else in its images/ if the first listed image is there."""
    if data.image_folder is not None:
        return inside(data.root, data.image_folder, str(data.root))
    elsewhere = data.root / "images"
    return elsewhere if not (data.root / first).is_file() and (elsewhere / first).is_file() else data.root


def _table(data: FolderData) -> tuple[pd.DataFrame, str]:
    if not data.root.is_dir():
        raise InputError(f"{data.root}: no such folder; expected one with images and a CSV")
    found = [data.root / data.csv] if data.csv else sorted(data.root.glob("*.csv"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise InputError(f"{data.root}: CSV files found: {names}; expected one, or name it with csv = '...'")
    try:
        table = pd.read_csv(found[0], dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{found[0]}: cannot be read ({error}); expected a CSV with a header") from error
    if table.empty:
        raise InputError(f"{found[0]}: no rows; expected one an image")
    return table, str(found[0])


def _column(table: pd.DataFrame, named: str | None, guesses: tuple[str, ...], setting: str, where: str) -> str:
    if named is not None:
        return str(_named(table, named, setting, where).name)
    found = [name for name in guesses if name in table.columns]
    if len(found) != 1:
        raise InputError(f"{where}: columns {', '.join(table.columns)}: {len(found)} of them could be {setting}; "
                         f"name it with {setting} = '...'")  # fmt: skip
    return found[0]


def _named(table: pd.DataFrame, name: str, setting: str, where: str) -> pd.Series:
    if name not in table.columns:
        raise InputError(f"{where}: {setting} is {name!r}; expected one of {', '.join(table.columns)}")
    return table[name]


def _findings(
    data: FolderData, table: pd.DataFrame, special: set[str | None], where: str
) -> tuple[tuple[str, ...], np.ndarray]:
    guessed = [name for name in table.columns if name not in special and not str(name).startswith("group_")]
    labels = guessed if data.label_columns is None else data.label_columns
    if not labels:
        raise InputError(f"{where}: no label column found; expected one or more columns of 0 and 1, or a "
                         "class_column")  # fmt: skip
    for label in labels:
        column = _named(table, label, "label_columns", where)
        wrong = ~column.isin(["0", "1", "0.0", "1.0", ""])
        if wrong.any():
            hint = "" if data.label_columns else "; if it is no label, name the labels with label_columns = [...]"
            raise InputError(f"{where}: row {_row(wrong)}: {label} is {column[wrong].iloc[0]!r}; expected 0, 1 or "
                             f"empty (not labelled){hint}")  # fmt: skip
    targets = table[list(labels)].replace("", "nan").to_numpy(dtype=np.float32)
    return tuple(labels), targets


def _classes(data: FolderData, table: pd.DataFrame, where: str) -> tuple[tuple[str, ...], np.ndarray]:
    column = _named(table, data.class_column or "", "class_column", where)
    empty = column == ""
    if empty.any():
        raise InputError(f"{where}: row {_row(empty)}: {column.name} is empty; expected a class on every row")
    classes = data.classes or sorted(column.unique())
    if len(classes) < 2:
        raise InputError(f"{where}: {column.name} holds {len(classes)} class; expected two or more")
    return tuple(classes), np.array([classes.index(name) for name in column], dtype=np.int64)


def _row(mask: pd.Series) -> int:
    """Number of the first row where `mask` holds, counted as a spreadsheet shows it (the header is row 1)."""
    return int(mask.index[mask.to_numpy()][0]) + 2
