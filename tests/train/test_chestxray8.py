import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data import images
from medkt.data.boxes import read_boxes
from medkt.data.chestxray8 import FINDINGS, chestxray8
from medkt.data_settings import ChestXray8Data
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
    found = chestxray8(settings(root))
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
    assert chestxray8(settings(root, no_finding=True)).labels == (*FINDINGS, "No Finding")
    two = chestxray8(settings(root, labels=["Emphysema", "No Finding"]))
    assert two.targets.tolist() == [[0, 0], [1, 0], [0, 1]]
    with pytest.raises(InputError, match="labels names 'Emphysaema'; expected some of"):
        chestxray8(settings(root, labels=["Emphysaema"]))


def test_the_sample_of_five_per_cent(root: Path):
    (root / "Data_Entry_2017_v2020.csv.gz").unlink()
    (root / "sample_labels.csv").write_text(TABLE.replace(",57,", ",057Y,").replace(",81,", ",011M,"))
    (root / "sample").mkdir()
    (root / "images").rename(root / "sample" / "images")
    assert list(chestxray8(settings(root)).groups["age_band"]) == ["40-59", "40-59", "0-17"]


def test_labels_may_be_asked_for_by_the_name_that_collections_share(root: Path):
    path = root / "Data_Entry_2017_v2020.csv.gz"
    path.write_bytes(gzip.compress(TABLE.replace("|Emphysema", "|Effusion").encode()))
    found = chestxray8(settings(root, labels=["Pleural Effusion"]))
    assert (found.labels, found.targets.ravel().tolist()) == (("Pleural Effusion",), [0, 1, 0])
    assert chestxray8(settings(root, labels=["Effusion"])).labels == ("Effusion",)
    with pytest.raises(InputError, match="'Effusion', which it names before"):
        chestxray8(settings(root, labels=["Pleural Effusion", "Effusion"]))


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
    found = chestxray8(settings(root))
    assert found.notes == ()
    assert list(found.groups["age_band"])[-1] == "unknown"
    assert images.load(found, np.array([3]), 8).max() == 9


def test_what_is_wrong_is_named(root: Path):
    with pytest.raises(InputError, match="no such folder"):
        chestxray8(settings(root / "nowhere"))
    (root / "sample_labels.csv").write_text(TABLE)
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
    found = chestxray8(settings(real_data / "nih-chestxray"))
    assert len(found) == 1000
    assert len(set(found.patient_ids)) == 682
    assert found.notes == ("111,120 of 112,120 listed images are absent",)
    counts = dict(zip(found.labels, found.targets.sum(axis=0).astype(int), strict=True))
    assert counts["Pneumonia"] == 500
    pixels = images.load(found, np.arange(0, 1000, 50), 64)
    assert pixels.shape == (20, 1, 64, 64)
    assert (pixels.reshape(20, -1).std(axis=1) > 10).all()
