"""Which arms are compared with which, and which comparisons make a family.

In: the arms and what the study declared. Out: `Contrast`s, each with the family its p-value is adjusted in.
The families are those of docs/statistics.md. Holm's method adjusts a family of one data set, training size, averaged
metric and declared set, and the family of confirmatory labels and their comparisons. Benjamini-Hochberg adjusts the
other labels of one comparison. The primary contrast is not adjusted; several form one Holm family (primary.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from medkt_eval.errors import InputError
from medkt_eval.results.schema import Arm
from medkt_eval.results.vocabulary import AVERAGES
from medkt_eval.runtime.nearest_name import expected_one_of
from medkt_eval.study.declaration import Analysis

Kind = Literal["declared", "all", "table"]
# Family of comparisons -> how its p-values are adjusted; see `family`.
ADJUSTMENT = {
    "macro and weighted": "holm",
    "confirmatory labels over comparisons": "holm",
    "labels of one comparison": "benjamini-hochberg",
    "primary": "none",
}


@dataclass(frozen=True)
class Contrast:
    """Arm a minus arm b, and the reason for comparing them."""

    arm_a: str
    arm_b: str
    kind: Kind


def find_arm(arms: Sequence[Arm], text: str, where: str) -> list[Arm]:
    """Arms with that id or name; a name may denote one arm in each data set.

    Raises
    ------
    InputError
        If there is no such arm.
    """
    named = [arm for arm in arms if text in (arm.arm, arm.name) and arm.role == "arm"]
    if not named:
        known = sorted({arm.name for arm in arms if arm.role == "arm"})
        raise InputError(f"{where} is {text!r}, which is not an arm of these runs; {expected_one_of(text, known)}")
    return named


def applicable(analysis: Analysis, arms: Sequence[Arm]) -> tuple[Analysis, list[str]]:
    """The part of the analysis that can be done before all runs are trained, and notes on the rest.

    A recorded study names only its own arms, so an arm without runs has not been trained yet.
    """
    known = {text for arm in arms if arm.role == "arm" for text in (arm.arm, arm.name)}
    changes: dict[str, object] = {}
    notes = []
    if analysis.baseline is not None and analysis.baseline not in known:
        changes["baseline"] = None
        notes.append(f"the study's baseline, {analysis.baseline}, has no run yet")
    trained = [primary for primary in analysis.primaries if {primary.arm_a, primary.arm_b} <= known]
    for primary in analysis.primaries:
        if primary not in trained:
            notes.append(
                f"the study's primary contrast, {primary.arm_a} - {primary.arm_b}, has no runs of both arms yet"
                + ("; it counts in the family of primary contrasts as if p were 1" if trained else "")
            )
    if len(trained) < len(analysis.primaries):
        changes["primary"] = trained or None
    return analysis.model_copy(update=changes), notes


def baselines_of(arms: Sequence[Arm], analysis: Analysis) -> tuple[dict[tuple[str, int | None, str], str], list[str]]:
    """Baseline arm of each (data set, training size, student), and notes on missing and ambiguous baselines.

    The baseline is the arm that the study names, else transfer learning with all layers unfrozen.
    """
    named = find_arm(arms, analysis.baseline, "[analysis] baseline") if analysis.baseline else []
    baseline: dict[tuple[str, int | None, str], str] = {}
    notes = []
    for key, group in _groups(arms, by_student=True).items():
        candidates = [arm.arm for arm in group if arm in named] or [
            arm.arm for arm in group if arm.method == "transfer_learning" and arm.unfrozen in ("all", None)
        ]
        if candidates:
            baseline[key] = candidates[0]
        text = f"{key[2]} on {key[0]} ({key[1]} training images)"
        if len(candidates) > 1:
            notes.append(
                f"{text}: {len(candidates)} arms could be the baseline; {candidates[0]} was taken. "
                "Name another with [analysis] baseline"
            )
        if not candidates and len(group) > 1:
            notes.append(
                f"{text}: no arm with method transfer_learning and all layers unfrozen, so no baseline; "
                "name one with [analysis] baseline"
            )
    return baseline, notes


def contrasts_of(
    arms: Sequence[Arm], baseline: dict[tuple[str, int | None, str], str], mode: Literal["default", "all"]
) -> list[Contrast]:
    """All contrasts, each within one data set and training-set size.

    `default`: every arm against the baseline of its student, and arms that differ only in the teacher against each
    other. `all`: every pair, in a family of its own. Both add every pair again for the marks of Tables IV and V.
    """
    pairs_to_compare = []
    for key, group in _groups(arms, by_student=False).items():
        bases = {baseline.get((*key, arm.student)) for arm in group}
        pairs = [_ordered(a, b, bases) for a, b in combinations(group, 2)]
        for a, b in pairs:
            declared = b.arm == baseline.get((*key, a.student)) and a.student == b.student
            if mode == "all":
                pairs_to_compare.append(Contrast(a.arm, b.arm, "all"))
            elif declared or _differ_in_teacher_alone(a, b):
                pairs_to_compare.append(Contrast(a.arm, b.arm, "declared"))
        pairs_to_compare += [Contrast(a.arm, b.arm, "table") for a, b in pairs]
    return pairs_to_compare


def check_labels(analysis: Analysis, labels: set[str]) -> None:
    """Refuse labels in the declared analysis that the runs do not have.

    Raises
    ------
    InputError
        If there is such a label.
    """
    named = {
        f"{key}.label": [primary.label]
        for key, primary in analysis.primaries_by_key.items()
        if primary.label not in AVERAGES
    } | {"confirmatory_labels": analysis.confirmatory_labels, "average_labels": analysis.average_labels}
    for key, names in named.items():
        for name in names:
            if name not in labels:
                raise InputError(
                    f"[analysis] {key}: {name!r} is not a label of these runs; {expected_one_of(name, sorted(labels))}"
                )


def family(
    arm: Arm,
    contrast: Contrast,
    metric: str,
    label: str,
    *,
    group: str | None = None,
    confirmatory_labels: Sequence[str] = (),
) -> tuple[str, str]:
    """Name of a comparison's family and how it is adjusted; all groups of a column share a family."""
    size = "all" if arm.train_size is None else arm.train_size
    where = f"{arm.dataset}/{size}" if group is None else f"{arm.dataset}/{size}/by {group.partition('=')[0]}"
    if label in AVERAGES:
        return f"{where}/{metric} {label}/{contrast.kind}", "holm"
    if label in confirmatory_labels and group is None:
        return f"{where}/{metric} of confirmatory labels/{contrast.kind}", "holm"
    return f"{where}/{metric} by label/{contrast.arm_a} - {contrast.arm_b}", "benjamini-hochberg"


def _groups(arms: Sequence[Arm], *, by_student: bool) -> dict[tuple, list[Arm]]:
    groups: dict[tuple, list[Arm]] = {}
    for arm in sorted(arms, key=lambda arm: arm.arm):
        if arm.role == "arm":
            key = (arm.dataset, arm.train_size, *((arm.student,) if by_student else ()))
            groups.setdefault(key, []).append(arm)
    return groups


def _ordered(a: Arm, b: Arm, bases: set[str | None]) -> tuple[Arm, Arm]:
    """The baseline second; transfer learning second; else by id."""
    ranks = [(arm.arm in bases, arm.method != "attention_transfer", arm.arm) for arm in (a, b)]
    return (a, b) if ranks[0] < ranks[1] else (b, a)


def _differ_in_teacher_alone(a: Arm, b: Arm) -> bool:
    def rest(arm: Arm) -> tuple:
        tuned = {name: value for name, value in arm.settings.items() if name != "beta"}  # tuned for each teacher
        return arm.method, arm.student, arm.unfrozen, tuned

    return a.teacher != b.teacher and rest(a) == rest(b)
