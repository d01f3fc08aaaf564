"""Files as people write them are read, or refused with what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.predictions.files.any_format import read

RNG = np.random.default_rng(7)
TRUTH = RNG.integers(0, 2, 60)
SCORE = np.round(1 / (1 + np.exp(-RNG.normal(size=60) - TRUTH)), 2)
FRAME = pd.DataFrame({"image_id": [f"i{k:02}" for k in range(60)], "target_A": TRUTH, "score_A": SCORE})
AUC = roc_auc_score(TRUTH, SCORE)


def auc(path, **options):
    result = evaluate({"TL": [path]}, replicates=0, independent_images=True, **options)
    [value] = [row.value for row in result.runs if (row.metric, row.label) == ("auc", "macro")]
    return value, result


@pytest.mark.parametrize("how", ["semicolons", "commas in numbers", "tabs", "index", "R row names", "text", "bool"])
def test_a_csv_as_people_write_it(tmp_path, how):
    path = tmp_path / "tl.csv"
    frame = FRAME.copy()
    if how == "semicolons":
        frame.to_csv(path, index=False, sep=";")
    elif how == "commas in numbers":
        frame.to_csv(path, index=False, sep=";", decimal=",")
    elif how == "tabs":
        frame.to_csv(path, index=False, sep="\t")
    elif how == "index":
        frame.to_csv(path)
    elif how == "R row names":
        frame.to_csv(path, quoting=2)
    elif how == "text":
        frame.astype({"target_A": float}).to_csv(path, index=False)
    else:
        frame.astype({"target_A": bool}).to_csv(path, index=False)
    value, result = auc(path)
    assert value == pytest.approx(AUC, abs=1e-12)
    assert any("index=False" in note for note in result.settings.notes) == (how in ("index", "R row names"))
    assert any("decimal commas" in note for note in result.settings.notes) == (how == "commas in numbers")


def test_a_binary_task_by_its_own_names(tmp_path):
    path = tmp_path / "tl.csv"
    FRAME.set_axis(["path", "y_true", "y_prob"], axis="columns").assign(fold=1).to_csv(path, index=False)
    with pytest.raises(InputError, match="--columns image_id=path,target=y_true,score=y_prob"):
        auc(path)
    value, result = auc(path, columns={"image_id": "path", "target": "y_true", "score": "y_prob"})
    assert value == pytest.approx(AUC, abs=1e-12)
    assert "columns that medkt does not know were ignored: 'fold' (1 file(s))" in result.settings.notes


@pytest.mark.parametrize("missing", ["", "NA", "nan", "NaN", "None", "null", "N/A", "<NA>"])
def test_a_missing_target_in_words(tmp_path, missing):
    path = tmp_path / "p.csv"
    path.write_text(f"image_id,target_A,score_A\na,{missing},.5\nb,1,.5\n")
    assert np.isnan(read(path, "multilabel", ["A"]).target(0)).tolist() == [True, False]


def test_classes_written_as_other_numbers(tmp_path):
    for suffix, text in ((".csv", "a,0.0,.5,.5\nb,1.0,.5,.5\n"), (".csv", "a,0,.5,.5\nb,01,.5,.5\n")):
        path = tmp_path / f"p{suffix}"
        path.write_text("image_id,target,score_0,score_1\n" + text)
        assert read(path, "multiclass", ["0", "1"]).classes.tolist() == [0, 1]


def test_probabilities_rounded_to_two_decimals(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("image_id,target,score_u,score_v,score_w\na,u,.33,.33,.33\nb,v,.2,.3,.5\n")
    np.testing.assert_allclose(read(path, "multiclass", ["u", "v", "w"]).scores[0], 1 / 3)


HEADER = "image_id,patient_id,target_A,score_A\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,1,1,.5\nb,2,0\n", "row 3 has 3 fields, the header 4: 'b,2,0'"),
        ("a,1,1,.5\nb,2,0,.25,\nc,3,1,.5\nd,3\n", r"row 3 has 5 fields, the header 4 \(and 1 more row\)"),
        ("1,a,1,1,.5\n2,b,2,0,.25\n", "every row begins with a value that the header has no name for"),
        ("a,1,1,.5\nb,2,high,.25,\n", "row 3 has 5 fields"),
    ],
)
def test_a_row_of_another_length_is_named(tmp_path, text, message):
    path = tmp_path / "p.csv"
    path.write_text(HEADER + text)
    with pytest.raises(InputError, match=message):
        read(path, "multilabel", ["A"])


def test_a_blank_in_the_header_is_named_and_read_by_the_option(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("image_id, target_A, score_A\na,1,.5\nb,0,.25\n")
    with pytest.raises(InputError, match="--columns 'target_A= target_A,score_A= score_A'"):
        read(path, "multilabel", ["A"])
    given = {"target_A": " target_A", "score_A": " score_A"}
    assert read(path, "multilabel", ["A"], given=given).scores.tolist() == [[0.5], [0.25]]


@pytest.mark.parametrize(
    ("change", "words"), [(lambda s: np.log(s / (1 - s)), "logits?"), (lambda s: 100 * s, "percentages?")]
)
def test_other_scales_are_said_first(tmp_path, change, words):
    path = tmp_path / "tl.csv"
    FRAME.assign(score_A=change(SCORE.clip(0.01, 0.99))).to_csv(path, index=False)
    _, result = auc(path)
    assert result.settings.notes[0].startswith("Caution: predictions: scores are no probabilities in 1 table(s)")
    assert words in result.settings.notes[0]


def test_logits_of_classes_are_refused_with_what_to_write(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("image_id,target,score_u,score_v\na,u,3.2,-1\nb,v,.5,.5\n")
    with pytest.raises(InputError, match=r"score_u is 3\.2; expected a probability.*softmax of logits"):
        read(path, "multiclass", ["u", "v"])


def test_patients_by_another_name_are_suggested(tmp_path):
    path = tmp_path / "tl.csv"
    FRAME.assign(pid="p").to_csv(path, index=False)
    with pytest.raises(InputError, match=r"no column 'patient_id'.*--columns patient_id=pid"):
        evaluate({"TL": [path]}, replicates=0)


def test_scores_of_a_csv_have_the_bits_that_python_reads(tmp_path):
    scores = np.random.default_rng(0).random(500)
    path = tmp_path / "p.csv"
    ids = [f"i{k:03}" for k in range(500)]
    pd.DataFrame({"image_id": ids, "target_A": 1, "score_A": scores}).to_csv(path, index=False)
    assert read(path, "multilabel", ["A"]).score(0).tolist() == scores.tolist()
