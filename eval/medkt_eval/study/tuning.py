"""Tuning grids: the setting that did best on the validation images, which all further steps use.

In: run records. Out: `SelectedRuns`: the runs to compare, a `Tuning` row for every setting (for Table III and its
curve), and the arms that are compared on the same seeds on which they were chosen.

All runs with the same `grid` form a grid. Its winner did best on its own seeds, partly by luck. To compare it without
that luck, train it again with other seeds and `grid` null. Runs with the winner's arm id outside the grid then replace
those of the grid, which only choose. (They cannot share a seed with the grid: a run id is an arm id and a seed.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.predictions.run_folders import Run
from medkt_eval.results.recorded import Tuning
from medkt_eval.results.schema import Arm
from medkt_eval.study.declaration import Analysis

SELECTED = "selected on these seeds"
UNNAMED = "validation metric"  # where the runs of a grid do not name the metric they were selected by
ABSENT = object()  # a setting that an arm of the grid does not have


@dataclass(frozen=True)
class SelectedRuns:
    """The runs to compare, of runs that may belong to grids.

    Parameters
    ----------
    runs : tuple of Run
        Runs outside grids and runs of each grid's winner, by run id.
    rows : tuple of Tuning
        Every setting of every grid, by grid and arm.
    notes : tuple of str
        What the reader must know about each grid.
    fresh : frozenset of str
        Arms that won a grid and are compared on seeds that had no part in it.
    """

    runs: tuple[Run, ...]
    rows: tuple[Tuning, ...] = ()
    notes: tuple[str, ...] = ()
    fresh: frozenset[str] = frozenset()

    def by_winner(self, analysis: Analysis) -> Analysis:
        """The same analysis; a grid's id is replaced by the arm that won the grid."""
        winners = {row.grid: row.arm for row in self.rows if row.chosen}
        changes: dict[str, object] = {}
        if analysis.baseline in winners:
            changes["baseline"] = winners[analysis.baseline]
        primaries = [
            primary.model_copy(
                update={
                    "arm_a": winners.get(primary.arm_a, primary.arm_a),
                    "arm_b": winners.get(primary.arm_b, primary.arm_b),
                }
            )
            for primary in analysis.primaries
        ]
        if primaries:
            changes["primary"] = primaries if isinstance(analysis.primary, list) else primaries[0]
        return analysis.model_copy(update=changes)

    def mark(self, arms: Sequence[Arm]) -> list[Arm]:
        """The same arms, with the number of settings tried to find each, and whether on the seeds it is compared on."""
        tried = {row.arm: sum(other.grid == row.grid for other in self.rows) for row in self.rows if row.chosen}
        return [
            arm.model_copy(
                update={
                    "settings_tried": tried[arm.arm],
                    "selected_on_these_seeds": tried[arm.arm] > 1 and arm.arm not in self.fresh,
                }
            )
            if arm.arm in tried
            else arm
            for arm in arms
        ]


def choose(records: Sequence[Run]) -> SelectedRuns:
    """Choose the setting of each grid with the best mean validation metric over seeds; of equal ones the first by id.

    No test prediction is read here. Later only those of the chosen settings are read.

    Raises
    ------
    InputError
        If a run of a grid has no `selection.value`, or the runs of a grid cannot be compared.
    """
    grids: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    kept = [record for record in records if record.manifest.grid is None]
    outside = defaultdict(list)
    for record in kept:
        outside[record.manifest.arm_id].append(record.manifest.seed)
    for record in records:
        if record.manifest.grid is not None:
            grids[record.manifest.grid][record.manifest.arm_id].append(record)
    rows: list[Tuning] = []
    notes, fresh = [], set()
    for grid, settings in sorted(grids.items()):
        of_grid = _rows(grid, settings)
        rows += of_grid
        winner = next(row for row in of_grid if row.chosen)
        if len({tuple(row.seeds) for row in of_grid}) > 1:
            notes.append(
                f"grid {grid} is incomplete: its settings were ranked by means over different seeds ("
                + "; ".join(f"{row.arm}: {', '.join(map(str, row.seeds))}" for row in of_grid)
                + "); train the missing runs before reading its choice"
            )
        choice = (
            f"{winner.arm} kept of {len(of_grid)} settings tried, by its mean validation metric ({winner.value:.4f})"
        )
        if winner.arm in outside:
            fresh.add(winner.arm)
            seeds = ", ".join(str(seed) for seed in sorted(outside[winner.arm]))
            notes.append(f"grid {grid}: {choice}, and compared on seeds that had no part in the choice ({seeds})")
        else:
            kept += settings[winner.arm]
            notes.append(f"grid {grid}: {choice} on these seeds; the others' test predictions were not read")
    return SelectedRuns(
        tuple(sorted(kept, key=lambda record: record.manifest.run_id)), tuple(rows), tuple(notes), frozenset(fresh)
    )


def _rows(grid: str, settings: Mapping[str, Sequence[Run]]) -> list[Tuning]:
    """The settings of one grid, by arm id."""
    values = {
        arm: [_selected_value(run) for run in sorted(of_arm, key=lambda run: run.manifest.seed)]
        for arm, of_arm in sorted(settings.items())
    }
    means = {arm: float(np.mean(of_seeds)) for arm, of_seeds in values.items()}
    winner = max(means, key=lambda arm: means[arm])
    tuned = {arm: of_arm[0].manifest.arm.settings for arm, of_arm in settings.items()}
    names = dict.fromkeys(name for setting in tuned.values() for name in setting)
    first = tuned[winner]
    differ = [
        name for name in names if any(other.get(name, ABSENT) != first.get(name, ABSENT) for other in tuned.values())
    ]
    runs = [run for of_arm in settings.values() for run in of_arm]
    _check_comparable(grid, runs)
    metric, label = _selected_by(runs[0])
    return [
        Tuning(
            grid=grid,
            arm=arm,
            varied={name: tuned[arm][name] for name in differ if name in tuned[arm]},
            metric=metric,
            label=label,
            seeds=sorted(run.manifest.seed for run in settings[arm]),
            values=of_seeds,
            value=means[arm],
            chosen=arm == winner,
            **settings[arm][0].manifest.arm.model_dump(
                include={"dataset", "train_size", "method", "student", "teacher", "unfrozen"}
            ),
        )
        for arm, of_seeds in values.items()
    ]


def _selected_by(run: Run) -> tuple[str, str]:
    selection = run.manifest.selection or {}
    return str(selection.get("metric") or UNNAMED), str(selection.get("label") or "macro")


def _check_comparable(grid: str, runs: Sequence[Run]) -> None:
    """Refuse a grid whose values cannot be ranked: they must be of the same images and the same metric."""

    def of(run: Run) -> tuple:
        return run.manifest.arm.dataset, run.manifest.arm.train_size, *_selected_by(run)

    for run in runs[1:]:
        if of(run) != of(runs[0]):
            raise InputError(
                f"{run.source}: data set, training size, metric and label of its selection are {of(run)}, in the same "
                f"grid {grid!r} {runs[0].manifest.run_id} has {of(runs[0])}; runs of one grid differ in settings only: "
                "give others a grid of their own"
            )


def _selected_value(run: Run) -> float:
    value = (run.manifest.selection or {}).get("value")
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise InputError(
            f"{run.source}: selection.value is {value}, but the run belongs to grid {run.manifest.grid!r}, whose "
            "winner is chosen by it; expected a number"
        )
    return float(value)
