"""The results, indexed: which arm, estimate and comparison a table, figure or sentence shows.

In: an EvaluationResult. Out: `Lookup`, made once for a report. Rows of a subgroup are returned only for that group.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from medkt_eval.results.recorded import SeedCorrelation, SizeEffect, StudyFamilyMember
from medkt_eval.results.schema import Arm, Comparison, Curve, Dataset, Estimate, EvaluationResult, Gap, RunValue
from medkt_eval.results.vocabulary import HEADLINES
from medkt_reports.earlier import without_wrong_inference
from medkt_reports.language import numbers, words

PRIMARY_TEST = "obuchowski-rockette"
# In order of preference; the paper's convention comes last.
_INTERVALS = ("seeds+patients:or", "seeds:t", "patients:bootstrap-percentile")
_SCOPES = ("seeds+patients", "seeds", "patients", "images")
_KINDS = ("declared", "all", "table")
_OVER_PATIENTS = ("delong-clustered", "jackknife", "bootstrap-percentile", "bootstrap-bca", "bootstrap-basic")
_R = TypeVar("_R", Estimate, RunValue, Comparison)


class TrainingSet(NamedTuple):
    """A data set and a training size: arms are compared within it, never across."""

    dataset: str
    size: int | None

    @property
    def text(self) -> str:
        """Text for readers: the data set and its number of training images."""
        name = words.dataset(self.dataset)
        return name if self.size is None else f"{name}, {numbers.count(self.size)} training images"

    @property
    def short(self) -> str:
        """The same for places whose heading explains the number."""
        name = words.dataset(self.dataset)
        return name if self.size is None else f"{name} ({numbers.count(self.size)})"


class Lookup:
    """The arms, estimates and comparisons of an evaluation, by their keys."""

    def __init__(self, result: EvaluationResult) -> None:
        result = without_wrong_inference(result)
        self.result = result
        self.datasets: dict[str, Dataset] = {dataset.dataset: dataset for dataset in result.datasets}
        self.arms: dict[str, Arm] = {arm.arm: arm for arm in result.arms}
        self.names = _unique_names(result.arms)
        self.baselines = frozenset(result.settings.baseline.values())
        self._estimates = {(e.dataset, e.arm, e.metric, e.label, e.group, e.interval): e for e in result.estimates}
        self._runs: dict[tuple[str, str, str], list[RunValue]] = defaultdict(list)
        for run in _on_all_images(result.runs):
            self._runs[run.arm, run.metric, run.label].append(run)
        self.comparisons: list[Comparison] = list(_on_all_images(result.comparisons))
        self._pairs: dict[tuple[str, frozenset[str], str, str], list[Comparison]] = defaultdict(list)
        for row in self.comparisons:
            self._pairs[row.dataset, frozenset((row.arm_a, row.arm_b)), row.metric, row.label].append(row)
        self._requested: dict[tuple[TrainingSet, str, str, str | None], list[Comparison]] = defaultdict(list)
        for row in result.comparisons:
            if row.kind != "table":
                self._requested[self.training_set_of(row), row.metric, row.label, row.group].append(row)

    def training_sets(self, task: str | None = None) -> list[TrainingSet]:
        """Data sets and training sizes that have arms, in the order of the data sets, sizes rising."""
        training_sets = {TrainingSet(arm.dataset, arm.train_size) for arm in self.result.arms if arm.role == "arm"}
        order = list(self.datasets)
        return sorted(
            (t for t in training_sets if task is None or self.datasets[t.dataset].task == task),
            key=lambda t: (order.index(t.dataset), t.size is None, t.size or 0),
        )

    def arms_of(self, training_set: TrainingSet) -> list[Arm]:
        """Arms trained on it, baseline first within a student; no teachers."""
        arms = [
            arm
            for arm in self.result.arms
            if arm.role == "arm" and (arm.dataset, arm.train_size) == tuple(training_set)
        ]
        return sorted(
            arms,
            key=lambda arm: (
                list(words.NETWORKS).index(arm.student) if arm.student in words.NETWORKS else len(words.NETWORKS),
                arm.student,
                arm.arm not in self.baselines,
                arm.method,
                arm.arm,
            ),
        )

    def training_set_of(self, row: Comparison | Gap | SeedCorrelation | StudyFamilyMember) -> TrainingSet:
        """Return the data set and training size of a row on two arms."""
        return TrainingSet(row.dataset, self.arms[row.arm_a].train_size)

    def task(self, training_set: TrainingSet) -> str:
        """Either "multilabel" or "multiclass"."""
        return self.datasets[training_set.dataset].task

    def synthetic(self, dataset: str) -> str:
        """Print name of a synthetic data set; empty for real images and for a data set that the results lack."""
        known = self.datasets.get(dataset)
        return words.dataset(dataset) if known and known.synthetic else ""

    def synthetic_tests(self) -> list[str]:
        """Print names of the synthetic data sets that arms were tested on; a teacher's own data set is none of them."""
        tested = {training_set.dataset for training_set in self.training_sets()}
        return [words.dataset(name) for name, known in self.datasets.items() if known.synthetic and name in tested]

    def teachers_synthetic(self) -> str:
        """A sentence on synthetic images that no arm was tested on: those of teachers or start weights."""
        tested = {training_set.dataset for training_set in self.training_sets()}
        names = [words.dataset(name) for name, known in self.datasets.items() if known.synthetic and name not in tested]
        if not names:
            return ""
        text = f"Teachers or start weights were trained on synthetic images ({words.listed(names)})."
        return text if self.synthetic_tests() else f"{text} All arms were tested on real images."

    def groups(self, dataset: str) -> list[str]:
        """Subgroups of its test images that were measured, "sex=F", in the order of the results."""
        names = (e.group for e in self.result.estimates if e.dataset == dataset and e.group is not None)
        return list(dict.fromkeys(names))

    @functools.cached_property
    def _interval_names(self) -> list[str]:
        has_limits: dict[str, bool] = {}
        for (*_, group, name), estimate in self._estimates.items():
            if group is None:
                has_limits[name] = has_limits.get(name, False) or estimate.low is not None
        order = {name: k for k, name in enumerate(_INTERVALS)}
        return sorted(
            has_limits,
            key=lambda name: (words.is_paper_convention(name), not has_limits[name], order.get(name, len(order)), name),
        )

    def intervals(self) -> list[str]:
        """Names of the intervals present: those that exist for any arm first, the paper's convention last."""
        return list(self._interval_names)

    @property
    def preferred_interval(self) -> str:
        """The first of `intervals`; empty if there is none."""
        return next(iter(self.intervals()), "")

    def estimate(
        self, dataset: str, arm: str, metric: str, label: str, interval: str, group: str | None = None
    ) -> Estimate | None:
        """One arm's metric with one interval, on a subgroup's images or on all."""
        return self._estimates.get((dataset, arm, metric, label, group, interval))

    def runs(self, arm: str, metric: str, label: str) -> list[RunValue]:
        """One arm's metric, seed by seed."""
        return sorted(self._runs[arm, metric, label], key=lambda run: run.seed)

    @functools.cached_property
    def flags(self) -> dict[str, str]:
        """Run id -> "may have failed", "outlying" or both; only runs with a flag."""
        flags = {}
        for check in self.result.seed_checks:
            of_run = [
                text for text, is_so in (("may have failed", check.failed), ("outlying", check.outlying)) if is_so
            ]
            if of_run:
                flags[check.run_id] = words.listed(of_run)
        return flags

    def comparison_between(self, dataset: str, arms: tuple[str, str], metric: str, label: str) -> Comparison | None:
        """The comparison that decides the dagger of two arms of a row, in either order; None if there is none.

        It has a p-value if any has, and the widest scope; within a scope, the family made for the marks of Tables IV
        and V comes first.
        """
        comparisons = [row for row in self._pairs[dataset, frozenset(arms), metric, label] if row.margin is None]
        tested = [row for row in comparisons if row.p_value is not None]
        return min(tested or comparisons, key=lambda row: (*_rank(row), -_KINDS.index(row.kind)), default=None)

    def answer_of(self, row: Comparison) -> Comparison | None:
        """The comparison of the same arms and metric that the answer uses; None if the answer has none."""
        requested = self._requested[self.training_set_of(row), row.metric, row.label, None]
        same = [other for other in requested if {other.arm_a, other.arm_b} == {row.arm_a, row.arm_b}]
        same = [other for other in same if other.margin is None]
        answer = min(same, key=lambda other: (not other.primary, *_rank(other)), default=None)
        return None if answer is None else self.answering(answer)

    def answering(self, row: Comparison) -> Comparison:
        """Return the comparison, or the narrower one over patients that answers where it does not exist."""
        narrower = None if row.low is not None else self.over_patients_alone(row)
        if narrower is None:
            return row
        return narrower.model_copy(update={"primary": True}) if row.primary else narrower

    def is_primary_analysis(self, row: Comparison) -> bool:
        """Whether the answer uses this comparison, among all tests of its pair, metric and kind."""
        comparisons = self._pairs[row.dataset, frozenset((row.arm_a, row.arm_b)), row.metric, row.label]
        return row is min((other for other in comparisons if other.kind == row.kind), key=_rank)

    def over_patients_alone(self, row: Comparison) -> Comparison | None:
        """The comparison of the same arms, metric and kind that holds the trained models fixed; None if there is none.

        It answers where the analysis over seeds and patients does not exist, as with one seed.
        """
        same = self._pairs[row.dataset, frozenset((row.arm_a, row.arm_b)), row.metric, row.label]
        narrower = [
            other
            for other in same
            if (other.arm_a, other.kind, other.margin) == (row.arm_a, row.kind, None)
            and other.test in _OVER_PATIENTS
            and other.low is not None
            and row.scope == "seeds+patients"
        ]
        return min(narrower, key=lambda other: _OVER_PATIENTS.index(other.test), default=None)

    def declared(
        self, training_set: TrainingSet, metric: str, label: str, group: str | None = None
    ) -> list[Comparison]:
        """Comparisons that answer the study's question on one metric: the primary one, those with a baseline, others.

        A pair that was tested in several scopes is represented by the widest one. If every pair was requested, the
        pairs with a baseline are taken.
        """
        best: dict[tuple[str, str], Comparison] = {}
        for row in self._requested[training_set, metric, label, group]:
            if row.kind == "all" and not row.primary and not self._against_baseline(row):
                continue
            pair = (row.arm_a, row.arm_b)
            if pair not in best or _rank(row) < _rank(best[pair]):
                best[pair] = row
        return sorted(best.values(), key=lambda row: (not row.primary, row.arm_b not in self.baselines))

    def _against_baseline(self, row: Comparison) -> bool:
        has_baseline = row.arm_a in self.baselines or row.arm_b in self.baselines
        return has_baseline and self.arms[row.arm_a].student == self.arms[row.arm_b].student

    def contrasts(self, training_set: TrainingSet) -> list[tuple[str, str]]:
        """Pairs (arm a, arm b) that answer the study's question on at least one metric."""
        pairs = {
            (row.arm_a, row.arm_b): None
            for metric, label in HEADLINES[self.task(training_set)]
            for row in self.declared(training_set, metric, label)
        }
        return list(pairs)

    def learning_curves(self, training_set: TrainingSet) -> list[Curve]:
        """Learning curves of the arms, without those of teachers."""
        arms = {arm.arm for arm in self.arms_of(training_set)}
        return [curve for curve in self.result.curves if curve.curve == "learning" and curve.arm in arms]

    def headline_size_effects(self) -> list[SizeEffect]:
        """Changes of differences with training-set size, on the metrics of Tables IV and V."""
        return [
            row
            for row in self.result.size_effects
            if (row.metric, row.label) in HEADLINES[self.datasets[row.dataset].task]
        ]

    def margins(self) -> list[tuple[str, float]]:
        """Metric and margin of what comparisons are tested against, the study's margin first."""
        settings = self.result.settings
        primaries = settings.primaries
        margins = (
            [] if settings.margin is None else [(str((primaries or [{}])[0].get("metric", "auc")), settings.margin)]
        )
        margins += [
            (str(one.get("metric", "auc")), one["margin"]) for one in primaries if one.get("margin") is not None
        ]
        return list(dict.fromkeys(margins))

    def contrast_name(self, pair: tuple[str, str]) -> str:
        """The name of a contrast: `A − B`."""
        return f"{self.names[pair[0]]} {numbers.MINUS} {self.names[pair[1]]}"


