"""The test set that all runs of a data set share, with the scores of each run.

In: run records. Out: `TestSet`: truth, patients and groups once, and every run's scores and thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.measurement.metric_of_runs import run_indices
from medkt_eval.metrics.thresholds import ChosenThreshold, choose, on_scale
from medkt_eval.predictions.across_runs.identical_runs import identical_runs, refuse_identical
from medkt_eval.predictions.across_runs.same_images import (
    check_same_images,
    check_same_validation,
    check_same_validation_targets,
    with_columns_of,
)
from medkt_eval.predictions.across_runs.separate_splits import (
    RunScores,
    check_other_scores,
    check_separate,
    hashed_targets,
    run_scores,
)
from medkt_eval.predictions.across_runs.shared_images import LeftOut, shared_images
from medkt_eval.predictions.columns.mapping import option
from medkt_eval.predictions.columns.near_names import by_other_name
from medkt_eval.predictions.files.parquet_columns import AnyPredictions, PredictionFile
from medkt_eval.predictions.run_folders import Run
from medkt_eval.predictions.values.repairs import Repair
from medkt_eval.resampling.threshold_refit import ThresholdRefit
from medkt_eval.results.schema import Arm
from medkt_eval.runtime.execution import LOCAL, Execution

HELD_BYTES = 2**30  # scores of a data set that are held in memory; larger ones are read label by label


@dataclass(frozen=True)
class TestSet:
    """One data set's test images with the scores of all its runs.

    Parameters
    ----------
    dataset : str
    predictions : Predictions or PredictionFile
        The first run's: images and targets, which all runs share. Patients and groups are those of the first run that
        has the column; all runs that have it agree.
    patient : int64, (n_images,)
        Each image's patient, numbered by sorted patient id. Without patient ids each image is its own patient.
    n_patients : int
    runs : tuple of str
        Run ids.
    scores : sequence of float64, (n_labels,) of (n_runs, n_images)
        An array, or scores that are read when they are used.
    thresholds : tuple of tuple of ChosenThreshold, (n_runs, n_labels)
        Thresholds of multi-label runs; empty for multi-class runs.
    refitted : float64, (n_runs, n_labels, replicates), or None
        Thresholds chosen again in each bootstrap replicate; None: thresholds are held fixed.
    repairs : tuple of (str, Repair)
        What reading changed, with the file that was read.
    identical : tuple of tuple of str
        Groups of runs with identical predictions, which were declared.
    left_out : tuple of LeftOut
        Images that were left out because not every run has them, as it was asked for.
    """

    __test__ = False  # not a test of pytest's

    dataset: str
    predictions: AnyPredictions
    patient: np.ndarray
    n_patients: int
    runs: tuple[str, ...]
    scores: np.ndarray | _ScoresOnDisk
    thresholds: tuple[tuple[ChosenThreshold, ...], ...]
    refitted: np.ndarray | None = None
    repairs: tuple[tuple[str, Repair], ...] = ()
    identical: tuple[tuple[str, ...], ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Findings or classes."""
        return self.predictions.labels

    @property
    def n_images(self) -> int:
        """Test images."""
        return len(self.predictions.image_ids)

    @property
    def n_patients_named(self) -> int | None:
        """Patients; None where images were declared independent and no patient is named."""
        return None if self.predictions.patient_ids is None else self.n_patients

    def runs_of(self, arm: Arm) -> np.ndarray:
        """Index of each run of an arm, in the order of its seeds: int64, (n_seeds,)."""
        return run_indices(self.runs, arm)

    def truth(self, k: int) -> np.ndarray:
        """Label k: 1, 0, or NaN where it is not labelled; float64, (n_images,)."""
        return self.predictions.target(k)

    def scores_of(self, k: int) -> np.ndarray:
        """Every run's scores of label k, float64, (n_runs, n_images)."""
        return self.scores[k]

    @cached_property
    def arg_max(self) -> np.ndarray:
        """The class that each run scores highest, the first of equal ones: int64, (n_runs, n_images)."""
        highest, classes = self.scores_of(0).copy(), np.zeros((len(self.runs), self.n_images), dtype=np.int64)
        for k in range(1, len(self.labels)):
            scores = self.scores_of(k)
            higher = scores > highest
            classes[higher], highest[higher] = k, scores[higher]
        return classes

    def highest(self) -> np.ndarray:
        """The score of the class that each run scores highest: float64, (n_runs, n_images)."""
        scores = self.scores_of(0).copy()
        for k in range(1, len(self.labels)):
            np.maximum(scores, self.scores_of(k), out=scores)
        return scores

    def called(self, k: int) -> tuple[list[np.ndarray | None], list[str | None]]:
        """Each run's calls of label k, bool (n_images,), or None; and the reason why a run has none."""
        if self.predictions.task == "multiclass":
            return [run == k for run in self.arg_max], [None] * len(self.runs)
        chosen = [run[k] for run in self.thresholds]
        calls = [None if t.value is None else s >= t.value for t, s in zip(chosen, self.scores_of(k), strict=True)]
        return calls, [t.undefined_because for t in chosen]


