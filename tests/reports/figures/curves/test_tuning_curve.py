"""The curve of a grid: its axis, its lines and the chosen setting."""

from __future__ import annotations

from typing import Any

import pytest

from medkt_eval.results.recorded import Tuning
from medkt_reports.figures.curves.tuning_curve import tuning_curve
from medkt_reports.lookup import Lookup, TrainingSet

CHEST = TrainingSet("phantom-chest", 200)


def tried(grid: str, varied: dict[str, Any], value: float, *, chosen: bool = False, **changes: Any) -> Tuning:
    fields: dict[str, Any] = {
        "grid": grid,
        "dataset": "phantom-chest",
        "train_size": 200,
        "arm": f"{grid}-{varied}",
        "method": "attention_transfer",
        "student": "densenet40",
        "teacher": grid,
        "unfrozen": "all",
        "varied": varied,
        "metric": "auc",
        "label": "macro",
        "seeds": [0, 1],
        "values": [value - 0.01, value + 0.01],
        "value": value,
        "chosen": chosen,
    }
    return Tuning(**{**fields, **changes})


def drawn(result, *rows: Tuning):
    return tuning_curve(Lookup(result.model_copy(update={"tuning": list(rows)})), CHEST, "x")


def test_lines_by_teacher_against_a_setting_on_a_log_axis(result):
    one = drawn(
        result,
        tried("mimic", {"beta": 100.0}, 0.72),
        tried("mimic", {"beta": 1.0}, 0.70),
        tried("mimic", {"beta": 20.0}, 0.74, chosen=True),
        tried("imagenet", {"beta": 1.0}, 0.69),
        tried("imagenet", {"beta": 100.0}, 0.71, chosen=True),
        tried("imagenet", {"beta": 1.0}, 0.50, dataset="phantom-fundus"),
    )
    assert one is not None
    (axes,) = one.figure.axes
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "20", "100"]
    means = [line for line in axes.lines if line.get_marker() in ("None", "")]
    assert [[list(line.get_xdata()), list(line.get_ydata())] for line in means] == [
        [[1, 20, 100], pytest.approx([70, 74, 72])],
        [[1, 100], pytest.approx([69, 71])],
    ]
    chosen = [line for line in axes.lines if line.get_markersize() == 8]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in chosen] == [(20, pytest.approx(74)), (100, 71)]
    assert sum(len(line.get_xdata()) for line in axes.lines if line.get_markersize() == 3) == 10  # two seeds each
    assert "5 settings tried in 2 grids" in one.caption
    assert "not the test images" in one.caption
    assert "Teacher MIMIC-CXR: 3 settings, 70.0 to 74.0 %, chosen beta 20 (74.0 %)" in one.alt
    assert len(one.data) == 10


@pytest.mark.parametrize(("values", "scale"), [((1.0, 10.0), "log"), ((1.0, 9.9), "linear"), ((0.0, 50.0), "linear")])
def test_only_positive_numbers_that_span_a_decade_are_on_a_log_axis(result, values, scale):
    one = drawn(result, *(tried("g", {"beta": value}, 0.7, chosen=value == values[0]) for value in values))
    assert one is not None
    assert one.figure.axes[0].get_xscale() == scale


def test_a_setting_that_is_no_number_has_an_axis_of_names(result):
    one = drawn(
        result,
        tried("g", {"loss": "eq1"}, 0.7, chosen=True),
        tried("g", {"loss": "zagoruyko"}, 0.6),
        tried("g", {}, 0.5),
    )
    assert one is not None
    (axes,) = one.figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["eq1", "zagoruyko", "none"]
    assert list(axes.get_xticks()) == [0, 1, 2]


def test_of_two_settings_the_one_of_more_values_is_drawn_against(result):
    one = drawn(
        result,
        *(
            tried("g", {"rate": rate, "beta": beta}, 0.7, chosen=(rate, beta) == (0.1, 2.0))
            for rate in (0.1, 0.2)
            for beta in (1.0, 2.0, 30.0)
        ),
    )
    assert one is not None
    assert one.figure.axes[0].get_xlabel() == "Beta"
    assert set(one.data["line"]) == {"Teacher g, rate 0.1", "Teacher g, rate 0.2"}
    assert one.alt.count("none chosen here") == 1


def test_no_curve_without_a_grid_of_two_settings(result):
    assert tuning_curve(Lookup(result), CHEST, "x") is None
    assert drawn(result, tried("g", {}, 0.7, chosen=True)) is None
