"""Read prediction files. Parquet has one reader: ids once, then one column at a time, row group by row group.

In: a file as in docs/formats.md. Out: `Predictions`, or, if a Parquet file is too large for memory, `PredictionFile`,
which has the same methods and leaves targets and scores on disk. pandas' metadata in the file is ignored: a column that
pandas wrote as its index is a column, and the numbers of its rows (`__index_level_0__`) are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from medkt_eval.errors import InputError
from medkt_eval.predictions.files.csv_files import read_csv, reading
from medkt_eval.predictions.files.parquet_values import (
    names_of,
    numbers_of,
    opened,
    order_of_values,
    sorted_dictionary,
    text_of,
)
from medkt_eval.predictions.format import Predictions, Task, check_columns, from_frame, score_column, target_column
from medkt_eval.predictions.values.printable import check_texts
from medkt_eval.predictions.values.probabilities import check_probabilities, clip_finding
from medkt_eval.predictions.values.repairs import BLANKS, Repair

pc: Any = pyarrow.compute  # it creates its functions on import, so type checkers see none


@dataclass(frozen=True, eq=False)
class PredictionFile:
    """Predictions on disk.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
    labels : tuple of str
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

    def patients(self) -> tuple[np.ndarray, int]:
        """See `Predictions.patients`."""
        if self.patient_ids is None:
            return np.arange(len(self.image_ids)), len(self.image_ids)
        return self.patient_ids.indices.to_numpy().astype(np.int64), len(self.patient_ids.dictionary)

    def target(self, k: int) -> np.ndarray:
        """See `Predictions.target`."""
        if self.task == "multiclass":
            return (self.classes == k).astype(np.float64)
        name = target_column(self.labels[k])
        values = self._numbers(name)
        self._refuse(
            ~(np.isnan(values) | (values == 0) | (values == 1)), name, values, "expected 0, 1 or empty (not labelled)"
        )
        return values

    def score(self, k: int) -> np.ndarray:
        """See `Predictions.score`."""
        return self._score(k)[0]

    def _score(self, k: int) -> tuple[np.ndarray, list[Repair]]:
        name = score_column(self.labels[k])
        values = self._numbers(name)
        self._refuse(~np.isfinite(values), name, values, "expected a finite number")
        if self.task == "multilabel":
            return clip_finding(values, name, lambda row: self.image_ids[row].as_py())
        values = np.clip(values, 0, 1)
        return (values if self.divisor is None else values / self.divisor), []

    @cached_property
    def classes(self) -> np.ndarray:
        """See `Predictions.classes`."""
        names = pa.array(self.labels, pa.large_string())

        def index(part: pa.ChunkedArray, begin: int) -> np.ndarray:
            found = pc.index_in(text_of(part), names)
            if found.null_count:
                row = pc.index(found.is_null(), True).as_py()
                raise InputError(
                    f"{self.path}: image {self._image(begin + row)!r}: target is {part[row].as_py()!r}; "
                    f"expected one of {', '.join(map(repr, self.labels))}"
                )
            return found.to_numpy()

        return self._column("target", index).astype(np.int64)

    def in_memory(self) -> Predictions:
        """The same predictions, with targets and scores in memory."""
        columns = [self._score(k) for k in range(len(self.labels))]
        scores = np.column_stack([values for values, _ in columns])
        multiclass = self.task == "multiclass"
        targets = self.classes if multiclass else np.column_stack([self.target(k) for k in range(len(self.labels))])
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

    def checked(self) -> PredictionFile:
        """The same predictions on disk, with every repair of their scores: reads each score once."""
        repairs = [repair for k in range(len(self.labels)) for repair in self._score(k)[1]]
        return replace(self, repairs=(*self.repairs, *repairs))

    def _numbers(self, name: str) -> np.ndarray:
        def numbers(part: pa.ChunkedArray, begin: int) -> np.ndarray:
            values, wrong = numbers_of(part)
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                raise InputError(
                    f"{self.path}: image {self._image(begin + row)!r}: {name} is {part[row].as_py()!r}; "
                    "expected a number"
                )
            return values

        return self._column(name, numbers)

    def _column(self, name: str, values_of: Callable[[pa.ChunkedArray, int], np.ndarray]) -> np.ndarray:
        """A column as float64, (n_images,), in the order of image ids; `values_of` a part that begins at this row."""
        values, end = np.empty(len(self.image_ids)), 0
        with opened(self.path) as file:
            for group in range(file.num_row_groups):
                part = file.read_row_group(group, columns=[name]).column(0)
                begin, end = end, end + len(part)
                values[begin:end] = values_of(part, begin)
        return values if self.order is None else values[self.order]

    def _image(self, row: int) -> str:
        """Id of the image in a row of the file."""
        place = row if self.order is None else int(np.flatnonzero(self.order == row)[0])
        return open_file(self.path, self.task, self.labels).image_ids[place].as_py()

    def _refuse(self, bad: np.ndarray, name: str, values: np.ndarray, expected: str) -> None:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            image = open_file(self.path, self.task, self.labels).image_ids[row].as_py()
            raise InputError(f"{self.path}: image {image!r}: {name} is {values[row]:g}; {expected}")


def count_rows(path: Path) -> int | None:
    """Number of images in a prediction file; None if only reading it would tell."""
    if path.suffix != ".parquet":
        return None
    with opened(path) as file:
        return file.metadata.num_rows


