"""Runs that are identical, as declared, say nothing of how seeds vary: no standard deviation of 0 is planned with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval import evaluate
from medkt_eval.comparisons import variance_rows
from medkt_eval.errors import InputError
from medkt_eval.planning.sample_size import plan
from medkt_eval.results.schema import Arm


def frame(seed):
    rng = np.random.default_rng(seed)
    target = np.arange(200) % 2
    ids = [f"i{k:03}" for k in range(200)]
    score = 1 / (1 + np.exp(1 - target - rng.normal(size=200)))
    return pd.DataFrame({"image_id": ids, "patient_id": ids, "target_A": target, "score_A": score})


def test_identical_runs_have_no_variance_components_and_no_plan():
    arms = {"tl": [frame(0), frame(1)], "at": [frame(2), frame(2)]}
    result = evaluate(arms, replicates=0, identical_runs=True)
    rows = [row for row in result.variance_components if (row.metric, row.label) == ("auc", "macro")]
    assert {row.component for row in rows} == {"seeds", "runs", "seeds x patients", "patients"}
    assert {(row.value, row.undefined_because is not None) for row in rows} == {(None, True)}
    assert all("have the same value, which says nothing of how its seeds vary" in row.undefined_because for row in rows)
    with pytest.raises(InputError, match="have the same value, which says nothing of how its seeds vary"):
        plan(result, effect=0.02, power=0.8)


def test_runs_that_differ_by_rounding_have_the_same_value():
    assert variance_rows._no_variation(Arm.model_construct(arm="at"), np.array([0.8, 0.8 + 2e-16, 0.8]))
    assert variance_rows._no_variation(Arm.model_construct(arm="at"), np.array([0.8, 0.8 + 1e-9])) is None
