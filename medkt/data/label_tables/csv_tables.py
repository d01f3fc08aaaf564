"""Read tables of labels from CSV files of any common encoding and separator.

In: a CSV file, plain or gzipped. Out: a `Table` of text, whose notes say what was converted; or an `InputError` that
names the file and the row. Every cell stays text: an id of "0012" keeps its zeros, and no cell becomes NaN.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.predictions.values.repairs import without_blanks
from medkt_eval.runtime.reading.files import read_bytes

MOST_BYTES = 2**30
_NOT_WESTERN = re.compile(rb"[\x80-\xff]{3}|[\x81\x8d\x8f\x90\x9d]")  # the single bytes are none of Windows-1252
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class Table:
    """The rows of a file, and what was converted when they were read."""

    path: Path
    rows: pd.DataFrame
    """Text. The index is the row's number as a spreadsheet shows it (the header is row 1)."""
    notes: tuple[str, ...] = ()
    """What was converted or left out, one phrase each."""
    trimmed: tuple[str, ...] = ()
    """Columns with cells from which blanks at the edges were removed."""

    def refuse(self, wrong: pd.Series, column: str, expected: str) -> None:
        """Raise an `InputError` that names the first row where `wrong` holds, and the value of its `column`."""
        if wrong.any():
            row = self.rows.index[wrong.to_numpy()][0]
            value = self.rows.at[row, column]
            content = f"{column} is {value!r}" if value else f"{column} is empty"
            raise InputError(f"{self.path}: row {row}: {content}; expected {expected}")

    def keep(self, kept: pd.Series, left_out: str = "") -> Table:
        """Keep the rows where `kept` holds. A note counts the others if `left_out` says what they are."""
        n = int((~kept).sum())
        notes = (f"{n:,} of {len(self.rows):,} {left_out}",) if n and left_out else ()
        return replace(self, rows=self.rows[kept], notes=self.notes + notes)


