"""The comparisons that count as shown: both rules, where they differ, and tests with their own rule."""

from __future__ import annotations

import pytest

from medkt_eval.results.schema import Gap, Omnibus
from medkt_reports import significance


@pytest.fixture
def row(result):
    """Make a comparison with these values changed."""
    return lambda **changes: result.comparisons[0].model_copy(update={"low": 0.01, "high": 0.05, **changes})


@pytest.mark.parametrize(
    ("p_value", "p_adjusted", "adjustment", "level", "expected"),
    [
        (0.01, 0.06, "holm", 0.95, False),
        (0.01, 0.049, "holm", 0.95, True),
        (0.01, None, None, 0.95, True),
        (0.06, None, None, 0.95, False),
        (0.06, 0.06, "holm", 0.9, True),
        (None, None, "holm", 0.95, False),
        (0.05, 0.05, "holm", 0.95, False),
        (0.01, 0.01, None, 0.95, True),  # outside any family results.json repeats the raw p-value
    ],
)
def test_a_p_value_shows_a_difference_below_alpha(row, p_value, p_adjusted, adjustment, level, expected):
    tested = row(p_value=p_value, p_adjusted=p_adjusted, adjustment=adjustment, level=level)
    assert significance.p_shows(tested) == expected


@pytest.mark.parametrize(
    ("low", "high", "p_adjusted", "adjustment", "shown", "lost"),
    [
        (0.01, 0.05, 0.02, "holm", True, False),
        (-0.05, -0.01, 0.02, "holm", True, False),
        (0.01, 0.05, 0.05, "holm", False, True),  # adjustment takes it back
        (0.01, 0.05, 0.2, None, True, False),  # the raw p-value of another method: the interval decides
        (0.01, 0.05, None, "holm", True, False),  # no p-value exists: the interval decides
        (0.0, 0.05, 0.02, "holm", False, False),  # an end at 0 includes it
        (-0.01, 0.05, 0.02, "holm", False, False),
        (None, None, None, "holm", False, False),
    ],
)
def test_an_interval_shows_a_difference_that_adjustment_does_not_take_back(
    row, low, high, p_adjusted, adjustment, shown, lost
):
    tested = row(low=low, high=high, p_adjusted=p_adjusted, adjustment=adjustment)
    assert significance.interval_shows(tested) == shown
    assert significance.is_lost_by_adjustment(tested) == lost


def test_the_two_rules_differ_where_the_interval_and_the_p_value_disagree(row):
    without_p = row(p_value=None, p_adjusted=None)
    assert significance.interval_shows(without_p)
    assert not significance.p_shows(without_p)
    by_p_alone = row(low=-0.01, p_value=0.01, p_adjusted=0.02)
    assert significance.p_shows(by_p_alone)
    assert not significance.interval_shows(by_p_alone)


def test_gaps_follow_the_same_rules():
    gap = Gap(
        dataset="d",
        group="sex=F",
        arm_a="a",
        arm_b="b",
        metric="auc",
        label="macro",
        difference=0.03,
        se=0.01,
        low=0.01,
        high=0.05,
        level=0.95,
        test="obuchowski-rockette",
        scope="seeds+patients",
        statistic=3.0,
        df=5.0,
        p_value=0.01,
        p_adjusted=0.06,
        adjustment="holm",
        family="f",
        n_patients=10,
        n_images=20,
    )
    assert not significance.interval_shows(gap)
    assert significance.interval_shows(gap.model_copy(update={"p_adjusted": 0.04}))


def test_a_margin_is_tested_at_half_of_what_its_interval_leaves_out(row):
    tost = row(level=0.9, margin=0.02, p_value=0.2, p_adjusted=0.049, adjustment="holm")
    assert significance.margin_alpha(tost) == 0.05
    assert significance.margin_test_shows(tost)
    assert not significance.margin_test_shows(tost.model_copy(update={"p_adjusted": 0.05}))
    assert not significance.margin_test_shows(tost.model_copy(update={"p_value": None, "adjustment": None}))


def test_ranks_at_the_critical_difference_are_not_shown_to_differ():
    ranked = Omnibus(
        test="friedman",
        scope="data sets",
        datasets=["a", "b"],
        arms=["A", "B"],
        metric="auc",
        label="macro",
        statistic=1.0,
        df1=1.0,
        df2=None,
        p_value=0.3,
        mean_ranks=[1.0, 2.0],
        critical_difference=1.0,
    )
    assert significance.ranks_within_critical_difference(ranked, 1.0, 2.0)
    assert not significance.ranks_within_critical_difference(ranked, 1.0, 2.1)
    untested = ranked.model_copy(update={"critical_difference": None})
    assert not significance.ranks_within_critical_difference(untested, 1.0, 1.0)
