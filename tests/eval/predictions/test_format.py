"""The prediction format: reading returns what was written, and every fault is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.predictions import format as predictions
from medkt_eval.predictions.across_runs.same_images import check_same_images
from medkt_eval.predictions.files.any_format import read
from medkt_eval.predictions.files.tables import from_frame
from medkt_eval.predictions.format import find, to_frame

LABELS = ("A", "B")
HEADER = "image_id,patient_id,target_A,target_B,score_A,score_B\n"


@pytest.fixture
def csv(tmp_path):
    """Reads text as a multi-label CSV called p.csv."""

    def read_text(text, task="multilabel", labels=LABELS):
        path = tmp_path / "p.csv"
        path.write_text(text, encoding="utf-8")
        return read(path, task, labels)

    return read_text


def small(**changes):
    columns = {
        "image_id": ["b", "a", "c"],
        "patient_id": ["007", "1", "1"],
        "target_A": [1, 0, 1],
        "target_B": [0, 1, 1],
        "score_A": [0.25, 0.5, 0.75],
        "score_B": [-1.0, 0.0, 2.0],
    }
    return pd.DataFrame(columns | changes)


def classes(**changes):
    columns = {"image_id": ["b", "a"], "target": ["u", "v"], "score_u": [0.25, 0.5], "score_v": [0.75, 0.5]}
    return pd.DataFrame(columns | changes)


def assert_same(one, other):
    assert one.labels == other.labels
    assert one.task == other.task
    np.testing.assert_array_equal(one.image_ids, other.image_ids)
    np.testing.assert_array_equal(one.patient_ids, other.patient_ids)
    np.testing.assert_array_equal(one.targets, other.targets)  # NaN equals NaN
    np.testing.assert_array_equal(one.scores.astype(np.float32), other.scores.astype(np.float32))
    assert one.groups.keys() == other.groups.keys()
    for name, values in one.groups.items():
        np.testing.assert_array_equal(values, other.groups[name])


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz"])
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_round_trip(tmp_path, predictions_frame, save, task, suffix):
    frame = predictions_frame("test", 1, task=task, labels=LABELS)
    frame["group_sex"] = ["F", "M"] * 20
    made = from_frame(frame, task, LABELS, source="made")
    again = read(save(to_frame(made), tmp_path / f"p{suffix}"), task, LABELS)
    assert_same(again, made)
    assert again.source == str(tmp_path / f"p{suffix}")


def test_what_is_read_lies_sorted_by_image_id():
    made = from_frame(small(), "multilabel", LABELS, source="x")
    assert made.image_ids.tolist() == ["a", "b", "c"]
    assert made.patient_ids.tolist() == ["1", "007", "1"]
    assert made.targets.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert made.scores.tolist() == [[0.5, 0.0], [0.25, -1.0], [0.75, 2.0]]


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_row_order_changes_nothing(predictions_frame, task):
    frame = predictions_frame("test", 1, task=task, labels=LABELS)
    shuffled = frame.sample(frac=1, random_state=3)
    assert shuffled["image_id"].tolist() != frame["image_id"].tolist()
    assert_same(from_frame(frame, task, LABELS, source="x"), from_frame(shuffled, task, LABELS, source="x"))


def test_ids_and_groups_in_a_csv_stay_text(csv):
    text = "image_id,patient_id,group_site,target_A,target_B,score_A,score_B\n"
    made = csv(text + "01,007,03,0,1,.1,.2\n1,7,,0,1,.1,.2\n1e3,NA,3,0,1,.1,.2\n")
    assert made.image_ids.tolist() == ["01", "1", "1e3"]
    assert made.patient_ids.tolist() == ["007", "7", "NA"]
    assert made.groups["site"].tolist() == ["03", "", "3"]


def test_classes_named_by_digits_stay_text(csv):
    made = csv("image_id,target,score_0,score_01\na,01,.5,.5\nb,0,.5,.5\n", "multiclass", ["0", "01"])
    assert made.targets.tolist() == [1, 0]


@pytest.mark.parametrize(
    "values",
    [[1.0, np.nan, 2.0], pd.Categorical(["x", None, "y"]), pd.array([1, None, 2], dtype="Int64"), ["x", None, "y"]],
)
def test_groups_of_any_type_may_be_empty(values):
    groups = from_frame(small(group_g=values), "multilabel", LABELS, source="x").groups["g"]
    assert groups[0] == ""  # of image a, the second row
    assert groups[1] in ("x", "1", "1.0")
    assert {type(value) for value in groups} == {str}


class Scalar:
    """A scalar of another library: torch's tensor of no dimension has these too."""

    ndim = 0

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value

    def __repr__(self):
        return f"tensor({self.value})"


