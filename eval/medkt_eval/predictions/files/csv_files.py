"""CSV files of predictions: the header first, then the columns that are needed.

In: a .csv or .csv.gz file, separated by commas, semicolons or tabs. Out: the names of its columns exactly as the file
has them, and a DataFrame. A row that is shorter or longer than the header is an error: its values would be of other
columns.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute
from pyarrow import csv as arrow_csv

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.names import is_known
from medkt_eval.predictions.columns.roles import Columns
from medkt_eval.predictions.values.plain_values import MISSING as TEXTS_OF_MISSING
from medkt_eval.predictions.values.repairs import Repair
from medkt_eval.runtime.reading.files import open_decompressed

pc: Any = pyarrow.compute  # it creates its functions on import, so type checkers see none

MOST_CHARACTERS = 2**20  # of a header
SEPARATORS = ",;\t"
BLOCK_BYTES = 2**24  # a row must fit into it
MISSING = sorted({case(text) for text in TEXTS_OF_MISSING for case in (str, str.upper, str.title)} | {"NaN"})
DECIMAL_COMMA = r"^\s*([+-]?\d*),(\d+)\s*$"

AS_UTF8 = "save it in UTF-8: in Excel as 'CSV UTF-8', in pandas with encoding='utf-8'"
OTHER_FORMATS = (  # first bytes, what the file is, what to do
    (b"\xff\xfe", "text in UTF-16", AS_UTF8),
    (b"\xfe\xff", "text in UTF-16", AS_UTF8),
    (b"\x1f\x8b", "compressed by gzip", "end its name in .csv.gz, if it holds a CSV compressed once"),
    (b"PK\x03\x04", "a ZIP file, as Excel workbooks are", "unpack it, or save the workbook as 'CSV UTF-8'"),
    (b"PAR1", "a Parquet file", "end its name in .parquet"),
)


def read_header(path: Path) -> list[str]:
    """Names of the columns: the first line that is not empty.

    Raises
    ------
    ValueError
        If there is no such line, or it is not text in UTF-8.
    """
    return _header(path)[0]


def _header(path: Path) -> tuple[list[str], str]:
    """Names of the columns, and the separator: the one that gives the most names that medkt knows."""
    _refuse_other_formats(path)
    with open_decompressed(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        lines = iter(partial(text.readline, MOST_CHARACTERS), "")  # a file without line ends is not read whole
        line = next((line for line in lines if line.strip("\r\n")), None)
        if line is None:
            raise ValueError("it is empty")
        if line.count('"') % 2:  # a name holds a line end
            line += text.read(MOST_CHARACTERS)
    readings = []
    for separator in SEPARATORS:
        try:
            names = next(csv.reader(io.StringIO(line, newline=""), delimiter=separator), [])
        except csv.Error as error:
            raise ValueError(str(error)) from error
        readings.append((sum(map(is_known, names)), len(names), names, separator))
    _, _, names, separator = max(readings, key=lambda reading: reading[:2])
    return names, separator


def _refuse_other_formats(path: Path) -> None:
    """Refuse what is no text in UTF-8 by its first bytes, with what to do."""
    with open_decompressed(path) as file:
        start = file.read(4)
    for first, what, remedy in OTHER_FORMATS:
        if start.startswith(first):
            raise InputError(f"{path}: is {what}, not a CSV in UTF-8; {remedy}")


def read_csv(path: Path, columns: Columns) -> tuple[pd.DataFrame, list[Repair]]:
    """The columns by their names in docs/formats.md: ids, classes and groups are text, and only "" is missing in them.

    Targets and scores are float64, or text where a value of the column is no number.

    Raises
    ------
    InputError
        If a row is shorter or longer than the header.
    ValueError
        If the file cannot be parsed.
    """
    names, separator = _header(path)
    numbers = [own for role, own in columns.holds.items() if role.startswith(("target_", "score_"))]
    repairs: list[Repair] = []
    try:
        table = _table(path, separator, names, dict.fromkeys(numbers, pa.float64()))
    except pa.ArrowInvalid:
        _refuse_uneven_rows(path, separator, names)
        table = _table(path, separator, names, {})  # a value is no number
        if separator != ",":
            table, repairs = _with_points(table, numbers)
    held = table.select(list(dict.fromkeys(columns.holds.values())))
    return held.to_pandas().set_axis(list(columns.holds), axis="columns"), repairs


def _table(path: Path, separator: str, names: list[str], types: dict[str, pa.DataType]) -> pa.Table:
    """The whole table, as text but for the columns with another type."""
    with open_decompressed(path) as file:
        return arrow_csv.read_csv(
            file,
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
            arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()) | types,
                null_values=MISSING,
                strings_can_be_null=False,
            ),
        )


def _refuse_uneven_rows(path: Path, separator: str, names: list[str]) -> None:
    """Refuse rows with another number of fields than the header."""
    found: list[Any] = []

    def keep(row: Any) -> str:
        found.append(row)
        return "skip"

    with (
        open_decompressed(path) as file,
        arrow_csv.open_csv(
            file,
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=keep),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False),
        ) as reader,
    ):
        n_rows = sum(len(batch) for batch in reader)
    if not found:
        return
    first, text = found[0], found[0].text
    one_more = all(row.actual_columns == row.expected_columns + 1 for row in found) and n_rows == 0
    what_to_do = (
        "every row begins with a value that the header has no name for: write the file without row names"
        if one_more and not text.rstrip().endswith(separator)
        else "expected one field for each column: was the file cut short, or is there a separator too many?"
    )
    more = "" if len(found) == 1 else f" (and {len(found) - 1} more {'row' if len(found) == 2 else 'rows'})"
    raise InputError(
        f"{path}: row {first.number} has {first.actual_columns} fields, the header {first.expected_columns}{more}: "
        f"{text[:60]!r}; {what_to_do}"
    )


def _with_points(table: pa.Table, numbers: list[str]) -> tuple[pa.Table, list[Repair]]:
    """Read 0,82 as 0.82 in the columns of numbers, if all values of the column that hold a comma are so written."""
    repairs: list[Repair] = []
    for name in numbers:
        texts = table.column(name)
        commas = pc.match_substring(texts, ",")
        written = pc.match_substring_regex(texts, DECIMAL_COMMA)
        if pc.any(commas).as_py() and pc.all(pc.equal(commas, written)).as_py():
            first = texts[pc.index(commas, True).as_py()].as_py()
            repairs = repairs or [Repair("commas", f"{name} {first!r}")]
            points = pc.replace_substring_regex(texts, DECIMAL_COMMA, r"\1.\2")
            table = table.set_column(table.column_names.index(name), name, points)
    return table, repairs


@contextmanager
def reading(source: str) -> Iterator[None]:
    """Turn the errors of a file that cannot be read into one `InputError`."""
    try:
        yield
    except InputError:
        raise
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        if not re.search("UTF-?8", str(error), re.IGNORECASE):
            raise _unreadable(source, error) from error
        raise InputError(f"{source}: is not in UTF-8, perhaps in Latin-1 or Windows-1252; {AS_UTF8}") from error
    except (OSError, ValueError, EOFError, zlib.error) as error:  # the last two are of a damaged .gz
        raise _unreadable(source, error) from error


def _unreadable(source: str, error: Exception) -> InputError:
    return InputError(f"{source}: cannot be read as predictions ({error}); expected Parquet, CSV or CSV.gz")
