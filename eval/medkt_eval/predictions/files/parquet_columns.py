"""Parquet files have one reader: ids once, then one column at a time, row group by row group.

In: a .parquet file as in docs/formats.md. Out: `PredictionFile`, which has the methods of `Predictions` and leaves
targets and scores on disk, if it is too large for memory; else `Predictions`. pandas' metadata in the file is ignored:
a column that pandas wrote as its index is a column, and the numbers of its rows (`__index_level_0__`) are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.names import Task, score_column, target_column
from medkt_eval.predictions.columns.roles import Columns
from medkt_eval.predictions.files.parquet_values import (
    is_empty,
    numbers_of,
    opened,
    order_of_ids,
    order_of_values,
    sorted_dictionary,
    text_of,
    trimmed,
)
from medkt_eval.predictions.files.tables import expected, no_class, wrong_values
from medkt_eval.predictions.format import Predictions
from medkt_eval.predictions.values.faults import Faults
from medkt_eval.predictions.values.plain_values import as_classes
from medkt_eval.predictions.values.printable import check_texts
from medkt_eval.predictions.values.probabilities import RowsOfClasses, check_probabilities, clip_finding
from medkt_eval.predictions.values.repairs import Repair, of_columns

pc: Any = pyarrow.compute  # it creates its functions on import, so type checkers see none


@dataclass(frozen=True, eq=False)
class PredictionFile:
    """Predictions on disk.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
    labels : tuple of str
    columns : Columns
        Which column of the file holds what.
    path : Path
        A .parquet file.
    image_ids : pyarrow large_string, (n_images,)
        Sorted and unique.
    patient_ids : pyarrow dictionary of large_string, (n_images,), or None
        The dictionary is sorted, so its indices are the patients' numbers.
    groups : dict of str to str, (n_images,)
    order : int64, (n_images,), or None
        Rows of the file by image id; None if the file is in that order.
    repairs : tuple of Repair
        What reading changed in the file's values.
    group_orders : dict of str to tuple of str
        See `Predictions`.
    divisor : float64, (n_images,), or None
        Multi-class: what the clipped scores of each image are divided by; None: 1.
    """

    task: Task
    labels: tuple[str, ...]
    columns: Columns
    path: Path
    image_ids: pa.Array
    patient_ids: pa.DictionaryArray | None
    groups: dict[str, np.ndarray]
    order: np.ndarray | None
    repairs: tuple[Repair, ...] = ()
    divisor: np.ndarray | None = None
    group_orders: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", lru_cache(maxsize=1)(self.target))  # one label is read many times in a row

    @property
    def source(self) -> str:
        """The file, for messages."""
        return str(self.path)

    def without_ids(self) -> PredictionFile:
        """A copy without ids, patients and groups, for a file with the same images as one already read."""
        return replace(self, image_ids=pa.nulls(len(self.image_ids)), patient_ids=None, groups={}, group_orders={})

    def selected(self, keep: np.ndarray) -> PredictionFile:
        """See `Predictions.selected`."""
        patients = None
        if self.patient_ids is not None:
            patients = sorted_dictionary(self.patient_ids.cast(pa.large_string()).filter(pa.array(keep)))
        return replace(
            self,
            image_ids=self.image_ids.filter(pa.array(keep)),
            patient_ids=patients,
            groups={name: values[keep] for name, values in self.groups.items()},
            order=(np.arange(len(keep)) if self.order is None else self.order)[keep],
            divisor=None if self.divisor is None else self.divisor[keep],
        )

    def patients(self) -> tuple[np.ndarray, int]:
        """See `Predictions.patients`."""
        if self.patient_ids is None:
            return np.arange(len(self.image_ids)), len(self.image_ids)
        return self.patient_ids.indices.to_numpy().astype(np.int64), len(self.patient_ids.dictionary)

    def target(self, k: int) -> np.ndarray:
        """See `Predictions.target`."""
        if self.task == "multiclass":
            return (self.classes == k).astype(np.float64)
        faults = Faults(self.source)
        values = self._target(k, faults)
        faults.refuse()
        return values

    def score(self, k: int) -> np.ndarray:
        """See `Predictions.score`."""
        faults = Faults(self.source)
        values, _ = self._score(k, faults)
        faults.refuse()
        return values

    @cached_property
    def classes(self) -> np.ndarray:
        """See `Predictions.classes`."""
        faults = Faults(self.source)
        index = self._classes(faults)
        faults.refuse()
        return index

    def in_memory(self, faults: Faults) -> Predictions:
        """The same predictions, with targets and scores in memory; refuses all faults together."""
        columns = [self._score(k, faults) for k in range(len(self.labels))]
        scores = np.column_stack([values for values, _ in columns])
        if self.task == "multiclass":
            targets = self._classes(faults)
        else:
            targets = np.column_stack([self._target(k, faults) for k in range(len(self.labels))])
        faults.refuse()
        patients = None if self.patient_ids is None else self.patient_ids.to_numpy(zero_copy_only=False)
        return Predictions(
            self.task,
            self.labels,
            self.image_ids.to_numpy(zero_copy_only=False),
            patients,
            targets,
            scores,
            self.groups,
            self.source,
            (*self.repairs, *(repair for _, repairs in columns for repair in repairs)),
            self.group_orders,
        )

    def checked(self, faults: Faults) -> PredictionFile:
        """The same predictions on disk, with every repair of their scores: reads each score once."""
        repairs = [repair for k in range(len(self.labels)) for repair in self._score(k, faults)[1]]
        faults.refuse()
        return replace(self, repairs=(*self.repairs, *repairs))

    def _target(self, k: int, faults: Faults) -> np.ndarray:
        return self._numbers(target_column(self.labels[k]), faults)

    def _score(self, k: int, faults: Faults) -> tuple[np.ndarray, list[Repair]]:
        name, n_before = score_column(self.labels[k]), len(faults.texts)
        values = self._numbers(name, faults, score=True)
        if len(faults.texts) > n_before:
            return values, []
        if self.task == "multilabel":
            return clip_finding(values, self.columns.shown(name), lambda row: self.image_ids[row].as_py())
        values = np.clip(values, 0, 1)
        return (values if self.divisor is None else values / self.divisor), []

    def _classes(self, faults: Faults) -> np.ndarray:
        def classes(part: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
            encoded = trimmed(text_of(part)).combine_chunks().dictionary_encode()
            index = as_classes(np.array(encoded.dictionary.to_pylist(), dtype=object), self.labels)
            index = index[encoded.indices.to_numpy()]
            return index, index < 0

        index, wrong = self._column("target", classes, np.dtype(np.int64))
        name = self.columns.shown("target")

        def fault(row: int) -> str:
            text = trimmed(text_of(self._value("target", row)))[0].as_py()
            return f"image {self._image(row)!r}: {no_class(text, self.labels, name)}"

        faults.of_rows(wrong, fault)
        return index

    def _numbers(self, role: str, faults: Faults, *, score: bool = False) -> np.ndarray:
        """A column of scores, or of targets, as float64, (n_images,); its faults are added."""
        values, wrong = self._column(role, numbers_of)
        name = self.columns.shown(role)
        faults.of_rows(
            wrong,
            lambda row: (
                f"image {self._image(row)!r}: {name} is {self._value(role, row)[0].as_py()!r}; expected a number"
            ),
        )
        faults.of_rows(
            wrong_values(values, score=score) & ~wrong,
            lambda row: f"image {self._image(row)!r}: {name} is {values[row]:g}; {expected(score=score)}",
        )
        return values

    def _column(
        self,
        role: str,
        values_of: Callable[[pa.ChunkedArray], tuple[np.ndarray, np.ndarray]],
        dtype: np.dtype[Any] = np.dtype(np.float64),  # noqa: B008
    ) -> tuple[np.ndarray, np.ndarray]:
        """A column, and where its values are wrong: (n_images,) in the order of image ids."""
        end = 0
        with opened(self.path) as file:
            values, wrong = np.empty(file.metadata.num_rows, dtype), np.empty(file.metadata.num_rows, dtype=bool)
            for group in range(file.num_row_groups):
                part = file.read_row_group(group, columns=[self.columns.holds[role]]).column(0)
                begin, end = end, end + len(part)
                values[begin:end], wrong[begin:end] = values_of(part)
        return (values, wrong) if self.order is None else (values[self.order], wrong[self.order])

    def _image(self, row: int) -> str:
        """Id of an image, also if the ids were dropped."""
        if self.image_ids.type == pa.null():
            return open_file(self.path, self.columns, Faults(self.source)).image_ids[row].as_py()
        return self.image_ids[row].as_py()

    def _value(self, role: str, row: int) -> pa.ChunkedArray:
        """The value of an image as the file has it, for a message."""
        with opened(self.path) as file:
            column = file.read([self.columns.holds[role]]).column(0)
        return column.slice(row if self.order is None else int(self.order[row]), 1)


def open_file(path: Path, columns: Columns, faults: Faults) -> PredictionFile:
    """Read the ids, patients and groups of a Parquet file of predictions; its other columns stay on disk.

    Parameters
    ----------
    path : Path
    columns : Columns
    faults : Faults
        What is wrong with ids, patients and scores of classes is added. Wrong targets and scores of findings are
        reported when they are read.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    with opened(path) as file:
        if file.metadata.num_rows == 0:
            raise InputError(f"{path}: no rows; expected one per image")
        repairs: list[Repair] = of_columns(columns.ignored, columns.own_names)

        def as_written(role: str) -> pa.Array:
            return text_of(file.read([columns.holds[role]]).column(0))

        def column(role: str) -> pa.Array:
            values = as_written(role)
            values.validate(full=True)  # Parquet does not check that texts are UTF-8
            values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
            values = pc.fill_null(values, "")
            stripped = trimmed(values)
            check_texts(stripped, role, str(path))
            changed = pc.index(pc.not_equal(values, stripped), True).as_py()
            if changed >= 0:
                repairs.append(Repair("blanks", f"{role} {values[changed].as_py()!r}"))
            return stripped

        image_ids = column("image_id")
        faults.of_rows(is_empty(image_ids), lambda row: f"row {row + 2}: no image_id; expected one on every row")
        order = order_of_ids(image_ids, lambda: as_written("image_id"), faults)
        in_order = image_ids if order is None else image_ids.take(pa.array(order))
        patient_ids = None
        if "patient_id" in columns.holds:
            patients = column("patient_id")
            patients = patients if order is None else patients.take(pa.array(order))
            faults.of_rows(
                is_empty(patients),
                lambda row: f"image {in_order[row].as_py()!r}: no patient_id; expected one on every row",
            )
            patient_ids = sorted_dictionary(patients)
        groups, group_orders = {}, {}
        for role in columns.groups:
            encoded, name = column(role).dictionary_encode(), role.removeprefix("group_")
            values = np.array(encoded.dictionary.to_pylist(), dtype=object)[encoded.indices.to_numpy()]
            groups[name] = values if order is None else values[order]
            if declared := order_of_values(file, columns.holds[role]):
                group_orders[name] = declared
        divisor = None
        if columns.task == "multiclass":
            divisor, repaired = _divisor(file, columns, in_order, order, faults)
            repairs += repaired
    return PredictionFile(
        columns.task,
        columns.labels,
        columns,
        path,
        in_order,
        patient_ids,
        groups,
        order,
        tuple(repairs),
        divisor,
        group_orders,
    )


def _divisor(
    file: pq.ParquetFile, columns: Columns, image_ids: pa.Array, order: np.ndarray | None, faults: Faults
) -> tuple[np.ndarray | None, list[Repair]]:
    """Check the scores of classes; what they are divided by, in the order of image ids, or None if by 1.

    A score that is no number is left to the reading of its column.
    """
    parts: list[RowsOfClasses] = []
    names = [score_column(label) for label in columns.labels]
    own = [columns.holds[name] for name in names]
    for group in range(file.num_row_groups):
        part = file.read_row_group(group, columns=own)
        parts.append(RowsOfClasses.of(np.column_stack([numbers_of(part[name])[0] for name in own])))
    shown = [columns.shown(name) for name in names]
    rows = RowsOfClasses.joined(parts, order)
    divisor, repairs = check_probabilities(rows, shown, lambda row: image_ids[row].as_py(), faults)
    return divisor if any(repair.kind == "renormalised" for repair in repairs) else None, repairs


AnyPredictions = Predictions | PredictionFile
