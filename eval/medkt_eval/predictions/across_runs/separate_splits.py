"""Check that validation and test have no image and no patient in common, and scores of one scale.

In: a run's validation predictions, and the test predictions. Out: what could not be checked, or an error. A threshold
that is chosen on test images makes every metric at that threshold optimistic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from medkt_eval.errors import InputError
from medkt_eval.predictions.across_runs.copied_rows import Rows, hashed, is_copy, rows_of
from medkt_eval.predictions.files.parquet_columns import AnyPredictions
from medkt_eval.predictions.values.look_alikes import by_value, difference, folded
from medkt_eval.predictions.values.repairs import Repair

WIDE = 10.0  # a range that is not of probabilities, nor of a few ratings


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
        ids, test_ids = _distinct(of_validation), {by_value(text): text for text in sorted(_distinct(of_test))}
        shared = sorted(text for text in ids if by_value(text) in test_ids)
        if shared:
            written = test_ids[by_value(shared[0])]
            also = "" if written == shared[0] else f", {written!r} in the test predictions"
            raise InputError(
                f"{validation.source}: {len(shared)} of {len(ids)} validation {name}s are in the test set (first: "
                f"{name}_id {shared[0]!r}{also}). Thresholds may not be chosen on the {name}s that they are tested on: "
                f"give validation predictions of other patients, or none"
            )
        of_key = {folded(text): text for text in test_ids.values()}
        alike = [(text, of_key[folded(text)]) for text in sorted(ids) if folded(text) in of_key]
        if alike:
            doubts.append(Repair("alike", f"{len(alike)} {name}s, {name}_id {difference(*alike[0])}"))
    return doubts


def check_other_scores(validation: AnyPredictions, test: RunScores, others: Iterable[RunScores]) -> list[Repair]:
    """Refuse validation predictions that are a run's test predictions under other ids, or of another scale.

    Parameters
    ----------
    validation : Predictions or PredictionFile
    test : RunScores
        Test scores of the same run.
    others : iterable of RunScores
        Test scores of other runs.

    Returns
    -------
    list of Repair
        Doubts: labels whose scores may be of two scales.

    Raises
    ------
    InputError
        Naming the validation file.
    """
    own = run_scores(validation, validation.score, hashed_targets(validation))
    doubts = _check_scale(own, test, validation) if validation.task == "multilabel" else []
    if any(is_copy(own.rows, of_run.rows) for of_run in (test, *others)):
        raise InputError(
            f"{validation.source}: scores and targets are those of the test images, under other ids. Thresholds may "
            "not be chosen on the images that they are tested on: give predictions of validation images, or none"
        )
    return doubts


@dataclass(frozen=True)
class RunScores:
    """What is compared of one run's scores: the distinct rows, and the least and the greatest score of each label."""

    rows: Rows
    ranges: np.ndarray  # float64, (n_labels, 2)


def run_scores(predictions: AnyPredictions, scores_of: Callable[[int], np.ndarray], targets: np.ndarray) -> RunScores:
    """Summarise one run's scores.

    Parameters
    ----------
    predictions : Predictions or PredictionFile
        Of the same labels.
    scores_of : callable
        The run's scores of a label: float64, (n_images,).
    targets : uint64, (n_images,)
        See `hashed_targets`.
    """
    ranges = []

    def column(k: int) -> np.ndarray:
        scores = scores_of(k)
        ranges.append((scores.min(), scores.max()))
        return scores

    rows = rows_of(column, targets, len(predictions.labels))
    return RunScores(rows, np.array(ranges))


def hashed_targets(predictions: AnyPredictions) -> np.ndarray:
    """A hash of each image's targets: uint64, (n_images,)."""
    return hashed(predictions.target, len(predictions.labels))


def _check_scale(own: RunScores, tested: RunScores, validation: AnyPredictions) -> list[Repair]:
    """Refuse scores of validation and test of which only one can be of probabilities, judged by all labels."""
    doubts = [
        f"score_{label} {_ranging(low, high)}, and {_ranging(test_low, test_high)} in the test predictions"
        for label, (low, high), (test_low, test_high) in zip(validation.labels, own.ranges, tested.ranges, strict=True)
        if _two_scales((low, high), (test_low, test_high))
    ]
    one, other = ((of.ranges[:, 0].min(), of.ranges[:, 1].max()) for of in (own, tested))
    if _two_scales(one, other) and max(one[1] - one[0], other[1] - other[0]) >= WIDE:
        raise InputError(
            f"{validation.source}: {doubts[0]} of this run: one may be probabilities and the other logits or "
            "percentages. A threshold is of one scale: write both as probabilities, or, if both are of one scale, "
            "bring both into [0, 1] by the same formula. Or give no validation predictions"
        )
    return [Repair("two scales", doubt) for doubt in doubts]


def _two_scales(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether one range lies within [0, 1] and the other well outside."""
    return any(
        low >= 0 and high <= 1 and (other_low < -0.5 or other_high > 1.5)
        for (low, high), (other_low, other_high) in ((one, other), (other, one))
    )


def _ranging(low: float, high: float) -> str:
    return f"ranges from {low:.4g} to {high:.4g}"


def _distinct(ids: np.ndarray | pa.Array) -> set[str]:
    return set(ids.tolist() if isinstance(ids, np.ndarray) else ids.unique().to_pylist())
