"""Tests and intervals that are computed from the images, on request.

They are the permutation of mid-ranks, McNemar's test and the studentised bootstrap.

In: a `TestSet`, arms and contrasts. Out: tests by (arm a, arm b, metric, label), which contrast_tests.py adds to the
others, and intervals by (arm, metric, label), which estimates.py adds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medkt_eval.comparisons.bootstrap_tests import STUDENTIZED
from medkt_eval.inference.over_patients.mcnemar import mcnemar
from medkt_eval.inference.over_patients.permutation import TEST as PERMUTATION
from medkt_eval.inference.over_patients.permutation import PermutedDifferences, permutation_test, permuted_differences
from medkt_eval.inference.rounding import is_rounding
from medkt_eval.inference.test_result import TestResult
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.ranking import rank
from medkt_eval.resampling.limits import Limits, studentized
from medkt_eval.resampling.studentized import studentized_auc
from medkt_eval.results.schema import Arm
from medkt_eval.runtime.execution import LOCAL, Execution, Work
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions

PERMUTATIONS = 2000  # where no number of replicates is given


@dataclass(frozen=True)
class OnImages:
    """Tests of contrasts and limits of arms, by arms, metric and label."""

    tests: Mapping[tuple[str, str, str, str], Sequence[TestResult]]  # arm a, arm b, metric, label
    limits: Mapping[tuple[str, str, str], Limits]  # arm, metric, label


NOTHING = OnImages({}, {})


def analyse_images(
    test: TestSet,
    measurement: MeasurementOptions,
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    options: AnalysisOptions,
    execution: Execution = LOCAL,
) -> OnImages:
    """The requested tests of every contrast (except those for a table's marks) and intervals of every arm.

    Permutation and studentised bootstrap are of the AUC of each label, macro and weighted. McNemar's test compares the
    calls of each label: right calls among all images (`accuracy`), the positives (`sensitivity`) and the negatives
    (`specificity`). For several classes it also compares the calls of the likeliest class (`accuracy`, "micro").
    """
    tests: dict[tuple[str, str, str, str], list[TestResult]] = defaultdict(list)
    limits: dict[tuple[str, str, str], Limits] = {}
    pairs = [pair for pair in pairs if pair.kind != "table"]
    if STUDENTIZED in options.request.intervals:
        limits, of_contrasts = _studentized(test, measurement, arms, pairs, options.level, execution)
        for key, result in of_contrasts.items():
            tests[key].append(result)
    if "permutation" in options.request.tests:
        for key, result in _permutation(test, measurement, arms, pairs, options.level, execution):
            tests[key].append(result)
    runs = {arm.arm: test.runs_of(arm) for arm in arms}
    for pair in pairs:
        a, b = runs[pair.arm_a], runs[pair.arm_b]
        if "mcnemar" in options.request.tests:
            for k, label in enumerate(test.labels):
                for metric, result in _mcnemar(test, k, a, b, options.level).items():
                    tests[pair.arm_a, pair.arm_b, metric, label].append(result)
            if test.predictions.task == "multiclass":
                right = test.arg_max == test.predictions.classes  # (n_runs, n_images)
                result = mcnemar(right[a].mean(axis=0), right[b].mean(axis=0), test.patient, options.level)
                tests[pair.arm_a, pair.arm_b, "accuracy", "micro"].append(result)
    return OnImages(tests, limits)


def _studentized(
    test: TestSet,
    measurement: MeasurementOptions,
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    level: float,
    execution: Execution,
) -> tuple[dict[tuple[str, str, str], Limits], dict[tuple[str, str, str, str], TestResult]]:
    """Limits of each arm and a test of each contrast: on labels with both classes, and on averages if all have both."""
    means = {arm.arm: np.bincount(test.runs_of(arm), minlength=len(test.runs)) / len(arm.seeds) for arm in arms}
    weights = np.array([*means.values(), *(means[pair.arm_a] - means[pair.arm_b] for pair in pairs)])
    labels, rankings = [], []
    for k, label in enumerate(test.labels):
        labelled = ~np.isnan(test.truth(k))
        truth, patient = test.truth(k)[labelled], test.patient[labelled]
        if 0 < truth.sum() < truth.size:
            labels.append(label)
            scores = test.scores_of(k)[:, labelled]
            rankings.append([rank(truth, run, patient, test.n_patients) for run in scores])
    if not labels:
        return {}, {}
    labels += ["macro", "weighted"]
    drawn = studentized_auc(
        rankings,
        weights,
        replicates=measurement.replicates,
        seed=measurement.seed,
        dataset=measurement.dataset,
        execution=execution,
    )
    limits: dict[tuple[str, str, str], Limits] = {}
    tests: dict[tuple[str, str, str, str], TestResult] = {}
    for label, of_label in zip(labels, drawn, strict=True):
        all_labels = len(rankings) == len(test.labels) and not measurement.averaged_labels
        if label in ("macro", "weighted") and not all_labels:
            continue
        for row, (values, ses) in enumerate(zip(of_label.values, of_label.ses, strict=True)):
            value, se = float(values[0]), float(ses[0])
            if is_rounding(se, np.ones(1)):
                interval = Limits.absent("no variation over patients to measure")
            else:
                interval = studentized(value, values[1:], level, se=se, ses=ses[1:])
            if row < len(means):
                limits[list(means)[row], "auc", label] = interval
                continue
            pair = pairs[row - len(means)]
            tests[pair.arm_a, pair.arm_b, "auc", label] = TestResult(
                test="bootstrap-studentized",
                scope="patients",
                difference=value,
                se=interval.se,
                low=interval.low,
                high=interval.high,
                level=level,
                statistic=None if interval.undefined_because else value / se,
                df=None,
                p_value=interval.p_value,
                undefined_because=interval.undefined_because,
                undefined_replicates=interval.n_undefined,
            )
    return limits, tests


def _permutation(
    test: TestSet,
    measurement: MeasurementOptions,
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    level: float,
    execution: Execution,
) -> Iterator[tuple[tuple[str, str, str, str], TestResult]]:
    """A test of each contrast: on labels with both classes, and on averages if all labels have both."""
    of_arm = {arm.arm: test.runs_of(arm) for arm in arms}
    runs = [(of_arm[pair.arm_a], of_arm[pair.arm_b]) for pair in pairs]
    paired = [k for k, (a, b) in enumerate(runs) if len(a) == len(b)]
    positives: dict[str, float] = {}

    def works() -> Iterator[Work[PermutedDifferences]]:
        """The work of each label; its parts are the contrasts."""
        for k, label in enumerate(test.labels):
            labelled = ~np.isnan(test.truth(k))
            positive = test.truth(k)[labelled] == 1
            if 0 < positive.sum() < positive.size:
                positives[label] = float(positive.sum())
                drawn = {
                    "permutations": measurement.replicates or PERMUTATIONS,
                    "seed": measurement.seed,
                    "dataset": measurement.dataset,
                }
                data = positive, test.scores_of(k)[:, labelled], test.patient[labelled], test.n_patients, drawn
                yield Work(_permuted, data, [runs[k] for k in paired])

    by_label = list(execution.in_order(works())) if paired else []
    averaged = len(positives) == len(test.labels) and not measurement.averaged_labels
    for k, pair in enumerate(pairs):
        if k in paired:
            of_labels = {label: permuted[paired.index(k)] for label, permuted in zip(positives, by_label, strict=True)}
            results = _with_averages(of_labels, list(positives.values()), averaged, level)
        else:
            because = (
                f"{len(runs[k][0])} and {len(runs[k][1])} seeds: a patient's scores are exchanged run by run, "
                "so both need the same number"
            )
            nothing = TestResult.absent(because, test=PERMUTATION, scope="patients", difference=np.nan, level=level)
            results = dict.fromkeys((*test.labels, "macro", "weighted"), nothing)
        for label, result in results.items():
            yield (pair.arm_a, pair.arm_b, "auc", label), result


def _permuted(
    data: tuple[np.ndarray, np.ndarray, np.ndarray, int, dict[str, Any]], runs: tuple[np.ndarray, np.ndarray]
) -> PermutedDifferences:
    positive, scores, patient, n_patients, drawn = data
    a, b = runs
    return permuted_differences(positive, scores[a], scores[b], patient, n_patients, **drawn)


def _with_averages(
    of_labels: Mapping[str, PermutedDifferences], positives: Sequence[float], averaged: bool, level: float
) -> dict[str, TestResult]:
    tests = {label: permutation_test(permuted, level) for label, permuted in of_labels.items()}
    if averaged:
        for average, w in (("macro", np.ones(len(of_labels))), ("weighted", np.array(positives))):
            parts = list(of_labels.values())
            mean = PermutedDifferences(
                float(np.average([part.difference for part in parts], weights=w)),
                np.average([part.differences for part in parts], axis=0, weights=w),
            )
            tests[average] = permutation_test(mean, level)
    return tests


def _mcnemar(test: TestSet, k: int, a: np.ndarray, b: np.ndarray, level: float) -> dict[str, TestResult]:
    called, because = test.called(k)
    reason = next((because[run] for run in (*a, *b) if because[run]), None)
    if reason:
        return dict.fromkeys(
            ("accuracy", "sensitivity", "specificity"),
            TestResult.absent(reason, test="mcnemar", scope="patients", difference=np.nan, level=level),
        )
    labelled = ~np.isnan(test.truth(k))
    truth = test.truth(k)[labelled] == 1
    right = {}
    for name, runs in (("a", a), ("b", b)):
        calls = np.array([called[run] for run in runs], dtype=bool)[:, labelled]
        right[name] = (calls == truth).mean(axis=0)
    among = {"accuracy": np.ones(len(truth), dtype=bool), "sensitivity": truth, "specificity": ~truth}
    patient = test.patient[labelled]
    return {
        metric: mcnemar(right["a"][images], right["b"][images], patient[images], level)
        for metric, images in among.items()
        if images.any()
    }
