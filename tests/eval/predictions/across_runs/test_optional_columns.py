"""Columns that only some runs have: the order of the runs decides nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets

SEX = np.where(np.arange(40) // 2 % 2, "F", "M")


@pytest.fixture(params=[(".csv", 2**30), (".parquet", 2**30), (".parquet", 0), ("mixed", 0)])
def files(request, predictions_frame, save, tmp_path, monkeypatch):
    """A function that writes two seeds of an arm; one file may be CSV and another Parquet."""
    suffix, held = request.param
    monkeypatch.setattr(test_sets, "HELD_BYTES", held)

    def write(arm, change):
        suffixes = (".csv", ".parquet") if suffix == "mixed" else (suffix, suffix)
        first = {"tl": 0, "at": 2}[arm]
        return [
            save(change(predictions_frame("test", first + k)), tmp_path / f"{arm}_s{k}{suffixes[k]}") for k in range(2)
        ]

    return write


def rows(result):
    return {
        (row.arm, row.metric, row.label, row.interval, row.low, row.high, row.n_patients) for row in result.estimates
    }


@pytest.mark.parametrize("independent", [False, True])
def test_patients_named_in_one_arm_are_the_patients(files, independent):
    arms = {
        "TL": files("tl", lambda frame: frame.drop(columns="patient_id")),
        "AT": files("at", lambda frame: frame.assign(group_sex=SEX)),
    }
    options = {"replicates": 0, "independent_images": independent, "add": ["subgroups"]}
    result = evaluate(arms, **options)
    turned = evaluate(dict(reversed(arms.items())), **options)
    assert rows(result) == rows(turned)
    assert result.datasets[0].splits["test"].n_patients == 20
    for found in (result, turned):
        assert {row.group for row in found.runs} == {None, "sex=F", "sex=M"}
        assert {row.run_id for row in found.runs if row.group} == {"tl-s0", "tl-s1", "at-s0", "at-s1"}
        assert not any("group_<name>" in note for note in found.settings.notes)


def test_later_runs_must_agree_with_each_other(files):
    seeds = iter((SEX, SEX[::-1]))
    bare = files("tl", lambda frame: frame.drop(columns="patient_id"))
    named = files("at", lambda frame: frame.assign(group_sex=next(seeds)))
    with pytest.raises(InputError, match="disagree on group_sex of image 'test-000/v0': 'M' and 'F'"):
        evaluate({"TL": bare, "AT": named}, replicates=0)


def test_no_patients_in_any_run(files):
    with pytest.raises(InputError, match="no column 'patient_id'"):
        evaluate({"TL": files("tl", lambda frame: frame.drop(columns="patient_id"))}, replicates=0)


def test_orders_of_groups_that_conflict_are_refused(predictions_frame):
    def frame(seed, categories):
        column = pd.Categorical(SEX, categories=categories, ordered=True)
        return predictions_frame("test", seed).assign(group_sex=column)

    with pytest.raises(InputError, match=r"order the groups of group_sex differently: 'F', 'M' and 'M', 'F'"):
        evaluate({"TL": [frame(0, ["F", "M"]), frame(1, ["M", "F"])]}, replicates=0)
    assert evaluate({"TL": [frame(0, ["F", "M"]), frame(1, ["F", "other", "M"])]}, replicates=0).runs


def test_groups_that_are_empty_are_refused_or_noted(predictions_frame):
    frame = predictions_frame("test", 0)
    with pytest.raises(InputError, match=r"--add 'subgroups': the columns group_<name> are empty in every row"):
        evaluate({"TL": [frame.assign(group_age="")]}, replicates=0, add=["subgroups"])
    result = evaluate({"TL": [frame.assign(group_age="", group_sex=SEX)]}, replicates=0, add=["subgroups"])
    assert "predictions: group_age is empty in every row, and gives no subgroups" in result.settings.notes


def test_a_metric_of_calls_without_validation_is_noted(predictions_frame):
    result = evaluate({"TL": [predictions_frame("test", 0)]}, replicates=0, add=["sensitivity"])
    assert any(
        note.startswith("predictions: sensitivity was asked for and has no value") for note in result.settings.notes
    )
