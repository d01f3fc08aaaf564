"""MAIN PATH of the statistics: predictions -> EvaluationResult.

Read the runs and what the study declares; measure each run on the test images that all runs of a data set share, also
without each patient and in each bootstrap replicate; estimate each arm and test each contrast; adjust p-values within
their families; assemble the rows of results.json.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from medkt_eval.comparisons.adjustment import adjusted
from medkt_eval.comparisons.data_size import data_size_curves
from medkt_eval.comparisons.dataset import DatasetResults, analyse_dataset
from medkt_eval.comparisons.omnibus import over_datasets
from medkt_eval.comparisons.size_effects import adjusted_size_effects
from medkt_eval.comparisons.study_family import study_family
from medkt_eval.inference.multiplicity import adjusted_rows
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.metric_functions import check_computed
from medkt_eval.measurement.test_sets import TestSet, read_test_sets
from medkt_eval.resampling.memory import check_memory
from medkt_eval.resampling.strata import patient_strata
from medkt_eval.resampling.threshold_refit import ThresholdRefit
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.execution import LOCAL, Execution
from medkt_eval.study.arms import datasets_of
from medkt_eval.study.cautions import cautions
from medkt_eval.study.contrasts import Contrast, baselines_of, check_labels, contrasts_of
from medkt_eval.study.inputs import Inputs, Tables, read_inputs
from medkt_eval.study.notes import (
    computed_nowhere,
    notes_on_averages,
    notes_on_request,
    notes_on_values,
    refuse_computed_nowhere,
    refuse_many_groups,
)
from medkt_eval.study.options import AnalysisOptions, EvaluationOptions
from medkt_eval.study.primary import as_named
from medkt_eval.study.provenance import input_rows, settings_of
from medkt_eval.study.requests import Request, request
from medkt_eval.training_records.dynamics import dynamics
from medkt_eval.training_records.learning_curves import curves_of_all_arms
from medkt_eval.training_records.pictures import read_architectures, read_pictures
from medkt_eval.training_records.seed_checks import check_seeds
from medkt_eval.training_records.teachers import teacher_aucs


def evaluate(
    runs: Path | str | Tables,
    *,
    validation: Tables | None = None,
    study: Path | None = None,
    level: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
    comparisons: Literal["default", "all"] = "default",
    add: Sequence[str] = (),
    margin: float | None = None,
    columns: Mapping[str, str] | None = None,
    non_inferiority_level: float | None = None,
    independent_images: bool = False,
    identical_runs: bool = False,
    shared_images: bool = False,
    command: str | None = None,
    execution: Execution = LOCAL,
) -> EvaluationResult:
    """Evaluate the runs of a study, or predictions from anywhere.

    Parameters
    ----------
    runs : Path, str or mapping of str to sequence of (DataFrame or Path)
        Folder of run folders, or its URL; or each arm's test predictions, one table for each seed. The first arm is
        then the baseline (docs/formats.md).
    validation : mapping like `runs`, or None
        Validation predictions of such arms, for thresholds.
    study : Path or None
        Study file whose `[analysis]` is used; None: `runs/study.json` if there is one, else the defaults.
    level : float
        Confidence level of every interval, in (0, 1).
    replicates : int
        Replicates of the joint patient bootstrap; 0: none.
    seed : int
        Seed of all random numbers.
    comparisons : {"default", "all"}
        Which arms are compared: see `study.contrasts.contrasts_of`.
    add : sequence of str
        Metrics, intervals and tests besides the default ones: see `study.requests`.
    margin : float or None
        Margin of equivalence and non-inferiority, as a fraction; None: the study's.
    columns : mapping of str to str, or None
        Which column of the prediction tables holds what, if its name is not that of docs/formats.md: for example
        ``{"image_id": "path", "target": "y_true", "score": "y_prob"}``.
    non_inferiority_level : float or None
        One-sided level of the test of non-inferiority, such as 0.025; None: the study's, or else 1 - level.
    independent_images : bool
        Whether every patient has one image, so that no patient id is needed.
    identical_runs : bool
        Whether runs may have identical predictions.
    shared_images : bool
        Whether test images that not every run has are left out. Which images a run lacks must have nothing to do with
        the models: results are about the images that are left.
    command : str or None
        The command line, for provenance.
    execution : Execution
        It computes the heavy parts: in this process, or as `dask_execution.DaskExecution`. The result is the same.

    Returns
    -------
    EvaluationResult
        The content of results.json.

    Raises
    ------
    InputError
        If the runs cannot be compared as requested; the message says why and what to do.

    Examples
    --------
    >>> from medkt_eval import evaluate
    >>> result = evaluate({"TL": ["tl_s0.csv", "tl_s1.csv"], "AT": ["at_s0.csv", "at_s1.csv"]})  # doctest: +SKIP
    >>> result.comparisons[0].p_value  # doctest: +SKIP
    """
    options = EvaluationOptions(level, replicates, seed, comparisons, command)
    options.check()

    # The runs, what the study declares of their analysis, and what the runs recorded while they were trained.
    inputs = read_inputs(
        runs,
        validation,
        study,
        columns=columns,
        margin=margin,
        non_inferiority_level=non_inferiority_level,
        independent_images=independent_images,
        identical_runs=identical_runs,
    )
    analysis, arms = inputs.analysis, inputs.arms
    architectures, pictures = read_architectures(inputs.runs), read_pictures(inputs.runs)

    # What is computed, and which arms are compared.
    requested = request(
        [*analysis.requested, *add],
        seeds=analysis.seeds,
        ordered=analysis.ordered,
        resample=analysis.resample,
        declared=analysis.requested,
    )
    baselines, notes_on_baselines = baselines_of(arms, analysis)
    contrasts = as_named(contrasts_of(arms, baselines, comparisons), arms, analysis)

    # Each data set: the test images that its runs share; values, intervals and tests.
    check_computed(requested.metrics)
    _check_memory(inputs, requested, replicates)
    test_sets = _test_sets(inputs, options, shared_images, execution)
    nowhere = computed_nowhere(requested, test_sets, contrasts)
    refuse_computed_nowhere(add, nowhere)
    refuse_many_groups(requested, test_sets, analysis.requested)
    results = DatasetResults()
    for test in test_sets:
        results += _analyse(test, inputs, requested, contrasts, options, execution)

    # What can be said only when all data sets are analysed.
    untrained = inputs.untrained_primaries
    adjusted_comparisons = adjusted(
        results.compared, arms, analysis, bonferroni="bonferroni" in requested.more, untrained=untrained
    )
    over_several_datasets = over_datasets(arms, results.estimates, level)
    learning_curves = curves_of_all_arms(arms, inputs.runs, level)
    teachers, notes_on_teachers = teacher_aucs(inputs.runs)
    seed_checks, failure_rates, notes_on_seeds = check_seeds(arms, inputs.runs, results.runs, analysis)
    notes = [
        *cautions(test_sets),
        *inputs.notes,
        *notes_on_values(test_sets),
        *notes_on_request(requested, analysis, test_sets, nowhere),
        *notes_on_averages(results.runs, analysis),
        *notes_on_baselines,
        *notes_on_teachers,
        *notes_on_seeds,
    ]
    return EvaluationResult(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=input_rows(inputs),
        settings=settings_of(inputs, requested, baselines, options, notes),
        datasets=datasets_of(inputs.runs, test_sets),
        arms=list(arms),
        runs=results.runs,
        estimates=results.estimates,
        comparisons=adjusted_comparisons,
        study_family=study_family(adjusted_comparisons, analysis, level, untrained=len(untrained)),
        thresholds=results.thresholds,
        variance_components=results.components,
        seed_correlations=results.seed_correlations,
        omnibus=[*results.omnibus, *over_several_datasets],
        gaps=adjusted_rows(results.gaps),
        size_effects=adjusted_size_effects(results.size_effects),
        curves=[*learning_curves, *data_size_curves(arms, results.estimates), *results.curves],
        seed_checks=seed_checks,
        failure_rates=failure_rates,
        dynamics=dynamics(learning_curves, arms, contrasts, seeds=analysis.seeds, level=level),
        tuning=list(inputs.tuning),
        teachers=teachers,
        architectures=architectures,
        pictures=pictures,
    )


def _check_memory(inputs: Inputs, requested: Request, replicates: int) -> None:
    runs_of = Counter(run.manifest.arm.dataset for run in inputs.runs)
    check_memory(max(runs_of.values(), default=1), len(requested.metrics), replicates)


def _test_sets(inputs: Inputs, options: EvaluationOptions, shared_images: bool, execution: Execution) -> list[TestSet]:
    """The test set of each data set, with the thresholds that the study's rule chooses."""
    analysis = inputs.analysis
    refit = None
    if analysis.thresholds == "refit":
        stratified = analysis.resample == "stratified"
        refit = ThresholdRefit(analysis.threshold_rule, options.replicates, options.seed, stratified)
    test_sets = read_test_sets(
        inputs.runs,
        independent_images=analysis.independent_images,
        threshold_rule=analysis.threshold_rule,
        identical=analysis.identical_runs,
        shared=shared_images,
        refit=refit,
        execution=execution,
    )
    check_labels(analysis, {label for test in test_sets for label in test.labels})
    return test_sets


def _analyse(
    test: TestSet,
    inputs: Inputs,
    requested: Request,
    contrasts: Sequence[Contrast],
    options: EvaluationOptions,
    execution: Execution,
) -> DatasetResults:
    """Measure, estimate and compare the arms of one data set."""
    analysis = inputs.analysis
    strata = None
    if analysis.resample == "stratified":
        strata = patient_strata(test.predictions, test.patient, test.n_patients)
    measurement = MeasurementOptions(
        requested.metrics,
        options.replicates,
        options.seed,
        test.dataset,
        analysis.specificity,
        strata,
        averaged_labels=tuple(analysis.average_labels),
    )
    analysis_options = AnalysisOptions(analysis, requested, options.level, options.seed, test.n_patients_named)
    arms = [arm for arm in inputs.arms if arm.dataset == test.dataset]
    return analyse_dataset(test, measurement, arms, contrasts, analysis_options, execution)
