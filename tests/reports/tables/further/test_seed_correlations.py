"""Runs of one seed in two arms: the table, and when the next study is advised to declare its seeds crossed."""

from __future__ import annotations

import pytest

from medkt_eval.results.recorded import SeedCorrelation
from medkt_reports.lookup import Lookup
from medkt_reports.prose import seeds
from medkt_reports.tables.further.seed_correlations import seed_correlations_table


def with_correlation(result, value, *, low=None, high=None, because=None, design="nested", **changes):
    """Results in which runs of AT and TL recorded their training images."""
    row = SeedCorrelation(
        dataset="phantom-chest",
        arm_a="chest-at",
        arm_b="chest-tl",
        metric="auc",
        label="macro",
        value=value,
        low=low,
        high=high,
        level=0.95,
        n_seeds=3,
        undefined_because=because,
    )
    recorded = {"training_sha256": ["a", "b", "c"]}
    arms = [
        arm.model_copy(update=recorded | (changes if arm.arm == "chest-at" else {}))
        if arm.arm in ("chest-at", "chest-tl")
        else arm
        for arm in result.arms
    ]
    settings = result.settings.model_copy(update={"seeds": design})
    return Lookup(result.model_copy(update={"seed_correlations": [row], "arms": arms, "settings": settings})), row


@pytest.mark.parametrize(
    ("value", "changes", "advised"),
    [
        (0.3, {}, True),
        (0.29, {}, False),
        (-0.8, {}, False),
        (None, {"because": "why"}, False),
        (0.9, {"design": "crossed"}, False),
        (0.9, {"student": "another"}, False),
        (0.9, {"training_sha256": ["a", "b", "d"]}, False),
        (0.9, {"training_sha256": [None, None, None]}, False),
    ],
)
def test_crossed_is_advised_where_it_pays_and_runs_can_be_alike(result, value, changes, advised):
    lookup, row = with_correlation(result, value, **changes)
    assert (seeds.crossed_advice(lookup, row) == seeds.CROSSED_NEXT) == advised
    assert (seeds.CROSSED_NEXT in seed_correlations_table(lookup).notes) == advised


def test_the_advice_is_for_the_next_study_alone():
    assert "for the next study, declared before it is trained" in seeds.CROSSED_NEXT
    assert "This study stays as it was declared" in seeds.CROSSED_NEXT


def test_the_correlation_is_printed_with_its_interval_or_the_reason(result):
    lookup, row = with_correlation(result, 0.62, low=-0.57, high=0.97)
    (line,) = seed_correlations_table(lookup).rows
    assert [cell.text for cell in line.cells][-2:] == ["3", "0.62"]
    assert line.cells[-1].uncertainty == "(−0.57 to 0.97)"
    assert seeds.correlation_sentence(row).endswith("0.62 (95 % interval -0.57 to 0.97, 3 seeds).")
    lookup, row = with_correlation(result, None, because="the arms have no seed in common")
    (line,) = seed_correlations_table(lookup).rows
    assert line.cells[-1].footnote == "the arms have no seed in common"
    assert seeds.correlation_sentence(row).endswith("not known (the arms have no seed in common).")
    assert seed_correlations_table(Lookup(result)) is None
