"""ChestX-ray8 in NIH's and Kaggle's layouts."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from medkt.data import open_collection
from medkt.data.label_tables.boxes import read_boxes
from medkt.data.layouts.chestxray8 import FINDINGS, ChestXray8Data, chestxray8
from medkt.data.pixels import decoding as images
from medkt.data.splitting import splits
from medkt.data_report.opening import opened
from medkt_eval.errors import InputError

TABLE = """Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position
00000001_000.png,Cardiomegaly,0,1,57,M,PA
00000001_001.png,Cardiomegaly|Emphysema,1,1,58,M,PA
00000002_000.png,No Finding,0,2,81,F,AP
00000003_000.png,Hernia,0,3,412,F,PA
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for k, name in enumerate(("00000002_000.png", "00000001_000.png", "00000001_001.png")):
        Image.new("L", (32, 32), 50 * k).save(tmp_path / "images" / name)
    with gzip.open(tmp_path / "Data_Entry_2017_v2020.csv.gz", "wt") as handle:
        handle.write(TABLE)
    return tmp_path


def settings(root: Path, **changes: object) -> ChestXray8Data:
    content = {"collection": "chestxray8", "root": root, "validation_size": 1, "test_size": 1}
    return ChestXray8Data.model_validate(content | changes)


def test_the_official_layout(root: Path):
    found = chestxray8(settings(root))[0]
    assert list(found.image_ids) == ["00000001_000.png", "00000001_001.png", "00000002_000.png"]
    assert list(found.patient_ids) == ["1", "1", "2"]
    assert found.labels == FINDINGS
    assert len(found.labels) == 14
    present = [{found.labels[k] for k in np.flatnonzero(row)} for row in found.targets]
    assert present == [{"Cardiomegaly"}, {"Cardiomegaly", "Emphysema"}, set()]
    assert found.notes == ("1 of 4 listed images are absent",)
    assert list(found.groups["age_band"]) == ["40-59", "40-59", "80+"]
    assert list(found.groups["view"]) == ["PA", "PA", "AP"]
    assert images.load(found, np.arange(3), 16)[:, 0, 0, 0].tolist() == [50, 100, 0]


def test_no_finding_as_the_papers_fifteenth_label_and_chosen_findings(root: Path):
    assert chestxray8(settings(root, no_finding=True))[0].labels == (*FINDINGS, "No Finding")
    two = chestxray8(settings(root, labels=["Emphysema", "No Finding"]))[0]
    assert two.targets.tolist() == [[0, 0], [1, 0], [0, 1]]
    with pytest.raises(InputError, match="labels names 'Emphysaema'; expected some of"):
        chestxray8(settings(root, labels=["Emphysaema"]))


def test_the_sample_of_five_per_cent(root: Path):
    (root / "Data_Entry_2017_v2020.csv.gz").unlink()
    (root / "sample_labels.csv").write_text(TABLE.replace(",57,", ",057Y,").replace(",81,", ",011M,"))
    (root / "sample").mkdir()
    (root / "images").rename(root / "sample" / "images")
    assert list(chestxray8(settings(root))[0].groups["age_band"]) == ["40-59", "40-59", "0-17"]


def test_labels_may_be_asked_for_by_the_name_that_collections_share(root: Path):
    path = root / "Data_Entry_2017_v2020.csv.gz"
    path.write_bytes(gzip.compress(TABLE.replace("|Emphysema", "|Effusion").encode()))
    found = chestxray8(settings(root, labels=["Pleural Effusion"]))[0]
    assert (found.labels, found.targets.ravel().tolist()) == (("Pleural Effusion",), [0, 1, 0])
    assert chestxray8(settings(root, labels=["Effusion"]))[0].labels == ("Effusion",)
    with pytest.raises(InputError, match="'Effusion', which it names before"):
        chestxray8(settings(root, labels=["Pleural Effusion", "Effusion"]))


SIZES = (  # the first as NIH's header splits at its commas, the second as Kaggle's sample has it
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]",
    "OriginalImageWidth,OriginalImageHeight,OriginalImagePixelSpacing_x,OriginalImagePixelSpacing_y",
)


@pytest.mark.parametrize("header", SIZES)
def test_what_the_image_was_before_it_was_shrunk(root: Path, header: str):
    rows = TABLE.splitlines()
    made = ["2682,2749,0.14300000000000002,0.14300000000000002", "2500,2048,0.168,0.168", ",,,", "1,1,1,1"]
    text = "\n".join(f"{row},{more}" for row, more in zip(rows, [header, *made], strict=True))
    (root / "Data_Entry_2017_v2020.csv.gz").write_bytes(gzip.compress(text.encode()))
    found, _ = chestxray8(settings(root))
    assert list(found.acquisition["original size"]) == ["2682 × 2749", "2500 × 2048", "unknown"]
    assert list(found.acquisition["pixel spacing (mm)"]) == ["0.143", "0.168", "unknown"]
    assert set(found.groups) == {"sex", "view", "age_band"}  # no subgroups of thousands of sizes


def official(root: Path, train: str, test: str, **changes: object) -> ChestXray8Data:
    (root / "train_val_list.txt").write_text(train)
    (root / "test_list.txt").write_text(test)
    return settings(root, **{"official_split": True, "test_size": None} | changes)


