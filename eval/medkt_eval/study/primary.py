"""The primary contrasts that a study names in advance: one, which is not adjusted, or several in one Holm family.

In: the declared analysis and the arms. Out: the arms that each primary contrast names, its margin, its metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from medkt_eval.errors import InputError
from medkt_eval.results.schema import Arm
from medkt_eval.results.vocabulary import AVERAGES, METRICS
from medkt_eval.study.contrasts import ADJUSTMENT, Contrast, find_arm
from medkt_eval.study.declaration import Analysis, Primary

FAMILY = "primary"


def adjustments(analysis: Analysis) -> dict[str, str]:
    """How each family of comparisons is adjusted: `settings.adjustment` of results.json."""
    return {**ADJUSTMENT, FAMILY: adjustment(analysis) or "none"}


def adjustment(analysis: Analysis) -> str | None:
    """How the primary contrasts are adjusted: a list of them by Holm's method, a single one not at all."""
    return "holm" if isinstance(analysis.primary, list) else None


def primary_by_id(analysis: Analysis, arms: Sequence[Arm]) -> dict[str, Any] | list[dict[str, Any]] | None:
    """The primary contrasts with their arms as ids; a name of no arm yet, or of several arms, stays a name."""
    named = []
    for primary in analysis.primaries:
        contrast = primary.model_dump(exclude_none=True)
        for key in ("arm_a", "arm_b"):
            ids = [arm.arm for arm in arms if arm.role == "arm" and contrast[key] in (arm.arm, arm.name)]
            contrast[key] = ids[0] if len(ids) == 1 else contrast[key]
        named.append(contrast)
    if isinstance(analysis.primary, list):
        return named
    return named[0] if named else None


def primary_arms(arms: Sequence[Arm], analysis: Analysis) -> list[tuple[Primary, set[str], set[str]]]:
    """Each primary contrast, and the ids of its two arms.

    A name may denote one arm in each data set. It is then not one comparison, and `adjustment` asks for ids.

    Raises
    ------
    InputError
        If no arm has a name.
    """
    return [
        (
            primary,
            {arm.arm for arm in find_arm(arms, primary.arm_a, f"[analysis] {key}.arm_a")},
            {arm.arm for arm in find_arm(arms, primary.arm_b, f"[analysis] {key}.arm_b")},
        )
        for key, primary in analysis.primaries_by_key.items()
    ]


def check_primaries(analysis: Analysis, arms: Sequence[Arm]) -> None:
    """Refuse primary contrasts that no comparison can be, and two that are one comparison by name and by id.

    Raises
    ------
    InputError
        If there is such a contrast, or no arm has a name.
    """
    of_id = {arm.arm: arm for arm in arms}
    seen: dict[tuple[frozenset[str], str, str], str] = {}
    directions: dict[frozenset[str], str] = {}
    for (primary, ids_a, ids_b), key in zip(primary_arms(arms, analysis), analysis.primaries_by_key, strict=True):
        where = f"[analysis] {key}: {primary.arm_a} - {primary.arm_b}"
        pairs = [(a, b) for a in sorted(ids_a) for b in sorted(ids_b) if a != b and _trained_alike(of_id[a], of_id[b])]
        if ids_a == ids_b:
            raise InputError(f"{where} names one arm twice, {min(ids_a)}; expected two arms")
        if not pairs:
            raise InputError(f"{where} has arms of different data sets or training sizes; expected two arms of one")
        if _is_of_classes(primary) and all(of_id[arm].task != "multiclass" for arm in ids_a):
            raise InputError(
                f"{where} on {primary.metric} {primary.label} is of several classes, and these runs are multi-label; "
                "expected another metric or label"
            )
        for a, b in pairs:
            pair = frozenset((a, b))
            earlier = seen.setdefault((pair, primary.metric, primary.label), key)
            if earlier != key:
                raise InputError(f"{where} is the same contrast as {earlier}, {a} and {b}; expected each contrast once")
            if directions.setdefault(pair, a) != a:
                raise InputError(
                    f"{where}: another primary contrast is {b} - {a}; expected two arms always in one order"
                )


def _trained_alike(a: Arm, b: Arm) -> bool:
    return (a.dataset, a.train_size) == (b.dataset, b.train_size)


def _is_of_classes(primary: Primary) -> bool:
    average = AVERAGES.get(primary.label)
    return METRICS[primary.metric].kind == "confusion" or (average is not None and average.of_classes)


def notes_on_margins(analysis: Analysis, given: float | None) -> list[str]:
    """Notes on primary contrasts whose own margin holds although another one was given for the evaluation."""
    return [
        f"{primary.arm_a} - {primary.arm_b} on {primary.metric} {primary.label} is tested against its own margin, "
        f"{primary.margin:g}, and not against --margin {given:g}"
        for primary in analysis.primaries
        if given is not None and primary.margin not in (None, given)
    ]


def as_named(pairs: Sequence[Contrast], arms: Sequence[Arm], analysis: Analysis) -> list[Contrast]:
    """The same contrasts; a primary one has its arms in the order in which the study names them."""
    named = primary_arms(arms, analysis)
    return [
        replace(pair, arm_a=pair.arm_b, arm_b=pair.arm_a)
        if any(pair.arm_a in b and pair.arm_b in a for _, a, b in named)
        else pair
        for pair in pairs
    ]


def main_metrics(analysis: Analysis) -> set[str]:
    """The study's main metrics; comparisons on any other are secondary."""
    return {primary.metric for primary in analysis.primaries} or {"auc"}


def margin_of(analysis: Analysis, a: Arm, b: Arm, metric: str, label: str) -> float | None:
    """The margin that a comparison is tested against; None if it is not tested against one.

    A primary contrast may have a margin of its own. The study's margin is for the main metrics: their averages, and the
    labels that a primary contrast names.
    """
    for primary in analysis.primaries:
        arms = primary.arm_a in (a.arm, a.name) and primary.arm_b in (b.arm, b.name)
        if arms and primary.margin is not None and (metric, label) == (primary.metric, primary.label):
            return primary.margin
    named = {primary.label for primary in analysis.primaries}
    return analysis.margin if metric in main_metrics(analysis) and label in {*AVERAGES, *named} else None
