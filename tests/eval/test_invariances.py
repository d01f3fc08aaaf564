"""Results do not depend on other arms, on order, on the scale of scores, or on duplicates of all images."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import Comparison, Estimate, EvaluationResult
from medkt_eval.results.vocabulary import MORE_METRICS
from medkt_eval.study.requests import MORE, MORE_AVERAGES, MORE_INTERVALS, MORE_TESTS

NESTED = [
    name
    for name in (*MORE_METRICS, *MORE_AVERAGES, *MORE_INTERVALS, *MORE_TESTS, *MORE)
    if name not in ("wilcoxon", "sign-flip", "subgroups")
]
LABELS = ("Edema", "Effusion", "Pneumonia")
SCORES = [f"score_{label}" for label in LABELS]
ARMS = {"tl": (3, 0.8), "at": (3, 1.4), "scratch": (2, 0.4)}
OF_RANKS = ("auc", "average_precision", "sensitivity_at_specificity")
Change = Callable[[pd.DataFrame, str, int], pd.DataFrame]


def scores_of(truth: np.ndarray, arm: str, seed: int, skill: float, task: str) -> np.ndarray:
    """Probabilities; those of findings have ties."""
    rng = np.random.default_rng(zlib.crc32(f"{arm} {seed}".encode()))
    odds = np.exp(skill * truth + rng.normal(size=truth.shape))
    return odds / odds.sum(axis=1, keepdims=True) if task == "multiclass" else (odds / (1 + odds)).round(2)


def tables(split: str, arms: Sequence[str], task: str, change: Change | None) -> dict[str, list[pd.DataFrame]]:
    """Prediction tables of each arm: 90 images of 30 patients, some findings not labelled."""
    rng = np.random.default_rng(zlib.crc32(split.encode()))
    truth = np.eye(3)[rng.integers(0, 3, 90)] if task == "multiclass" else (rng.random((90, 3)) < 0.4) * 1.0
    masked = rng.random((90, 3)) < 0.1
    made: dict[str, list[pd.DataFrame]] = {}
    for arm in arms:
        seeds, skill = ARMS[arm]
        made[arm] = []
        for seed in range(seeds):
            columns: dict[str, Any] = {
                "image_id": [f"{split}-{k:02d}" for k in range(90)],
                "patient_id": [f"{split}-{k // 3:02d}" for k in range(90)],
                "group_sex": np.where(np.arange(90) % 6 < 3, "F", "M"),
            }
            if task == "multiclass":
                columns["target"] = np.array(LABELS, dtype=object)[truth.argmax(axis=1)]
            else:
                columns |= {f"target_{label}": np.where(masked, np.nan, truth)[:, k] for k, label in enumerate(LABELS)}
            columns |= dict(zip(SCORES, scores_of(truth, arm, seed, skill, task).T, strict=True))
            frame = pd.DataFrame(columns)
            made[arm].append(change(frame, arm, seed) if change else frame)
    return made


def result(
    arms: Sequence[str] = ("tl", "at"),
    *,
    task: str = "multilabel",
    change: Change | None = None,
    add: Sequence[str] = NESTED,
    **fields: Any,
) -> EvaluationResult:
    return evaluate(
        tables("test", arms, task, change),
        validation=tables("validation", arms, task, change),
        add=[name for name in add if task == "multiclass" or name not in ("kappa_quadratic", "macro_ovo")],
        replicates=100,
        **fields,
    )


def comparable(found: EvaluationResult, *, without: tuple[str, ...] = ()) -> dict[str, dict]:
    """Rows by their keys, without the fields that depend on a family."""
    of_family = {"p_adjusted", "low_bonferroni", "high_bonferroni", *without}
    rows: dict[str, dict] = {}
    for part in (found.runs, found.estimates, found.comparisons, found.variance_components, found.gaps, found.curves):
        for row in part:
            dumped = row.model_dump(exclude=of_family)
            if dumped.get("test") == "max-t":  # its note says how many members of the family it left out
                del dumped["note"]
            names = (
                "run_id",
                "arm",
                "arm_a",
                "arm_b",
                "metric",
                "label",
                "group",
                "interval",
                "test",
                "scope",
                "kind",
                "component",
                "curve",
            )
            key = f"{type(row).__name__} " + " ".join(str(dumped.get(name)) for name in names)
            assert key not in rows, key
            rows[key] = dumped
    return rows


@pytest.fixture(scope="module")
def findings() -> EvaluationResult:
    return result()


@pytest.fixture(scope="module", params=["multilabel", "multiclass"])
def task(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def two(task, findings) -> EvaluationResult:
    return findings if task == "multilabel" else result(task=task)


def test_another_arm_changes_no_bit_of_the_others(two, task):
    before, after = comparable(two), comparable(result(("tl", "at", "scratch"), task=task))
    assert before.keys() < after.keys()
    assert {key: after[key] for key in before} == before


def test_another_arm_changes_no_bit_of_groups_and_gaps():
    before, after = (comparable(result(arms, add=["subgroups"])) for arms in (("tl", "at"), ("tl", "at", "scratch")))
    assert any(row.get("group") for row in before.values())
    assert {key: after[key] for key in before} == before


def test_order_of_the_rows_changes_nothing(two, task):
    def shuffled(frame: pd.DataFrame, arm: str, seed: int) -> pd.DataFrame:
        return frame.sample(frac=1, random_state=zlib.crc32(arm.encode()) % 1000 + seed)

    assert comparable(result(task=task, change=shuffled)) == comparable(two)


def test_order_of_the_arms_turns_the_sign_of_a_difference_at_most(two, task):
    rows = comparable(result(("at", "tl"), task=task))
    for key, row in comparable(two).items():
        if "arm_a" not in row:
            assert rows[key] == row


def test_a_monotone_change_of_one_runs_scores_changes_no_number_of_ranks(findings):
    def changed(frame: pd.DataFrame, arm: str, seed: int) -> pd.DataFrame:
        if (arm, seed) != ("at", 1):
            return frame
        return frame.assign(**{name: frame[name] ** 3 for name in SCORES})

    before, after = comparable(findings), comparable(result(change=changed))
    compared = 0
    for key, row in before.items():
        # Pooled over labels the scores of one run change alike, so that micro averages do not change either.
        if row.get("metric") in OF_RANKS:
            assert after[key] == row
            compared += 1
    tests = {row["test"] for row in before.values() if row.get("metric") == "auc" and "test" in row}
    assert {
        "obuchowski-rockette",
        "delong-clustered",
        "permutation",
        "jackknife",
        "bootstrap-percentile",
        "bootstrap-bca",
        "bootstrap-studentized",
        "max-t",
        "t-welch",
    } <= tests
    assert compared > 100
    assert any(after[key] != row for key, row in before.items() if row.get("metric") == "brier")


def twice(frame: pd.DataFrame, *_: object) -> pd.DataFrame:
    return pd.concat([frame, frame.assign(image_id=frame["image_id"] + "-again")])


def test_images_that_stand_twice_with_their_patient_change_no_bit_of_auc(findings):
    """Values, intervals, tests and p-values of AUC are equal. Other metrics are sums in another order: 1e-9."""
    counts = ("n_images", "n_positive")
    before, after = comparable(findings, without=counts), comparable(result(change=twice), without=counts)
    exact = [key for key, row in before.items() if row.get("metric") == "auc" and "curve" not in row]
    for key in exact:
        for name, value in before[key].items():
            found = after[key][name]
            if key.split()[0] in ("Estimate", "Comparison") and "studentized" not in key and "permutation" not in key:
                assert found == value, (key, name)
            else:
                assert found == (pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value), key
    assert len(exact) > 100


def test_images_that_stand_twice_narrow_the_interval_of_images():
    def own(frame: pd.DataFrame, *_: object) -> pd.DataFrame:
        return frame.drop(columns="patient_id")

    def doubled(frame: pd.DataFrame, *_: object) -> pd.DataFrame:
        return own(twice(frame))

    once, again = (
        next(
            row
            for row in result(change=change, add=[], independent_images=True).estimates
            if (row.arm, row.metric, row.label, row.interval) == ("at", "auc", "Edema", "images:delong")
        )
        for change in (own, doubled)
    )
    assert once.se is not None
    assert once.value == pytest.approx(again.value, rel=1e-12)
    assert again.se == pytest.approx(once.se / 2**0.5, rel=0.05)


def test_no_number_is_nan_and_every_null_has_its_reason(two):
    for row in (*two.estimates, *two.comparisons):
        assert isinstance(row, Estimate | Comparison)
        numbers = [value for value in row.model_dump().values() if isinstance(value, float)]
        assert np.isfinite(numbers).all()
        if row.low is None and getattr(row, "test", None) not in ("permutation", "mann-whitney", "max-t"):
            assert row.undefined_because, row
    assert two.comparisons


def test_another_seed_of_the_random_numbers_changes_the_bootstrap_alone(findings):
    before, after = comparable(findings), comparable(result(seed=1))
    drawn = ("bootstrap", "permutation", "max-t", "sensitivity_at_specificity")
    for key, row in before.items():
        if not any(word in key for word in drawn):
            assert {k: v for k, v in after[key].items() if k != "probability_a_above_b"} == {
                k: v for k, v in row.items() if k != "probability_a_above_b"
            }
    changed = {key for key, row in before.items() if after[key] != row}
    assert any("bootstrap-percentile" in key for key in changed)
