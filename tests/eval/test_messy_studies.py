"""Tiny messy studies with everything that can be requested: no number that is not one, no null without a reason.

Two to eight patients, constant scores, one positive, ties, masked targets, unequal numbers of seeds.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.results.vocabulary import METRICS
from medkt_eval.study import requests

EVERYTHING = [
    *requests.MORE_METRICS,
    *requests.MORE_AVERAGES,
    *requests.MORE_INTERVALS,
    *requests.MORE_TESTS,
    *requests.MORE,
]


def messy(seed: int, task: str, n_seeds: tuple[int, ...] | None = None, *, named: bool = True) -> dict[str, list]:
    """Arms with the predictions of their runs, all over the same images."""
    rng = np.random.default_rng(seed)
    n_patients, each = int(rng.integers(2, 9)), int(rng.integers(1, 4)) if named else 1
    n, patient = n_patients * each, np.repeat(np.arange(n_patients), each)
    labels = list("ABC")[: {"binary": 1}.get(task, 3)]
    if task == "multiclass":
        classes = rng.integers(0, 3, n) * int(rng.random() < 0.8)
        truth = np.eye(3)[classes]
        targets = {"target": [labels[k] for k in classes]}
    else:
        truth = (rng.random((n, len(labels))) < rng.choice([0.02, 0.15, 0.5, 0.9])).astype(float)
        truth[rng.random(truth.shape) < rng.choice([0.0, 0.3])] = np.nan
        targets = {f"target_{label}": truth[:, k] for k, label in enumerate(labels)}
    columns = {"image_id": [f"i{k:02d}" for k in range(n)], "group_sex": np.where(patient % 2, "F", "M")} | targets
    if named:
        columns["patient_id"] = [f"p{k}" for k in patient]
    known = np.nan_to_num(truth)
    arms: dict[str, list] = {}
    for arm, k in zip(("TL", "AT", "X"), n_seeds or rng.integers(1, 4, size=3).tolist(), strict=False):
        arms[arm] = []
        for _ in range(k):
            noise = rng.normal(size=known.shape)
            score = (
                np.full(known.shape, 0.5),
                rng.choice([0.2, 0.8], known.shape),
                known,
                1 - known,
                1 / (1 + np.exp(noise - 2 * known)),
            )[int(rng.integers(5))]
            if task == "multiclass":
                score = (score + 1e-9) / (score + 1e-9).sum(axis=1, keepdims=True)
            arms[arm].append(pd.DataFrame(columns | {f"score_{label}": score[:, k] for k, label in enumerate(labels)}))
    return arms


def validation_of(arms: dict[str, list]) -> dict[str, list]:
    def other(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: "v" + frame[name] for name in ("image_id", "patient_id") if name in frame})

    return {arm: [other(frame) for frame in frames] for arm, frames in arms.items()}


def evaluated(arms: dict[str, list], add: list[str], **given: Any) -> EvaluationResult | None:
    """The evaluation without those names that it refuses; None if it refuses the study."""
    add = list(add)
    while True:
        try:
            return evaluate(arms, add=add, replicates=100, identical_runs=True, margin=0.05, **given)
        except InputError as error:
            refused = [name for name in add if f"--add {name!r}" in str(error)]
            if not refused:
                return None
            add.remove(refused[0])


def numbers(part: Any) -> Iterator[float]:
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        for one in part:
            yield from numbers(one)
    elif isinstance(part, float):
        yield part


def check_limits(row: Any, value: float | None, low: float | None, high: float | None) -> None:
    assert (row.low is None) == (row.high is None), row
    if row.low is not None:
        assert value is not None, row
        assert row.low <= row.high, row
        assert low is None or low <= row.low, row
        assert high is None or row.high <= high, row


def check(result: EvaluationResult) -> None:
    """Every number is one; every null has a reason; limits are ordered and within the metric's range."""
    assert all(np.isfinite(number) for number in numbers(result.model_dump()))
    for run in result.runs:
        assert (run.value is None) == bool(run.undefined_because), run
    for row in result.estimates:
        facts = METRICS[row.metric]
        check_limits(row, row.value, facts.low, facts.high)
        assert (row.low is None) == bool(row.undefined_because), row
    for rows, times in ((result.comparisons, 1), (result.gaps, 2), (result.size_effects, 2)):
        for row in rows:
            bound = times * METRICS[row.metric].largest_difference
            check_limits(row, row.difference, -bound, bound)
            assert (row.p_value is None) == bool(row.undefined_because), row
            assert (row.p_adjusted is None) == (row.p_value is None), row
            assert row.p_value is None or 0 <= row.p_value <= row.p_adjusted + 1e-12 <= 1 + 2e-12, row
    for row in result.omnibus:
        assert (row.p_value is None) == bool(row.undefined_because), row
    assert all(row.value is None or row.value >= 0 for row in result.variance_components if row.component != "total")


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
@settings(max_examples=2, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), validated=st.booleans())
def test_no_number_that_is_not_one_and_no_null_without_a_reason(task, seed, validated):
    arms = messy(seed, task)
    validation = validation_of(arms) if validated and task != "multiclass" else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = evaluated(arms, EVERYTHING, validation=validation)
    if result is not None:
        check(result)


def shown(result: EvaluationResult) -> set[str]:
    """The requested names that the results hold rows of."""
    names = {row.metric for row in result.estimates} | {row.label for row in result.estimates}
    names |= {row.interval for row in result.estimates} | {row.test for row in result.comparisons}
    names |= {curve.curve for curve in result.curves}
    names |= {"subgroups"} if any(row.group for row in result.estimates) else set()
    names |= {"calibration"} if any(row.metric == "calibration_slope" for row in result.estimates) else set()
    # Limits by Bonferroni exist where the default test does.
    names |= {"bonferroni"} if any(row.test == "obuchowski-rockette" for row in result.comparisons) else set()
    return names


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("n_seeds", [1, 3])
@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_every_name_is_computed_somewhere_or_refused(task, n_seeds, named, study):
    """One name at a time would take minutes: the names that are accepted are evaluated together."""
    arms = messy(3, task, (n_seeds, n_seeds), named=named)
    declared = study(f"independent_images = {str(not named).lower()}")
    result = evaluated(arms, EVERYTHING, study=declared)
    assert result is not None
    notes = " ".join(result.settings.notes)
    for name in result.settings.add:
        assert name in shown(result) or "no curve of net benefit" in notes, name
    check(result)
