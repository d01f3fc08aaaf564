"""CSV files of predictions: the header first, then the table.

In: a .csv or .csv.gz file. Out: the names of its columns exactly as the file has them, and a DataFrame. pandas alone
would rename a repeated column: `target_A` twice becomes `target_A` and `target_A.1`.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.names import check_names
from medkt_eval.runtime.reading.files import open_file

MOST_CHARACTERS = 2**20  # of a header


def read_header(path: Path) -> list[str]:
    """Names of the columns: the first line that is not empty.

    Raises
    ------
    ValueError
        If there is no such line, or it is not text in UTF-8.
    """
    with open_file(path) as file:
        content = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
        lines = io.TextIOWrapper(cast(BinaryIO, content), encoding="utf-8-sig", newline="")
        first = iter(partial(lines.readline, MOST_CHARACTERS), "")  # a file without line ends is not read whole
        try:
            header = next((line for line in csv.reader(first) if line), None)
        except csv.Error as error:
            raise ValueError(str(error)) from error
    if header is None:
        raise ValueError("it is empty")
    return header


def read_csv(path: Path) -> pd.DataFrame:
    """The table; ids, classes and groups are text ("007" is an id and "01" a group), and only "" is missing.

    Raises
    ------
    InputError
        If two columns have the same name.
    ValueError
        If the file is not a CSV with a header.
    """
    names = read_header(path)
    check_names(names, source=str(path))
    text: dict[Any, Any] = {
        name: str for name in names if name in ("image_id", "patient_id", "target") or name.startswith("group_")
    }
    with open_file(path) as file:
        return pd.read_csv(
            file,
            names=names,
            header=0,
            dtype=text,
            keep_default_na=False,
            na_values=[""],
            compression="gzip" if path.suffix == ".gz" else None,
        )


@contextmanager
def reading(source: str) -> Iterator[None]:
    """Turn the errors of a file that cannot be read into one `InputError`."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, EOFError, zlib.error) as error:  # the last two are of a damaged .gz
        raise InputError(
            f"{source}: cannot be read as predictions ({error}); expected Parquet, CSV or CSV.gz"
        ) from error
