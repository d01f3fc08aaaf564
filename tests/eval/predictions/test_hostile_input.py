"""Names that cannot be printed, ids without end, and files that are none: each is one message, and no seed is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medkt_eval.errors import InputError
from medkt_eval.predictions.files import any_format as columns
from medkt_eval.predictions.files.tables import from_frame
from medkt_eval.predictions.run_folders import read_runs
from medkt_eval.predictions.without_run_json import parse_arm, runs_from_tables


def table(**changes: object) -> pd.DataFrame:
    frame = {
        "image_id": ["a", "b", "c"],
        "patient_id": ["1", "1", "2"],
        "group_sex": ["F", "F", "M"],
        "target_A": [1, 0, 1],
        "score_A": [0.5, 0.25, 0.75],
    }
    return pd.DataFrame(frame | changes)


HOSTILE_VALUES = [
    ({"patient_id": ["1", "1", "2\0"]}, r"patient_id '2\\x00' holds the character U\+0000"),
    ({"group_sex": ["F", "\0", "M"]}, r"group_sex '\\x00' holds the character U\+0000"),  # numpy drops a NUL at the end
    ({"group_sex": ["F\x1b[31m", "F", "M"]}, r"group_sex 'F\\x1b\[31m' holds the character U\+001B"),
    ({"image_id": pd.Series(["a", "b", "c\ud800"], dtype=object)}, r"image_id 'c\\ud800' holds the character U\+D800"),
    ({"patient_id": ["1", "1", "x" * 10_000]}, r"patient_id 'x+'\.\.\. has 10,000 characters; expected at most 1,000"),
]


@pytest.mark.parametrize(("changes", "words"), HOSTILE_VALUES)
@pytest.mark.parametrize("door", ["frame", "a.csv", "a.parquet", "a.parquet on disk"])
def test_ids_and_groups_are_checked_at_every_door(tmp_path: Path, changes: dict, words: str, door: str) -> None:
    frame, path = table(**changes), tmp_path / door.split(maxsplit=1)[0]
    if door == "frame":
        with pytest.raises(InputError, match=words):
            from_frame(frame, "multilabel", ["A"], source="a table")
        return
    try:
        frame.to_csv(path, index=False) if door == "a.csv" else frame.to_parquet(path, index=False)
    except UnicodeEncodeError:
        return  # no file in UTF-8 holds a lone surrogate
    with pytest.raises(InputError, match=words):
        columns.read(path, "multilabel", ["A"], in_memory="disk" not in door)


@pytest.mark.parametrize("name", ["A\x1b[31m", "A\0", "A\ufffe", "A\nB", "A" * 1000])
def test_labels_arms_and_columns_of_groups_are_checked(name: str) -> None:
    hostile = table().rename(columns={"target_A": f"target_{name}", "score_A": f"score_{name}"})
    with pytest.raises(InputError, match="label 'A"):
        runs_from_tables({"TL": [hostile]})
    with pytest.raises(InputError, match="arm 'A"):
        runs_from_tables({name: [table()]})
    with pytest.raises(InputError, match="column 'group_A"):
        from_frame(table().rename(columns={"group_sex": f"group_{name}"}), "multilabel", ["A"], source="a table")


@pytest.mark.parametrize(
    ("field", "value"), [("labels", ["Edema\x1b", "Effusion", "Pneumonia"]), ("dataset", "a\0"), ("name", "\ufffe")]
)
def test_names_in_run_json_are_checked(two_arms, field: str, value: object) -> None:
    manifest = json.loads((two_arms / "at-s1" / "run.json").read_text())
    edit(two_arms / "at-s1", **({field: value} if field == "labels" else {"arm": manifest["arm"] | {field: value}}))
    with pytest.raises(InputError, match=rf"at-s1/run\.json: .*{field}.* holds the character U\+"):
        read(two_arms)


def test_text_in_parquet_that_is_not_utf8_is_one_message(tmp_path: Path) -> None:
    wrong = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\x02\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    columns_of = {"image_id": wrong, "target_A": pa.array([1]), "score_A": pa.array([0.5])}
    pq.write_table(pa.table(columns_of), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: .*UTF-?8"):
        columns.read(tmp_path / "a.parquet", "multilabel", ["A"])


@pytest.mark.parametrize("what", ["dangling", "folder", "fifo"])
def test_what_a_pattern_matches_is_never_passed_over(tmp_path: Path, monkeypatch, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in range(2):
        table().to_csv(f"tl_seed{seed}.csv", index=False)
    lay_there(Path("tl_seed2.csv"), what)
    with pytest.raises(InputError, match=r"tl_seed2\.csv: .*; expected a prediction file, since --arm TL matches it"):
        parse_arm("TL=tl_seed*")


@pytest.mark.parametrize("what", ["dangling", "folder", "fifo"])
@pytest.mark.parametrize(
    "name", ["run.json", "predictions-test.parquet", "predictions-validation.parquet", "history.csv"]
)
def test_a_file_of_a_run_that_is_no_file_is_named(two_arms: Path, name: str, what: str) -> None:
    folder = two_arms / "at-s1"
    (folder / name).unlink(missing_ok=True)
    lay_there(folder / name, what)
    with pytest.raises(InputError, match=rf"at-s1/{name}: "):
        read(two_arms)


def test_a_link_to_a_run_that_is_gone_is_named(two_arms: Path) -> None:
    (two_arms / "at-s9").symlink_to("elsewhere")
    with pytest.raises(InputError, match=r"at-s9: a link to 'elsewhere', which does not exist; expected a run folder"):
        read_runs(two_arms)


def test_validation_predictions_that_run_json_names_must_be_there(two_arms: Path) -> None:
    edit(two_arms / "at-s1", predictions_validation={"file": "predictions-validation.csv", "sha256": "0" * 64})
    for path in (two_arms / "at-s1").glob("predictions-validation*"):
        path.unlink()
    with pytest.raises(InputError, match=r"predictions-validation\.csv: absent, but run\.json names it"):
        read(two_arms)


def test_rows_and_name_of_the_file_are_those_of_run_json(two_arms: Path) -> None:
    (path,) = (two_arms / "at-s1").glob("predictions-test*")
    edit(two_arms / "at-s1", predictions={"file": path.name, "rows": 7})
    with pytest.raises(InputError, match=r"images; run\.json says 7 rows; expected the same"):
        read(two_arms)
    edit(two_arms / "at-s1", predictions={"file": "predictions-other.csv"})
    with pytest.raises(InputError, match=r"run\.json names 'predictions-other\.csv' for these predictions"):
        read(two_arms)


def lay_there(path: Path, what: str) -> None:
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("nothing")


def edit(folder: Path, **fields: object) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def read(runs: Path) -> None:
    """Read every file of every run, as an evaluation does."""
    for run in read_runs(runs)[0]:
        run.test()
        run.validation()
        run.history()
