"""Every word of a figure is on the page, names do not overlap, and no letter becomes an empty box without a word."""

from __future__ import annotations

import itertools
import re

import pytest
from matplotlib import font_manager
from matplotlib.text import Text

from medkt_eval.results.schema import Curve
from medkt_reports.figures import lettering
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.catalogue import draw
from medkt_reports.figures.curves.net_benefit import net_benefit_plot
from medkt_reports.lookup import Lookup, TrainingSet

CHEST = TrainingSet("phantom-chest", 200)
README = ("Transfer learning", "Attention transfer")
LONG = (
    "Attention transfer from a chest teacher, DenseNet-121, all layers unfrozen, beta 20, warm restarts",
    "transfer_learning_from_imagenet_densenet121_last34_layers_with_a_very_long_identifier",
    "Random start",
)


def named(result, names):
    """The three arms of the multi-label set with these names, with curves of net benefit and reliability of a label."""
    arms = [
        arm.model_copy(update={"name": name})
        for arm, name in zip([a for a in result.arms if a.dataset == CHEST.dataset], names, strict=False)
    ]
    kept = {arm.arm for arm in arms}
    curves = [curve for curve in result.curves if curve.arm in kept]
    curves += [
        Curve(
            curve=kind,
            dataset=CHEST.dataset,
            arm=arm,
            metric=metric,
            label="Edema",
            x_name=x_name,
            x=[0.1, 0.2, 0.5],
            y=[0.1, 0.2, 0.4],
            reference=[0.1, 0.0, -0.5],
            n_seeds=3,
        )
        for arm in sorted(kept)
        for kind, metric, x_name in (
            ("net-benefit", "net_benefit", "threshold"),
            ("reliability", "observed_share", "mean_score"),
        )
    ]
    rows = [row for row in result.comparisons if {row.arm_a, row.arm_b} <= kept]
    return Lookup(
        result.model_copy(
            update={
                "arms": arms,
                "datasets": result.datasets[:1],
                "curves": curves,
                "comparisons": rows,
                "runs": [run for run in result.runs if run.arm in kept],
                "estimates": [estimate for estimate in result.estimates if estimate.arm in kept],
                "thresholds": [],
            }
        )
    )


def drawn_texts(figure):
    """The words of a figure, with the box of each; a number of an axis may stand outside its range and is not drawn."""
    with figure_style.house_style():
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        found = [
            text for text in figure.findobj(Text) if text.get_visible() and re.search(r"[A-Za-z]", text.get_text())
        ]
        return [(text.get_text(), text.get_window_extent(renderer)) for text in found]


@pytest.mark.parametrize("names", [README, LONG], ids=["README", "long"])
def test_no_word_leaves_the_page(result, names):
    figures = draw(named(result, names)).all()
    assert {"forest", "learning", "seeds", "reliability", "net-benefit"} <= {
        f.name.partition("-1-")[0] for f in figures
    }
    for figure in figures:
        page = figure.figure.bbox
        for text, box in drawn_texts(figure.figure):
            inside = box.x0 >= -1 and box.x1 <= page.width + 1 and box.y0 >= -1 and box.y1 <= page.height + 1
            assert inside, (figure.name, text, box, page)


@pytest.mark.parametrize("names", [README, LONG], ids=["README", "long"])
def test_names_do_not_overlap(result, names):
    lookup = named(result, names)
    letters = set("".join(lookup.names.values()))
    for figure in draw(lookup).all():
        if not figure.name.startswith(("seeds", "forest", "learning")):
            continue
        of_names = [(t, b) for t, b in drawn_texts(figure.figure) if len(t) > 8 and set(t) <= letters | set(" \n−")]
        for (text, a), (other, b) in itertools.combinations(of_names, 2):
            apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
            assert apart, (figure.name, text, other)


@pytest.mark.parametrize("values", [[-0.3, -0.2, -0.1], [-2.0, -0.5, 0.01], [0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
def test_the_range_of_net_benefit_holds_every_arm(result, values):
    lookup = named(result, README)
    changed = [
        curve.model_copy(update={"y": values}) if curve.curve == "net-benefit" else curve
        for curve in lookup.result.curves
    ]
    one = net_benefit_plot(Lookup(lookup.result.model_copy(update={"curves": changed})), CHEST, "x")
    (axes,) = one.figure.axes
    low, high = axes.get_ylim()
    assert low < min(0, *(100 * v for v in values))
    assert high > max(0, *(100 * v for v in values))


@pytest.fixture
def no_other_fonts(monkeypatch):
    """A machine that has DejaVu only."""
    fonts = [font for font in font_manager.fontManager.ttflist if font.name.startswith(("DejaVu Sans", "medkt"))]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)
    lettering._families.cache_clear()
    yield
    lettering._families.cache_clear()


def test_letters_without_a_font_are_printed_as_code_points_and_named(result, no_other_fonts):
    lookup = named(result, ("기준 모델", "교사 모델", "Random start"))
    figures = draw(lookup)
    assert "no installed font has 교 기 델 모 사 준, so their code points are printed" in figures.without_font
    (seeds,) = figures.drawn["seeds"]
    with figure_style.house_style(), lettering.code_points_instead(seeds.figure) as wider:
        assert wider
        labels = [label.get_text() for label in seeds.figure.axes[0].get_yticklabels()]
    assert "‹AE30›‹C900› ‹BAA8›‹B378›" in labels
    assert "‹AD50›‹C0AC› ‹BAA8›‹B378›" in labels
    assert figure_style.pdf(seeds)
    after = [label.get_text() for label in seeds.figure.axes[0].get_yticklabels()]
    assert "기준 모델" in after  # the page's browser has fonts of its own
    assert "기준 모델" in seeds.svg


def test_names_in_latin_need_no_line(result):
    assert draw(named(result, README)).without_font == ""


def test_an_installed_font_is_used(result):
    letters = lettering._families(frozenset("基"))
    if letters[1]:
        pytest.skip("no installed font has Chinese letters: install fonts-noto-cjk or fonts-droid-fallback")
    (seeds,) = draw(named(result, ("基准", "教师", "B"))).drawn["seeds"]
    label = next(t for t in seeds.figure.axes[0].get_yticklabels() if t.get_text() == "基准")
    assert letters[0][0] in label.get_fontfamily()
