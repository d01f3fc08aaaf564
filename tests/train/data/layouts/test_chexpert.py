"""CheXpert in Stanford's layout, and the policies for uncertain labels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data.label_tables.label_names import CHEXPERT
from medkt.data.layouts.chexpert import CheXpertData, chexpert
from medkt.data.pixels import decoding as images
from medkt_eval.errors import InputError

HEADER = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,"
    "Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices\n"
)
TRAIN = HEADER + (
    "{top}train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0\n"
    "{top}train/patient00002/study2/view1_frontal.jpg,Male,87,Frontal,PA,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n"
    "{top}train/patient00002/study1/view2_lateral.jpg,Male,87,Lateral,,,,,1.0,,,-1.0,,,,-1.0,,1.0,\n"
)
VALID = HEADER + (
    "{top}valid/patient64541/study1/view1_frontal.jpg,Unknown,0,Frontal,LL,"
    "0.0,1.0,1.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0\n"
)
IDS = [
    "train/patient00001/study1/view1_frontal.jpg",
    "train/patient00002/study2/view1_frontal.jpg",
    "train/patient00002/study1/view2_lateral.jpg",
    "valid/patient64541/study1/view1_frontal.jpg",
]


def write(base: Path, top: str) -> None:
    """Write the unpacked layout in `base`."""
    for shade, name in enumerate(IDS):
        (base / name).parent.mkdir(parents=True)
        Image.new("L", (24, 20), 40 * shade).save(base / name, quality=95)
    (base / "train.csv").write_text(TRAIN.format(top=top))
    (base / "valid.csv").write_text(VALID.format(top=top))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "CheXpert-v1.0-small", "CheXpert-v1.0-small/")
    return tmp_path


def settings(root: Path, **changes: object) -> CheXpertData:
    content = {"collection": "chexpert", "root": root, "validation_size": 1, "test_size": 1}
    return CheXpertData.model_validate(content | changes)


def value(root: Path, image: int, label: str, **changes: object) -> float:
    return float(chexpert(settings(root, **changes)).targets[image, CHEXPERT.index(label)])


def test_the_official_layout_with_both_tables_joined(root: Path):
    found = chexpert(settings(root))
    assert list(found.image_ids) == IDS
    assert list(found.patient_ids) == ["patient00001", "patient00002", "patient00002", "patient64541"]
    assert found.labels == CHEXPERT == tuple(HEADER.strip().split(",")[5:])
    present = [{found.labels[k] for k in np.flatnonzero(row)} for row in found.targets]
    assert present == [
        {"No Finding", "Support Devices"},
        {"Lung Opacity", "Fracture"},
        {"Lung Opacity", "Fracture"},
        {"Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity"},
    ]
    assert found.targets.dtype == np.float32
    assert {name: list(values) for name, values in found.groups.items()} == {
        "sex": ["F", "M", "M", "unknown"],
        "age_band": ["60-79", "80+", "80+", "0-17"],
        "view": ["AP", "PA", "lateral", "LL"],
        "orientation": ["frontal", "frontal", "lateral", "frontal"],
    }
    assert found.notes == ()
    assert "uncertain labels: zeros; unmentioned: zeros" in found.labelling
    assert images.load(found, np.arange(4), 16)[:, 0, 8, 8].tolist() == [0, 40, 80, 120]


def test_the_folder_itself_a_renamed_one_and_the_batches(root: Path, tmp_path: Path):
    base = root / "CheXpert-v1.0-small"
    assert list(chexpert(settings(base)).image_ids) == IDS
    base.rename(tmp_path / "renamed")
    assert list(chexpert(settings(tmp_path / "renamed")).image_ids) == IDS
    first = tmp_path / "download" / "CheXpert-v1.0 batch 1 (validate & csv)"
    write(first, "CheXpert-v1.0/")
    for number, patient in ((2, "patient00001"), (3, "patient00002")):
        (first.parent / f"CheXpert-v1.0 batch {number} (train {number - 1})").mkdir()
        (first / "train" / patient).rename(
            first.parent / f"CheXpert-v1.0 batch {number} (train {number - 1})" / patient
        )
    found = chexpert(settings(first.parent))
    assert list(found.image_ids) == IDS
    assert images.load(found, np.arange(4), 16)[:, 0, 8, 8].tolist() == [0, 40, 80, 120]


@pytest.mark.parametrize(("policy", "expected"), [("zeros", 0), ("ones", 1), ("ignore", np.nan)])
def test_uncertain_labels_follow_the_policy(root: Path, policy: str, expected: float):
    assert value(root, 1, "Edema", uncertain=policy) == pytest.approx(expected, nan_ok=True)
    assert value(root, 1, "Pneumonia", uncertain=policy) == 0  # a blank is no mention, not uncertain
    assert value(root, 1, "Fracture", uncertain=policy) == 1
    by_label = {"Edema": policy}
    assert value(root, 1, "Edema", uncertain=by_label) == pytest.approx(expected, nan_ok=True)
    assert value(root, 1, "Atelectasis", uncertain=by_label) == 0
    by_label = {"default": policy, "Edema": "ones"}
    assert value(root, 1, "Edema", uncertain=by_label) == 1
    assert value(root, 1, "Atelectasis", uncertain=by_label) == pytest.approx(expected, nan_ok=True)


def test_unmentioned_labels_follow_theirs(root: Path):
    found = chexpert(settings(root, unmentioned={"default": "ignore", "Pneumonia": "zeros"}))
    row = dict(zip(found.labels, found.targets[1].tolist(), strict=True))
    assert np.isnan(row["Support Devices"])
    assert (row["Pneumonia"], row["Edema"], row["Fracture"]) == (0, 0, 1)
    assert "unmentioned: ignore, Pneumonia zeros" in found.labelling
    assert not np.isnan(found.targets[3]).any()
    with pytest.raises(InputError, match="uncertain names 'Oedema'; expected 'default' or some of No Finding"):
        chexpert(settings(root, uncertain={"Oedema": "ones"}))


def test_frontal_views_and_chosen_labels(root: Path):
    found = chexpert(settings(root, views="frontal", labels=["Pleural Effusion", "Edema"], uncertain="ones"))
    assert list(found.image_ids) == [IDS[0], IDS[1], IDS[3]]
    assert found.targets.tolist() == [[0, 0], [1, 1], [0, 0]]
    assert found.labels == ("Pleural Effusion", "Edema")
    assert found.notes == ("1 lateral images are left out",)
    assert images.load(found, np.array([2]), 16)[0, 0, 8, 8] == 120
    with pytest.raises(InputError, match="chexpert: labels names 'Effusion'"):
        chexpert(settings(root, labels=["Effusion"]))


def test_what_is_absent_is_said(root: Path):
    base = root / "CheXpert-v1.0-small"
    (base / IDS[1]).unlink()
    (base / "valid.csv").unlink()
    found = chexpert(settings(root))
    assert list(found.image_ids) == [IDS[0], IDS[2]]
    assert found.notes == ("valid.csv is absent: the images of train.csv alone", "1 of 3 listed images are absent")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Female,68,Frontal", "Female,68,frontal", r"row 2: Frontal/Lateral is 'frontal'; expected Frontal or Lateral"),
        ("AP,1.0,", "AP,2.0,", r"train\.csv: row 2: No Finding is '2\.0'; expected 1, 0, -1 \(uncertain\) or nothing"),
        ("Path,Sex", "File,Sex", r"train\.csv: no column 'Path'; found File, Sex"),
        ("train/patient00001", "../../patient00001", "row 2: Path is .*; expected CheXpert-v1.0/train/patient00001"),
        ("CheXpert-v1.0-small/train/patient00001/study1", "/patient1/study1", "row 2: Path is '/patient1"),
        (
            "patient00002/study2/view1_frontal",
            "patient00001/study1/view1_frontal",
            "row 3: image .* is listed twice: Sex",
        ),
    ],
)
def test_bad_tables_are_told_with_their_row(root: Path, old: str, new: str, message: str):
    path = root / "CheXpert-v1.0-small" / "train.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        chexpert(settings(root))


def test_where_the_tables_are_not_found_once(root: Path, tmp_path: Path):
    with pytest.raises(InputError, match="no such folder; expected CheXpert"):
        chexpert(settings(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"train\.csv found: nowhere; expected it once"):
        chexpert(settings(root / "CheXpert-v1.0-small" / "train"))
    write(root / "CheXpert-v1.0", "CheXpert-v1.0/")
    with pytest.raises(InputError, match=r"train\.csv found: CheXpert-v1\.0, CheXpert-v1\.0-small; expected it once"):
        chexpert(settings(root))
