"""Images that not every run has: refused, or left out where it was asked for, and said."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets


@pytest.fixture
def files(predictions_frame, save, tmp_path):
    """Three runs: the second lacks three images, the third another two."""
    frames = [predictions_frame("test", seed) for seed in range(3)]
    frames[1] = frames[1].sample(frac=1, random_state=0).drop(index=[4, 11, 12])
    frames[2] = frames[2].drop(index=[0, 4])
    paths = [save(frame, tmp_path / f"tl_s{k}.parquet") for k, frame in enumerate(frames)]
    return paths, frames


@pytest.mark.parametrize("held", [2**30, 0])
def test_shared_images_alone_are_evaluated_and_it_is_said(files, monkeypatch, held):
    monkeypatch.setattr(test_sets, "HELD_BYTES", held)
    paths, frames = files
    with pytest.raises(InputError, match=r"3 of tl-s0 are not in tl-s1 .*--shared-images"):
        evaluate({"TL": paths}, replicates=0)
    result = evaluate({"TL": paths}, replicates=0, shared_images=True, independent_images=False)
    shared = set.intersection(*(set(frame["image_id"]) for frame in frames))
    assert result.datasets[0].splits["test"].n_images == len(shared) == 36
    assert result.settings.notes[0].startswith("Caution: predictions: only the 36 test images that all 3 runs have")
    assert "4 of 40 images of tl-s0; 1 of 37 images of tl-s1; 2 of 38 images of tl-s2" in result.settings.notes[0]
    for seed, frame in enumerate(frames):
        kept = frame[frame["image_id"].isin(shared)]
        labelled = kept["target_Edema"].notna()
        expected = roc_auc_score(kept.loc[labelled, "target_Edema"].astype(int), kept.loc[labelled, "score_Edema"])
        [value] = [r.value for r in result.runs if (r.metric, r.label, r.seed) == ("auc", "Edema", seed)]
        assert value == pytest.approx(expected, abs=1e-12)


def test_ids_are_matched_by_value(predictions_frame):
    one, other = (predictions_frame("test", seed) for seed in (0, 1))
    one["image_id"] = range(len(one))
    other["image_id"] = [float(k) for k in range(len(other))]
    expected = evaluate({"TL": [one, other.assign(image_id=one["image_id"])]}, replicates=0).runs
    assert evaluate({"TL": [one, other]}, replicates=0, shared_images=True).runs == expected
    result = evaluate({"TL": [one, other.drop(index=[3, 17])]}, replicates=0, shared_images=True)
    assert result.datasets[0].splits["test"].n_images == len(one) - 2


def test_nothing_in_common(predictions_frame):
    one, other = predictions_frame("test", 0), predictions_frame("test", 1)
    other["image_id"] = "x" + other["image_id"]
    with pytest.raises(InputError, match="no test image in common"):
        evaluate({"TL": [one, other]}, replicates=0, shared_images=True)


def test_with_the_same_images_it_changes_nothing(predictions_frame):
    arms = {"TL": [predictions_frame("test", 0), predictions_frame("test", 1)]}
    plain, shared = (evaluate(arms, replicates=0, shared_images=flag) for flag in (False, True))
    assert plain.model_dump(exclude={"created"}) == shared.model_dump(exclude={"created"})
    assert np.isfinite([row.value for row in plain.runs if row.metric == "auc"]).all()
