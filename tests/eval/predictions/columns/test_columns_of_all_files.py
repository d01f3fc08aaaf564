"""`--columns` over all files: a column that no file has is an error, and the option may be given several times."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from medkt.cli.app import app
from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate


def table(seed=0):
    truth = [0, 1] * 10
    scores = [0.2 + 0.5 * target + 0.001 * (seed + 1) * k for k, target in enumerate(truth)]
    return pd.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(20)],
            "patient_id": [f"p{k // 2}" for k in range(20)],
            "target": truth,
            "score": [1 - score for score in scores],
            "y_prob": scores,
        }
    )


def test_a_column_that_no_file_has_is_refused_with_the_nearest():
    arms = {"TL": [table()], "AT": [table(1)]}
    with pytest.raises(InputError, match=r"no file has a column 'y_prbo', which is to be score; .* mean 'y_prob'"):
        evaluate(arms, replicates=0, columns={"score": "y_prbo"})
    assert evaluate(arms, replicates=0, columns={"score": "y_prob"}).estimates[0].value == 1


def test_files_may_differ():
    short = [table(seed).drop(columns="score") for seed in (0, 1)]
    arms = {"TL": [short[0]], "AT": [short[1].rename(columns={"y_prob": "score"})]}
    result = evaluate(arms, replicates=0, columns={"score": "y_prob"})
    assert {row.value for row in result.estimates if row.metric == "auc"} == {1}
    [note] = [note for note in result.settings.notes if "--columns" in note]
    assert note.endswith("were read, in 1 prediction file(s) (first: arm 'AT', test table 0, column 'score')")


def test_a_misspelt_column_is_not_read_from_a_name_that_holds_something_else():
    arms = {"TL": [table()], "AT": [table(1).rename(columns={"y_prob": "y_prbo"})]}
    with pytest.raises(InputError, match=r"arm 'AT', test table 0: no column 'y_prob', .* is not read instead, since"):
        evaluate(arms, replicates=0, columns={"score": "y_prob"})


@pytest.mark.parametrize("mapping", [{3: "x"}, {"score": ["y_prob"]}, {"score": None}])
def test_names_that_are_no_text_are_refused(mapping):
    with pytest.raises(InputError, match="expected the names of columns as text"):
        evaluate({"TL": [table()]}, replicates=0, columns=mapping)


def test_the_option_may_be_given_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().rename(columns={"patient_id": "pid"}).to_csv("tl_0.csv", index=False)
    words = ["evaluate", "--arm", "TL=tl_0.csv", "--replicates", "0", "--no-report", "--columns", "score=y_prob"]
    done = CliRunner().invoke(app, [*words, "--columns", "patient_id=pid"])
    assert done.exit_code == 0, done.output
    assert '"value": 1.0' in (tmp_path / "evaluation" / "results.json").read_text()
    twice = CliRunner().invoke(app, [*words, "--columns", "score=score"])
    assert "'score' is given twice" in str(twice.exception) + twice.output


def test_sparse_columns_are_read():
    sparse = table().assign(target=pd.arrays.SparseArray(table()["target"]))
    assert evaluate({"TL": [sparse]}, replicates=0).runs == evaluate({"TL": [table()]}, replicates=0).runs


@pytest.mark.parametrize("length", [198, 200])
def test_a_long_name_of_an_arm_is_refused(length):
    with pytest.raises(InputError, match=r"the arm's name with its seed, .* expected at most 200: shorten it"):
        evaluate({"x" * length: [table()]}, replicates=0)


def test_scores_that_are_calls_have_a_caution():
    calls = table().assign(score=table()["y_prob"].round())
    [caution] = [text for text in evaluate({"TL": [calls]}, replicates=0).settings.notes if "only 0 and 1" in text]
    assert caution.startswith("Caution: predictions: scores are only 0 and 1: finding in tl-s0. If they are calls")
    assert not any("only 0 and 1" in text for text in evaluate({"TL": [table()]}, replicates=0).settings.notes)


def test_blanks_at_the_end_of_a_header_go():
    plain = table().rename(columns={"target": "target_A", "score": "score_A"})
    padded = plain.rename(columns={"target_A": "target_A ", "score_A": "score_A "})
    assert evaluate({"TL": [padded]}, replicates=0).runs == evaluate({"TL": [plain]}, replicates=0).runs
    with pytest.raises(InputError, match="columns 'score_A' and 'score_A ' are both score_A"):
        evaluate({"TL": [plain.assign(**{"score_A ": plain["score_A"]})]}, replicates=0)


@pytest.mark.parametrize(
    ("names", "said"),
    [("Aa", "'A' and 'a' differ in case only"), (("\u00e9", "e\u0301"), r"'\\xe9' and 'e\\u0301' look")],
)
def test_labels_that_look_alike_are_refused(names, said):
    frame = table().drop(columns=["target", "score"])
    for name in names:
        frame = frame.assign(**{f"target_{name}": table()["target"], f"score_{name}": table()["score"]})
    with pytest.raises(InputError, match=f"labels {said}"):
        evaluate({"TL": [frame]}, replicates=0)


def test_arms_that_look_alike_are_refused():
    with pytest.raises(InputError, match=r"arms .* look alike; give one another name"):
        evaluate({"\u00e9t": [table()], "e\u0301t": [table(1)]}, replicates=0)
