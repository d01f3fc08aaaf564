"""Exclusion lists and lists of patients."""

from pathlib import Path

import numpy as np
import pytest

from medkt.data import open_collection
from medkt.data.label_tables import lists
from medkt.data.layouts.phantom import PhantomShapesData
from medkt_eval.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


def shapes(path: Path | None = None) -> PhantomShapesData:
    return PhantomShapesData(collection="phantom-shapes", images=6, validation_size=1, test_size=1, exclude=path)


def test_excluded_images_are_left_out_and_counted(path: Path):
    whole, _ = open_collection(shapes())
    first, third = whole.image_ids[0], whole.image_ids[2]
    path.write_text(f"image_id,reason\n{third},truncated\n{first},constant\n{first},duplicate\nelsewhere,truncated\n")
    found, _ = open_collection(shapes(path))
    assert list(found.image_ids) == [*whole.image_ids[[1]], *whole.image_ids[3:]]
    assert list(found.patient_ids) == [*whole.patient_ids[[1]], *whole.patient_ids[3:]]
    assert found.targets.tolist() == whole.targets[[1, 3, 4, 5]].tolist()
    assert np.array_equal(found.read(1, 32), whole.read(3, 32))
    assert all(len(values) == 4 for values in found.groups.values())
    assert found.notes == (*whole.notes, "2 of 6 images are left out by list.csv (constant: 1; truncated: 1)")
    path.write_text(f"image_id\n{first}\n")
    assert open_collection(shapes(path))[0].notes[-1].endswith("by list.csv (no reason given: 1)")
    path.write_text("image_id,reason\n")
    assert len(open_collection(shapes(path))[0]) == 6


def test_a_split_goes_with_its_images(path: Path):
    whole, _ = open_collection(shapes())
    path.write_text(f"image_id\n{whole.image_ids[1]}\n")
    _, split = lists.without(whole, np.array(list("abcdef"), dtype=object), path)
    assert split is not None
    assert "".join(split) == "acdef"


def test_a_list_of_something_else_is_refused(path: Path):
    whole, _ = open_collection(shapes())
    path.write_text("image_id\nx.png\n")
    with pytest.raises(InputError, match=r"none of its 1 images is in phantom-shapes \(first: 'x\.png'\)"):
        open_collection(shapes(path))
    path.write_text("image_id\n" + "".join(f"{name}\n" for name in whole.image_ids))
    with pytest.raises(InputError, match="lists all 6 images"):
        open_collection(shapes(path))
    path.write_text("image\nx.png\n")
    with pytest.raises(InputError, match="no column 'image_id'"):
        open_collection(shapes(path))


def test_patients_of_a_text_file(path: Path):
    path.write_text("\ufeff0012\r\n patient 7 \r\n\r\n12\r\n0012\r\n", encoding="utf-8")
    assert lists.ids(path, "patient") == {"0012", "patient 7", "12"}
    path.write_text("\n")
    with pytest.raises(InputError, match="lists no patient"):
        lists.ids(path, "patient")
    with pytest.raises(InputError, match="nowhere"):
        lists.ids(path.with_name("nowhere.txt"), "patient")
