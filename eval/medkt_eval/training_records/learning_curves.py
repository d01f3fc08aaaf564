"""Learning curves: the validation metric of each epoch, for each run and as the mean over seeds with its band.

In: histories of the runs of one arm. Out: `Curve`s for Fig. 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.inference.over_seeds.t_intervals import seeds_t
from medkt_eval.predictions.run_folders import Run
from medkt_eval.results.schema import Arm, Curve


def curves_of_all_arms(arms: Sequence[Arm], records: Sequence[Run], level: float) -> list[Curve]:
    """Build the learning curves of every arm whose runs have a history of the metric that selected their epoch."""
    curves = []
    for arm in arms:
        runs = [record for record in records if record.manifest.arm_id == arm.arm]
        selection = runs[0].manifest.selection or {}
        metric = selection.get("metric")
        histories = {run.manifest.run_id: history for run in runs if (history := run.history()) is not None}
        if metric not in (None, "epoch") and histories:
            label = str(selection.get("label", "macro"))
            curves += learning_curves(arm, histories, str(metric), label, level)
    return curves


def learning_curves(
    arm: Arm, histories: Mapping[str, pd.DataFrame], metric: str, label: str, level: float
) -> list[Curve]:
    """Build one curve of the validation metric against the epoch per run, and their mean with a `seeds:t` band.

    Parameters
    ----------
    arm : Arm
        The arm of the runs.
    histories : mapping of run id to DataFrame
        Columns `epoch` and `metric`, one row per epoch.
    metric : str
        Column of the histories to plot.
    label : str
        The average over labels in the column: "macro" or "weighted".
    level : float
        Confidence level of the band.

    Raises
    ------
    InputError
        If a history lacks a column, has text in it, or has no row or several rows for an epoch.
    """
    for run_id, history in histories.items():
        for column in ("epoch", metric):
            if column not in history.columns:
                raise InputError(f"{run_id}/history.csv: no column {column!r}; found {', '.join(history.columns)}")
            if not pd.api.types.is_numeric_dtype(history[column]):
                raise InputError(f"{run_id}/history.csv: {column!r} holds text; expected numbers")
        if not np.isfinite(history["epoch"]).all() or history["epoch"].duplicated().any():
            raise InputError(f"{run_id}/history.csv: 'epoch' is empty or repeated in a row; expected one row an epoch")
    curves = [
        Curve(
            curve="learning",
            dataset=arm.dataset,
            arm=arm.arm,
            run_id=run_id,
            metric=metric,
            label=label,
            x_name="epoch",
            x=_numbers(history["epoch"]),
            y=_values(history[metric]),
            n_seeds=1,
        )
        for run_id, history in histories.items()
    ]
    joined = pd.concat([h.set_index("epoch")[metric] for h in histories.values()], axis=1, join="inner")
    if len(histories) > 1 and len(joined):
        values = joined.to_numpy(dtype=np.float64)  # (n_epochs, n_seeds)
        bands = [seeds_t(row, level) if np.isfinite(row).all() else None for row in values]
        curves.append(
            Curve(
                curve="learning",
                dataset=arm.dataset,
                arm=arm.arm,
                run_id=None,
                metric=metric,
                label=label,
                x_name="epoch",
                x=[float(epoch) for epoch in joined.index],
                y=[float(row.mean()) if np.isfinite(row).all() else None for row in values],
                low=[band.low if band else None for band in bands],
                high=[band.high if band else None for band in bands],
                interval="seeds:t",
                level=level,
                n_seeds=len(histories),
            )
        )
    return curves


def _numbers(column: pd.Series) -> list[float]:
    return [float(value) for value in column]


def _values(column: pd.Series) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in column]
