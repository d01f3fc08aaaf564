"""Every metric of every run of a data set, per label and averaged, with its covariance over patients.

In: a `TestSet`. Out: `MetricOfRuns`s, which intervals and tests are made of. Labels are taken one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from medkt_eval.inference.obuchowski_rockette import patient_covariance
from medkt_eval.inference.over_patients.delong import clustered_covariance, influence_covariance
from medkt_eval.measurement.label_averages import Average, LabelsDefined
from medkt_eval.measurement.label_parts import LabelData, Part, joined, label_work
from medkt_eval.measurement.metric_of_runs import MetricOfRuns, replicate_covariance
from medkt_eval.measurement.one_label import Images, LabelMetric, MeasurementOptions, count_patients, measure_confusion
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.sums import OF_CONFUSION
from medkt_eval.runtime.execution import LOCAL, Execution, Work


def measure(
    test: TestSet,
    asked: MeasurementOptions,
    *,
    averages: tuple[str, ...] = ("macro", "weighted"),
    labels_defined: LabelsDefined = "all",
    keep_patients: bool = False,
    images: np.ndarray | None = None,
    execution: Execution = LOCAL,
) -> Iterator[MetricOfRuns]:
    """Measure every metric asked for: label by label, then the averages.

    Parameters
    ----------
    test : TestSet
    asked : MeasurementOptions
    averages : tuple of str
        Besides the labels: of "macro", "weighted", "micro", "macro_ovo".
    labels_defined : {"all", "defined"}
        See `averages.Average`.
    keep_patients : bool
        Keep the values without each patient, which need memory.
    images : bool, (n_images,), or None
        A subgroup's images; None: all.
    execution : Execution
        Where labels are measured.
    """
    among = np.ones(test.n_images, dtype=bool) if images is None else images
    gathered: dict[str, Average] = {}
    multiclass = test.predictions.task == "multiclass"
    works = (_label(test, asked, k, among, execution) for k in range(len(test.labels)))
    for positives, found in map(joined, execution.in_order(works)):
        while found:  # what a label took is freed before the next one's turn
            one = found.pop(0)
            if one.metric not in gathered:
                gathered[one.metric] = Average(labels_defined, test.n_patients, test.patient[among])
            gathered[one.metric].add(one, positives)
            yield _settled(test, one, keep_patients)
    for average in gathered.values():
        for one in average.measured():
            if one.label in averages:
                yield _settled(test, one, keep_patients, average.influence_of(one.label, one.values))
    if "micro" in averages:
        for one in _micro(test, asked, among, execution):
            yield _settled(test, one, keep_patients)
    elif multiclass and OF_CONFUSION.keys() & set(asked.metrics):
        for one in _of_all_classes(test, asked, among):
            yield _settled(test, one, keep_patients)
    if "macro_ovo" in averages and multiclass and "auc" in asked.metrics:
        yield _settled(test, _one_versus_one(test, asked, among, execution), keep_patients)


def _label(test: TestSet, asked: MeasurementOptions, k: int, among: np.ndarray, execution: Execution) -> Work[Part]:
    """Each metric of label k."""
    labelled = among & ~np.isnan(test.truth(k))
    subset = slice(None) if labelled.all() else labelled  # all of them: without a copy
    called, because = test.called(k)
    images = Images(test.truth(k)[subset] == 1, test.patient[subset], test.n_patients)
    calls = [None if run is None else run[subset] for run in called]
    refitted = [] if test.refitted is None else [(slice(None), test.refitted[:, k])]
    data = LabelData(asked, test.labels[k], images, test.scores_of(k)[:, subset], calls, because, refitted)
    return label_work(data, execution)


def _micro(test: TestSet, asked: MeasurementOptions, among: np.ndarray, execution: Execution) -> list[LabelMetric]:
    """All labels' images as if of one label."""
    subsets = [among & ~np.isnan(test.truth(k)) for k in range(len(test.labels))]
    truth = np.concatenate([test.truth(k)[subset] == 1 for k, subset in enumerate(subsets)])
    patient = np.concatenate([test.patient[subset] for subset in subsets])
    scores = np.concatenate([test.scores_of(k)[:, subset] for k, subset in enumerate(subsets)], axis=1)
    called: list[np.ndarray | None] = []
    because: list[str | None] = []
    of_labels = [test.called(k) for k in range(len(test.labels))]
    for run in range(len(test.runs)):
        reasons = [whys[run] for _, whys in of_labels if whys[run]]
        parts = [calls[run] for calls, _ in of_labels]
        because.append(reasons[0] if reasons else None)
        called.append(
            None
            if reasons
            else np.concatenate([part[subset] for part, subset in zip(parts, subsets, strict=True) if part is not None])
        )
    ends = np.cumsum([subset.sum() for subset in subsets])
    refitted = (
        []
        if test.refitted is None
        else [
            (slice(end - subset.sum(), end), test.refitted[:, k])
            for k, (end, subset) in enumerate(zip(ends, subsets, strict=True))
        ]
    )
    data = LabelData(asked, "micro", Images(truth, patient, test.n_patients), scores, called, because, refitted)
    ((_, found),) = map(joined, execution.in_order([label_work(data, execution)]))
    if test.predictions.task == "multilabel":
        return [replace(one, df_patients=count_patients(patient) - 1.0) for one in found]
    whole = _of_all_classes(test, asked, among)
    replaced = {one.metric for one in whole}
    return [one for one in found if one.metric not in replaced] + whole


