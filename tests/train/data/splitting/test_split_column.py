"""Splits as collections ship them, and rows that repeat in columns that nothing uses."""

from pathlib import Path

import numpy as np
import pytest

from medkt.data import open_collection
from medkt.data.layouts.folder import FolderData
from medkt.data.splitting import splits
from medkt.data_report.opening import opened
from medkt_eval.errors import InputError


@pytest.fixture
def folder(tmp_path: Path):
    def write(words: list[str], **settings: object) -> FolderData:
        rows = []
        for k in range(24):
            (tmp_path / f"i{k:02}.png").touch()
            rows.append(f"i{k:02}.png,p{k // 2:02},{k % 2},{words[k // 2 % len(words)]}")
        (tmp_path / "labels.csv").write_text("image,patient_id,Effusion,part\n" + "\n".join(rows) + "\n")
        content = {"collection": "folder", "root": tmp_path, "split_column": "part", "label_columns": ["Effusion"]}
        return FolderData.model_validate(content | settings)

    return write


def drawn(settings: FolderData, size: int | None = None) -> splits.Splits:
    collection, defined = open_collection(settings)
    return splits.from_settings(collection, defined, settings, [size])


@pytest.mark.parametrize(
    "words", [["train", "val", "test"], ["Training", "valid", "Testing"], ["TRAIN", "dev", "train", "test"]]
)
def test_common_words_for_the_splits(folder, words):
    split = drawn(folder(words))
    for part, rows in (("val", split.validation), ("dev", split.validation), ("test", split.test)):
        if part in words:
            assert {words[row // 2 % len(words)] for row in rows} == {part}
    assert len(split.train[None]) + len(split.validation) + len(split.test) == 24
    assert len(split.validation) == 24 // len(words)


@pytest.mark.parametrize("size", [None, 6])
def test_validation_is_drawn_from_train_where_only_train_and_test_are_given(folder, size):
    settings = folder(["train", "train", "test"], validation_size=4)
    split = drawn(settings, size)
    assert split.test.tolist() == [4, 5, 10, 11, 16, 17, 22, 23]
    assert (len(split.validation), len(split.train[size])) == (4, size or 12)
    people = [set(rows // 2) for rows in (split.train[size], split.validation, split.test)]
    assert not people[0] & people[1] | people[0] & people[2] | people[1] & people[2]
    same = opened("folder", settings.root, ["split_column=part", "label_columns=Effusion", "validation_size=4"], None)
    assert np.array_equal(same.parts["validation"], split.validation)


def test_what_is_missing_is_named(folder):
    with pytest.raises(InputError, match=r"no image has split 'validation'; .* set validation_size to draw"):
        drawn(folder(["train", "test"]))
    with pytest.raises(InputError, match="test_size is given, and the data bring their test images"):
        drawn(folder(["train", "test"], validation_size=4, test_size=4))
    with pytest.raises(InputError, match="no image has split 'test'"):
        drawn(folder(["train"], validation_size=4))
    with pytest.raises(InputError, match=r"image 'i02\.png': split is 'holdout'; expected train, validation or test"):
        drawn(folder(["train", "holdout", "test"], validation_size=4))


@pytest.mark.parametrize(
    ("header", "rows", "settings"),
    [
        ("Target,x,y", ["1,100,10", "1,200,10", "0,,"], {"label_columns": ["Target"]}),
        ("grade,reader", ["2,A", "2,B", "0,A"], {"class_column": "grade"}),
        ("Mass,eye,note", ["1,L,one", "1,L,two", "0,R,"], {"label_columns": ["Mass"], "group_columns": ["eye"]}),
    ],
)
def test_rows_are_compared_by_the_columns_that_are_used(tmp_path: Path, header: str, rows: list[str], settings):
    names = ["a.png,p1", "a.png,p1", "b.png,p2"]
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    lines = [f"{name},{row}" for name, row in zip(names, rows, strict=True)]
    (tmp_path / "labels.csv").write_text("\n".join([f"image,patient_id,{header}", *lines]) + "\n")
    content = {"collection": "folder", "root": tmp_path, "validation_size": 1, "test_size": 1, **settings}
    collection, _ = open_collection(FolderData.model_validate(content))
    assert collection.image_ids.tolist() == ["a.png", "b.png"]
    assert collection.notes == ("labels.csv: 1 rows that repeat another are left out",)
    first = rows[0].split(",")[0]
    contradicting = lines[0].replace(f",{first},", ",0,", 1)
    (tmp_path / "labels.csv").write_text("\n".join([f"image,patient_id,{header}", contradicting, *lines[1:]]) + "\n")
    with pytest.raises(InputError, match=f"'a.png' is listed twice: {header.split(',', maxsplit=1)[0]} is"):
        open_collection(FolderData.model_validate(content))
