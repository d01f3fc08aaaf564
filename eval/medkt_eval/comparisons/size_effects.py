"""Does one arm's advantage over another fade as training data grow? Differences at two training sizes, compared.

In: a `MetricOfRuns`, arms and contrasts of a data set. Out: `SizeEffect` rows of results.json, to be adjusted in
their families. A difference that is significant at one size and not at the other does not answer the question. The
difference of the two differences is tested, with seeds and patients random. Gelman & Stern 2006, Am. Stat. 60:328.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.special import logit

from medkt_eval.comparisons.data_size import recipes
from medkt_eval.inference import obuchowski_rockette
from medkt_eval.inference.logit_contrast import logit_contrast_test
from medkt_eval.inference.multiplicity import adjust, adjusted_rows
from medkt_eval.measurement.metric_of_runs import MetricOfRuns
from medkt_eval.results.recorded import LogitSizeEffect, SizeEffect
from medkt_eval.results.schema import Arm
from medkt_eval.results.vocabulary import METRICS
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.options import AnalysisOptions

SIGNS = (1.0, -1.0, -1.0, 1.0)  # arms a and b at the small size, then a and b at the large one


def size_effects(
    metric: MetricOfRuns, arms: Sequence[Arm], pairs: Sequence[Contrast], options: AnalysisOptions
) -> list[SizeEffect]:
    """Each pair of recipes, compared at its smallest and its largest shared training size; not adjusted yet.

    Parameters
    ----------
    metric : MetricOfRuns
        An average, of all runs of the data set.
    arms : sequence of Arm
    pairs : sequence of Contrast
    options : AnalysisOptions
    """
    recipe_of = {arm.arm: k for k, recipe in enumerate(recipes(arms)) for arm in recipe}
    by_id = {arm.arm: arm for arm in arms}
    by_recipes: dict[tuple[int, int], list[Contrast]] = defaultdict(list)
    for pair in pairs:
        if pair.arm_a in recipe_of and pair.arm_b in recipe_of:
            by_recipes[recipe_of[pair.arm_a], recipe_of[pair.arm_b]].append(pair)
    rows = []
    for contrasts in by_recipes.values():
        small, large = (choose(contrasts, key=lambda pair: by_id[pair.arm_a].train_size or 0) for choose in (min, max))
        four = [by_id[arm] for pair in (small, large) for arm in (pair.arm_a, pair.arm_b)]
        if (four[0].train_size or 0) < (four[2].train_size or 0):
            rows.append(_row(metric, four, options))
    return rows


def _row(metric: MetricOfRuns, four: Sequence[Arm], options: AnalysisOptions) -> SizeEffect:
    """The effect for `four` arms: a and b at the small training size, then the same two recipes at the large one."""
    of_four = metric.of_arms(*four)
    because = of_four.undefined_because or of_four.no_error_because(*four) or of_four.no_covariance_because
    if because is None and options.analysis.seeds == "crossed" and len({len(arm.seeds) for arm in four}) > 1:
        because = "seeds were declared crossed, and these arms have different numbers of them"
    values = [metric.of_arm(arm).values for arm in four]
    tested: dict[str, float | None] = dict.fromkeys(("difference", "se", "low", "high", "statistic", "df", "p_value"))
    if because is None:
        test = obuchowski_rockette.contrast_test(
            values,
            SIGNS,
            of_four.covariance,
            seeds=options.analysis.seeds,
            df_patients=metric.df_patients,
            level=options.level,
            bound=2 * METRICS[metric.metric].largest_difference,
            degrees_of_freedom=options.analysis.degrees_of_freedom,
        )
        because, tested = test.undefined_because, {name: getattr(test, name) for name in tested}
    at_each = [None if np.isnan([*a, *b]).any() else float(a.mean() - b.mean()) for a, b in pairwise(values)][::2]
    return SizeEffect(
        dataset=four[0].dataset,
        metric=metric.metric,
        label=metric.label,
        arms_small=(four[0].arm, four[1].arm),
        arms_large=(four[2].arm, four[3].arm),
        size_small=four[0].train_size or 0,
        size_large=four[2].train_size or 0,
        difference_small=at_each[0],
        difference_large=at_each[1],
        **tested,
        level=options.level,
        test=obuchowski_rockette.TEST,
        scope="seeds+patients",
        p_adjusted=None,
        adjustment="holm",
        family=f"{four[0].dataset}/{metric.metric} {metric.label}/training size",
        n_patients=options.n_patients,
        undefined_because=because,
        logit=_on_logit(of_four, values, because, metric.df_patients, options),
    )


def _on_logit(
    of_four: MetricOfRuns,
    values: Sequence[np.ndarray],
    because: str | None,
    df_patients: float,
    options: AnalysisOptions,
) -> LogitSizeEffect | None:
    """The same effect on the logit scale; None for a metric that does not lie between 0 and 1."""
    facts = METRICS[of_four.metric]
    if (facts.low, facts.high) != (0, 1):
        return None
    with np.errstate(divide="ignore"):
        a_small, b_small, a_large, b_large = logit([arm.mean() for arm in values])
    at_each = [float(a - b) if np.isfinite(a - b) else None for a, b in ((a_small, b_small), (a_large, b_large))]
    names = ("difference", "se", "low", "high", "statistic", "df", "p_value")
    tested: dict[str, float | None] = dict.fromkeys(names)
    if because is None:
        test = logit_contrast_test(
            values,
            SIGNS,
            of_four.covariance,
            seeds=options.analysis.seeds,
            df_patients=df_patients,
            level=options.level,
            degrees_of_freedom=options.analysis.degrees_of_freedom,
        )
        because, tested = test.undefined_because, {name: getattr(test, name) for name in names}
        tested["difference"] = test.difference if np.isfinite(test.difference) else None
    return LogitSizeEffect(
        difference_small=at_each[0], difference_large=at_each[1], **tested, p_adjusted=None, undefined_because=because
    )


def adjusted_size_effects(rows: Sequence[SizeEffect]) -> list[SizeEffect]:
    """The rows with adjusted p-values: each family by Holm, its logit effects as a family of their own."""
    families: dict[str, list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        families[row.family].append(k)
    found = adjusted_rows(rows)
    for members in families.values():
        logits = [found[k].logit for k in members]
        p_values = adjust([None if effect is None else effect.p_value for effect in logits], "holm")
        for k, effect, p in zip(members, logits, p_values, strict=True):
            if effect is not None:
                found[k] = found[k].model_copy(update={"logit": effect.model_copy(update={"p_adjusted": p})})
    return found
