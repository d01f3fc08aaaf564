"""Runs with identical predictions: one model given as several seeds or arms.

In: every run's scores, label by label. Out: the groups of runs whose scores are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from medkt_eval.errors import InputError


class ScoresByLabel(Protocol):
    """Every run's scores of each label: float64, (n_labels,) of (n_runs, n_images)."""

    def __len__(self) -> int: ...

    def __getitem__(self, k: int, /) -> np.ndarray: ...


def identical_runs(scores: ScoresByLabel, runs: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of two or more runs that give every image the same score, as float64, for every label.

    A float32 is read as the decimal it is written as, so a Parquet file and a CSV of the same scores are equal. Later
    labels are read only if needed.

    Parameters
    ----------
    scores : ScoresByLabel
    runs : sequence of str
        Run ids.
    """
    groups = [list(range(len(runs)))]
    for k in range(len(scores)):
        groups = [group for group in groups if len(group) > 1]
        if not groups:
            break
        of_label = scores[k]
        split: dict[tuple[int, bytes], list[int]] = {}
        for number, group in enumerate(groups):
            for run in group:  # adding 0 makes -0 and 0 equal
                split.setdefault((number, (of_label[run] + 0.0).tobytes()), []).append(run)
        groups = list(split.values())
    return tuple(tuple(runs[run] for run in group) for group in groups if len(group) > 1)


def refuse_identical(groups: Sequence[Sequence[str]]) -> None:
    """Refuse runs with identical predictions.

    Raises
    ------
    InputError
        Naming the runs of the first group.
    """
    if groups:
        raise InputError(
            f"runs {named(groups[0])} have identical predictions: this is one model, not {len(groups[0])}. Give every "
            "model once, or, if it is so, say so: --identical-runs, or identical_runs = true in [analysis] of the "
            "study file"
        )


def named(runs: Sequence[str]) -> str:
    """Run ids as a message lists them: a, b and c."""
    return f"{', '.join(runs[:-1])} and {runs[-1]}"
