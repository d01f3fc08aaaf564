"""The primary analysis, against Van Dyke's reader study and hand computation; its invariances."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import special, stats

from medkt_eval.inference.obuchowski_rockette import analyse, compare, interval, patient_covariance
from medkt_eval.inference.over_patients.delong import clustered_covariance, influence
from medkt_eval.metrics.placements import auc_without_each_patient, placements
from medkt_eval.metrics.ranking import rank


@dataclass(frozen=True)
class Runs:
    """The metric of each seed's run of one arm, (n_seeds,), and without each patient, (n_seeds, n_patients)."""

    values: np.ndarray
    without_patient: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        return patient_covariance(self.without_patient)


def aucs(truth: np.ndarray, runs: list[np.ndarray], patient: np.ndarray, n_patients: int) -> Runs:
    rankings = [rank(truth, scores, patient, n_patients) for scores in runs]
    found = [placements(ranking) for ranking in rankings]
    without = [auc_without_each_patient(ranking, one) for ranking, one in zip(rankings, found, strict=True)]
    return Runs(np.array([one.auc for one in found]), np.array(without))


def both(a: Runs, b: Runs) -> np.ndarray:
    """Covariance over patients of two arms' runs."""
    return patient_covariance(np.concatenate([a.without_patient, b.without_patient]))


def made(seed: int, n_seeds: int, n_patients: int = 40, shift: float = 0.0) -> Runs:
    """AUCs of runs on the same images. Only the noise of a run is random."""
    rng = np.random.default_rng(7)
    truth = np.arange(3 * n_patients) % 3 == 0
    patient = np.repeat(np.arange(n_patients), 3)
    common = rng.normal(size=truth.size)
    own = np.random.default_rng(seed)
    runs = [truth * (1 + shift) + common + 0.7 * own.normal(size=truth.size) for _ in range(n_seeds)]
    return aucs(truth, runs, patient, n_patients)


@dataclass(frozen=True)
class Ratings:
    """A reader study: truth, (n_cases,), and each treatment's ratings, (n_readers, n_cases)."""

    truth: np.ndarray
    treatments: list[list[np.ndarray]]


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    """Van Dyke's reader study."""
    folder = os.environ.get("MEDKT_DATA")
    if not folder:
        pytest.skip("MEDKT_DATA is not set: it names the folder with Van Dyke's ratings")
    with (Path(folder) / "van-dyke" / "van_dyke.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    cases = sorted({int(row["case"]) for row in rows})
    truth_of = {int(row["case"]): int(row["truth"]) for row in rows}
    truth = np.array([truth_of[case] for case in cases])
    treatments = []
    for treatment in ("1", "2"):
        scores = []
        for reader in "12345":
            mine = {int(r["case"]): r for r in rows if (r["treatment"], r["reader"]) == (treatment, reader)}
            scores.append(np.array([int(mine[case]["rating"]) for case in cases]))
        treatments.append(scores)
    return Ratings(truth, treatments)


@pytest.fixture(scope="module")
def van_dyke(ratings: Ratings) -> list[Runs]:
    """Treatments as arms, readers as seeds, cases as patients with one image each."""
    n_cases = len(ratings.truth)
    return [aucs(ratings.truth, scores, np.arange(n_cases), n_cases) for scores in ratings.treatments]


@pytest.mark.real
def test_van_dyke_crossed_is_mrmcaovs(van_dyke: list[Runs], golden):
    expected = golden("van_dyke.json")[0]
    one, two = van_dyke
    assert one.values.mean() == pytest.approx(expected["auc_1"], abs=1e-12)
    covariance = both(one, two)
    found = analyse([one.values, two.values], covariance, [1, -1], seeds="crossed", df_patients=np.inf)
    assert found.value == pytest.approx(expected["difference"], abs=1e-12)
    assert found.variance**0.5 == pytest.approx(expected["se"], abs=1e-12)
    assert found.df_hillis == pytest.approx(expected["df_hillis"], rel=1e-10)
    test = compare(one.values, two.values, covariance, seeds="crossed", df_patients=np.inf, level=0.95)
    assert found.df_hillis is not None
    p = 2 * stats.t.sf(abs(test.difference / found.variance**0.5), found.df_hillis)
    assert p == pytest.approx(expected["p_hillis"], abs=1e-11)
    between_arms = covariance[:5, 5:]
    within = [covariance[:5, :5], covariance[5:, 5:]]
    assert np.trace(between_arms) / 5 == pytest.approx(expected["cov1"], abs=1e-14)
    assert np.mean([(c.sum() - np.trace(c)) / 20 for c in within]) == pytest.approx(expected["cov2"], abs=1e-14)
    assert (between_arms.sum() - np.trace(between_arms)) / 20 == pytest.approx(expected["cov3"], abs=1e-14)


@pytest.mark.real
def test_van_dyke_nested(van_dyke: list[Runs], golden):
    expected = golden("van_dyke.json")[1]
    one, two = van_dyke
    found = analyse([one.values, two.values], both(one, two), [1, -1], seeds="nested", df_patients=np.inf)
    assert found.variance * 5 / 2 == pytest.approx(expected["variance_times_r_over_2"], rel=1e-13)
    assert found.variance**0.5 == pytest.approx(expected["se"], rel=1e-13)
    assert found.df == pytest.approx(expected["df"], rel=1e-12)
    assert found.df_hillis == pytest.approx(expected["df_hillis"], rel=1e-12)


def test_unequal_seeds_by_hand():
    a, b = made(1, 3), made(2, 5)
    s = both(a, b)
    found = analyse([a.values, b.values], s, [1, -1], seeds="nested", df_patients=25.0)
    c_aa = np.mean([s[i, j] for i in range(3) for j in range(3) if i != j])
    c_bb = np.mean([s[i, j] for i in range(3, 8) for j in range(3, 8) if i != j])
    c_ab = np.mean([s[i, j] for i in range(3) for j in range(3, 8)])
    d = max(c_aa + c_bb - 2 * c_ab, 0)
    part_a, part_b = a.values.var(ddof=1) / 3, b.values.var(ddof=1) / 5
    v = part_a + part_b
    nu = v**2 / (part_a**2 / 2 + part_b**2 / 4)
    g = 1 + 2 / nu
    assert found.variance == pytest.approx(v + d, rel=1e-12)
    assert found.df == pytest.approx((g * v + d) ** 2 / ((g * v) ** 2 / nu + d**2 / 25), rel=1e-12)


def test_swapping_arms_turns_the_sign_and_nothing_else():
    a, b = made(1, 3), made(2, 4)
    one = compare(a.values, b.values, both(a, b), seeds="nested", df_patients=30.0, level=0.95)
    two = compare(b.values, a.values, both(b, a), seeds="nested", df_patients=30.0, level=0.95)
    assert one.difference == -two.difference
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low), rel=1e-12)  # type: ignore[operator]
    assert (one.p_value, one.df, one.se) == pytest.approx((two.p_value, two.df, two.se), rel=1e-12)


