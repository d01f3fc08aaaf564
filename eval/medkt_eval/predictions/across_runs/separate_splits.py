"""Check that validation and test have no image and no patient in common.

In: a run's validation predictions, and the test predictions. Out: what could not be checked, or an error. A threshold
that is chosen on test images makes every metric at that threshold optimistic.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from medkt_eval.errors import InputError
from medkt_eval.predictions.files.parquet_columns import AnyPredictions
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
        Doubts: patients that could not be compared, and ids that differ in case only.

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
        ids, test_ids = _distinct(of_validation), _distinct(of_test)
        shared = sorted(ids & test_ids)
        if shared:
            raise InputError(
                f"{validation.source}: {len(shared)} of {len(ids)} validation {name}s are in the test set (first: "
                f"{name}_id {shared[0]!r}). Thresholds may not be chosen on the {name}s that they are tested on: give "
                f"validation predictions of other patients, or none"
            )
        folded = {text.casefold(): text for text in sorted(test_ids)}
        alike = [(text, folded[text.casefold()]) for text in sorted(ids) if text.casefold() in folded]
        if alike:
            doubts.append(Repair("alike", f"{len(alike)} {name}s, {name}_id {alike[0][0]!r} and {alike[0][1]!r}"))
    return doubts


def _distinct(ids: np.ndarray | pa.Array) -> set[str]:
    return set(ids.tolist() if isinstance(ids, np.ndarray) else ids.unique().to_pylist())