def only_file(root: Path, names: Sequence[str], what: str, *, chosen: str | None = None, setting: str = "") -> Path:
    """Find the only file of a folder that has one of these names.

    Parameters
    ----------
    root : Path
        The folder.
    names : sequence of str
        File names, with * as a wildcard. Gzipped files, with `.gz` after the name, are found too.
    what : str
        What the folder should hold, for the message.
    chosen : str or None
        The file that a setting names. It is not looked for.
    setting : str
        The setting that chooses between several files, for the message; "" if there is none.

    Raises
    ------
    InputError
        If the folder is absent, or holds no such file or several of different content; if `chosen` lies outside.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; expected {what}")
    if chosen is not None:
        if Path(chosen).is_absolute() or ".." in Path(chosen).parts:
            raise InputError(f"{root}: {setting} {chosen!r} lies outside; expected a file in the folder")
        return root / chosen
    found = sorted({path for name in names for ending in ("", ".gz") for path in root.glob(name + ending)})
    paths = different(found)
    if len(paths) != 1:
        listing = ", ".join(path.name for path in paths) or "none"
        remedy = f"; choose with {setting} = '...'" if paths and setting else ""
        raise InputError(f"{root}: tables found: {listing}; expected one {' or '.join(names)} (or .gz): {what}{remedy}")
    return paths[0]


def different(paths: Sequence[Path]) -> list[Path]:
    """Leave out hidden files (macOS's `._labels.csv`, Excel's `~$labels.csv`) and files with the content of another.

    A plain table and the same table gzipped have the same content.
    """
    seen: list[bytes] = []
    kept = []
    visible = [path for path in paths if not path.name.startswith((".", "~$"))]
    for path in visible if len(visible) > 1 else []:
        try:
            digest = hashlib.sha256(read_bytes(path, "a table (CSV)", most=MOST_BYTES)).digest()
        except InputError:  # the message about several files names it
            digest = str(path).encode()
        if digest not in seen:
            seen.append(digest)
            kept.append(path)
    return kept if len(visible) > 1 else visible


def read(
    path: Path,
    columns: Sequence[str] = (),
    *,
    encoding: str | None = None,
    only: bool = False,
    may_be_empty: bool = False,
) -> Table:
    """Read a table.

    The encoding is UTF-8 with or without a byte-order mark, UTF-16 with one, or else Windows-1252, with a note.
    Lines may end in LF, CRLF or CR. Commas separate the fields; if commas do not give the columns, semicolons or tabs
    do.

    Parameters
    ----------
    path : Path
        The CSV file. It is gzipped if its name ends in .gz.
    columns : sequence of str
        Columns that must exist. If none is given, the table needs two or more columns of any name.
    encoding : str or None
        Python's name of the encoding. If none is given, bytes that are neither UTF-8 nor Western text are refused.
    only : bool
        Whether to drop other columns, which take much memory in tables of several hundred thousand rows.
    may_be_empty : bool
        Whether a header without rows is accepted.

    Raises
    ------
    InputError
        If the file cannot be read, is empty, lacks a column, or a row has more or fewer fields than the header.
    """
    text, notes = _text(path, encoding)
    if not text.strip():
        raise InputError(f"{path}: the file is empty; expected a table with a header{_named(columns)}")
    separator, header = _separator(path, text, columns)
    utf8 = io.BytesIO(text.encode())
    del text  # a table may have several hundred thousand rows: keep only one copy
    if separator != ",":
        notes += (f"{path.name}: fields are separated by {SEPARATORS[separator]}",)
    blank = _blank_rows(path, utf8, separator, header)
    positions = [k for k, name in enumerate(header) if not only or name in columns]
    rows = pd.read_csv(utf8, sep=separator, dtype=str, na_filter=False, skip_blank_lines=False, usecols=positions)
    rows.columns = pd.Index([header[k] for k in positions])
    rows.index += 2
    rows = rows.drop(index=blank) if blank else rows
    rows, trimmed, changes = _without_blanks(rows, path)
    notes += changes
    if rows.empty and not may_be_empty:
        raise InputError(f"{path}: a header, but no rows; expected one per image")
    return Table(path, rows, notes, trimmed)


def _without_blanks(rows: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Remove blanks at the edges of all cells, as in prediction files. Also return the columns, and a note."""
    changed, first, columns = 0, "", []
    for position, name in enumerate(rows.columns):
        values = rows.iloc[:, position].to_numpy(dtype=object)
        texts, repaired = without_blanks(values, f"{name} of row")
        if repaired:
            wrong = np.flatnonzero(texts != values)
            first = first or f"row {rows.index[wrong[0]]}, {name} {values[wrong[0]]!r}"
            changed += len(wrong)
            columns.append(str(name))
            rows.isetitem(position, texts)
    if not changed:
        return rows, (), ()
    note = f"{path.name}: blanks at the edges of {changed:,} cells were removed (first: {first})"
    return rows, tuple(columns), (note,)


def one_row_each(table: Table, key: str, what: str = "image", *, used: Sequence[str] | None = None) -> Table:
    """Drop rows that equal another row, and count them in a note.

    Parameters
    ----------
    table : Table
        One row or more for each value of `key`.
    key : str
        The column of ids.
    what : str
        What the key names, for messages.
    used : sequence of str, or None
        The columns that are compared; those that the table lacks are ignored. None: all.

    Raises
    ------
    InputError
        If the key is empty on a row, or two rows with the same key differ in a column that is compared.
    """
    rows = table.rows
    table.refuse(rows[key] == "", key, "a value on every row")
    if len(set(rows[key])) == len(rows):
        return table
    repeated = rows[key].duplicated(keep=False)
    compared = [name for name in rows.columns if used is None or name in used or name == key]
    repeats = rows.index[repeated][rows.loc[repeated, compared].duplicated().to_numpy()]
    rows = rows.drop(index=repeats)
    contradicting = rows[key].duplicated()
    if contradicting.any():
        second = rows.index[contradicting.to_numpy()][0]
        value = rows.at[second, key]
        first = rows.index[(rows[key] == value).to_numpy()][0]
        first_row, second_row = (rows.loc[row].astype(str) for row in (first, second))
        column = next(name for name in compared if first_row[name] != second_row[name])
        raise InputError(
            f"{table.path}: row {second}: {what} {value!r} is listed twice: {column} is {second_row[column]!r}, "
            f"in row {first} {first_row[column]!r}; expected one row: take off the wrong one"
        )
    note = f"{table.path.name}: {len(repeats):,} rows that repeat another are left out"
    return replace(table, rows=rows, notes=(*table.notes, note))


