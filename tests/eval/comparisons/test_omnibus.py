"""The F test of all arms: the squared primary statistic for two arms, MRMCaov's F for crossed readers, and its size."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from scipy import stats

from medkt_eval.comparisons.omnibus import box_f, of_all_arms, over_datasets
from medkt_eval.inference.obuchowski_rockette import compare, patient_covariance
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.metrics.placements import auc_without_each_patient, placements
from medkt_eval.metrics.ranking import rank
from medkt_eval.results.schema import Arm, Estimate
from medkt_eval.study.declaration import Analysis
from medkt_eval.study.options import AnalysisOptions
from medkt_eval.study.requests import request

SEEDS: tuple[Literal["nested"], Literal["crossed"]] = ("nested", "crossed")


def made(*n_seeds: int, seed: int = 0, patients: float = 0.01) -> tuple[list[np.ndarray], np.ndarray]:
    """Metrics of arms with these numbers of seeds, and a covariance over patients."""
    rng = np.random.default_rng(seed)
    arms = [0.8 + 0.02 * rng.normal(size=r) for r in n_seeds]
    return arms, patient_covariance(patients * rng.normal(size=(sum(n_seeds), 50)) / 50)


def positive_part(seed: int, *n_seeds: int) -> tuple[list[np.ndarray], np.ndarray]:
    """The same with variance over patients: the runs of each arm share a direction of their own."""
    rng = np.random.default_rng(seed)
    arms, _ = made(*n_seeds, seed=seed)
    own = np.concatenate([np.repeat(rng.normal(size=(1, 50)), r, axis=0) for r in n_seeds])
    return arms, patient_covariance(0.01 * (own + 0.3 * rng.normal(size=own.shape)) / 5)


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("patients", [True, False])
def test_two_arms_give_the_squared_primary_statistic(seed, kind, patients):
    r = 4 if kind == "crossed" else 3
    arms, covariance = positive_part(seed, 4, r) if patients else made(4, r, seed=seed)
    found = box_f(arms, covariance, seeds=kind)
    test = compare(arms[0], arms[1], covariance, seeds=kind, df_patients=np.inf, level=0.95)
    assert test.statistic is not None
    assert found.df1 == pytest.approx(1, rel=1e-12)
    assert found.statistic == pytest.approx(test.statistic**2, rel=1e-9)


@pytest.mark.parametrize("kind", SEEDS)
def test_by_the_formula_written_out(kind):
    arms, covariance = positive_part(3, 4, 4, 4)
    found = box_f(arms, covariance, seeds=kind)
    t, r, values = 3, 4, np.array(arms)
    v = np.zeros((t, t))
    for i in range(t):
        for k in range(t):
            pairs = [
                covariance[4 * i + a, 4 * k + b]
                for a in range(r)
                for b in range(r)
                if a != b or (i != k and kind == "nested")
            ]
            v[i, k] = np.mean(pairs)
            if i == k or kind == "crossed":
                v[i, k] += ((values[i] - values[i].mean()) * (values[k] - values[k].mean())).sum() / (r - 1) / r
    centring = np.eye(t) - np.ones((t, t)) / t
    trace = np.trace(centring @ v)
    assert found.statistic == pytest.approx(((values.mean(axis=1) - values.mean()) ** 2).sum() / trace, rel=1e-12)
    assert found.df1 == pytest.approx(trace**2 / np.trace(centring @ v @ centring @ v), rel=1e-12)
    if kind == "nested":
        ms = values.var(axis=1, ddof=1)
        assert found.df2 == pytest.approx(trace**2 / sum((2 / 3) ** 2 * (ms / r) ** 2 / (r - 1)), rel=1e-12)
    assert found.p_value == pytest.approx(stats.f.sf(found.statistic, found.df1, found.df2), rel=1e-12)


@pytest.mark.parametrize("kind", SEEDS)
def test_order_of_the_arms_and_a_shift_of_all_of_them_change_nothing(kind):
    arms, covariance = positive_part(1, 3, 3, 3)
    order = [2, 0, 1]
    places = np.concatenate([np.arange(3) + 3 * i for i in order])
    first = box_f(arms, covariance, seeds=kind)
    second = box_f([0.1 + arms[i] for i in order], covariance[np.ix_(places, places)], seeds=kind)
    for name in ("statistic", "df1", "df2", "p_value"):
        assert getattr(second, name) == pytest.approx(getattr(first, name), rel=1e-9)


def test_a_negative_estimate_of_the_variance_over_patients_is_taken_as_none():
    arms, _ = made(3, 3, 3)
    block = np.kron(0.01 * (np.ones((3, 3)) - np.eye(3)), np.ones((3, 3)))  # arms covary, an arm's own runs do not
    found, none = (box_f(arms, s, seeds="nested") for s in (block, np.zeros((9, 9))))
    assert found == none
    assert found.statistic > 0


@pytest.mark.real
def test_van_dyke_crossed_is_mrmcaovs():
    """Jackknife covariance; F 4.456, df 1 and 15.26 (Hillis). A crossed design of two arms does not change them."""
    folder = os.environ.get("MEDKT_DATA")
    if not folder:
        pytest.skip("MEDKT_DATA is not set: it names the folder with Van Dyke's ratings")
    expected = json.loads((Path(folder) / "van-dyke" / "expected.json").read_text())
    with (Path(folder) / "van-dyke" / "van_dyke.csv").open() as handle:
        rows = [{name: int(value) for name, value in row.items()} for row in csv.DictReader(handle)]
    cases = sorted({row["case"] for row in rows})
    truth = np.array([next(row["truth"] for row in rows if row["case"] == case) for case in cases])
    values, without = [], []
    for treatment in (1, 2):
        for reader in range(1, 6):
            mine = {r["case"]: r["rating"] for r in rows if (r["treatment"], r["reader"]) == (treatment, reader)}
            ranking = rank(truth, np.array([mine[case] for case in cases]), np.arange(len(cases)), len(cases))
            placed = placements(ranking)
            values.append(placed.auc)
            without.append(auc_without_each_patient(ranking, placed))
    found = box_f([np.array(values[:5]), np.array(values[5:])], patient_covariance(np.array(without)), seeds="crossed")
    assert found.df1 == pytest.approx(expected["F_df1"], rel=1e-12)
    assert found.statistic == pytest.approx(expected["jackknife"]["F"], rel=1e-10)
    assert found.df2 == pytest.approx(expected["jackknife"]["df2"], rel=1e-10)
    assert found.p_value == pytest.approx(expected["jackknife"]["p"], abs=1e-11)


@pytest.mark.parametrize(
    "spread", [(1, 1, 1, 1), (1, 1, 1, 6)], ids=["equal variances", "one arm varies six times more"]
)
def test_size_where_no_arm_differs(spread):
    """600 studies of 4 arms with 3 nested seeds and a known variance over patients. Expected: 0.05, s.e. 0.009."""
    rng = np.random.default_rng(5)
    scale = 0.01 * np.sqrt(spread)[:, None]
    of_patients = np.kron(0.0002 * np.eye(4) + 0.0001, np.ones((3, 3)))
    shared = np.linalg.cholesky(0.0002 * np.eye(4) + 0.0001)
    rejected = 0
    for _ in range(600):
        arms = 0.8 + (shared @ rng.normal(size=4))[:, None] + scale * rng.normal(size=(4, 3))
        rejected += box_f(list(arms), of_patients, seeds="nested").p_value < 0.05
    assert 0.02 < rejected / 600 < 0.085


def test_power_where_one_arm_does():
    arms, covariance = positive_part(0, 3, 3, 3)
    arms[0] = arms[0] + 0.3
    assert box_f(arms, covariance, seeds="nested").p_value < 1e-3


def measure_of(arms: list[np.ndarray], covariance: np.ndarray, df_patients: float = 30.0) -> MetricOfRuns:
    values = np.concatenate(arms)
    n = len(values)
    return MetricOfRuns(
        metric="auc",
        label="macro",
        runs=tuple(f"arm-{k}-s{seed}" for k, arm in enumerate(arms) for seed in range(len(arm))),
        values=values,
        because=(None,) * n,
        n_images=90,
        n_positive=None,
        df_patients=df_patients,
        covariance=covariance,
        delong=None,
        replicates=np.zeros((n, 0)),
        without_patient=None,
    )


def rows_of(arms, covariance, make_arm, seeds: Literal["nested", "crossed"] = "nested", **fields):
    names = [f"arm-{k}" for k in range(len(arms))]
    plan = AnalysisOptions(Analysis(seeds=seeds), request([], seeds=seeds, ordered=False), 0.95, 0, 31)
    made_arms = [
        make_arm(name, seeds=list(range(len(arms[k]))), **{key: of[k] for key, of in fields.items()})
        for k, name in enumerate(names)
    ]
    return of_all_arms(measure_of(arms, covariance), made_arms, plan)


def test_the_row_of_all_arms(make_arm):
    arms, covariance = positive_part(2, 3, 4, 3)
    (row,) = rows_of(arms, covariance, make_arm)
    found = box_f(arms, covariance, seeds="nested")
    assert (row.statistic, row.df1, row.df2, row.p_value) == (found.statistic, found.df1, found.df2, found.p_value)
    assert (row.test, row.scope, row.metric, row.label) == ("box-f", "seeds+patients", "auc", "macro")
    assert (row.arms, row.train_size) == (["arm-0", "arm-1", "arm-2"], 100)


def test_two_arms_training_sizes_and_teachers_make_no_row(make_arm):
    arms, covariance = positive_part(2, 3, 3, 3)
    assert rows_of(arms[:2], covariance[:6, :6], make_arm) == []
    assert rows_of(arms, covariance, make_arm, train_size=[100, 100, 500]) == []
    assert rows_of(arms, covariance, make_arm, role=["arm", "arm", "teacher"]) == []


def test_what_cannot_be_tested_says_why(make_arm):
    arms, covariance = positive_part(2, 3, 3, 1)
    (row,) = rows_of(arms, covariance, make_arm)
    assert row.statistic is row.p_value is None
    assert row.undefined_because == "one seed: an analysis with random seeds needs two in each arm"
    same, covariance = [np.full(3, 0.8)] * 3, positive_part(2, 3, 3, 3)[1]
    assert rows_of(same, covariance, make_arm)[0].undefined_because == "no arm varies over its seeds"
    parallel = [np.array([0.7, 0.8, 0.75]) + shift for shift in (0, 0.1, 0.15)]
    (row,) = rows_of(parallel, covariance, make_arm, "crossed")
    assert row.undefined_because == "no difference between arms varies over seeds"
    assert rows_of(parallel, covariance, make_arm, "nested")[0].undefined_because is None


def estimate(arm: Arm, value: float, metric: str = "auc") -> Estimate:
    return Estimate(
        dataset=arm.dataset,
        arm=arm.arm,
        metric=metric,
        label="macro",
        value=value,
        se=0.1,
        low=None,
        high=None,
        level=0.95,
        interval="seeds+patients:or",
        df=3,
        n_seeds=3,
        n_patients=30,
        n_images=90,
        n_positive=None,
    )


def test_friedman_over_data_sets(make_arm):
    table = np.random.default_rng(0).random((6, 3))
    arms, estimates = [], []
    for d, row in enumerate(table):
        for k, value in enumerate(row):
            arms.append(make_arm(f"d{d}-arm{k}", name=f"arm{k}", dataset=f"d{d}"))
            estimates += [estimate(arms[-1], value), estimate(arms[-1], value, "brier")]
    auc, brier = over_datasets(arms, estimates, 0.95)
    expected = stats.friedmanchisquare(*table.T)
    assert (auc.metric, auc.label, auc.arms, len(auc.datasets)) == ("auc", "macro", ["arm0", "arm1", "arm2"], 6)
    assert (auc.statistic, auc.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
    ranks = stats.rankdata(-table, axis=1).mean(axis=0)
    assert auc.mean_ranks == pytest.approx(list(ranks))  # 1 is best
    assert brier.mean_ranks == pytest.approx(list(4 - ranks))  # the lower the better
    assert over_datasets(arms, [row for row in estimates if row.dataset == "d0"], 0.95) == []
