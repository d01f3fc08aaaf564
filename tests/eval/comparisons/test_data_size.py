"""Curves of a metric against training-set size: the arms of a curve, and the interval of its band."""

from __future__ import annotations

import pytest

from medkt_eval.comparisons.data_size import data_size_curves
from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import Estimate

OR = "seeds+patients:or"
AT = {"method": "attention_transfer", "teacher": "mimic"}


def estimate(arm, value, *, interval=OR, half=0.1, metric="auc", label="macro", n_seeds=3, group=None):
    limits = (None, None) if half is None else (value - half, value + half)
    return Estimate(
        dataset="phantom-chest",
        arm=arm,
        metric=metric,
        label=label,
        group=group,
        value=value,
        se=None,
        low=limits[0],
        high=limits[1],
        level=0.95,
        interval=interval,
        df=None,
        n_seeds=n_seeds,
        n_patients=9,
        n_images=9,
        n_positive=None,
    )


@pytest.fixture
def sizes(make_arm):
    """One recipe at three sizes. By id, the largest comes first."""
    return [make_arm(arm, train_size=n) for arm, n in (("a", 1000), ("b", 10), ("c", 100))]


def test_sizes_rise_with_each_ones_interval(sizes):
    rows = [estimate("b", 0.6), estimate("c", 0.7, half=0.05, n_seeds=2), estimate("a", 0.8, half=0.02)]
    rows += [estimate("a", 0.9, label="weighted"), estimate("a", 0.9, metric="f1"), estimate("a", 0.1, group="sex=F")]
    (curve,) = data_size_curves(sizes, rows)
    assert (curve.curve, curve.arm, curve.arms) == ("data-size", "a", ["b", "c", "a"])
    assert (curve.x_name, curve.x, curve.y) == ("training images", [10, 100, 1000], [0.6, 0.7, 0.8])
    assert curve.low == pytest.approx([0.5, 0.65, 0.78])
    assert curve.high == pytest.approx([0.7, 0.75, 0.82])
    assert (curve.metric, curve.label, curve.run_id) == ("auc", "macro", None)
    assert (curve.interval, curve.level, curve.n_seeds) == (OR, 0.95, 2)


def test_the_band_is_one_interval_at_every_size_where_there_is_one(sizes):
    rows = [estimate(arm, 0.7, half=None if arm == "b" else 0.1) for arm in "abc"]  # one seed at the smallest size
    rows += [estimate(arm, 0.7, interval="seeds:t", half=None if arm == "b" else 0.2) for arm in "abc"]
    (curve,) = data_size_curves(sizes, rows)
    assert (curve.interval, curve.low) == (OR, [None, pytest.approx(0.6), pytest.approx(0.6)])
    rows += [estimate(arm, 0.7, interval="patients:delong", half=0.3) for arm in "abc"]
    (curve,) = data_size_curves(sizes, rows)
    assert (curve.interval, curve.low) == ("patients:delong", pytest.approx([0.4] * 3))
    (curve,) = data_size_curves(sizes, [estimate(arm, 0.7, half=None) for arm in "abc"])
    assert (curve.interval, curve.low, curve.high, curve.level) == (None, None, None, None)


def test_a_value_that_does_not_exist_stays_a_gap(sizes):
    rows = [estimate(arm, 0.7) for arm in "abc"]
    rows[2] = rows[2].model_copy(update={"value": None, "low": None, "high": None, "undefined_because": "one class"})
    (curve,) = data_size_curves(sizes, rows)
    assert curve.y == [0.7, None, 0.7]


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "other"},
        {"method": "supervised"},
        {"student": "densenet40"},
        {"teacher": None},
        {"unfrozen": "last34"},
        {"settings": {"epochs": 2}},
        {"role": "teacher"},
        {"train_size": None},
        {"train_size": 100},
    ],
)
def test_what_is_no_second_size_of_a_recipe(make_arm, change):
    arms = [make_arm("a", train_size=100), make_arm("b", **({"train_size": 10} | change))]
    assert data_size_curves(arms, [estimate(arm, 0.7) for arm in "ab"]) == []


def test_beta_may_be_tuned_for_each_size(make_arm):
    arms = [
        make_arm("a", train_size=100, settings={"beta": 20, "epochs": 3}),
        make_arm("b", train_size=10, settings={"beta": 1, "epochs": 3}),
    ]
    rows = [estimate(arm, 0.7) for arm in "abcd"]
    assert [curve.arms for curve in data_size_curves(arms, rows)] == [["b", "a"]]
    # Several betas at one size are recipes of their own.
    arms += [make_arm("c", train_size=10, settings={"beta": 20, "epochs": 3})]
    assert [curve.arms for curve in data_size_curves(arms, rows)] == [["c", "a"]]
    arms += [make_arm("d", train_size=100, settings={"beta": 1, "epochs": 3})]
    assert [curve.arms for curve in data_size_curves(arms, rows)] == [["c", "a"], ["b", "d"]]


def test_multi_class_runs_have_weighted_f1_too(write_run, runs):
    for size in (100, 200):
        for seed in range(2):
            write_run(f"tl-{size}", seed, task="multiclass", train_size=size, validation=False)
            write_run(f"at-{size}", seed, task="multiclass", train_size=size, validation=False, skill=2, **AT)
    result = evaluate(runs, replicates=0)
    found = [curve for curve in result.curves if curve.curve == "data-size"]
    assert [(curve.arms, curve.metric, curve.label) for curve in found] == [
        (["at-100", "at-200"], "auc", "macro"),
        (["at-100", "at-200"], "f1", "weighted"),
        (["tl-100", "tl-200"], "auc", "macro"),
        (["tl-100", "tl-200"], "f1", "weighted"),
    ]
    rows = {(row.arm, row.metric, row.label): row for row in result.estimates if row.interval == OR}
    for curve in found:
        points = [rows[arm, curve.metric, curve.label] for arm in curve.arms]
        assert (curve.y, curve.low) == ([row.value for row in points], [row.low for row in points])
        assert (curve.x, curve.interval) == ([100, 200], OR)
