"""Blanks at the edges of ids and groups go, with one note; case is kept, with a warning; messages quote values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets

N = 60


def clean(seed=0):
    rng = np.random.default_rng(seed)
    truth = np.arange(N) % 2
    return pd.DataFrame(
        {
            "image_id": [f"i{k:04d}" for k in range(N)],
            "patient_id": [f"p{k // 2:04d}" for k in range(N)],
            "group_sex": np.where(np.arange(N) // 2 % 2, "F", "M"),
            "target_A": truth,
            "score_A": truth + rng.normal(size=N),
        }
    )


def padded(frame):
    """Every second row padded to an even length, as DICOM does, and with a tab or a no-break space."""
    even = frame.index % 2 == 0
    return frame.assign(
        patient_id=np.where(even, frame["patient_id"] + " ", "\t" + frame["patient_id"]),
        group_sex=np.where(even, frame["group_sex"] + "\u00a0", frame["group_sex"]),
    )


def rows(result):
    return result.model_dump(include={"runs", "estimates", "comparisons", "gaps", "datasets"})


@pytest.fixture(params=["frame", ".csv", ".parquet", "by column"])
def door(request, tmp_path, save, monkeypatch):
    """A function that gives a table to the evaluation, by each way in."""
    if request.param == "by column":
        monkeypatch.setattr(test_sets, "HELD_BYTES", 0)
    suffix = {"by column": ".parquet"}.get(request.param, request.param)

    def give(frame, name):
        return frame if suffix == "frame" else save(frame, tmp_path / f"{name}{suffix}")

    return give


def test_blanks_go_with_one_note(door):
    expected = evaluate({"TL": [door(clean(), "tl_s0")]}, replicates=0, add=["subgroups"])
    result = evaluate({"TL": [door(padded(clean()), "blank_s0")]}, replicates=0, add=["subgroups"])
    assert rows(result) == rows(expected)
    assert result.datasets[0].splits["test"].n_patients == N // 2
    assert {row.group for row in result.runs} == {None, "sex=F", "sex=M"}
    (note,) = [note for note in result.settings.notes if note.startswith("blanks")]
    assert note.startswith("blanks at the edges of ids or groups were removed in 1 prediction file(s) (first: ")
    assert not any(note.startswith("blanks") for note in expected.settings.notes)


def test_ids_of_blanks_alone_are_missing(door):
    frame = clean()
    frame.loc[3, "patient_id"] = "  "
    with pytest.raises(InputError, match="image 'i0003': no patient_id"):
        evaluate({"TL": [door(frame, "tl_s0")]}, replicates=0)


def test_images_that_differ_by_a_blank_are_the_same_image(door):
    other = clean(1).replace({"image_id": {"i0007": "i0007 "}})
    assert evaluate({"TL": [door(clean(), "tl_s0")], "AT": [door(other, "at_s0")]}, replicates=0).comparisons
    with pytest.raises(InputError, match="image_ids 'i0006' and 'i0006 ' are one image: blanks at the edges of ids do"):
        evaluate({"TL": [door(clean().replace({"image_id": {"i0007": "i0006 "}}), "x_s0")]}, replicates=0)


def test_messages_quote_ids():
    other = clean(1).replace({"image_id": {"i0007": "i 0007"}})
    with pytest.raises(InputError, match=r"different test images: 1 of .* \(first: 'i0007'\)"):
        evaluate({"TL": [clean()], "AT": [other]}, replicates=0)


def test_case_is_kept_with_a_warning(door):
    frame = clean()
    frame.loc[5, ["patient_id", "group_sex"]] = ["P0002", "m"]
    result = evaluate({"TL": [door(frame, "tl_s0")]}, replicates=0)
    assert result.datasets[0].splits["test"].n_patients == N // 2 + 1
    notes = [note for note in result.settings.notes if "differ in case only and count as two" in note]
    assert len(notes) == 2
    assert any("group_sex 'M' and 'm'" in note for note in notes)
    assert any("'P0002'" in note and "'p0002'" in note for note in notes)
