"""What the runs of some arms shared and what their seeds varied: the facts behind every sentence that says so.

In: what the results record of how the runs were made. Out: `Conditions` of some arms and metrics; variation.py puts
them into words. A part whose record is missing is "unknown", and nothing is claimed of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from medkt_eval.results.schema import Arm, Comparison, Threshold
from medkt_eval.results.vocabulary import METRICS
from medkt_reports.language import words
from medkt_reports.lookup import Lookup

Record = Literal["fixed", "fixed in each arm", "varies", "mixed", "by training set", "unknown", "none"]
"""How a part was over the seeds of some arms.

Varies: other for each seed. Mixed: other for some seeds or arms only. By training set: training sets differ in this.
"""
Thresholds = Literal["none", "number", "chosen", "refit"]


@dataclass(frozen=True)
class Conditions:
    """How the runs of some arms were made, as far as it is recorded.

    Parameters
    ----------
    training, validation, teacher : Record
        Training images, validation images and teacher weights; "none": no arm has a teacher.
    thresholds : Thresholds
        How the thresholds of the metrics in question came about; "none": no metric needs one.
    teachers : tuple of str
        Print names.
    recorded : bool
        Whether the arms' method and settings are recorded; those of prediction files without run.json are not.
    """

    training: Record
    validation: Record
    teacher: Record
    thresholds: Thresholds
    teachers: tuple[str, ...] = ()
    recorded: bool = True


def of_comparison(lookup: Lookup, row: Comparison) -> Conditions:
    """Conditions of the two arms of a comparison, on its metric."""
    arms = [lookup.arms[row.arm_a], lookup.arms[row.arm_b]]
    return _conditions(lookup, [arms], [row.metric])


def of_test(lookup: Lookup, test: str) -> Conditions:
    """Conditions of all arms in one test: McNemar's keeps thresholds that were chosen, DeLong's uses none."""
    circumstances = of_report(lookup)
    if test == "mcnemar" and circumstances.thresholds == "refit":
        return replace(circumstances, thresholds="chosen")
    return replace(circumstances, thresholds="none") if test == "delong-clustered" else circumstances


def of_report(lookup: Lookup) -> Conditions:
    """Conditions of all arms and metrics of the results."""
    groups = [lookup.arms_of(training_set) for training_set in lookup.training_sets()]
    return _conditions(lookup, groups, {estimate.metric for estimate in lookup.result.estimates})


def _conditions(lookup: Lookup, groups: Sequence[Sequence[Arm]], metrics: Iterable[str]) -> Conditions:
    """Conditions of arms; a group holds the arms of one training set."""
    arms = [arm for group in groups for arm in group]
    teaching = [[arm for arm in group if arm.teacher] for group in groups]
    recorded = all(arm.method for arm in arms)
    return Conditions(
        training=_over_sets(
            (training_images(lookup, group) for group in groups), arms, lambda arm: arm.training_sha256
        ),
        validation=together(_record(group, lambda arm: arm.validation_sha256) for group in groups),
        teacher=_over_sets(
            (_record(group, lambda arm: arm.teacher_sha256) for group in teaching if group),
            [arm for group in teaching for arm in group],
            lambda arm: arm.teacher_sha256,
        )
        if any(teaching) or not recorded
        else "none",
        thresholds=_thresholds(lookup, arms, set(metrics)),
        teachers=tuple(dict.fromkeys(words.teacher(arm.teacher) for arm in arms if arm.teacher)),
        recorded=recorded,
    )


def training_images(lookup: Lookup, arms: Sequence[Arm]) -> Record:
    """The record of the training images; results of an earlier version have it for a data set only."""
    if any(arm.training_sha256 for arm in arms):
        return _record(arms, lambda arm: arm.training_sha256)
    return together(of_dataset(lookup, arm.dataset) for arm in arms)


def of_dataset(lookup: Lookup, dataset: str) -> Record:
    """The record of a data set's training images, over all its arms."""
    records: dict[str, Record] = {"fixed": "fixed in each arm", "redrawn with each seed": "varies", "mixed": "mixed"}
    return records.get(lookup.datasets[dataset].training_sample, "unknown")


def _record(arms: Sequence[Arm], of: Callable[[Arm], list[str | None]]) -> Record:
    hashes = [of(arm) for arm in arms]
    if not all(hashes) or any(value is None for arm in hashes for value in arm):
        return "unknown"
    if all(len(set(arm)) == 1 for arm in hashes):
        return "fixed" if len({arm[0] for arm in hashes}) == 1 else "fixed in each arm"
    if all(len(set(arm)) == len(arm) for arm in hashes):
        return "varies"
    return "mixed"


def _over_sets(records: Iterable[Record], arms: Sequence[Arm], of: Callable[[Arm], list[str | None]]) -> Record:
    """One record for the arms of several training sets; fixed only where all their runs share one."""
    record = together(records)
    one = len({value for arm in arms for value in of(arm)}) <= 1
    return record if one or record != "fixed" else "fixed in each arm"


def together(records: Iterable[Record]) -> Record:
    """One record for several groups of arms: what holds of each of them."""
    found: set[Record] = set(records)
    if len(found) <= 1:
        return found.pop() if found else "unknown"
    if "unknown" in found:
        return "unknown"
    return "fixed in each arm" if found == {"fixed", "fixed in each arm"} else "by training set"


def _thresholds(lookup: Lookup, arms: Sequence[Arm], metrics: set[str]) -> Thresholds:
    settings = lookup.result.settings
    runs = {run_id for arm in arms for run_id in arm.run_ids}
    needed = any(METRICS[metric].kind == "calls" for metric in metrics if metric in METRICS)
    if not needed or not any(threshold.run_id in runs for threshold in with_value(lookup.result.thresholds)):
        return "none"
    if settings.threshold_rule.startswith("fixed="):
        return "number"
    return "refit" if settings.thresholds == "refit" else "chosen"


def with_value(thresholds: Iterable[Threshold]) -> list[Threshold]:
    """Thresholds that exist; a run without validation predictions has none."""
    return [threshold for threshold in thresholds if threshold.value is not None]