def test_scalars_of_other_libraries_are_numbers_and_text():
    frame = small()
    made = from_frame(frame.map(Scalar), "multilabel", LABELS, source="x")
    assert_same(made, from_frame(frame, "multilabel", LABELS, source="x"))
    several = small(score_A=[Scalar(0.1), [0.2, 0.3], None])
    with pytest.raises(InputError, match=r"image 'a': score_A is \[0\.2, 0\.3\]; expected a number"):
        from_frame(several, "multilabel", LABELS, source="x")


def test_no_patient_column_is_told_by_none():
    assert from_frame(small().drop(columns="patient_id"), "multilabel", LABELS, source="x").patient_ids is None


def test_empty_target_is_not_labelled(csv):
    made = csv(HEADER + "a,1,,1,.1,.2\nb,1,0,,.1,.2\n")
    np.testing.assert_array_equal(made.targets, [[np.nan, 1], [0, np.nan]])


@pytest.mark.parametrize("dtype", ["uint8", "bool", "Int8", "float32", "int64"])
def test_targets_of_any_dtype(dtype):
    frame = small().astype({"target_A": dtype, "target_B": dtype})
    made = from_frame(frame, "multilabel", LABELS, source="x")
    assert made.targets.dtype == np.float64
    assert made.targets.tolist() == [[0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"target_A": [1, 2, 0]}, ["image 'a'", "target_A is 2", "0, 1 or empty"]),
        ({"target_B": [0.5, 1, 0]}, ["image 'b'", "target_B is 0.5", "0, 1 or empty"]),
        ({"target_B": ["yes", "0", "1"]}, ["image 'b'", "target_B is 'yes'", "a number"]),
        ({"score_A": [0.1, np.nan, 0.2]}, ["image 'a'", "score_A is nan", "finite"]),
        ({"score_B": [np.inf, 1, 0.2]}, ["image 'b'", "score_B is inf", "finite"]),
        ({"score_B": [1, 1, -np.inf]}, ["image 'c'", "score_B is -inf", "finite"]),
        ({"score_B": ["1", "2", "high"]}, ["image 'c'", "score_B is 'high'", "a number"]),
        ({"image_id": ["b", "a", "b"]}, ["image_id 'b'", "several rows", "one row per image"]),
        ({"image_id": ["b", None, "a"]}, ["row 3", "no image_id"]),
        ({"image_id": ["b", "a", ""]}, ["row 4", "no image_id"]),
        ({"patient_id": ["1", "1", None]}, ["image 'c'", "no patient_id", "every row"]),
        ({"patient_id": ["", "1", "1"]}, ["image 'b'", "no patient_id", "every row"]),
        ({"score_C": [1, 2, 3]}, ["column 'score_C' is of no label", "image_id"]),
    ],
)
def test_multilabel_faults_are_named(changes, told):
    with pytest.raises(InputError) as caught:
        from_frame(small(**changes), "multilabel", LABELS, source="x/p.csv")
    for text in ["x/p.csv: ", *told]:
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"target": ["u", "w"]}, ["image 'a'", "target is 'w'", "one of 'u', 'v'"]),
        ({"target": ["u", None]}, ["image 'a'", "target is ''", "one of 'u', 'v'"]),
        ({"score_u": [0.5, 0.5]}, ["image 'b'", "sum to 1.25", "probabilities"]),
        (
            {"score_u": [-0.25, 0.5], "score_v": [1.25, 0.5]},
            ["image 'b'", "score_u is -0.25", "expected a probability, from 0 to 1"],
        ),
        ({"score_u": [np.nan, 0.5]}, ["image 'b'", "score_u is nan", "finite"]),
        ({"target_u": [0, 1]}, ["column 'target_u' is of no label"]),
    ],
)
def test_multiclass_faults_are_named(changes, told):
    with pytest.raises(InputError) as caught:
        from_frame(classes(**changes), "multiclass", ("u", "v"), source="x/p.csv")
    for text in ["x/p.csv: ", *told]:
        assert text in str(caught.value)


@pytest.mark.parametrize("column", ["image_id", "target_A", "score_B"])
def test_absent_column_is_named(column):
    with pytest.raises(InputError, match=f"x: no column '{column}'. This table needs"):
        from_frame(small().drop(columns=column), "multilabel", LABELS, source="x")


def test_class_of_which_the_file_knows_nothing_is_named():
    with pytest.raises(InputError, match=r"no column 'score_w'\. This table needs"):
        from_frame(classes(), "multiclass", ("u", "v", "w"), source="x")


def test_no_rows():
    with pytest.raises(InputError, match="x: no rows; expected one per image"):
        from_frame(small().iloc[:0], "multilabel", LABELS, source="x")


def test_all_faults_of_a_file_are_in_one_message(csv):
    with pytest.raises(InputError) as caught:
        csv(HEADER + "a,,2,1,high,.2\nb,1,3,1,inf,.2\n,1,0,1,.1,.2\n")
    assert str(caught.value).endswith(
        "p.csv: 5 faults: (1) row 4: no image_id; expected one on every row; "
        "(2) image 'a': no patient_id; expected one on every row; "
        "(3) image 'a': score_A is 'high'; expected a number; "
        "(4) image 'b': score_A is inf; expected a finite number; "
        "(5) image 'a': target_A is 2; expected 0, 1 or empty (not labelled) (and 1 more row)"
    )


