"""Metrics of every run on the test images that all runs of a data set share.

In: run records. Out: `RunValue` and `Threshold` rows of results.json, and each data set's `TestSet`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.metrics import multiclass_metrics, multilabel_metrics
from medkt_eval.predictions import Predictions, check_same_images
from medkt_eval.results import RunValue, Threshold
from medkt_eval.run_records import RunRecord
from medkt_eval.thresholds import choose

# (arm, metric, label) -> the values of the arm's runs, in the order of its seeds
Values = Mapping[tuple[str, str, str], list[RunValue]]


@dataclass(frozen=True)
class TestSet:
    """What all runs of one data set share."""

    __test__ = False  # not a test of pytest's

    n_images: int
    n_patients: int | None
    n_positive: dict[str, int]


def measure(
    records: Sequence[RunRecord], *, independent_images: bool
) -> tuple[list[RunValue], list[Threshold], dict[str, TestSet]]:
    """Metrics of every run on the test images, which all runs of a data set must share."""
    values, thresholds = [], []
    reference: dict[str, tuple[str, Predictions]] = {}
    for record in records:
        manifest = record.manifest
        predictions = record.test()
        if predictions.patient_ids is None and not independent_images:
            raise InputError(
                f"{predictions.source}: no column 'patient_id'; images of one patient are not independent. Add it, or "
                "declare independent_images = true in [analysis] if every patient has one image"
            )
        run_id, first = reference.setdefault(manifest.arm.dataset, (manifest.run_id, predictions))
        if first.labels != predictions.labels or first.task != predictions.task:
            raise InputError(
                f"runs {run_id} and {manifest.run_id} have different labels or tasks on {manifest.arm.dataset}; "
                "comparisons need the same labels in the same order"
            )
        check_same_images(first, predictions, (run_id, manifest.run_id))

        if predictions.task == "multilabel":
            chosen = choose(record.validation(), predictions.labels)
            thresholds += [
                Threshold(run_id=manifest.run_id, label=t.label, rule=t.rule, value=t.value,
                          undefined_because=t.undefined_because)
                for t in chosen
            ]  # fmt: skip
            measured = multilabel_metrics(
                predictions.labels, predictions.targets, predictions.scores,
                [t.value for t in chosen], [t.undefined_because for t in chosen],
            )  # fmt: skip
        else:
            measured = multiclass_metrics(predictions.labels, predictions.targets, predictions.scores)
        values += [
            RunValue(run_id=manifest.run_id, dataset=manifest.arm.dataset, arm=manifest.arm_id, seed=manifest.seed,
                     metric=m.metric, label=m.label, value=m.value, n_images=m.n_images, n_positive=m.n_positive,
                     undefined_because=m.undefined_because)
            for m in measured
        ]  # fmt: skip
    return values, thresholds, {dataset: _test_set(first) for dataset, (_, first) in reference.items()}


def _test_set(predictions: Predictions) -> TestSet:
    patients = predictions.patient_ids
    if predictions.task == "multilabel":
        positive = np.nansum(predictions.targets, axis=0).astype(int)
    else:
        positive = np.bincount(predictions.targets, minlength=len(predictions.labels))
    return TestSet(
        n_images=len(predictions.image_ids),
        n_patients=None if patients is None else len(set(patients)),
        n_positive={label: int(n) for label, n in zip(predictions.labels, positive, strict=True)},
    )


def by_arm(run_values: Sequence[RunValue]) -> dict[tuple[str, str, str], list[RunValue]]:
    """Values of each (arm, metric, label) in the order of the seeds."""
    grouped: dict[tuple[str, str, str], list[RunValue]] = defaultdict(list)
    for row in sorted(run_values, key=lambda row: row.seed):
        grouped[row.arm, row.metric, row.label].append(row)
    return dict(grouped)


def over_seeds(runs: Sequence[RunValue]) -> tuple[np.ndarray | None, str | None]:
    """Values over seeds, or None with the first reason: a mean over the seeds that are left is another quantity."""
    for run in runs:
        if run.value is None:
            return None, f"{run.run_id}: {run.undefined_because}"
    return np.array([run.value for run in runs], dtype=np.float64), None
