"""One rule: Parquet whole and by column, the CSV, and the DataFrame that was written are the same predictions."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets
from medkt_eval.predictions.files import any_format as columns
from medkt_eval.predictions.files.tables import from_frame
from medkt_eval.runtime.reading.names import NAME

N = 12
TEXT = st.text(max_size=4).filter(lambda text: not NAME.search(text))  # others are refused: reading/names.py
VALUES = st.one_of(
    st.lists(st.one_of(st.none(), TEXT), min_size=N, max_size=N),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=N, max_size=N),
    st.lists(st.integers(-(2**53), 2**53), min_size=N, max_size=N),
    st.lists(st.one_of(st.none(), st.floats(-1e15, 1e15)), min_size=N, max_size=N),
    st.lists(st.dates(datetime.date(1900, 1, 1)), min_size=N, max_size=N),
    st.lists(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)), min_size=N, max_size=N),
    st.lists(st.timedeltas(datetime.timedelta(0), datetime.timedelta(400)), min_size=N, max_size=N),
)
DTYPES = st.sampled_from([None, "category", "float16", "float32", "Int64", "boolean", "string"])


def as_type(values, dtype):
    column = pd.Series(values)
    if dtype == "category" and column.dtype.kind == "m":  # Parquet keeps their numbers, and not that they are times
        return column
    try:
        return column if dtype is None else column.astype(dtype)
    except (TypeError, ValueError, NotImplementedError, RuntimeWarning):  # the last: beyond the largest float16
        return column


@settings(max_examples=60)
@given(
    group=VALUES,
    group_type=DTYPES,
    patients=VALUES,
    patient_type=DTYPES,
    target=st.lists(st.sampled_from([0, 1, None]), min_size=N, max_size=N),
    target_type=st.sampled_from([None, "Int8", "boolean", "float32", "object"]),
    order=st.permutations(range(N)),
    index=st.booleans(),
)
def test_all_ways_in_agree(group, group_type, patients, patient_type, target, target_type, order, index):
    frame = pd.DataFrame(
        {
            "image_id": [f"i{k:02d}" for k in range(N)],
            "patient_id": as_type(patients, patient_type),
            "group_g": as_type(group, group_type),
            "target_A": as_type(target, target_type),
            "score_A": np.linspace(-1, 1, N).astype(np.float32),
        }
    ).iloc[list(order)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.parquet"
        (frame.set_index("image_id") if index else frame).to_parquet(path, row_group_size=5)
        table = Path(folder) / "p.csv"
        frame.to_csv(table, index=False)
        outcomes = [
            outcome(lambda: columns.read(path, "multilabel", ["A"])),
            outcome(lambda: columns.read(path, "multilabel", ["A"], in_memory=False)),
            outcome(lambda: from_frame(frame, "multilabel", ["A"], source=str(path))),
            outcome(lambda: columns.read(table, "multilabel", ["A"])),
        ]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] == outcomes[2]
    assert outcomes[0] == outcomes[3] or str(outcomes[0]).replace("p.parquet", "p.csv") == outcomes[3]


def outcome(read):
    """What was read, as lists, or the error."""
    try:
        found = read()
    except InputError as error:
        return str(error)
    patients = (
        found.patient_ids.tolist() if isinstance(found.patient_ids, np.ndarray) else found.patient_ids.to_pylist()
    )
    target = [None if np.isnan(value) else value for value in found.target(0).tolist()]
    ids = [str(name) for name in found.image_ids]
    return ids, patients, found.groups["g"].tolist(), target, found.score(0).tolist()


@pytest.mark.parametrize("held", [2**30, 0])
@pytest.mark.parametrize("case", ["filtered", "indexed", "bool-class", "nan-group"])
def test_tables_as_pandas_writes_them(tmp_path, monkeypatch, case, held):
    monkeypatch.setattr(test_sets, "HELD_BYTES", held)
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 60)
    score = 1 / (1 + np.exp(-rng.normal(size=60) - truth))
    frame = pd.DataFrame(
        {"image_id": [f"i{k:04d}" for k in range(60)], "patient_id": [f"p{k // 2}" for k in range(60)]}
    )
    if case == "bool-class":
        frame = frame.assign(target=truth == 1, score_True=score, score_False=1 - score)
    else:
        frame = frame.assign(target_A=truth, score_A=score)
    if case == "filtered":
        kept = np.arange(60) % 3 > 0
        frame, truth, score = frame[kept], truth[kept], score[kept]
    elif case == "indexed":
        frame = frame.set_index("image_id")
    elif case == "nan-group":
        frame["group_age"] = np.where(np.arange(60) % 3 == 0, np.nan, np.where(np.arange(60) % 2, 50.0, 70.0))
        frame["group_icu"] = np.arange(60) % 4 < 2
    path = tmp_path / "tl_s0.parquet"
    frame.to_parquet(path)
    result = evaluate({"TL": [path]}, replicates=0, add=["subgroups"] if case == "nan-group" else [])
    assert result.datasets[0].splits["test"].n_images == len(truth)
    (auc,) = [row.value for row in result.runs if (row.metric, row.label, row.group) == ("auc", "macro", None)]
    assert auc == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    groups = {"age=50.0", "age=70.0", "icu=True", "icu=False"} if case == "nan-group" else set()
    assert {row.group for row in result.runs if row.group} == groups


@pytest.mark.parametrize("held", [2**30, 0])
def test_a_missing_number_of_a_patient_is_missing(tmp_path, monkeypatch, predictions_frame, held):
    monkeypatch.setattr(test_sets, "HELD_BYTES", held)
    path = tmp_path / "tl_s0.parquet"
    predictions_frame("test", 0).assign(patient_id=[np.nan, *np.arange(39.0)]).to_parquet(path)
    with pytest.raises(InputError, match="image 'test-000/v0': no patient_id"):
        evaluate({"TL": [path]}, replicates=0)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.0, 1.0, 1.0], ["0", "1"]),
        (np.array([0, 1, 1], np.float32), ["0", "1"]),
        ([True, False, True], ["False", "True"]),
        (
            [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1), datetime.date(2020, 1, 1)],
            ["2020-01-01", "2021-01-01"],
        ),
        (pd.to_datetime(["2020-01-01", "2021-01-01", "2020-01-01"]), ["2020-01-01", "2021-01-01"]),
        (pd.Categorical(["u ", "v", "u "]), ["u", "v"]),
    ],
)
def test_classes_of_any_type_are_read_alike(tmp_path, values, labels):
    ids = ["a", "b", "c"]
    frame = pd.DataFrame({"image_id": ids, "target": values, f"score_{labels[0]}": 0.5, f"score_{labels[1]}": 0.5})
    frame.to_csv(tmp_path / "p.csv", index=False)
    frame.to_parquet(tmp_path / "p.parquet", index=False)
    of_doors = [
        from_frame(frame, "multiclass", labels, source="x").classes.tolist(),
        columns.read(tmp_path / "p.csv", "multiclass", labels).classes.tolist(),
        columns.read(tmp_path / "p.parquet", "multiclass", labels).classes.tolist(),
        columns.read(tmp_path / "p.parquet", "multiclass", labels, in_memory=False).classes.tolist(),
    ]
    texts = frame["target"].astype(str).str.strip()
    expected = [next(k for k, label in enumerate(labels) if text in (label, f"{label}.0")) for text in texts]
    assert of_doors == [expected] * 4
