"""The images that all runs share, where it was asked for (`--shared-images`).

In: predictions of all runs of a data set. Out: the same predictions of the images that every run has, and how many of
each run were left out. Never done unasked: which images a run lacks may depend on how hard they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.predictions.across_runs.same_images import texts_of
from medkt_eval.predictions.files.parquet_columns import AnyPredictions
from medkt_eval.predictions.values.look_alikes import by_value


@dataclass(frozen=True)
class LeftOut:
    """Images of a run that were left out, because another run lacks them."""

    run: str
    n_left_out: int
    n_images: int


def shared_images(
    predictions: Sequence[AnyPredictions], runs: Sequence[str]
) -> tuple[list[AnyPredictions], tuple[LeftOut, ...]]:
    """Predictions of the images that every run has.

    Parameters
    ----------
    predictions : sequence of Predictions or PredictionFile
    runs : sequence of str
        Run ids.

    Returns
    -------
    list of Predictions or PredictionFile, and tuple of LeftOut
        The tuple names the runs of which images were left out.

    Raises
    ------
    InputError
        If no image is in every run.
    """
    ids = _by_value([texts_of(each.image_ids) for each in predictions])
    shared = reduce(np.intersect1d, ids)
    if not len(shared):
        raise InputError(
            f"runs {', '.join(runs)} have no test image in common; --shared-images has nothing to evaluate"
        )
    kept, left_out = [], []
    for each, names, run in zip(predictions, ids, runs, strict=True):
        n_left_out = len(names) - len(shared)
        kept.append(each.selected(np.isin(names, shared)) if n_left_out else each)
        if n_left_out:
            left_out.append(LeftOut(run, n_left_out, len(names)))
    return kept, tuple(left_out)


def _by_value(ids: list[np.ndarray]) -> list[np.ndarray]:
    """Ids in which `7` and `7.0` are one, unless a run has both."""
    values = [np.array([by_value(text) for text in texts], dtype=object) for texts in ids]
    return values if all(len(set(each)) == len(each) for each in values) else ids
