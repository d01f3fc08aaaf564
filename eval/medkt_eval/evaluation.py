"""MAIN PATH of the statistics: runs/ -> EvaluationResult.

Each run's metrics on the shared test images, with and without each patient; each arm's mean over seeds with its
intervals; each contrast between arms with its tests; p-values adjusted within their families; learning curves; and what
the reader must be told.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

from medkt_eval import contrasts, curves, run_records
from medkt_eval.analysis import Declaration, read_declaration
from medkt_eval.arms import arms_of, datasets_of
from medkt_eval.comparisons import ADJUSTMENT, compare
from medkt_eval.errors import InputError
from medkt_eval.estimates import estimates_of
from medkt_eval.results import Arm, Curve, EvaluationResult, Input, Settings, Software
from medkt_eval.run_metrics import by_arm, measure
from medkt_eval.run_records import RunRecord


def evaluate(
    runs: Path,
    *,
    study: Path | None = None,
    level: float = 0.95,
    comparisons: Literal["default", "all"] = "default",
    command: str | None = None,
) -> EvaluationResult:
    """Evaluate the runs of a study.

    Parameters
    ----------
    runs : Path
        Folder of run folders (docs/formats.md).
    study : Path or None
        Study file whose `[analysis]` is used; None: `runs/study.json`, else the defaults.
    level : float
        Confidence level of every interval, in (0, 1).
    comparisons : {"default", "all"}
        Which arms are compared: see `contrasts.contrasts`.
    command : str or None
        The command line, for provenance.

    Raises
    ------
    InputError
        If the runs cannot be compared as asked; the message says why and what to do.
    """
    if not 0 < level < 1:
        raise InputError(f"--level is {level}; expected a number between 0 and 1, for example 0.95")
    declaration = read_declaration(runs, study)
    found, notes = run_records.read_runs(runs)
    records, grid_notes = run_records.keep_grid_winners(found)
    arms = arms_of(records)
    analysis, waiting = declaration.analysis, []
    if declaration.recorded:
        analysis, waiting = contrasts.applicable(declaration.analysis, arms)
    notes = [*declaration.notes, *notes, *grid_notes, *waiting]

    measured = measure(records, independent_images=analysis.independent_images)
    values = by_arm(measured.values)
    estimates = [row for arm in arms for row in estimates_of(arm, values, measured, level)]

    baseline, baseline_notes = contrasts.baselines(arms, analysis)
    pairs = contrasts.contrasts(arms, baseline, comparisons)
    compared = compare(arms, pairs, values, measured, analysis=analysis, level=level)

    return EvaluationResult(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=[Input(run_id=record.manifest.run_id, sha256=record.sha256()) for record in records],
        settings=_settings(
            declaration, arms, baseline, notes + baseline_notes, level=level, mode=comparisons, command=command
        ),
        datasets=datasets_of(records, measured.test_sets),
        arms=arms,
        runs=measured.values,
        estimates=estimates,
        comparisons=compared,
        thresholds=measured.thresholds,
        curves=_learning_curves(arms, records, level),
    )


def _learning_curves(arms: Sequence[Arm], records: Sequence[RunRecord], level: float) -> list[Curve]:
    found = []
    for arm in arms:
        runs = [record for record in records if record.manifest.arm_id == arm.arm]
        selection = runs[0].manifest.selection or {}
        metric = selection.get("metric")
        histories = {run.manifest.run_id: history for run in runs if (history := run.history()) is not None}
        if metric not in (None, "epoch") and histories:
            label = str(selection.get("label", "macro"))
            found += curves.learning_curves(arm, histories, str(metric), label, level)
    return found


def _settings(
    declaration: Declaration,
    arms: Sequence[Arm],
    baseline: Mapping[tuple[str, int | None, str], str],
    notes: list[str],
    *,
    level: float,
    mode: Literal["default", "all"],
    command: str | None,
) -> Settings:
    analysis = declaration.analysis
    if analysis.margin is not None:
        notes = [*notes, f"the study declares a margin of {analysis.margin}; no test of equivalence is made over seeds "
                 "alone, because it would not speak of new patients"]  # fmt: skip
    packages = ("numpy", "scipy", "pandas", "scikit-learn", "statsmodels")
    return Settings(
        level=level,
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
        notes=notes,
        **analysis.model_dump(exclude={"baseline", "primary"}),
        primary=contrasts.primary_by_id(analysis, arms),
    )
