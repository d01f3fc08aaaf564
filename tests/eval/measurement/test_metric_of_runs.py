"""Selection of the runs of one or several arms from the runs of a data set."""

from __future__ import annotations

import numpy as np
import pytest

from medkt_eval.measurement.metric_of_runs import MetricOfRuns, replicate_covariance, run_indices

RUNS = ("b-s1", "a-s0", "c-s0", "a-s3", "b-s0")


@pytest.fixture
def metric() -> MetricOfRuns:
    n = len(RUNS)
    return MetricOfRuns(
        metric="auc",
        label="macro",
        runs=RUNS,
        values=np.arange(n) / 10,
        because=(None, None, "no positive image among 4", None, None),
        n_images=40,
        n_positive=None,
        df_patients=9.0,
        covariance=np.arange(n * n, dtype=np.float64).reshape(n, n),
        delong=None,
        replicates=np.arange(3 * n).reshape(n, 3) / 100,
        without_patient=np.arange(2 * n).reshape(n, 2) / 100,
    )


def test_the_runs_of_an_arm_are_in_the_order_of_its_seeds(metric, make_arm):
    a, b = make_arm("a", seeds=[3, 0]), make_arm("b", seeds=[0, 1])
    assert (a.run_ids, b.run_ids) == (("a-s3", "a-s0"), ("b-s0", "b-s1"))
    assert run_indices(RUNS, a).tolist() == [3, 1]
    of_a = metric.of_arm(a)
    assert of_a.runs == a.run_ids
    np.testing.assert_array_equal(of_a.values, [0.3, 0.1])
    np.testing.assert_array_equal(of_a.covariance, [[18, 16], [8, 6]])
    np.testing.assert_array_equal(of_a.replicates, metric.replicates[[3, 1]])
    np.testing.assert_array_equal(of_a.without_patient, metric.without_patient[[3, 1]])


def test_several_arms_follow_each_other(metric, make_arm):
    a, b, c = make_arm("a", seeds=[0, 3]), make_arm("b", seeds=[0, 1]), make_arm("c", seeds=[0])
    both = metric.of_arms(b, a)
    assert both.runs == ("b-s0", "b-s1", "a-s0", "a-s3")
    np.testing.assert_array_equal(both.values, metric.values[[4, 0, 1, 3]])
    np.testing.assert_array_equal(both.covariance, metric.covariance[np.ix_([4, 0, 1, 3], [4, 0, 1, 3])])
    assert both.undefined_because is None
    assert metric.of_arms(a, c).undefined_because == "c-s0: no positive image among 4"


def test_an_arm_of_another_data_set_is_refused(metric, make_arm):
    with pytest.raises(ValueError, match="not in tuple"):
        metric.of_arm(make_arm("a", seeds=[0, 7]))


def test_covariance_of_replicates_is_numpys_over_those_that_exist():
    replicates = np.random.default_rng(0).normal(size=(3, 500))
    np.testing.assert_allclose(replicate_covariance(replicates), np.cov(replicates), rtol=0, atol=1e-12)
    replicates[1, 7] = np.nan
    expected = np.cov(np.delete(replicates, 7, axis=1))
    np.testing.assert_allclose(replicate_covariance(replicates), expected, rtol=0, atol=1e-12)
    replicates[1, :6] = np.nan  # more than 1 %
    assert np.isnan(replicate_covariance(replicates)).all()
    assert np.isnan(replicate_covariance(np.zeros((2, 0)))).all()
