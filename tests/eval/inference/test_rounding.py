"""Equal values and variances that cancel: rounding errors are neither variation nor an order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.evaluation import evaluate
from medkt_eval.inference.multiplicity import max_t
from medkt_eval.inference.obuchowski_rockette import analyse, patient_covariance
from medkt_eval.inference.over_patients import delong
from medkt_eval.inference.over_patients.patient_jackknife import jackknife_interval, jackknife_test
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
