"""One model given as several seeds or arms is refused, unless it is declared."""

from __future__ import annotations

import numpy as np
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.measurement import test_sets
from medkt_eval.predictions.across_runs.identical_runs import identical_runs


def test_groups_are_of_runs_with_equal_scores_for_every_label():
    scores = np.random.default_rng(0).random((2, 5, 7))
    assert identical_runs(scores, "abcde") == ()
    scores[:, 3] = scores[:, 0]
    scores[0, 4] = scores[0, 1]  # one label alone
    assert identical_runs(scores, "abcde") == (("a", "d"),)
    scores[:, 2] = scores[:, 0]
    assert identical_runs(scores, "abcde") == (("a", "c", "d"),)
    scores[:, 3] = np.nextafter(scores[:, 0], 1)  # equal at float32
    assert identical_runs(scores, "abcde") == (("a", "c"),)


def test_models_whose_scores_share_a_large_offset_are_different():
    scores = 1e9 + np.random.default_rng(0).random((1, 3, 50))
    assert len(np.unique(scores.astype(np.float32))) == 1
    assert identical_runs(scores, "abc") == ()


@pytest.mark.parametrize("held", [2**30, 0])
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_one_model_as_two_seeds(predictions_frame, save, tmp_path, monkeypatch, task, held):
    monkeypatch.setattr(test_sets, "HELD_BYTES", held)
    frames = [predictions_frame("test", seed, task=task) for seed in (1, 1, 2)]
    frames[1] = frames[1].sample(frac=1, random_state=0)  # another order of rows, and so another file
    suffixes = (".parquet", ".csv", ".parquet")
    files = [
        save(frame, tmp_path / f"tl_s{k}{suffix}")
        for k, (frame, suffix) in enumerate(zip(frames, suffixes, strict=True))
    ]
    with pytest.raises(InputError, match=r"runs tl-s0 and tl-s1 have identical predictions: .* --identical-runs"):
        evaluate({"TL": files}, replicates=0)
    result = evaluate({"TL": files}, replicates=0, identical_runs=True)
    assert [note for note in result.settings.notes if "runs tl-s0 and tl-s1 have identical predictions" in note]


def test_one_model_as_two_arms_or_runs(two_arms, write_run, study):
    frame = two_arms / "tl-s1" / "predictions-test.parquet"
    write_run("kd", 0, method="distillation", predictions=None)
    (two_arms / "kd-s0" / "predictions-test.parquet").write_bytes(frame.read_bytes())
    with pytest.raises(InputError, match="runs kd-s0 and tl-s1 have identical predictions: this is one model, not 2"):
        evaluate(two_arms, replicates=0)
    assert evaluate(two_arms, replicates=0, study=study("identical_runs = true")).runs