def read_test_sets(
    records: Sequence[Run],
    *,
    independent_images: bool,
    threshold_rule: str,
    identical: bool = False,
    shared: bool = False,
    refit: ThresholdRefit | None = None,
    execution: Execution = LOCAL,
) -> list[TestSet]:
    """The test set of each data set, in the order of their first runs.

    Parameters
    ----------
    records : sequence of Run
    independent_images : bool
        Whether predictions may lack patient ids.
    threshold_rule : str
        See `thresholds.choose`.
    identical : bool
        Whether runs may have identical predictions.
    shared : bool
        Whether images that not every run has are left out.
    refit : ThresholdRefit or None
        How thresholds are chosen again in each bootstrap replicate; None: they are held fixed.
    execution : Execution
        It chooses thresholds again.

    Raises
    ------
    InputError
        If the runs of a data set differ in images, patients, targets or labels, predictions lack patient ids, runs have
        identical predictions, or validation images or patients are test images or patients.
    """
    by_dataset: dict[str, list[Run]] = {}
    for record in records:
        by_dataset.setdefault(record.manifest.arm.dataset, []).append(record)
    tests = []
    for dataset, runs in by_dataset.items():
        in_memory = _bytes_of_scores(runs) <= HELD_BYTES
        test = _test_set(
            dataset,
            runs,
            in_memory,
            independent_images=independent_images,
            threshold_rule=threshold_rule,
            shared=shared,
        )
        if not identical:
            refuse_identical(test.identical)
        if refit is not None and test.thresholds:
            validations = _validations(runs, in_memory, independent_images=independent_images)
            refitted = refit.thresholds(validations, len(test.labels), dataset=dataset, execution=execution)
            test = replace(test, refitted=refitted)
        tests.append(test)
    return tests


def _test_set(
    dataset: str,
    records: Sequence[Run],
    in_memory: bool,
    *,
    independent_images: bool,
    threshold_rule: str,
    shared: bool,
) -> TestSet:
    run_ids = tuple(record.manifest.run_id for record in records)
    of_runs, left_out = (record.test(in_memory=in_memory) for record in records), ()
    if shared:
        of_runs, left_out = shared_images(list(of_runs), run_ids)
    of_runs = iter(of_runs)
    first = next(of_runs)
    scores = np.empty((len(first.labels), len(records), len(first.image_ids))) if in_memory else _ScoresOnDisk()
    thresholds = []
    repairs: list[tuple[str, Repair]] = []
    for j, record in enumerate(records):
        own = first if j == 0 else next(of_runs)
        _check_alike(first, own, records[0].manifest.run_id, record.manifest.run_id, dataset)
        if isinstance(scores, _ScoresOnDisk):
            scores.add(own)
        else:
            scores[:, j] = [own.score(k) for k in range(len(scores))]
        first = with_columns_of(first, own)
        repairs += [(own.source, repair) for repair in own.repairs]
    _check_named(first, independent_images)
    patient, n_patients = first.patients()
    if n_patients < 2:
        raise InputError(
            f"{first.source}: all test images are of one patient; expected several, or nothing can be said of new ones"
        )

    compared: Callable[[int], RunScores] | None = None
    first_validation: tuple[str, AnyPredictions] | None = None
    for j, record in enumerate(records):
        of_run = partial(_score_of_run, scores, j)
        validation = record.validation(in_memory=in_memory)
        if validation is not None:
            first_validation = first_validation or (record.manifest.run_id, validation)
            check_same_validation_targets(first_validation[1], validation, (first_validation[0], run_ids[j]))
            repairs += [(validation.source, doubt) for doubt in check_separate(validation, first)]
            compared = compared or _compared(scores, first, len(records))
            doubts = check_other_scores(validation, compared(j), map(compared, range(len(records) if in_memory else 0)))
            repairs += [(validation.source, doubt) for doubt in doubts]
            repairs += [(validation.source, repair) for repair in validation.repairs]
        if first.task == "multilabel":
            chosen = choose(validation, first.labels, threshold_rule)
            thresholds.append(tuple(on_scale(threshold, of_run(k)) for k, threshold in enumerate(chosen)))
    return TestSet(
        dataset=dataset,
        predictions=first,
        patient=patient,
        n_patients=n_patients,
        runs=run_ids,
        scores=scores,
        thresholds=tuple(thresholds),
        repairs=tuple(repairs),
        identical=identical_runs(scores, run_ids),
        left_out=left_out,
    )


