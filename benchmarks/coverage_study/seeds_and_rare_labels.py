"""Cells in which the default analysis is known to fall short: seeds that fail, unequal seeds, labels that nobody calls.

In: a cell of further.toml and the number of a study. Out: `Outcome`s of the default analysis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.coverage_study.further_cells import FurtherCell, RareCell, SeedsCell
from benchmarks.coverage_study.measure import LEVEL, Outcome, arms_of, measured
from benchmarks.coverage_study.simulate import draw
from medkt_eval.comparisons.dataset import DatasetResults
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.results.schema import Arm
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.declaration import Analysis
from medkt_eval.study.options import AnalysisOptions
from medkt_eval.study.requests import Request

DEFAULT = obuchowski_rockette.NAME
TESTS = (obuchowski_rockette.TEST, "t-welch")


def analyse_seeds(cell: SeedsCell, number: int) -> Iterator[Outcome]:
    """Compare the default's difference, Welch's and each arm's value with the truth."""
    options = MeasurementOptions((cell.metric,), 0, number, cell.name)
    metric = measured(cell, cell.test_set(number), options)
    arms = [
        arm.model_copy(update={"seeds": list(range(n))}) for arm, n in zip(arms_of(cell), cell.n_seeds, strict=True)
    ]
    yield from _judged(cell, number, metric, arms, cell.truth, "")


def analyse_rare(cell: RareCell, number: int) -> Iterator[Outcome]:
    """Compare the average over all labels, and the one over the labels that were named, with their truths."""
    test = draw(cell, number).test
    options = MeasurementOptions((cell.metric,), 0, number, cell.name)
    yield from _judged(cell, number, measured(cell, test, options), arms_of(cell), cell.truth, "")
    named = replace(options, averaged_labels=tuple(cell.labels[k] for k in cell.named))
    yield from _judged(cell, number, measured(cell, test, named), arms_of(cell), cell.truth_of_named, ", named")


def _judged(
    cell: FurtherCell, number: int, metric: MetricOfRuns, arms: Sequence[Arm], truths: np.ndarray, which: str
) -> Iterator[Outcome]:
    """Compare the rows of results.json with the truth; an interval that was refused covers nothing and has no width."""
    request = Request((cell.metric,), (), (DEFAULT,), (), (), ())
    results = DatasetResults()
    plan = AnalysisOptions(Analysis(), request, LEVEL, seed=number, n_patients=cell.patients)
    results.add(metric, arms, [Contrast("arm 0", "arm 1", "declared")], plan)
    truth = {f"arm {a}": float(value) for a, value in enumerate(truths)}
    truth["difference"] = truth["arm 0"] - truth["arm 1"]
    rows = [(row.arm, row.interval, row.value, row.low, row.high, None) for row in results.estimates]
    rows += [
        ("difference", row.test, row.difference, row.low, row.high, row.p_value)
        for row in (compared.row for compared in results.compared)
        if row.test in TESTS
    ]
    for of, name, value, low, high, p in rows:
        rejects = None if p is None or abs(truth[of]) > 1e-12 else p < 1 - LEVEL
        width = covers = None
        if low is not None and high is not None:
            width, covers = high - low, low <= truth[of] <= high
        middle = np.nan if value is None else value
        yield Outcome(number, of + which, name, middle, width, covers, rejects=rejects)
