"""Validation images and patients that are in the test set are refused."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets


def of_other_patients(frame):
    return frame.assign(image_id="v" + frame["image_id"], patient_id="v" + frame["patient_id"])


@pytest.mark.parametrize("held", [2**30, 0])
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_files(predictions_frame, save, tmp_path, monkeypatch, task, held):
    monkeypatch.setattr(test_sets, "HELD_BYTES", held)
    test = save(predictions_frame("test", 0, task=task), tmp_path / "tl_0.parquet")
    other = predictions_frame("test", 1, task=task)
    frames = {
        "val": of_other_patients(other),
        "same": other,
        "patients": other.assign(image_id="v" + other["image_id"]),
        "one": of_other_patients(other).replace({"patient_id": {"v007": "007"}}),
    }
    files = {name: save(frame, tmp_path / f"{name}_0.parquet") for name, frame in frames.items()}

    def evaluated(name):
        return evaluate({"TL": [test]}, validation={"TL": [files[name]]}, replicates=0)

    assert evaluated("val").runs
    with pytest.raises(
        InputError, match=r"same_0.parquet: 40 of 40 validation images are in the test set .*'test-000/v0'"
    ):
        evaluated("same")
    with pytest.raises(
        InputError, match=r"patients_0.parquet: 20 of 20 validation patients are in .* patient_id '000'"
    ):
        evaluated("patients")
    with pytest.raises(InputError, match=r"one_0.parquet: 1 of 20 validation patients are in the test set"):
        evaluated("one")


def notes(predictions_frame, change):
    other = change(of_other_patients(predictions_frame("test", 1)))
    result = evaluate({"TL": [predictions_frame("test", 0)]}, validation={"TL": [other]}, replicates=0)
    return [note for note in result.settings.notes if "validation" in note and not note.startswith("Caution")]


def test_validation_without_patients_is_noted(predictions_frame):
    assert notes(predictions_frame, lambda frame: frame) == []
    [note] = notes(predictions_frame, lambda frame: frame.drop(columns="patient_id"))
    assert "whether validation patients are test patients could not be checked" in note


def test_ids_that_differ_in_case_only_are_noted(predictions_frame):
    [note] = notes(
        predictions_frame, lambda frame: frame.assign(image_id=frame["image_id"].str.removeprefix("v").str.upper())
    )
    assert "differ from test ids in case only" in note
    assert "40 images, image_id 'TEST-000/V0' and 'test-000/v0'" in note


def test_run_folders(two_arms):
    assert evaluate(two_arms, replicates=0).thresholds
    run = two_arms / "at-s1"
    path = run / "predictions-validation.parquet"
    frame = pd.read_parquet(path)
    frame.loc[7, "patient_id"] = "001"
    frame.to_parquet(path, index=False)
    manifest = json.loads((run / "run.json").read_text())
    del manifest["predictions_validation"]
    (run / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"at-s1/predictions-validation.parquet: 1 of 21 validation patients are in"):
        evaluate(two_arms, replicates=0)
