"""Which column holds what: unknown names are ignored, near ones refused with the option that reads the table."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.mapping import option, parse_columns
from medkt_eval.predictions.columns.roles import recognise

FINDINGS = ["image_id", "patient_id", "target_Edema", "score_Edema"]

# The header; what it becomes with the option that the message prints.
OPTIONS = {
    "taget_": (["image_id", "taget_Edema", "score_Edema"], "target_Edema=taget_Edema"),
    "pred_": (["image_id", "target_Edema", "pred_Edema"], "score_Edema=pred_Edema"),
    "Image_ID": (["Image_ID", "target_Edema", "score_Edema"], "image_id=Image_ID"),
    "Patient_ID": (["image_id", "Patient_ID", "target_A", "score_A"], "patient_id=Patient_ID"),
    "path and pid": (["path", "pid", "target_A", "score_A"], "image_id=path,patient_id=pid"),
    "binary": (
        ["filename", "patient", "y_true", "y_prob", "fold"],
        "image_id=filename,patient_id=patient,target=y_true,score=y_prob",
    ),
    "binary named": (["image_id", "y_true", "y_score"], "target=y_true,score=y_score"),
    "target and score_X": (["image_id", "target", "score_X"], "target_X=target"),
    "target_X and score": (["image_id", "target_X", "score"], "score_X=score"),
    "classes": (["image_id", "label", "prob_u", "prob_v"], "target=label,score_u=prob_u,score_v=prob_v"),
    "class": (["image_id", "label", "score_u", "score_v"], "target=label"),
    "all by others": (
        ["img", "y_true_A", "y_true_B", "p_A", "p_B"],
        "image_id=img,target_A=y_true_A,target_B=y_true_B,score_A=p_A,score_B=p_B",
    ),
    "group": (["image_id", "grop_sex", "target_A", "score_A"], "group_sex=grop_sex"),
    "second label": ([*FINDINGS, "Target_B", "Score_B"], "target_B=Target_B,score_B=Score_B"),
    "second label by others": ([*FINDINGS, "label_B", "pred_B"], "target_B=label_B,score_B=pred_B"),
    "separators": (["image id", "target-A", "score.A"], "image_id=image id,target_A=target-A,score_A=score.A"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_a_near_name_is_refused_with_the_option_that_reads_the_table(case):
    names, expected = OPTIONS[case]
    with pytest.raises(InputError) as refused:
        recognise(names, {}, source="tl_s0.csv")
    message = str(refused.value)
    assert message.startswith("tl_s0.csv: no column ")
    words = shlex.split(message.split("this reads the file: ")[1].split(". Otherwise", maxsplit=1)[0])
    assert words == ["--columns", expected]
    columns = recognise(names, parse_columns(words[1]), source="tl_s0.csv")
    assert set(columns.holds.values()) | set(columns.ignored) == set(names)


def test_the_option_names_all_even_if_some_were_given():
    names = ["path", "taget_A", "score_A"]
    with pytest.raises(InputError, match="--columns image_id=path,target_A=taget_A"):
        recognise(names, {"image_id": "path"}, source="x")


IGNORED = {
    "others of theirs": (
        [*FINDINGS, "path", "fold", "split", "pid", "", "Unnamed: 0"],
        ["path", "fold", "split", "pid", "", "Unnamed: 0"],
    ),
    "no name twice": (["", *FINDINGS, ""], ["", ""]),
    "hard calls": (
        [*FINDINGS, "pred_Edema", "label_source", "pred_class"],
        ["pred_Edema", "label_source", "pred_class"],
    ),
    "known twice": ([*FINDINGS, "Image_ID", "TARGET_Edema"], ["Image_ID", "TARGET_Edema"]),
    "sex": ([*FINDINGS, "sex", "age"], ["sex", "age"]),
}


@pytest.mark.parametrize("case", IGNORED)
def test_other_names_are_ignored(case):
    names, ignored = IGNORED[case]
    columns = recognise(names, {}, source="x")
    assert list(columns.ignored) == ignored
    assert columns.holds == {name: name for name in FINDINGS}


def test_one_finding_as_target_and_score():
    columns = recognise(["image_id", "target", "score"], {}, source="x")
    assert (columns.task, columns.labels) == ("multilabel", ("finding",))
    assert columns.holds == {"image_id": "image_id", "target_finding": "target", "score_finding": "score"}
    of_run = recognise(["image_id", "target", "score"], {}, source="x", task="multilabel", labels=["Edema"])
    assert of_run.holds["score_Edema"] == "score"
    named = recognise(["image_id", "y", "p"], {"target_Flu": "y", "score_Flu": "p"}, source="x")
    assert named.labels == ("Flu",)


def test_what_no_column_holds_is_said_with_all_that_is_needed():
    with pytest.raises(InputError) as refused:
        recognise(["image_id", "score_A", "target_B", "score_B", "grop_sex"], {}, source="x.csv")
    message = str(refused.value)
    assert "no column 'target_A'" in message
    assert "no column 'group_sex' (found 'grop_sex')" in message
    assert "--columns group_sex=grop_sex,target_A=COLUMN" in message


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        (FINDINGS, {"image_id": "file", "patient_id": "person"}, None),
        (
            ["file", *FINDINGS[2:]],
            {"image_id": "path"},
            "no column 'path', which --columns names as image_id; found 'file'",
        ),
        ([*FINDINGS, "score_Flu"], {}, "no column 'target_Flu'"),
        (["image_id", "fold"], {}, "no columns target_<label> and score_<label>"),
        ([*FINDINGS, "target"], {}, "expected one or the other"),
    ],
)
def test_columns_that_do_not_suffice(names, given, message):
    if message is None:
        assert recognise(names, given, source="x").holds["image_id"] == "image_id"
        return
    with pytest.raises(InputError, match=message):
        recognise(names, given, source="x")


def test_a_column_of_no_label_of_the_run_is_refused():
    with pytest.raises(InputError, match=r"'score_Flu' is of no label.*needs 'image_id', 'target_A', 'score_A'"):
        recognise(["image_id", "target_A", "score_A", "score_Flu"], {}, source="x", task="multilabel", labels=["A"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected NAME=COLUMN"),
        ("image_id", "'image_id' is no NAME=COLUMN"),
        ("image=path", "'image' is no name that medkt knows"),
        ("image_id=a,image_id=b", "given twice"),
        ("image_id=a,patient_id=a", "is to be both image_id and patient_id"),
        ("score_=a", "'score_' is no name"),
    ],
)
def test_an_option_that_cannot_be_read(text, message):
    with pytest.raises(InputError, match=message):
        parse_columns(text)


names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@given(st.dictionaries(names.map(lambda label: f"score_{label}"), names, min_size=1))
def test_the_printed_option_is_read_as_it_was_meant(mapping):
    if len(set(mapping.values())) == len(mapping):
        assert parse_columns(shlex.split(option(mapping))[1]) == mapping


@pytest.mark.parametrize("names", [["prob_A", "pred_A"], ["pred_A", "prob_A"], ["logit_A", "y_prob_A", "y_pred_A"]])
def test_probabilities_are_offered_before_calls(names):
    expected = next(name for name in names if "prob" in name)
    with pytest.raises(InputError, match=f"--columns score_A={expected}"):
        recognise(["image_id", "target_A", *names], {}, source="x")
    whole = [name.removesuffix("_A") for name in names]
    with pytest.raises(InputError, match=f"--columns score={expected.removesuffix('_A')}"):
        recognise(["image_id", "target", *whole], {}, source="x")
