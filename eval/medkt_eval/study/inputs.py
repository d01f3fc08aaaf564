"""What an evaluation starts from: the runs, their arms, and the analysis that was declared for them.

In: a folder of runs, or each arm's prediction tables; the study file. Out: `Inputs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.predictions.across_runs.same_data import check_same_data
from medkt_eval.predictions.run_folders import Run, read_runs
from medkt_eval.predictions.without_run_json import runs_from_tables
from medkt_eval.results.recorded import Tuning
from medkt_eval.results.schema import Arm
from medkt_eval.runtime.locations import location
from medkt_eval.study import tuning
from medkt_eval.study.arms import arms_of
from medkt_eval.study.contrasts import applicable
from medkt_eval.study.declaration import Analysis, Declaration, Primary, read_declaration
from medkt_eval.study.primary import check_primaries, notes_on_margins
from medkt_eval.study.tuning import SelectedRuns

Tables = Mapping[str, Sequence[pd.DataFrame | Path]]


@dataclass(frozen=True)
class Inputs:
    """The runs to evaluate and the analysis that was declared for them.

    Parameters
    ----------
    runs : tuple of Run
        The runs to compare; of a tuning grid, only those of its winner.
    arms : tuple of Arm
    tuning : tuple of Tuning
        Every setting of every grid.
    declaration : Declaration
    analysis : Analysis
        The part of the declared analysis that the runs allow.
    notes : tuple of str
        What the reader must know.
    """

    runs: tuple[Run, ...]
    arms: tuple[Arm, ...]
    tuning: tuple[Tuning, ...]
    declaration: Declaration
    analysis: Analysis
    notes: tuple[str, ...]

    @property
    def untrained_primaries(self) -> list[Primary]:
        """Primary contrasts of a list that were declared and have no runs of both arms yet."""
        return [primary for primary in self.declaration.analysis.primaries if primary not in self.analysis.primaries]


def read_inputs(
    runs: Path | str | Tables,
    validation: Tables | None,
    study: Path | None,
    *,
    columns: Mapping[str, str] | None = None,
    margin: float | None = None,
    non_inferiority_level: float | None = None,
    independent_images: bool = False,
    identical_runs: bool = False,
) -> Inputs:
    """Read runs, or tables of predictions, and the declared analysis.

    Parameters
    ----------
    runs, validation, study, columns, margin, non_inferiority_level, independent_images, identical_runs
        As in `evaluation.evaluate`.

    Raises
    ------
    InputError
        If a run, a table or the study file cannot be read, the margin or a level is out of range, or a primary contrast
        can be no comparison.
    """
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"--margin is {margin}; expected a fraction between 0 and 1, for example 0.02")
    if non_inferiority_level is not None and not 0 < non_inferiority_level < 0.5:
        raise InputError(
            f"--non-inferiority-level is {non_inferiority_level}; expected a one-sided level between 0 and 0.5, for "
            "example 0.025"
        )
    if isinstance(runs, Mapping):
        selected, declaration, notes = _of_tables(runs, validation, study, columns)
    else:
        selected, declaration, notes = _of_run_folders(runs, validation, study, columns)
    declaration = _overridden(
        declaration,
        margin=margin,
        non_inferiority_level=non_inferiority_level,
        independent_images=independent_images,
        identical_runs=identical_runs,
    )
    arms = selected.mark(arms_of(selected.runs))
    analysis = declaration.analysis
    if declaration.recorded:
        analysis, not_yet_trained = applicable(analysis, arms)
        notes = [*notes, *not_yet_trained]
    check_primaries(analysis, arms)
    notes = [*notes, *notes_on_margins(analysis, margin)]
    return Inputs(selected.runs, tuple(arms), selected.rows, declaration, analysis, tuple(notes))


def _of_run_folders(
    runs: Path | str, validation: Tables | None, study: Path | None, columns: Mapping[str, str] | None
) -> tuple[SelectedRuns, Declaration, list[str]]:
    if validation is not None:
        raise InputError("--validation goes with --arm; run folders hold validation predictions of their own")
    folder = location(runs)
    declaration = read_declaration(folder, study)
    records, notes = read_runs(folder, columns)
    notes += check_same_data(records)
    selected = tuning.choose(records)
    declaration = declaration.with_analysis(selected.by_winner(declaration.analysis))
    return selected, declaration, [*declaration.notes, *notes, *selected.notes]


def _of_tables(
    runs: Tables, validation: Tables | None, study: Path | None, columns: Mapping[str, str] | None
) -> tuple[SelectedRuns, Declaration, list[str]]:
    """Tables have no grids; the first arm is the baseline, unless the study names another."""
    records = runs_from_tables(runs, validation=validation, given=columns)
    declaration = read_declaration(None, study)
    if declaration.analysis.baseline is None:
        analysis = declaration.analysis.model_copy(update={"baseline": next(iter(runs))})
        declaration = declaration.with_analysis(analysis)
    return SelectedRuns(tuple(records)), declaration, list(declaration.notes)


def _overridden(declaration: Declaration, **given: float | bool | None) -> Declaration:
    """The declaration, with what the caller gives instead of the study; None and False: the study's."""
    if given["margin"] not in (None, declaration.analysis.margin):
        declaration = replace(declaration, margin_at_evaluation=True)
    changes = {key: value for key, value in given.items() if value not in (None, False)}
    return declaration.with_analysis(declaration.analysis.model_copy(update=changes)) if changes else declaration
