"""One family for the whole study: its members, its p-values and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import EvaluationResult

OR = "obuchowski-rockette"
AT = {"method": "attention_transfer"}


@pytest.fixture
def two_sizes(write_run, runs):
    for size in (100, 500):
        for seed in range(2):
            write_run(f"tl-{size}", seed, name="TL", train_size=size)
            write_run(f"at-{size}", seed, name="AT", train_size=size, skill=3, **AT)
    return runs


def test_all_averages_of_the_main_metric_over_all_training_sizes(two_sizes, study, tmp_path):
    result = evaluate(two_sizes, study=study('study_family = "holm"'), replicates=0)
    members = result.study_family
    assert {(row.arm_a, row.metric, row.label) for row in members} == {
        (f"at-{size}", "auc", label) for size in (100, 500) for label in ("macro", "weighted")
    }
    assert {row.size for row in members} == {4}
    compared = {
        (row.arm_a, row.label): row
        for row in result.comparisons
        if row.test == OR and row.kind == "declared" and row.metric == "auc"
    }
    p_values = [compared[row.arm_a, row.label].p_value for row in members]
    assert [row.p_value for row in members] == p_values
    assert all(row.difference > 0 for row in members)  # in one direction, Holm's two-sided p-values
    assert [row.p_adjusted for row in members] == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)
    rejected = [row.p_adjusted < 0.05 for row in members]
    for row, is_rejected in zip(members, rejected, strict=True):
        assert (row.low >= 0) == is_rejected
        if not is_rejected:
            own = compared[row.arm_a, row.label]
            reach = stats.t.ppf(1 - 0.025 / (4 - sum(rejected)), own.df) * own.se
            assert row.low == pytest.approx(max(row.difference - reach, -1), abs=1e-12)
    assert result.settings.study_family == "holm"
    result.write(tmp_path / "results.json")
    assert EvaluationResult.read(tmp_path / "results.json") == result


def test_bonferroni_instead(two_sizes, study):
    declared = study('study_family = "bonferroni"\nconfirmatory_labels = ["Edema"]')
    result = evaluate(two_sizes, study=declared, replicates=0)
    assert len(result.study_family) == 6
    p_values = [row.p_value for row in result.study_family]
    expected = multipletests(p_values, method="bonferroni")[1]
    assert [row.p_adjusted for row in result.study_family] == pytest.approx(expected, abs=1e-12)
    assert {row.method for row in result.study_family} == {"bonferroni"}


def test_primary_contrasts_alone_where_they_were_named(two_sizes, study):
    primary = ", ".join(f'{{arm_a = "at-{size}", arm_b = "tl-{size}", label = "Edema"}}' for size in (100, 500))
    result = evaluate(two_sizes, study=study(f'study_family = "holm"\nprimary = [{primary}]'), replicates=0)
    assert [(row.arm_a, row.label) for row in result.study_family] == [("at-100", "Edema"), ("at-500", "Edema")]
    adjusted = [row.p_adjusted for row in result.comparisons if row.primary and row.test == OR]
    assert [row.p_adjusted for row in result.study_family] == pytest.approx(adjusted, abs=1e-12)


def test_an_undefined_member_is_null_with_its_reason_and_counts(write_run, runs, study):
    for size, seeds in ((100, 2), (500, 1)):
        for seed in range(seeds):
            write_run(f"tl-{size}", seed, name="TL", train_size=size)
            write_run(f"at-{size}", seed, name="AT", train_size=size, **AT)
    result = evaluate(runs, study=study('study_family = "holm"'), replicates=0)
    absent = [row for row in result.study_family if row.arm_a == "at-500"]
    assert {row.p_adjusted for row in absent} == {None}
    assert all("one seed" in row.undefined_because for row in absent)
    assert {row.size for row in result.study_family} == {4}
    known = [row for row in result.study_family if row.p_value is not None]
    above, below = (
        multipletests([*(stats.t.sf(sign * row.statistic, row.df) for row in tested), 1, 1], method="holm")[1]
        for sign, tested in ((1, primary_analyses_of(result)), (-1, primary_analyses_of(result)))
    )
    assert [row.p_adjusted for row in known] == pytest.approx(np.minimum(2 * np.minimum(above, below)[:2], 1))


def primary_analyses_of(result):
    """The defined comparisons of the family of the study."""
    return [
        row
        for row in result.comparisons
        if (row.test, row.kind, row.metric) == (OR, "declared", "auc")
        and row.label in ("macro", "weighted")
        and row.p_value is not None
    ]


def test_nothing_unless_requested(two_sizes, study):
    assert evaluate(two_sizes, replicates=0).study_family == []
    with pytest.raises(InputError, match="study_family is 'hochberg'"):
        evaluate(two_sizes, study=study('study_family = "hochberg"'), replicates=0)


def test_non_inferiority_at_its_own_level(two_sizes, study):
    declared = study("margin = 0.05\nnon_inferiority_level = 0.025")
    result = evaluate(two_sizes, study=declared, replicates=0)
    levels = {row.test: row.level for row in result.comparisons if row.margin}
    assert levels == {"tost": pytest.approx(0.9), "non-inferiority": pytest.approx(0.95)}
    for row in result.comparisons:
        if row.test == "non-inferiority":
            reach = stats.t.ppf(0.975, row.df) * row.se
            assert row.low == pytest.approx(max(row.difference - reach, -1), abs=1e-12)
            assert (row.p_value < 0.025) == (row.difference - reach > -0.05)
    given = evaluate(two_sizes, margin=0.05, non_inferiority_level=0.025, replicates=0)
    assert [row.p_value for row in given.comparisons] == [row.p_value for row in result.comparisons]
    assert (given.settings.non_inferiority_level, result.settings.non_inferiority_level) == (0.025, 0.025)


@pytest.mark.parametrize("level", [0.0, 0.5, 0.95, -1, np.nan])
def test_a_level_that_is_none(two_sizes, level):
    with pytest.raises(InputError, match=r"--non-inferiority-level is .*; expected a one-sided level"):
        evaluate(two_sizes, non_inferiority_level=level)
