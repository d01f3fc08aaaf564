"""The power figure: the numbers of the plan, the same bytes twice, and a mark for synthetic data."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from medkt_eval.planning.sample_size import plan
from medkt_eval.planning.variance_components import VarianceComponents
from medkt_eval.results.schema import VarianceComponent
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.power import power_figure
from medkt_reports.lookup import Lookup

PILOT = VarianceComponents(1e-4, 3e-5, 1e-4, "nested", 3, 3, 300, 299)


@pytest.fixture(scope="module")
def planned(result):
    """Results in which one contrast was analysed with seeds and patients random, and its plan."""
    row = next(row for row in result.comparisons if (row.arm_a, row.label) == ("chest-scratch", "macro"))
    components = [
        VarianceComponent(
            dataset=row.dataset,
            arm_a=row.arm_a,
            arm_b=row.arm_b,
            metric=row.metric,
            label=row.label,
            component=name,
            value=value,
            n_seeds_a=3,
            n_seeds_b=3,
            n_patients=300,
            df_patients=299,
        )
        for name, value in PILOT.by_name().items()
    ]
    changes = {"test": "obuchowski-rockette", "scope": "seeds+patients"}
    made = result.model_copy(
        update={"comparisons": [row.model_copy(update=changes)], "variance_components": components}
    )
    return made, plan(made, effect=0.03, power=0.8)


@pytest.fixture(scope="module")
def drawn(planned):
    made, planned_for = planned
    return power_figure(Lookup(made), planned_for, planned_for.contrasts[0], "power-1")


def test_the_lines_are_the_plans_powers(drawn, planned):
    [contrast] = planned[1].contrasts
    assert [axes.get_title(loc="left") for axes in drawn.figure.axes] == [
        "300 patients, as run",
        "450 patients",
        "600 patients",
        "1,200 patients",
    ]
    for axes, patients in zip(drawn.figure.axes, (300, 450, 600, 1200), strict=True):
        expected = [row for row in contrast.curves if (row.patients, row.seed_sd) == (patients, "estimate")]
        line = axes.lines[0]
        assert list(line.get_xdata()) == [row.seeds_a for row in expected]
        assert list(line.get_ydata()) == pytest.approx([100 * (row.power or 0) for row in expected])
        asked = axes.lines[1]
        assert set(asked.get_ydata()) == {80.0}


def test_the_band_reaches_from_the_upper_to_the_lower_limit(drawn, planned):
    [contrast] = planned[1].contrasts
    for axes, patients in zip(drawn.figure.axes, (300, 450, 600, 1200), strict=True):
        [band] = axes.collections
        corners = {(x, round(y, 6)) for x, y in band.get_paths()[0].vertices}
        for row in contrast.curves:
            if row.patients == patients and row.seed_sd != "estimate":
                assert (row.seeds_a, round(100 * (row.power or 0), 6)) in corners


def test_what_was_run_is_marked_once(drawn, planned):
    [contrast] = planned[1].contrasts
    marks = [line for axes in drawn.figure.axes for line in axes.lines if line.get_marker() == "D"]
    [mark] = marks
    found = next(row.power for row in contrast.pilot if row.seed_sd == "estimate")
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (3, pytest.approx(100 * found))


def test_the_csv_holds_the_curves_unrounded(drawn, planned):
    [contrast] = planned[1].contrasts
    data = pd.read_csv(io.StringIO(figure_style.csv(drawn)))
    assert list(data["power"]) == pytest.approx([row.power for row in contrast.curves], abs=1e-15)
    assert set(data["effect"]) == {0.03}
    assert set(data["power_asked"]) == {0.8}


def test_the_same_plan_gives_the_same_bytes(drawn, planned):
    made, planned_for = planned
    again = power_figure(Lookup(made), planned_for, planned_for.contrasts[0], "power-1")
    assert again.svg == drawn.svg
    assert figure_style.pdf(again) == figure_style.pdf(drawn)


def test_words_say_what_is_stated_and_what_is_synthetic(drawn):
    assert "true difference of 3 points" in drawn.caption
    assert "not the one observed" in drawn.caption
    assert drawn.caption.endswith("SYNTHETIC: Phantom chest.")
    assert "80 % power takes seeds in each arm: with 300 patients 15; with 450 patients 5;" in drawn.alt
    assert ">SYNTHETIC: Phantom chest<" in drawn.svg
    assert set(drawn.data["synthetic"]) == {"true"}
