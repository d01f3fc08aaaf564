"""Figures: the same bytes twice, numbers beside them, nothing known to pyplot."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys

import pandas as pd
import pytest

from medkt_reports import figure_style, figures
from medkt_reports.lookup import Lookup

DRAW_ELSEWHERE = """
import hashlib, sys
from pathlib import Path
from medkt_eval.results import EvaluationResult
from medkt_reports import figure_style
from medkt_reports.forest import forest
from medkt_reports.lookup import Lookup
lookup = Lookup(EvaluationResult.read(Path(sys.argv[1])))
one = forest(lookup, lookup.training_sets()[0], "forest-1-phantom-chest-200")
print(hashlib.sha256(figure_style.svg(one).encode() + figure_style.pdf(one)).hexdigest())
"""


@pytest.fixture(scope="module")
def drawn(result):
    return figures.draw(Lookup(result))


def test_every_kind_is_drawn_or_said_to_be_missing(drawn):
    assert {kind: len(made) for kind, made in drawn.drawn.items()} == {"forest": 3, "learning": 2, "seeds": 2}
    assert drawn.missing["learning"] == ("tiny_{set}&: no learning curves, because no run recorded its history.",)
    assert drawn.missing["seeds"] == ("tiny_{set}&: no plot of seeds, because no arm has a test result.",)


def test_another_process_draws_the_same_bytes(drawn, result, tmp_path):
    result.write(tmp_path / "results.json")
    run = subprocess.run([sys.executable, "-c", DRAW_ELSEWHERE, str(tmp_path / "results.json")], capture_output=True,
                         text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "1"})  # fmt: skip
    one = drawn.drawn["forest"][0]
    here = hashlib.sha256(figure_style.svg(one).encode() + figure_style.pdf(one)).hexdigest()
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


def test_the_points_of_a_forest_plot_are_its_numbers(drawn):
    one = drawn.drawn["forest"][0]
    points = sorted(float(line.get_xdata()[0]) for axes in one.figure.axes for line in axes.lines
                    if line.get_marker() in ("D", "o"))  # fmt: skip
    assert points == pytest.approx(sorted(100 * one.data["difference"]))


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
    expected = {(r.arm, r.seed): r.value for r in result.runs if r.dataset == "phantom-chest"
                and (r.metric, r.label) == ("auc", "macro") and r.arm != "chest-teacher"}  # fmt: skip
    seeds = data[data["what"] == "seed"]
    assert {(row["arm"], row["seed"]): row["value"] for row in seeds.to_dict("records")} == expected
    assert (data["what"] == "mean, seeds:t").sum() == 3


def test_what_has_no_interval_is_hollow_and_counted(drawn):
    one = drawn.drawn["forest"][1]
    hollow = [line for axes in one.figure.axes for line in axes.lines if line.get_fillstyle() == "none"]
    absent = int(one.data["low"].isna().sum())
    assert len(hollow) == absent > 0
    assert f"{absent} of {len(one.data)} intervals do not exist" in one.caption


def test_alternative_texts_hold_the_results(drawn):
    row = drawn.drawn["forest"][0].data.iloc[0]
    assert f"{100 * row['difference']:.2f}".replace("-", "−") in drawn.drawn["forest"][0].alt
    assert all(one.alt and one.caption for one in drawn.all())


def test_no_dates_and_no_pyplot(drawn):
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []
    assert "<dc:date>" not in figure_style.svg(drawn.all()[0])
    assert b"CreationDate" not in figure_style.pdf(drawn.all()[0])


def test_a_data_set_cannot_name_a_path(result):
    hostile = result.model_copy(update={
        "datasets": [d.model_copy(update={"dataset": "../../etc/x"}) for d in result.datasets[:1]],
        "arms": [a.model_copy(update={"dataset": "../../etc/x"}) for a in result.arms[:3]],
        "comparisons": [], "estimates": [], "runs": [],
        "curves": [c.model_copy(update={"dataset": "../../etc/x"}) for c in result.curves if c.arm == "chest-tl"],
    })  # fmt: skip
    made = figures.draw(Lookup(hostile)).all()
    assert [one.name for one in made] == ["learning-1-etc-x-200"]


def test_figures_of_synthetic_data_say_so_inside(drawn):
    for one in drawn.all():
        synthetic = "phantom-chest" in one.name
        assert (">SYNTHETIC: Phantom chest<" in figure_style.svg(one)) == synthetic
        assert (one.figure.get_suptitle() == "SYNTHETIC: Phantom chest") == synthetic  # the PDF is of this figure
        assert ("SYNTHETIC" in one.caption) == ("SYNTHETIC" in one.alt) == synthetic
        assert set(one.data["synthetic"]) == {"true" if synthetic else "false"}


def test_the_mark_of_synthetic_data_overlaps_nothing(drawn):
    for one in drawn.all():
        if one.figure.get_suptitle():
            mark = one.figure._suptitle.get_window_extent()
            assert one.figure.bbox.contains(mark.x0, mark.y0)
            assert not any(mark.overlaps(axes.get_tightbbox()) for axes in one.figure.axes)
