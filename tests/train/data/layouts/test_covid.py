"""The COVID-19 image data collection."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data.layouts.covid import CovidData, covid
from medkt.data.pixels import decoding as images
from medkt_eval.errors import InputError

HEADER = (
    "patientid,offset,sex,age,finding,RT_PCR_positive,survival,intubated,intubation_present,went_icu,in_icu,"
    "needed_supplemental_O2,extubated,temperature,pO2_saturation,leukocyte_count,neutrophil_count,lymphocyte_count,view,"
    "modality,date,location,folder,filename,doi,url,license,clinical_notes,other_notes,,\n"
)
ROWS = [
    ("2", "M", "65", "Pneumonia/Viral/COVID-19", "PA", "X-ray", "images", "a.jpg", "CC BY-NC-SA"),
    ("2", "M", "65", "Pneumonia/Viral/COVID-19", "AP Supine", "X-ray", "images", "b.jpeg", ""),
    ("4", "F", "", "Pneumonia/Viral/SARS", "AP", "X-ray", "images", "c.png", ""),
    ("5", "", "33", "No Finding", "PA", "X-ray", "images", "d.jpg", "CC BY"),
    ("6", "F", "70", "Pneumonia", "PA", "X-ray", "images", "e.jpg", "CC BY"),
    ("7", "F", "70", "Pneumonia/Bacterial/Streptococcus", "L", "X-ray", "images", "f.jpg", "CC BY"),
    ("8", "F", "70", "todo", "PA", "X-ray", "images", "g.jpg", "CC BY"),
    ("9", "M", "50", "Pneumonia/Viral/COVID-19", "Axial", "CT", "volumes", "h.nii.gz", ""),
    ("316b", "M", "50", "Tuberculosis", "AP Erect", "X-ray", "images", "i.jpg", ""),
]


def line(row: tuple[str, ...]) -> str:
    patient, sex, age, finding, view, modality, folder, filename, licence = row
    location = "Hannover" if patient == "2" else ""
    return (
        f"{patient},3,{sex},{age},{finding},Y,,,,,,,,,,,,,{view},{modality},2020,{location},{folder},{filename},,,{licence},"
        '"Seen, twice",,,\n'
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for shade, row in enumerate(ROWS):
        if row[6] == "images":
            Image.new("RGB", (30, 20), (20 * shade,) * 3).save(tmp_path / "images" / row[7])
    (tmp_path / "metadata.csv").write_text(HEADER + "".join(map(line, ROWS)))
    return tmp_path


def settings(root: Path, **changes: object) -> CovidData:
    content = {"collection": "covid", "root": root, "validation_size": 1, "test_size": 1}
    return CovidData.model_validate(content | changes)


def test_the_official_layout(root: Path):
    found = covid(settings(root))
    assert list(found.image_ids) == ["a.jpg", "b.jpeg", "c.png", "d.jpg", "e.jpg", "i.jpg"]
    assert list(found.patient_ids) == ["2", "2", "4", "5", "6", "316b"]
    assert found.labels == ("COVID-19",)
    assert found.targets.ravel().tolist() == pytest.approx([1, 1, 0, 0, np.nan, 0], nan_ok=True)
    assert {name: list(values) for name, values in found.groups.items()} == {
        "sex": ["M", "M", "F", "unknown", "F", "M"],
        "age_band": ["60-79", "60-79", "unknown", "18-39", "60-79", "40-59"],
        "view": ["PA", "AP Supine", "AP", "PA", "PA", "AP Erect"],
        "licence": ["CC BY-NC-SA", "unknown", "unknown", "CC BY", "CC BY", "unknown"],
    }
    assert list(found.acquisition["location"]) == ["Hannover", "Hannover", *["unknown"] * 4]
    assert found.notes == (
        "1 of 9 images are no X-rays and left out",
        "1 of 8 X-rays are not PA, AP, AP Supine, AP Erect and left out",
        "1 of 7 images have no finding and are left out",
        "licences: CC BY 2, CC BY-NC-SA 1, unknown 3",
    )
    assert images.load(found, np.arange(6), 16)[:, 0, 8, 8].tolist() == pytest.approx([0, 20, 40, 60, 80, 160], abs=2)


def test_labels_are_nodes_of_the_tree(root: Path):
    found = covid(
        settings(root, labels=["Pneumonia", "Viral", "SARS", "Tuberculosis"], views=["PA", "AP", "L", "AP Erect"])
    )
    by_image = dict(zip(found.image_ids, found.targets.tolist(), strict=True))
    assert by_image["a.jpg"] == [1, 1, 0, 0]
    assert by_image["c.png"] == [1, 1, 1, 0]
    assert by_image["d.jpg"] == [0, 0, 0, 0]
    assert by_image["e.jpg"] == pytest.approx(
        [1, np.nan, np.nan, 0], nan_ok=True
    )  # Pneumonia, of which kind is not said
    assert by_image["f.jpg"] == [1, 0, 0, 0]
    assert by_image["i.jpg"] == [0, 0, 0, 1]


def test_what_is_absent_is_counted(root: Path):
    (root / "images" / "b.jpeg").unlink()
    found = covid(settings(root))
    assert list(found.image_ids) == ["a.jpg", "c.png", "d.jpg", "e.jpg", "i.jpg"]
    assert found.notes[-2:] == ("1 of 6 listed images are absent", "licences: CC BY 2, CC BY-NC-SA 1, unknown 2")


def test_what_is_wrong_is_named(root: Path):
    with pytest.raises(InputError, match="labels names 'Covid'; expected some of Bacterial, COVID-19, No Finding"):
        covid(settings(root, labels=["Covid"]))
    with pytest.raises(InputError, match="views names 'APS'; expected some of AP, AP Erect, AP Supine, Axial, L, PA"):
        covid(settings(root, views=["PA", "APS"]))
    text = (root / "metadata.csv").read_text()
    for old, new, message in (
        ("\n316b,", "\n,", "row 10: patientid is empty"),
        ("images,a.jpg", "../..,a.jpg", r"image '\.\./\.\./a\.jpg' lies outside"),
        ("images,b.jpeg", "images,a.jpg", "row 3: image 'a.jpg' is listed twice: view is 'AP Supine', in row 2 'PA'"),
        ("license", "licence", "no column 'license'"),
    ):
        assert old in text
        (root / "metadata.csv").write_text(text.replace(old, new, 1))
        with pytest.raises(InputError, match=message):
            covid(settings(root))


def changed(root: Path, old: str, new: str) -> None:
    text = (root / "metadata.csv").read_text()
    assert old in text
    (root / "metadata.csv").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("listed", "target"),
    [
        ('"COVID-19, ARDS"', 1),
        ('"ARDS,Pneumonia/Viral/COVID-19"', 1),
        ("Pneumonia/Viral/COVID-19;ARDS", 1),
        ("Pneumonia / Viral / COVID-19", 1),
        ('"Unknown, COVID-19"', 1),
        ('"ARDS, Tuberculosis"', 0),
        ('"Pneumonia, ARDS"', np.nan),  # which pneumonia is not said
        ('"ARDS, todo"', np.nan),
    ],
)
def test_a_field_may_list_several_findings(root: Path, listed: str, target: float):
    changed(root, "Pneumonia/Viral/SARS", listed)
    found = covid(settings(root))
    assert found.targets[list(found.image_ids).index("c.png"), 0] == pytest.approx(target, nan_ok=True)


@pytest.mark.parametrize(
    "strange", ["Covid-19", "Pneumonia/Viral/COVID 19", "COVID-19 and ARDS", "suspected COVID-19", "COVID19"]
)
def test_a_label_in_other_words_is_not_counted_as_absent(root: Path, strange: str):
    changed(root, "Pneumonia/Viral/SARS", strange)
    with pytest.raises(InputError, match=f"row 4: finding is '{strange}'; expected 'COVID-19' as a node of the tree"):
        covid(settings(root))


def test_no_finding_beside_a_finding_is_refused(root: Path):
    changed(root, "Pneumonia/Viral/SARS", '"No Finding, COVID-19"')
    with pytest.raises(InputError, match=r"row 4: .*; expected No Finding alone"):
        covid(settings(root))


@pytest.mark.parametrize(("views", "kept"), [(["PA"], ["PA"]), (["AP Supine"], ["AP Supine"]), (["AP", "L"], ["AP"])])
def test_default_views_need_not_all_exist(root: Path, views: list[str], kept: list[str]):
    (root / "metadata.csv").write_text(HEADER + "".join(line(row) for row in ROWS if row[4] in views))
    changed(root, "Pneumonia/Viral/SARS", "Pneumonia/Viral/COVID-19") if "AP" in views else None
    found = covid(settings(root))
    assert (sorted(set(found.groups["view"])), found.views) == (kept, ", ".join(kept))
    with pytest.raises(InputError, match="views names 'AP Erect'; expected some of"):
        covid(settings(root, views=["AP Erect", *views]))
