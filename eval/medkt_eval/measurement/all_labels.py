"""Every metric of every run of a data set, for each label and averaged, with its covariance over patients.

In: a `TestSet`. Out: `MetricOfRuns`, from which intervals and tests are computed. Labels are measured one at a time, so
that memory holds one label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np

from medkt_eval.inference.obuchowski_rockette import patient_covariance
from medkt_eval.inference.over_patients.delong import clustered_covariance, influence_covariance
from medkt_eval.measurement.label_averages import LabelAverage, LabelsDefined
from medkt_eval.measurement.label_bins import measure_top_class
from medkt_eval.measurement.label_metric import Images, LabelMetric, MeasurementOptions, count_patients, is_at_edge
from medkt_eval.measurement.label_parts import LabelData, Part, joined, label_work
from medkt_eval.measurement.metric_functions import check_computed
from medkt_eval.measurement.metric_of_runs import MetricOfRuns, jackknife_bias, of_patients, replicate_covariance
from medkt_eval.measurement.one_label import measure_confusion
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.results.vocabulary import METRICS
from medkt_eval.runtime.execution import LOCAL, Execution, Work


def measure(
    test: TestSet,
    options: MeasurementOptions,
    *,
    averages: tuple[str, ...] = ("macro", "weighted"),
    labels_defined: LabelsDefined = "all",
    keep_patients: bool = False,
    images: np.ndarray | None = None,
    execution: Execution = LOCAL,
) -> Iterator[MetricOfRuns]:
    """Measure every requested metric: label by label, then the averages.

    Parameters
    ----------
    test : TestSet
    options : MeasurementOptions
    averages : tuple of str
        Averages to compute besides the labels: of "macro", "weighted", "micro", "macro_ovo".
    labels_defined : {"all", "defined"}
        See `label_averages.LabelAverage`.
    keep_patients : bool
        Whether to keep the values without each patient, which need memory.
    images : bool, (n_images,), or None
        Images of a subgroup; None: all images.
    execution : Execution
        It measures the labels.

    Raises
    ------
    InputError
        If nothing computes a requested metric.
    """
    check_computed(options.metrics)
    selected = np.ones(test.n_images, dtype=bool) if images is None else images
    label_averages: dict[str, LabelAverage] = {}
    works = (_label_work(test, options, k, selected, execution) for k in range(len(test.labels)))
    for positives, label_metrics in map(joined, execution.in_order(works)):
        while label_metrics:  # frees the memory of each metric before the next one
            metric = label_metrics.pop(0)
            if metric.metric not in label_averages:
                label_averages[metric.metric] = LabelAverage(labels_defined, test.n_patients, test.patient[selected])
            if not options.averaged_labels or metric.label in options.averaged_labels:
                label_averages[metric.metric].add(metric, positives)
            yield _of_runs(test, metric, keep_patients)
    for label_average in label_averages.values():
        for metric in label_average.averages():
            if metric.label in averages:
                influence = label_average.influence_on(metric.label, metric.values)
                yield _of_runs(test, metric, keep_patients, influence)
    for metric in _pooled(test, options, averages, selected, execution):
        yield _of_runs(test, metric, keep_patients)


def _label_work(
    test: TestSet, options: MeasurementOptions, k: int, selected: np.ndarray, execution: Execution
) -> Work[Part]:
    """The work that measures label k."""
    labelled = selected & ~np.isnan(test.truth(k))
    subset = slice(None) if labelled.all() else labelled  # all images are not copied
    called, no_call_because = test.called(k)
    images = Images(test.truth(k)[subset] == 1, test.patient[subset], test.n_patients)
    calls = [None if run is None else run[subset] for run in called]
    refitted = [] if test.refitted is None else [(slice(None), test.refitted[:, k])]
    options = _of_each_label(test, options)
    data = LabelData(options, test.labels[k], images, test.scores_of(k)[:, subset], calls, no_call_because, refitted)
    return label_work(data, execution)


def _of_each_label(test: TestSet, options: MeasurementOptions) -> MeasurementOptions:
    """The options without metrics that a finding has and one class alone does not: the most probable class is one."""
    if test.predictions.task == "multilabel":
        return options
    return replace(options, metrics=tuple(name for name in options.metrics if METRICS[name].kind != "top bins"))


def _pooled(
    test: TestSet, options: MeasurementOptions, averages: tuple[str, ...], selected: np.ndarray, execution: Execution
) -> Iterator[LabelMetric]:
    """Metrics over all labels at once: micro averages, metrics of several classes, one class against another."""
    multiclass = test.predictions.task == "multiclass"
    if "micro" in averages:
        yield from _micro(test, options, selected, execution)
    elif multiclass:
        yield from _of_all_classes(test, options, selected)
    if "macro_ovo" in averages and multiclass:
        for metric in options.metrics:
            if "macro_ovo" in METRICS[metric].averages:
                yield _one_versus_one(test, replace(options, metrics=(metric,)), selected, execution)


def _micro(test: TestSet, options: MeasurementOptions, selected: np.ndarray, execution: Execution) -> list[LabelMetric]:
    """The images of all labels pooled, as if they were of one label."""
    labels = range(len(test.labels))
    subsets = [selected & ~np.isnan(test.truth(k)) for k in labels]
    truth = np.concatenate([test.truth(k)[subset] == 1 for k, subset in enumerate(subsets)])
    patient = np.concatenate([test.patient[subset] for subset in subsets])
    scores = np.concatenate([test.scores_of(k)[:, subset] for k, subset in enumerate(subsets)], axis=1)
    called: list[np.ndarray | None] = []
    no_call_because: list[str | None] = []
    of_labels = [test.called(k) for k in labels]
    for run in range(len(test.runs)):
        reason = next((reasons[run] for _, reasons in of_labels if reasons[run]), None)
        parts = [calls[run] for calls, _ in of_labels]
        no_call_because.append(reason)
        called.append(
            None
            if reason
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
    images = Images(truth, patient, test.n_patients)
    data = LabelData(_of_each_label(test, options), "micro", images, scores, called, no_call_because, refitted)
    ((_, metrics),) = map(joined, execution.in_order([label_work(data, execution)]))
    if test.predictions.task == "multilabel":
        if len(test.labels) == 1:  # the label itself, with its degrees of freedom
            return metrics
        return [replace(metric, df_patients=count_patients(patient) - 1.0) for metric in metrics]
    of_classes = _of_all_classes(test, options, selected)
    replaced = {metric.metric for metric in of_classes}
    return [metric for metric in metrics if metric.metric not in replaced] + of_classes


def _of_all_classes(test: TestSet, options: MeasurementOptions, selected: np.ndarray) -> list[LabelMetric]:
    truth, called, patient = test.predictions.classes[selected], test.arg_max[:, selected], test.patient[selected]
    measured = measure_confusion(options, truth, called, test.labels, patient, test.n_patients)
    if options.of_kind("top bins"):
        highest = test.highest()[:, selected]
        measured += measure_top_class(options, called == truth, highest, patient, test.n_patients)
    return measured


def _one_versus_one(
    test: TestSet, options: MeasurementOptions, selected: np.ndarray, execution: Execution
) -> LabelMetric:
    """The mean over all pairs of classes of one metric of a class against the other, by the score of the first.

    Hand & Till 2001, Mach. Learn. 45:171.
    """
    label_average = LabelAverage("all", test.n_patients, test.patient[selected])
    pairs = permutations(range(len(test.labels)), 2)
    works = (label_work(_one_class_of_two(test, options, selected, a, b), execution) for a, b in pairs)
    for positives, (metric,) in map(joined, execution.in_order(works)):
        label_average.add(metric, positives)
    return replace(label_average.averages()[0], label="macro_ovo")


def _one_class_of_two(test: TestSet, options: MeasurementOptions, selected: np.ndarray, a: int, b: int) -> LabelData:
    subset = selected & np.isin(test.predictions.classes, (a, b))
    images = Images(test.predictions.classes[subset] == a, test.patient[subset], test.n_patients)
    no_calls = [None] * len(test.runs)
    label = f"{test.labels[a]} against {test.labels[b]}"
    return LabelData(options, label, images, test.scores_of(a)[:, subset], no_calls, no_calls)


def _of_runs(
    test: TestSet, metric: LabelMetric, keep_patients: bool, influence: np.ndarray | None = None
) -> MetricOfRuns:
    """The metric with its covariances; `influence` is each patient's on an average AUC, (n_runs, n_patients)."""
    delong = None
    if influence is not None:
        delong = influence_covariance(of_patients(influence, metric.patients))
    elif metric.influences is not None:
        delong = clustered_covariance(metric.influences)
    elif metric.metric == "auc" and metric.label != "macro_ovo":  # no AUC, so no covariance of it
        delong = np.full((len(metric.values), len(metric.values)), np.nan)
    without = of_patients(metric.without_patient, metric.patients)
    return MetricOfRuns(
        metric=metric.metric,
        label=metric.label,
        runs=test.runs,
        values=metric.values,
        because=metric.because,
        n_images=metric.n_images,
        n_positive=metric.n_positive,
        df_patients=metric.df_patients,
        covariance=patient_covariance(without) if metric.has_jackknife else replicate_covariance(metric.replicates),
        delong=delong,
        replicates=metric.replicates.copy() if METRICS[metric.metric].is_resampled else np.zeros((len(test.runs), 0)),
        without_patient=metric.without_patient.copy() if keep_patients and metric.has_jackknife else None,
        has_jackknife=metric.has_jackknife,
        bias=jackknife_bias(metric.metric, metric.values, without),
        patients=metric.patients,
        one_patient_because=metric.one_patient_because,
        edges={f"{metric.metric} of {metric.label}": is_at_edge(metric.metric, metric.values), **metric.edges},
    )