def test_csv_faults_name_the_row(csv):
    with pytest.raises(InputError, match=r"p\.csv: row 3: no image_id"):
        csv(HEADER + "a,1,1,1,.1,.2\n,1,0,,.1,.2\n")
    with pytest.raises(InputError, match=r"p\.csv: image 'b': target_A is 'maybe'; expected a number"):
        csv(HEADER + "a,1,1,1,.1,.2\nb,1,maybe,1,.1,.2\n")
    with pytest.raises(InputError, match=r"p\.csv: image 'b': score_B is nan; expected a finite number"):
        csv(HEADER + "a,1,1,1,.1,.2\nb,1,0,1,.1,\n")


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz"])
def test_absent_file(tmp_path, suffix):
    with pytest.raises(
        InputError, match=rf"p{suffix}: cannot be read as predictions .*expected Parquet, CSV or CSV.gz"
    ):
        read(tmp_path / f"p{suffix}", "multilabel", LABELS)


def test_damaged_files(tmp_path):
    whole = gzip.compress((HEADER + "".join(f"{k},1,1,0,.{k},.2\n" for k in range(5000))).encode())
    spoilt = whole[:60] + bytes(20) + whole[80:]
    contents = {
        "a.parquet": b"PAR1 no more",
        "b.csv": b"",
        "c.csv": b"\xff\xfe\x00",
        "e.csv.gz": b"image_id",
        "f.csv.gz": whole[: len(whole) // 2],
        "g.csv.gz": spoilt,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        expected = "is text in UTF-16" if name == "c.csv" else "cannot be read as predictions"
        with pytest.raises(InputError, match=rf"{name}: {expected}"):
            read(tmp_path / name, "multilabel", LABELS)


def test_find(tmp_path):
    assert find(tmp_path, "test") is None
    (tmp_path / "predictions-test.csv.gz").touch()
    (tmp_path / "predictions-validation.csv").touch()
    assert find(tmp_path, "test") == tmp_path / "predictions-test.csv.gz"
    (tmp_path / "predictions-test.parquet").touch()
    with pytest.raises(InputError, match=r"predictions-test\.parquet, predictions-test\.csv\.gz: expected one of them"):
        find(tmp_path, "test")


def made(**changes):
    return from_frame(small(**changes), "multilabel", LABELS, source="x")


def test_same_images_pass_whatever_the_scores():
    check_same_images(made(), made(score_A=[9.0, 8.0, 7.0]), ("r-s0", "r-s1"))
    masked = made(target_A=[1, np.nan, 0])
    check_same_images(masked, masked, ("r-s0", "r-s1"))


def test_different_images_are_named():
    with pytest.raises(InputError) as caught:
        check_same_images(made(), made(image_id=["x", "a", "y"]), ("r-s0", "r-s1"))
    assert "runs r-s0 and r-s1 have different test images: 2 of r-s0 are not in r-s1 (first: 'b', 'c')" in str(
        caught.value
    )
    fewer = from_frame(small().iloc[:2], "multilabel", LABELS, source="x")
    with pytest.raises(InputError, match=r"1 of r-s1 are not in r-s0 \(first: 'c'\)"):
        check_same_images(fewer, made(), ("r-s0", "r-s1"))


def test_different_targets_and_patients_are_named():
    with pytest.raises(InputError, match="r-s0 and r-s1 disagree on the target of B of image 'c'"):
        check_same_images(made(), made(target_B=[0, 1, 0]), ("r-s0", "r-s1"))
    with pytest.raises(InputError, match="r-s0 and r-s1 give image 'a' different patients"):
        check_same_images(made(), made(patient_id=["007", "2", "1"]), ("r-s0", "r-s1"))
    u, v = (
        from_frame(classes(target=target), "multiclass", ("u", "v"), source="x") for target in (["u", "v"], ["u", "u"])
    )
    with pytest.raises(InputError, match="r-s0 and r-s1 disagree on the target of image 'a'"):
        check_same_images(u, v, ("r-s0", "r-s1"))


def test_not_labelled_is_not_negative():
    for first, second in (([1, np.nan, 1], [1, 0, 1]), ([1, 0, 1], [1, np.nan, 1])):
        with pytest.raises(InputError, match="disagree on the target of A of image 'a'"):
            check_same_images(made(target_A=first), made(target_A=second), ("r-s0", "r-s1"))


def test_suffixes_are_those_that_find_knows(tmp_path):
    for suffix in predictions.SUFFIXES:
        path = tmp_path / f"predictions-test{suffix}"
        path.touch()
        assert find(tmp_path, "test") == Path(path)
        path.unlink()
