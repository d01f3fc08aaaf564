"""Peak, loss after the peak and roughness of training, against hand computation and scipy; undefined cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import Curve
from medkt_eval.study.contrasts import Contrast
from medkt_eval.training_records.dynamics import dynamics, measure_curve

PAIR = [Contrast("at", "tl", "declared"), Contrast("at", "tl", "table")]
CLOSE = {"rel": 1e-12, "abs": 1e-15}


def learning(arm, seed, values, *, first=1, metric="auc"):
    return Curve(
        curve="learning",
        dataset="phantom-chest",
        arm=arm,
        run_id=f"{arm}-s{seed}",
        metric=metric,
        label="macro",
        x_name="epoch",
        x=[float(first + k) for k in range(len(values))],
        y=values,
        n_seeds=1,
    )


@pytest.fixture
def measured(make_arm):
    """A function from each arm's curves, one list per seed, to rows by (arm a, arm b, measure)."""

    def rows(curves, *, seeds="nested", level=0.95, pairs=PAIR, more=()):
        arms = [make_arm(arm, seeds=list(range(len(of_seeds)))) for arm, of_seeds in curves.items()]
        drawn = [
            learning(arm, seed, values)
            for arm, of_seeds in curves.items()
            for seed, values in enumerate(of_seeds)
            if values is not None
        ]
        found = dynamics([*drawn, *more], arms, pairs, seeds=seeds, level=level)
        return {(row.arm_a, row.arm_b, row.measure): row for row in found}

    return rows


TL = [[0.6, 0.8, 0.7, 0.6], [0.6, 0.7, 0.8, 0.7], [0.7, 0.8, 0.8, 0.5]]
AT = [[0.6, 0.7, 0.8, 0.9], [0.6, 0.7, 0.9, 0.8], [0.5, 0.6, 0.9, 0.8]]


def test_one_run_by_hand():
    made = measure_curve(np.array([1.0, 2, 3, 4, 5]), np.array([0.5, 0.8, 0.7, 0.8, 0.6]))
    assert made.peak_epoch == 2  # the first of two equal ones
    assert made.loss_after_peak == pytest.approx(0.2)
    second_differences = [-0.4, 0.2, -0.3]
    assert made.roughness == pytest.approx(np.sqrt((0.16 + 0.04 + 0.09) / 3 / 6))
    assert np.diff([0.5, 0.8, 0.7, 0.8, 0.6], 2) == pytest.approx(second_differences)


def test_roughness_is_the_standard_deviation_of_the_noise_and_of_nothing_else():
    rng = np.random.default_rng(5)
    epochs = np.cumsum(rng.integers(1, 4, 40_000)).astype(float)  # some epochs were not validated
    line = 0.3 + 1e-6 * epochs
    noisy = line + rng.normal(scale=0.02, size=epochs.size)
    assert measure_curve(epochs, noisy).roughness == pytest.approx(0.02, rel=0.02)
    assert measure_curve(epochs, line).roughness < 1e-12
    assert measure_curve(epochs, 0.9 - line).roughness < 1e-12


@pytest.mark.parametrize("tau", [1, 2, 5, 20])
@pytest.mark.parametrize("n_epochs", [3, 16, 128])
def test_a_smooth_rise_counts_for_little(tau, n_epochs):
    epochs = np.arange(1.0, n_epochs + 1)
    made = measure_curve(epochs, 0.6 + 0.3 * (1 - np.exp(-epochs / tau)))
    assert 0 < made.roughness < 0.3 / (2.4 * tau**2)


def test_an_arms_mean_with_students_t(measured):
    found = measured({"at": AT, "tl": TL}, level=0.9)
    for measure, values in (("peak_epoch", [2, 3, 2]), ("loss_after_peak", [0.2, 0.1, 0.3])):
        row = found["tl", None, measure]
        low, high = stats.t.interval(0.9, 2, np.mean(values), stats.sem(values))
        assert row.values_a == pytest.approx(values, **CLOSE)
        assert (row.value, row.se, row.low, row.high) == pytest.approx(
            (np.mean(values), stats.sem(values), low, high), **CLOSE
        )
        assert (row.test, row.df, row.p_value, row.values_b, row.level) == ("t", 2, None, None, 0.9)
        assert (row.metric, row.label, row.last_epoch, row.train_size) == ("auc", "macro", 4, 100)
    assert found["at", None, "peak_epoch"].values_a == [4, 3, 3]  # the first was still rising at its last epoch
    assert found["at", None, "loss_after_peak"].values_a[0] == 0


