"""A folder of images with a CSV."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from medkt.data import open_collection
from medkt.data.layouts.folder import FolderData, folder
from medkt.data.pixels import decoding as images
from medkt.data.splitting import splits
from medkt.run.images import DatasetLoader
from medkt_eval.errors import InputError

CSV = "image,patient_id,effusion,mass,group_sex\na.png,1,0,1,F\nb.png,1,1,,M\nsub/c.png,2,0,0,F\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name, shade in (("a.png", 10), ("b.png", 200), ("sub/c.png", 90)):
        Image.new("L", (40, 30), shade).save(tmp_path / name)
    (tmp_path / "labels.csv").write_text(CSV)
    return tmp_path


def settings(root: Path, **changes: object) -> FolderData:
    return FolderData.model_validate(
        {"collection": "folder", "root": root, "validation_size": 1, "test_size": 1} | changes
    )


def test_columns_are_guessed_where_only_one_guess_is_possible(root: Path):
    collection, split = folder(settings(root))
    assert split is None
    assert (collection.task, collection.labels, len(collection)) == ("multilabel", ("effusion", "mass"), 3)
    assert list(collection.patient_ids) == ["1", "1", "2"]
    assert np.array_equal(collection.targets, np.array([[0, 1], [1, np.nan], [0, 0]]), equal_nan=True)
    assert list(collection.groups["sex"]) == ["F", "M", "F"]
    pixels = images.load(collection, np.array([2, 0]), 16)
    assert (pixels.shape, pixels.dtype, pixels[0, 0, 0, 0], pixels[1, 2, 5, 5]) == ((2, 3, 16, 16), np.uint8, 90, 10)


def test_classes_and_splits_of_the_table(root: Path):
    (root / "labels.csv").write_text(
        "file,patient,grade,part\na.png,1,mild,train\nb.png,2,no,validation\nsub/c.png,3,x,test\n"
    )
    collection, split = folder(settings(root, class_column="grade", split_column="part", classes=["no", "mild"]))
    assert (collection.task, collection.labels) == ("multiclass", ("no", "mild"))
    assert list(collection.targets) == [1, 0]
    assert list(split if split is not None else []) == ["train", "validation"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("b.png,1,1", "b.png,1,2", r"labels\.csv: .*'effusion' holds '0', '2' \(first in row 3\);.*label_columns"),
        ("b.png,1", "b.png,", "row 3: patient_id is empty"),
        ("b.png", "a.png", "row 3: image 'a.png' is listed twice"),
        ("b.png", "../b.png", "image '../b.png' lies outside"),
        ("b.png", "/etc/passwd", "lies outside"),
        ("patient_id", "person", "0 of them could be patient_column; name it with patient_column"),
        ("effusion,mass", "group_x,group_mass", "no label column found"),
    ],
)
def test_bad_tables_are_told_with_their_row(root: Path, old: str, new: str, message: str):
    assert old in CSV
    (root / "labels.csv").write_text(CSV.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        folder(settings(root))


def test_columns_that_are_named_as_groups(root: Path):
    (root / "labels.csv").write_text(
        CSV.replace("patient_id,effusion", "patient_id,eye").replace("a.png,1,0", "a.png,1,L")
    )
    found, _ = folder(settings(root, group_columns=["eye"]))
    assert found.labels == ("mass",)
    assert {name: list(values) for name, values in found.groups.items()} == {
        "sex": ["F", "M", "F"],
        "eye": ["L", "1", "0"],
    }
    with pytest.raises(InputError, match="group_columns is 'device'; expected one of image, patient_id, eye"):
        folder(settings(root, group_columns=["device"]))
    (root / "labels.csv").write_text(CSV.replace("effusion", "sex"))
    with pytest.raises(InputError, match="columns 'sex' and 'group_sex' are both the group 'sex'; take one off"):
        folder(settings(root, group_columns=["sex"]))


def test_missing_folders_and_several_tables(root: Path):
    with pytest.raises(InputError, match="no such folder"):
        folder(settings(root / "nowhere"))
    (root / "second.csv").write_text(CSV + "\n")
    with pytest.raises(InputError, match=r"labels\.csv, second\.csv; expected one"):
        folder(settings(root))
    assert len(folder(settings(root, csv="second.csv"))[0]) == 3
    with pytest.raises(InputError, match="label_columns is 'heart'; expected one of"):
        folder(settings(root, csv="second.csv", label_columns=["mass", "heart"]))


def test_images_in_a_folder_of_their_own(root: Path):
    (root / "images").mkdir()
    for name in ("a.png", "b.png", "sub"):
        (root / name).rename(root / "images" / name)
    assert len(folder(settings(root))[0]) == 3
    (root / "images").rename(root / "pictures")
    with pytest.raises(InputError, match="none of the 3 images that it lists is there"):
        folder(settings(root))
    assert len(folder(settings(root, image_folder="pictures"))[0]) == 3
    (root / "pictures" / "a.png").unlink()
    (root / "pictures").rename(root / "images")
    assert len(folder(settings(root))[0]) == 2  # the first that is there says where they lie
    with pytest.raises(InputError, match="lies outside"):
        folder(settings(root, image_folder="../.."))


def test_unreadable_images_are_named(root: Path):
    (root / "b.png").write_bytes((root / "b.png").read_bytes()[:40])
    collection, _ = folder(settings(root))
    with pytest.raises(InputError, match=r"b\.png: cannot be read as an image"):
        images.load(collection, np.arange(3), 16)
    (root / "b.png").write_text("not an image")
    with pytest.raises(InputError, match=r"b\.png: cannot be read as an image"):
        images.read_image(root / "b.png", 16, 1)
    with pytest.raises(InputError, match="no such image"):
        images.read_image(root / "gone.png", 16, 1)


def test_rows_that_repeat_other_separators_and_ids_with_zeros(root: Path):
    (root / "labels.csv").write_text(
        "image;patient_id;effusion\r\na.png;0012;1\r\nb.png;012;0\r\na.png;0012;1\r\n", encoding="utf-8-sig"
    )
    found, _ = folder(settings(root))
    assert list(found.patient_ids) == ["0012", "012"]  # text: two patients
    assert found.notes == (
        "labels.csv: fields are separated by semicolons",
        "labels.csv: 1 rows that repeat another are left out",
    )
    assert found.files is not None
    assert list(found.files) == [str(root / "a.png"), str(root / "b.png")]


def test_nothing_is_trained_while_an_image_is_absent(root: Path):
    (root / "b.png").unlink()
    found, _ = folder(settings(root))
    assert (list(found.image_ids), list(found.absent), found.complete) == (["a.png", "sub/c.png"], ["b.png"], True)
    assert found.notes == ("1 of 3 listed images are absent",)
    loader = DatasetLoader({"ours": settings(root)}, {"ours": [None]})
    with pytest.raises(InputError, match=r"ours: 1 listed images are absent \(first: 'b\.png'\); add them"):
        loader.check(["ours"])


def test_an_absent_image_may_be_excluded(root: Path):
    (root / "b.png").unlink()
    (root / "exclude.csv").write_text("image_id,reason\nb.png,absent\n")
    found, _ = open_collection(settings(root, exclude=root / "exclude.csv"))
    assert (list(found.image_ids), list(found.absent)) == (["a.png", "sub/c.png"], [])
    assert found.notes == ("1 of 3 images are left out by exclude.csv (absent: 1)",)


def test_sizes_or_a_split_column(root: Path):
    content = {"collection": "folder", "root": root}
    with pytest.raises(ValidationError, match="validation_size is not given"):
        FolderData.model_validate(content)
    with pytest.raises(ValidationError, match=r"either test_size .* or test_patients"):
        FolderData.model_validate(content | {"validation_size": 3})
    with pytest.raises(ValidationError, match="the split is given; leave them out"):
        FolderData.model_validate(content | {"split_column": "part", "stratify": True})
    assert FolderData.model_validate(content | {"split_column": "part"}).brings_split


@pytest.mark.real
def test_real_fundus_photographs(real_data: Path):
    root = real_data / "retina-rahim"
    grades = ["0", "1", "2", "3", "4"]
    found, split = folder(settings(root, class_column="dr_grade", classes=grades, validation_size=90, test_size=150))
    assert split is None
    assert (found.task, found.labels, found.channels) == ("multiclass", tuple(grades), 3)
    assert 500 < len(found) <= 600  # rows outside the scale are left out
    drawn = splits.split(found, train_sizes=[300], validation_size=90, test_size=150, seed=0)
    people = [set(found.patient_ids[part]) for part in (drawn.train[300], drawn.validation, drawn.test)]
    assert not (people[0] & people[1]) | (people[0] & people[2]) | (people[1] & people[2])
    pixels = images.load(found, drawn.validation, 64)
    assert pixels.shape == (90, 3, 64, 64)
    assert pixels.mean(axis=(0, 2, 3)).argmax() == 0  # a fundus is red


@pytest.mark.parametrize("absolute", [False, True])
def test_a_csv_outside_the_root_is_refused_and_nothing_of_it_is_printed(root, absolute):
    secret = root.parent / "secret.csv"
    secret.write_text("user,password\nroot,hunter2\n")
    with pytest.raises(InputError, match=r"csv: .*secret\.csv") as refused:
        folder(settings(root, csv=str(secret) if absolute else "../secret.csv"))
    assert "password" not in str(refused.value)
