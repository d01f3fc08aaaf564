"""One data set's analysis, metric by metric: values, intervals, tests, variance components, the test of all arms.

In: a `TestSet`, its arms and contrasts. Out: `DatasetResults`: rows of results.json, comparisons not yet adjusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from medkt_eval.comparisons.contrast_tests import Compared, compare
from medkt_eval.comparisons.estimates import estimates_of
from medkt_eval.comparisons.image_tests import NOTHING, OnImages, analyse_images
from medkt_eval.comparisons.omnibus import of_all_arms
from medkt_eval.comparisons.size_effects import size_effects
from medkt_eval.comparisons.subgroup_gaps import gap_rows
from medkt_eval.comparisons.variance_rows import components_of
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.calibration import measure_calibration, reliability_curves
from medkt_eval.measurement.metric_of_runs import MetricOfRuns, run_indices
from medkt_eval.measurement.net_benefit import net_benefit_curves
from medkt_eval.measurement.one_label import MeasurementOptions
from medkt_eval.measurement.subgroups import measure_subgroups
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.results.recorded import SizeEffect
from medkt_eval.results.schema import Arm, Curve, Estimate, Gap, Omnibus, RunValue, Threshold, VarianceComponent
from medkt_eval.results.vocabulary import AVERAGES
from medkt_eval.runtime.execution import LOCAL, Execution
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions


@dataclass
class DatasetResults:
    """What was found, in the order of data sets, metrics and labels."""

    runs: list[RunValue] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    thresholds: list[Threshold] = field(default_factory=list)
    components: list[VarianceComponent] = field(default_factory=list)
    omnibus: list[Omnibus] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    size_effects: list[SizeEffect] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def add(
        self,
        one: MetricOfRuns,
        arms: Sequence[Arm],
        pairs: Sequence[Contrast],
        plan: AnalysisOptions,
        on_images: OnImages = NOTHING,
    ) -> None:
        """The runs' values of one metric, each arm's intervals, each contrast's tests."""
        self.runs += _run_values(one, arms)
        for arm in arms:
            self.estimates += estimates_of(
                arm,
                one.of_arm(arm),
                plan.request.intervals,
                n_patients=plan.n_patients,
                level=plan.level,
                seed=plan.seed,
                studentized=on_images.limits.get((arm.arm, one.metric, one.label)),
                degrees_of_freedom=plan.analysis.degrees_of_freedom,
            )
        self.compared += compare(one, arms, pairs, plan, on_images.tests)

    def __iadd__(self, other: DatasetResults) -> DatasetResults:
        for part in fields(self):
            getattr(self, part.name).extend(getattr(other, part.name))
        return self


def analyse_dataset(
    test: TestSet,
    asked: MeasurementOptions,
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    plan: AnalysisOptions,
    execution: Execution = LOCAL,
) -> DatasetResults:
    """Analyse one data set.

    Parameters
    ----------
    test : TestSet
    asked : MeasurementOptions
        Metrics and replicates.
    arms : sequence of Arm
        The data set's.
    pairs : sequence of Contrast
        Of all data sets; those of other data sets are passed over.
    plan : AnalysisOptions
    execution : Execution
        Where the heavy parts are computed.
    """
    ids = {arm.arm for arm in arms}
    mine = [pair for pair in pairs if pair.arm_a in ids]
    found = DatasetResults(thresholds=_thresholds(test))
    on_images = analyse_images(test, asked, arms, mine, plan, execution)
    declared = [pair for pair in mine if pair.kind != "table"]
    more = plan.request.more
    for one in _measures(test, asked, plan, execution):
        found.add(one, arms, mine, plan, on_images)
        if one.label in AVERAGES:
            found.omnibus += of_all_arms(one, arms, plan)
            found.size_effects += size_effects(one, arms, declared, plan)
        found.components += components_of(one, arms, declared, test.n_patients, plan)
    if "calibration" in more:
        for one in measure_calibration(test):
            found.add(one, arms, declared, plan)
        found.curves += reliability_curves(test, arms, plan.level)
    if "net-benefit" in more:
        found.curves += net_benefit_curves(test, arms, plan.level)
    if "subgroups" in more:
        given = {"averages": plan.request.averages, "labels_defined": plan.analysis.labels_defined}
        for of_group in measure_subgroups(test, asked, **given, execution=execution):
            of_patients = None if plan.n_patients is None else of_group.n_patients
            found.add(of_group.group, arms, declared, replace(plan, n_patients=of_patients))
            if of_group.gap is not None:
                found.gaps += gap_rows(of_group.gap, arms, declared, plan)
    return found


def _measures(
    test: TestSet, asked: MeasurementOptions, plan: AnalysisOptions, execution: Execution
) -> Iterator[MetricOfRuns]:
    return measure(
        test,
        asked,
        averages=plan.request.averages,
        labels_defined=plan.analysis.labels_defined,
        keep_patients="patients:bootstrap-bca" in plan.request.intervals,
        execution=execution,
    )


def _run_values(one: MetricOfRuns, arms: Sequence[Arm]) -> list[RunValue]:
    return [
        RunValue(
            run_id=one.runs[place],
            dataset=arm.dataset,
            arm=arm.arm,
            seed=seed,
            metric=one.metric,
            label=one.label,
            group=one.group,
            value=None if one.because[place] else float(one.values[place]),
            n_images=one.n_images,
            n_positive=one.n_positive,
            undefined_because=one.because[place],
        )
        for arm in arms
        for seed, place in zip(arm.seeds, run_indices(one.runs, arm), strict=True)
    ]


def _thresholds(test: TestSet) -> list[Threshold]:
    return [
        Threshold(run_id=run, label=t.label, rule=t.rule, value=t.value, undefined_because=t.undefined_because)
        for run, chosen in zip(test.runs, test.thresholds, strict=False)
        for t in chosen
    ]
