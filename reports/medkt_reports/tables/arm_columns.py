"""The columns of tables by arm, such as Tables IV and V: which arm has which column.

In: the results and the training sets of the rows. Out: `ArmColumn`s in the paper's order (from scratch, transfer
learning by student and trainable parameters, attention transfer by teacher and student) and the head over them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from medkt_eval.results.schema import Arm
from medkt_reports.language import numbers, words
from medkt_reports.language.words import natural_sort_key
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.tables.model import Span

_METHODS = list(words.METHODS)
_STUDENTS = list(words.NETWORKS)
_TEACHERS = list(words.TEACHERS)
_NO_TEACHER = ("supervised", "transfer_learning")


@dataclass(frozen=True)
class ArmColumn:
    """A column: its headings from top to bottom, and its arm in each row."""

    headings: tuple[str, str, str]
    """Method; student, or teacher if the method has one; layers, or student."""
    variant: str
    """What distinguishes this column from another with the same headings; mostly empty."""
    arms: tuple[tuple[TrainingSet, Arm], ...]

    def arm(self, training_set: TrainingSet) -> Arm | None:
        """The arm of this column in that row."""
        return dict(self.arms).get(training_set)

    @property
    def parameters(self) -> str:
        """Trainable parameters; more than one number if the rows differ."""
        return " / ".join(dict.fromkeys(numbers.parameters(arm.trainable_parameters) for _, arm in self.arms))


def arm_columns(lookup: Lookup, training_sets: Sequence[TrainingSet]) -> list[ArmColumn]:
    """Columns for the arms of these rows; arms that differ in a setting get columns of their own."""
    placed: dict[tuple[tuple[str, str, str], str], list[tuple[TrainingSet, Arm]]] = {}
    order: dict[tuple[tuple[str, str, str], str], tuple] = {}
    for training_set in training_sets:
        arms = lookup.arms_of(training_set)
        shared = Counter(_headings(arm) for arm in arms)
        for arm in arms:
            headings = _headings(arm)
            twins = [other for other in arms if _headings(other) == headings]
            variant = _variant(arm, twins, lookup) if shared[headings] > 1 else ""
            placed.setdefault((headings, variant), []).append((training_set, arm))
            order.setdefault((headings, variant), _order(arm, variant))
    return [ArmColumn(key[0], key[1], tuple(placed[key])) for key in sorted(placed, key=lambda key: order[key])]


def arm_head(columns: Sequence[ArmColumn], stub: str) -> tuple[tuple[Span, ...], ...]:
    """Head rows over a stub and these columns: three headings, variants where there are any, trainable parameters."""
    paths = [(*column.headings, *((column.variant,) if any(c.variant for c in columns) else ())) for column in columns]
    rows = []
    for depth in range(len(paths[0])):
        same = groupby(path[: depth + 1] for path in paths)
        spans = [Span(path[-1], len(list(members))) for path, members in same]
        rows.append((Span(stub if depth == 0 else ""), *spans))
    parameters = [Span(column.parameters) for column in columns]
    return (*rows, (Span("Trainable parameters"), *parameters))


def _headings(arm: Arm) -> tuple[str, str, str]:
    student = words.network(arm.student)
    layers = words.unfrozen(arm.unfrozen)
    if arm.method in _NO_TEACHER or not arm.teacher:
        return words.method(arm.method), student, layers
    third = student if arm.unfrozen in ("all", None) else f"{student}, {layers}"
    return words.method(arm.method), f"Teacher {words.teacher(arm.teacher)}", third


def _order(arm: Arm, variant: str) -> tuple:
    student = (_rank(arm.student, _STUDENTS), arm.student, -(arm.trainable_parameters or 0), arm.unfrozen or "")
    teacher = arm.teacher if arm.teacher and arm.method not in _NO_TEACHER else ""
    teachers = (_rank(teacher, _TEACHERS) if teacher else -1, teacher)
    return _rank(arm.method, _METHODS), arm.method, teachers, student, natural_sort_key(variant)


def _rank(name: str, known: Sequence[str]) -> int:
    return known.index(name) if name in known else len(known)


def _variant(arm: Arm, twins: Sequence[Arm], lookup: Lookup) -> str:
    """What distinguishes an arm from others with its headings: the differing settings, or else its name."""
    keys = sorted({key for twin in twins for key in twin.settings})
    differing = [key for key in keys if len({repr(twin.settings.get(key)) for twin in twins}) > 1]
    described = [tuple(repr(twin.settings.get(key)) for key in differing) for twin in twins]
    if differing and len(set(described)) == len(twins):
        return ", ".join(words.setting(key, arm.settings.get(key)) for key in differing)
    return lookup.names[arm.arm]