def _validations(
    records: Sequence[Run], in_memory: bool, *, independent_images: bool
) -> Iterator[AnyPredictions | None]:
    """Each run's validation predictions, all of the same images; None where it has none."""
    first: tuple[str, AnyPredictions] | None = None  # run id and predictions of the first run that has any
    for record in records:
        validation = record.validation(in_memory=in_memory)
        if validation is not None:
            _check_named(validation, independent_images)
            first = first or (record.manifest.run_id, validation)
            check_same_validation(first[1], validation, (first[0], record.manifest.run_id))
        yield validation


def _compared(scores: np.ndarray | _ScoresOnDisk, first: AnyPredictions, n_runs: int) -> Callable[[int], RunScores]:
    """What validation predictions are compared with, of each run; of scores on disk, the last run's alone is kept."""
    targets = hashed_targets(first)

    @lru_cache(maxsize=1 if isinstance(scores, _ScoresOnDisk) else n_runs)
    def of_run(j: int) -> RunScores:
        return run_scores(first, partial(_score_of_run, scores, j), targets)

    return of_run


def _score_of_run(scores: np.ndarray | _ScoresOnDisk, run: int, k: int) -> np.ndarray:
    """One run's scores of a label, float64, (n_images,); of scores on disk, no other run's are read."""
    return scores.of_run(run, k) if isinstance(scores, _ScoresOnDisk) else scores[k, run]


class _ScoresOnDisk:
    """Scores of each label, float64, (n_runs, n_images), read when they are used; the last label's are kept."""

    def __init__(self) -> None:
        self._runs: list[AnyPredictions] = []
        self._last: tuple[int, np.ndarray] | None = None

    def add(self, run: AnyPredictions) -> None:
        """Add a run; its images are those of the earlier runs."""
        self._runs.append(run.without_ids() if isinstance(run, PredictionFile) else run)

    def of_run(self, run: int, k: int) -> np.ndarray:
        """One run's scores of a label: float64, (n_images,)."""
        return self._runs[run].score(k)

    def __len__(self) -> int:
        return len(self._runs[0].labels)

    def __getitem__(self, k: int) -> np.ndarray:
        if self._last is None or self._last[0] != k:
            self._last = None  # freed before the next label is read: memory holds one
            self._last = k, np.array([run.score(k) for run in self._runs])
        return self._last[1]


def _bytes_of_scores(records: Sequence[Run]) -> int:
    """Memory that all runs' scores would take; a table with an unknown number of rows counts as 0."""
    return sum(8 * (record.test_rows() or 0) * len(record.manifest.labels) for record in records)


def _check_named(predictions: AnyPredictions, independent_images: bool) -> None:
    if predictions.patient_ids is None and not independent_images:
        raise InputError(
            f"{predictions.source}: no column 'patient_id'; images of one patient are not independent. Add it"
            f"{_named_otherwise(predictions)}, or, if every patient has one image, say so: --independent-images, or "
            "independent_images = true in [analysis] of the study file"
        )


def _named_otherwise(predictions: AnyPredictions) -> str:
    ignored = [repair.example for repair in predictions.repairs if repair.kind == "ignored"]
    name = by_other_name("patient_id", ignored)
    return "" if name is None else f", or name the column: {option({'patient_id': name})} beside what you gave"


def _check_alike(first: AnyPredictions, own: AnyPredictions, a: str, b: str, dataset: str) -> None:
    if first.labels != own.labels or first.task != own.task:
        raise InputError(
            f"runs {a} and {b} have different labels or tasks on {dataset}; comparisons need the same labels in the "
            "same order"
        )
    check_same_images(first, own, (a, b))
