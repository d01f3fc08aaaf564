"""Reliability and net benefit: one panel per label, its reference line, and the arms shown."""

from __future__ import annotations

import pytest

from medkt_eval.results.schema import Curve
from medkt_reports.figures.curves.net_benefit import net_benefit_plot
from medkt_reports.figures.curves.reliability import calibration_plot
from medkt_reports.language import words
from medkt_reports.lookup import Lookup, TrainingSet

CHEST, FUNDUS = TrainingSet("phantom-chest", 200), TrainingSet("phantom-fundus", 800)
KINDS = {"reliability": ("observed_share", "mean_score"), "net-benefit": ("net_benefit", "threshold")}


def curve(kind: str, arm: str, label: str, y: list[float | None], **changes) -> Curve:
    metric, x_name = KINDS[kind]
    fields = {
        "curve": kind,
        "dataset": "phantom-chest",
        "arm": arm,
        "metric": metric,
        "label": label,
        "x_name": x_name,
        "x": [0.1, 0.2, 0.5],
        "y": y,
        "low": [None if v is None else v - 0.02 for v in y],
        "high": [None if v is None else v + 0.02 for v in y],
        "interval": "seeds+patients:or",
        "level": 0.95,
        "reference": [0.1, 0.2, 0.5] if kind == "reliability" else [0.11, 0.0, -0.6],
        "n_seeds": 3,
        **changes,
    }
    return Curve(**fields)


def lookup_of(result, *curves: Curve, **changes) -> Lookup:
    return Lookup(result.model_copy(update={"curves": list(curves), **changes}))


def test_reliability_has_a_panel_a_label_with_the_diagonal(result):
    one = calibration_plot(
        lookup_of(
            result,
            curve("reliability", "chest-at", "Pleural Effusion", [0.1, 0.3, 0.4]),
            curve("reliability", "chest-tl", "Edema", [0.15, None, 0.5]),
            curve("reliability", "chest-at", "Edema", [0.12, 0.2, 0.5]),
            curve("reliability", "chest-teacher", "Edema", [0.9, 0.9, 0.9]),
        ),
        CHEST,
        "x",
    )
    assert one is not None
    assert [axes.get_title(loc="left") for axes in one.figure.axes] == ["Edema", "Pleural Effusion"]
    diagonal, *lines = one.figure.axes[0].lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 100]
    assert [list(line.get_ydata()) for line in lines] == [
        pytest.approx([15, float("nan"), 50], nan_ok=True),
        pytest.approx([12, 20, 50]),
    ]
    assert set(one.data["arm"]) == {"chest-tl", "chest-at"}  # no teacher
    assert one.data["observed_share"].isna().sum() == 1
    # of chest-at: 2, 0, 0, 0, 10, -10 points off
    assert f"{lookup_of(result).names['chest-at']}: from −10.0 to +10.0, mean distance 3.7" in one.alt
    assert words.INTERVALS["seeds+patients:or"] in one.caption
    assert "Drawn:" not in one.caption


def test_net_benefit_is_read_against_all_and_none(result):
    one = net_benefit_plot(
        lookup_of(
            result,
            curve("net-benefit", "chest-tl", "Edema", [0.12, 0.05, -0.01]),
            curve("net-benefit", "chest-at", "Edema", [0.13, -0.01, 0.01], low=None, high=None, interval=None),
        ),
        CHEST,
        "x",
    )
    assert one is not None
    (axes,) = one.figure.axes
    references = [list(line.get_ydata()) for line in axes.lines[:2]]
    assert references == [[0, 0], pytest.approx([11, 0, -60])]
    low, high = axes.get_ylim()
    assert low < -1
    assert 13 < high < 20  # where the arms are; acting on every image leaves the panel
    assert low > -60
    names = lookup_of(result).names
    assert f"{names['chest-tl']}: above both references at 67 % of the thresholds" in one.alt
    assert f"{names['chest-at']}: above both references at 67 % of the thresholds" in one.alt


@pytest.mark.parametrize("primary", [None, "fundus-at-imagenet", "fundus-tl121-last34"])
def test_of_many_arms_those_of_one_student_are_drawn(result, primary):
    arms = [arm for arm in result.arms if arm.dataset == "phantom-fundus"]
    curves = [curve("reliability", arm.arm, "mild", [0.1, 0.2, 0.4], dataset="phantom-fundus") for arm in arms]
    comparisons = [row.model_copy(update={"primary": row.arm_a == primary}) for row in result.comparisons]
    one = calibration_plot(lookup_of(result, *curves, comparisons=comparisons), FUNDUS, "x")
    assert one is not None
    student = "densenet40" if primary == "fundus-at-imagenet" else "densenet121"
    expected = {arm.arm for arm in arms if arm.student == student}
    assert set(one.data["arm"]) == expected
    assert f"Drawn: {len(expected)} of 6 arms, with the student {words.network(student)}." in one.caption


def test_without_curves_there_is_no_figure(result):
    assert calibration_plot(Lookup(result), CHEST, "x") is None
    assert net_benefit_plot(Lookup(result), CHEST, "x") is None
    of_teacher = curve("net-benefit", "chest-teacher", "Edema", [0.1, 0.1, 0.1])
    assert net_benefit_plot(lookup_of(result, of_teacher), CHEST, "x") is None
