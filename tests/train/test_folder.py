from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.config import FolderData
from medkt.data import images, splits
from medkt.data.folder import folder
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
        ("b.png,1,1", "b.png,1,2", r"labels\.csv: row 3: effusion is '2'; expected 0, 1 or empty .*label_columns"),
        ("b.png,1", "b.png,", "row 3: patient_id is empty"),
        ("b.png", "a.png", "row 3: image 'a.png' is listed twice"),
        ("b.png", "gone.png", r"1 listed images are absent .*first: 'gone\.png'"),
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


def test_missing_folders_and_several_tables(root: Path):
    with pytest.raises(InputError, match="no such folder"):
        folder(settings(root / "nowhere"))
    (root / "second.csv").write_text(CSV)
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
    with pytest.raises(InputError, match="3 listed images are absent"):
        folder(settings(root))
    assert len(folder(settings(root, image_folder="pictures"))[0]) == 3
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


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path):
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    shallow = images.read_image(tmp_path / "deep.png", 64, 1)
    assert np.array_equal(shallow, ramp >> 8)


def test_the_shorter_side_is_resized_and_the_centre_kept(tmp_path: Path):
    wide = np.zeros((10, 30), dtype=np.uint8)
    wide[:, 10:20] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert images.read_image(tmp_path / "wide.png", 10, 1).min() == 255
    assert images.read_image(tmp_path / "wide.png", 10, 3).shape == (10, 10, 3)


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
