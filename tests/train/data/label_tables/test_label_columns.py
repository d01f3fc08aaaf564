"""Columns that are no findings are answered with the setting they need; marks of absent classes are asked about."""

from pathlib import Path

import pytest

from medkt.data import open_collection
from medkt.data.layouts.folder import FolderData
from medkt_eval.errors import InputError


@pytest.fixture
def table(tmp_path: Path):
    """Write labels.csv with these columns beside image and patient_id; return the settings of the folder."""

    def write(columns: dict[str, list[str]], **settings: object) -> FolderData:
        n = len(next(iter(columns.values())))
        columns = {"image": [f"i{k}.png" for k in range(n)], "patient_id": [f"p{k}" for k in range(n)], **columns}
        for name in columns["image"]:
            (tmp_path / name.strip()).touch()
        rows = [",".join(row) for row in zip(*columns.values(), strict=True)]
        (tmp_path / "labels.csv").write_text("\n".join([",".join(columns), *rows]) + "\n")
        return FolderData.model_validate(
            {"collection": "folder", "root": tmp_path, "validation_size": 1, "test_size": 1, **settings}
        )

    return write


EYES, GRADES = ["left", "right"] * 3, ["0", "1", "2", "3", "4", "0"]


def test_grades_and_eyes_are_answered_with_their_settings(table):
    with pytest.raises(InputError, match="no findings") as refused:
        open_collection(table({"eye": EYES, "dr_grade": GRADES}))
    message = str(refused.value)
    assert "for one class an image set class_column = 'dr_grade'" in message
    assert "for subgroups set group_columns = ['eye']" in message
    assert "label_columns" not in message  # no column holds findings
    collection, _ = open_collection(
        table({"eye": EYES, "dr_grade": GRADES}, class_column="dr_grade", group_columns=["eye"])
    )
    assert (collection.labels, set(collection.groups)) == (("0", "1", "2", "3", "4"), {"eye"})


def test_findings_beside_a_group_are_named(table):
    with pytest.raises(InputError, match=r"for subgroups set group_columns = \['eye'\]; for findings of 0 and 1 set "
                       r"label_columns = \['edema'\]"):  # fmt: skip
        open_collection(table({"eye": EYES, "edema": ["0", "1"] * 3}))


def test_free_text_is_neither_a_class_nor_a_group(table):
    with pytest.raises(InputError, match=r"and 20 more .*; name the labels with label_columns = \[\.\.\.\]"):
        open_collection(table({"note": [f"text {k}" for k in range(25)]}))


def test_named_labels_that_are_grades_are_led_to_class_column(table):
    with pytest.raises(InputError, match=r"row 4: dr_grade is '2'; expected 0, 1 .*class_column = 'dr_grade'"):
        open_collection(table({"dr_grade": GRADES}, label_columns=["dr_grade"]))


@pytest.mark.parametrize("mark", ["-1", "-9", "NA", "nan", "Unknown"])
def test_a_mark_of_an_absent_class_is_asked_about(table, mark: str):
    columns = {"grade": ["0", "1", mark, "2", mark, "0"]}
    with pytest.raises(InputError, match=rf"grade is '{mark}' on 2 of 6 rows, .*classes = \['0', '1', '2'\] leaves"):
        open_collection(table(columns, class_column="grade"))
    left, _ = open_collection(table(columns, class_column="grade", classes=["0", "1", "2"]))
    assert (len(left), left.labels) == (4, ("0", "1", "2"))
    kept, _ = open_collection(table(columns, class_column="grade", classes=[mark, "0", "1", "2"]))
    assert (len(kept), kept.labels[0]) == (6, mark)


def test_blanks_at_the_edges_go_with_one_note(table):
    columns = {
        "image": ["a.png ", "b.png"],
        "patient_id": ["p1", "p1 "],
        "group_sex": [" F", "F"],
        "edema": ["1 ", "0"],
    }
    settings = table(columns)
    collection, _ = open_collection(settings)
    assert collection.image_ids.tolist() == ["a.png", "b.png"]
    assert (collection.patient_ids.tolist(), collection.groups["sex"].tolist()) == (["p1", "p1"], ["F", "F"])
    assert collection.targets.ravel().tolist() == [1, 0]
    assert collection.notes == (
        "labels.csv: blanks at the edges of 4 cells were removed (first: row 2, image 'a.png ')",
    )


def test_classes_with_blanks_are_one_class(table):
    collection, _ = open_collection(table({"kind": ["a", "a ", "\u00a0b", "b"]}, class_column="kind"))
    assert (collection.labels, collection.targets.tolist()) == (("a", "b"), [0, 0, 1, 1])


def test_case_is_kept_and_warned_about(table):
    collection, _ = open_collection(
        table(
            {"patient_id": ["P1", "p1", "p2"], "kind": ["Mild", "mild", "none"]},
            class_column="kind",
            classes=["Mild", "mild", "none"],
        )
    )
    assert len(set(collection.patient_ids)) == 3
    assert collection.labels == ("Mild", "mild", "none")
    assert collection.notes == (
        "patient 'P1' and 'p1' differ in case only and count as two",
        "label 'Mild' and 'mild' differ in case only and count as two",
    )
