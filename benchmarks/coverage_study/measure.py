"""Compare the intervals and tests of medkt_eval for a simulated study with the truth.

In: a `Cell` and the number of a study. Out: `Outcome`s, one for each interval or test. The functions of
`medkt evaluate` compute all of them, except "mean ± 1.96 s/√k" of a difference, which is included for contrast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.coverage_study.simulate import Cell, Study, draw
from medkt_eval.comparisons.dataset import DatasetResults
from medkt_eval.comparisons.image_tests import NOTHING, OnImages, analyse_images
from medkt_eval.comparisons.omnibus import of_all_arms
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.calibration import measure_calibration
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.metric_functions import OF_CALLS
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.placements import placements
from medkt_eval.metrics.ranking import rank
from medkt_eval.metrics.sums import calls
from medkt_eval.results.schema import Arm
from medkt_eval.results.vocabulary import METRICS, TESTS
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.declaration import Analysis
from medkt_eval.study.options import AnalysisOptions
from medkt_eval.study.requests import Request

LEVEL = 0.95
REPLICATES = 1000
REPLICATES_STUDENTIZED = 400  # also the number of permutations
RESAMPLED = 500  # studies of a cell, the first ones, that have bootstrap intervals
STUDENTIZED = 200  # studies with the studentised bootstrap, permutations and the truth of scope "seeds"
RETRAINED = 50  # further seeds per arm; their mean is that truth
HABIT = "mean ± 1.96 s/√k"
HILLIS = "or, Hillis's df"
NOT_CENTRED = "or, not centred"
ANALYTIC = ("seeds+patients:or", "patients:delong", "patients:jackknife", "seeds:t", "seeds:normal")
BOOTSTRAPS = (
    "patients:bootstrap-percentile",
    "patients:bootstrap-basic",
    "patients:bootstrap-bca",
    "seeds+patients:bootstrap",
)


@dataclass(frozen=True)
class Outcome:
    """One interval or test of one study.

    Parameters
    ----------
    study : int
    of : str
        The quantity: "difference", "arm 0", "arm 1", or "all arms".
    name : str
        Name of the interval; scope:test for a test.
    value : float
        The estimate.
    width : float or None
        Width of the interval.
    covers, covers_own : bool or None
        Whether the interval contains the truth over seeds and patients, and the truth of its own scope.
    rejects : bool or None
        Whether p < 0.05.
    se_seeds, of_models : float
        The part of the estimate's standard error that is due to seeds; the truth for the trained models.
    """

    study: int
    of: str
    name: str
    value: float
    width: float | None = None
    covers: bool | None = None
    covers_own: bool | None = None
    rejects: bool | None = None
    se_seeds: float = np.nan
    of_models: float = np.nan


def analyse(cell: Cell, number: int) -> list[Outcome]:
    """Compute every interval and test of one study, and compare them with the truth.

    Parameters
    ----------
    cell : Cell
    number : int
        Number of the study. The first studies have more intervals than the others.
    """
    return judged(cell, number, draw(cell, number, retrained=RETRAINED if number < STUDENTIZED else 0))


def judged(cell: Cell, number: int, study: Study) -> list[Outcome]:
    """Compute every interval and test of a drawn study, and compare them with the truth.

    Parameters
    ----------
    cell, number
        As for `analyse`.
    study : Study
    """
    arms, pair = arms_of(cell), Contrast("arm 0", "arm 1", "declared")
    plan = _plan(cell, number)
    metric = measured(
        cell, study.test, MeasurementOptions((cell.metric,), REPLICATES if number < RESAMPLED else 0, number, cell.name)
    )
    judge = _Judge(cell, number, metric, study)
    on_images = _on_images(cell, study, number, pair, plan)
    results, as_hillis = DatasetResults(), DatasetResults()
    results.add(metric, arms[:2], [pair], plan, on_images)
    as_hillis.add(metric, arms[:2], [pair], _like_other_software(plan))
    for row in results.estimates:
        if row.metric != cell.metric:  # a root, which is in its interval if its square is
            continue
        judge.add(row.arm, row.interval, row.interval.partition(":")[0], row.low, row.high, None)
    for row in (comparison.row for comparison in results.compared):
        judge.add("difference", f"{row.scope}:{row.test}", row.scope, row.low, row.high, row.p_value)
    for row in as_hillis.estimates:
        if row.metric != cell.metric:
            continue
        judge.add(row.arm, HILLIS, obuchowski_rockette.SCOPE, row.low, row.high, None)
    if metric.bias is not None:
        not_centred = DatasetResults()
        not_centred.add(replace(metric, bias=None), arms[:2], [], _with_default_alone(plan))
        for row in not_centred.estimates:
            judge.add(row.arm, NOT_CENTRED, obuchowski_rockette.SCOPE, row.low, row.high, None)
    row = as_hillis.compared[0].row  # the primary analysis comes first
    judge.add("difference", HILLIS, row.scope, row.low, row.high, row.p_value)
    middle, reach = judge.value["difference"], 1.96 * judge.se_seeds["difference"]
    judge.add("difference", HABIT, "seeds", middle - reach, middle + reach, None)
    for row in of_all_arms(metric, arms, plan):
        judge.add("all arms", f"{row.scope}:{row.test}", row.scope, None, None, row.p_value)
    return judge.outcomes


class _Judge:
    """Compares limits with the truth."""

    def __init__(self, cell: Cell, number: int, metric: MetricOfRuns, study: Study) -> None:
        values = metric.values.reshape(cell.n_arms, cell.seeds)
        variances = values.var(axis=1, ddof=1) / cell.seeds
        paired = np.var(values[0] - values[1], ddof=1) / cell.seeds
        difference_variance = variances[0] + variances[1] if cell.crossed is None else paired
        self.number, self.outcomes = number, list[Outcome]()
        self.value = _and_difference(values.mean(axis=1)) | {"all arms": np.nan}
        self.se_seeds = {
            "arm 0": float(variances[0] ** 0.5),
            "arm 1": float(variances[1] ** 0.5),
            "difference": float(difference_variance**0.5),
            "all arms": np.nan,
        }
        self.truth = {"seeds+patients": _and_difference(cell.truth), "patients": _and_difference(study.of_models)}
        if study.retrained is not None:
            self.truth["seeds"] = _and_difference(_values(cell, study.retrained).mean(axis=1))
        # The mean of other seeds has an error too, so limits are moved outwards, like those of a prediction interval.
        self.stretch = {"seeds": (1 + cell.seeds / RETRAINED) ** 0.5}

    def add(self, of: str, name: str, scope: str, low: float | None, high: float | None, p: float | None) -> None:
        """Add the outcome of one interval or test."""
        covers = covers_own = width = None
        middle = self.value[of]
        if low is not None and high is not None and not np.isnan(middle):
            width, covers = high - low, bool(low <= self.truth["seeds+patients"][of] <= high)
            if scope in self.truth:
                stretch, off = self.stretch.get(scope, 1.0), self.truth[scope][of] - middle
                covers_own = bool((low - middle) * stretch <= off <= (high - middle) * stretch)
        rejects = None if p is None else p < 1 - LEVEL
        models_truth = self.truth["patients"].get(of, np.nan)
        self.outcomes.append(
            Outcome(self.number, of, name, middle, width, covers, covers_own, rejects, self.se_seeds[of], models_truth)
        )


def _and_difference(arm_values: np.ndarray) -> dict[str, float]:
    first, second = (float(value) for value in arm_values[:2])
    return {"arm 0": first, "arm 1": second, "difference": first - second}


def measured(cell: Cell, test: TestSet, options: MeasurementOptions) -> MetricOfRuns:
    """Measure the cell's metric and label on one test set."""
    if METRICS[cell.metric].kind == "calibration":
        metrics = measure_calibration(test)
    else:
        metrics = measure(test, options, averages=cell.averages, keep_patients=bool(options.replicates))
    return next(metric for metric in metrics if (metric.metric, metric.label) == (cell.metric, cell.label))