def _rank(row: Comparison) -> tuple[int, bool]:
    """Sort key of the tests of one contrast: the widest scope first, and within it the primary analysis."""
    return _SCOPES.index(row.scope), row.test != PRIMARY_TEST


def _on_all_images(rows: Iterable[_R]) -> Iterable[_R]:
    return (row for row in rows if row.group is None)


def _unique_names(arms: list[Arm]) -> dict[str, str]:
    """Name of each arm id; arms of a training set that share a name get the settings they differ in, or their id."""
    groups: dict[tuple[str, int | None, str], list[Arm]] = defaultdict(list)
    for arm in arms:
        groups[arm.dataset, arm.train_size, arm.name].append(arm)
    names = {}
    for twins in groups.values():
        described = {arm.arm: _description(arm) for arm in twins}
        for arm in twins:
            differing = [
                text for k, text in enumerate(described[arm.arm]) if len({other[k] for other in described.values()}) > 1
            ]
            names[arm.arm] = ", ".join([arm.name, *filter(None, differing)])
        if len({names[arm.arm] for arm in twins}) < len(twins):
            names.update({arm.arm: f"{arm.name}, {arm.arm}" for arm in twins})
    return names


def _description(arm: Arm) -> tuple[str, ...]:
    settings = ", ".join(words.setting(key, value) for key, value in sorted(arm.settings.items()))
    teacher = f"teacher {words.teacher(arm.teacher)}" if arm.teacher else ""
    return words.method(arm.method).lower(), teacher, words.network(arm.student), words.unfrozen(arm.unfrozen), settings
