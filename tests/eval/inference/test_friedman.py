"""Friedman's and Nemenyi's tests, against R and the paper's example; too few data sets."""

from __future__ import annotations

import numpy as np
import pytest

from medkt_eval.inference.friedman import friedman


@pytest.mark.parametrize("place", [0, 1])
def test_against_r(golden, place):
    case = golden("friedman.json")[place]
    values = np.array(case["values"])
    for level, critical in case["critical_difference"].items():
        found = friedman(values, level=float(level))
        assert found.critical_difference == pytest.approx(critical, rel=1e-7, abs=0)
    assert (found.statistic, found.p_value, found.df) == pytest.approx(
        (case["statistic"], case["p_value"], case["df"]), rel=1e-12, abs=0
    )
    assert found.mean_ranks == pytest.approx(case["mean_ranks"], rel=1e-12, abs=0)
    assert found.p_nemenyi[np.triu_indices(values.shape[1], 1)] == pytest.approx(case["p_nemenyi"], rel=1e-6, abs=0)
    np.testing.assert_array_equal(found.p_nemenyi, found.p_nemenyi.T)
    np.testing.assert_array_equal(np.diag(found.p_nemenyi), 1)
    assert (found.n_datasets, found.undefined_because) == (len(values), None)
    assert found.descriptive == (len(values) < 10)


def test_worked_example_of_the_paper(golden):
    found = friedman(np.array(golden("friedman.json")[0]["values"]), level=0.95)
    assert found.mean_ranks.round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    uncorrected = 12 * 14 / (4 * 5) * ((found.mean_ranks**2).sum() - 4 * 5**2 / 4)
    assert round(uncorrected, 2) == 9.28
    assert found.statistic > uncorrected  # R, scipy and this correct for ties; the paper does not
    assert round(found.critical_difference, 2) == 1.25


def test_pairs_farther_apart_than_the_critical_difference_are_those_nemenyi_rejects(golden):
    found = friedman(np.array(golden("friedman.json")[0]["values"]), level=0.9)
    apart = np.abs(found.mean_ranks[:, None] - found.mean_ranks)
    np.testing.assert_array_equal(apart > found.critical_difference, found.p_nemenyi < 0.1)
    assert (apart > found.critical_difference).sum() == 4  # C4.5 against C4.5+m and C4.5+m+cf, each twice


def test_lower_is_better(golden):
    values = np.array(golden("friedman.json")[1]["values"])
    higher, lower = friedman(values, level=0.95), friedman(1 - values, level=0.95, lower_is_better=True)
    assert lower.mean_ranks.tolist() == higher.mean_ranks.tolist()
    assert lower.p_value == higher.p_value
    assert friedman(values, level=0.95, lower_is_better=True).mean_ranks == pytest.approx(4 - higher.mean_ranks)


@pytest.mark.parametrize(
    ("values", "because"),
    [
        (np.arange(12.0).reshape(4, 3), "4 data sets; a test over data sets needs 5 or more"),
        (np.arange(20.0).reshape(10, 2), "2 arms; Friedman's test needs three or more"),
        (np.repeat(np.arange(6.0)[:, None], 3, axis=1), "all arms are tied on every data set"),
    ],
)
def test_no_test(values, because):
    found = friedman(values, level=0.95)
    assert found.undefined_because == because
    assert (found.statistic, found.df, found.p_value) == (None, None, None)
    assert (found.critical_difference, found.p_nemenyi) == (None, None)
    ranks = None if found.mean_ranks is None else found.mean_ranks.tolist()
    assert ranks == ([2, 2, 2] if because.startswith("all arms are tied") else None)
    assert found.descriptive == (len(values) < 10)
