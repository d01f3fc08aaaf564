"""Mutations of tables: columns swapped and repeated, values of the wrong kind, separators, encodings, types of Parquet.

In: a `Grid` and a random generator. Out: the same grid, changed; or a file.
"""

from __future__ import annotations

import datetime
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.valid import Grid

VALUES = [
    "", " ", "nan", "NaN", "NA", "None", "inf", "-inf", "1e300", "-1e300", "1e-320", "-1", "2", "1.000005", "0,5",
    "1_000",
    "0x10", "True", "=1+1", "@SUM(A1)", "a\x00", "\x1b[31m", "a\nb", "\u202eabc", "\ufffe", "x" * 5000, "é", "९", "١",
    "'", '"', "p01 ", "P01", "99999999999999999999", "9" * 5000, "1970-01-01", "../../etc/passwd", "{}", "1e999",
]  # fmt: skip
HEADERS = [
    "", "image_id", "patient_id", "target", "score", "target_", "score_", "target_macro", "score_macro", "group_",
    "group_a\x00", "target_a\x1b[31m", "score_" + "x" * 3000, "Unnamed: 0", "Image_ID", "y_true", "taget_Edema",
    "target_Edema",
    "score_Edema", "group_sex", "image", "path", "split", "class", "a\nb", "__index_level_0__",
]  # fmt: skip


def mutate(grid: Grid, rng: Random) -> Grid:
    """Apply one to three mutations."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        rng.choice(MUTATIONS)(grid, rng)
    return grid


def _swap_columns(grid: Grid, rng: Random) -> None:
    if len(grid.header) > 1:
        a, b = rng.sample(range(len(grid.header)), 2)
        grid.header[a], grid.header[b] = grid.header[b], grid.header[a]


def _rename(grid: Grid, rng: Random) -> None:
    if grid.header:
        grid.header[rng.randrange(len(grid.header))] = rng.choice(HEADERS)


def _repeat_column(grid: Grid, rng: Random) -> None:
    if grid.header:
        k = rng.randrange(len(grid.header))
        grid.header.append(grid.header[k])
        grid.rows = [[*row, row[k] if k < len(row) else ""] for row in grid.rows]


def _drop_column(grid: Grid, rng: Random) -> None:
    if grid.header:
        k = rng.randrange(len(grid.header))
        grid.header.pop(k)
        grid.rows = [row[:k] + row[k + 1 :] for row in grid.rows]


def _cells(grid: Grid, rng: Random) -> None:
    for _ in range(rng.choice([1, 1, 3, 20])):
        if grid.rows and (row := rng.choice(grid.rows)):
            row[rng.randrange(len(row))] = rng.choice(VALUES)


def _whole_column(grid: Grid, rng: Random) -> None:
    if grid.header:
        k, value = rng.randrange(len(grid.header)), rng.choice([*VALUES, "0", "1", "0.5"])
        for row in grid.rows:
            if k < len(row):
                row[k] = value


def _rows(grid: Grid, rng: Random) -> None:
    change = rng.choice(["none", "one", "repeat", "shuffle", "few", "short", "long"])
    if change == "none":
        grid.rows = []
    elif change in ("one", "few"):
        grid.rows = grid.rows[: 1 if change == "one" else 3]
    elif change == "shuffle":
        rng.shuffle(grid.rows)
    elif grid.rows:
        row = rng.choice(grid.rows)
        changed = {"repeat": list(row), "short": row[:-1], "long": [*row, "1", "2"]}[change]
        grid.rows.append(changed) if change == "repeat" else grid.rows.__setitem__(0, changed)


def _blanks(grid: Grid, rng: Random) -> None:
    for row in rng.sample(grid.rows, min(3, len(grid.rows))):
        row[:] = [f" {value}\t" if rng.random() < 0.5 else value for value in row]


MUTATIONS: list[Callable[[Grid, Random], None]] = [
    _swap_columns, _rename, _repeat_column, _drop_column, _cells, _cells, _cells, _whole_column, _rows, _blanks,
]  # fmt: skip


def write_csv(grid: Grid, path: Path, rng: Random) -> None:
    """Write a grid in one of the ways in which people write a CSV, and in some in which nobody should."""
    way = rng.choice(["plain"] * 6 + [";", "\t", "|", "latin-1", "utf-16", "utf-8-sig", "cr", "quoted"])
    options: dict[str, Any] = {}
    if way in {";", "\t", "|"}:
        options["delimiter"] = way
    elif way in {"latin-1", "utf-16", "utf-8-sig"}:
        options["encoding"] = way
    elif way == "cr":
        options["lineterminator"] = "\r"
    elif way == "quoted":
        options["quoting"] = 1
    grid.write(path, **options)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(path.read_bytes()))


def write_parquet(grid: Grid, path: Path, rng: Random) -> None:
    """Write a grid as Parquet, with a type for each column, and sometimes with pandas' metadata that lies."""
    names, columns = [], []
    for k, name in enumerate(grid.header):
        values = [row[k] if k < len(row) else None for row in grid.rows]
        columns.append(_typed(values, rng))
        names.append(name)
    table = pa.Table.from_arrays(columns, names=names)
    if rng.random() < 0.3:
        lie = rng.choice(
            [
                b"[]",
                b"{",
                json.dumps({"index_columns": names[:1], "columns": [{"name": "x", "numpy_type": "eval(1)"}]}).encode(),
            ]
        )
        table = table.replace_schema_metadata({b"pandas": lie})
    pq.write_table(table, path, row_group_size=rng.choice([1, 7, 1000]))


def _typed(values: list[str | None], rng: Random) -> pa.Array:
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.binary(), pa.null()]
    try:
        numbers = [None if value in (None, "") else float(value) for value in values]  # type: ignore[arg-type]
        kinds = [pa.float64(), pa.float64(), pa.float64(), pa.float32(), pa.float16(), pa.int8(), pa.bool_(),
                 pa.string(), pa.decimal128(20, 6), pa.timestamp("ns"), pa.date32(), pa.list_(pa.float64()),
                 pa.duration("s")]  # fmt: skip
    except (TypeError, ValueError):
        numbers = None
    kind = kinds[0] if rng.random() < 0.7 else rng.choice(kinds)
    try:
        if numbers is None or kind == pa.string():
            return pa.array(values).cast(kind) if kind != pa.null() else pa.nulls(len(values))
        if pa.types.is_list(kind):
            return pa.array([[number] for number in numbers], kind)
        if kind == pa.date32():
            return pa.array([datetime.date(2020, 1, 1)] * len(values))
        return pa.array(numbers).cast(kind, safe=False)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        return pa.array(values, pa.string())