def read(path: Path, task: Task, labels: Sequence[str], *, in_memory: bool = True) -> AnyPredictions:
    """Read and validate one file of predictions.

    Parameters
    ----------
    path : Path
        A .parquet, .csv or .csv.gz file.
    task : {"multilabel", "multiclass"}
        What the columns must be.
    labels : sequence of str
        The labels that the file must have, all of them and no others.
    in_memory : bool
        False: leave targets and scores of a Parquet file on disk.

    Raises
    ------
    InputError
        If the file cannot be read, or a column or value does not follow docs/formats.md.
    """
    if path.suffix == ".parquet":
        file = open_file(path, task, labels)
        return file.in_memory() if in_memory else file.checked()
    with reading(str(path)):
        frame = read_csv(path)
    return from_frame(frame, task, labels, source=str(path))


def column_names(path: Path) -> list[str]:
    """Names of the columns of a Parquet file, without the row numbers that pandas may have added.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    with opened(path) as file:
        return names_of(file)


def open_file(path: Path, task: Task, labels: Sequence[str]) -> PredictionFile:
    """Read the ids, patients and groups of a Parquet file of predictions; its other columns stay on disk.

    Raises
    ------
    InputError
        As in `read`; wrong targets and scores are reported when they are read.
    """
    with opened(path) as file:
        names = names_of(file)
        check_columns(names, task, labels, source=str(path))
        if file.metadata.num_rows == 0:
            raise InputError(f"{path}: no rows; expected one per image")

        repairs: list[Repair] = []

        def column(name: str) -> pa.Array:
            values = text_of(file.read([name]).column(0))
            values.validate(full=True)  # Parquet does not check that texts are UTF-8
            values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
            stripped = pc.utf8_trim(values, characters=BLANKS)
            check_texts(stripped, name, str(path))
            changed = pc.index(pc.not_equal(values, stripped), True).as_py()
            if changed >= 0:
                repairs.append(Repair("blanks", f"{name} {values[changed].as_py()!r}"))
            return stripped

        image_ids = column("image_id")
        _refuse_empty(image_ids, image_ids, "image_id", path)
        order = _order(image_ids, path)
        in_order = image_ids if order is None else image_ids.take(pa.array(order))
        patient_ids = None
        if "patient_id" in names:
            patients = column("patient_id")
            patients = patients if order is None else patients.take(pa.array(order))
            _refuse_empty(patients, in_order, "patient_id", path)
            patient_ids = sorted_dictionary(patients)
        groups = {}
        for name in names:
            if name.startswith("group_"):
                encoded = pc.fill_null(column(name), "").dictionary_encode()
                values = np.array(encoded.dictionary.to_pylist(), dtype=object)[encoded.indices.to_numpy()]
                groups[name.removeprefix("group_")] = values if order is None else values[order]
        group_orders = {
            name.removeprefix("group_"): order_of_values(file, name) for name in names if name.startswith("group_")
        }
        group_orders = {name: values for name, values in group_orders.items() if values}
        divisor = None
        if task == "multiclass":
            divisor, repaired = _divisor(file, labels, image_ids, path)
            repairs += repaired
            divisor = divisor if divisor is None or order is None else divisor[order]
    return PredictionFile(
        task, tuple(labels), path, in_order, patient_ids, groups, order, tuple(repairs), divisor, group_orders
    )


def _order(image_ids: pa.Array, path: Path) -> np.ndarray | None:
    """Rows by image id (UTF-8 sorts as code points do); None if they are in that order."""
    if pc.all(pc.less(image_ids.slice(0, len(image_ids) - 1), image_ids.slice(1)), min_count=0).as_py():
        return None
    order = pc.sort_indices(image_ids)
    ascending = image_ids.take(order)
    repeated = pc.equal(ascending.slice(0, len(ascending) - 1), ascending.slice(1))
    if pc.any(repeated).as_py():
        name = ascending[pc.index(repeated, True).as_py()].as_py()
        raise InputError(f"{path}: image_id {name!r} is in several rows; expected one row per image")
    return order.to_numpy().astype(np.int64)


def _refuse_empty(column: pa.Array, image_ids: pa.Array, name: str, path: Path) -> None:
    empty = pc.or_kleene(pc.is_null(column), pc.equal(column, ""))
    if pc.any(empty).as_py():
        row = pc.index(empty, True).as_py()
        where = f"row {row + 2}" if name == "image_id" else f"image {image_ids[row].as_py()!r}"
        raise InputError(f"{path}: {where}: no {name}; expected one on every row")


def _divisor(
    file: pq.ParquetFile, labels: Sequence[str], image_ids: pa.Array, path: Path
) -> tuple[np.ndarray | None, list[Repair]]:
    """Check the scores of classes; what they are divided by, in the order of the file, or None if by 1."""
    divisors: list[np.ndarray] = []
    repairs: dict[str, Repair] = {}
    begin = 0
    names = [score_column(label) for label in labels]
    for group in range(file.num_row_groups):
        part = file.read_row_group(group, columns=names)
        scores = np.column_stack([numbers_of(part[name])[0] for name in names])
        ids = image_ids.slice(begin, len(scores))
        divisor, repaired = check_probabilities(scores, names, lambda row, ids=ids: ids[row].as_py(), source=str(path))
        divisors.append(divisor)
        for repair in repaired:
            repairs.setdefault(repair.kind, repair)
        begin += len(scores)
    renormalised = "renormalised" in repairs
    return np.concatenate(divisors) if renormalised else None, list(repairs.values())


AnyPredictions = Predictions | PredictionFile
