"""Seeds that may have failed, seeds far from the others of their arm, and what so few seeds cannot exclude.

In: runs with their validation predictions and histories, and their values on the test images. Out: a `SeedCheck` for
each run, a `FailureRate` for each arm, and notes. No run is left out of anything because of its flags.

A run may have failed if the patient-level interval of its macro AUC on the validation images does not lie above 0.5, or
if the loss in its history is not a finite number. A run is outlying if it is more than 5 median absolute deviations
from the median of its arm; of fewer than four seeds no such statement is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from medkt_eval.inference.interval import Interval
from medkt_eval.inference.over_patients.patient_jackknife import NAME, jackknife_interval
from medkt_eval.inference.rounding import is_rounding
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.thresholds import ChosenThreshold
from medkt_eval.predictions.files.parquet_columns import AnyPredictions
from medkt_eval.predictions.run_folders import Run
from medkt_eval.results.recorded import FailureRate, SeedCheck
from medkt_eval.results.schema import Arm, RunValue
from medkt_eval.study.declaration import Analysis

LEVEL = 0.95
CHANCE = 0.5
FEWEST_SEEDS = 4
MOST_DEVIATIONS = 5.0


def check_seeds(
    arms: Sequence[Arm], records: Sequence[Run], values: Sequence[RunValue], analysis: Analysis
) -> tuple[list[SeedCheck], list[FailureRate], list[str]]:
    """Check every run of every arm.

    Parameters
    ----------
    arms : sequence of Arm
        Teachers are left out.
    records : sequence of Run
    values : sequence of RunValue
        Every run's metrics on the test images.
    analysis : Analysis
        The first primary contrast names the metric of outlying seeds; macro AUC if there is none.

    Returns
    -------
    checks : list of SeedCheck
    rates : list of FailureRate
    notes : list of str
        On arms with a flagged run.
    """
    first = next(iter(analysis.primaries), None)
    metric, label = (first.metric, first.label) if first else ("auc", "macro")
    tested = {row.run_id: row.value for row in values if (row.metric, row.label, row.group) == (metric, label, None)}
    by_id = {record.manifest.run_id: record for record in records}
    checks: list[SeedCheck] = []
    rates, notes = [], []
    for arm in arms:
        if arm.role == "arm":
            of_arm = _check_arm(arm, by_id, tested, (metric, label), analysis)
            checks += of_arm
            rates.append(_failure_rate(arm, of_arm))
            notes += _notes(arm, of_arm)
    return checks, rates, notes


def _check_arm(
    arm: Arm, by_id: Mapping[str, Run], tested: Mapping[str, float | None], of: tuple[str, str], analysis: Analysis
) -> list[SeedCheck]:
    checks = []
    of_arm = [tested.get(run_id) for run_id in arm.run_ids]
    for seed, run_id, value, deviations in zip(arm.seeds, arm.run_ids, of_arm, deviations_of(of_arm), strict=True):
        auc, interval = _validation_auc(by_id[run_id], analysis)
        diverged = diverged_because(by_id[run_id])
        failed = True if diverged else None if interval.low is None else interval.low <= CHANCE
        checks.append(
            SeedCheck(
                run_id=run_id,
                dataset=arm.dataset,
                arm=arm.arm,
                seed=seed,
                validation_auc=auc,
                low=interval.low,
                high=interval.high,
                level=LEVEL,
                interval=interval.name,
                diverged_because=diverged,
                failed=failed,
                metric=of[0],
                label=of[1],
                value=value,
                deviations=deviations,
                outlying=None if deviations is None else deviations > MOST_DEVIATIONS,
                undefined_because=interval.undefined_because,
            )
        )
    return checks


def deviations_of(values: Sequence[float | None]) -> list[float | None]:
    """How many median absolute deviations each value is from the median; None for fewer than four seeds.

    Parameters
    ----------
    values : sequence of float or None
        The metric of each seed's run. None, also if the median absolute deviation is 0.

    Examples
    --------
    >>> [round(d, 6) for d in deviations_of([0.80, 0.81, 0.79, 0.62])]
    [0.5, 1.5, 0.5, 17.5]
    """
    known = np.array([value for value in values if value is not None])
    if len(known) < FEWEST_SEEDS:
        return [None] * len(values)
    median = float(np.median(known))
    typical = float(np.median(np.abs(known - median)))
    if is_rounding(typical, known):
        return [None] * len(values)
    return [None if value is None else abs(value - median) / typical for value in values]


def diverged_because(run: Run) -> str | None:
    """Why its records say that the run diverged: the first epoch whose loss is not a finite number; else None."""
    history = run.history()
    if history is None or "loss" not in history.columns:
        return None
    losses = history["loss"].to_numpy()
    if losses.dtype.kind not in "iuf":
        return None
    lost = np.flatnonzero(~np.isfinite(losses))
    if not len(lost):
        return None
    where = history["epoch"].iloc[lost[0]] if "epoch" in history.columns else lost[0] + 1
    return f"its loss is {losses[lost[0]]} in epoch {where:g} (history.csv)"


def highest_failure_rate(n_failed: int, n_seeds: int) -> float:
    """The largest failure rate that the runs do not exclude: the exact one-sided 95 % limit.

    Clopper and Pearson 1934, Biometrika 26:404. R: `binom.test(n_failed, n_seeds, alternative = "less")$conf.int[2]`.

    Examples
    --------
    >>> round(highest_failure_rate(0, 3), 3), round(1 - 0.05 ** (1 / 3), 3)
    (0.632, 0.632)
    """
    test = stats.binomtest(n_failed, n_seeds, alternative="less")
    return float(test.proportion_ci(LEVEL, method="exact").high)


def _validation_auc(run: Run, analysis: Analysis) -> tuple[float | None, Interval]:
    """Macro AUC on the run's validation images over the labels that have one, and its interval over patients."""

    def absent(because: str) -> tuple[None, Interval]:
        return None, Interval.absent(because, name=NAME, level=LEVEL)

    validation = run.validation()
    if validation is None:
        return absent("the run has no validation predictions")
    if validation.patient_ids is None and not analysis.independent_images:
        return absent("the validation predictions name no patients")
    options = MeasurementOptions(("auc",), 0, 0, run.manifest.arm.dataset)
    metrics = measure(_of_one_run(run, validation), options, averages=("macro",), labels_defined="defined")
    (macro,) = (metric for metric in metrics if metric.label == "macro")
    if macro.undefined_because:
        return absent(f"on the validation images, {macro.because[0]}")
    value = float(macro.values[0])
    return value, jackknife_interval(macro.values, macro.covariance, df_patients=macro.df_patients, level=LEVEL)


