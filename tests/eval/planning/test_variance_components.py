"""Variance components, against hand computation and simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medkt_eval.errors import InputError
from medkt_eval.inference.obuchowski_rockette import analyse
from medkt_eval.planning.variance_components import VarianceComponents, measure_components


def test_components_by_hand(study):
    a, b, s = study(np.random.default_rng(5), 3, 40, seeds=1.0, together=0.3, patients=0.5)
    made = measure_components(a, b, s, seeds="nested", n_patients=40, df_patients=39)
    own = [np.mean([s[i, i] - s[i, j] for i in arm for j in arm if i != j]) for arm in (range(3), range(3, 6))]
    pairs = [np.mean([s[i, j] for i in arm for j in arm if i != j]) for arm in (range(3), range(3, 6))]
    assert made.runs == pytest.approx((a.var(ddof=1) + b.var(ddof=1)) / 2, rel=1e-12)
    assert made.seeds_by_patients == pytest.approx(np.mean(own), rel=1e-12)
    assert made.patients == pytest.approx(max(sum(pairs) - 2 * s[:3, 3:].mean(), 0), rel=1e-12)
    assert made.seeds == pytest.approx(max(made.runs - made.seeds_by_patients, 0), rel=1e-12)


def test_components_of_crossed_seeds_by_hand(study):
    a, b, s = study(np.random.default_rng(6), 4, 40, seeds=1.0, together=0.3, patients=0.5)
    made = measure_components(a, b, s, seeds="crossed", n_patients=40, df_patients=39)
    covariance = np.array([[s[i, j] + s[4 + i, 4 + j] - s[i, 4 + j] - s[4 + i, j] for j in range(4)] for i in range(4)])
    others = [covariance[i, j] for i in range(4) for j in range(4) if i != j]
    assert made.runs == pytest.approx((a - b).var(ddof=1) / 2, rel=1e-12)
    assert made.seeds_by_patients == pytest.approx((np.diag(covariance).mean() - np.mean(others)) / 2, rel=1e-12)
    assert made.patients == pytest.approx(max(np.mean(others), 0), rel=1e-9)


@pytest.mark.parametrize("design", ["nested", "crossed"])
def test_components_add_up_to_the_variance_of_the_primary_analysis(study, design):
    a, b, s = study(np.random.default_rng(7), 5, 60, seeds=1.0, together=0.3, patients=0.5)
    made = measure_components(a, b, s, seeds=design, n_patients=60, df_patients=59)
    found = analyse([a, b], s, [1, -1], seeds=design, df_patients=59)
    assert 2 * made.runs / 5 + made.patients == pytest.approx(found.variance, rel=1e-12)


@pytest.mark.parametrize("design", ["nested", "crossed"])
def test_components_are_unbiased(study, design):
    rng = np.random.default_rng(8)
    true = {"seeds": 2.0, "together": 0.5, "patients": 1.5}
    made = [
        measure_components(*study(rng, 4, 50, **true), seeds=design, n_patients=50, df_patients=49) for _ in range(600)
    ]
    found = np.array([(one.runs - one.seeds_by_patients, one.seeds_by_patients, one.patients) for one in made])
    error = found.std(axis=0, ddof=1) / math.sqrt(len(made))
    assert np.all(np.abs(found.mean(axis=0) - list(true.values())) < 4 * error)


def test_negative_seeds_are_cut_and_survive_results_json():
    made = VarianceComponents(1e-5, 4e-5, 1e-4, "nested", 3, 4, 300, 299)
    assert made.seeds == 0
    assert made.by_name()["runs"] - made.by_name()["seeds x patients"] == pytest.approx(-3e-5)
    assert (
        VarianceComponents.from_names(made.by_name(), design="nested", n_seeds=(3, 4), n_patients=300, df_patients=299)
        == made
    )


def test_one_seed_has_no_components():
    with pytest.raises(InputError, match="1 and 3 seeds"):
        measure_components(np.ones(1), np.ones(3), np.eye(4), seeds="nested", n_patients=9, df_patients=8)
