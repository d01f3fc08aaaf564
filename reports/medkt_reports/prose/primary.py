"""What was declared, in words: the primary contrasts and the confirmatory labels, and when they were named.

In: the settings of the results. Out: sentences for the answer and for Methods.
"""

from __future__ import annotations

from typing import Any

from medkt_eval.results.settings import Settings
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet


def primary_named(lookup: Lookup) -> str:
    """The primary contrasts, when they were named, and whether they are adjusted; empty if there is none."""
    settings = lookup.result.settings
    contrasts = [_contrast(lookup, primary) for primary in settings.primaries]
    if not contrasts:
        return ""
    named = f"named {_when(settings)}"
    if not isinstance(settings.primary, list):
        return f"The primary contrast, {contrasts[0]}, was {named}. Its p-value is not adjusted."
    if len(contrasts) == 1:
        return f"The primary contrast, {contrasts[0]}, was {named}. It is a family of one, so its p-value is as it was."
    return (
        f"The {len(contrasts)} primary contrasts ({'; '.join(contrasts)}) were {named}. They form one family: their "
        "p-values are adjusted by Holm's method."
    )


def labels_named(lookup: Lookup) -> str:
    """The confirmatory labels, and when they were named; empty if there is none.

    The date of a study with primary contrasts is that of the contrasts: a label may have been added later.
    """
    settings = lookup.result.settings
    if not settings.confirmatory_labels:
        return ""
    labels = words.listed(settings.confirmatory_labels)
    if settings.primaries:
        return f"The study file names {labels} as confirmatory."
    several = len(settings.confirmatory_labels) > 1
    named = "were named as confirmatory labels" if several else "was named as a confirmatory label"
    return f"{labels} {named} {_when(settings)}."


def _when(settings: Settings) -> str:
    caution = "; read it as exploratory" if settings.declared == "after" else ""
    return f"{words.WHEN_DECLARED[settings.declared]}{caution}"


def _contrast(lookup: Lookup, primary: dict[str, Any]) -> str:
    a, b = (lookup.names.get(str(primary[key]), str(primary[key])) for key in ("arm_a", "arm_b"))
    metric = words.metric(str(primary.get("metric", "auc")), str(primary.get("label", "macro")))
    arm = lookup.arms.get(str(primary["arm_a"]))
    several = len(lookup.training_sets()) > 1
    where = f" ({TrainingSet(arm.dataset, arm.train_size).text})" if arm is not None and several else ""
    return f"{a} {numbers.MINUS} {b} on {metric}{where}"
