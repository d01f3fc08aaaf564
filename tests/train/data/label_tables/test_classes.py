"""Classes that are written in several ways, and their order; columns of 0 and 1 that are taken for labels."""

from pathlib import Path

import pandas as pd
import pytest

from medkt.data import open_collection
from medkt.data.label_tables.classes import classes_of
from medkt.data.layouts.folder import FolderData
from medkt.data_report.checks import labels as label_checks
from medkt.run.images import DatasetLoader
from medkt_eval.errors import InputError


def column(*values: str) -> pd.Series:
    return pd.Series(values, name="grade")


def order(*values: str) -> tuple[str, ...]:
    return classes_of(column(*values), None, "labels.csv").names


@pytest.mark.parametrize(
    "expected",
    [
        ("0", "1", "2", "10"),
        ("-1", "0", "1.5", "2"),
        ("Grade 1", "Grade 2", "Grade 10"),
        ("No DR", "Mild", "Moderate", "Severe", "Proliferative"),
        ("normal", "mild NPDR", "moderate NPDR", "severe NPDR", "PDR"),
        ("none", "doubtful", "minimal", "moderate", "severe"),
    ],
)
def test_numbers_and_words_of_severity_give_the_order(expected):
    classes = classes_of(column(*sorted(expected)), None, "labels.csv")
    assert (classes.names, classes.ordered) == (expected, True)
    guessed = not expected[1][-1].isdigit()
    assert [doubt for doubt in classes.doubts if "guessed from their names" in doubt] == [*classes.doubts][:guessed]


def test_other_classes_are_in_alphabetical_order_and_not_ordered():
    classes = classes_of(column("III", "tumour", "benign"), None, "labels.csv")
    assert (classes.names, classes.ordered) == (("III", "benign", "tumour"), False)
    assert "the order of the classes is alphabetical: 'III', 'benign', 'tumour'" in classes.doubts[0]
    assert not classes_of(column("Moderate", "Moderately severe", "Severe"), None, "").ordered  # the same word twice
    assert order("10", "2", "ungradable") == ("2", "10", "ungradable")
    named = classes_of(column("b", "a", "c"), ["c", "a", "b"], "labels.csv")
    assert (named.names, named.ordered, named.doubts) == (("c", "a", "b"), True, ())
    assert classes_of(column("a", "b"), None, "").ordered  # the order of two classes changes no kappa


def test_a_number_that_is_written_in_two_ways_is_one_class():
    classes = classes_of(column("0", "0.0", "1.0", "1", "02", "2"), None, "labels.csv")
    assert (classes.names, classes.column.tolist()) == (("0", "1", "2"), ["0", "0", "1", "1", "2", "2"])
    assert classes.doubts == tuple(
        f"grade: '{a}' is taken for class '{b}'" for a, b in (("0.0", "0"), ("02", "2"), ("1.0", "1"))
    )
    named = classes_of(column("0.0", "1.0", "3.0"), ["0", "1"], "labels.csv")  # 3.0 is left out by the layout
    assert named.column.tolist() == ["0", "1", "3.0"]
    both = classes_of(column("1.1", "1.10"), ["1.1", "1.10"], "labels.csv")
    assert (both.names, both.column.tolist()) == (("1.1", "1.10"), ["1.1", "1.10"])


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("Normal", "normal", "DR"), None),
        (("No DR", "No_DR", "DR"), None),
        (("Stage-2", "stage 2", "x"), None),
        (("normal", "DR"), ["Normal", "DR"]),
    ],
)
def test_a_class_in_two_spellings_is_refused(values, named):
    with pytest.raises(InputError, match=r"labels\.csv: grade is '.*' and '.*'; expected one spelling of a class"):
        classes_of(column(*values), named, "labels.csv")


def test_signs_at_the_edge_tell_classes_apart():
    assert order("HER2+", "HER2-") == ("HER2+", "HER2-")
    assert set(order("+", "-")) == {"+", "-"}


@pytest.fixture
def folder(tmp_path: Path):
    def write(header: str, rows: list[str], **settings: object) -> FolderData:
        lines = [f"i{k}.png,p{k},{row}" for k, row in enumerate(rows)]
        for k in range(len(rows)):
            (tmp_path / f"i{k}.png").touch()
        (tmp_path / "labels.csv").write_text("\n".join([f"image,patient_id,{header}", *lines]) + "\n")
        content = {"collection": "folder", "root": tmp_path, "validation_size": 1, "test_size": 1}
        return FolderData.model_validate(content | settings)

    return write


def test_no_image_is_lost_to_another_spelling_of_its_class(folder):
    rows = ["0.0", "1.0", "2.0", "0"]
    collection, _ = open_collection(folder("grade", rows, class_column="grade", classes=["0", "1", "2"]))
    assert (collection.labels, collection.targets.tolist()) == (("0", "1", "2"), [0, 1, 2, 0])
    trimmed, _ = open_collection(folder("grade", ["DR", "DR ", "Normal", "Normal"], class_column="grade"))
    assert trimmed.targets.tolist() == [0, 0, 1, 1]
    finding = label_checks.doubts(trimmed)[0]
    assert (finding.severity, finding.count) == ("warning", 1)
    assert "blanks at the edges of classes were removed" in str(finding.evidence[0].facts["guess"])


def test_marks_of_absence_are_left_out_of_classes_in_order(folder):
    with pytest.raises(InputError, match=r"classes = \['1', '2', '10'\] leaves those rows out"):
        open_collection(folder("grade", ["10", "2", "1", "NA"], class_column="grade"))


@pytest.mark.parametrize(
    ("header", "others", "findings"),
    [
        ("sex,left_eye,followup,glaucoma", "'sex', 'left_eye', 'followup'", "['glaucoma']"),
        ("Edema,Female,in_test", "'Female', 'in_test'", "['Edema']"),
        ("isMale,Mass,PORTABLE", "'isMale', 'PORTABLE'", "['Mass']"),
    ],
)
def test_columns_of_0_and_1_that_are_taken_for_labels_are_named(folder, header, others, findings):
    rows = [",".join(str(k >> j & 1) for j in range(header.count(",") + 1)) for k in range(4)]
    collection, _ = open_collection(folder(header, rows))
    assert collection.labels == tuple(header.split(","))
    (doubt,) = collection.doubts
    assert "label_columns was guessed: " + ", ".join(map(repr, header.split(","))) + " are taken for labels" in doubt
    assert f"{others} may be no findings" in doubt
    assert doubt.endswith(f"set label_columns = {findings}")
    named, _ = open_collection(folder(header, rows, label_columns=header.split(",")[:1]))
    assert named.doubts == ()


def test_ordered_classes_need_an_order(folder):
    settings = folder("kind", ["b", "a", "c", "a"], class_column="kind")
    loader = DatasetLoader({"ours": settings}, {"ours": [None]}, study="study.toml")
    with pytest.raises(InputError, match=r"ordered is true, .* only alphabetical: a, b, c; .*\[data\.ours\] classes ="):
        loader.check_order("ours")
    named = settings.model_copy(update={"classes": ["c", "b", "a"]})
    DatasetLoader({"ours": named}, {"ours": [None]}).check_order("ours")
