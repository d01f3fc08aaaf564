"""EyePACS in Kaggle's layout."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data.label_tables.label_names import GRADES
from medkt.data.layouts.eyepacs import EyePacsData, eyepacs
from medkt.data.pixels import decoding as images
from medkt.data.splitting import splits
from medkt_eval.errors import InputError

TABLE = "image,level\n10_left,0\n10_right,0\n13_left,4\n13_right,1\n15_left,2\n15_right,3\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "train").mkdir()
    for shade, line in enumerate(TABLE.split()[1:]):
        Image.new("RGB", (30, 20), (40 * shade, 0, 0)).save(
            tmp_path / "train" / f"{line.split(',')[0]}.jpeg", quality=95
        )
    (tmp_path / "trainLabels.csv").write_text(TABLE)
    return tmp_path


def settings(root: Path) -> EyePacsData:
    return EyePacsData.model_validate({"collection": "eyepacs", "root": root, "validation_size": 2, "test_size": 2})


def test_the_official_layout(root: Path):
    found = eyepacs(settings(root))
    assert (found.task, found.labels, found.channels, found.notes) == ("multiclass", GRADES, 3, ())
    assert list(found.image_ids) == ["10_left", "10_right", "13_left", "13_right", "15_left", "15_right"]
    assert list(found.patient_ids) == ["10", "10", "13", "13", "15", "15"]
    assert list(found.groups["eye"]) == ["left", "right"] * 3
    assert (found.targets.tolist(), found.targets.dtype) == ([0, 0, 4, 1, 2, 3], np.int64)
    reds = images.load(found, np.arange(6), 16)[:, 0, 8, 8]
    assert reds.tolist() == pytest.approx([0, 40, 80, 120, 160, 200], abs=3)


def test_both_eyes_of_a_patient_stay_together(root: Path):
    found = eyepacs(settings(root))
    drawn = splits.split(found, train_sizes=[None], validation_size=2, test_size=2, seed=0)
    for part in (drawn.train[None], drawn.validation, drawn.test):
        assert len(set(found.patient_ids[part])) == 1


def test_images_beside_the_table_and_absent_ones(root: Path):
    for image in (root / "train").iterdir():
        image.rename(root / image.name)
    (root / "train").rmdir()
    (root / "13_left.jpeg").unlink()
    found = eyepacs(settings(root))
    assert found.targets.tolist() == [0, 0, 1, 2, 3]
    assert found.notes == ("1 of 6 listed images are absent",)
    assert images.load(found, np.array([2]), 16)[0, 0, 8, 8] == pytest.approx(120, abs=3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("10_left,0", "10_left,5", r"trainLabels\.csv: row 2: level is '5'; expected 0 to 4"),
        ("10_left,0", "10_left,", "row 2: level is empty; expected 0 to 4"),
        ("10_left", "10_eye", "row 2: image is '10_eye'; expected <patient>_left or <patient>_right"),
        ("10_left", "../10_left", r"row 2: image is '\.\./10_left'"),
        ("13_right", "13_left", "row 5: image '13_left' is listed twice: level is '1', in row 4 '4'"),
        ("image,level", "name,level", "no column 'image'"),
    ],
)
def test_bad_tables_are_told_with_their_row(root: Path, old: str, new: str, message: str):
    (root / "trainLabels.csv").write_text(TABLE.replace(old, new))
    with pytest.raises(InputError, match=message):
        eyepacs(settings(root))


def test_a_row_that_repeats_is_dropped(root: Path):
    (root / "trainLabels.csv").write_text(TABLE + "10_left,0\n")
    found = eyepacs(settings(root))
    assert (len(found), found.notes) == (6, ("trainLabels.csv: 1 rows that repeat another are left out",))
