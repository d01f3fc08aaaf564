"""Scores of float32 at a threshold: the same calls and bins from Parquet, from CSV and from a table in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets
from medkt_eval.predictions.files import any_format
from medkt_eval.predictions.files.tables import from_frame
from medkt_eval.predictions.values.decimals import as_written


def ratings() -> pd.DataFrame:
    """Ratings of 200 images in steps of 0.05, as float64."""
    rng = np.random.default_rng(9)
    truth = (rng.random(200) < 0.4).astype(int)
    score = np.round(np.round(np.clip(0.45 + 0.12 * truth + 0.15 * rng.normal(size=200), 0, 1) * 20) / 20, 2)
    names = [f"p{k:03d}" for k in range(200)]
    return pd.DataFrame({"image_id": names, "patient_id": names, "target_A": truth, "score_A": score})


def low(dtype: str) -> pd.DataFrame:
    return ratings().astype({"score_A": dtype})


DOORS = {
    "float64 in memory": lambda _: ratings(),
    "float32 in memory": lambda _: low("float32"),
    "float16 in memory": lambda _: low("float16"),
    "nullable float32 in memory": lambda _: low("Float32"),
    "arrow float32 in memory": lambda _: low("float[pyarrow]"),
    "float64 Parquet": lambda folder: saved(ratings(), folder / "s0.parquet"),
    "float32 Parquet": lambda folder: saved(low("float32"), folder / "s0.parquet"),
    "float32 CSV": lambda folder: saved(low("float32"), folder / "s0.csv"),
}


def saved(frame: pd.DataFrame, path):
    frame.to_parquet(path, index=False) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def numbers(table, study):
    result = evaluate({"TL": [table]}, study=study, replicates=0, add=["sensitivity", "net-benefit", "calibration"])
    values = {(row.metric, row.label): row.value for row in result.runs}
    return values, [(curve.curve, curve.x, curve.y) for curve in result.curves]


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("door", DOORS)
def test_every_door_gives_the_numbers_of_the_decimals(door, held, tmp_path, study, monkeypatch):
    if not held:
        monkeypatch.setattr(test_sets, "HELD_BYTES", 0)
    rule = study('threshold_rule = "fixed=0.45"')
    frame = ratings()
    found, curves = numbers(DOORS[door](tmp_path), rule)
    expected, expected_curves = numbers(frame, rule)
    assert (found, curves) == (expected, expected_curves)
    called = frame["score_A"] >= 0.45
    assert found["sensitivity", "A"] == pytest.approx(metrics.recall_score(frame["target_A"], called), rel=1e-12)
    assert found["f1", "A"] == pytest.approx(metrics.f1_score(frame["target_A"], called), rel=1e-12)


def test_scores_on_the_threshold_are_called(tmp_path, study):
    on_it = ratings()["score_A"] == 0.45
    assert on_it.sum() > 10  # else the test could not fail


def test_columns_read_one_at_a_time_are_the_decimals(tmp_path):
    path = saved(low("float32"), tmp_path / "s0.parquet")
    file = any_format.read(path, "multilabel", ["A"], in_memory=False)
    np.testing.assert_array_equal(file.score(0), ratings()["score_A"])


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_as_written_is_the_text_and_keeps_the_order(values):
    column = np.array(values, dtype=np.float32)
    decimals = as_written(column)
    np.testing.assert_array_equal(decimals, [float(str(value)) for value in column])
    np.testing.assert_array_equal(decimals.astype(np.float32), column)


def test_as_written_leaves_float64_and_missing_values():
    values = np.array([0.1 + 0.2, np.nan, np.inf])
    np.testing.assert_array_equal(as_written(values), values)
    np.testing.assert_array_equal(as_written(values.astype(np.float32)), [0.3, np.nan, np.inf])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_scalars_of_low_precision_in_a_table_are_decimals_too(dtype):
    written = np.array([0.7, 0.45, 0.29, 0.1])
    frame = pd.DataFrame(
        {
            "image_id": list("abcd"),
            "patient_id": list("abcd"),
            "target_A": [0, 1, 0, 1],
            "score_A": pd.Series(list(written.astype(dtype)), dtype=object),
        }
    )
    scores = from_frame(frame, "multilabel", ["A"], source="x").scores
    np.testing.assert_array_equal(scores[:, 0], written)
