"""Arms as prediction tables: names, seeds, tasks and labels follow from the tables, and every fault is named."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import medkt_eval
from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.predictions.files.tables import from_frame
from medkt_eval.predictions.without_run_json import parse_arm, parse_arms, runs_from_tables
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.atomic_files import sha256_of_file
from medkt_eval.study.arms import arms_of

FORMATS = Path(__file__).parents[3] / "docs" / "formats.md"


def table(*, first="A", second="B", **changes):
    columns = {
        "image_id": ["b", "a", "c"],
        "patient_id": ["007", "1", "1"],
        f"target_{first}": [1, 0, 1],
        f"target_{second}": [0, 1, 1],
        f"score_{first}": [0.25, 0.5, 0.75],
        f"score_{second}": [-1.0, 0.0, 2.0],
    }
    return pd.DataFrame(columns | changes)


def classes(**changes):
    columns = {"image_id": ["b", "a"], "target": ["u", "v"], "score_u": [0.25, 0.5], "score_v": [0.75, 0.5]}
    return pd.DataFrame(columns | changes)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, for patterns."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder, save):
    """A function that writes tables under these names."""

    def files(*names, frame=None):
        return [save(table() if frame is None else frame, folder / name) for name in names]

    return files


def told(call, *parts):
    with pytest.raises(InputError) as caught:
        call()
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def ids(runs):
    return [run.manifest.run_id for run in runs]


def test_runs_of_files(write):
    files = write("tl_seed3.csv", "tl_seed10.csv.gz", "at_1.parquet")
    runs = runs_from_tables({"Transfer learning": files[:2], "AT": [str(files[2])]})
    assert ids(runs) == ["transfer-learning-s3", "transfer-learning-s10", "at-s1"]
    assert [run.source for run in runs] == list(map(str, files))
    for run, path in zip(runs, files, strict=True):
        read = run.test()
        assert read.image_ids.tolist() == ["a", "b", "c"]
        assert read.patient_ids is not None
        assert read.patient_ids.tolist() == ["1", "007", "1"]
        assert read.scores.tolist() == [[0.5, 0.0], [0.25, -1.0], [0.75, 2.0]]
        assert run.sha256() == sha256_of_file(path)
        assert run.validation() is None
        assert run.history() is None


def test_what_spreadsheets_write(folder):
    text = "image_id,patient_id,target_A,score_A\r\nü,007,1,0.5\r\n"
    (folder / "tl.csv").write_bytes(text.encode("utf-8-sig"))  # with a byte order mark
    (run,) = runs_from_tables({"TL": ["tl.csv"]})
    assert run.test().image_ids.tolist() == ["ü"]


def test_what_results_json_will_say_of_the_arms():
    runs = runs_from_tables({"Transfer learning": [table(), table()], "AT": [table()]})
    at, tl = arms_of(runs)
    assert (at.arm, at.name, at.seeds) == ("at", "AT", [0])
    assert (tl.arm, tl.name, tl.seeds) == ("transfer-learning", "Transfer learning", [0, 1])
    for arm in (at, tl):
        assert (arm.dataset, arm.task, arm.role) == ("predictions", "multilabel", "arm")
        assert (arm.train_size, arm.teacher, arm.unfrozen, arm.student) == (None, None, None, at.student)


def test_frames_and_files_of_one_table_are_one(write):
    (path,) = write("tl.csv")
    (of_frame,), (of_file,) = runs_from_tables({"TL": [table()]}), runs_from_tables({"TL": [path]})
    assert of_frame.manifest == of_file.manifest
    np.testing.assert_array_equal(of_frame.test().scores, of_file.test().scores)
    assert of_frame.sha256() == of_file.sha256()  # of a frame: what to_csv writes
    assert of_frame.sha256() != runs_from_tables({"TL": [table(score_A=[0.25, 0.5, 0.7500001])]})[0].sha256()


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_task_and_labels_come_from_the_columns(predictions_frame, task):
    labels = ("Pneumonia", "Edema", "Effusion")
    frames = [predictions_frame("test", k, task=task, labels=labels) for k in range(2)]
    frames[1] = frames[1][frames[1].columns[::-1]]  # another order of columns is the same table
    runs = runs_from_tables({"TL": frames})
    for run, frame in zip(runs, frames, strict=True):
        assert (run.manifest.arm.task, run.manifest.labels) == (task, list(labels))
        expected = from_frame(frame, task, labels, source="x")
        np.testing.assert_array_equal(run.test().targets, expected.targets)
        np.testing.assert_array_equal(run.test().scores, expected.scores)


def test_validation_tables_go_with_their_seeds(write):
    test = write("tl_seed1.csv", "tl_seed2.csv")
    validation = write("val_seed2.csv", "val_seed1.csv")
    for seed, path in zip((2, 1), validation, strict=True):
        table(image_id=["x", "y", "z"], score_A=[seed, 0, 0]).to_csv(path, index=False)
    runs = runs_from_tables({"TL": test, "AT": [table()]}, validation={"TL": validation})
    first, second, none = [run.validation() for run in runs]
    assert first is not None
    assert second is not None
    assert (first.scores[0, 0], second.scores[0, 0]) == (1, 2)
    assert none is None


@pytest.mark.parametrize(
    ("names", "seeds"),
    [
        (["densenet121_tl_seed7.csv"], [7]),
        (["seed007.csv.gz", "fold2-seed8.v1.parquet"], [7, 1]),
        (["a.csv", "b.parquet"], [0, 1]),
        (["20240101120000123456.csv"], [20240101120000123456]),
    ],
)
def test_seeds_are_the_last_numbers_of_the_names(write, names, seeds):
    assert [run.manifest.seed for run in runs_from_tables({"TL": write(*names)})] == seeds


def test_seeds_of_frames_are_their_order():
    assert [run.manifest.seed for run in runs_from_tables({"TL": [table(), table(), table()]})] == [0, 1, 2]


def test_two_files_of_one_seed_are_both_named(write):
    files = write("densenet121_a.csv", "densenet121_b.csv")
    told(
        lambda: runs_from_tables({"TL": files}),
        "densenet121_a.csv and ",
        "densenet121_b.csv both have seed 121",
        "'TL'",
    )


def test_names_with_and_without_a_seed(write):
    files = write("seed4.csv", "best.csv")
    told(lambda: runs_from_tables({"TL": files}), "best.csv: no seed in its name", "seed4.csv has one")
    told(lambda: runs_from_tables({"TL": [files[0], table()]}), "arm 'TL', test table 1: no seed in its name")


def test_an_arm_on_the_command_line(write):
    write("tl_seed2.csv", "tl_seed1.csv", "at_seed1.csv", "tl_seed[3].csv")
    (Path.cwd() / "tl_seed9.csv").mkdir()
    assert parse_arm("TL = tl_seed[12].csv") == ("TL", [Path("tl_seed1.csv"), Path("tl_seed2.csv")])
    assert parse_arm("one=tl_seed[3].csv") == ("one", [Path("tl_seed[3].csv")])  # a file of that very name
    assert parse_arm("β=**/at*.csv") == ("β", [Path("at_seed1.csv")])
    arms = parse_arms(["TL=tl_seed[12].csv", "AT=at_seed1.csv"])
    assert arms == {"TL": [Path("tl_seed1.csv"), Path("tl_seed2.csv")], "AT": [Path("at_seed1.csv")]}
    assert list(arms) == ["TL", "AT"]


def test_names_that_hold_an_equals_sign(write):
    files = [Path("q_seed0.csv"), Path("q_seed1.csv")]
    write("q_seed0.csv", "q_seed1.csv", "lr=0.1_seed2.csv")
    assert parse_arm("AT lr=0.001=q_seed*.csv") == ("AT lr=0.001", files)
    assert parse_arm("AT (beta=50)=q_seed*.csv") == ("AT (beta=50)", files)
    assert parse_arm("TL=lr=0.1_seed*.csv") == ("TL", [Path("lr=0.1_seed2.csv")])
    assert ids(runs_from_tables(parse_arms(["AT (beta=50)=q_seed1.csv", "TL=q_seed0.csv"]))) == [
        "at-beta-50-s1",
        "tl-s0",
    ]
    told(lambda: parse_arm("AT lr=1=none*.csv"), "no file matches '1=none*.csv' or 'none*.csv'")


@pytest.mark.parametrize("text", ["TL", "=tl*.csv", "TL=", " = tl*.csv", ""])
def test_an_arm_without_name_or_files(text):
    told(lambda: parse_arm(text, "--validation"), f"--validation {text!r}: expected NAME=FILES", '"TL=tl_seed*.csv"')


def test_no_file_or_the_same_name_twice(write):
    write("tl_seed1.csv", "tl_seed2.csv")
    told(lambda: parse_arm("AT=at_seed*.csv"), "--arm 'AT=at_seed*.csv': no file matches 'at_seed*.csv'")
    told(lambda: parse_arms(["TL=tl_seed1.csv", "TL=tl_seed2.csv"]), "--arm TL is given twice", "one pattern")


@pytest.mark.parametrize(
    ("arms", "parts"),
    [
        ({}, ["no arm is given"]),
        ({"TL": []}, ["arm 'TL', test: expected a list", "one a seed"]),
        ({"TL": table()}, ["arm 'TL', test: expected a list"]),
        ({"TL": "tl.csv"}, ["arm 'TL', test: expected a list"]),
        ({"TL": [table().to_dict()]}, ["arm 'TL', test table 0: is of type dict", "DataFrame or a path"]),
        ({"": [table()]}, ["an arm is called ''", "a letter or a digit"]),
        ({" +_": [table()]}, ["an arm is called ' +_'"]),
        ({1: [table()]}, ["an arm is called 1; expected text"]),
        ({"At 5": [table()], "TL": [table()], "AT-5": [table()]}, ["arms 'At 5' and 'AT-5' would both", "'at-5'"]),
        ({"TL": ["nowhere.csv"]}, ["nowhere.csv: No such file"]),
        ({"TL": [Path("scores.xlsx")]}, ["scores.xlsx: not a prediction file", ".parquet, .csv, .csv.gz"]),
    ],
)
def test_arms_that_cannot_be_read(folder, arms, parts):
    told(lambda: runs_from_tables(arms), *parts)


@pytest.mark.parametrize(
    ("frame", "parts"),
    [
        (table().assign(target="A"), ["'target' (one class an image)", "'target_A'", "one or the other"]),
        (
            classes()[["image_id", "target"]],
            ["no columns target_<label> and score_<label>", "found 'image_id', 'target'"],
        ),
        (table()[["image_id", "score_A"]], ["no column 'target_A'", "--columns target_A=COLUMN"]),
        (
            pd.DataFrame({"image_id;target_A;score_A": []}),
            ["no columns target_<label> and", "found 'image_id;target_A;"],
        ),
        (pd.DataFrame(), ["no columns target_<label> and score_<label>", "found no column"]),
        (table(target_C=[0, 1, 0]), ["no column 'score_C'"]),
        (table(score_C=[0.1, 0.2, 0.3]), ["no column 'target_C'"]),
        (table().rename(columns={"patient_id": "Patient_I"}), ["no column 'patient_id' (found 'Patient_I')"]),
        (pd.concat([table(), table()[["score_B"]]], axis=1), ["columns 6 and 7 are both 'score_B'"]),
        (table(first="macro"), ["a label is called 'macro'"]),
    ],
)
def test_columns_that_make_no_task(frame, parts):
    told(lambda: runs_from_tables({"TL": [frame]}), "arm 'TL', test table 0: ", *parts)


def test_an_empty_file(folder):
    (folder / "p.csv").touch()
    told(lambda: runs_from_tables({"TL": ["p.csv"]}), "p.csv: cannot be read as predictions", "Parquet, CSV or CSV.gz")
    (folder / "q.parquet").write_bytes(b"PAR1 no more")
    told(lambda: runs_from_tables({"TL": ["q.parquet"]}), "q.parquet: cannot be read as predictions")
    (folder / "r.csv.gz").write_bytes(b"not compressed")
    told(lambda: runs_from_tables({"TL": ["r.csv.gz"]}), "r.csv.gz: cannot be read as predictions")


def test_files_of_other_labels_or_another_task(write):
    (first,) = write("tl_seed1.csv")
    (second,) = write("at_seed1.csv", frame=table(second="C"))
    told(
        lambda: runs_from_tables({"TL": [first], "AT": [second]}),
        "at_seed1.csv: no label 'B', which ",
        "tl_seed1.csv has",
    )
    more = table().assign(target_C=[0, 1, 0], score_C=[1, 2, 3])
    told(
        lambda: runs_from_tables({"TL": [first], "AT": [more]}),
        "tl_seed1.csv: no label 'C', which arm 'AT', test table 0 has",
    )
    told(
        lambda: runs_from_tables({"TL": [first]}, validation={"TL": write("val1.csv", frame=table(first="D"))}),
        "val1.csv: no label 'A'",
    )
    told(
        lambda: runs_from_tables({"TL": [first], "AT": [classes()]}),
        "arm 'AT', test table 0: multiclass by its columns",
        "tl_seed1.csv is multilabel",
    )


def test_validation_that_fits_no_run(write):
    test, other = write("tl_seed1.csv", "tl_seed2.csv"), write("v_seed1.csv", "v_seed3.csv")
    told(
        lambda: runs_from_tables({"TL": test}, validation={"AT": other}), "for arm 'AT', which has no test", "one of TL"
    )
    told(lambda: runs_from_tables({"TL": test}, validation={"TL": other}), "'TL'", "of seeds 1, 3,", "of seeds 1, 2;")
    told(lambda: runs_from_tables({"TL": test}, validation={"TL": other[:1]}), "of seeds 1, test")


def test_a_table_given_twice(write, folder):
    (path,) = write("tl_seed1.csv")
    (folder / "link_seed1.csv").symlink_to(path)
    frame = table()
    told(
        lambda: runs_from_tables({"TL": [path], "AT": ["link_seed1.csv"]}),
        "link_seed1.csv: is given twice",
        "tl_seed1.csv",
    )
    told(lambda: runs_from_tables({"TL": [path]}, validation={"TL": [path]}), "both test and validation")
    told(lambda: runs_from_tables({"TL": [frame, frame]}), "arm 'TL', test table 1: is given twice")


@pytest.mark.parametrize(
    ("frame", "parts"),
    [
        (table(score_A=[0.1, np.nan, 0.2]), ["image 'a'", "score_A is nan", "finite"]),
        (table(score_B=[np.inf, 1, 0.2]), ["image 'b'", "score_B is inf", "finite"]),
        (table(image_id=["b", "a", "b"]), ["image_id 'b'", "several rows"]),
        (table(patient_id=["1", "1", None]), ["image 'c'", "no patient_id"]),
        (table().iloc[:0], ["no rows"]),
        (classes(target=["u", "w"]), ["image 'a'", "target is 'w'", "'u', 'v'"]),
        (classes(score_u=[0.5, 0.5]), ["image 'b'", "sum to 1.25"]),
    ],
)
@pytest.mark.parametrize("name", [None, "p_seed0.csv", "p_seed0.parquet"])
def test_bad_values_are_named_with_their_table(folder, save, frame, parts, name):
    given = frame if name is None else save(frame, folder / name)
    (run,) = runs_from_tables({"TL": [given]})
    told(run.test, name or "arm 'TL', test table 0", *parts)
    (run,) = runs_from_tables({"TL": [frame.drop(frame.index[1:])]}, validation={"TL": [given]})
    told(run.validation, name or "arm 'TL', validation table 0", *parts)


@given(st.lists(st.text(), min_size=1, max_size=4, unique=True))
def test_ids_tell_arms_apart(names):
    frames = {name: [table()] for name in names}
    try:
        runs = runs_from_tables(frames)
    except InputError:
        return  # a name without letters, or two alike
    manifests = [run.manifest for run in runs]
    assert [manifest.arm.name for manifest in manifests] == names
    assert len({manifest.arm_id for manifest in manifests}) == len(names)
    for name, manifest in zip(names, manifests, strict=True):
        assert name == manifest.arm_id or name not in {other.arm_id for other in manifests}  # an id names no other arm


def test_the_examples_for_other_languages_are_true(folder):
    text = FORMATS.read_text(encoding="utf-8").split("## Bare prediction files")[1]
    (code,) = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    (folder / "at_seed1.csv").write_text(code, encoding="utf-8")
    (run,) = runs_from_tables({"AT": ["at_seed1.csv"]})
    assert (run.manifest.arm.task, run.manifest.labels) == ("multiclass", ["Normal", "Pneumonia"])
    assert run.test().targets.tolist() == [0, 0, 1, 1]


def test_importing_the_package_stays_cheap():
    code = "import sys, medkt_eval; assert not {'numpy', 'pandas', 'scipy', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(medkt_eval.__all__) == {"EvaluationResult", "InputError", "evaluate"}
    assert medkt_eval.InputError is InputError
    assert medkt_eval.EvaluationResult is EvaluationResult
    assert medkt_eval.evaluate is evaluate
    with pytest.raises(AttributeError, match="'medkt_eval' has no attribute 'estimate'"):
        _ = medkt_eval.estimate
