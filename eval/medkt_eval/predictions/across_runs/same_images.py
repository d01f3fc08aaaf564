"""Check that runs have the same images: they are never silently intersected.

In: predictions of two runs. Out: nothing, or an error that names both runs and the first image that differs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from medkt_eval.errors import InputError
from medkt_eval.predictions.files.parquet_columns import AnyPredictions, PredictionFile
from medkt_eval.predictions.files.parquet_values import sorted_dictionary
from medkt_eval.predictions.values.look_alikes import by_value

Ids = np.ndarray | pa.Array


def check_same_images(first: AnyPredictions, second: AnyPredictions, names: tuple[str, str]) -> None:
    """Refuse to compare two runs whose test images, patients, groups or targets differ.

    Parameters
    ----------
    first, second : Predictions or PredictionFile
        Predictions of the same task and labels.
    names : tuple of str
        Names of the two runs.

    Raises
    ------
    InputError
        Naming both runs and the first ids that differ.
    """
    a, b = names
    n_images = {len(run.image_ids) for run in (first, second)}
    if len(n_images) > 1 or _first_difference(first.image_ids, second.image_ids) is not None:
        for left, right, holder, other in ((first, second, a, b), (second, first, b, a)):
            lost = np.setdiff1d(texts_of(left.image_ids).astype(str), texts_of(right.image_ids).astype(str))
            if lost.size:
                examples = ", ".join(repr(str(name)) for name in lost[:3])
                raise InputError(
                    f"runs {a} and {b} have different test images: {lost.size} of {holder} are not in {other} "
                    f"(first: {examples}). Comparisons need the same test set: predict the missing images, or, if they "
                    "are missing for a reason that has nothing to do with the models, leave them out of all runs with "
                    "--shared-images, which says how many. Runs on different test sets are not one data set"
                )
    if first.patient_ids is not None and second.patient_ids is not None:
        row = _first_difference(first.patient_ids, second.patient_ids)
        if row is not None:
            raise InputError(f"runs {a} and {b} give image {_name(first, row)} different patients")
    for group in first.groups.keys() & second.groups.keys():
        row = _first_difference(first.groups[group], second.groups[group])
        if row is not None:
            values = [f"{run.groups[group][row]!r}" for run in (first, second)]
            raise InputError(
                f"runs {a} and {b} disagree on group_{group} of image {_name(first, row)}: "
                f"{values[0]} and {values[1]}; comparisons need the same groups"
            )
    for group in first.group_orders.keys() & second.group_orders.keys():
        one, other = (
            [name for name in run.group_orders[group] if name in both]
            for both in [set(first.group_orders[group]) & set(second.group_orders[group])]
            for run in (first, second)
        )
        if one != other:
            raise InputError(
                f"runs {a} and {b} order the groups of group_{group} differently: {', '.join(map(repr, one))} and "
                f"{', '.join(map(repr, other))}; give their columns one order"
            )
    if first.task == "multiclass":
        _check_same_targets(first, first.classes, second.classes, "", names)
        return
    for k, label in enumerate(first.labels):
        _check_same_targets(first, first.target(k), second.target(k), f" of {label}", names)


def with_columns_of(first: AnyPredictions, own: AnyPredictions) -> AnyPredictions:
    """`first` with the patients and groups that only `own` has, which are those of the same images.

    Parameters
    ----------
    first, own : Predictions or PredictionFile
        Of the same images, as `check_same_images` has checked.
    """
    groups = first.groups | {name: values for name, values in own.groups.items() if name not in first.groups}
    orders = own.group_orders | first.group_orders
    if groups.keys() != first.groups.keys() or orders != first.group_orders:
        first = replace(first, groups=groups, group_orders=orders)
    if first.patient_ids is not None or own.patient_ids is None:
        return first
    patients = texts_of(own.patient_ids)
    if isinstance(first, PredictionFile):
        encoded = sorted_dictionary(pa.array(patients, pa.large_string()))
        return replace(first, patient_ids=encoded)
    return replace(first, patient_ids=patients)


def check_same_validation(first: AnyPredictions, own: AnyPredictions, names: tuple[str, str]) -> None:
    """Refuse runs whose validation patients differ: all runs must share one draw of patients per replicate.

    Raises
    ------
    InputError
        Naming both runs.
    """
    same = _equal(first.image_ids, own.image_ids) and (first.patient_ids is None) == (own.patient_ids is None)
    if same and first.patient_ids is not None and own.patient_ids is not None:
        same = _equal(first.patient_ids, own.patient_ids)
    if not same:
        raise InputError(
            f"runs {names[0]} and {names[1]} have different validation images or patients; expected the same, which "
            "thresholds = 'refit' resamples for all runs together: give them the same, or leave thresholds = 'fixed'"
        )


def check_same_validation_targets(first: AnyPredictions, own: AnyPredictions, names: tuple[str, str]) -> None:
    """Refuse runs that disagree on the targets of the validation images that both have.

    Raises
    ------
    InputError
        Naming both runs, the label and the first image that differs.
    """
    images, rows, own_rows = np.intersect1d(
        texts_of(first.image_ids), texts_of(own.image_ids), assume_unique=True, return_indices=True
    )
    for k, label in enumerate(first.labels):
        one, other = first.target(k)[rows], own.target(k)[own_rows]
        differing = np.flatnonzero((one != other) & ~(np.isnan(one) & np.isnan(other)))
        if differing.size:
            raise InputError(
                f"runs {names[0]} and {names[1]} disagree on the target of {label} of validation image "
                f"{str(images[differing[0]])!r}; thresholds of all runs need the same targets"
            )


def _check_same_targets(
    first: AnyPredictions, one: np.ndarray, other: np.ndarray, of_label: str, names: tuple[str, str]
) -> None:
    equal = (one == other) | (np.isnan(one) & np.isnan(other))
    if not equal.all():
        image = _name(first, int(np.flatnonzero(~equal)[0]))
        raise InputError(
            f"runs {names[0]} and {names[1]} disagree on the target{of_label} of image {image}; "
            "comparisons need the same targets"
        )


def _equal(one: Ids, other: Ids) -> bool:
    if not isinstance(one, np.ndarray) and not isinstance(other, np.ndarray):
        return one.equals(other)
    return np.array_equal(texts_of(one), texts_of(other))


def _first_difference(one: Ids, other: Ids) -> int | None:
    """The first row whose values differ; `0` and `0.0` are one value."""
    if _equal(one, other):
        return None
    values = [np.array([by_value(text) for text in texts_of(each)], dtype=object) for each in (one, other)]
    rows = np.flatnonzero(values[0] != values[1])
    return int(rows[0]) if rows.size else None


def texts_of(ids: Ids) -> np.ndarray:
    """Ids as str, (n_images,), whether they are in memory or in an Arrow column."""
    return ids if isinstance(ids, np.ndarray) else ids.to_numpy(zero_copy_only=False)


def _name(predictions: AnyPredictions, row: int) -> str:
    return repr(str(predictions.image_ids[row]))
