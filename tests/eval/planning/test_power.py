"""Power, against textbook tests as limits and against simulated studies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from medkt_eval.errors import InputError
from medkt_eval.inference.obuchowski_rockette import compare
from medkt_eval.planning.power import patients_needed, power
from medkt_eval.planning.variance_components import VarianceComponents

PILOT = VarianceComponents(1e-4, 3e-5, 1e-4, "nested", 3, 3, 300, 299)
LEVEL = 0.95


@pytest.mark.parametrize("n_seeds", [2, 3, 5, 12])
def test_without_patients_crossed_seeds_give_the_power_of_a_paired_t(n_seeds):
    only_seeds = VarianceComponents(2e-4, 0.0, 0.0, "crossed", 3, 3, 300, 299)
    for size in (0.3, 1.0, 2.5):
        expected = TTestPower().power(size, n_seeds, 0.05)
        found = power(only_seeds, size * 0.02, seeds_per_arm=n_seeds, patients=300, level=LEVEL)
        assert found == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize("df", [9, 60, 500])
def test_without_seeds_the_power_is_noncentral_t(df):
    only_patients = VarianceComponents(0.0, 0.0, 1e-4, "nested", 3, 3, df + 1, df)
    for size in (0.5, 2.0, 3.5):
        reach = stats.t.ppf(0.975, df)
        expected = stats.nct.sf(reach, df, size) + stats.nct.cdf(-reach, df, size)
        found = power(only_patients, size * 0.01, seeds_per_arm=3, patients=df + 1, level=LEVEL)
        assert found == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("design", ["nested", "crossed"])
@pytest.mark.parametrize("n_seeds", [3, 5, 10])
@pytest.mark.parametrize("ratio", [1 / 9, 1, 9], ids=["patients-dominate", "balanced", "seeds-dominate"])
def test_simulated_studies_attain_the_power(study, design, n_seeds, ratio):
    """The pilot had 90 patients and 4 seeds; the studies have 150 patients and other seeds."""
    n, patients, scale = 500, 150, 90 / 150
    pilot = VarianceComponents(ratio * n_seeds / 2, 0.3 * ratio * n_seeds / 2, 1.0, design, 4, 4, 90, 89)
    together, shared = pilot.seeds_by_patients * scale, pilot.patients * scale
    effect = 2.9 * math.sqrt(2 * (pilot.seeds + together) / n_seeds + shared)
    # Values like an AUC's, where the analysis cuts differences at 1.
    unit = 0.02 / effect
    true = {"seeds": pilot.seeds * unit**2, "together": together * unit**2, "patients": shared * unit**2}
    pilot = replace(
        pilot, runs=pilot.runs * unit**2, seeds_by_patients=pilot.seeds_by_patients * unit**2, patients=unit**2
    )
    rng = np.random.default_rng([n_seeds, round(9 * ratio), design == "nested"])
    found = 0
    for _ in range(n):
        a, b, covariance = study(rng, n_seeds, patients, **true)
        test = compare(a + 0.02, b, covariance, seeds=design, df_patients=patients - 1, level=LEVEL)
        found += test.p_value is not None and test.p_value < 0.05
    expected = power(pilot, 0.02, seeds_per_arm=n_seeds, patients=patients, level=LEVEL)
    assert 0.4 < expected < 0.9
    error = math.sqrt(expected * (1 - expected) / n)
    assert found / n == pytest.approx(expected, abs=0.01 + 3 * error)


@settings(max_examples=40)
@given(
    runs=st.floats(1e-6, 1e-2),
    together=st.floats(0, 1e-3),
    patients=st.floats(1e-6, 1e-2),
    n_seeds=st.integers(4, 12),
    design=st.sampled_from(["nested", "crossed"]),
    size=st.floats(2.5, 5),
)
def test_more_seeds_patients_or_difference_give_more_power(runs, together, patients, n_seeds, design, size):
    """Cases with enough power, and with enough seeds that lost degrees of freedom cannot outweigh the gain."""
    pilot = VarianceComponents(runs, together, patients, design, 3, 3, 200, 199)
    size *= math.sqrt(2 * max(runs, together) / n_seeds + patients)

    def of(effect=size, seeds=n_seeds, p=200, factor=1.0):
        return power(pilot, effect, seeds_per_arm=seeds, patients=p, level=LEVEL, seed_sd_factor=factor)

    here = of()
    assert -1e-9 <= here <= 1 + 1e-9
    assert of(effect=1.2 * size) >= here - 1e-9
    assert of(seeds=n_seeds + 1) >= here - 5e-3
    assert of(p=300) >= here - 5e-3
    assert of(factor=1.5) <= here + 5e-3


def test_a_pair_of_seeds_is_symmetric_and_lies_between():
    def of(seeds):
        return power(PILOT, 0.04, seeds_per_arm=seeds, patients=300, level=LEVEL)

    assert of((3, 5)) == pytest.approx(of((5, 3)), rel=1e-12)
    assert of((4, 4)) == of(4)
    assert of(3) < of((3, 5)) < of(5)


def test_a_label_needs_patients_that_have_it():
    rare = replace(PILOT, df_patients=19)  # 20 of 300 patients have it
    assert power(rare, 0.04, seeds_per_arm=5, patients=300, level=LEVEL) < power(
        PILOT, 0.04, seeds_per_arm=5, patients=300, level=LEVEL
    )
    with pytest.raises(InputError, match="15 patients: too few"):
        power(rare, 0.04, seeds_per_arm=5, patients=15, level=LEVEL)


@pytest.mark.parametrize(("n_seeds", "factor"), [(5, 1.0), (10, 1.0), (4, 0.52)])
def test_the_patients_needed_are_the_fewest(n_seeds, factor):
    given = {"seeds_per_arm": n_seeds, "level": LEVEL, "seed_sd_factor": factor}
    needed = patients_needed(PILOT, 0.03, 0.8, **given)
    assert needed is not None
    assert power(PILOT, 0.03, patients=needed, **given) >= 0.8 > power(PILOT, 0.03, patients=needed - 1, **given)


def test_patients_cannot_make_up_for_seeds():
    given = {"seeds_per_arm": 3, "level": LEVEL, "seed_sd_factor": 6.28}
    assert patients_needed(PILOT, 0.02, 0.8, **given) is None
    assert power(PILOT, 0.02, patients=math.inf, **given) < 0.8


def test_never_fewer_patients_than_ten():
    assert patients_needed(PILOT, 0.5, 0.8, seeds_per_arm=20, level=LEVEL) == 10
    rare = replace(PILOT, df_patients=19)
    assert patients_needed(rare, 0.5, 0.8, seeds_per_arm=20, level=LEVEL) == 150