def shared(column: pd.Series) -> np.ndarray:
    """Store equal texts of a column only once, which saves memory for patient ids. Returns str, (n,), object."""
    codes, values = pd.factorize(column)
    return np.asarray(values, dtype=object)[codes]


def _text(path: Path, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    content = read_bytes(path, "a complete table (CSV)", most=MOST_BYTES)
    notes: tuple[str, ...] = ()
    unicode = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding or unicode)
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content.count(b"\n", 0, start) + 1
        found = f"byte 0x{content[start]:02x} on line {line}"
        if encoding is not None:
            raise InputError(f"{path}: {found} is no {encoding}; expected another encoding = '...'") from error
        text = _western(path, content, found)
        letter = content[start : start + 1].decode("cp1252", errors="replace")
        notes = (
            f"{path.name}: {found} is no UTF-8; read as Windows-1252 ({letter!r}); if that is wrong, set encoding",
        )
    if "\0" in text:
        raise InputError(f"{path}: holds zero bytes, so it is no text; expected a table (CSV)")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _western(path: Path, content: bytes, found: str) -> str:
    """Decode Windows-1252. In Western words, hardly ever three letters with accents follow one another."""
    if _NOT_WESTERN.search(content) and b"\0" not in content:
        raise InputError(
            f"{path}: {found} is no UTF-8, and the text is hardly Western; expected UTF-8, or name the encoding with "
            "encoding = '...' (gbk, big5, shift_jis, euc_kr, cp1251, koi8-r; for Western text cp1252)"
        )
    return content.decode("cp1252", errors="replace")


def _separator(path: Path, text: str, columns: Sequence[str]) -> tuple[str, list[str]]:
    first = text.split("\n", 1)[0]
    try:
        headers = {sep: [name.strip() for name in next(csv.reader([first], delimiter=sep), [])] for sep in SEPARATORS}
    except csv.Error as error:  # a name of more than 131,072 characters
        raise InputError(f"{path}: the header is no row of a table ({error}); expected names of columns") from error
    for separator, header in headers.items():
        if set(columns) <= set(header) if columns else len(header) > 1:
            repeated = [name for name in header if name and header.count(name) > 1]
            if repeated:
                raise InputError(f"{path}: two columns are called {repeated[0]!r}; expected one of each name")
            return separator, header
    longest_header = max(headers.values(), key=len)
    absent = next((name for name in columns if name not in longest_header), None)
    lacking = f"no column {absent!r}" if columns else "one column only"
    raise InputError(f"{path}: {lacking}; found {', '.join(longest_header)[:300]}; expected a table{_named(columns)}")


def _blank_rows(path: Path, utf8: io.BytesIO, separator: str, header: Sequence[str]) -> list[int]:
    """Return the numbers of the empty rows.

    Refuse rows with more or fewer fields than the header, because pandas would pad them silently.
    """
    blank = []
    fewest = max((k + 1 for k, name in enumerate(header) if name), default=1)
    lines = io.TextIOWrapper(utf8, "utf-8", newline="")
    try:
        for row, fields in enumerate(csv.reader(lines, delimiter=separator, strict=True), start=1):
            if fields and not fewest <= len(fields) <= len(header):
                raise InputError(
                    f"{path}: row {row} has {len(fields)} fields; expected {len(header)}, as the header "
                    "has (is the file cut off, or a separator inside a field not in quotes?)"
                )
            if not any(fields):
                blank.append(row)
    except csv.Error as error:
        raise InputError(f"{path}: not a table ({error}); expected fields in closed quotes, or in none") from error
    lines.detach()
    utf8.seek(0)
    return blank


def _named(columns: Sequence[str]) -> str:
    return f" with {', '.join(columns)}" if columns else " of two columns or more"
