"""Fixed models and varying patients: intervals and tests of the jackknife and of the bootstrap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from medkt_eval.comparisons.bootstrap_tests import bootstrap_limits, bootstrap_test
from medkt_eval.comparisons.estimates import estimates_of
from medkt_eval.inference.obuchowski_rockette import patient_covariance
from medkt_eval.inference.over_patients.patient_jackknife import jackknife_interval, jackknife_test
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.resampling import limits as bootstrap_intervals
from medkt_eval.resampling.seeds import mean_over_drawn_seeds

EXACT = {"rel": 1e-12, "abs": 0}
EVERY_INTERVAL = (
    "seeds+patients:or",
    "patients:delong",
    "patients:jackknife",
    "patients:bootstrap-percentile",
    "patients:bootstrap-basic",
    "patients:bootstrap-bca",
    "patients:bootstrap-studentized",
    "seeds+patients:bootstrap",
    "seeds:t",
    "seeds:normal",
)


def without_patient(n_runs: int, n_patients: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 0.8 + (rng.normal(size=n_patients) + 0.5 * rng.normal(size=(n_runs, n_patients))) / 400


def measure_of(metric="auc", values=(0.8, 0.82, 0.79), *, jackknife=True, because=None) -> MetricOfRuns:
    """Three runs of one arm."""
    left, rng = without_patient(3), np.random.default_rng(1)
    return MetricOfRuns(
        metric=metric,
        label="Edema",
        runs=("at-s0", "at-s1", "at-s2"),
        values=np.array(values),
        because=(None, because, None),
        n_images=90,
        n_positive=20,
        df_patients=17.0,
        covariance=patient_covariance(left),
        delong=patient_covariance(left) if metric == "auc" else None,
        replicates=np.array(values)[:, None] + 0.02 * rng.normal(size=(3, 500)),
        without_patient=left if jackknife else None,
    )


def test_jackknife_interval_by_hand():
    values, covariance = np.array([0.8, 0.82, 0.79]), patient_covariance(without_patient(3))
    found = jackknife_interval(values, covariance, df_patients=17.0, level=0.9)
    mean, se = values.mean(), covariance.mean() ** 0.5
    reach = stats.t.ppf(0.95, 17) * se / (mean * (1 - mean))
    ends = special.expit(special.logit(mean) + np.array([-reach, reach]))
    assert (found.low, found.high, found.se, found.df) == pytest.approx((*ends, se, 17), **EXACT)
    plain = jackknife_interval(values, covariance, df_patients=17.0, level=0.9, scale="identity")
    reach = stats.t.ppf(0.95, 17) * se
    assert (plain.low, plain.high, plain.se) == pytest.approx((mean - reach, mean + reach, se), **EXACT)


def test_jackknife_of_a_mean_is_students_t():
    data = np.random.default_rng(2).normal(size=25) / 10 + 0.5
    without = (data.sum() - data) / 24
    found = jackknife_interval(
        data.mean()[None], patient_covariance(without[None]), df_patients=24.0, level=0.95, scale="identity"
    )
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 24, data.mean(), stats.sem(data)), rel=1e-9)


def test_jackknife_test_by_hand():
    a, b = np.array([0.8, 0.82]), np.array([0.75, 0.79, 0.77])
    without = without_patient(5)
    found = jackknife_test(a, b, patient_covariance(without), df_patients=30.0, level=0.95)
    of_difference = without[:2].mean(axis=0) - without[2:].mean(axis=0)
    se = patient_covariance(of_difference[None])[0, 0] ** 0.5
    difference = a.mean() - b.mean()
    reach = stats.t.ppf(0.975, 30) * se
    expected = (difference, se, difference - reach, difference + reach, difference / se)
    assert (found.difference, found.se, found.low, found.high, found.statistic) == pytest.approx(expected, rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(difference / se), 30), rel=1e-9)


def test_arms_that_are_the_same_have_no_variation_to_test_by():
    values, without = np.array([0.8, 0.82, 0.79]), without_patient(3)
    covariance = patient_covariance(np.concatenate([without, without[[1, 2, 0]]]))
    found = jackknife_test(values, values[[1, 2, 0]], covariance, df_patients=30.0, level=0.95)
    assert (found.se, found.low, found.p_value) == (0.0, None, None)
    assert found.undefined_because == "no variation over patients to measure"
    flat = jackknife_interval(values, np.zeros((3, 3)), df_patients=30.0, level=0.95, scale="identity")
    assert (flat.low, flat.undefined_because) == (None, "no variation over patients to measure")


@pytest.mark.parametrize(
    ("covariance", "df", "because"),
    [
        (np.full((2, 2), np.nan), 9.0, "without some patient"),
        (np.eye(2), 0.0, "fewer than two patients"),
        (np.eye(2), -1.0, "fewer than two patients"),
    ],
)
def test_one_patient_is_null_with_the_reason(covariance, df, because):
    values = np.array([0.7, 0.8])
    made = (
        jackknife_interval(values, covariance, df_patients=df, level=0.95),
        jackknife_test(values[:1], values[1:], covariance, df_patients=df, level=0.95),
    )
    for found in made:
        assert found.low is None
        assert because in (found.undefined_because or "")


@pytest.mark.parametrize("kind", ["percentile", "basic", "bca"])
def test_bootstrap_of_a_weighted_sum_of_runs(kind):
    measure, weights = measure_of(), np.array([0.5, 0.5, -1])
    drawn, value = weights @ measure.replicates, float(weights @ measure.values)
    more = {"without_patient": weights @ without_patient(3)} if kind == "bca" else {}
    expected = getattr(bootstrap_intervals, kind)(value, drawn, 0.9, **more)
    found = bootstrap_limits(kind, measure, weights, 0.9)
    assert found == expected
    row = bootstrap_test(f"bootstrap-{kind}", value, found, 0.9)
    assert (row.low, row.high, row.se) == (expected.low, expected.high, expected.se)
    assert row.p_value == expected.p_value
    assert (row.scope, row.undefined_replicates) == ("patients", 0)


def test_bca_without_a_jackknife():
    found = bootstrap_limits("bca", measure_of("sensitivity_at_specificity", jackknife=False), np.full(3, 1 / 3), 0.95)
    assert found.low is None
    assert found.undefined_because == "sensitivity_at_specificity has no patient jackknife, so no acceleration"


def test_undefined_replicates_have_no_p():
    drawn = np.r_[np.full(20, np.nan), np.linspace(-1, 1, 480)]
    found = bootstrap_test("b", 0.0, bootstrap_intervals.percentile(0.0, drawn, 0.95), 0.95)
    assert (found.low, found.p_value, found.undefined_replicates) == (None, None, 20)
    assert found.undefined_because is not None


def test_seeds_are_drawn_with_replacement_and_kept_with_their_replicate():
    replicates = np.arange(3)[:, None] * 1000.0 + np.arange(4000)
    found = mean_over_drawn_seeds(replicates, seed=0, dataset="nih", stream="at") - np.arange(4000)
    thirds = found * 3 / 1000  # the sum of the places of three seeds drawn
    assert set(thirds.round(9)) == set(range(7))
    counts = np.array([np.isclose(thirds, total).mean() for total in range(7)])
    expected = np.array([1, 3, 6, 7, 6, 3, 1]) / 27
    assert np.abs(counts - expected).max() < 4.5 * np.sqrt(expected.max() / 4000)


def test_streams_of_seeds():
    replicates = np.random.default_rng(0).random((4, 300))

    def drawn(**fields) -> np.ndarray:
        return mean_over_drawn_seeds(replicates, **({"seed": 0, "dataset": "nih", "stream": "at"} | fields))

    np.testing.assert_array_equal(drawn(), drawn())
    for fields in ({"seed": 1}, {"dataset": "mimic"}, {"stream": "tl"}):
        assert (drawn(**fields) != drawn()).mean() > 0.5
    np.testing.assert_allclose(mean_over_drawn_seeds(replicates[:1], seed=0, dataset="d", stream=""), replicates[0])


def rows_of(measure: MetricOfRuns, make_arm, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"n_patients": 40, "level": 0.95, "seed": 0, "studentized": None} | fields
    rows = estimates_of(make_arm("at", seeds=[0, 1, 2]), measure, EVERY_INTERVAL, **given)
    assert len({row.interval for row in rows}) == len(rows)
    return {row.interval: row for row in rows}


def test_every_interval_of_an_arm(make_arm):
    limits = bootstrap_intervals.Limits(0.7, 0.9, 0.05, 2)
    measure = measure_of()
    found = rows_of(measure, make_arm, studentized=limits)
    assert tuple(found) == EVERY_INTERVAL
    for name, row in found.items():
        assert row.value == pytest.approx(np.mean([0.8, 0.82, 0.79]), **EXACT)
        assert row.low < row.value < row.high, name
        assert (row.n_seeds, row.n_patients, row.n_images, row.n_positive) == (3, 40, 90, 20)
    assert (found["patients:bootstrap-studentized"].low, found["patients:bootstrap-studentized"].high) == (0.7, 0.9)
    assert [row.undefined_replicates for row in found.values()] == [None, None, None, 0, 0, 0, 2, 0, None, None]
    drawn = mean_over_drawn_seeds(measure.replicates, seed=0, dataset="phantom-chest", stream="at")
    both = found["seeds+patients:bootstrap"]
    assert (both.low, both.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), **EXACT)


def test_intervals_that_a_metric_cannot_have_are_left_out(make_arm):
    found = rows_of(measure_of("f1"), make_arm)
    assert set(EVERY_INTERVAL) - set(found) == {"patients:delong", "patients:bootstrap-studentized"}
    assert "images:delong" in rows_of(measure_of(), make_arm, n_patients=None)


def test_a_value_that_does_not_exist_is_null_in_every_row(make_arm):
    for row in rows_of(measure_of(because="no positive image among 90"), make_arm).values():
        assert row.value is row.low is row.high is row.se is None
        assert row.undefined_because == "at-s1: no positive image among 90"


def test_kappa_is_between_minus_1_and_1(make_arm):
    kappa = rows_of(measure_of("kappa_quadratic", (-0.2, 0.1, 0.0)), make_arm)
    for name in ("seeds+patients:or", "patients:jackknife"):
        assert -1 < kappa[name].low < kappa[name].value < kappa[name].high < 1
        assert kappa[name].low < 0
    covariance = measure_of().covariance / 4
    made = jackknife_interval(np.array([0.4, 0.55, 0.5]), covariance, df_patients=17.0, level=0.95)
    assert made.low is not None
    assert made.se is not None
    assert kappa["patients:jackknife"].low == pytest.approx(2 * made.low - 1, **EXACT)
    assert kappa["patients:jackknife"].se == pytest.approx(2 * made.se, **EXACT)


@pytest.mark.parametrize("values", [(1.3, 1.1, 1.2), (0.9, 0.8, 0.95), (-0.2, -0.1, -0.3)])
def test_calibration_is_not_confined_to_0_and_1(make_arm, values):
    for name in ("seeds+patients:or", "patients:jackknife"):
        row = rows_of(measure_of("calibration_slope", values), make_arm)[name]
        assert row.high - row.value == pytest.approx(row.value - row.low, rel=1e-9)
        assert row.low < row.value < row.high
