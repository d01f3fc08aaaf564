"""Run folders: grids, runs of other trainers, and all faults."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.metrics.thresholds import NO_VALIDATION

LABELS = ("Edema", "Effusion", "Pneumonia")
EXACT = {"rel": 0, "abs": 1e-12}
AT = {"method": "attention_transfer"}


def rows(results, **fields):
    return [row for row in results if all(getattr(row, name) == value for name, value in fields.items())]


def one(results, **fields):
    found = rows(results, **fields)
    assert len(found) == 1, (fields, len(found))
    return found[0]


def dumped(result, *, without=("created",)):
    return result.model_dump(exclude=set(without))


def edit(folder, **fields):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


OR = "obuchowski-rockette"


def grid(write_run, arm, value, seeds=(0, 1)):
    return [
        write_run(arm, seed, **AT, grid="beta", selection={"metric": "auc", "epoch": 1, "value": value + seed / 100})
        for seed in seeds
    ]


def test_only_the_winner_of_a_grid_is_read(write_run, two_arms):
    lost = grid(write_run, "at-beta1", 0.70) + grid(write_run, "at-beta9", 0.60, seeds=(0, 1, 2))
    grid(write_run, "at-beta5", 0.71)
    before = evaluate(two_arms)
    for folder in lost[:2]:
        (folder / "predictions-test.parquet").unlink()
    for folder in lost[2:]:
        (folder / "predictions-test.parquet").write_bytes(b"not to be read")
    after = evaluate(two_arms)
    assert dumped(after) == dumped(before)
    assert [arm.arm for arm in after.arms] == ["at", "at-beta5", "tl"]
    assert not {row.run_id for row in after.inputs} & {folder.name for folder in lost}
    (note,) = (note for note in after.settings.notes if note.startswith("grid beta") and "kept of" in note)
    assert "at-beta5 kept of 3 settings tried" in note
    assert "(0.7150)" in note


@pytest.mark.parametrize("selection", [None, {}, {"value": None}, {"value": "high"}])
def test_grid_without_a_validation_value(write_run, two_arms, selection):
    grid(write_run, "at-beta5", 0.71)
    folder = write_run("at-beta6", 0, **AT, grid="beta", selection=selection)
    with pytest.raises(InputError, match=rf"{folder.name}/run\.json: selection\.value is .* grid 'beta'"):
        evaluate(two_arms)


def test_changed_predictions_are_refused(two_arms):
    path = two_arms / "at-s1" / "predictions-test.parquet"
    frame = pd.read_parquet(path)
    frame["score_Edema"] += 1
    frame.to_parquet(path)
    with pytest.raises(InputError, match=r"at-s1/predictions-test\.parquet: sha256 is .* run\.json says .* changed"):
        evaluate(two_arms)


def test_changed_validation_predictions_are_refused(two_arms):
    path = two_arms / "tl-s0" / "predictions-validation.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(InputError, match=r"tl-s0/predictions-validation\.parquet: sha256 is"):
        evaluate(two_arms)


def test_other_names_in_the_folder(two_arms):
    before = evaluate(two_arms)
    (two_arms / ".at-s3.partial").mkdir()
    (two_arms / ".at-s3.partial" / "run.json").write_text("half a fi")
    (two_arms / "log.txt").write_text("a file")
    assert dumped(evaluate(two_arms)) == dumped(before)
    (two_arms / "notebook").mkdir()
    result = evaluate(two_arms)
    assert set(result.settings.notes) - set(before.settings.notes) == {"notebook holds no run.json and was passed over"}
    assert result.comparisons == before.comparisons


def test_minimal_folders_of_another_trainer(foreign):
    result = evaluate(foreign)
    expected = (5 / 6 + 2 / 4) / 2  # A: 5 of 6 pairs in order; B: 2 of 4
    assert one(result.runs, run_id="ours-s1", metric="auc", label="macro").value == pytest.approx(expected, **EXACT)
    for label in ("A", "B"):
        row = one(result.runs, run_id="ours-s1", metric="f1", label=label)
        assert (row.value, row.undefined_because) == (None, NO_VALIDATION)
        assert one(result.thresholds, run_id="ours-s1", label=label).undefined_because == NO_VALIDATION
    assert one(result.runs, run_id="ours-s1", metric="f1", label="macro").value is None
    assert result.datasets[0].splits["test"].n_positive == {"A": 3, "B": 2}
    assert result.datasets[0].splits["test"].n_patients == 3
    assert [arm.seeds for arm in result.arms] == [[1, 2], [5, 6]]
    assert "no baseline" in result.settings.notes[0]
    row = one(evaluate(foreign, comparisons="all").comparisons, kind="all", metric="auc", label="macro", test=OR)
    assert (row.arm_a, row.arm_b) == ("ours", "theirs")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 2}, "format is 2; this medkt reads format 1"),
        ({"run_id": "other-s1"}, "run_id is 'other-s1' in a folder called 'ours-s1'; make them equal"),
        ({"seed": 3}, "run_id is 'ours-s1' and seed 3; a run id ends in its seed, here -s3"),
        ({"seed": "one"}, "seed is 'one': "),
        ({"labels": ["A", "A"]}, "a label is listed twice"),
        ({"labels": ["A", "macro"]}, "a label is called 'macro', the name of an average"),
        ({"labels": []}, "labels is "),
        ({"arm": {"task": "multilabel"}}, "arm.dataset is missing"),
        ({"arm": {"dataset": "d", "task": "regression", "method": "m", "student": "s"}}, "arm.task is 'regression'"),
    ],
)
def test_manifest_faults_are_named(foreign, change, told):
    edit(foreign / "ours-s1", **change)
    with pytest.raises(InputError) as caught:
        evaluate(foreign)
    assert str(caught.value).startswith(str(foreign / "ours-s1" / "run.json"))
    assert told in str(caught.value)


def test_manifest_that_is_not_json(foreign):
    (foreign / "ours-s1" / "run.json").write_text("{half")
    with pytest.raises(InputError, match=r"ours-s1/run\.json: not JSON"):
        evaluate(foreign)


def test_fields_of_other_trainers_are_let_be(foreign):
    before = evaluate(foreign)
    edit(foreign / "ours-s1", gpu="ours", environment={"torch": "none"})
    assert dumped(evaluate(foreign)) == dumped(before)


def test_no_runs(tmp_path, runs):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        evaluate(tmp_path / "nowhere")
    with pytest.raises(InputError, match="runs: no run in it"):
        evaluate(runs)


def test_no_test_predictions(foreign):
    (foreign / "ours-s2" / "predictions-test.csv").unlink()
    with pytest.raises(InputError, match=r"ours-s2: no predictions-test\.parquet \(or \.csv, \.csv\.gz\)"):
        evaluate(foreign)


def test_runs_with_other_test_images_are_refused(foreign):
    path = foreign / "theirs-s5" / "predictions-test.csv"
    path.write_text(path.read_text().replace("\ni3,", "\ni9,"))
    with pytest.raises(
        InputError, match=r"runs ours-s1 and theirs-s5 have different .* 1 of ours-s1 .*\(first: 'i3'\)"
    ):
        evaluate(foreign)


def test_runs_with_other_labels_are_refused(foreign):
    path = foreign / "theirs-s5"
    edit(path, labels=["A", "C"])
    table = path / "predictions-test.csv"
    table.write_text(table.read_text().replace("_B", "_C"))
    edit(foreign / "theirs-s6", labels=["A", "B"])
    with pytest.raises(InputError, match=r"theirs-s6/run\.json: arm, labels or role differ from theirs-s5's"):
        evaluate(foreign)
    shutil.rmtree(foreign / "theirs-s6")
    with pytest.raises(InputError, match="runs ours-s1 and theirs-s5 have different labels or tasks on ours"):
        evaluate(foreign)


def test_seeds_of_one_arm_must_agree(two_arms):
    arm = json.loads((two_arms / "at-s2" / "run.json").read_text())["arm"]
    edit(two_arms / "at-s2", arm=arm | {"settings": {"beta": 3}})
    with pytest.raises(InputError, match=r"at-s2/run\.json: arm, labels or role differ from at-s0's"):
        evaluate(two_arms)


def test_images_without_patients(foreign, study):
    for path in foreign.glob("*/predictions-test.csv"):
        pd.read_csv(path).drop(columns="patient_id").to_csv(path, index=False)
    with pytest.raises(InputError, match=r"predictions-test\.csv: no column 'patient_id'; .*independent_images = true"):
        evaluate(foreign)
    with pytest.raises(InputError, match="no column 'patient_id'"):
        evaluate(foreign, study=study("independent_images = false"))
    result = evaluate(foreign, study=study("independent_images = true"))
    assert result.settings.independent_images
    assert {row.n_patients for row in result.estimates} == {None}
    assert result.runs[0].value is not None
