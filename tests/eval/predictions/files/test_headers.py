"""A header that repeats a name is refused by every way in, and no column is renamed."""

from __future__ import annotations

import gzip

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.predictions.files import any_format as columns

HEADERS = {
    "target": ("image_id,patient_id,target_A,score_A,target_A,score_A", "a,1,0,.1,1,.2", "columns 3 and 5", "target_A"),
    "group": ("image_id,group_sex,group_sex,target_A,score_A", "a,F,M,1,.2", "columns 2 and 3", "group_sex"),
    "score": ("image_id,patient_id,target_A,score_A,score_A", "a,1,1,.2,.3", "columns 4 and 5", "score_A"),
    "class": ("image_id,target,score_u,score_v,score_u", "a,u,.4,.6,.4", "columns 3 and 5", "score_u"),
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_repeated_name_is_refused_with_both_columns(tmp_path, case, suffix):
    header, row, numbers, name = HEADERS[case]
    path = tmp_path / f"tl_s0{suffix}"
    if suffix == ".parquet":
        values = [pa.array([value]) for value in row.split(",")]
        parquet.write_table(pa.Table.from_arrays(values, names=header.split(",")), path)
    else:
        text = f"\ufeff{header}\r\n{row}\r\n".encode()
        path.write_bytes(gzip.compress(text) if suffix == ".csv.gz" else text)
    expected = f"{path}: {numbers} are both '{name}'; expected every name once"
    task, labels = ("multiclass", ["u", "v"]) if case == "class" else ("multilabel", ["A"])
    calls = [
        lambda: evaluate({"TL": [path]}),
        lambda: columns.read(path, task, labels),
        lambda: columns.read(path, task, labels, in_memory=False),
    ]
    for call in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert str(caught.value) == expected


def test_a_repeated_name_in_a_run_folder(foreign):
    path = foreign / "theirs-s5" / "predictions-test.csv"
    path.write_text(path.read_text().replace("score_A,score_B", "score_A,score_A"))
    with pytest.raises(InputError, match="columns 5 and 6 are both 'score_A'"):
        evaluate(foreign)


def test_a_name_with_a_dot_is_a_name(tmp_path):
    path = tmp_path / "tl_s0.csv"
    pd.DataFrame({"image_id": ["a"], "target_A.1": [1], "score_A.1": [0.5]}).to_csv(path, index=False)
    assert columns.read(path, "multilabel", ["A.1"]).scores.tolist() == [[0.5]]
