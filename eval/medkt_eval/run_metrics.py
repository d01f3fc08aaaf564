"""Metrics of every run on the test images that all runs of a data set share.

In: run records. Out: `Measured`: rows of results.json, what the runs of a data set share, and every metric with each
patient left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.jackknife import multiclass_without_patient, multilabel_without_patient
from medkt_eval.metrics import multiclass_metrics, multilabel_metrics
from medkt_eval.obuchowski_rockette import ArmValues
from medkt_eval.predictions import Predictions, check_same_images
from medkt_eval.results import RunValue, Threshold
from medkt_eval.run_records import RunRecord
from medkt_eval.thresholds import choose

# (arm, metric, label) -> the values of the arm's runs, in the order of its seeds
Values = Mapping[tuple[str, str, str], list[RunValue]]


@dataclass(frozen=True)
class TestSet:
    """What all runs of one data set share.

    Parameters
    ----------
    n_images : int
        On the test set.
    n_patients : int or None
        None where images were declared independent and no patient is named.
    n_positive : dict of str to int
        Label -> images with it.
    df_patients : dict of str to float
        Label -> min(patients with a positive, patients with a negative) - 1; "macro", "weighted" -> patients - 1.
    """

    __test__ = False  # not a test of pytest's

    n_images: int
    n_patients: int | None
    n_positive: dict[str, int]
    df_patients: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """What was measured on every run."""

    values: list[RunValue]
    thresholds: list[Threshold]
    test_sets: dict[str, TestSet]
    without_patient: dict[tuple[str, str, str], np.ndarray]  # run id, metric, label -> float64, (n_patients,)


def measure(records: Sequence[RunRecord], *, independent_images: bool) -> Measured:
    """Metrics of every run on the test images, which all runs of a data set must share.

    Raises
    ------
    InputError
        If the runs of a data set differ in images, patients, targets or labels, or patients are not named.
    """
    found = Measured([], [], {}, {})
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
        patient, n_patients = _patients(first)
        if manifest.arm.dataset not in found.test_sets:
            found.test_sets[manifest.arm.dataset] = _test_set(first)

        labels, targets, scores = predictions.labels, predictions.targets, predictions.scores
        if predictions.task == "multilabel":
            chosen = choose(record.validation(), labels)
            limits = [t.value for t in chosen]
            found.thresholds.extend(
                Threshold(run_id=manifest.run_id, label=t.label, rule=t.rule, value=t.value,
                          undefined_because=t.undefined_because)
                for t in chosen
            )  # fmt: skip
            measured = multilabel_metrics(labels, targets, scores, limits, [t.undefined_because for t in chosen])
            without = multilabel_without_patient(
                labels, targets, scores, limits, patient=patient, n_patients=n_patients
            )
        else:
            measured = multiclass_metrics(labels, targets, scores)
            without = multiclass_without_patient(labels, targets, scores, patient=patient, n_patients=n_patients)
        found.values.extend(
            RunValue(run_id=manifest.run_id, dataset=manifest.arm.dataset, arm=manifest.arm_id, seed=manifest.seed,
                     metric=m.metric, label=m.label, value=m.value, n_images=m.n_images, n_positive=m.n_positive,
                     undefined_because=m.undefined_because)
            for m in measured
        )  # fmt: skip
        found.without_patient.update({(manifest.run_id, *key): values for key, values in without.items()})
    return found


def _patients(predictions: Predictions) -> tuple[np.ndarray, int]:
    """Each image's patient as a number, and how many there are; an image is its own patient where none is named."""
    if predictions.patient_ids is None:
        return np.arange(len(predictions.image_ids)), len(predictions.image_ids)
    names, patient = np.unique(predictions.patient_ids.astype(str), return_inverse=True)
    return patient, len(names)


def _test_set(predictions: Predictions) -> TestSet:
    patient, n_patients = _patients(predictions)
    n_positive, df_patients = {}, {}
    for k, label in enumerate(predictions.labels):
        if predictions.task == "multilabel":
            positive, negative = predictions.targets[:, k] == 1, predictions.targets[:, k] == 0
        else:
            positive, negative = predictions.targets == k, predictions.targets != k
        n_positive[label] = int(positive.sum())
        df_patients[label] = float(min(np.unique(patient[mask]).size for mask in (positive, negative)) - 1)
    df_patients |= dict.fromkeys(("macro", "weighted"), float(n_patients - 1))
    return TestSet(
        n_images=len(predictions.image_ids),
        n_patients=None if predictions.patient_ids is None else n_patients,
        n_positive=n_positive,
        df_patients=df_patients,
    )


def arm_values(runs: Sequence[RunValue], measured: Measured) -> ArmValues | None:
    """Values of an arm's runs and the same without each patient; None where a run's value does not exist."""
    numbers, _ = over_seeds(runs)
    if numbers is None:
        return None
    without = [measured.without_patient[run.run_id, run.metric, run.label] for run in runs]
    return ArmValues(numbers, np.array(without))


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
