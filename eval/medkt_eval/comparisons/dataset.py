"""One data set's analysis, metric by metric: values, intervals, tests, variance components, the test of all arms.

In: a `TestSet`, its arms and contrasts. Out: `DatasetResults`: rows of results.json, comparisons not yet adjusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from medkt_eval.comparisons.estimates import estimates_of
from medkt_eval.comparisons.image_tests import NOTHING, OnImages, analyse_images
from medkt_eval.comparisons.omnibus import of_all_arms
from medkt_eval.comparisons.one_contrast.comparison_rows import Compared
from medkt_eval.comparisons.one_contrast.contrast_tests import compare
from medkt_eval.comparisons.shared_seeds import seed_correlations
from medkt_eval.comparisons.size_effects import size_effects
from medkt_eval.comparisons.subgroup_gaps import gap_rows
from medkt_eval.comparisons.variance_rows import components_of
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.calibration import measure_calibration, reliability_curves
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.metric_of_runs import MetricOfRuns, run_indices
from medkt_eval.measurement.net_benefit import net_benefit_curves
from medkt_eval.measurement.subgroups import measure_subgroups
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.results.recorded import SeedCorrelation, SizeEffect
from medkt_eval.results.schema import Arm, Curve, Estimate, Gap, Omnibus, RunValue, Threshold, VarianceComponent
from medkt_eval.results.vocabulary import AVERAGES, METRICS
from medkt_eval.runtime.execution import LOCAL, Execution
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions


@dataclass
class DatasetResults:
    """Rows of results.json, in the order of data sets, metrics and labels; comparisons are not adjusted yet."""

    runs: list[RunValue] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    thresholds: list[Threshold] = field(default_factory=list)
    components: list[VarianceComponent] = field(default_factory=list)
    seed_correlations: list[SeedCorrelation] = field(default_factory=list)
    omnibus: list[Omnibus] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    size_effects: list[SizeEffect] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def add(
        self,
        metric: MetricOfRuns,
        arms: Sequence[Arm],
        pairs: Sequence[Contrast],
        options: AnalysisOptions,
        on_images: OnImages = NOTHING,
    ) -> None:
        """Add one metric: the runs' values, each arm's intervals, and each contrast's tests if it has any."""
        self.runs += _run_values(metric, arms)
        for arm in arms:
            self.estimates += estimates_of(
                arm,
                metric.of_arm(arm),
                options.request.intervals,
                n_patients=options.n_patients,
                level=options.level,
                seed=options.seed,
                studentized=on_images.limits.get((arm.arm, metric.metric, metric.label)),
                degrees_of_freedom=options.analysis.degrees_of_freedom,
            )
        if METRICS[metric.metric].no_inference is None:
            self.compared += compare(metric, arms, pairs, options, on_images.tests)

    def __iadd__(self, other: DatasetResults) -> DatasetResults:
        for part in fields(self):
            getattr(self, part.name).extend(getattr(other, part.name))
        return self


def analyse_dataset(
    test: TestSet,
    measurement: MeasurementOptions,
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    options: AnalysisOptions,
    execution: Execution = LOCAL,
) -> DatasetResults:
    """Analyse one data set: measure each metric, then estimate, compare and decompose it.

    Parameters
    ----------
    test : TestSet
    measurement : MeasurementOptions
        What is measured.
    arms : sequence of Arm
        Arms of this data set.
    pairs : sequence of Contrast
        Contrasts of all data sets; only those of this data set are used.
    options : AnalysisOptions
    execution : Execution
        It computes the heavy parts.
    """
    ids = {arm.arm for arm in arms}
    contrasts = [pair for pair in pairs if pair.arm_a in ids]
    results = DatasetResults(thresholds=_thresholds(test))
    on_images = analyse_images(test, measurement, arms, contrasts, options, execution)
    declared = [pair for pair in contrasts if pair.kind != "table"]
    more = options.request.more
    for metric in _measures(test, measurement, options, execution):
        results.add(metric, arms, contrasts, options, on_images)
        if METRICS[metric.metric].no_inference:
            continue
        if metric.label in AVERAGES:
            results.omnibus += of_all_arms(metric, arms, options)
            results.size_effects += size_effects(metric, arms, declared, options)
        results.components += components_of(metric, arms, declared, test.n_patients, options)
        results.seed_correlations += seed_correlations(metric, arms, declared, options.level)
    if "calibration" in more:
        for metric in measure_calibration(test):
            results.add(metric, arms, declared, options)
        results.curves += reliability_curves(test, arms, options.level)
    if "net-benefit" in more:
        results.curves += net_benefit_curves(test, arms, options.level)
    if "subgroups" in more:
        given = {"averages": options.request.averages, "labels_defined": options.analysis.labels_defined}
        for subgroup in measure_subgroups(test, measurement, **given, execution=execution):
            of_patients = None if options.n_patients is None else subgroup.n_patients
            results.add(subgroup.group, arms, declared, replace(options, n_patients=of_patients))
            if subgroup.gap is not None and METRICS[subgroup.gap.metric].no_inference is None:
                results.gaps += gap_rows(subgroup.gap, arms, declared, options)
    return results


def _measures(
    test: TestSet, measurement: MeasurementOptions, options: AnalysisOptions, execution: Execution
) -> Iterator[MetricOfRuns]:
    return measure(
        test,
        measurement,
        averages=options.request.averages,
        labels_defined=options.analysis.labels_defined,
        keep_patients="patients:bootstrap-bca" in options.request.intervals,
        execution=execution,
    )


def _run_values(metric: MetricOfRuns, arms: Sequence[Arm]) -> list[RunValue]:
    return [
        RunValue(
            run_id=metric.runs[run],
            dataset=arm.dataset,
            arm=arm.arm,
            seed=seed,
            metric=metric.metric,
            label=metric.label,
            group=metric.group,
            value=None if metric.because[run] else float(metric.values[run]),
            n_images=metric.n_images,
            n_positive=metric.n_positive,
            undefined_because=metric.because[run],
        )
        for arm in arms
        for seed, run in zip(arm.seeds, run_indices(metric.runs, arm), strict=True)
    ]


def _thresholds(test: TestSet) -> list[Threshold]:
    return [
        Threshold(run_id=run, label=t.label, rule=t.rule, value=t.value, undefined_because=t.undefined_because)
        for run, chosen in zip(test.runs, test.thresholds, strict=False)
        for t in chosen
    ]
