"""Figures: the same bytes twice, numbers beside them, and no use of pyplot."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

from medkt_reports.figures import catalogue as figures
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.curves.learning_curves import learning_curves
from medkt_reports.lookup import Lookup, TrainingSet

DRAW_ELSEWHERE = """
import hashlib, sys
from pathlib import Path
from medkt_eval.results import EvaluationResult
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.differences.forest import forest
from medkt_reports.lookup import Lookup
lookup = Lookup(EvaluationResult.read(Path(sys.argv[1])))
one = forest(lookup, lookup.training_sets()[0], "forest-1-phantom-chest-200")
print(hashlib.sha256(one.svg.encode() + figure_style.pdf(one)).hexdigest())
"""


@pytest.fixture(scope="module")
def drawn(result):
    return figures.draw(Lookup(result))


def test_every_kind_is_drawn_or_said_to_be_missing(drawn):
    counts = {kind: len(made) for kind, made in drawn.drawn.items()}
    assert counts == {**dict.fromkeys(figures.FIGURES, 0), "forest": 3, "learning": 2, "seeds": 2}
    said = " ".join(drawn.missing)
    for what in ("tiny_{set}&: learning curves", "tiny_{set}&: plot of seeds", "Curve of tuned settings", "Fig. 3"):
        assert what in said


def test_another_process_draws_the_same_bytes(drawn, result, tmp_path):
    result.write(tmp_path / "results.json")
    run = subprocess.run(
        [sys.executable, "-c", DRAW_ELSEWHERE, str(tmp_path / "results.json")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    one = drawn.drawn["forest"][0]
    here = hashlib.sha256(one.svg.encode() + figure_style.pdf(one)).hexdigest()
    assert run.stdout.strip() == here


def test_the_csv_of_a_forest_plot_is_what_was_compared(drawn, result):
    data = pd.read_csv(io.StringIO(figure_style.csv(drawn.drawn["forest"][0])))
    expected = {
        (c.arm_a, c.arm_b, c.metric, c.label): (c.difference, c.low, c.high)
        for c in result.comparisons
        if c.dataset == "phantom-chest" and c.kind == "declared"
    }
    assert len(data) == 2 * (2 + 4)  # two comparisons; two averages and four labels
    for row in data.to_dict("records"):
        found = expected[row["arm_a"], row["arm_b"], row["metric"], row["label"]]
        assert (row["difference"], row["low"], row["high"]) == pytest.approx(found, abs=0)


def marks(axes):
    """Points of a forest plot's panel, in points, and whether they are filled."""
    return [
        (float(x), line.get_markerfacecolor() != figure_style.PAPER)
        for line in axes.lines
        if line.get_marker() in ("D", "o")
        for x in line.get_xdata()
    ]


def test_the_points_of_a_forest_plot_are_its_numbers(drawn):
    one = drawn.drawn["forest"][0]
    points = sorted(x for axes in one.figure.axes for x, _ in marks(axes))
    assert points == pytest.approx(sorted(100 * one.data["difference"]))
    ends = sorted(
        float(x)
        for axes in one.figure.axes
        for bar in axes.collections[1:]
        for segment in bar.get_segments()
        for x in segment[:, 0]
    )
    assert ends == pytest.approx(sorted(100 * value for end in ("low", "high") for value in one.data[end]))


def test_a_mark_is_filled_where_the_adjusted_p_is_below_alpha(drawn):
    data = drawn.drawn["forest"][0].data
    filled = sorted(x for axes in drawn.drawn["forest"][0].figure.axes for x, is_filled in marks(axes) if is_filled)
    assert 0 < len(filled) < len(data)
    assert filled == pytest.approx(sorted(100 * data.loc[data["p_adjusted"] < 0.05, "difference"]))
    assert (
        f"Filled ({len(filled)} of {len(data)}): p (adjusted by Holm and Benjamini–Hochberg) below 0.05"
        in drawn.drawn["forest"][0].caption
    )


def test_learning_curves_hold_every_seed_and_the_mean(drawn, result):
    data = drawn.drawn["learning"][0].data
    curves = [c for c in result.curves if c.dataset == "phantom-chest" and not c.arm.endswith("teacher")]
    assert len(data) == sum(len(curve.x) for curve in curves)
    assert "chest-teacher" not in set(data["arm"])
    for curve in curves:
        same = data["run_id"].isna() if curve.run_id is None else data["run_id"] == curve.run_id
        assert list(data.loc[same & (data["arm"] == curve.arm), "value"]) == curve.y


def test_seed_dots_hold_every_seed_and_the_mean(drawn, result):
    data = drawn.drawn["seeds"][0].data
    expected = {
        (r.arm, r.seed): r.value
        for r in result.runs
        if r.dataset == "phantom-chest" and (r.metric, r.label) == ("auc", "macro") and r.arm != "chest-teacher"
    }
    seeds = data[data["what"] == "seed"]
    assert {(row["arm"], row["seed"]): row["value"] for row in seeds.to_dict("records")} == expected
    assert (data["what"] == "mean, seeds:t").sum() == 3


def test_what_has_no_interval_is_hollow_and_counted(drawn):
    one = drawn.drawn["forest"][1]
    absent = one.data["low"].isna()
    hollow = [x for axes in one.figure.axes for x, is_filled in marks(axes) if not is_filled]
    assert 0 < absent.sum() < len(one.data)
    for value in 100 * one.data.loc[absent, "difference"].dropna():
        assert any(x == pytest.approx(value) for x in hollow)
    bars = sum(len(bar.get_segments()) for axes in one.figure.axes for bar in axes.collections[1:])
    assert bars == (~absent).sum()
    assert f"Without an interval: {absent.sum()}." in one.caption


