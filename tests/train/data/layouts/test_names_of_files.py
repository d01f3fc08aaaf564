"""Tables and files whose names do not agree: other systems, other endings, shrunk copies."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data.collection import Collection
from medkt.data.layouts.chestxray8 import ChestXray8Data, chestxray8
from medkt.data.layouts.eyepacs import EyePacsData, eyepacs
from medkt.data.layouts.folder import FolderData, folder
from medkt_eval.errors import InputError

SIZES = {"validation_size": 1, "test_size": 1}


def save(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (16, 16), shade).save(path)


def shades(collection: Collection) -> list[int]:
    return [round(float(np.mean(collection.read(k, 16))), -1) for k in range(len(collection))]


def opened(root: Path, listed: list[str], files: list[str], **changes: object) -> Collection:
    """A folder whose table lists some names, and has the files with shades 0, 50, 100 ..."""
    for k, name in enumerate(files):
        save(root / name, 50 * k)
    rows = "".join(f"{name},{k},{k % 2}\n" for k, name in enumerate(listed))
    (root / "labels.csv").write_text("image,patient_id,Mass\n" + rows)
    return folder(FolderData.model_validate({"collection": "folder", "root": root, "channels": 1, **SIZES, **changes}))[
        0
    ]


NFD, NFC = (unicodedata.normalize(form, "tórax") for form in ("NFD", "NFC"))


@pytest.mark.parametrize(
    ("listed", "files"),
    [
        (["a", "b"], ["a.png", "b.png"]),
        (["1.2.840.1", "1.2.840.2"], ["1.2.840.1.png", "1.2.840.2.png"]),
        (["sub/a", "b"], ["sub/a.tif", "b.jpg"]),
        (["a", "b"], ["images/a.png", "images/b.png"]),
        (["a.png", "b.png"], ["a.jpg", "b.jpg"]),
        (["a.PNG", "b.png"], ["a.png", "b.PNG"]),
        ([r"sub\a.png", r"sub\b.png"], ["sub/a.png", "sub/b.png"]),
        ([r"sub\a", r"sub\b"], ["images/sub/a.png", "images/sub/b.png"]),
        ([f"{NFC}1.png", f"{NFC}2.png"], [f"{NFD}1.png", f"{NFD}2.png"]),
        ([f"{NFD}/1.png", f"{NFD}/2"], [f"{NFC}/1.png", f"{NFC}/2.png"]),
    ],
)
def test_each_image_is_the_one_that_the_table_means(tmp_path: Path, listed: list[str], files: list[str]):
    found = opened(tmp_path, listed, files)
    assert list(found.image_ids) == listed
    assert shades(found) == [0, 50]


@pytest.mark.parametrize("place", ["", "images/", "sub/deep/"])
def test_absolute_paths_inside_the_root_are_relative_ids(tmp_path: Path, place: str):
    files = [f"{place}a.png", f"{place}b.png"]
    found = opened(tmp_path, [f"{tmp_path}/{name}" for name in files], files)
    assert (list(found.image_ids), shades(found)) == (files, [0, 50])
    assert "2 absolute paths of images count from" in found.notes[0]


@pytest.mark.parametrize("name", [r"..\a.png", r"sub\..\..\a.png", "{root}/../a.png", "{root}x/a.png"])
def test_no_spelling_leads_out_of_the_root(tmp_path: Path, name: str):
    root = tmp_path / "root"
    save(tmp_path / "a.png", 0)
    save(tmp_path / "rootx/a.png", 0)
    with pytest.raises(InputError, match="lies outside"):
        opened(root, [name.format(root=root), "b.png"], ["b.png"])


def test_two_possible_files_are_refused_until_a_setting_chooses(tmp_path: Path):
    files = ["a.png", "b.png", "a.jpg"]
    with pytest.raises(InputError, match=r"may be 'a.jpg' or 'a.png'; expected one file: .*image_ending"):
        opened(tmp_path, ["a", "b"], files)
    assert shades(opened(tmp_path, ["a", "b"], files, image_ending=".png")) == [0, 50]


def test_two_rows_of_one_file_are_refused_and_a_listed_file_is_no_other_image(tmp_path: Path):
    with pytest.raises(InputError, match=r"are one file, 'a\.png'; expected one row an image"):
        opened(tmp_path, ["a.jpg", "a", "b.png"], ["a.png", "b.png"])
    found = opened(tmp_path, ["a.png", "a.jpg"], ["a.png"])
    assert (list(found.image_ids), list(found.absent)) == (["a.png"], ["a.jpg"])


def test_where_no_image_is_there_the_message_names_one_that_is(tmp_path: Path):
    with pytest.raises(InputError, match=r"none of the 2 images .*; its folder holds 1 images \(first: 'c\.png'\)"):
        opened(tmp_path, ["a.png", "b.png"], ["c.png"])


def nih(root: Path, files: list[str], **changes: object) -> Collection:
    rows = "".join(f"{k:08}_000.png,Mass,{k}\n" for k in range(len(files)))
    (root / "Data_Entry_2017.csv").write_text("Image Index,Finding Labels,Patient ID\n" + rows)
    for k, file in enumerate(files):
        save(root / file, 50 * k)
    return chestxray8(ChestXray8Data.model_validate({"collection": "chestxray8", "root": root, **SIZES, **changes}))[0]


@pytest.mark.parametrize("pattern", ["images/{}.jpg", "images-224/images-224/{}.png", "images_001/{}.png", "{}.webp"])
def test_copies_of_chestxray8(tmp_path: Path, pattern: str):
    found = nih(tmp_path, [pattern.format(f"{k:08}_000") for k in range(3)])
    assert shades(found) == [0, 50, 100]
    assert list(found.image_ids) == ["00000000_000.png", "00000001_000.png", "00000002_000.png"]
    assert found.notes[-1].startswith("3 images were found by their names (first: ")


def test_an_image_in_two_folders_is_refused_until_a_setting_chooses(tmp_path: Path):
    save(tmp_path / "small/00000000_000.png", 200)
    with pytest.raises(InputError, match=r"is there twice: .*; name the folder with image_folder"):
        nih(tmp_path, ["large/00000000_000.png"])
    assert shades(nih(tmp_path, ["large/00000000_000.png"], image_folder="small")) == [200]


@pytest.mark.parametrize("pattern", ["train/{}.png", "resized_train/{}.jpeg", "train/train/{}.jpeg", "{}.jpg"])
def test_copies_of_eyepacs(tmp_path: Path, pattern: str):
    names = ["1_left", "1_right", "2_left"]
    (tmp_path / "trainLabels.csv").write_text(
        "image,level\n" + "".join(f"{name},{k}\n" for k, name in enumerate(names))
    )
    for k, name in enumerate(names):
        save(tmp_path / pattern.format(name), 50 * k)
    found = eyepacs(EyePacsData.model_validate({"collection": "eyepacs", "root": tmp_path, **SIZES}))
    assert (list(found.image_ids), shades(found)) == (names, [0, 50, 100])
