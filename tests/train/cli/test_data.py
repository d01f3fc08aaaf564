"""`medkt data describe` and `medkt data check`, on a folder of images and on real images."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from medkt.cli import app as cli
from medkt.data_report import describe, page
from medkt.data_report.opening import opened
from medkt.data_report.survey import headers
from medkt_eval.errors import InputError
from medkt_reports.tables.model import Table

ROWS = """image,patient_id,No Finding,Mass,group_view
a.png,007,1,0,PA
b.png,007,0,1,PA
c.png,008,0,1,AP
d.png,009,1,1,AP
e.png,010,0,,AP
f.png,011,1,0,
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "hospital"
    folder.mkdir()
    (folder / "labels.csv").write_text(ROWS)
    for k, name in enumerate("abcdef"):
        noise = gaussian_filter(np.random.default_rng(k).normal(size=(80, 64)), 2)
        pixels = np.clip(128 + 400 * noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).convert("RGB" if name == "f" else "L").save(folder / f"{name}.png")
    return folder


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the command line in its own folder. Returns exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["medkt", "data", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return command


def column(table: Table, name: str) -> list[str]:
    place = table.column_names().index(name)
    return [(row.stub, *row.cells)[place].text for row in table.rows]


def test_describe_counts_what_is_there(root: Path):
    found = opened("folder", root, ["validation_size=1", "test_size=2"], None)
    tables = {table.title: table for table in describe.describe(found)}
    assert list(tables) == [
        "Data set",
        "Splits",
        "Labels",
        "Labels together",
        "Images per patient",
        "Image files",
        "By view",
    ]
    assert found.name == "hospital"
    assert (column(tables["Data set"], "Images"), column(tables["Data set"], "Patients")) == (["6"], ["5"])
    assert column(tables["Splits"], "Images") == ["3", "1", "2"]
    assert tables["Splits"].notes == ("Patients in two splits: 0.", "Images in no split: 0.")
    labels = tables["Labels"]
    assert (column(labels, "Images"), column(labels, "%")) == (["3", "3"], ["50.0", "60.0"])  # Mass: 3 of 5 labelled
    assert (column(labels, "Patients"), column(labels, "Not labelled")) == (["3", "3"], ["0", "1"])
    assert column(tables["Labels together"], "Mass") == ["33", "3"]  # one of three "No Finding" has Mass too
    assert (column(tables["Images per patient"], "Patients"), column(tables["Images per patient"], "Images")) == (
        ["4", "1"],
        ["4", "2"],
    )
    assert column(tables["Image files"], "Mode") == ["L", "RGB"]
    assert column(tables["Image files"], "Images") == ["5", "1"]
    assert column(tables["By view"], "View") == ["blank", "AP", "PA"]


def test_describe_takes_headers_alone(root: Path):
    whole = (root / "a.png").read_bytes()
    (root / "a.png").write_bytes(whole[: len(whole) // 2])
    (root / "b.png").write_bytes(b"no image")
    seen = headers(opened("folder", root, [], None).collection)
    assert seen is not None
    assert seen.width_px.tolist() == [64, 0, 64, 64, 64, 64]
    assert seen.mode.tolist() == ["L", "", "L", "L", "L", "RGB"]


def test_the_papers_figures_stand_beside_those_of_the_folder(tmp_path: Path):
    (tmp_path / "images").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "images" / "00000001_000.png")
    (tmp_path / "sample_labels.csv").write_text(
        "Image Index,Finding Labels,Patient ID\n00000001_000.png,No Finding,1\n00000002_000.png,Mass,2\n"
    )
    first = describe.describe(opened("chestxray8", tmp_path, [], None))[0]
    assert (column(first, "Images"), column(first, "Labels")) == (["1", "112,120"], ["15", "15"])
    assert first.notes[-1] == "1 of 2 listed images are absent"


def test_describe_writes_one_page_that_asks_for_no_other_file(root: Path, run):
    status, out, _ = run("describe", "folder", "--root", root)
    assert status == 0
    assert "No Finding" in out
    html = Path("data-hospital/describe.html").read_text()
    assert html.count('<img src="data:image/jpeg;base64,') == 6  # 3 of No Finding, 3 of Mass, of different patients
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    run("describe", "folder", "--root", root, "--no-images", "--out", "bare")
    assert "<img" not in Path("bare/describe.html").read_text()


def test_the_page_escapes_what_the_folder_says(root: Path):
    (root / "labels.csv").write_text(ROWS.replace("Mass", "<b>Mass</b>"))
    found = opened("folder", root, [], None)
    html = page.description(found, describe.describe(found), images=True)
    assert "<b>Mass" not in html
    assert "&lt;b&gt;Mass" in html


def test_check_says_what_is_wrong_and_its_list_makes_it_right(root: Path, run):
    (root / "c.png").write_bytes((root / "c.png").read_bytes()[:300])
    (root / "e.png").write_bytes((root / "a.png").read_bytes())
    status, out, err = run("check", "folder", "--root", root, "--fix", "exclude", "--out", "found")
    assert status == 2
    kinds = "unreadable images, identical images, label conflicts"
    assert err == f"medkt: hospital: you should not train on this data set: {kinds}\n"
    assert "a.png, e.png; patients: 007 / 010" in out
    written = json.loads(Path("found/findings.json").read_text())
    wrong = {finding["check"]: finding["count"] for finding in written["findings"] if finding["severity"] == "error"}
    assert wrong == {"unreadable images": 1, "identical images": 1, "label conflicts": 1}
    with Path("found/exclude.csv").open() as handle:
        reasons = {row["image_id"]: row["reason"] for row in csv.DictReader(handle)}
    assert reasons == {
        "a.png": "identical images: as e.png, with another label",
        "c.png": "cannot be read",
        "d.png": "No Finding beside a finding",
        "e.png": "identical images: as a.png, with another label",
    }
    html = Path("found/check.html").read_text()
    assert "Training on it as it is would be wrong." in html
    assert "cannot be read</span>" in html

    status, out, err = run("check", "folder", "--root", root, "--set", "exclude=found/exclude.csv", "--no-images")
    assert (status, err) == (0, "")
    assert "4 of 6 images are left out by exclude.csv" in out
    assert "<img" not in Path("data-hospital/check.html").read_text()


def test_absent_images_are_counted_listed_and_left_out(root: Path, run):
    (root / "b.png").unlink()
    (root / "labels.csv").write_text(ROWS.replace("d.png,009,1,1", "d.png,009,1,0"))
    status, out, _ = run("describe", "folder", "--root", root, "--no-images")
    assert (status, "1 of 6 listed images are absent" in out) == (0, True)
    status, out, err = run("check", "folder", "--root", root, "--fix", "exclude", "--out", "found")
    assert (status, err) == (2, "medkt: hospital: you should not train on this data set: absent images\n")
    assert Path("found/exclude.csv").read_text() == "image_id,reason\nb.png,absent\n"
    assert "b.png" in Path("found/check.html").read_text()
    status, _, err = run("check", "folder", "--root", root, "--set", "exclude=found/exclude.csv")
    assert (status, err) == (0, "")


def test_settings_given_in_the_command_name_files_as_a_study_file_does(root: Path, monkeypatch):
    (root.parent / "out.csv").write_text("image_id\nb.png\n")
    monkeypatch.setenv("LISTS", str(root.parent))
    found = opened("folder", root, ["exclude=$LISTS/out.csv"], None)
    assert len(found.collection) == 5


def test_the_data_set_of_a_study_file_is_split_as_the_study_splits_it(root: Path, tmp_path: Path):
    study = tmp_path / "study.toml"
    arm = '[[arms]]\nname = "{0}"\ntrain_size = {0}\ndata = "ours"\nmethod = "transfer_learning"\n' + (
        'student = "densenet40"\n'
    )
    study.write_text(
        'name = "s"\n[data.ours]\ncollection = "folder"\nroot = "hospital"\nvalidation_size = 1\ntest_size = 2\n'
        + arm.format(1)
        + arm.format(2)
    )
    found = opened("ours", None, [], study)
    assert {name: len(rows) for name, rows in found.parts.items()} == {
        "train 1": 1,
        "train 2": 2,
        "validation": 1,
        "test": 2,
    }
    assert set(found.parts["train 1"]) < set(found.parts["train 2"])
    assert {name: len(rows) for name, rows in found.disjoint().items()} == {"train": 2, "validation": 1, "test": 2}
    with pytest.raises(InputError, match="no data set 'theirs'; expected one of ours"):
        opened("theirs", None, [], study)


def test_a_list_of_one_column(root: Path):
    found = opened("folder", root, ["label_columns=Mass", "group_columns=No Finding"], None).collection
    assert (found.labels, list(found.groups)) == (("Mass",), ["view", "No Finding"])


def test_a_split_that_the_table_brings_is_taken_as_it_is(root: Path):
    rows = ROWS.splitlines()
    names = ["split", "train", "test", "train", "train", "validation", "test"]
    (root / "labels.csv").write_text("\n".join(f"{a},{b}" for a, b in zip(rows, names, strict=True)) + "\n")
    found = opened("folder", root, ["split_column=split", "label_columns=No Finding,Mass"], None)
    assert {name: rows.tolist() for name, rows in found.parts.items()} == {
        "train": [0, 2, 3],
        "validation": [4],
        "test": [1, 5],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("describe", "xrays"), "data set 'xrays'; expected one of phantom-chest"),
        (("check", "chexpert"), "chexpert: --root is not given; expected the folder of its images"),
        (("check", "folder", "--root", ".", "--set", "clas_column=grade"), "did you mean 'class_column'"),
        (("check", "folder", "--root", ".", "--set", "labels=a,b"), "did you mean 'label_columns'?"),
        (
            ("check", "chestxray8", "--root", ".", "--set", "validation_sise=5", "--set", "test_size=3"),
            "chestxray8: unknown key 'validation_sise'; did you mean 'validation_size'?",
        ),
        (("check", "folder", "--root", ".", "--set", "grade"), "--set 'grade'; expected key=value"),
        (("describe", "chestxray8", "--root", ".", "--set", "test_size=5"), "validation_size is missing"),
    ],
)
def test_wrong_arguments_are_one_line(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.real
def test_what_is_wrong_with_the_retina_images(real_data: Path, run):
    status, _, err = run(
        "check",
        "folder",
        "--root",
        real_data / "retina-rahim",
        "--set",
        "class_column=dr_grade",
        "--set",
        "classes=-1,0,1,2,3,4",
        "--fix",
        "exclude",
        "--no-images",
        "--out",
        "retina",
    )
    assert (status, err.split(": ")[-1]) == (2, "identical images, classes outside the range\n")
    written = {one["check"]: one for one in json.loads(Path("retina/findings.json").read_text())["findings"]}
    same = [row["images"] for row in written["identical images"]["evidence"]]
    assert same == [["Patient299_L.jpg", "Patient300_L.jpg"], ["Patient299_R.jpg", "Patient300_R.jpg"]]
    persons = [row["facts"]["patients"] for row in written["one person, two patient ids"]["evidence"]]
    assert sorted(persons) == ["058 = 155", "067 = 237"]
    assert written["classes outside the range"]["count"] == 7
    assert set(written) == {
        "identical images",
        "classes outside the range",
        "one person, two patient ids",
        "unlike images",
    }
    status, _, _ = run(
        "check",
        "folder",
        "--root",
        real_data / "retina-rahim",
        "--set",
        "class_column=dr_grade",
        "--set",
        "classes=-1,0,1,2,3,4",
        "--set",
        "exclude=retina/exclude.csv",
        "--no-images",
    )
    assert status == 0


@pytest.mark.slow
@pytest.mark.real
def test_what_is_wrong_with_the_chest_images(real_data: Path, run):
    status, _, err = run("check", "chestxray8", "--root", real_data / "nih-chestxray", "--no-images", "--out", "nih")
    assert (status, err) == (0, "")
    written = {one["check"]: one for one in json.loads(Path("nih/findings.json").read_text())["findings"]}
    assert [row["images"] for row in written["identical images"]["evidence"]] == [
        ["00002658_001.png", "00002658_002.png"]
    ]
    assert [row["images"] for row in written["turned images"]["evidence"]] == [["00003490_011.png"]]
    device = next(row["facts"] for row in written["weak shortcuts"]["evidence"])
    assert (device["label"], device["column"]) == ("Pneumonia", "pixel spacing (mm)")
    assert "0.143: 99 % of 149" in device["with the label"]
    assert written["absent images"]["count"] == 111_120
    assert set(written) == {
        "absent images",
        "identical images",
        "turned images",
        "unlike images",
        "weak shortcuts",
        "labels never seen alone",
        "notes of the loader",
    }
