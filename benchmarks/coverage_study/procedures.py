"""Compare tests against a margin, families, groups and points of curves with the truth.

In: a cell of further.toml and the number of a study. Out: `Outcome`s, computed by the functions of `medkt evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from benchmarks.coverage_study.further_cells import (
    ClassesCell,
    CurveCell,
    FamilyCell,
    FurtherCell,
    GroupCell,
    MarginCell,
    MetricCell,
    RareCell,
    RefitCell,
    SeedsCell,
)
from benchmarks.coverage_study.measure import LEVEL, REPLICATES, Outcome, arms_of, judged
from benchmarks.coverage_study.refitted_thresholds import analyse_refit
from benchmarks.coverage_study.seeds_and_rare_labels import analyse_rare, analyse_seeds
from benchmarks.coverage_study.simulate import Cell, draw
from medkt_eval.comparisons.adjustment import adjusted
from medkt_eval.comparisons.dataset import DatasetResults
from medkt_eval.comparisons.one_contrast.comparison_rows import AGAINST_MARGIN
from medkt_eval.comparisons.one_contrast.contrast_tests import compare
from medkt_eval.comparisons.subgroup_gaps import gap_rows
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.calibration import reliability_curves
from medkt_eval.measurement.label_metric import MeasurementOptions
from medkt_eval.measurement.net_benefit import net_benefit_curves
from medkt_eval.measurement.subgroups import measure_subgroups
from medkt_eval.metrics.sums import N_BINS, probability_bin
from medkt_eval.results.schema import Comparison, Curve
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.declaration import Analysis, Primary
from medkt_eval.study.options import AnalysisOptions
from medkt_eval.study.requests import Request

SHOWN = (0.05, 0.1, 0.2, 0.3, 0.5)  # probabilities at which net benefit is compared


def analyse_further(cell: FurtherCell, number: int) -> list[Outcome]:
    """Compute all outcomes of a study of any kind of cell.

    Parameters
    ----------
    cell : FurtherCell
    number : int
        Number of the study.
    """
    return list(OF_KIND[type(cell)](cell, number))


def _margin(cell: MarginCell, number: int) -> Iterator[Outcome]:
    """Compare the 90 % interval and the tests of equivalence and non-inferiority, which are errors at the margin."""
    analysis = Analysis(margin=cell.margin, primary=Primary(arm_a="arm 0", arm_b="arm 1", label=cell.label))
    truth = float(cell.truth[0] - cell.truth[1])
    for row in _comparisons(cell, number, analysis, [Contrast("arm 0", "arm 1", "declared")], replicates=0):
        if row.test in AGAINST_MARGIN and row.label == cell.label:
            wrong = row.test == "tost" or truth < 0  # arm 0 is inferior only if the difference is negative
            p = row.p_value if wrong else None
            yield _outcome(number, "difference", row.test, row.difference, row.low, row.high, truth, p)


def _family(cell: FamilyCell, number: int) -> Iterator[Outcome]:
    """Check if a true null hypothesis of a family is rejected, and if all intervals contain their truth."""
    analysis = Analysis(confirmatory_labels=["label 0"] if cell.label == "label 0" else [])
    pairs = [Contrast(f"arm {a}", "arm 0", "declared") for a in range(1, cell.n_arms)]
    rows = _comparisons(cell, number, analysis, pairs, replicates=REPLICATES)
    truth = {f"arm {a}": float(cell.truth[a] - cell.truth[0]) for a in range(1, cell.n_arms)}

    def judge(name: str, members: Sequence[Comparison], p: str | None, limit: str | None = None) -> Outcome:
        """Make the outcome of one family. `p` and `limit` name the p-value and the lower limit in its rows."""
        nulls = [getattr(row, p) for row in members if abs(truth[row.arm_a]) < 1e-12] if p else []
        rejects = None if None in nulls or not nulls else min(nulls) < 1 - LEVEL
        if limit is None:
            return Outcome(number, "family", name, np.nan, rejects=rejects)
        upper = limit.replace("low", "high")
        limits = [(getattr(row, limit), getattr(row, upper), truth[row.arm_a]) for row in members]
        if any(low is None for low, _, _ in limits):
            return Outcome(number, "family", name, np.nan, rejects=rejects)
        covers = all(low <= true <= high for low, high, true in limits)
        width = float(np.mean([high - low for low, high, _ in limits]))
        return Outcome(number, "family", name, np.nan, width, covers, rejects=rejects)

    primary = [row for row in rows if row.label == cell.label and row.test == obuchowski_rockette.TEST]
    max_t = [row for row in rows if row.label == cell.label and row.test == "max-t"]
    yield judge("unadjusted", primary, "p_value", "low")
    yield judge("holm", primary, "p_adjusted")
    yield judge("bonferroni", primary, None, "low_bonferroni")
    yield judge("max-t, unadjusted", max_t, "p_value", "low")
    yield judge("max-t", max_t, "p_adjusted")
    if cell.label not in cell.labels:
        label_rows = [row for row in rows if row.label in cell.labels and row.test == obuchowski_rockette.TEST]
        yield judge("benjamini-hochberg", [row for row in label_rows if row.arm_a == "arm 1"], "p_adjusted")


def _group(cell: GroupCell, number: int) -> Iterator[Outcome]:
    """Compare the values, differences and gaps of one group."""
    arms, pair = arms_of(cell), Contrast("arm 0", "arm 1", "declared")
    plan = _plan(cell, number, Analysis(), ("seeds+patients:or",), ())
    subgroups = measure_subgroups(
        cell.test_set(number), _options(cell, number, 0), averages=cell.averages, labels_defined="all"
    )
    subgroup = next(row for row in subgroups if row.group.label == cell.label and row.group.group == "of=a")
    inside, gap = (
        {f"arm {a}": float(value) for a, value in enumerate(values)}
        for values in (cell.truth_in_group, cell.truth_in_group - cell.truth)
    )
    rows = DatasetResults()
    rows.add(subgroup.group, arms, [pair], plan)
    for row in rows.estimates:
        of = f"{row.arm} in the group"
        yield _outcome(number, of, row.interval, row.value, row.low, row.high, inside[row.arm])
    for row in (comparison.row for comparison in rows.compared):
        if row.test == obuchowski_rockette.TEST:
            truth = inside["arm 0"] - inside["arm 1"]
            p = row.p_value if abs(truth) < 1e-12 else None
            yield _outcome(number, "difference in the group", row.test, row.difference, row.low, row.high, truth, p)
    assert subgroup.gap is not None
    for row in gap_rows(subgroup.gap, arms, [pair], plan):
        of = f"gap of {row.arm_a}" if row.arm_b is None else "difference of gaps"
        truth = gap[row.arm_a] - (0.0 if row.arm_b is None else gap[row.arm_b])
        p = row.p_value if abs(truth) < 1e-12 else None
        yield _outcome(number, of, row.test, row.difference, row.low, row.high, truth, p)


def _curve(cell: CurveCell, number: int) -> Iterator[Outcome]:
    """Compare points of the first arm's reliability and net-benefit curves."""
    test, arms = draw(cell, number).test, arms_of(cell)[:1]
    observed, benefit = cell.observed(0), dict(zip(SHOWN, cell.net_benefit(0, np.array(SHOWN)), strict=True))
    for curve in reliability_curves(test, arms, LEVEL):
        for x, y, low, high in _points(curve):
            bin_ = int(probability_bin(np.array([x]))[0])
            name = f"score {bin_ / N_BINS:.2f} to {(bin_ + 1) / N_BINS:.2f}"
            yield _outcome(number, "observed share", name, y, low, high, float(observed[bin_]))
    for curve in net_benefit_curves(test, arms, LEVEL):
        for x, y, low, high in _points(curve):
            if x in benefit:
                yield _outcome(number, "net benefit", f"at {x:.2f}", y, low, high, float(benefit[x]))