def test_the_interval_of_one_arm_is_symmetric_on_the_logit_scale_and_stays_inside():
    arm = made(3, 3, shift=3.0)
    found = interval(arm.values, arm.covariance, df_patients=20.0, level=0.95)
    assert found.low is not None
    assert found.high is not None
    mean = arm.values.mean()
    assert 0 < found.low < mean < found.high < 1
    logits = special.logit([found.low, mean, found.high])
    assert logits[2] - logits[1] == pytest.approx(logits[1] - logits[0], rel=1e-9)
    wider = interval(arm.values, arm.covariance, df_patients=20.0, level=0.99)
    assert wider.low is not None
    assert wider.low < found.low


def test_no_variation_over_seeds_leaves_the_patients():
    arm = made(3, 1)
    same = Runs(np.repeat(arm.values, 3), np.repeat(arm.without_patient, 3, axis=0))
    found = analyse([same.values], same.covariance, [1], seeds="nested", df_patients=12.0)
    assert found.variance == pytest.approx(arm.covariance[0, 0], rel=1e-9)
    assert found.df == pytest.approx(12.0, rel=1e-6)
    assert found.df_hillis is None


def test_what_cannot_be_analysed_is_null_with_the_reason():
    one_seed, arm = made(1, 1), made(2, 3)
    perfect = Runs(np.ones(3), np.ones((3, 9)))

    def test(a: Runs, b: Runs) -> str:
        found = compare(a.values, b.values, both(a, b), seeds="nested", df_patients=9.0, level=0.95)
        return found.undefined_because or ""

    def reason(runs: Runs) -> str:
        return interval(runs.values, runs.covariance, df_patients=9.0, level=0.95).undefined_because or ""

    assert "one seed" in test(one_seed, arm)
    assert "one seed" in reason(one_seed)
    assert "at the edge" in reason(perfect)
    assert "no variation" in test(perfect, perfect)
    without = arm.without_patient.copy()
    without[0, 0] = np.nan
    assert "without some patient" in reason(Runs(arm.values, without))


