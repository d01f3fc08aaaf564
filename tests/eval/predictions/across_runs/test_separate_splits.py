"""Validation images and patients that are in the test set are refused."""

from __future__ import annotations

import json

import numpy as np
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


def test_ids_that_look_alike_are_noted(predictions_frame):
    [note] = notes(
        predictions_frame, lambda frame: frame.assign(image_id=frame["image_id"].str.removeprefix("v").str.upper())
    )
    assert "look like test ids" in note
    assert "40 images, image_id 'TEST-000/V0' and 'test-000/v0' differ in case only" in note


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


def numbered(frame, form):
    return frame.assign(patient_id=[form(k // 2) for k in range(len(frame))])


def test_patients_are_compared_by_value(predictions_frame):
    test = numbered(predictions_frame("test", 0), str)
    other = predictions_frame("test", 1).assign(image_id=lambda frame: "v" + frame["image_id"])
    with pytest.raises(
        InputError, match=r"20 of 20 validation patients are in the test set \(first: patient_id '0.0', '0' in the test"
    ):
        evaluate({"TL": [test]}, validation={"TL": [numbered(other, float)]}, replicates=0)
    padded = numbered(other, "{:03d}".format)
    notes = evaluate({"TL": [test]}, validation={"TL": [padded]}, replicates=0).settings.notes
    assert any("look like test ids" in note and "patient_id '000' and '0' look alike" in note for note in notes)


@pytest.mark.parametrize("held", [2**30, 0])
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_test_predictions_under_other_ids(predictions_frame, save, tmp_path, monkeypatch, task, held):
    monkeypatch.setattr(test_sets, "HELD_BYTES", held)
    frame = predictions_frame("test", 0, task=task)
    shuffled = of_other_patients(frame).sample(frac=1, random_state=0)
    shuffled["image_id"] = of_other_patients(frame)["image_id"].to_numpy()
    files = [save(frame, tmp_path / "tl_0.parquet"), save(shuffled, tmp_path / "copy_0.parquet")]
    with pytest.raises(InputError, match=r"copy_0.parquet: scores and targets are those of the test images"):
        evaluate({"TL": files[:1]}, validation={"TL": files[1:]}, replicates=0)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_targets_of_validation_images_must_agree(predictions_frame, task):
    one, other = (of_other_patients(predictions_frame("test", seed, task=task)) for seed in (5, 6))
    column = next(name for name in other if name.startswith("target"))
    other[column] = other[column].to_numpy()[::-1]
    tests = [predictions_frame("test", seed, task=task) for seed in (0, 1)]
    with pytest.raises(
        InputError, match=r"runs tl-s0 and tl-s1 disagree on the target of .* of validation image 'vtest"
    ):
        evaluate({"TL": tests}, validation={"TL": [one, other]}, replicates=0)


def probabilities(frame, factor=1.0):
    scores = [name for name in frame if name.startswith("score_")]
    return frame.assign(**{name: factor / (1 + np.exp(-frame[name])) for name in scores})


@pytest.mark.parametrize("factors", [(100, 1), (1, 100)])
def test_two_scales_are_refused(predictions_frame, factors):
    test, other = predictions_frame("test", 0), of_other_patients(predictions_frame("test", 1))
    with pytest.raises(InputError, match="one may be probabilities and the other logits or percentages"):
        evaluate(
            {"TL": [probabilities(test, factors[0])]},
            validation={"TL": [probabilities(other, factors[1])]},
            replicates=0,
        )


def scaled(frame, *factors):
    names = [name for name in frame if name.startswith("score_")]
    return probabilities(frame).assign(
        **{name: (probabilities(frame)[name] * factor).round(2) for name, factor in zip(names, factors, strict=True)}
    )


@pytest.mark.parametrize(("factors", "of_validation"), [((1.7, 100), (0.99, 100)), ((3, 3), (1, 3)), ((3, 3), (1, 1))])
def test_one_scale_that_looks_like_two_has_a_caution(predictions_frame, factors, of_validation):
    test, other = predictions_frame("test", 0), of_other_patients(predictions_frame("test", 1))
    n = sum(name.startswith("score_") for name in test)
    of_test = scaled(test, factors[0], *[factors[1]] * (n - 1))
    of_other = scaled(other, of_validation[0], *[of_validation[1]] * (n - 1))
    notes = evaluate({"TL": [of_test]}, validation={"TL": [of_other]}, replicates=0).settings.notes
    [caution] = [note for note in notes if "two scales" in note]
    assert caution.startswith("Caution: predictions: validation and test scores may be of two scales: arm 'TL', valid")


def test_a_fixed_threshold_is_of_probabilities(predictions_frame, tmp_path):
    (tmp_path / "study.toml").write_text('[analysis]\nthreshold_rule = "fixed=0.5"\n')
    for factor, value in ((1.0, 0.5), (100.0, None)):
        frame = probabilities(predictions_frame("test", 0), factor)
        result = evaluate({"TL": [frame]}, replicates=0, study=tmp_path / "study.toml")
        assert {row.value for row in result.thresholds} == {value}
    assert "fixed=0.5 is of probabilities, and the scores range" in result.thresholds[0].undefined_because
