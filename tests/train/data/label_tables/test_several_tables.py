"""Tables in other encodings, and files beside the table."""

import gzip
from pathlib import Path

import pytest
from pydantic import ValidationError

from medkt.data.label_tables import csv_tables as tables
from medkt.data.layouts.folder import FolderData
from medkt_eval.errors import InputError

TABLE = b"image,Mass\na.png,1\n"


def only(root: Path, **options: str) -> str:
    return tables.only_file(root, ["labels*.csv"], "the labels", setting="csv", **options).name


@pytest.mark.parametrize("name", ["._labels.csv", "~$labels.csv", ".labels.csv"])
def test_hidden_files_are_passed_over(tmp_path: Path, name: str):
    (tmp_path / "labels.csv").write_bytes(TABLE)
    (tmp_path / name).write_bytes(b"\0\5\x16\7")
    assert only(tmp_path) == "labels.csv"
    assert [path.name for path in tables.different(sorted(tmp_path.glob("*.csv")))] == ["labels.csv"]


@pytest.mark.parametrize("name", ["labels.csv.gz", "labels_v2.csv", "labels_v2.csv.gz"])
def test_of_equal_tables_one_is_read_and_of_others_a_setting_chooses(tmp_path: Path, name: str):
    def write(content: bytes) -> None:
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    (tmp_path / "labels.csv").write_bytes(TABLE)
    write(TABLE)
    assert only(tmp_path) == "labels.csv"
    write(TABLE + b"b.png,0\n")
    with pytest.raises(InputError, match=r"tables found: .*; expected one .*; choose with csv = '\.\.\.'"):
        only(tmp_path)
    assert only(tmp_path, chosen=name) == name


@pytest.mark.parametrize("name", ["../labels.csv", "/etc/passwd", "sub/../../labels.csv"])
def test_a_chosen_table_lies_in_the_folder(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="lies outside"):
        only(tmp_path, chosen=name)


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("gbk", "正常 肺炎"),
        ("shift_jis", "正常 肺炎"),
        ("cp1251", "норма пневмония"),
        ("euc_kr", "정상 폐렴"),
        ("big5", "正常 肺炎"),
    ],
)
def test_what_is_not_western_is_refused_until_its_encoding_is_named(tmp_path: Path, encoding: str, words: str):
    path = tmp_path / "labels.csv"
    first, second = words.split()
    path.write_text(f"image,finding\na.png,{first}\nb.png,{second}\n", encoding=encoding)
    with pytest.raises(InputError, match=r"on line 2 is no UTF-8, and the text is hardly Western; .*encoding = "):
        tables.read(path)
    table = tables.read(path, encoding=encoding)
    assert (table.rows["finding"].tolist(), table.notes) == ([first, second], ())


@pytest.mark.parametrize("word", ["“Pleuraerguß”", "Größe", "décédé…", "5 µm", "«été»"])
def test_western_text_is_read_with_its_quotes(tmp_path: Path, word: str):
    path = tmp_path / "labels.csv"
    path.write_text(f"image,finding\na.png,{word}\n", encoding="cp1252")
    table = tables.read(path)
    assert table.rows["finding"].tolist() == [word]
    assert "is no UTF-8; read as Windows-1252" in table.notes[0]


def test_a_wrong_encoding_is_refused(tmp_path: Path):
    path = tmp_path / "labels.csv"
    path.write_text("image,finding\na.png,é\n", encoding="cp1252")
    with pytest.raises(InputError, match=r"byte 0xe9 on line 2 is no ascii; expected another encoding"):
        tables.read(path, encoding="ascii")
    settings = {"collection": "folder", "root": tmp_path, "validation_size": 1, "test_size": 1}
    for unknown in ("gbkk", "base64", ""):
        with pytest.raises(ValidationError, match="is not known; expected one of Python's"):
            FolderData.model_validate(settings | {"encoding": unknown})
