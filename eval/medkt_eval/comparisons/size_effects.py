"""Does one arm's advantage over another fade as training data grow? Differences at two training sizes, compared.

In: a `MetricOfRuns`, arms and contrasts of a data set. Out: `SizeEffect` rows of results.json, to be adjusted in
their families. That one size shows a difference and another does not is no answer: the difference of the differences is
what is tested, with seeds and patients random. Gelman & Stern 2006, Am. Stat. 60:328.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from medkt_eval.comparisons.data_size import recipes
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.measurement.all_labels import MetricOfRuns
from medkt_eval.results.recorded import SizeEffect
from medkt_eval.results.schema import Arm
from medkt_eval.results.vocabulary import bound_of
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions

SIGNS = (1.0, -1.0, -1.0, 1.0)  # of arm a and arm b at the small size, of both at the large one


def size_effects(
    measure: MetricOfRuns,
    arms: Sequence[Arm],
    pairs: Sequence[Contrast],
    places: Mapping[str, np.ndarray],
    plan: AnalysisOptions,
) -> list[SizeEffect]:
    """Each pair of recipes that is compared at its smallest and at its largest shared training size; not yet adjusted.

    Parameters
    ----------
    measure : MetricOfRuns
        An average, of all runs of the data set.
    arms : sequence of Arm
    pairs : sequence of Contrast
    places : mapping of arm id to int64, (n_seeds,)
        As in `comparisons.compare`.
    plan : AnalysisOptions
    """
    recipe_of = {arm.arm: k for k, recipe in enumerate(recipes(arms)) for arm in recipe}
    size_of = {arm.arm: arm.train_size or 0 for arm in arms}
    by_recipes: dict[tuple[int, int], list[Contrast]] = defaultdict(list)
    for pair in pairs:
        if pair.arm_a in recipe_of and pair.arm_b in recipe_of:
            by_recipes[recipe_of[pair.arm_a], recipe_of[pair.arm_b]].append(pair)
    rows = []
    for found in by_recipes.values():
        small, large = (choose(found, key=lambda pair: size_of[pair.arm_a]) for choose in (min, max))
        if size_of[small.arm_a] < size_of[large.arm_a]:
            rows.append(_row(measure, arms[0].dataset, small, large, size_of, places, plan))
    return rows


def _row(
    measure: MetricOfRuns,
    dataset: str,
    small: Contrast,
    large: Contrast,
    size_of: Mapping[str, int],
    places: Mapping[str, np.ndarray],
    plan: AnalysisOptions,
) -> SizeEffect:
    four = (small.arm_a, small.arm_b, large.arm_a, large.arm_b)
    at = [places[arm] for arm in four]
    of_four = measure.of(np.concatenate(at))
    because = of_four.undefined_because or of_four.no_covariance_because
    if because is None and plan.analysis.seeds == "crossed" and len({len(runs) for runs in at}) > 1:
        because = "seeds were declared crossed, and these arms have different numbers of them"
    values = [measure.values[runs] for runs in at]
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
        dataset=dataset,
        metric=measure.metric,
        label=measure.label,
        arms_small=(small.arm_a, small.arm_b),
        arms_large=(large.arm_a, large.arm_b),
        size_small=size_of[small.arm_a],
        size_large=size_of[large.arm_a],
        difference_small=at_each[0],
        difference_large=at_each[1],
        **tested,
        level=plan.level,
        test=obuchowski_rockette.TEST,
        scope="seeds+patients",
        p_adjusted=None,
        adjustment="holm",
        family=f"{dataset}/{measure.metric} {measure.label}/training size",
        n_patients=plan.n_patients,
        undefined_because=because,
    )