def _on_images(cell: Cell, study: Study, number: int, pair: Contrast, plan: AnalysisOptions) -> OnImages:
    """Compute the tests on images of the first two arms. The other arms do not affect them."""
    if number >= STUDENTIZED:
        return NOTHING
    n_runs = 2 * cell.seeds
    test = replace(study.test, runs=study.test.runs[:n_runs], scores=study.test.scores[:, :n_runs])
    options = MeasurementOptions((cell.metric,), REPLICATES_STUDENTIZED, number, cell.name)
    return analyse_images(test, options, arms_of(cell)[:2], [pair], plan)


def _values(cell: Cell, test: TestSet) -> np.ndarray:
    """Compute the metric of each run of two arms, float64, (2, n_seeds); NaN if it is undefined for a label."""
    label_values, positives = [], []
    for k, scores in enumerate(test.scores):
        truth = test.truth(k) == 1
        positives.append(truth.sum())
        if cell.metric != "auc":
            called = (calls(truth, run >= cell.thresholds[k], test.patient, test.n_patients) for run in scores)
            label_values.append([float(OF_CALLS[cell.metric](run_calls.total)) for run_calls in called])
        elif 0 < truth.sum() < truth.size:
            label_values.append([placements(rank(truth, run, test.patient, test.n_patients)).auc for run in scores])
        else:
            label_values.append([np.nan] * len(scores))
    weights = np.array(positives if cell.label == "weighted" else [1] * len(positives), dtype=float)
    counted = weights > 0
    return np.average(np.array(label_values)[counted], axis=0, weights=weights[counted]).reshape(2, -1)


def arms_of(cell: Cell) -> list[Arm]:
    """Return the cell's arms, as in results.json."""
    return [
        Arm(
            arm=f"arm {a}",
            name=f"arm {a}",
            dataset=cell.name,
            task="multilabel",
            train_size=None,
            method="simulated",
            student="",
            teacher=None,
            unfrozen=None,
            trainable_parameters=None,
            total_parameters=None,
            settings={},
            seeds=list(range(cell.seeds)),
        )
        for a in range(cell.n_arms)
    ]


def _plan(cell: Cell, number: int) -> AnalysisOptions:
    """Request every interval and test for the cell's metric and seeds that this study should have."""
    intervals, tests = ANALYTIC, ["mann-whitney"] if cell.crossed is None else ["wilcoxon", "sign-flip"]
    if number < RESAMPLED:
        intervals += BOOTSTRAPS
    if number < STUDENTIZED and cell.metric == "auc":
        intervals += ("patients:bootstrap-studentized",)
        tests.append("permutation")
    if number < STUDENTIZED and cell.metric in TESTS["mcnemar"].metrics:
        tests.append("mcnemar")
    request = Request((cell.metric,), (), intervals, tuple(tests), (), ())
    analysis = Analysis(seeds="nested" if cell.crossed is None else "crossed")
    return AnalysisOptions(analysis, request, LEVEL, seed=number, n_patients=cell.patients)


def _with_default_alone(plan: AnalysisOptions) -> AnalysisOptions:
    """Request only the default interval."""
    return replace(plan, request=replace(plan.request, intervals=(obuchowski_rockette.NAME,), tests=()))


def _like_other_software(plan: AnalysisOptions) -> AnalysisOptions:
    """Request only the default interval, with `degrees_of_freedom = "hillis"`."""
    analysis = plan.analysis.model_copy(update={"degrees_of_freedom": "hillis"})
    return replace(_with_default_alone(plan), analysis=analysis)