def test_the_official_split(root: Path):
    for patient in "345":
        Image.new("L", (32, 32)).save(root / "images" / f"0000000{patient}_000.png")
    text = TABLE + "".join(f"0000000{patient}_000.png,Mass,0,{patient},40,F,PA\n" for patient in "45")
    (root / "Data_Entry_2017_v2020.csv.gz").write_bytes(gzip.compress(text.encode()))
    train = "00000002_000.png\n00000003_000.png\n00000004_000.png\n00000009_000.png\n"
    data = official(root, train, "00000001_000.png\n00000001_001.png\n00000005_000.png")
    found, brought = open_collection(data)
    assert brought is not None
    assert list(brought) == ["test", "test", "train", "train", "train", "test"]
    drawn = splits.from_settings(found, brought, data, [1, None])
    assert drawn.test.tolist() == [0, 1, 5]
    assert (len(drawn.validation), len(drawn.train[1]), len(drawn.train[None])) == (1, 1, 2)
    assert sorted([*drawn.validation, *drawn.train[None]]) == [2, 3, 4]
    asked = opened("chestxray8", root, ["official_split=true"], None)
    assert {name: rows.tolist() for name, rows in asked.parts.items()} == {"train": [2, 3, 4], "test": [0, 1, 5]}
    asked = opened("chestxray8", root, ["official_split=true", "validation_size=1"], None)
    assert {name: len(rows) for name, rows in asked.parts.items()} == {"train": 2, "validation": 1, "test": 3}


def test_an_official_split_that_cannot_be_is_refused(root: Path):
    train, test = "00000001_000.png\n00000002_000.png\n", "00000001_001.png\n"
    data = official(root, train, test)
    found, brought = open_collection(data)
    with pytest.raises(InputError, match="patient '1' is in train and in test"):
        splits.from_settings(found, brought, data, [None])
    with pytest.raises(InputError, match=r"'00000001_001\.png' is in 0 of train_val_list\.txt and test_list\.txt"):
        chestxray8(official(root, train, "00000009_000.png\n"))
    with pytest.raises(InputError, match=r"'00000001_001\.png' is in 2 of"):
        chestxray8(official(root, train + test, test))
    with pytest.raises(ValidationError, match="neither beside official_split"):
        official(root, train, test, test_size=1)
    (root / "test_list.txt").unlink()
    with pytest.raises(InputError, match=r"test_list\.txt: No such file .*; expected a text file of image ids"):
        chestxray8(data)


BOXES = """Image Index,Finding Label,Bbox [x,y,w,h],,,
00013118_008.png,Atelectasis,256.0,512.0,128.0,64.0,,,
00014716_007.png,Infiltrate,896,0,256,1024,,,
"""


def test_boxes(root: Path):
    assert read_boxes(root) is None
    (root / "BBox_List_2017.csv").write_text(BOXES)
    boxes = read_boxes(root)
    assert boxes is not None
    assert list(boxes.labels) == ["Atelectasis", "Infiltration"]
    assert [boxes.x[0], boxes.y[0], boxes.width[0], boxes.height[0]] == [0.25, 0.5, 0.125, 0.0625]
    assert (boxes.x[1] + boxes.width[1], boxes.height[1]) == (1.0, 1.0)  # cut at the edge
    (root / "BBox_List_2017.csv").write_text(BOXES.replace("896,", "1025,"))
    with pytest.raises(InputError, match=r"row 3: Bbox \[x is '1025'; expected x, y, width and height"):
        read_boxes(root)


def test_images_in_numbered_folders(root: Path):
    (root / "images_002" / "images").mkdir(parents=True)
    Image.new("L", (32, 32), 9).save(root / "images_002" / "images" / "00000003_000.png")
    found = chestxray8(settings(root))[0]
    assert found.notes == ()
    assert list(found.groups["age_band"])[-1] == "unknown"
    assert images.load(found, np.array([3]), 8).max() == 9


def test_what_is_wrong_is_named(root: Path):
    with pytest.raises(InputError, match="no such folder"):
        chestxray8(settings(root / "nowhere"))
    (root / "sample_labels.csv").write_text(TABLE + "\n")
    with pytest.raises(
        InputError, match=r"found: Data_Entry_2017_v2020\.csv\.gz, sample_labels\.csv; expected one Data_Entry"
    ):
        chestxray8(settings(root))
    (root / "Data_Entry_2017_v2020.csv.gz").unlink()
    (root / "sample_labels.csv").write_text(TABLE.replace("Cardiomegaly|", "Cardiomegali|"))
    with pytest.raises(InputError, match="row 3: finding 'Cardiomegali'"):
        chestxray8(settings(root))
    (root / "sample_labels.csv").write_text(TABLE.replace("Patient ID", "Patient"))
    with pytest.raises(InputError, match="no column 'Patient ID'"):
        chestxray8(settings(root))
    (root / "sample_labels.csv").write_text(TABLE.replace("00000001_001", "00000001_000"))
    with pytest.raises(InputError, match="listed twice"):
        chestxray8(settings(root))
    (root / "sample_labels.csv").write_text(TABLE.replace("_00", "_99"))
    with pytest.raises(InputError, match="none of the 4 images"):
        chestxray8(settings(root))


@pytest.mark.real
def test_real_images(real_data: Path):
    found = chestxray8(settings(real_data / "nih-chestxray"))[0]
    assert len(found) == 1000
    assert len(set(found.patient_ids)) == 682
    assert found.notes == ("111,120 of 112,120 listed images are absent",)
    assert (len(found.absent), found.complete) == (111_120, False)
    sizes, counts = np.unique(found.acquisition["original size"].astype(str), return_counts=True)
    assert "2500 × 2048" in sizes[counts > 100]
    assert set(found.acquisition["pixel spacing (mm)"]) >= {"0.139", "0.143", "0.168", "0.171", "0.194"}
    counts = dict(zip(found.labels, found.targets.sum(axis=0).astype(int), strict=True))
    assert counts["Pneumonia"] == 500
    pixels = images.load(found, np.arange(0, 1000, 50), 64)
    assert pixels.shape == (20, 1, 64, 64)
    assert (pixels.reshape(20, -1).std(axis=1) > 10).all()
