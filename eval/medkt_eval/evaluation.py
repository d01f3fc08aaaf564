"""MAIN PATH of the statistics: predictions -> EvaluationResult.

The test images that the runs of a data set share; each run's metrics on them, without each patient and in each
bootstrap replicate; each arm's mean over seeds with its intervals; each contrast between arms with its tests; p-values
adjusted within their families; and what the reader must be told.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

import pandas as pd

from medkt_eval.comparisons.adjustment import ADJUSTMENT, adjusted
from medkt_eval.comparisons.data_size import data_size_curves
from medkt_eval.comparisons.dataset import DatasetResults, analyse_dataset
from medkt_eval.comparisons.omnibus import over_datasets
from medkt_eval.errors import InputError
from medkt_eval.inference.multiplicity import adjusted_rows
from medkt_eval.measurement.one_label import MeasurementOptions
from medkt_eval.measurement.test_sets import TestSet, read_test_sets
from medkt_eval.predictions import run_folders as run_records
from medkt_eval.predictions import without_run_json as given_arms
from medkt_eval.resampling.strata import patient_strata
from medkt_eval.resampling.threshold_refit import ThresholdRefit
from medkt_eval.results.schema import Arm, EvaluationResult
from medkt_eval.results.settings import Input, Settings, Software
from medkt_eval.results.vocabulary import AVERAGES
from medkt_eval.runtime.execution import LOCAL, Execution
from medkt_eval.runtime.locations import location
from medkt_eval.study import contrasts, tuning
from medkt_eval.study.arms import arms_of, datasets_of
from medkt_eval.study.declaration import Analysis, Declaration, read_declaration
from medkt_eval.study.options import AnalysisOptions
from medkt_eval.study.requests import Request, request
from medkt_eval.study.tuning import SelectedRuns
from medkt_eval.training_records import learning_curves as curves
from medkt_eval.training_records.dynamics import dynamics
from medkt_eval.training_records.pictures import read_architectures, read_pictures
from medkt_eval.training_records.teachers import teacher_aucs

Tables = Mapping[str, Sequence[pd.DataFrame | Path]]


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
    independent_images: bool = False,
    command: str | None = None,
    execution: Execution = LOCAL,
) -> EvaluationResult:
    """Evaluate the runs of a study, or predictions from anywhere.

    Parameters
    ----------
    runs : Path, str or mapping of str to sequence of (DataFrame or Path)
        Folder of run folders, or its URL; or each arm's test predictions, one table a seed, the first arm the baseline
        (docs/formats.md).
    validation : mapping like `runs`, or None
        Validation predictions of such arms, for thresholds.
    study : Path or None
        Study file whose `[analysis]` is used; None: `runs/study.json`, else the defaults.
    level : float
        Confidence level of every interval, in (0, 1).
    replicates : int
        Of the joint patient bootstrap; 0: none.
    seed : int
        Of all random numbers.
    comparisons : {"default", "all"}
        Which arms are compared: see `contrasts.contrasts`.
    add : sequence of str
        Metrics, intervals and tests besides the default ones: see `requests`.
    margin : float or None
        Margin of equivalence and non-inferiority, as a fraction; None: the study's.
    independent_images : bool
        Every patient has one image, so no patient id is needed.
    command : str or None
        The command line, for provenance.
    execution : Execution
        Where the heavy parts are computed: this process, or a `dask_execution.DaskExecution`. The result is the same.

    Raises
    ------
    InputError
        If the runs cannot be compared as asked; the message says why and what to do.

    Examples
    --------
    >>> from medkt_eval import evaluate
    >>> result = evaluate({"TL": ["tl_s0.csv", "tl_s1.csv"], "AT": ["at_s0.csv", "at_s1.csv"]})  # doctest: +SKIP
    >>> result.comparisons[0].p_value  # doctest: +SKIP
    """
    _check(level, replicates, margin)
    chosen, declaration, notes = _read(runs, validation, study)
    records = chosen.runs
    declaration = _overridden(declaration, margin=margin, independent_images=independent_images)
    arms = chosen.mark(arms_of(records))
    networks, pictures = read_architectures(records), read_pictures(records)
    analysis, waiting = declaration.analysis, []
    if declaration.recorded:
        analysis, waiting = contrasts.applicable(declaration.analysis, arms)
    wanted = request([*analysis.add, *add], seeds=analysis.seeds, ordered=analysis.ordered, resample=analysis.resample)
    baseline, baseline_notes = contrasts.baselines(arms, analysis)
    pairs = contrasts.as_named(contrasts.contrasts(arms, baseline, comparisons), arms, analysis)

    stratified = analysis.resample == "stratified"
    tests = read_test_sets(
        records,
        independent_images=analysis.independent_images,
        threshold_rule=analysis.threshold_rule,
        refit=ThresholdRefit(analysis.threshold_rule, replicates, seed, stratified)
        if analysis.thresholds == "refit"
        else None,
        execution=execution,
    )
    contrasts.check_labels(analysis, {label for test in tests for label in test.labels})
    waiting = [*waiting, *_without_effect(wanted, tests), *_without_refit(analysis, wanted, tests)]
    found = DatasetResults()
    for test in tests:
        strata = patient_strata(test.predictions, test.patient, test.n_patients) if stratified else None
        asked = MeasurementOptions(wanted.metrics, replicates, seed, test.dataset, analysis.specificity, strata)
        plan = AnalysisOptions(analysis, wanted, level, seed, test.n_patients_named)
        own_arms = [arm for arm in arms if arm.dataset == test.dataset]
        found += analyse_dataset(test, asked, own_arms, pairs, plan, execution)
    if analysis.labels_defined == "defined":
        waiting = [*waiting, *_left_out(found)]
    compared = adjusted(found.compared, arms, analysis, bonferroni="bonferroni" in wanted.more)
    learning = curves.curves_of_all_arms(arms, records, level)
    teachers, teacher_notes = teacher_aucs(records)

    return EvaluationResult(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=[Input(run_id=record.manifest.run_id, sha256=record.sha256()) for record in records],
        settings=_settings(
            declaration,
            analysis,
            arms,
            baseline,
            wanted,
            notes=[*notes, *waiting, *baseline_notes, *teacher_notes],
            level=level,
            replicates=replicates,
            seed=seed,
            mode=comparisons,
            command=command,
        ),
        datasets=datasets_of(records, tests),
        arms=arms,
        runs=found.runs,
        estimates=found.estimates,
        comparisons=compared,
        thresholds=found.thresholds,
        variance_components=found.components,
        omnibus=[*found.omnibus, *over_datasets(arms, found.estimates, level)],
        gaps=adjusted_rows(found.gaps),
        size_effects=adjusted_rows(found.size_effects),
        curves=[*learning, *data_size_curves(arms, found.estimates), *found.curves],
        dynamics=dynamics(learning, arms, pairs, seeds=analysis.seeds, level=level),
        tuning=list(chosen.rows),
        teachers=teachers,
        architectures=networks,
        pictures=pictures,
    )


def _without_effect(wanted: Request, tests: Sequence[TestSet]) -> list[str]:
    """Notes on what was asked for and can exist on none of the data sets."""
    notes = []
    multiclass = any(test.predictions.task == "multiclass" for test in tests)
    for name in ("kappa_quadratic", "macro_ovo"):
        if name in wanted.names and not multiclass:
            notes.append(f"{name} was asked for: it is of several classes, and these runs are multi-label")
    if "subgroups" in wanted.more and not any(test.predictions.groups for test in tests):
        notes.append("subgroups were asked for: the predictions have no column group_<name>, e.g. group_sex")
    return notes


def _without_refit(analysis: Analysis, wanted: Request, tests: Sequence[TestSet]) -> list[str]:
    """Notes on what thresholds = "refit" does not reach."""
    if analysis.thresholds == "fixed":
        return []
    notes = [
        f"{test.dataset}: thresholds = 'refit' changes nothing: its classes are called by arg max"
        for test in tests
        if test.predictions.task == "multiclass"
    ]
    if "mcnemar" in wanted.tests:
        notes.append("McNemar's test holds the thresholds fixed, though thresholds = 'refit'")
    return notes


def _check(level: float, replicates: int, margin: float | None) -> None:
    if not 0 < level < 1:
        raise InputError(f"--level is {level}; expected a number between 0 and 1, for example 0.95")
    if replicates != 0 and replicates < 100:
        raise InputError(f"--replicates is {replicates}; expected 100 or more (2000 is the default), or 0 for none")
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"--margin is {margin}; expected a fraction between 0 and 1, for example 0.02")


def _read(
    runs: Path | str | Tables, validation: Tables | None, study: Path | None
) -> tuple[SelectedRuns, Declaration, list[str]]:
    """The runs to be evaluated, what was declared of their analysis, and notes."""
    if not isinstance(runs, Mapping):
        runs = location(runs)
        if validation is not None:
            raise InputError("--validation goes with --arm; run folders hold validation predictions of their own")
        declaration = read_declaration(runs, study)
        found, notes = run_records.read_runs(runs)
        chosen = tuning.choose(found)
        declaration = declaration.with_analysis(chosen.by_winner(declaration.analysis))
        return chosen, declaration, [*declaration.notes, *notes, *chosen.notes]
    records = given_arms.runs_from_tables(runs, validation=validation)
    declaration = read_declaration(None, study)
    if declaration.analysis.baseline is None:
        first = declaration.analysis.model_copy(update={"baseline": next(iter(runs))})
        declaration = declaration.with_analysis(first)
    return SelectedRuns(tuple(records)), declaration, list(declaration.notes)


def _overridden(declaration: Declaration, *, margin: float | None, independent_images: bool) -> Declaration:
    """The declaration with what the caller says instead."""
    changes: dict[str, object] = {}
    if margin is not None:
        changes["margin"] = margin
    if independent_images:
        changes["independent_images"] = True
    return declaration.with_analysis(declaration.analysis.model_copy(update=changes)) if changes else declaration


def _left_out(found: DatasetResults) -> list[str]:
    """Which labels an average over the labels that have a value leaves out."""
    has_value: dict[tuple[str, str, str], bool] = {}
    for row in found.runs:
        if row.label not in AVERAGES and row.group is None:
            key = row.dataset, row.metric, row.label
            has_value[key] = has_value.get(key, False) or row.value is not None
    missing: dict[tuple[str, str], list[str]] = {}
    for (dataset, metric, label), known in has_value.items():
        if not known:
            missing.setdefault((dataset, metric), []).append(label)
    return [
        f"{dataset}: averages of {metric} leave out {', '.join(labels)}, which has none (labels_defined = 'defined')"
        for (dataset, metric), labels in missing.items()
    ]


def _settings(
    declaration: Declaration,
    analysis: Analysis,
    arms: Sequence[Arm],
    baseline: Mapping[tuple[str, int | None, str], str],
    wanted: Request,
    *,
    notes: Sequence[str],
    level: float,
    replicates: int,
    seed: int,
    mode: Literal["default", "all"],
    command: str | None,
) -> Settings:
    packages = ("numpy", "scipy", "pandas", "scikit-learn", "statsmodels", "numba")
    return Settings(
        level=level,
        replicates=replicates or None,
        seed=seed if replicates else None,
        adjustment=ADJUSTMENT,
        baseline={"/".join(str(part) for part in key): arm for key, arm in baseline.items()},
        comparisons=mode,
        declared=declaration.when,
        study=declaration.study,
        study_sha256=declaration.sha256,
        software=Software(
            medkt=metadata.version("medkt"),
            python=platform.python_version(),
            packages={name: metadata.version(name) for name in packages},
        ),
        command=command,
        notes=list(notes),
        add=list(wanted.names),
        **analysis.model_dump(exclude={"baseline", "primary", "add"}),
        primary=contrasts.primary_by_id(declaration.analysis, arms),
    )
