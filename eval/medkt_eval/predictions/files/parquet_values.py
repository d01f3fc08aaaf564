"""Columns of a Parquet file as text and numbers, by one rule for every type.

In: Arrow columns. Out: text as Python and a CSV have it, or float64. Metadata of pandas is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from medkt_eval.errors import InputError
from medkt_eval.predictions.values.decimals import as_written
from medkt_eval.predictions.values.faults import Faults
from medkt_eval.predictions.values.plain_values import as_numbers, as_texts
from medkt_eval.predictions.values.repairs import BLANKS, in_several_rows
from medkt_eval.runtime.reading.files import open_file

pc: Any = pyarrow.compute  # it creates its functions on import, so type checkers see none


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open the file briefly: a study may have more files than a process may hold open."""
    try:
        with open_file(path) as handle, pq.ParquetFile(handle) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:  # the last of texts that are not UTF-8
        raise InputError(f"{path}: cannot be read as predictions ({error}); expected Parquet, CSV or CSV.gz") from error


def order_of_values(file: pq.ParquetFile, name: str) -> tuple[str, ...]:
    """Values of an ordered Categorical in their order; () if the column declares none."""
    kind = file.schema_arrow.field(name).type
    if not (pa.types.is_dictionary(kind) and kind.ordered):
        return ()
    values = file.read([name]).column(0).unify_dictionaries().chunk(0).dictionary
    return tuple(value.strip(BLANKS) for value in text_of(pa.chunked_array([values])).to_pylist())


def text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as the text that a CSV of them has: "True", "50.0"; null or "" where missing."""
    column = _of_plain_type(column)
    kind = column.type
    as_it_is = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_integer, pa.types.is_null)
    if any(is_kind(kind) for is_kind in as_it_is):
        return column.cast(pa.large_string())
    if pa.types.is_nested(kind):
        return pa.chunked_array([[str(value) for value in column.to_pylist()]], pa.large_string())
    if pa.types.is_float16(kind):  # Arrow finds no unique values of it
        return pa.chunked_array([as_texts(pd.Series(column.to_numpy()))], pa.large_string())
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column)
    values = pc.unique(column)
    texts = pa.array(as_texts(values.to_pandas()), pa.large_string())
    return texts.take(pc.index_in(column, values))


def numbers_of(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """As `plain_values.as_numbers`."""
    column = _of_plain_type(column)
    kind = column.type
    if pa.types.is_floating(kind):
        return as_written(column.to_numpy(zero_copy_only=False)), np.zeros(len(column), dtype=bool)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.zeros(len(column), dtype=bool)
    return as_numbers(pd.Series(column.to_pylist(), dtype=object))


def _of_plain_type(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values of a dictionary, of views and of an extension type, such as UUIDs, as a type with Arrow's functions."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string_view(column.type):
        return column.cast(pa.large_string())
    if isinstance(column.type, pa.BaseExtensionType):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.chunked_array([texts], pa.large_string())
    return column


def sorted_dictionary(names: pa.Array) -> pa.DictionaryArray:
    """Texts, encoded by a sorted dictionary: the indices number the patients."""
    encoded = names.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    indices = rank[encoded.indices.to_numpy()]
    return pa.DictionaryArray.from_arrays(pa.array(indices), encoded.dictionary.take(pa.array(order)))


def trimmed(texts: Any) -> Any:
    """Texts without blanks at their edges, "" where missing."""
    return pc.utf8_trim(pc.fill_null(texts, ""), characters=BLANKS)


def is_empty(column: pa.Array) -> np.ndarray:
    """Whether each text is empty, bool (n_rows,)."""
    return pc.equal(column, "").to_numpy(zero_copy_only=False)


def order_of_ids(image_ids: pa.Array, as_written: Callable[[], Any], faults: Faults) -> np.ndarray | None:
    """Rows by image id (UTF-8 sorts as code points do); None if they are in that order.

    `as_written` reads the ids with the blanks at their edges, for the message of an id in several rows.
    """
    if pc.all(pc.less(image_ids.slice(0, len(image_ids) - 1), image_ids.slice(1)), min_count=0).as_py():
        return None
    order = pc.sort_indices(image_ids)
    ascending = image_ids.take(order)
    repeated = pc.equal(ascending.slice(0, len(ascending) - 1), ascending.slice(1))
    faults.of_rows(
        pc.and_(repeated, pc.not_equal(ascending.slice(1), "")).to_numpy(zero_copy_only=False),
        lambda row: in_several_rows(
            ascending[row].as_py(), [as_written()[k.as_py()].as_py() for k in order.slice(row, 2)]
        ),
    )
    return order.to_numpy().astype(np.int64)
