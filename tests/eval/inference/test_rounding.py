"""Equal values and variances that cancel: rounding errors are neither variation nor an order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from medkt_eval.evaluation import evaluate
from medkt_eval.inference.friedman import friedman
from medkt_eval.inference.interval import logit_interval
from medkt_eval.inference.multiplicity import max_t
from medkt_eval.inference.obuchowski_rockette import analyse, compare, interval, patient_covariance
from medkt_eval.inference.over_patients import delong
from medkt_eval.inference.over_patients.patient_jackknife import jackknife_interval, jackknife_test
from medkt_eval.inference.over_seeds.rank_tests import mann_whitney, sign_flip, wilcoxon
from medkt_eval.inference.over_seeds.t_intervals import seeds_t
from medkt_eval.inference.over_seeds.t_tests import paired_t, welch_t
from medkt_eval.inference.rounding import is_end, tolerance
from medkt_eval.inference.superiority import over_replicates, over_seeds
from medkt_eval.planning.variance_components import measure_components
from medkt_eval.resampling import limits

NO_VARIATION = "no variation over seeds or patients to measure"


def each_seed_misses_another(more: int = 0) -> list[pd.DataFrame]:
    """Three seeds, each of which misses another of three positives: their mean depends on no patient."""
    names = [f"p{k}" for k in range(6 + more)]
    truth = [1, 1, 1, 0, 0, 0, *(k % 2 for k in range(more))]
    group = ["small"] * 6 + ["large"] * more
    noise = np.random.default_rng(0).random((3, more))
    tables = []
    for seed in range(3):
        scores = [0.1 if k == seed else 0.9 for k in range(3)] + [0.5] * 3
        columns = {"image_id": names, "patient_id": names, "target_A": truth, "score_A": [*scores, *noise[seed]]}
        tables.append(pd.DataFrame(columns | ({"group_site": group} if more else {})))
    return tables


def test_jackknife_of_a_mean_that_depends_on_no_patient():
    result = evaluate({"TL": each_seed_misses_another()}, replicates=0, add=["patients:jackknife"])
    rows = {row.interval: row for row in result.estimates if (row.metric, row.label) == ("auc", "A")}
    for name in ("patients:jackknife", "patients:delong", "seeds+patients:or"):
        assert rows[name].value == pytest.approx(2 / 3, rel=1e-15)
        assert (rows[name].low, rows[name].high, rows[name].undefined_because) == (None, None, NO_VARIATION)


def test_a_group_whose_mean_depends_on_no_patient_spares_the_others():
    tables = each_seed_misses_another(more=20)
    result = evaluate({"TL": tables}, replicates=0, add=["subgroups", "patients:jackknife"])
    rows = {row.group: row for row in result.estimates if (row.metric, row.interval) == ("auc", "patients:jackknife")}
    assert rows["site=small"].undefined_because == NO_VARIATION
    assert rows["site=small"].low is None
    assert rows["site=large"].low is not None
    assert rows[None].low is not None


def cancelling(order: tuple[int, ...]) -> np.ndarray:
    """Covariance of three runs whose mean does not vary, and whose elements sum to a rounding error of either sign."""
    left = np.array([[0.1, -0.3, 0.2], [0.3, 0.1, -0.4], [-0.4, 0.2, 0.2]])[list(order)]
    return patient_covariance(0.7 + left)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("scale", ["logit", "identity"])
def test_no_interval_from_covariances_that_cancel(order, scale):
    values, covariance = np.array([0.7, 0.7, 0.7]), cancelling(order)
    given = {"df_patients": 17.0, "level": 0.95}
    assert jackknife_interval(values, covariance, **given, scale=scale).low is None
    assert delong.interval(values, covariance, 0.95).low is None
    assert analyse([values], covariance, [1.0], seeds="nested", df_patients=17.0).variance_seeds == 0


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_no_test_from_covariances_that_cancel(order):
    a, b = np.array([0.7, 0.7, 0.7]), np.array([0.6, 0.6])
    covariance = np.zeros((5, 5))
    covariance[:3, :3] = cancelling(order)
    assert jackknife_test(a, b, covariance, df_patients=17.0, level=0.95).p_value is None
    assert delong.compare(a, b, covariance, 0.95).p_value is None


@pytest.mark.parametrize("seeds", ["nested", "crossed"])
def test_seeds_that_differ_by_rounding_have_no_variance(seeds):
    rounded = 0.1 + 0.2 - 0.3  # 5.6e-17
    a, b = np.array([0.7, 0.7 + 2 * rounded, 0.7]), np.array([0.6, 0.6, 0.6 + 2 * rounded])
    covariance = 1e-4 * (np.eye(6) + 2)
    contrast = analyse([a, b], covariance, [1.0, -1.0], seeds=seeds, df_patients=99.0)
    assert (contrast.variance_seeds, contrast.df, contrast.df_hillis) == (0, 99, None)
    components = measure_components(a, b, covariance, seeds=seeds, n_patients=100, df_patients=99.0)
    assert components.runs == 0


def test_replicates_that_differ_by_rounding_are_no_member_of_max_t():
    rng = np.random.default_rng(0)
    varying, constant = rng.normal(size=200), 0.02 + 1e-17 * rng.normal(size=200)
    p = max_t(np.array([0.1, 0.02]), np.array([varying, constant]))
    assert not np.isnan(p[0])
    assert np.isnan(p[1])


def test_no_acceleration_from_rounding():
    rng = np.random.default_rng(0)
    replicates, rounded = 0.5 + 0.1 * rng.normal(size=500), 0.7 + 1e-16 * rng.exponential(size=50).round()
    none = limits.bca(0.5, replicates, 0.95, without_patient=np.full(50, 0.7))
    assert limits.bca(0.5, replicates, 0.95, without_patient=rounded) == none


def table_of(*aucs: float) -> pd.DataFrame:
    """Fifty positives and fifty negatives; each label has this AUC, a multiple of 0.01."""
    names = [f"p{k:02d}" for k in range(100)]
    columns: dict[str, list] = {"image_id": names, "patient_id": names}
    for label, auc in zip("ABC", aucs, strict=False):
        raised = round(100 * (auc - 0.5))  # positives above all negatives; the rest is tied
        columns |= {f"target_{label}": [1] * 50 + [0] * 50}
        columns |= {f"score_{label}": [0.9] * raised + [0.5] * (100 - raised)}
    return pd.DataFrame(columns)


def test_runs_whose_macro_auc_is_tied_exactly():
    tables = {
        "TL": [table_of(0.55, 0.58, 0.61) for _ in range(5)],  # 0.58
        "AT": [table_of(0.55, 0.61, 0.58) for _ in range(5)],  # 0.5800000000000001
    }
    result = evaluate(tables, replicates=0, add=["mann-whitney"], identical_runs=True)
    assert len({row.value for row in result.runs if (row.metric, row.label) == ("auc", "macro")}) == 2
    rows = {row.test: row for row in result.comparisons if (row.metric, row.label) == ("auc", "macro")}
    assert rows["mann-whitney"].p_value is None
    assert rows["mann-whitney"].undefined_because == "every seed of both arms gave the same value"
    assert rows["t-welch"].probability_a_above_b == 0.5


def test_data_sets_on_which_all_arms_are_tied_exactly(write_run, runs):
    orders = [(0.50, 0.51, 0.57), (0.50, 0.57, 0.51), (0.57, 0.51, 0.50)]
    for place in range(10):
        for arm, order in zip(("alpha", "beta", "gamma"), orders, strict=True):
            for seed, auc in enumerate(order):
                write_run(
                    f"d{place}-{arm}",
                    seed,
                    name=arm,
                    dataset=f"d{place}",
                    labels=["A"],
                    validation=False,
                    change=lambda _, auc=auc: table_of(auc),
                )
    result = evaluate(runs, replicates=0, identical_runs=True)
    assert len({row.value for row in result.estimates if (row.metric, row.label) == ("auc", "macro")}) > 1
    (row,) = (o for o in result.omnibus if (o.test, o.metric, o.label) == ("friedman", "auc", "macro"))
    assert row.undefined_because == "all arms are tied on every data set"
    assert (row.p_value, row.p_nemenyi) == (None, None)
    assert row.mean_ranks == [2, 2, 2]


ONE_BIT = np.finfo(np.float64).eps  # of a value in [1, 2)


@pytest.mark.parametrize("test", [mann_whitney, wilcoxon, sign_flip, over_seeds])
def test_rank_statistics_do_not_see_the_last_bit(test):
    rng = np.random.default_rng(0)
    a, b = np.array([1.5, 1.5, 1.25, 1.75, 1.5]), np.array([1.5, 1.25, 1.25, 1.5, 1.75])
    exact = test(a, b, *([] if test is over_seeds else [0.95]))
    for _ in range(20):
        shaken = [arm + ONE_BIT * rng.integers(-2, 3, arm.size) for arm in (a, b)]
        found = test(*shaken, *([] if test is over_seeds else [0.95]))
        if test is over_seeds:
            assert found == exact
        else:
            assert (found.p_value, found.undefined_because) == (exact.p_value, exact.undefined_because)


def test_replicates_and_data_sets_do_not_see_the_last_bit():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, (3, 200)) / 4 + 1, rng.integers(0, 4, (2, 200)) / 4 + 1
    shaken = [arm + ONE_BIT * rng.integers(-2, 3, arm.shape) for arm in (a, b)]
    assert over_replicates(*shaken) == over_replicates(a, b)
    values = rng.integers(0, 3, (12, 4)) / 4 + 1
    exact, found = (
        friedman(table, level=0.95) for table in (values, values + ONE_BIT * rng.integers(-2, 3, values.shape))
    )
    assert (found.statistic, found.p_value, list(found.mean_ranks)) == (
        exact.statistic,
        exact.p_value,
        list(exact.mean_ranks),
    )
    np.testing.assert_array_equal(found.p_nemenyi, exact.p_nemenyi)


def test_bca_does_not_see_the_last_bit():
    rng = np.random.default_rng(0)
    replicates, left = 1 + rng.integers(0, 9, 500) / 8, 1 + rng.random(50)
    shaken = replicates + ONE_BIT * rng.integers(-2, 3, 500)
    exact, found = (limits.bca(1.5, drawn, 0.9, without_patient=left) for drawn in (replicates, shaken))
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), rel=1e-12)


def test_small_values_are_not_tied_and_small_differences_of_large_values_are():
    """Brier scores of 1e-13 differ; macro AUCs of 0.7 that differ by 1e-13 do not."""
    small = np.array([1.1, 1.2, 1.3]) * 1e-13
    found = mann_whitney(small * 1.5, small, 0.95)
    assert found.p_value == pytest.approx(stats.mannwhitneyu(small * 1.5, small, method="exact").pvalue, rel=1e-12)
    assert over_seeds(small * 1.5, small).probability == 1.0
    assert mann_whitney(0.7 + small, np.full(3, 0.7), 0.95).undefined_because
    assert friedman(np.tile(small, (6, 1)), level=0.95).mean_ranks.tolist() == [3.0, 2.0, 1.0]
    for test in (welch_t(small * 1.5, small, 0.95), paired_t(small * 1.5, small, 0.95)):
        assert test.p_value is not None
    assert seeds_t(small, 0.95).low is not None


def test_the_tolerance_is_relative_with_a_floor_of_ten_epsilon():
    assert tolerance(np.array([0.5, -4.0])) == pytest.approx(4e-12, rel=1e-12)
    assert tolerance(np.array([1e-20])) == pytest.approx(10 * np.finfo(float).eps, rel=1e-12)


def test_a_value_at_an_end_up_to_rounding_has_no_interval():
    nearly = 0.1 + 0.2 + 0.7 - 1e-16  # 1 in exact arithmetic
    assert is_end(np.array([nearly, 1 - 1e-9, 1e-16, 1e-9]), 0.0, 1.0).tolist() == [True, False, True, False]
    assert "at the edge" in (logit_interval("x", 1 - 1e-15, 1e-4, 9.0, 0.95).undefined_because or "")


def test_replicates_of_small_values_vary():
    drawn = np.random.default_rng(0).normal(2e-13, 5e-14, size=500)
    assert limits.percentile(2e-13, drawn, 0.95).low is None
    found = limits.percentile(2e-13, drawn, 0.95, rounding=tolerance(drawn))
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), rel=1e-12)
    assert found.p_value < 0.05


def test_all_tests_of_a_contrast_print_one_difference():
    """Three seeds whose AUCs are 4/9, 6/9 and 8/9 in both arms, in another order: the difference is 0, not -2e-17."""
    truth, names = [1, 1, 1, 0, 0, 0], [f"p{k}" for k in range(6)]
    scores = [[0.1, 0.5, 0.8, 0.2, 0.3, 0.9], [0.6, 0.5, 0.8, 0.2, 0.7, 0.1], [0.6, 0.3, 0.9, 0.2, 0.4, 0.1]]

    def arm(order: tuple[int, ...], shift: float) -> list[pd.DataFrame]:
        return [
            pd.DataFrame(
                {"image_id": names, "patient_id": names, "target_A": truth, "score_A": np.array(scores[k]) * shift}
            )
            for k in order
        ]

    for order in permutations(range(3)):
        result = evaluate(
            {"TL": arm((0, 1, 2), 1.0), "AT": arm(order, 0.9)},
            replicates=100,
            add=["max-t", "permutation", "mann-whitney", "patients:jackknife", "patients:bootstrap-studentized"],
        )
        found = {row.difference for row in result.comparisons if (row.metric, row.label) == ("auc", "macro")}
        assert found == {0.0}


def test_a_variance_cut_at_zero_is_not_called_no_variation():
    values = np.array([0.7, 0.7])
    covariance = np.array([[0.02, -0.005], [-0.005, 0.02]])  # the mean of these two models varies: 0.0075
    made = interval(values, covariance, df_patients=20.0, level=0.95)
    assert (made.low, made.se) == (None, None)
    assert "estimated as 0 or below" in made.undefined_because
    test = compare(values, values - 0.1, np.kron(np.eye(2), covariance), seeds="nested", df_patients=20.0, level=0.95)
    assert (test.p_value, test.se) == (None, None)
    assert "estimated as 0 or below" in test.undefined_because
