"""Contrasts between arms on one metric: the primary analysis and further tests, each with its name and scope.

In: a `MetricOfRuns` of a data set's runs, and contrasts. Out: `Compared`, whose rows comparison_rows.py makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from medkt_eval.comparisons.bootstrap_tests import BOOTSTRAPS, bootstrap_limits, bootstrap_test, recentred
from medkt_eval.comparisons.one_contrast.absent_tests import absent_test, with_absent, without_error
from medkt_eval.comparisons.one_contrast.comparison_rows import Compared, comparison_row, tested_margin
from medkt_eval.errors import InputError
from medkt_eval.inference import equivalence, obuchowski_rockette
from medkt_eval.inference.over_patients import delong
from medkt_eval.inference.over_patients.patient_jackknife import TEST as JACKKNIFE
from medkt_eval.inference.over_patients.patient_jackknife import jackknife_test
from medkt_eval.inference.over_seeds.rank_tests import mann_whitney, sign_flip, wilcoxon
from medkt_eval.inference.over_seeds.t_tests import paired_t, welch_t
from medkt_eval.inference.rounding import tolerance
from medkt_eval.inference.test_result import TestResult
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.resampling import limits as bootstrap_intervals
from medkt_eval.resampling.limits import Limits
from medkt_eval.resampling.seeds import mean_over_drawn_seeds
from medkt_eval.results.schema import Arm, Scope
from medkt_eval.results.vocabulary import HEADLINES, METRICS
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions

# Metrics of Tables IV and V, whose marks need every pair of arms.
MARKED = {metric for headlines in HEADLINES.values() for metric, _ in headlines}
TESTS_OVER_SEEDS: Mapping[str, Callable[[np.ndarray, np.ndarray, float], TestResult]] = {
    "mann-whitney": mann_whitney,
    "wilcoxon": wilcoxon,
    "sign-flip": sign_flip,
}
TESTS_AGAINST_MARGIN = {"tost": equivalence.tost, "non-inferiority": equivalence.non_inferiority}


def compare(
    metric: MetricOfRuns,
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    options: AnalysisOptions,
    image_tests: Mapping[tuple[str, str, str, str], Sequence[TestResult]],
) -> list[Compared]:
    """Test every contrast on one metric; the contrasts for marks of Tables IV and V only on the metrics shown there.

    Parameters
    ----------
    metric : MetricOfRuns
        The metric of all runs of the data set.
    arms : sequence of Arm
        Those of the contrasts.
    pairs : sequence of Contrast
        Within the data set.
    options : AnalysisOptions
    image_tests : mapping of (arm a, arm b, metric, label) to sequence of TestResult
        Tests computed from the images, if any were requested.

    Raises
    ------
    InputError
        If seeds are declared crossed and differ between arms, or a test over seeds was requested for an arm with one.
    """
    by_id = {arm.arm: arm for arm in arms}
    rows = []
    marked = metric.label in ("macro", "weighted") and metric.metric in MARKED and metric.group is None
    for pair in pairs:
        if pair.kind == "table" and not marked:
            continue
        a, b = by_id[pair.arm_a], by_id[pair.arm_b]
        _check_seeds(a, b, options)
        both = metric.of_arms(a, b)
        tests = _tests(both, a, b, options)
        if pair.kind == "table":
            tests = tests[:1]
        else:
            tests += with_absent(both, image_tests.get((a.arm, b.arm, metric.metric, metric.label), ()), options)
        no_error = None if both.undefined_because else both.no_error_because(a, b)
        if no_error:
            tests = [without_error(test, no_error) for test in tests]
        rows += [comparison_row(both, a, b, pair, test, options) for test in tests]
        if pair.kind != "table" and "max-t" in options.request.tests and METRICS[both.metric].is_resampled:
            rows.append(_for_max_t(both, a, b, pair, options))
    return rows


def _check_seeds(a: Arm, b: Arm, options: AnalysisOptions) -> None:
    if options.analysis.seeds == "crossed" and a.seeds != b.seeds:
        raise InputError(
            f"[analysis] seeds = 'crossed', but {a.arm} has seeds {a.seeds} and {b.arm} has {b.seeds}; crossed seeds "
            "must be the same in every arm: train the missing ones, or declare seeds = 'nested'"
        )
    over_seeds = [name for name in options.request.tests if name in TESTS_OVER_SEEDS]
    for arm in (a, b):
        if over_seeds and len(arm.seeds) < 2:
            raise InputError(f"--add {over_seeds[0]!r}: {arm.arm} has one seed; a test over seeds needs two or more")


def _tests(both: MetricOfRuns, a: Arm, b: Arm, options: AnalysisOptions) -> list[TestResult]:
    """The primary analysis first, then the other tests by default and on request."""
    crossed, level = options.analysis.seeds == "crossed", options.level
    margin = tested_margin(both, a, b, options)
    t_test, t_name = (paired_t, "t-paired") if crossed else (welch_t, "t-welch")
    facts = METRICS[both.metric]
    bootstraps = [
        kind for kind in BOOTSTRAPS if f"patients:bootstrap-{kind}" in options.request.intervals and facts.is_resampled
    ]
    if both.undefined_because:
        names: list[tuple[str, Scope]] = [(obuchowski_rockette.TEST, obuchowski_rockette.SCOPE), (t_name, "seeds")]
        names.extend((name, obuchowski_rockette.SCOPE) for name in options.levels_against_margin(both.metric, margin))
        if both.delong is not None:
            names.append((delong.TEST, "patients"))
        if "patients:jackknife" in options.request.intervals and both.has_jackknife:
            names.append((JACKKNIFE, "patients"))
        names.extend((f"bootstrap-{kind}", "patients") for kind in bootstraps)
        if "seeds+patients:bootstrap" in options.request.intervals and facts.is_resampled:
            names.append(("bootstrap-percentile", "seeds+patients"))
        names.extend((name, "seeds") for name in options.request.tests if name in TESTS_OVER_SEEDS)
        return [absent_test(both.undefined_because, name, scope, level) for name, scope in names]
    k = len(a.seeds)
    values_a, values_b = both.values[:k], both.values[k:]
    primary = obuchowski_rockette.compare(
        values_a,
        values_b,
        both.covariance,
        seeds=options.analysis.seeds,
        df_patients=both.df_patients,
        level=level,
        bound=facts.largest_difference,
        degrees_of_freedom=options.analysis.degrees_of_freedom,
    )
    primary = _with_reason(primary, both)
    tests = [primary, t_test(values_a, values_b, level)]
    tests += _against_margin(primary, margin, both, options)
    if both.delong is not None:
        tests.append(delong.compare(values_a, values_b, both.delong, level))
    if "patients:jackknife" in options.request.intervals and both.has_jackknife:
        jackknife = jackknife_test(
            values_a,
            values_b,
            both.covariance,
            df_patients=both.df_patients,
            level=level,
            bound=facts.largest_difference,
        )
        tests.append(_with_reason(jackknife, both))
    difference, weights = float(values_a.mean() - values_b.mean()), _weights(k, len(values_b))
    tests += [
        bootstrap_test(f"bootstrap-{kind}", difference, bootstrap_limits(kind, both, weights, level), level)
        for kind in bootstraps
    ]
    if "seeds+patients:bootstrap" in options.request.intervals and facts.is_resampled:
        tests.append(_seeds_and_patients(both, a, b, difference, options))
    over_seeds = [TESTS_OVER_SEEDS[name] for name in options.request.tests if name in TESTS_OVER_SEEDS]
    return tests + [over(values_a, values_b, level) for over in over_seeds]


def _with_reason(test: TestResult, both: MetricOfRuns) -> TestResult:
    """The test; if it does not exist and its covariance is the reason, with the reason that names what is missing."""
    because = both.no_covariance_because
    return replace(test, undefined_because=because) if test.undefined_because and because else test


def _against_margin(
    primary: TestResult, margin: float | None, both: MetricOfRuns, options: AnalysisOptions
) -> list[TestResult]:
    """Equivalence and non-inferiority, if the comparison has a margin; each at its own level."""
    if margin is None:
        return []
    levels = options.levels_against_margin(both.metric, margin)
    if primary.se is None or primary.undefined_because:
        because = primary.undefined_because or obuchowski_rockette.NO_VARIATION
        given = {"scope": primary.scope, "difference": primary.difference}
        return [TestResult.absent(because, test=name, level=2 * level - 1, **given) for name, level in levels.items()]
    return [
        TESTS_AGAINST_MARGIN[name](primary.difference, primary.se, primary.df, margin=margin, level=level)
        for name, level in levels.items()
    ]


def _seeds_and_patients(both: MetricOfRuns, a: Arm, b: Arm, difference: float, options: AnalysisOptions) -> TestResult:
    crossed = options.analysis.seeds == "crossed"
    k = len(a.seeds)
    drawn = [
        mean_over_drawn_seeds(replicates, seed=options.seed, dataset=arm.dataset, stream="" if crossed else arm.arm)
        for arm, replicates in ((a, both.replicates[:k]), (b, both.replicates[k:]))
    ]
    if min(k, len(b.seeds)) < 2:
        limits = Limits.absent("one seed: no seeds to draw from")
    else:
        rounding = tolerance(both.values)
        replicates = recentred(both, _weights(k, len(b.seeds)), drawn[0] - drawn[1])
        limits = bootstrap_intervals.percentile(difference, replicates, options.level, rounding=rounding)
    test = bootstrap_test("bootstrap-percentile", difference, limits, options.level)
    return replace(test, scope="seeds+patients")


def _weights(n_a: int, n_b: int) -> np.ndarray:
    return np.concatenate([np.full(n_a, 1 / n_a), np.full(n_b, -1 / n_b)])


def _for_max_t(both: MetricOfRuns, a: Arm, b: Arm, pair: Contrast, options: AnalysisOptions) -> Compared:
    """A member of a max-T family; its p-values are computed when all members are known."""
    weights = _weights(len(a.seeds), len(b.seeds))
    no_error = both.no_error_because(a, b)
    if both.undefined_because:
        test = absent_test(both.undefined_because, "max-t", "patients", options.level)
    else:
        limits = bootstrap_limits("percentile", both, weights, options.level)
        difference = float(weights @ both.values)
        test = replace(bootstrap_test("max-t", difference, limits, options.level), p_value=None)
        test = without_error(test, no_error) if no_error else test
    compared = comparison_row(both, a, b, pair, test, options)
    row = compared.row.model_copy(update={"adjustment": "max-t"})
    if test.undefined_because:
        return Compared(row)
    return Compared(row, weights @ both.replicates, tolerance(both.values))
