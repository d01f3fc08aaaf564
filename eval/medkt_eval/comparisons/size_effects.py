"""Does one arm's advantage over another fade as training data grow? Differences at two training sizes, compared.

In: a `MetricOfRuns`, arms and contrasts of a data set. Out: `SizeEffect` rows of results.json, to be adjusted in
their families. That one size shows a difference and another does not is no answer: the difference of the differences is
what is tested, with seeds and patients random. Gelman & Stern 2006, Am. Stat. 60:328.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from medkt_eval.comparisons.data_size import recipes
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.results.recorded import SizeEffect
from medkt_eval.results.schema import Arm
from medkt_eval.results.vocabulary import bound_of
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions

SIGNS = (1.0, -1.0, -1.0, 1.0)  # of arm a and arm b at the small size, of both at the large one


def size_effects(
    measure: MetricOfRuns, arms: Sequence[Arm], pairs: Sequence[Contrast], plan: AnalysisOptions
) -> list[SizeEffect]:
    """Each pair of recipes that is compared at its smallest and at its largest shared training size; not yet adjusted.

    Parameters
    ----------
    measure : MetricOfRuns
        An average, of all runs of the data set.
    arms : sequence of Arm
    pairs : sequence of Contrast
    plan : AnalysisOptions
    """
    recipe_of = {arm.arm: k for k, recipe in enumerate(recipes(arms)) for arm in recipe}
    by_id = {arm.arm: arm for arm in arms}
    by_recipes: dict[tuple[int, int], list[Contrast]] = defaultdict(list)
    for pair in pairs:
        if pair.arm_a in recipe_of and pair.arm_b in recipe_of:
            by_recipes[recipe_of[pair.arm_a], recipe_of[pair.arm_b]].append(pair)
    rows = []
    for found in by_recipes.values():
        small, large = (choose(found, key=lambda pair: by_id[pair.arm_a].train_size or 0) for choose in (min, max))
        four = [by_id[arm] for pair in (small, large) for arm in (pair.arm_a, pair.arm_b)]
        if (four[0].train_size or 0) < (four[2].train_size or 0):
            rows.append(_row(measure, four, plan))
    return rows


def _row(measure: MetricOfRuns, four: Sequence[Arm], plan: AnalysisOptions) -> SizeEffect:
    """Arm a and arm b at the small size, then the same two recipes at the large one."""
    of_four = measure.of_arms(*four)
    because = of_four.undefined_because or of_four.no_covariance_because
    if because is None and plan.analysis.seeds == "crossed" and len({len(arm.seeds) for arm in four}) > 1:
        because = "seeds were declared crossed, and these arms have different numbers of them"
    values = [measure.of_arm(arm).values for arm in four]
    tested: dict[str, float | None] = dict.fromkeys(("difference", "se", "low", "high", "statistic", "df", "p_value"))
    if because is None:
        found = obuchowski_rockette.contrast_test(
            values,
            SIGNS,
            of_four.covariance,
            seeds=plan.analysis.seeds,
            df_patients=measure.df_patients,
            level=plan.level,
            bound=2 * bound_of(measure.metric),
            degrees_of_freedom=plan.analysis.degrees_of_freedom,
        )
        because, tested = found.undefined_because, {name: getattr(found, name) for name in tested}
    at_each = [None if np.isnan([*a, *b]).any() else float(a.mean() - b.mean()) for a, b in pairwise(values)][::2]
    return SizeEffect(
        dataset=four[0].dataset,
        metric=measure.metric,
        label=measure.label,
        arms_small=(four[0].arm, four[1].arm),
        arms_large=(four[2].arm, four[3].arm),
        size_small=four[0].train_size or 0,
        size_large=four[2].train_size or 0,
        difference_small=at_each[0],
        difference_large=at_each[1],
        **tested,
        level=plan.level,
        test=obuchowski_rockette.TEST,
        scope="seeds+patients",
        p_adjusted=None,
        adjustment="holm",
        family=f"{four[0].dataset}/{measure.metric} {measure.label}/training size",
        n_patients=plan.n_patients,
        undefined_because=because,
    )
