"""MAIN PATH of reading: a file of any format, by its columns.

In: a .parquet, .csv or .csv.gz file, and what its columns hold. Out: `Predictions`, or `PredictionFile`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from medkt_eval.predictions.columns.names import Task
from medkt_eval.predictions.columns.roles import recognise
from medkt_eval.predictions.files.csv_files import read_csv, read_header, reading
from medkt_eval.predictions.files.parquet_columns import AnyPredictions, open_file
from medkt_eval.predictions.files.parquet_values import opened
from medkt_eval.predictions.files.tables import from_columns
from medkt_eval.predictions.values.faults import Faults


def count_rows(path: Path) -> int | None:
    """Number of images in a prediction file; None if only reading it would tell."""
    if path.suffix != ".parquet":
        return None
    with opened(path) as file:
        return file.metadata.num_rows


def read(
    path: Path, task: Task, labels: Sequence[str], *, in_memory: bool = True, given: Mapping[str, str] | None = None
) -> AnyPredictions:
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
    given : mapping of str to str, or None
        `--columns`: name in docs/formats.md -> name in the file.

    Raises
    ------
    InputError
        If the file cannot be read, or columns or values do not follow docs/formats.md, naming all of them.
    """
    source = str(path)
    columns = recognise(column_names(path), given or {}, source=source, task=task, labels=labels)
    if path.suffix == ".parquet":
        faults = Faults(source)
        file = open_file(path, columns, faults)
        return file.in_memory(faults) if in_memory else file.checked(faults)
    with reading(source):
        frame, repairs = read_csv(path, columns)
    return from_columns(frame, columns, source=source, repairs=repairs)


def column_names(path: Path) -> list[str]:
    """Names of the columns of a prediction file, row numbers of pandas included.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if path.suffix == ".parquet":
        with opened(path) as file:
            return list(file.schema_arrow.names)
    with reading(str(path)):
        return read_header(path)
