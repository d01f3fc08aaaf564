"""The prediction format: validate, align, write.

In: a table with one row per image. Out: `Predictions`, sorted by image id, so that the order of
rows in a file changes nothing. docs/formats.md describes the columns for writers in any language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.names import check_names
from medkt_eval.predictions.values.plain_values import as_numbers, as_texts
from medkt_eval.predictions.values.printable import check_texts
from medkt_eval.predictions.values.probabilities import check_probabilities, clip_finding
from medkt_eval.predictions.values.repairs import BLANKS, Repair, without_blanks
from medkt_eval.runtime.reading.files import check_readable, is_listed
from medkt_eval.runtime.reading.names import check_printable

Task = Literal["multilabel", "multiclass"]
SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True)
class Predictions:
    """Scores of one model on one set of images, with the images' targets.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
        Several findings per image, or one class per image.
    labels : tuple of str
        Findings or classes.
    image_ids : str, (n_images,)
        Sorted and unique.
    patient_ids : str, (n_images,) or None
        None only if the file has no such column.
    targets : float64, (n_images, n_labels) or int64, (n_images,)
        Multi-label: 0, 1 or NaN (not labelled). Multi-class: index into `labels`.
    scores : float64, (n_images, n_labels)
        Higher = more likely. Multi-class: probabilities.
    groups : dict of str to str, (n_images,)
        Columns `group_<name>`.
    source : str
        Name of the file, for messages.
    repairs : tuple of Repair
        What reading changed in the file's values.
    group_orders : dict of str to tuple of str
        The order of the groups of a column that declares one, as an ordered Categorical does.
    """

    task: Task
    labels: tuple[str, ...]
    image_ids: np.ndarray
    patient_ids: np.ndarray | None
    targets: np.ndarray
    scores: np.ndarray
    groups: dict[str, np.ndarray] = field(default_factory=dict)
    source: str = "predictions"
    repairs: tuple[Repair, ...] = ()
    group_orders: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def patients(self) -> tuple[np.ndarray, int]:
        """Each image's patient, numbered by sorted patient id (int64, (n_images,)), and the number of patients.

        Without patient ids, each image is its own patient.
        """
        if self.patient_ids is None:
            return np.arange(len(self.image_ids)), len(self.image_ids)
        patient, names = pd.factorize(self.patient_ids, sort=True)  # no text of fixed width: one id may be long
        return patient, len(names)

    def target(self, k: int) -> np.ndarray:
        """Targets of label k: 1, 0, or NaN where not labelled; float64, (n_images,)."""
        return self.targets[:, k] if self.task == "multilabel" else (self.targets == k).astype(np.float64)

    def score(self, k: int) -> np.ndarray:
        """Scores of label k, float64, (n_images,)."""
        return self.scores[:, k]

    @property
    def classes(self) -> np.ndarray:
        """Multi-class: each image's class, int64, (n_images,)."""
        return self.targets


def target_column(label: str) -> str:
    """Column of a finding's targets."""
    return f"target_{label}"


def score_column(label: str) -> str:
    """Column of a label's scores."""
    return f"score_{label}"


def find(folder: Path, split: str) -> Path | None:
    """Find `predictions-<split>` in a run folder, in any of the formats; None if there is none.

    Raises
    ------
    InputError
        If there are several files, or it is a folder, a FIFO or a link to nothing.
    """
    found = [path for suffix in SUFFIXES if is_listed(path := folder / f"predictions-{split}{suffix}")]
    if len(found) > 1:
        raise InputError(f"{folder}: {', '.join(path.name for path in found)}: expected one of them; remove the others")
    for path in found:
        check_readable(path, "a file of predictions")
    return found[0] if found else None


