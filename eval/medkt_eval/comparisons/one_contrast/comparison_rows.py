"""Rows of results.json for the tests of a contrast, before they are adjusted.

In: a `TestResult` of two arms on one metric. Out: `Compared`, which adjustment.py adjusts when all rows are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from medkt_eval.inference import obuchowski_rockette, superiority
from medkt_eval.inference.rounding import ROUNDING, difference_of_means
from medkt_eval.inference.superiority import Superiority
from medkt_eval.inference.test_result import TestResult
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.results.schema import Arm, Comparison
from medkt_eval.results.vocabulary import METRICS
from medkt_eval.study import contrasts
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions
from medkt_eval.study.primary import main_metrics, margin_of
from medkt_eval.study.tuning import SELECTED

AGAINST_MARGIN = ("tost", "non-inferiority")


@dataclass(frozen=True)
class Compared:
    """A comparison that is not adjusted yet, with the replicates of its difference if max-T needs them."""

    row: Comparison
    replicates: np.ndarray | None = None
    rounding: float = ROUNDING  # of the replicates


def comparison_row(
    both: MetricOfRuns, a: Arm, b: Arm, pair: Contrast, test: TestResult, options: AnalysisOptions
) -> Compared:
    """One test of arm a minus arm b, with its family, what it covers and what limits it."""
    family, method = contrasts.family(
        a, pair, both.metric, both.label, group=both.group, confirmatory_labels=options.analysis.confirmatory_labels
    )
    scope = "images" if options.n_patients is None and test.scope == "patients" else test.scope
    test = _within_range(test, METRICS[both.metric].largest_difference)
    k = len(a.seeds)
    probability = _probability(both, k, test)
    # One number for all tests of a contrast: each computes it in its own way, with its own rounding error.
    difference = None if both.undefined_because else difference_of_means(both.values[:k], both.values[k:])
    margin = tested_margin(both, a, b, options) if test.test in AGAINST_MARGIN else None
    return Compared(
        Comparison(
            dataset=a.dataset,
            arm_a=a.arm,
            arm_b=b.arm,
            metric=both.metric,
            label=both.label,
            group=both.group,
            difference=difference,
            se=test.se,
            low=test.low,
            high=test.high,
            level=test.level,
            test=test.test,
            scope=scope,
            statistic=test.statistic,
            df=test.df,
            df_hillis=test.df_hillis,
            p_value=test.p_value,
            p_adjusted=None,
            adjustment=method,
            family=family,
            kind=pair.kind,
            secondary=both.metric not in main_metrics(options.analysis),
            margin=margin,
            probability_a_above_b=probability.probability if probability else None,
            probability_descriptive=probability.descriptive if probability else None,
            n_seeds_a=len(a.seeds),
            n_seeds_b=len(b.seeds),
            n_patients=options.n_patients,
            n_images=both.n_images,
            n_positive=both.n_positive,
            undefined_replicates=test.undefined_replicates,
            note=_note(test, a, b),
            undefined_because=test.undefined_because,
        )
    )


def tested_margin(both: MetricOfRuns, a: Arm, b: Arm, options: AnalysisOptions) -> float | None:
    """The margin that the contrast is tested against; None in a group of the images, and without a margin."""
    return None if both.group is not None else margin_of(options.analysis, a, b, both.metric, both.label)


def _probability(both: MetricOfRuns, n_a: int, test: TestResult) -> Superiority | None:
    """P(A > B): over pairs of seeds for a t test; over replicates and pairs of runs for the primary analysis."""
    if both.undefined_because:
        return None
    if test.test in ("t-welch", "t-paired"):
        return superiority.over_seeds(both.values[:n_a], both.values[n_a:])
    if test.test == obuchowski_rockette.TEST and both.replicates.shape[1]:
        return superiority.over_replicates(both.replicates[:n_a], both.replicates[n_a:])
    return None


def _within_range(test: TestResult, bound: float) -> TestResult:
    """The test with its interval cut at the largest difference that the metric can have."""
    if test.low is None or test.high is None:
        return test
    low, high = max(test.low, -bound), min(test.high, bound)
    if low < high:
        return replace(test, low=low, high=high)
    note = "no interval: it lies outside the range of a difference"
    return replace(test, low=None, high=None, note="; ".join(filter(None, (test.note, note))))


def _note(test: TestResult, a: Arm, b: Arm) -> str | None:
    """What limits the test, and which arms won a tuning grid on the seeds they are compared on."""
    selected = (f"{arm.arm}: {SELECTED}" for arm in (a, b) if arm.selected_on_these_seeds)
    return "; ".join(filter(None, (test.note, *selected))) or None
