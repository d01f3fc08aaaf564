"""Which patients an average counts: those with a target of its labels; an average of one label is that label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.evaluation import evaluate

FIELDS = ("value", "se", "df", "low", "high")


def tables(labels: str, *, rare: str = "", untargeted: int = 0) -> dict:
    """Two arms of two seeds and sixty patients of two images; the last `untargeted` patients have no target at all."""
    rng = np.random.default_rng(5)
    patient = np.repeat(np.arange(60), 2)
    truth = (rng.random((120, len(labels))) < 0.4).astype(float)
    for label in rare:
        truth[:, labels.index(label)] = np.isin(patient, (3, 11, 20, 31, 32))
    score = {
        (arm, seed): 1 / (1 + np.exp(1 - 1.5 * truth - rng.normal(size=truth.shape)))
        for arm in ("TL", "AT")
        for seed in (0, 1)
    }
    columns = {"image_id": [f"i{k:03d}" for k in range(120)], "patient_id": [f"p{k:02d}" for k in patient]}
    columns |= {"group_sex": np.where(patient % 2, "F", "M")}
    targets = np.where((patient >= 60 - untargeted)[:, None], np.nan, truth)
    columns |= {f"target_{label}": targets[:, k] for k, label in enumerate(labels)}
    return {
        arm: [
            pd.DataFrame(columns | {f"score_{label}": score[arm, seed][:, k] for k, label in enumerate(labels)})
            for seed in (0, 1)
        ]
        for arm in ("TL", "AT")
    }


def numbers(rows, label: str) -> np.ndarray:
    found = [[getattr(row, field, None) for field in FIELDS] for row in rows if row.label == label]
    return np.array(found, dtype=float)


@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
def test_an_average_of_one_label_has_the_interval_and_the_test_of_the_label(average):
    found = evaluate(tables("A", rare="A"), replicates=0, add=["micro", "patients:jackknife"])
    for rows in (
        [row for row in found.estimates if row.metric == "auc" and not row.interval.startswith("seeds:")],
        [row for row in found.comparisons if row.metric == "auc" and row.kind == "declared"],
    ):
        assert len(numbers(rows, "A"))
        np.testing.assert_allclose(numbers(rows, average), numbers(rows, "A"), rtol=1e-6)


def test_patients_without_a_target_count_as_little_as_patients_who_are_not_there():
    asked = {"replicates": 0, "add": ["subgroups", "micro", "patients:jackknife", "patients:delong"]}
    found = evaluate(tables("AB", untargeted=40), **asked)
    without = {
        arm: [table[table.target_A.notna()] for table in runs] for arm, runs in tables("AB", untargeted=40).items()
    }
    expected = evaluate(without, **asked)
    for left, right in zip(found.estimates, expected.estimates, strict=True):
        assert (left.metric, left.label, left.group, left.interval) == (
            right.metric,
            right.label,
            right.group,
            right.interval,
        )
    for rows, others in ((found.estimates, expected.estimates), (found.gaps, expected.gaps)):
        for label in ("A", "B", "macro", "weighted", "micro"):
            np.testing.assert_allclose(numbers(rows, label), numbers(others, label), rtol=1e-9, atol=1e-12)