def from_frame(frame: pd.DataFrame, task: Task, labels: Sequence[str], *, source: str) -> Predictions:
    """Validate a table of predictions (columns as in docs/formats.md) and sort it by image id.

    Raises
    ------
    InputError
        If a column or value does not follow docs/formats.md, naming `source`.
    """
    target_columns = [target_column(label) for label in labels] if task == "multilabel" else ["target"]
    score_columns = [score_column(label) for label in labels]
    frame = frame.set_axis([str(name) for name in frame.columns], axis="columns")
    check_columns(list(frame.columns), task, labels, source=source)
    if frame.empty:
        raise InputError(f"{source}: no rows; expected one per image")

    repairs: list[Repair] = []

    def texts(name: str) -> np.ndarray:
        values, repaired = without_blanks(as_texts(frame[name]), name)
        check_texts(values, name, source)
        repairs.extend(repaired)
        return values

    image_ids = texts("image_id")
    nameless = image_ids == ""
    if nameless.any():
        raise InputError(f"{source}: row {_first(nameless)}: no image_id; expected one on every row")
    order = np.argsort(image_ids, kind="stable")
    image_ids, frame = image_ids[order], frame.iloc[order]
    repeated = image_ids[1:] == image_ids[:-1]
    if repeated.any():
        raise InputError(
            f"{source}: image_id {image_ids[1:][repeated][0]!r} is in several rows; expected one row per image"
        )

    patient_ids = None
    if "patient_id" in frame.columns:
        patient_ids = texts("patient_id")
        missing = patient_ids == ""
        if missing.any():
            raise InputError(f"{source}: image {image_ids[missing][0]!r}: no patient_id; expected one on every row")

    scores = np.column_stack([_numbers(frame[name], source, image_ids) for name in score_columns])
    bad = ~np.isfinite(scores)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"{source}: image {image_ids[row]!r}: {score_columns[column]} is {scores[row, column]}; "
            "expected a finite number"
        )
    if task == "multiclass":
        divisor, repaired = check_probabilities(scores, score_columns, image_ids.__getitem__, source=source)
        scores = np.clip(scores, 0, 1) / divisor[:, None]
        repairs += repaired
    else:
        for k, name in enumerate(score_columns):
            scores[:, k], repaired = clip_finding(scores[:, k], name, image_ids.__getitem__)
            repairs += repaired
    targets = (
        _multilabel_targets(frame, target_columns, source, image_ids)
        if task == "multilabel"
        else _multiclass_targets(frame, labels, source, image_ids)
    )
    groups = {name.removeprefix("group_"): texts(name) for name in frame.columns if name.startswith("group_")}
    group_orders = {
        name.removeprefix("group_"): tuple(str(value).strip(BLANKS) for value in frame[name].cat.categories)
        for name in frame.columns
        if name.startswith("group_") and isinstance(kind := frame[name].dtype, pd.CategoricalDtype) and kind.ordered
    }
    return Predictions(
        task, tuple(labels), image_ids, patient_ids, targets, scores, groups, source, tuple(repairs), group_orders
    )


def check_columns(names: Sequence[str], task: Task, labels: Sequence[str], *, source: str) -> None:
    """Check that the columns are those of docs/formats.md.

    Raises
    ------
    InputError
        Naming the first column that is repeated, absent or unknown.
    """
    check_names(names, source=source)
    check_printable([name for name in names if name.startswith("group_")], "column", source)
    targets = [target_column(label) for label in labels] if task == "multilabel" else ["target"]
    needed = ["image_id", *targets, *map(score_column, labels)]
    absent = [name for name in needed if name not in names]
    if absent:
        raise InputError(f"{source}: no column {absent[0]!r}; a {task} file of these labels needs it (docs/formats.md)")
    known = {"patient_id", *needed}
    unknown = [name for name in names if name not in known and not name.startswith("group_")]
    if unknown:
        raise InputError(f"{source}: unknown column {unknown[0]!r}; expected {', '.join(sorted(known)[:4])}, ...")


def to_frame(predictions: Predictions) -> pd.DataFrame:
    """The table of docs/formats.md; scores are float32, as models produce them."""
    columns: dict[str, object] = {"image_id": predictions.image_ids}
    if predictions.patient_ids is not None:
        columns["patient_id"] = predictions.patient_ids
    columns |= {f"group_{name}": values for name, values in predictions.groups.items()}
    if predictions.task == "multilabel":
        for k, label in enumerate(predictions.labels):
            columns[f"target_{label}"] = pd.array(predictions.targets[:, k], dtype="Int8")
    else:
        columns["target"] = np.array(predictions.labels, dtype=object)[predictions.targets]
    for k, label in enumerate(predictions.labels):
        columns[f"score_{label}"] = predictions.scores[:, k].astype(np.float32)
    return pd.DataFrame(columns)


def _first(mask: np.ndarray) -> int:
    """Number of the first row where `mask` is true, as a spreadsheet counts it (header = 1)."""
    return int(np.flatnonzero(mask)[0]) + 2


def _numbers(column: pd.Series, source: str, image_ids: np.ndarray) -> np.ndarray:
    values, wrong = as_numbers(column)
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        raise InputError(
            f"{source}: image {image_ids[row]!r}: {column.name} is {column.iloc[row]!r}; expected a number"
        )
    return values


def _multilabel_targets(
    frame: pd.DataFrame, columns: list[str], source: str, image_ids: np.ndarray
) -> np.ndarray:  # (n_images, n_labels)
    targets = np.column_stack([_numbers(frame[name], source, image_ids) for name in columns])
    bad = ~(np.isnan(targets) | (targets == 0) | (targets == 1))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"{source}: image {image_ids[row]!r}: {columns[column]} is {targets[row, column]:g}; "
            "expected 0, 1 or empty (not labelled)"
        )
    return targets


def _multiclass_targets(
    frame: pd.DataFrame, labels: Sequence[str], source: str, image_ids: np.ndarray
) -> np.ndarray:  # (n_images,)
    index = pd.Index(list(labels)).get_indexer(frame["target"].astype(str))  # type: ignore[arg-type]
    if (index < 0).any():
        row = np.flatnonzero(index < 0)[0]
        raise InputError(
            f"{source}: image {image_ids[row]!r}: target is {frame['target'].iloc[row]!r}; "
            f"expected one of {', '.join(map(repr, labels))}"
        )
    return index.astype(np.int64)
