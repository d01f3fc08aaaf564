"""Whether results.json hangs together: every row names arms and data sets that exist, and every number can be one.

In: the content of results.json, whose kinds pydantic has checked. Out: the first fault as a sentence, or nothing.
What medkt evaluate writes passes; a file that was cut, merged or edited may not, and a report of it would be wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from medkt_eval.results.value_checks import ROUNDING, value_faults
from medkt_eval.results.vocabulary import AVERAGES

_MOST = 2**63

# Lists whose rows are on the test images of an arm: `dataset` is that of the arm.
_MEASURED = ("runs", "estimates", "comparisons", "variance_components", "gaps", "dynamics", "curves", "seed_checks",
             "seed_correlations", "failure_rates")  # fmt: skip
_LABELLED = ("runs", "estimates", "comparisons", "variance_components", "seed_correlations", "gaps")


def first_fault(result: Any) -> str | None:
    """Find the first fault of an `EvaluationResult`.

    Parameters
    ----------
    result : EvaluationResult

    Returns
    -------
    str or None
        Where it stands, what was found and what was expected, for example "curves.3: y has 4 values, x has 5".
    """
    return next(_faults(result), None)


def _faults(result: Any) -> Iterator[str]:
    yield from _data_sets_and_arms(result)
    for name in type(result).model_fields:
        for k, row in enumerate(rows if isinstance(rows := getattr(result, name), list) else [rows]):
            if isinstance(row, BaseModel):
                yield from (f"{name}.{k}: {fault}" for fault in _out_of_range(row))
    yield from _settings(result)
    yield from _rows_of_arms(result)
    yield from _omnibus(result)
    yield from _lengths(result)
    yield from value_faults(result)


def _data_sets_and_arms(result: Any) -> Iterator[str]:
    for what, names in (
        ("datasets", [dataset.dataset for dataset in result.datasets]),
        ("arms", [arm.arm for arm in result.arms]),
    ):
        if not names:
            yield f"{what} is empty; expected one or more"
        if repeated := {name for name in names if names.count(name) > 1}:
            yield f"{what}: {min(repeated)!r} is there twice"
    for k, arm in enumerate(result.arms):
        dataset = next((dataset for dataset in result.datasets if dataset.dataset == arm.dataset), None)
        if dataset is None:
            if arm.role == "arm":
                yield f"arms.{k}: dataset is {arm.dataset!r}, which is none of the data sets"
        elif dataset.task != arm.task:
            yield f"arms.{k}: task is {arm.task!r}, that of its data set {dataset.task!r}"
        if not arm.seeds or len(set(arm.seeds)) < len(arm.seeds):
            yield f"arms.{k}: seeds are {arm.seeds}; expected one or more, each once"
        for name in ("seconds", "selection"):
            if (n := len(getattr(arm, name))) not in (0, len(arm.seeds)):
                yield f"arms.{k}: {name} has {n} values for {len(arm.seeds)} seeds"


def _is_share(value: float) -> bool:
    return -ROUNDING <= value <= 1 + ROUNDING


def _is_count(value: int) -> bool:
    return 0 <= value < _MOST


# Of every row: names of fields, whether a value can be one, and what was expected. A name ending in _ begins names.
_RANGES: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (("level",), lambda value: 0 < value < 1, "a number between 0 and 1"),
    (("p_value", "p_adjusted", "probability_a_above_b", "auc"), _is_share, "a number from 0 to 1"),
    (("se",), lambda value: value >= 0, "0 or more"),
    (("df", "df_hillis", "df1", "df2", "df_patients"), lambda value: value > 0, "a number above 0"),
    (("margin",), lambda value: 0 < value < 1, "a fraction between 0 and 1"),
    (("critical_difference", "deviations"), lambda value: value >= 0, "0 or more"),
    (("n_", "train_size", "size_small", "size_large", "replicates", "undefined_replicates", "trainable_parameters",
      "total_parameters", "parameters", "width_px", "height_px", "image_size_px"), _is_count,
     "a count of at most 64 bits"),
    (("seed",), lambda value: -_MOST <= value < 2 * _MOST, "an integer of at most 64 bits"),
    (("seeds",), lambda values: isinstance(values, str) or all(-_MOST <= v < 2 * _MOST for v in values),
     "integers of at most 64 bits"),
)  # fmt: skip


@functools.cache
def _ranges_of(kind: type[BaseModel]) -> list[tuple[str, Callable[[Any], bool], str]]:
    """The fields of a kind of row that have a range."""
    return [
        (name, can_be, expected)
        for name, field in kind.model_fields.items()
        for names, can_be, expected in _RANGES
        if (name in names or any(n.endswith("_") and name.startswith(n) for n in names))
        and "dict" not in str(field.annotation)
    ]


def _out_of_range(row: BaseModel) -> Iterator[str]:
    values = vars(row)
    for name, can_be, expected in _ranges_of(type(row)):
        if values[name] is not None and not can_be(values[name]):
            yield f"{name} is {values[name]!r}; expected {expected}"
    low, high = values.get("low"), values.get("high")
    if isinstance(low, float) and isinstance(high, float) and low > high + ROUNDING:
        yield f"low is {low!r}, above high, {high!r}"


def _settings(result: Any) -> Iterator[str]:
    arms = {arm.arm for arm in result.arms}
    for key, arm in result.settings.baseline.items():
        if arm not in arms:
            yield f"settings.baseline: {key!r} is {arm!r}, which is none of the arms"
    for primary in result.settings.primaries:
        for key in ("arm_a", "arm_b", "metric", "label"):
            if not isinstance(primary.get(key), str):
                yield f"settings.primary: {key} is {primary.get(key)!r}; expected a name"


def _rows_of_arms(result: Any) -> Iterator[str]:
    arms = {arm.arm: arm for arm in result.arms}
    labels = {dataset.dataset: {*dataset.labels, *AVERAGES} for dataset in result.datasets}
    run_ids = {run_id for arm in result.arms for run_id in arm.run_ids}
    for name in _MEASURED:
        for k, row in enumerate(getattr(result, name)):
            yield from (f"{name}.{k}: {fault}" for fault in _unknown_arms(row, arms))
            if name in _LABELLED and row.label not in labels.get(row.dataset, ()):
                yield f"{name}.{k}: label is {row.label!r}, which is no label of {row.dataset!r}"
            if name == "variance_components" and row.value is not None and row.value < 0:
                yield f"{name}.{k}: value is {row.value!r}; a variance is 0 or more"
            if name == "seed_correlations" and row.value is not None and abs(row.value) > 1 + ROUNDING:
                yield f"{name}.{k}: value is {row.value!r}; a correlation lies from -1 to 1"
    for name in ("runs", "thresholds", "curves", "seed_checks"):
        for k, row in enumerate(getattr(result, name)):
            if row.run_id is not None and row.run_id not in run_ids:
                yield f"{name}.{k}: run_id is {row.run_id!r}, which is no run of the arms"
    for k, row in enumerate(result.size_effects):
        for arm in (*row.arms_small, *row.arms_large):
            if arm not in arms:
                yield f"size_effects.{k}: {arm!r} is none of the arms"


def _unknown_arms(row: Any, arms: Mapping[str, Any]) -> Iterator[str]:
    for key in ("arm", "arm_a", "arm_b"):
        arm = getattr(row, key, None)
        if arm is not None and arm not in arms:
            yield f"{key} is {arm!r}, which is none of the arms"
        elif arm is not None and arms[arm].dataset != row.dataset:
            yield f"dataset is {row.dataset!r}, that of {arm!r} is {arms[arm].dataset!r}"


def _omnibus(result: Any) -> Iterator[str]:
    ids = {arm.arm for arm in result.arms}
    names = {arm.name for arm in result.arms}
    datasets = {dataset.dataset for dataset in result.datasets}
    for k, row in enumerate(result.omnibus):
        place, n = f"omnibus.{k}", len(row.arms)
        if absent := set(row.datasets) - datasets:
            yield f"{place}: {min(absent)!r} is none of the data sets"
        if absent := set(row.arms) - ids - names:
            yield f"{place}: {min(absent)!r} is none of the arms"
        if row.mean_ranks is not None and len(row.mean_ranks) != n:
            yield f"{place}: mean_ranks has {len(row.mean_ranks)} values for {n} arms"
        if row.p_nemenyi is not None:
            if [len(line) for line in row.p_nemenyi] != [n] * n:
                yield f"{place}: p_nemenyi is no table of {n} x {n} values"
            elif not all(_is_share(p) for line in row.p_nemenyi for p in line):
                yield f"{place}: p_nemenyi holds a number that is not from 0 to 1"


def _lengths(result: Any) -> Iterator[str]:
    arms = {arm.arm for arm in result.arms}
    for k, row in enumerate(result.curves):
        for name in ("y", "low", "high", "reference", "arms"):
            values: Sequence[Any] | None = getattr(row, name)
            if values is not None and len(values) != len(row.x):
                yield f"curves.{k}: {name} has {len(values)} values, x has {len(row.x)}"
        if absent := set(row.arms or ()) - arms:
            yield f"curves.{k}: {min(absent)!r} is none of the arms"
    for k, row in enumerate(result.tuning):
        if len(row.values) != len(row.seeds):
            yield f"tuning.{k}: values has {len(row.values)} values for {len(row.seeds)} seeds"
