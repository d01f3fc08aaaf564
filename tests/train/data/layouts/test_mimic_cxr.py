"""MIMIC-CXR-JPG in PhysioNet's layout."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data import open_collection
from medkt.data.label_tables.label_names import CHEXPERT
from medkt.data.layouts.mimic_cxr import MimicCxrData, mimic_cxr
from medkt.data.pixels import decoding as images
from medkt_eval.errors import InputError

LABELS = (
    "subject_id,study_id,Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,"
    "Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices\n"
    "10000032,50414267,,,,,,,,,1.0,,,,,\n"
    "10000764,57375967,,,1.0,,,,,,,,,-1.0,,\n"
    "19999987,55368167,1.0,,,,,0.0,,,,,,,0.0,1.0\n"
)
METADATA = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime,"
    "ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning\n"
    "02aa804e-bde0afdd,10000032,50414267,CHEST (PA AND LAT),PA,3056,2544,21800506,213014.531,x,postero-anterior,Erect\n"
    "174413ec-4ec4c1f7,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544,21800506,213014.531,x,lateral,Erect\n"
    "096052b7-d256dc40,10000764,57375967,CHEST (PA AND LAT),AP,2500,2048,21321015,115017.421,x,antero-posterior,\n"
    "58766883-376a15ce,19999987,55368167,,,3056,2544,21451104,54502.0,x,,\n"
    "edc3ec0a-aff0a0b1,19999987,50000000,CHEST (PORTABLE AP),AP,3056,2544,21451104,54502.0,x,antero-posterior,\n"
)
SPLIT = (
    "dicom_id,study_id,subject_id,split\n"
    "02aa804e-bde0afdd,50414267,10000032,train\n174413ec-4ec4c1f7,50414267,10000032,train\n"
    "096052b7-d256dc40,57375967,10000764,validate\n"
    "58766883-376a15ce,55368167,19999987,test\nedc3ec0a-aff0a0b1,50000000,19999987,test\n"
)
FILES = [
    "files/p10/p10000032/s50414267/02aa804e-bde0afdd.jpg",
    "files/p10/p10000032/s50414267/174413ec-4ec4c1f7.jpg",
    "files/p10/p10000764/s57375967/096052b7-d256dc40.jpg",
    "files/p19/p19999987/s55368167/58766883-376a15ce.jpg",
    "files/p19/p19999987/s50000000/edc3ec0a-aff0a0b1.jpg",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for shade, name in enumerate(FILES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (24, 20), 40 * shade).save(tmp_path / name, quality=95)
    for kind, text in (("chexpert", LABELS), ("metadata", METADATA), ("split", SPLIT)):
        (tmp_path / f"mimic-cxr-2.0.0-{kind}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return tmp_path


def settings(root: Path, **changes: object) -> MimicCxrData:
    content = {"collection": "mimic-cxr", "root": root, "validation_size": 1, "test_size": 1}
    return MimicCxrData.model_validate(content | changes)


def change(root: Path, kind: str, old: str, new: str) -> None:
    """Change a table, which then is no longer zipped."""
    path = root / f"mimic-cxr-2.0.0-{kind}.csv.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    assert old in text
    path.unlink()
    path.with_suffix("").write_text(text.replace(old, new))


def test_the_official_layout(root: Path):
    found, split = mimic_cxr(settings(root))
    assert split is None
    assert list(found.image_ids) == [Path(name).stem for name in FILES[:4]]
    assert list(found.patient_ids) == ["10000032", "10000032", "10000764", "19999987"]
    assert found.labels == CHEXPERT
    present = [{found.labels[k] for k in np.flatnonzero(row)} for row in found.targets]
    assert present == [{"No Finding"}, {"No Finding"}, {"Consolidation"}, {"Atelectasis", "Support Devices"}]
    assert list(found.groups["view"]) == ["PA", "LATERAL", "AP", "unknown"]
    assert found.notes == ("1 of 5 images are of studies without CheXpert labels and left out",)
    assert images.load(found, np.arange(4), 16)[:, 0, 8, 8].tolist() == [0, 40, 80, 120]


def test_policies_views_and_chosen_labels(root: Path):
    found, _ = mimic_cxr(settings(root, views="frontal", labels=["Pneumonia"], uncertain="ignore"))
    assert found.targets.ravel().tolist() == pytest.approx([0, np.nan], nan_ok=True)
    assert list(found.groups["view"]) == ["PA", "AP"]
    assert found.notes[1:] == ("2 of 4 images are neither AP nor PA and left out",)
    assert images.load(found, np.array([1]), 16)[0, 0, 8, 8] == 80


def test_the_official_split(root: Path):
    data = settings(root, official_split=True, validation_size=0, test_size=None)
    found, split = open_collection(data)
    assert split is not None
    assert list(split) == ["train", "train", "validation", "test"]
    (root / FILES[0]).unlink()
    found, split = open_collection(data)
    assert (len(found), list([] if split is None else split)) == (3, ["train", "validation", "test"])
    assert found.notes[-1] == "1 of 4 listed images are absent"
    change(root, "split", "58766883-376a15ce,55368167,19999987,test\n", "")
    with pytest.raises(
        InputError, match=r"metadata.*row 5: dicom_id is '58766883-376a15ce'; expected an image that mimic"
    ):
        mimic_cxr(data)
    assert len(mimic_cxr(settings(root))[0]) == 3


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        (
            "chexpert",
            "10000764,57375967,,,1.0",
            "10000764,57375967,,,2",
            r"row 3: Consolidation is '2'; expected 1, 0, -1",
        ),
        (
            "chexpert",
            "19999987,55368167",
            "10000032,50414267",
            "row 4: study '50414267' is listed twice: Atelectasis is",
        ),
        ("chexpert", "Edema", "Oedema", "no column 'Edema'"),
        ("metadata", "174413ec-4ec4c1f7", "02aa804e-bde0afdd", "row 3: image '02aa804e-bde0afdd' is listed twice"),
        ("split", "validate", "valid", "row 4: split is 'valid'; expected train, validate or test"),
    ],
)
def test_bad_tables_are_told_with_their_row(root: Path, kind: str, old: str, new: str, message: str):
    change(root, kind, old, new)
    with pytest.raises(InputError, match=message):
        mimic_cxr(settings(root, official_split=True))


def test_absent_tables_are_named(root: Path):
    (root / "mimic-cxr-2.0.0-metadata.csv.gz").unlink()
    with pytest.raises(InputError, match=r"tables found: none; expected one mimic-cxr-\*-metadata\.csv \(or \.gz\)"):
        mimic_cxr(settings(root))


def test_ids_that_lead_out_of_the_folder_are_refused(root: Path):
    change(root, "metadata", "096052b7-d256dc40", "../../../../../x")  # the dicom id
    with pytest.raises(InputError, match=r"image 'files/p10/.*x\.jpg' lies outside"):
        mimic_cxr(settings(root))
