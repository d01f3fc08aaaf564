"""Prediction files read by column give the same result and errors as the same files in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets
from medkt_eval.predictions.across_runs.same_images import check_same_images
from medkt_eval.predictions.files import any_format as columns
from medkt_eval.predictions.files.parquet_columns import PredictionFile

LABELS = ("Edema", "Effusion", "Pneumonia")


def shuffled(frame, seed=3):
    return frame.sample(frac=1, random_state=seed)


@pytest.fixture
def saved(tmp_path):
    """A table as Parquet in row groups of seven rows."""

    def write(frame, name="p.parquet"):
        parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / name, row_group_size=7)
        return tmp_path / name

    return write


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_same_as_in_memory(saved, predictions_frame, task, order):
    frame = predictions_frame("test", 1, task=task).assign(group_sex=["F", "M", None, "F"] * 10)
    path = saved(frame if order == "sorted" else shuffled(frame))
    held, file = columns.read(path, task, LABELS), columns.read(path, task, LABELS, in_memory=False)

    assert isinstance(columns.read(path, task, LABELS, in_memory=False), PredictionFile)
    assert file.image_ids.to_pylist() == held.image_ids.tolist()
    assert file.patient_ids.to_pylist() == held.patient_ids.tolist()
    np.testing.assert_array_equal(file.patients()[0], held.patients()[0])
    assert file.patients()[1] == held.patients()[1] == 20
    np.testing.assert_array_equal(file.groups["sex"], held.groups["sex"])
    for k in range(3):
        np.testing.assert_array_equal(file.target(k), held.target(k))
        np.testing.assert_array_equal(file.score(k), held.score(k))
    if task == "multiclass":
        np.testing.assert_array_equal(file.classes, held.classes)
    assert columns.count_rows(path) == 40
    check_same_images(file, held, ("a", "b"))
    check_same_images(held, file, ("a", "b"))


def test_without_patients(saved, predictions_frame):
    file = columns.read(
        saved(predictions_frame("test", 1).drop(columns="patient_id")), "multilabel", LABELS, in_memory=False
    )
    assert file.patient_ids is None
    assert file.patients()[1] == 40


def test_ids_sort_as_text(saved):
    names = ["Z", "a", "é", "z", "10", "9", "𝔘", "\uffee"]
    frame = {"image_id": names, "target_A": [0, 1] * 4, "score_A": np.arange(8.0)}
    path = saved(pd.DataFrame(frame))
    assert columns.read(path, "multilabel", ["A"], in_memory=False).image_ids.to_pylist() == sorted(names)


CHANGES = {"score_Edema": [0.5, np.nan], "target_Effusion": [0, 3], "patient_id": ["1", None], "image_id": ["a", "a"]}


@pytest.mark.parametrize("name", [*CHANGES, "no rows", "unknown", "absent"])
def test_same_errors(saved, name):
    frame = pd.DataFrame(
        {
            "image_id": ["b", "a"],
            "patient_id": ["1", "2"],
            "target_Edema": [0, 1],
            "target_Effusion": [1, 0],
            "score_Edema": [0.1, 0.2],
            "score_Effusion": [0.1, 0.2],
        }
    )
    if name in CHANGES:
        frame[name] = CHANGES[name]
    elif name == "no rows":
        frame = frame.iloc[:0]
    elif name == "unknown":
        frame["score_Other"] = 1
    else:
        frame = frame.drop(columns="score_Edema")
    path = saved(frame)

    def everything():
        file = columns.read(path, "multilabel", LABELS[:2], in_memory=False)
        return [(file.target(k), file.score(k)) for k in range(2)]

    with pytest.raises(InputError) as in_memory:
        columns.read(path, "multilabel", LABELS[:2])
    with pytest.raises(InputError) as by_column:
        everything()
    told = str(by_column.value).replace("is 3;", "is 3.0;")
    assert told == str(in_memory.value).replace("is 3;", "is 3.0;")


@pytest.mark.parametrize(("scores", "target"), [([0.5, 0.6], "u"), ([1.2, -0.2], "u"), ([0.5, 0.5], "w")])
def test_classes_are_checked(saved, scores, target):
    path = saved(
        pd.DataFrame(
            {"image_id": ["a", "b"], "target": ["u", target], "score_u": [0.5, scores[0]], "score_v": [0.5, scores[1]]}
        )
    )
    with pytest.raises(InputError, match=r"image 'b': (the scores of the classes sum to|score_v is -0.2|target is)"):
        _ = columns.read(path, "multiclass", ["u", "v"], in_memory=False).classes


def test_damaged_files_are_named(tmp_path, saved, predictions_frame):
    path = tmp_path / "p.parquet"
    path.write_bytes(b"PAR1 not")
    with pytest.raises(InputError, match=r"p\.parquet: cannot be read as predictions"):
        columns.read(path, "multilabel", LABELS, in_memory=False)
    text = saved(predictions_frame("test", 1).assign(score_Edema="high"), "q.parquet")
    with pytest.raises(InputError, match=r"q\.parquet: image 'test-000/v0': score_Edema is 'high'; expected a number"):
        columns.read(text, "multilabel", LABELS, in_memory=False).score(0)


@pytest.mark.parametrize("change", ["image_id", "patient_id", "target_Edema", "group_sex"])
def test_runs_on_other_images_are_refused(saved, predictions_frame, change):
    one = predictions_frame("test", 1).assign(group_sex="F")
    other = one.copy()
    row = 11
    other[change] = other[change].astype(object)
    other.loc[row, change] = 1 - other[change][row] if change == "target_Edema" else f"{other[change][row]}x"
    files = [
        columns.read(saved(frame, name), "multilabel", LABELS, in_memory=False)
        for frame, name in ((one, "1.parquet"), (other, "2.parquet"))
    ]
    held = [columns.read(file.path, "multilabel", LABELS) for file in files]
    with pytest.raises(InputError) as by_column:
        check_same_images(*files, ("a", "b"))
    with pytest.raises(InputError) as in_memory:
        check_same_images(*held, ("a", "b"))
    assert str(by_column.value) == str(in_memory.value)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_evaluation_does_not_depend_on_what_is_held(runs, write_run, monkeypatch, task):
    add = ["sensitivity", "ece", "calibration", "permutation", "mcnemar", "micro"]
    add += ["kappa_quadratic", "macro_ovo"] if task == "multiclass" else []
    for seed in range(2):
        write_run("chest-100-tl", seed, task=task)
        write_run("chest-100-at", seed, task=task, method="attention_transfer")
    of_validation = {"thresholds": "refit"} if task == "multilabel" else {}
    study = runs.parent / "study.toml"
    settings = "".join(f'{key} = "{value}"\n' for key, value in of_validation.items())
    study.write_text(f"[analysis]\n{settings}")
    in_memory = evaluate(runs, study=study, replicates=100, add=add)
    monkeypatch.setattr(test_sets, "HELD_BYTES", 0)
    opened = []
    monkeypatch.setattr(
        columns, "open_file", lambda *given, open_file=columns.open_file: opened.append(given) or open_file(*given)
    )
    by_column = evaluate(runs, study=study, replicates=100, add=add)
    # Four runs' test predictions; their validation predictions, read again for the AUC of each seed on them and to
    # choose thresholds anew.
    assert len(opened) == (4 + 3 * 4 if task == "multilabel" else 4 + 2 * 4)
    assert by_column.model_dump(exclude={"created"}) == in_memory.model_dump(exclude={"created"})
