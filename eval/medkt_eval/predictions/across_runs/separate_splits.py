"""Check that validation and test have no image and no patient in common, and scores of one scale.

In: a run's validation predictions, and the test predictions. Out: what could not be checked, or an error. A threshold
that is chosen on test images makes every metric at that threshold optimistic.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from medkt_eval.errors import InputError
from medkt_eval.predictions.files.parquet_columns import AnyPredictions
from medkt_eval.predictions.values.look_alikes import by_value, difference, folded
from medkt_eval.predictions.values.repairs import Repair


def check_separate(validation: AnyPredictions, test: AnyPredictions) -> list[Repair]:
    """Refuse validation predictions of test images or of test patients.

    Parameters
    ----------
    validation, test : Predictions or PredictionFile
        Patients are compared if both name them.

    Returns
    -------
    list of Repair
        Doubts: patients that could not be compared, and ids that look alike.

    Raises
    ------
    InputError
        Naming the validation file, how many images or patients are shared, and the first of them.
    """
    doubts = []
    if validation.patient_ids is None and test.patient_ids is not None:
        doubts.append(Repair("unchecked", "no column 'patient_id'"))
    for name, of_validation, of_test in (
        ("image", validation.image_ids, test.image_ids),
        ("patient", validation.patient_ids, test.patient_ids),
    ):
        if of_validation is None or of_test is None:
            continue
        ids, test_ids = _distinct(of_validation), {by_value(text) for text in _distinct(of_test)}
        shared = sorted(text for text in ids if by_value(text) in test_ids)
        if shared:
            raise InputError(
                f"{validation.source}: {len(shared)} of {len(ids)} validation {name}s are in the test set (first: "
                f"{name}_id {shared[0]!r}). Thresholds may not be chosen on the {name}s that they are tested on: give "
                f"validation predictions of other patients, or none"
            )
        of_key = {folded(text): text for text in sorted(test_ids)}
        alike = [(text, of_key[folded(text)]) for text in sorted(ids) if folded(text) in of_key]
        if alike:
            doubts.append(Repair("alike", f"{len(alike)} {name}s, {name}_id {difference(*alike[0])}"))
    return doubts


def check_other_scores(
    validation: AnyPredictions, scores_of: Callable[[int], np.ndarray], test: AnyPredictions
) -> None:
    """Refuse validation predictions that are the run's test predictions under other ids, or of another scale.

    Parameters
    ----------
    validation, test : Predictions or PredictionFile
        The targets of `test` are used; its scores may be another run's.
    scores_of : callable
        The run's test scores of a label: float64, (n_images,).

    Raises
    ------
    InputError
        Naming the validation file.
    """
    same, distinct = len(validation.image_ids) == len(test.image_ids), False
    for k, label in enumerate(validation.labels):
        own, tested = validation.score(k), scores_of(k)
        if validation.task == "multilabel":
            _check_scale(own, tested, f"{validation.source}: score_{label}")
        if same:
            rows = [_sorted_rows(*rows) for rows in ((own, validation.target(k)), (tested, test.target(k)))]
            same = np.array_equal(rows[0], rows[1], equal_nan=True)
            distinct |= np.unique(own).size > own.size / 2  # few distinct scores may agree by chance
    if same and distinct:
        raise InputError(
            f"{validation.source}: scores and targets are those of the test images, under other ids. Thresholds may "
            "not be chosen on the images that they are tested on: give predictions of validation images, or none"
        )


def _sorted_rows(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    order = np.lexsort((targets, scores))
    return np.array([scores[order], targets[order]])


def _check_scale(own: np.ndarray, tested: np.ndarray, name: str) -> None:
    """Refuse scores of validation and test of which only one can be of probabilities."""
    scales = [
        (scores.min() >= 0 and scores.max() <= 1, scores.min() < -0.5 or scores.max() > 1.5) for scores in (own, tested)
    ]
    if scales in ([(True, False), (False, True)], [(False, True), (True, False)]):
        raise InputError(
            f"{name} ranges from {own.min():.4g} to {own.max():.4g}, and from {tested.min():.4g} to {tested.max():.4g} "
            "in the test predictions of this run: one may be probabilities and the other logits or percentages. A "
            "threshold is of one scale: write both as probabilities, or give no validation predictions"
        )


def _distinct(ids: np.ndarray | pa.Array) -> set[str]:
    return set(ids.tolist() if isinstance(ids, np.ndarray) else ids.unique().to_pylist())