def test_the_epoch_kept_is_marked_where_every_run_says_it(result):
    kept = {"chest-tl": [{"epoch": 10}, {"epoch": 12}, {"epoch": 17}], "chest-at": [{"epoch": 10}, None, {"epoch": 12}]}
    arms = [arm.model_copy(update={"selection": kept.get(arm.arm, [])}) for arm in result.arms]
    one = learning_curves(Lookup(result.model_copy(update={"arms": arms})), TrainingSet("phantom-chest", 200), "x")
    assert one is not None
    marked = one.data.groupby("arm")["kept_epoch"].max()
    assert marked["chest-tl"] == 13
    assert marked.drop("chest-tl").isna().all()
    lines = [line for line in one.figure.axes[0].lines if len(line.get_xdata()) == 2 and line.get_marker() == "None"]
    assert [list(line.get_xdata()) for line in lines] == [[13, 13]]
    assert "the epoch kept, mean over an arm's seeds" in one.caption
    assert "epoch kept, mean over seeds: 13.0" in one.alt
    before = learning_curves(Lookup(result), TrainingSet("phantom-chest", 200), "x")
    assert before is not None
    assert "marked on the axis" not in before.caption


@pytest.mark.parametrize(("values", "slanted"), [([5_000, 50_000, 178_352], False), ([1_000, 1_100, 178_352], True)])
def test_ticks_slant_where_they_would_run_together(values, slanted):
    with figure_style.house_style():
        axes = figure_style.new_figure(4, 3).subplots()
        figure_style.ticks_at(axes, values, [f"{value:,}" for value in values], log=True)
        assert list(axes.get_xticks()) == values
        assert [text.get_text() for text in axes.get_xticklabels()] == ["5,000", "50,000", "178,352"] or slanted
        assert {text.get_rotation() for text in axes.get_xticklabels()} == {45.0 if slanted else 0.0}
        axes.get_figure().draw_without_rendering()


def test_paths_are_rounded_and_texts_are_not():
    with figure_style.house_style():
        figure = figure_style.new_figure(3, 2)
        axes = figure.subplots()
        axes.plot([0, 1 / 3], [0, 1 / 7])
        axes.set_title('1.23456 <path d="M 1.23456">')
        figure_style.settle(figure, "")
    text = figure_style.ReportFigure("x", figure, pd.DataFrame(), "", "").svg
    assert '1.23456 &lt;path d="M 1.23456"&gt;' in text
    assert not re.search(r'<path[^>]* d="[^"]*\.\d{3}', text)
    assert re.search(r'<path[^>]* d="[^"]*\.\d{2}', text)


def test_letters_that_the_cut_font_lacks_come_from_the_whole_one():
    with figure_style.house_style():
        figure = figure_style.new_figure(3, 1, layout=None)
        figure.text(0.1, 0.1, "Отёк − é ≥")
        figure_style.settle(figure, "")
        embedded = figure_style.pdf(figure_style.ReportFigure("x", figure, pd.DataFrame(), "", ""))
    assert b"medktSans" in embedded
    assert b"DejaVuSans" in embedded
    assert b"/Type3" not in embedded


def test_alternative_texts_hold_the_results(drawn):
    row = drawn.drawn["forest"][0].data.iloc[0]
    assert f"{100 * row['difference']:.2f}".replace("-", "−") in drawn.drawn["forest"][0].alt
    assert all(one.alt and one.caption for one in drawn.all())


def test_no_dates_and_no_pyplot(drawn):
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []
    assert "<dc:date>" not in drawn.all()[0].svg
    assert b"CreationDate" not in figure_style.pdf(drawn.all()[0])


def test_a_data_set_cannot_name_a_path(result):
    hostile = result.model_copy(
        update={
            "datasets": [d.model_copy(update={"dataset": "../../etc/x"}) for d in result.datasets[:1]],
            "arms": [a.model_copy(update={"dataset": "../../etc/x"}) for a in result.arms[:3]],
            "comparisons": [],
            "estimates": [],
            "runs": [],
            "curves": [c.model_copy(update={"dataset": "../../etc/x"}) for c in result.curves if c.arm == "chest-tl"],
        }
    )
    made = figures.draw(Lookup(hostile)).all()
    assert [one.name for one in made] == ["learning-1-etc-x-200"]


def test_figures_of_synthetic_data_say_so_inside(drawn):
    for one in drawn.all():
        synthetic = "phantom-chest" in one.name
        assert (">SYNTHETIC: Phantom chest<" in one.svg) == synthetic
        assert (one.figure.get_suptitle() == "SYNTHETIC: Phantom chest") == synthetic  # the PDF is of this figure
        assert ("SYNTHETIC" in one.caption) == ("SYNTHETIC" in one.alt) == synthetic
        assert set(one.data["synthetic"]) == {"true" if synthetic else "false"}


def test_the_mark_of_synthetic_data_overlaps_nothing(drawn):
    for one in drawn.all():
        if one.figure.get_suptitle():
            mark = one.figure._suptitle.get_window_extent()
            assert one.figure.bbox.contains(mark.x0, mark.y0)
            assert not any(mark.overlaps(axes.get_tightbbox()) for axes in one.figure.axes)


@pytest.mark.parametrize("hashes", [["a", "b", "c"], []])
def test_validation_images_are_not_said_to_be_fixed_unless_recorded(result, hashes):
    arms = [arm.model_copy(update={"validation_sha256": hashes[: len(arm.seeds)]}) for arm in result.arms]
    other = learning_curves(Lookup(result.model_copy(update={"arms": arms})), TrainingSet("phantom-chest", 200), "x")
    assert "held fixed" not in other.caption
    assert "these same" not in other.caption
