"""Forest plots of subgroups: differences by group below that of all images; gaps by arm and by contrast."""

from __future__ import annotations

from typing import Any

import pytest

from medkt_eval.results.schema import Gap
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.differences.subgroup_forest import gap_forest, subgroup_forest
from medkt_reports.lookup import Lookup, TrainingSet

CHEST = TrainingSet("phantom-chest", 200)


def gap(arm_a: str, arm_b: str | None, difference: float | None, **changes: Any) -> Gap:
    limits = (None, None) if difference is None else (difference - 0.02, difference + 0.02)
    fields: dict[str, Any] = {
        "dataset": "phantom-chest",
        "group": "sex=F",
        "arm_a": arm_a,
        "arm_b": arm_b,
        "metric": "auc",
        "label": "macro",
        "difference": difference,
        "se": 0.01,
        "low": limits[0],
        "high": limits[1],
        "level": 0.95,
        "test": "obuchowski-rockette",
        "scope": "seeds+patients",
        "statistic": 1.0,
        "df": 4.0,
        "p_value": 0.03,
        "p_adjusted": 0.06,
        "adjustment": "holm",
        "family": "f",
        "n_patients": 300,
        "n_images": 280,
        **changes,
    }
    return Gap(**fields)


@pytest.fixture(scope="module")
def lookup(result):
    """The declared contrasts again in two subgroups, 1 and 2 points higher; and gaps of two groups."""
    whole = [row for row in result.comparisons if row.kind == "declared" and row.dataset == "phantom-chest"]
    groups = [
        row.model_copy(
            update={
                "group": group,
                "difference": row.difference + by,
                "low": row.low + by,
                "high": row.high + by,
                "p_adjusted": 0.5,
            }
        )
        for group, by in (("sex=F", 0.01), ("sex=M", 0.02))
        for row in whole
    ]
    estimates = [e.model_copy(update={"group": g}) for e in result.estimates[:1] for g in ("sex=F", "sex=M")]
    gaps = [
        gap("chest-tl", None, -0.012, p_adjusted=0.004),
        gap("chest-at", None, 0.031),
        gap("chest-at", "chest-tl", 0.043),
        gap("chest-at", None, None, group="view=AP", undefined_because="one patient"),
        gap("chest-at", None, 0.5, label="Edema"),
    ]
    return Lookup(
        result.model_copy(
            update={
                "comparisons": [*result.comparisons, *groups],
                "gaps": gaps,
                "estimates": [*result.estimates, *estimates],
            }
        )
    )


def test_subgroups_stand_under_all_images(lookup, result):
    one = subgroup_forest(lookup, CHEST, "x")
    assert one is not None
    assert len(one.figure.axes) == 2  # contrasts
    assert [text.get_text() for text in one.figure.axes[0].get_yticklabels()] == ["All test images", "sex: F", "sex: M"]
    whole = {
        (c.arm_a, c.arm_b): c.difference
        for c in result.comparisons
        if (c.kind, c.dataset, c.metric, c.label) == ("declared", "phantom-chest", "auc", "macro")
    }
    assert len(one.data) == 6
    for row in one.data.to_dict("records"):
        by = {"sex=F": 0.01, "sex=M": 0.02}.get(row["group"], 0.0)
        assert row["difference"] == pytest.approx(whole[row["arm_a"], row["arm_b"]] + by)
    diamonds = [line for axes in one.figure.axes for line in axes.lines if line.get_marker() == "D"]
    assert [100 * v for v in whole.values()] == pytest.approx([float(line.get_xdata()[0]) for line in diamonds])
    hollow = sum(
        len(line.get_xdata())
        for axes in one.figure.axes
        for line in axes.lines
        if line.get_marker() == "o" and line.get_markerfacecolor() == figure_style.PAPER
    )
    assert hollow == 4


def test_gaps_by_arm_and_by_contrast(lookup):
    one = gap_forest(lookup, CHEST, "x")
    assert one is not None
    titles = [axes.get_title(loc="left") for axes in one.figure.axes]
    assert titles == [
        "Gap of each arm, sex: F",
        "Difference of gaps, sex: F",
        "Gap of each arm, view: AP",
        "Difference of gaps, view: AP",
    ]
    own, between_arms, absent, _ = one.figure.axes
    points = [
        (float(x), float(y), line.get_markerfacecolor() != figure_style.PAPER)
        for line in own.lines
        if line.get_marker() == "o"
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]
    assert points == [(pytest.approx(-1.2), 0, True), (pytest.approx(3.1), 1, False)]
    assert own.get_yticklabels()[0].get_text() == "TL"
    assert [float(line.get_xdata()[0]) for line in between_arms.lines if line.get_marker() == "o"] == [
        pytest.approx(4.3)
    ]
    assert [text.get_text() for text in absent.texts] == ["n/a"]
    assert len(one.data) == 4  # not the gap of a label
    assert "Without a value: 1." in one.caption
    assert "sex: F, gap of each arm: TL −1.2 (−3.2 to 0.8)" in one.alt


def test_without_groups_there_is_no_figure(result):
    assert subgroup_forest(Lookup(result), CHEST, "x") is None
    assert gap_forest(Lookup(result), CHEST, "x") is None