@pytest.mark.parametrize(("seeds", "test"), [("nested", "t-welch"), ("crossed", "t-paired")])
def test_differences_against_scipy(measured, seeds, test):
    found = measured({"at": AT, "tl": TL}, seeds=seeds)
    assert len(found) == 9  # three measures of two arms and their one declared contrast
    for measure in ("peak_epoch", "loss_after_peak", "roughness"):
        row = found["at", "tl", measure]
        a, b = found["at", None, measure].values_a, found["tl", None, measure].values_a
        peer = stats.ttest_rel(a, b) if seeds == "crossed" else stats.ttest_ind(a, b, equal_var=False)
        interval = peer.confidence_interval(0.95)
        assert (row.test, row.values_a, row.values_b) == (test, a, b)
        assert row.value == pytest.approx(np.mean(a) - np.mean(b), **CLOSE)
        assert (row.p_value, row.df) == pytest.approx((peer.pvalue, peer.df), **CLOSE)
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high), **CLOSE)
        assert row.se == pytest.approx(row.value / peer.statistic, **CLOSE)


def test_only_epochs_that_all_runs_have_are_looked_at(measured):
    longer = [[*values, 0.95, 0.99] for values in AT]
    found = measured({"at": longer, "tl": TL})
    assert (found["at", None, "peak_epoch"].values_a, found["at", None, "peak_epoch"].last_epoch) == ([6, 6, 6], 6)
    row = found["at", "tl", "peak_epoch"]
    assert (row.values_a, row.values_b, row.last_epoch) == ([4, 3, 3], [2, 3, 2], 4)
    assert found["at", "tl", "loss_after_peak"].values_a == pytest.approx([0, 0.1, 0.1])
    # An epoch without a value in one run is left out of all.
    found = measured({"at": AT, "tl": [[0.6, None, 0.7, 0.6], *TL[1:]]})
    assert found["tl", None, "peak_epoch"].values_a == [3, 3, 3]
    assert found["at", None, "peak_epoch"].values_a == [4, 3, 3]


def test_one_seed_has_a_value_and_no_interval(measured):
    found = measured({"at": AT[:1], "tl": TL})
    for row, told in ((found["at", None, "peak_epoch"], "one seed"), (found["at", "tl", "peak_epoch"], "one seed")):
        assert told in row.undefined_because
        assert (row.se, row.low, row.high, row.p_value) == (None,) * 4
    assert found["at", "tl", "peak_epoch"].value == pytest.approx(4 - 7 / 3)


def test_seeds_that_agree_leave_no_interval(measured):
    found = measured({"at": [AT[0]] * 3, "tl": [AT[0]] * 3})
    assert "all 3 seeds gave the same value" in found["at", None, "peak_epoch"].undefined_because
    assert "neither arm varies" in found["at", "tl", "peak_epoch"].undefined_because
    assert found["at", "tl", "peak_epoch"].value == 0


@pytest.mark.parametrize(
    ("tl", "told"),
    [
        ([values[:2] for values in TL], "2 epoch(s) with a value in every run; expected 3 or more"),
        ([None, *TL[1:]], "tl-s0 has no learning curve"),
        ([None, None, None], "tl-s0 has no learning curve"),
    ],
)
def test_what_cannot_be_measured_is_null_with_the_reason(measured, tl, told):
    found = measured({"at": AT, "tl": tl})
    for measure in ("peak_epoch", "loss_after_peak", "roughness"):
        assert found["at", None, measure].undefined_because is None
        row = found["at", "tl", measure]
        assert row.undefined_because == told
        assert (row.value, row.se, row.low, row.p_value, row.last_epoch) == (None,) * 5
        assert (row.values_a, row.values_b) == ([], [])
    of_tl = [row for (a, b, _), row in found.items() if (a, b) == ("tl", None)]
    assert [row.undefined_because for row in of_tl] == [told] * (0 if tl == [None] * 3 else 3)


def test_other_metrics_are_not_compared(measured):
    more = [learning("tl", seed, values, metric="f1") for seed, values in enumerate(TL)]
    row = measured({"at": AT, "tl": [None] * 3}, more=more)["at", "tl", "roughness"]
    assert row.undefined_because == "at-s0 and tl-s0 were selected by different metrics"


def test_rows_of_an_evaluation(write_run, runs):
    selection = {"metric": "auc", "label": "macro", "epoch": 2, "value": 0.8}
    for arm, of_seeds in (("at", AT), ("tl", TL)):
        for seed, values in enumerate(of_seeds):
            history = pd.DataFrame({"epoch": range(1, 5), "auc": values})
            method = "attention_transfer" if arm == "at" else "transfer_learning"
            write_run(arm, seed, method=method, selection=selection, history=history)
    write_run("last34", 0, unfrozen="last34")  # no history
    found = evaluate(runs, replicates=0).dynamics
    assert [(row.arm_a, row.arm_b) for row in found[::3]] == [
        ("at", None),
        ("tl", None),
        ("at", "tl"),
        ("last34", "tl"),
    ]
    assert found[6].measure == "peak_epoch"
    assert (found[6].values_a, found[6].values_b, found[6].test) == ([4, 3, 3], [2, 3, 2], "t-welch")
    assert {row.undefined_because for row in found[9:]} == {"last34-s0 has no learning curve"}
