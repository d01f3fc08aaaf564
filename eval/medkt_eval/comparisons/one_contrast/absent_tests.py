"""Tests that were requested and do not exist: null with a reason, never left out.

In: tests of two arms on one metric, and what was requested. Out: `TestResult`s without an interval or p-value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medkt_eval.comparisons.bootstrap_tests import STUDENTIZED
from medkt_eval.inference.test_result import TestResult
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.results.schema import Scope
from medkt_eval.results.vocabulary import AVERAGES, TESTS
from medkt_eval.study.options import AnalysisOptions

# Tests that image_tests.py computes, with their metrics.
OF_IMAGES = {"permutation": ("auc",), "mcnemar": TESTS["mcnemar"].metrics}


def absent_test(because: str, name: str, scope: Scope, level: float) -> TestResult:
    """A test of a contrast whose metric does not exist."""
    return TestResult.absent(because, test=name, scope=scope, difference=np.nan, level=level)


def without_error(test: TestResult, because: str) -> TestResult:
    """The test; null if it needs the error over patients of an arm that shows none.

    Tests over seeds hold the patients fixed. A permutation estimates no error: it is exact if the arms are equal.
    """
    if test.scope == "seeds" or test.test == "permutation":
        return test
    given = {"test": test.test, "scope": test.scope, "difference": test.difference, "level": test.level}
    return replace(TestResult.absent(because, **given), undefined_replicates=test.undefined_replicates)


def with_absent(both: MetricOfRuns, tests: Sequence[TestResult], options: AnalysisOptions) -> list[TestResult]:
    """The tests that were computed from the images; one that was requested and does not exist is null."""
    if both.group is not None:
        return list(tests)
    names = [name for name in options.request.tests if both.metric in OF_IMAGES.get(name, ())]
    if STUDENTIZED in options.request.intervals and both.metric == "auc":
        names.append("bootstrap-studentized")
    if both.label in AVERAGES:
        names = [name for name in names if name != "mcnemar" and both.label in ("macro", "weighted")]
    because = both.undefined_because or "this test exists for the average over all labels only"
    absent = [name for name in names if name not in {test.test for test in tests}]
    return [*tests, *(absent_test(because, name, "patients", options.level) for name in absent)]