def _of_one_run(run: Run, validation: AnyPredictions) -> TestSet:
    patient, n_patients = validation.patients()
    no_call = tuple(ChosenThreshold(label, "none", None, "no threshold is needed") for label in validation.labels)
    return TestSet(
        dataset=run.manifest.arm.dataset,
        predictions=validation,
        patient=patient,
        n_patients=n_patients,
        runs=(run.manifest.run_id,),
        scores=np.array([validation.score(k)[None] for k in range(len(validation.labels))]),
        thresholds=(no_call,),
    )


def _failure_rate(arm: Arm, checks: Sequence[SeedCheck]) -> FailureRate:
    known = [check.failed for check in checks if check.failed is not None]
    return FailureRate(
        dataset=arm.dataset,
        arm=arm.arm,
        n_seeds=len(checks),
        n_checked=len(known),
        n_failed=sum(known),
        high=highest_failure_rate(sum(known), len(known)) if known else None,
        level=LEVEL,
        undefined_because=None if known else next((c.undefined_because for c in checks if c.undefined_because), None),
    )


def _notes(arm: Arm, checks: Sequence[SeedCheck]) -> list[str]:
    """What the reader must know about an arm with flagged runs."""
    notes = []
    failed = [f"{check.run_id} ({_why(check)})" for check in checks if check.failed]
    if failed:
        notes.append(
            f"{len(failed)} of {len(checks)} runs of {arm.arm} may have failed: {', '.join(failed)}. A run is flagged "
            "if it diverged, or if the 95 % interval of its validation AUC does not lie above 0.5. All results include "
            "it"
        )
    outlying = [
        f"{check.run_id} ({check.value:.3f}, {check.deviations:.1f} median absolute deviations from the median)"
        for check in checks
        if check.outlying
    ]
    if outlying:
        notes.append(
            f"{arm.arm}: outlying by {checks[0].metric} ({checks[0].label}): {', '.join(outlying)}. All results "
            "include it"
        )
    return notes


def _why(check: SeedCheck) -> str:
    return check.diverged_because or f"validation AUC {check.validation_auc:.3f}, {check.low:.3f} to {check.high:.3f}"
