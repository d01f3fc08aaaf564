"""A value that does not exist without some patient shows no error: one rule for labels, averages and all intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.evaluation import evaluate

LABELS = ("A", "B", "Rare")
INTERVALS = [
    "patients:jackknife",
    "patients:bootstrap-basic",
    "patients:bootstrap-bca",
    "patients:bootstrap-studentized",
    "seeds+patients:bootstrap",
]


def rows(found, **fields):
    return [row for row in found if all(getattr(row, name) == value for name, value in fields.items())]


def tables(positive_patients: int, *, without: str | None = None) -> dict:
    """Two arms of two seeds, forty patients of three images; `positive_patients` of them have the rare label."""
    rng = np.random.default_rng(8)
    patient = np.repeat(np.arange(40), 3)
    truth = (rng.random((120, 3)) < 0.4).astype(int)
    truth[:, 2] = patient < positive_patients
    if without:
        truth[:, LABELS.index(without)] = 0
    arms = {}
    for arm in ("TL", "AT"):
        arms[arm] = []
        for _ in range(2):
            score = 1 / (1 + np.exp(1 - 2 * truth - rng.normal(size=truth.shape)))
            columns = {"image_id": [f"i{k:03d}" for k in range(120)], "patient_id": [f"p{k:02d}" for k in patient]}
            columns |= {f"target_{label}": truth[:, k] for k, label in enumerate(LABELS)}
            arms[arm].append(pd.DataFrame(columns | {f"score_{label}": score[:, k] for k, label in enumerate(LABELS)}))
    return arms


@pytest.fixture(scope="module")
def of_one():
    return evaluate(tables(1), add=[*INTERVALS, "max-t", "micro"], replicates=200)


@pytest.mark.parametrize("label", ["macro", "weighted", "Rare"])
@pytest.mark.parametrize("metric", ["auc", "average_precision"])
def test_every_interval_and_test_over_patients_is_refused(of_one, metric, label):
    reason = "all positive images are of one patient" if label == "Rare" else f"there is no {metric} of Rare"
    of_arms = rows(of_one.estimates, metric=metric, label=label)
    assert len({row.interval for row in of_arms}) >= 6
    for row in of_arms:
        assert row.value is not None
        if row.interval.startswith("seeds:"):
            assert row.low is not None
        else:
            assert (row.low, row.high) == (None, None)
            assert reason in row.undefined_because
    for row in rows(of_one.comparisons, metric=metric, label=label):
        assert row.difference is not None
        if row.scope != "seeds":
            assert (row.p_value, row.low, row.se) == (None, None, None)
            assert reason in row.undefined_because
    assert not rows(of_one.variance_components, metric=metric, label=label)


def test_other_labels_and_micro_keep_theirs(of_one):
    for label in ("A", "B", "micro"):
        for row in rows(of_one.estimates, metric="auc", label=label):
            assert row.low is not None or "average over all labels only" in (row.undefined_because or "")


@pytest.mark.parametrize("defined", ["all", "defined"])
def test_the_rule_does_not_depend_on_labels_defined(study, defined):
    found = evaluate(tables(1), study=study(f'labels_defined = "{defined}"'), replicates=0)
    for label in ("macro", "weighted"):
        (row,) = rows(found.estimates, arm="tl", metric="auc", label=label, interval="seeds+patients:or")
        assert row.low is None
        assert "Rare" in row.undefined_because


def test_two_patients_are_enough_for_the_jackknife_and_a_label_without_positives_has_no_weight():
    found = evaluate(tables(2), replicates=0)
    for label in ("macro", "weighted", "Rare"):
        for row in rows(found.estimates, metric="auc", label=label, interval="seeds+patients:or"):
            assert row.low is not None
    none = evaluate(tables(0), replicates=0)
    for row in rows(none.estimates, metric="auc", label="weighted", interval="seeds+patients:or"):
        assert row.low is not None


def test_replicates_without_the_label_have_no_weighted_average():
    """Two positive patients: a replicate has neither with a chance of (38/40)^40 = 13 %."""
    found = evaluate(tables(2), replicates=400)
    macro, weighted = (
        rows(found.estimates, arm="tl", metric="auc", label=label, interval="patients:bootstrap-percentile")[0]
        for label in ("macro", "weighted")
    )
    assert macro.undefined_replicates == weighted.undefined_replicates
    assert 20 < weighted.undefined_replicates < 100
    assert weighted.low is None
