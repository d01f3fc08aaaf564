"""Fig. 3: one line per recipe over its sizes, one panel per method; differences of one contrast at each size."""

from __future__ import annotations

import pytest

from medkt_eval.results.schema import Curve
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.curves.data_size import data_size, size_differences
from medkt_reports.lookup import Lookup

SIZES = (200, 2000, 20000)
METHODS = {"tl": "transfer_learning", "at": "attention_transfer"}


def at(size: int, name: str) -> str:
    return f"{name}-{size}"


@pytest.fixture(scope="module")
def lookup(result):
    """Two recipes at three sizes; their difference is shown at the smallest size and undefined at the middle one."""
    first, row = result.arms[1], next(c for c in result.comparisons if c.arm_a == "chest-at" and c.label == "macro")
    arms = [
        first.model_copy(update={"arm": at(size, name), "name": name.upper(), "method": method, "train_size": size})
        for size in SIZES
        for name, method in METHODS.items()
    ]
    differences = {200: (0.04, 0.02, 0.06, 0.001), 2000: (None, None, None, None), 20000: (0.003, -0.01, 0.016, 0.6)}
    comparisons = [
        row.model_copy(
            update={
                "arm_a": at(size, "at"),
                "arm_b": at(size, "tl"),
                "kind": "declared",
                "group": None,
                **dict(zip(("difference", "low", "high", "p_adjusted"), values, strict=True)),
            }
        )
        for size, values in differences.items()
    ]
    curves = [
        Curve(
            curve="data-size",
            dataset="phantom-chest",
            arm=at(20000, name),
            arms=[at(size, name) for size in SIZES],
            metric="auc",
            label="macro",
            x_name="training images",
            x=[float(size) for size in SIZES],
            y=y,
            low=[None if v is None else v - 0.01 for v in y],
            high=[None if v is None else v + 0.01 for v in y],
            interval="seeds+patients:or",
            level=0.95,
            n_seeds=3,
        )
        for name, y in (("at", [0.74, None, 0.80]), ("tl", [0.70, 0.76, 0.797]))
    ]
    settings = result.settings.model_copy(update={"baseline": {str(size): at(size, "tl") for size in SIZES}})
    changed = {
        "arms": arms,
        "comparisons": comparisons,
        "curves": curves,
        "settings": settings,
        "estimates": [],
        "runs": [],
    }
    return Lookup(result.model_copy(update=changed))


def test_a_panel_a_method_and_a_line_a_recipe(lookup):
    one = data_size(lookup, "phantom-chest", "x")
    assert one is not None
    assert [axes.get_title(loc="left") for axes in one.figure.axes] == ["Attention transfer", "Transfer learning"]
    for axes, y in zip(one.figure.axes, ([74, None, 80], [70, 76, 79.7]), strict=True):
        (line,) = axes.lines
        assert list(line.get_xdata()) == list(SIZES)
        assert list(line.get_ydata()) == pytest.approx([float("nan") if v is None else v for v in y], nan_ok=True)
        assert axes.get_xscale() == "log"
        assert [text.get_text() for text in axes.get_xticklabels()] == ["200", "2,000", "20,000"]
    assert list(one.data["arm"]) == [at(size, name) for name in ("at", "tl") for size in SIZES]
    assert "mean over 3 seeds; bands: 95 % intervals (Obuchowski–Rockette" in one.caption
    assert "AT: macro AUC 74.0 % with 200 and 80.0 % with 20,000" in one.alt


def test_the_difference_at_each_size_is_that_of_its_comparison(lookup):
    one = size_differences(lookup, "phantom-chest", "x")
    assert one is not None
    assert list(one.data["difference"]) == pytest.approx([0.04, float("nan"), 0.003], nan_ok=True)
    assert list(one.data["arm_a"]) == [at(size, "at") for size in SIZES]
    (axes,) = one.figure.axes
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == figure_style.PAPER]
    assert [[float(v) for v in line.get_ydata()] for line in hollow] == [[pytest.approx(0.3)]]
    assert "Filled (1 of 2): p (adjusted by Holm) below 0.05" in one.caption
    assert "Without a value: 1." in one.caption
    assert "is not to be read off overlapping intervals" in one.caption
    assert "AT − TL: +4.0 (2.0 to 6.0) with 200, n/a with 2,000, +0.3 (−1.0 to 1.6) with 20,000" in one.alt


def test_one_size_alone_is_no_curve(result, lookup):
    assert data_size(Lookup(result), "phantom-chest", "x") is None
    assert size_differences(Lookup(result), "phantom-chest", "x") is None
    kept = [row for row in lookup.result.comparisons if row.arm_a == at(200, "at")]
    assert (
        size_differences(Lookup(lookup.result.model_copy(update={"comparisons": kept})), "phantom-chest", "x") is None
    )


@pytest.mark.parametrize(
    ("tried", "betas", "said"),
    [
        (1, (None, None), None),
        (7, (10.0, 20.0), "Settings were tuned anew for each size. Between the sizes of a line, beta differs."),
        (1, (10.0, 20.0), "Between the sizes of a line, beta differs."),
    ],
)
def test_the_caption_says_of_tuning_what_the_arms_record(lookup, tried, betas, said):
    arms = [
        arm.model_copy(
            update={
                "settings_tried": tried,
                "settings": {} if betas[0] is None else {"beta": betas[arm.train_size > 200]},
            }
        )
        for arm in lookup.result.arms
    ]
    one = data_size(Lookup(lookup.result.model_copy(update={"arms": arms})), "phantom-chest", "x")
    assert ("tuned anew" in one.caption) == (tried > 1)
    assert "what was tuned" not in one.caption
    assert said is None or said in one.caption