def _metric(cell: MetricCell, number: int) -> list[Outcome]:
    return judged(cell, number, draw(cell, number))


def _classes(cell: ClassesCell, number: int) -> list[Outcome]:
    return judged(cell, number, cell.draw(number))


OF_KIND: dict[type[FurtherCell], Callable[..., Iterable[Outcome]]] = {
    MetricCell: _metric,
    ClassesCell: _classes,
    MarginCell: _margin,
    FamilyCell: _family,
    GroupCell: _group,
    CurveCell: _curve,
    SeedsCell: analyse_seeds,
    RareCell: analyse_rare,
    RefitCell: analyse_refit,
}


def _points(curve: Curve) -> Iterator[tuple[float, float | None, float | None, float | None]]:
    assert curve.low is not None
    assert curve.high is not None
    return zip(curve.x, curve.y, curve.low, curve.high, strict=True)


def _options(cell: Cell, number: int, replicates: int) -> MeasurementOptions:
    return MeasurementOptions(("auc",), replicates, number, cell.name)


def _plan(
    cell: Cell, number: int, analysis: Analysis, intervals: tuple[str, ...], tests: tuple[str, ...]
) -> AnalysisOptions:
    return AnalysisOptions(analysis, Request(("auc",), (), intervals, tests, (), ()), LEVEL, number, cell.patients)


def _comparisons(
    cell: Cell, number: int, analysis: Analysis, pairs: Sequence[Contrast], *, replicates: int
) -> list[Comparison]:
    """Compare the arms for the labels and their average, adjusted; with max-T if there are replicates."""
    arms = arms_of(cell)
    plan = _plan(cell, number, analysis, (), ("max-t",) if replicates else ())
    compared = []
    for metric in measure(draw(cell, number).test, _options(cell, number, replicates), averages=cell.averages):
        compared += compare(metric, arms, pairs, plan, {})
    return adjusted(compared, arms, analysis, bonferroni=True)


def _outcome(
    number: int,
    of: str,
    name: str,
    value: float | None,
    low: float | None,
    high: float | None,
    truth: float,
    p: float | None = None,
) -> Outcome:
    rejects, value = None if p is None else p < 1 - LEVEL, np.nan if value is None else value
    if low is None or high is None:
        return Outcome(number, of, name, value, rejects=rejects)
    return Outcome(number, of, name, value, high - low, low <= truth <= high, rejects=rejects)
