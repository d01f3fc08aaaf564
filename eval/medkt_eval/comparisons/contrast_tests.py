"""Contrasts between arms on one metric: the primary analysis and its companions, each labelled with test and scope.

In: a `MetricOfRuns` of a data set's runs, and contrasts. Out: `Compared`: rows of results.json not yet adjusted
(adjustment.py does that, when all are known).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from medkt_eval.comparisons.bootstrap_tests import BOOTSTRAPS, bootstrap_limits, bootstrap_test
from medkt_eval.errors import InputError
from medkt_eval.inference import equivalence, obuchowski_rockette, superiority
from medkt_eval.inference.over_patients import delong
from medkt_eval.inference.over_patients.patient_jackknife import jackknife_test
from medkt_eval.inference.over_seeds.rank_tests import mann_whitney, sign_flip, wilcoxon
from medkt_eval.inference.over_seeds.t_tests import paired_t, welch_t
from medkt_eval.inference.test_result import TestResult
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.resampling import limits as bootstrap_intervals
from medkt_eval.resampling.limits import Limits
from medkt_eval.resampling.seeds import mean_over_drawn_seeds
from medkt_eval.results.schema import Arm, Comparison, Scope
from medkt_eval.results.vocabulary import AVERAGES, LOWER_IS_BETTER, UNBOUNDED, bound_of
from medkt_eval.study import contrasts
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions
from medkt_eval.study.tuning import SELECTED

MARKED = ("auc", "f1")  # metrics of Tables IV and V, whose marks need every pair
OVER_SEEDS = {"mann-whitney": mann_whitney, "wilcoxon": wilcoxon, "sign-flip": sign_flip}


@dataclass(frozen=True)
class Compared:
    """A comparison, and the replicates of its difference where max-T needs them."""

    row: Comparison
    replicates: np.ndarray | None = None


def compare(
    measure: MetricOfRuns,
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    plan: AnalysisOptions,
    image_tests: Mapping[tuple[str, str, str, str], Sequence[TestResult]],
) -> list[Compared]:
    """Every contrast on one metric; those for the marks of Tables IV and V on what these tables show.

    Parameters
    ----------
    measure : MetricOfRuns
        Of all runs of the data set.
    arms : sequence of Arm
        Those of the contrasts.
    pairs : sequence of Contrast
        Within the data set.
    plan : AnalysisOptions
    image_tests : mapping of (arm a, arm b, metric, label) to sequence of TestResult
        Tests made from the images, if any were asked for.

    Raises
    ------
    InputError
        If seeds are declared crossed and differ between arms, or a test over seeds was asked for with one seed.
    """
    by_id = {arm.arm: arm for arm in arms}
    rows = []
    marked = measure.label in ("macro", "weighted") and measure.metric in MARKED and measure.group is None
    for pair in pairs:
        if pair.kind == "table" and not marked:
            continue
        a, b = by_id[pair.arm_a], by_id[pair.arm_b]
        _check_seeds(a, b, plan)
        both = measure.of_arms(a, b)
        made = _tests(both, a, b, plan)
        if pair.kind == "table":
            made = made[:1]
        else:
            made += image_tests.get((a.arm, b.arm, measure.metric, measure.label), ())
        rows += [_row(both, a, b, pair, test, plan) for test in made]
        if (
            pair.kind != "table"
            and "max-t" in plan.request.tests
            and both.metric not in UNBOUNDED
            and both.undefined_because is None
        ):
            rows.append(_for_max_t(both, a, b, pair, plan))
    return rows


def _check_seeds(a: Arm, b: Arm, plan: AnalysisOptions) -> None:
    if plan.analysis.seeds == "crossed" and a.seeds != b.seeds:
        raise InputError(
            f"[analysis] seeds = 'crossed', but {a.arm} has seeds {a.seeds} and {b.arm} has {b.seeds}; crossed seeds "
            "must be the same in every arm: train the missing ones, or declare seeds = 'nested'"
        )
    wanted = [name for name in plan.request.tests if name in OVER_SEEDS]
    for arm in (a, b):
        if wanted and len(arm.seeds) < 2:
            raise InputError(f"--add {wanted[0]!r}: {arm.arm} has one seed; a test over seeds needs two or more")


def _tests(both: MetricOfRuns, a: Arm, b: Arm, plan: AnalysisOptions) -> list[TestResult]:
    """The primary analysis first, then its companions."""
    crossed, level = plan.analysis.seeds == "crossed", plan.level
    over, name = (paired_t, "t-paired") if crossed else (welch_t, "t-welch")
    bootstraps = [kind for kind in BOOTSTRAPS if f"patients:bootstrap-{kind}" in plan.request.intervals]
    if both.metric in UNBOUNDED:  # calibration is not resampled
        bootstraps = []
    if both.undefined_because:
        scopes: dict[str, Scope] = {obuchowski_rockette.TEST: obuchowski_rockette.SCOPE, name: "seeds"}
        if both.delong is not None:
            scopes[delong.TEST] = "patients"
        scopes |= {f"bootstrap-{kind}": "patients" for kind in bootstraps}
        return [
            TestResult.absent(both.undefined_because, test=test, scope=scope, difference=np.nan, level=level)
            for test, scope in scopes.items()
        ]
    k = len(a.seeds)
    values_a, values_b = both.values[:k], both.values[k:]
    primary = obuchowski_rockette.compare(
        values_a,
        values_b,
        both.covariance,
        seeds=plan.analysis.seeds,
        df_patients=both.df_patients,
        level=level,
        bound=bound_of(both.metric),
        degrees_of_freedom=plan.analysis.degrees_of_freedom,
    )
    if primary.undefined_because and both.no_covariance_because:
        primary = replace(primary, undefined_because=both.no_covariance_because)
    made = [primary, over(values_a, values_b, level)]
    made += _against_margin(both, primary, plan)
    if both.delong is not None:
        made.append(delong.compare(values_a, values_b, both.delong, level))
    if "patients:jackknife" in plan.request.intervals and both.has_jackknife:
        made.append(
            jackknife_test(
                values_a,
                values_b,
                both.covariance,
                df_patients=both.df_patients,
                level=level,
                bound=bound_of(both.metric),
            )
        )
    difference, weights = float(values_a.mean() - values_b.mean()), _weights(k, len(values_b))
    made += [
        bootstrap_test(f"bootstrap-{kind}", difference, bootstrap_limits(kind, both, weights, level), level)
        for kind in bootstraps
    ]
    if "seeds+patients:bootstrap" in plan.request.intervals and both.metric not in UNBOUNDED:
        made.append(_seeds_and_patients(both, a, b, difference, plan))
    return made + [OVER_SEEDS[test](values_a, values_b, level) for test in plan.request.tests if test in OVER_SEEDS]


def _against_margin(both: MetricOfRuns, primary: TestResult, plan: AnalysisOptions) -> list[TestResult]:
    """Equivalence and non-inferiority, on the main metric where the study declares a margin."""
    margin, declared = plan.analysis.margin, plan.analysis.primary
    main = both.label in AVERAGES or (declared is not None and both.label == declared.label)
    if margin is None or not main or both.group is not None or both.metric != contrasts.main_metric(plan.analysis):
        return []
    if primary.se is None or primary.undefined_because:
        absent = partial(
            TestResult.absent,
            primary.undefined_because or obuchowski_rockette.NO_VARIATION,
            scope=primary.scope,
            difference=primary.difference,
            level=plan.level,
        )
        return [absent(test=name) for name in ("tost", "non-inferiority")]
    given = {"margin": margin, "level": plan.level}
    made = [equivalence.tost(primary.difference, primary.se, primary.df, **given)]
    if both.metric not in LOWER_IS_BETTER:
        made.append(equivalence.non_inferiority(primary.difference, primary.se, primary.df, **given))
    return made


def _weights(n_a: int, n_b: int) -> np.ndarray:
    return np.concatenate([np.full(n_a, 1 / n_a), np.full(n_b, -1 / n_b)])


def _seeds_and_patients(both: MetricOfRuns, a: Arm, b: Arm, difference: float, plan: AnalysisOptions) -> TestResult:
    crossed = plan.analysis.seeds == "crossed"
    k = len(a.seeds)
    drawn = [
        mean_over_drawn_seeds(replicates, seed=plan.seed, dataset=arm.dataset, stream="" if crossed else arm.arm)
        for arm, replicates in ((a, both.replicates[:k]), (b, both.replicates[k:]))
    ]
    if min(k, len(b.seeds)) < 2:
        limits = Limits.absent("one seed: no seeds to draw from")
    else:
        limits = bootstrap_intervals.percentile(difference, drawn[0] - drawn[1], plan.level)
    made = bootstrap_test("bootstrap-percentile", difference, limits, plan.level)
    return replace(made, scope="seeds+patients")


def _probability(both: MetricOfRuns, n_a: int, test: TestResult) -> float | None:
    """P(A > B): over pairs of seeds beside the test over seeds, over joint replicates too beside the primary one."""
    if both.undefined_because:
        return None
    if test.test in ("t-welch", "t-paired"):
        return superiority.over_seeds(both.values[:n_a], both.values[n_a:]).probability
    if test.test == obuchowski_rockette.TEST and both.replicates.shape[1]:
        return superiority.over_replicates(both.replicates[:n_a], both.replicates[n_a:]).probability
    return None


def _row(both: MetricOfRuns, a: Arm, b: Arm, pair: Contrast, test: TestResult, plan: AnalysisOptions) -> Compared:
    family, method = contrasts.family(
        a, pair, both.metric, both.label, group=both.group, confirmatory_labels=plan.analysis.confirmatory_labels
    )
    scope = "images" if plan.n_patients is None and test.scope == "patients" else test.scope
    main = contrasts.main_metric(plan.analysis)
    tested_margin = plan.analysis.margin if test.test in ("tost", "non-inferiority") else None
    return Compared(
        Comparison(
            dataset=a.dataset,
            arm_a=a.arm,
            arm_b=b.arm,
            metric=both.metric,
            label=both.label,
            group=both.group,
            difference=test.difference if np.isfinite(test.difference) else None,
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
            secondary=both.metric != main,
            margin=tested_margin,
            probability_a_above_b=_probability(both, len(a.seeds), test),
            n_seeds_a=len(a.seeds),
            n_seeds_b=len(b.seeds),
            n_patients=plan.n_patients,
            n_images=both.n_images,
            n_positive=both.n_positive,
            undefined_replicates=test.undefined_replicates,
            note=_note(test, a, b),
            undefined_because=test.undefined_because,
        )
    )


def _note(test: TestResult, a: Arm, b: Arm) -> str | None:
    """What binds the test, and the arms that won a tuning grid on the seeds they are compared on."""
    selected = (f"{arm.arm}: {SELECTED}" for arm in (a, b) if arm.selected_on_these_seeds)
    return "; ".join(filter(None, (test.note, *selected))) or None


def _for_max_t(both: MetricOfRuns, a: Arm, b: Arm, pair: Contrast, plan: AnalysisOptions) -> Compared:
    """A member of a max-T family: its p-values are found when all members are known."""
    weights = _weights(len(a.seeds), len(b.seeds))
    limits = bootstrap_limits("percentile", both, weights, plan.level)
    test = replace(bootstrap_test("max-t", float(weights @ both.values), limits, plan.level), p_value=None)
    made = _row(both, a, b, pair, test, plan)
    row = made.row.model_copy(update={"adjustment": "max-t"})
    return Compared(row, None if limits.undefined_because else weights @ both.replicates)
