"""Label tables in CSV files: encodings, separators, repeated rows, and every fault with its row."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from medkt.data.label_tables import csv_tables as tables
from medkt.data.label_tables import groups
from medkt_eval.errors import InputError

TEXT = "image,patient,note\na.png,007,plain\nb.png,0012,\n"
COLUMNS = ["image", "patient"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


def cells(table: tables.Table) -> list[list[str]]:
    return table.rows.to_numpy(dtype=object).tolist()


EXPECTED = [["a.png", "007", "plain"], ["b.png", "0012", ""]]


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        (TEXT.encode(), ()),
        (TEXT.encode("utf-8-sig"), ()),
        (TEXT.encode("utf-16"), ()),
        (TEXT.replace("\n", "\r\n").encode(), ()),
        (TEXT.replace("\n", "\r").encode(), ()),
        (TEXT.rstrip("\n").encode(), ()),
        ((TEXT + "\n,,\n\n").encode(), ()),
        (TEXT.replace("image,patient", " image , patient").encode(), ()),
        (TEXT.replace(",", ";").encode(), ("labels.csv: fields are separated by semicolons",)),
        (TEXT.replace(",", "\t").encode("utf-16"), ("labels.csv: fields are separated by tabs",)),
    ],
)
@pytest.mark.parametrize("columns", [COLUMNS, []])
def test_the_same_table_however_it_was_saved(path: Path, content: bytes, notes: tuple[str, ...], columns: list[str]):
    path.write_bytes(content)
    table = tables.read(path, columns)
    assert (list(table.rows.columns), cells(table)) == (["image", "patient", "note"], EXPECTED)
    assert list(table.rows.index) == [2, 3]  # as a spreadsheet numbers them
    assert table.notes == notes


def test_gzip_and_western_text(tmp_path: Path, path: Path):
    zipped = tmp_path / "labels.csv.gz"
    zipped.write_bytes(gzip.compress(TEXT.encode()))
    assert cells(tables.read(zipped, COLUMNS)) == EXPECTED
    path.write_bytes(TEXT.replace("plain", "Köln").encode("latin-1"))
    table = tables.read(path, COLUMNS)
    assert table.rows["note"].tolist() == ["Köln", ""]
    assert table.notes == (
        "labels.csv: byte 0xf6 on line 2 is no UTF-8; read as Windows-1252 ('ö'); if that is wrong, set encoding",
    )


def test_separators_are_only_looked_for_where_commas_give_no_columns(path: Path):
    path.write_text("image,patient;note\na;b,1\n")
    assert cells(tables.read(path, ["image"])) == [["a;b", "1"]]
    path.write_text('image,patient,note\na.png,1,"one, two\nthree"\nb.png,2,\n')
    assert tables.read(path).rows["note"].tolist() == ["one, two\nthree", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"labels\.csv: the file is empty; expected a table with a header with image, patient"),
        (b"\n \n", "the file is empty"),
        (b"image,patient\n", "a header, but no rows"),
        (b"image,person\na.png,1\n", "no column 'patient'; found image, person; expected a table with image, patient"),
        (b"<!DOCTYPE html>\n<html>\n", "no column 'image'; found <!DOCTYPE html>"),
        (b"image,patient,patient\na.png,1,2\n", "two columns are called 'patient'"),
        (b"image,patient\na.png,1\nb.png,2,3\n", "row 3 has 3 fields; expected 2"),
        (b"image,patient\na.png,1,2\nb.png,2,3\n", "row 2 has 3 fields; expected 2"),
        (b"image,patient\na.png,1\nb.pn", r"row 3 has 1 fields; expected 2, .* \(is the file cut off"),
        (b'image,patient\na.png,"1\n', "not a table .*expected fields in closed quotes"),
        (b"image,patient\na.png,\x00\n", "holds zero bytes"),
    ],
)
def test_what_is_no_table_is_told(path: Path, content: bytes, message: str):
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        tables.read(path, COLUMNS)


def test_files_that_cannot_be_read(tmp_path: Path, path: Path):
    with pytest.raises(InputError, match=r"labels\.csv: No such file"):
        tables.read(path)
    path.write_text("image\na.png\n")
    with pytest.raises(InputError, match="one column only; found image; expected a table of two columns or more"):
        tables.read(path)
    half = tmp_path / "labels.csv.gz"
    half.write_bytes(gzip.compress(TEXT.encode())[:30])
    with pytest.raises(InputError, match=r"expected a complete table"):
        tables.read(half)
    assert tables.read(path, ["image"]).rows["image"].tolist() == ["a.png"]


def test_rows_that_repeat_are_dropped_and_rows_that_contradict_refused(path: Path):
    path.write_text(TEXT + "a.png,007,plain\n" * 2)
    table = tables.one_row_each(tables.read(path, COLUMNS), "image")
    assert cells(table) == EXPECTED
    assert table.notes == ("labels.csv: 2 rows that repeat another are left out",)
    path.write_text(TEXT + "a.png,7,plain\n")
    with pytest.raises(
        InputError, match=r"row 4: image 'a\.png' is listed twice: patient is '7', in row 2 '007'; expected one row"
    ):
        tables.one_row_each(tables.read(path, COLUMNS), "image")
    path.write_text(TEXT + ",007,plain\n")
    with pytest.raises(InputError, match="row 4: image is empty; expected a value on every row"):
        tables.one_row_each(tables.read(path, COLUMNS), "image")


def test_the_only_table_of_a_folder(tmp_path: Path, path: Path):
    with pytest.raises(InputError, match=r"tables found: none; expected one labels\.csv \(or \.gz\): the labels"):
        tables.only_file(tmp_path, ["labels.csv"], "the labels")
    path.write_text(TEXT)
    assert tables.only_file(tmp_path, ["labels.csv", "lab*.csv"], "the labels") == path
    (tmp_path / "labels.csv.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"tables found: labels\.csv, labels\.csv\.gz; expected one"):
        tables.only_file(tmp_path, ["labels.csv"], "the labels")
    with pytest.raises(InputError, match="no such folder; expected the labels"):
        tables.only_file(tmp_path / "nowhere", ["labels.csv"], "the labels")


def test_groups_have_the_same_names_everywhere():
    ages = pd.Series(["0", "17", "18", "39.5", "059Y", "060Y", "80", "119", "120", "411D", "040M", "x", ""])
    assert groups.age_band(ages).tolist() == [
        "0-17",
        "0-17",
        "18-39",
        "18-39",
        "40-59",
        "60-79",
        "80+",
        "80+",
        "unknown",
        "0-17",
        "0-17",
        "unknown",
        "unknown",
    ]
    assert groups.sex(pd.Series(["Female", "M", "male", "f", "Unknown", ""])).tolist() == [
        "F",
        "M",
        "M",
        "F",
        "unknown",
        "unknown",
    ]
    assert groups.filled(pd.Series(["PA", " ", "LL"])).tolist() == ["PA", "unknown", "LL"]