def _of_all_classes(test: TestSet, asked: MeasurementOptions, among: np.ndarray) -> list[LabelMetric]:
    return measure_confusion(
        asked,
        test.predictions.classes[among],
        test.arg_max[:, among],
        len(test.labels),
        test.patient[among],
        test.n_patients,
    )


def _one_versus_one(test: TestSet, asked: MeasurementOptions, among: np.ndarray, execution: Execution) -> LabelMetric:
    """Hand & Till 2001, Mach. Learn. 45:171: the mean AUC of each class against each other one, by its own score."""
    average = Average("all", test.n_patients, test.patient[among])
    auc = replace(asked, metrics=("auc",))
    pairs = permutations(range(len(test.labels)), 2)
    works = (label_work(_one_class_of_two(test, auc, among, a, b), execution) for a, b in pairs)
    for positives, found in map(joined, execution.in_order(works)):
        average.add(found[0], positives)
    return replace(average.measured()[0], label="macro_ovo")


def _one_class_of_two(test: TestSet, asked: MeasurementOptions, among: np.ndarray, a: int, b: int) -> LabelData:
    subset = among & np.isin(test.predictions.classes, (a, b))
    images = Images(test.predictions.classes[subset] == a, test.patient[subset], test.n_patients)
    none = [None] * len(test.runs)
    label = f"{test.labels[a]} against {test.labels[b]}"
    return LabelData(asked, label, images, test.scores_of(a)[:, subset], none, none)


def _settled(test: TestSet, one: LabelMetric, keep_patients: bool, influence: np.ndarray | None = None) -> MetricOfRuns:
    delong = None
    if influence is not None:
        delong = influence_covariance(influence)
    elif one.influences is not None:
        delong = clustered_covariance(one.influences)
    return MetricOfRuns(
        metric=one.metric,
        label=one.label,
        runs=test.runs,
        values=one.values,
        because=one.because,
        n_images=one.n_images,
        n_positive=one.n_positive,
        df_patients=one.df_patients,
        covariance=patient_covariance(one.without_patient)
        if one.has_jackknife
        else replicate_covariance(one.replicates),
        delong=delong,
        replicates=one.replicates.copy(),
        without_patient=one.without_patient.copy() if keep_patients and one.has_jackknife else None,
        has_jackknife=one.has_jackknife,
    )
