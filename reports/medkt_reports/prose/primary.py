"""The primary contrasts in words: which were named, when, and how their p-values are adjusted.

In: the settings of the results. Out: sentences for the answer and for Methods.
"""

from __future__ import annotations

from typing import Any

from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet


def primary_named(lookup: Lookup) -> str:
    """The primary contrasts, when they were named, and whether they are adjusted; empty if there is none."""
    settings = lookup.result.settings
    contrasts = [_contrast(lookup, primary) for primary in settings.primaries]
    if not contrasts:
        return ""
    named = words.PRIMARY_NAMED[settings.declared]
    if not isinstance(settings.primary, list):
        return f"The primary contrast, {contrasts[0]}, was {named}. Its p-value is not adjusted."
    if len(contrasts) == 1:
        return f"The primary contrast, {contrasts[0]}, was {named}. It is a family of one, so its p-value is as it was."
    return (
        f"The {len(contrasts)} primary contrasts ({'; '.join(contrasts)}) were {named}. They form one family: their "
        "p-values are adjusted by Holm's method."
    )


def _contrast(lookup: Lookup, primary: dict[str, Any]) -> str:
    a, b = (lookup.names.get(str(primary[key]), str(primary[key])) for key in ("arm_a", "arm_b"))
    metric = words.metric(str(primary.get("metric", "auc")), str(primary.get("label", "macro")))
    arm = lookup.arms.get(str(primary["arm_a"]))
    several = len(lookup.training_sets()) > 1
    where = f" ({TrainingSet(arm.dataset, arm.train_size).text})" if arm is not None and several else ""
    return f"{a} {numbers.MINUS} {b} on {metric}{where}"