def test_hillis_pools_the_contrasts_arms_and_takes_patients_as_endless():
    a, b = made(1, 3), made(2, 5)
    s = both(a, b)
    ours = analyse([a.values, b.values], s, [1, -1], seeds="nested", df_patients=25.0)
    found = analyse([a.values, b.values], s, [1, -1], seeds="nested", df_patients=25.0, degrees_of_freedom="hillis")
    pooled = (2 * a.values.var(ddof=1) + 4 * b.values.var(ddof=1)) / 6
    v = pooled * (1 / 3 + 1 / 5)
    assert (found.value, found.variance_patients) == (ours.value, ours.variance_patients)
    assert found.variance == pytest.approx(v + ours.variance_patients, rel=1e-12)
    assert found.df == pytest.approx((v + ours.variance_patients) ** 2 / (v**2 / 6), rel=1e-12)
    assert found.df == found.df_hillis == ours.df_hillis
    test = compare(a.values, b.values, s, seeds="nested", df_patients=25.0, level=0.9, degrees_of_freedom="hillis")
    assert (test.df, test.se) == (found.df, pytest.approx(found.variance**0.5, rel=1e-12))
    low, high = stats.t.interval(0.9, found.df, found.value, test.se)
    assert (test.low, test.high) == pytest.approx((low, high), rel=1e-12)
    assert test.p_value == pytest.approx(2 * stats.t.sf(abs(found.value / found.variance**0.5), found.df), rel=1e-12)


def test_hillis_without_variation_over_seeds_is_the_normal_distribution():
    one, other = made(3, 1), made(4, 1)
    a, b = (Runs(np.repeat(arm.values, 3), np.repeat(arm.without_patient, 3, axis=0)) for arm in (one, other))
    test = compare(
        a.values, b.values, both(a, b), seeds="nested", df_patients=9.0, level=0.95, degrees_of_freedom="hillis"
    )
    assert (test.df, test.df_hillis) == (None, None)
    assert test.p_value == pytest.approx(2 * stats.norm.sf(abs(test.statistic)), rel=1e-9)
    found = interval(a.values, a.covariance, df_patients=9.0, level=0.95, degrees_of_freedom="hillis")
    value, se = a.values.mean(), found.se
    reach = stats.norm.ppf(0.975) * se / (value * (1 - value))
    assert found.df is None
    assert (found.low, found.high) == pytest.approx(
        tuple(special.expit(special.logit(value) + np.array([-reach, reach])))
    )


@pytest.mark.real
def test_van_dyke_with_hillis_degrees_of_freedom_is_mrmcaovs(van_dyke: list[Runs], golden):
    crossed, nested = golden("van_dyke.json")[:2]
    one, two = van_dyke
    given = {"df_patients": 44.0, "level": 0.95, "degrees_of_freedom": "hillis"}
    test = compare(one.values, two.values, both(one, two), seeds="crossed", **given)
    found = (test.difference, test.se, test.df, test.p_value, test.low, test.high)
    assert found == pytest.approx(
        [crossed[name] for name in ("difference", "se", "df_hillis", "p_hillis", "low", "high")], rel=1e-10
    )
    test = compare(one.values, two.values, both(one, two), seeds="nested", **given)
    assert (test.se, test.df) == pytest.approx((nested["se"], nested["df_hillis"]), rel=1e-12)


@pytest.mark.real
@pytest.mark.parametrize("treatment", [0, 1])
def test_one_treatment_of_van_dyke_is_mrmcaovs(ratings: Ratings, golden, treatment):
    expected = golden("van_dyke.json")[2 + treatment]
    n_cases = len(ratings.truth)
    rankings = [rank(ratings.truth, reader, np.arange(n_cases), n_cases) for reader in ratings.treatments[treatment]]
    influences = [influence(ranking, placements(ranking)) for ranking in rankings]
    values = np.array([placements(ranking).auc for ranking in rankings])
    given = {"df_patients": 44.0, "level": 0.95, "degrees_of_freedom": "hillis"}
    found = interval(values, clustered_covariance(influences), scale="identity", **given)
    limits = (found.se, found.df, found.low, found.high)
    assert limits == pytest.approx([expected[name] for name in ("se", "df", "low", "high")], rel=1e-10)
    on_the_logit_scale = interval(values, clustered_covariance(influences), **given)
    assert (on_the_logit_scale.se, on_the_logit_scale.df) == pytest.approx((found.se, found.df), rel=1e-12)
