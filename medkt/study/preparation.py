"""Everything that is decided and checked before the first run of a study is trained.

In: a study file, its output folder and the options. Out: the runs that are left to train, in units, with what finds
their images and weights; `study.json` and the split files. Wrong settings or data are refused here.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medkt.data.splitting import split_file
from medkt.run import folder as run_folder
from medkt.run.data_hashes import check_same_targets
from medkt.run.images import DatasetLoader
from medkt.run.layer_check import check_layers
from medkt.run.leak_check import check_no_leak
from medkt.run.unit import CheckpointOptions, checkpoint_folder
from medkt.run.weights import WeightSources
from medkt.run_settings import RunSettings, Unit
from medkt.study import existing_runs
from medkt.study.contrast_record import record_study
from medkt.study.run_plan import plan
from medkt.study.study_file import StudyFile
from medkt.training.checkpoints import files as checkpoint_files
from medkt.training.selection import check_validation_targets
from medkt.transfer import own_keys
from medkt_eval.errors import InputError
from medkt_eval.study.contrasts import check_labels


@dataclass(frozen=True)
class TrainOptions:
    """What to train of a study, and how.

    Parameters
    ----------
    only : str or None
        Pattern (with * and ?) of the run ids to train. Teachers that these runs need must be finished, or match too.
    jobs : int or None
        Number of units to train at the same time. None: as many as the cores allow, each with its `threads_per_run`.
    cache : Path or None
        Folder of decoded images. None: `medkt.data.pixels.cache.default_folder`.
    checkpoints : CheckpointOptions
        When runs are saved, and which of them may resume.
    """

    only: str | None = None
    jobs: int | None = None
    cache: Path | None = None
    checkpoints: CheckpointOptions = field(default_factory=CheckpointOptions)


@dataclass(frozen=True)
class PlannedStudy:
    """All runs of a study, and what finds their images and weights.

    Parameters
    ----------
    file : StudyFile
        The study file.
    out : Path
        runs/.
    runs : list of RunSettings
        In an order in which they can be trained.
    loader : DatasetLoader
        Loads images.
    sources : WeightSources
        Finds start weights and teachers.
    """

    file: StudyFile
    out: Path
    runs: list[RunSettings]
    loader: DatasetLoader
    sources: WeightSources


@dataclass(frozen=True)
class Work:
    """What is left to train.

    Parameters
    ----------
    unfinished : list of RunSettings
        The selected runs that are not finished.
    n_finished : int
        Number of selected runs that are finished.
    units : list of tuples of RunSettings
        `unfinished`, with runs that train in lockstep together.
    notes : list of str
        What was guessed from the tables, and what could not be checked.
    """

    unfinished: list[RunSettings]
    n_finished: int
    units: list[Unit]
    notes: list[str] = field(default_factory=list)


def plan_study(file: StudyFile, out: Path, cache: Path | None) -> PlannedStudy:
    """List all runs of a study.

    Raises
    ------
    InputError
        If the study cannot be planned (`medkt.study.run_plan`).
    """
    runs = plan(file.study)
    teachers = {run.name: run for run in runs if run.role == "teacher"}
    name = f"the study {file.study.name!r}" if file.path is None else str(file.path)
    loader = DatasetLoader({run.dataset: run.data for run in runs}, _train_sizes(runs), cache, name)
    return PlannedStudy(file, out, runs, loader, WeightSources(file.study.teachers, teachers, file.folder, out))


def work_to_do(planned: PlannedStudy, only: str | None) -> Work:
    """Find the selected runs that are not finished, and check that they can be trained.

    Raises
    ------
    InputError
        If `only` matches no run, finished runs were trained with other settings, weights are missing, the data are
        wrong, or `[analysis]` names a label that they do not have.
    """
    runs, out = planned.runs, planned.out
    selected = [run for run in runs if only is None or fnmatch.fnmatch(run.run_id, only)]
    if not selected:
        raise InputError(
            f"--only {only!r} matches no run; the study's runs are {', '.join(run.run_id for run in runs)}"
        )
    existing_runs.check_out(planned.file.study, out)
    unfinished = [run for run in selected if not existing_runs.is_finished(run, out / run.run_id, planned.sources)]
    _check_weights(unfinished, planned.sources, out)
    planned.loader.check([run.dataset for run in unfinished])
    notes: list[str] = []
    for dataset in dict.fromkeys(run.dataset for run in unfinished):
        collection = planned.loader.collection(dataset)
        notes += [f"{dataset}: {doubt}" for doubt in collection.doubts]
        split = planned.loader.split(dataset)
        parts = {"train": np.unique(np.concatenate(list(split.train.values()))), "validation": split.validation}
        check_same_targets(out, dataset, collection, {**parts, "test": split.test})
        try:
            check_validation_targets(collection.task, collection.labels, collection.targets[split.validation])
        except InputError as error:
            raise InputError(f"[data.{dataset}]: {error}") from error
    if unfinished:
        used = [run for run in runs if run in unfinished or run.role == "teacher"]
        notes += check_no_leak(used, planned.loader, planned.sources)
        of_arms = dict.fromkeys(run.dataset for run in runs if run.role == "arm")
        if planned.file.study.analysis.ordered:
            for name in of_arms:
                planned.loader.check_order(name)
        check_labels(planned.file.study.analysis, {label for name in of_arms for label in planned.loader.labels(name)})
    return Work(unfinished, len(selected) - len(unfinished), _units(unfinished, out), notes)


def write_declaration(planned: PlannedStudy, work: Work) -> str | None:
    """Write the split files and `study.json`, before the first run begins.

    Returns
    -------
    str or None
        A warning if the study file changes the primary contrast after runs have finished.

    Raises
    ------
    InputError
        If finished runs use another split than this study file gives.
    """
    for dataset in dict.fromkeys(run.dataset for run in work.unfinished):
        in_use = any(run_folder.is_finished(planned.out / run.run_id) for run in planned.runs if run.dataset == dataset)
        path = planned.out / f"split-{dataset}.csv"
        split_file.write(path, planned.loader.split_text(dataset), runs_quote_it=in_use)
    return record_study(planned.file, planned.out)


def _train_sizes(runs: Sequence[RunSettings]) -> dict[str, list[int | None]]:
    sizes: dict[str, list[int | None]] = {}
    for run in runs:
        if run.train_size not in sizes.setdefault(run.dataset, []):
            sizes[run.dataset].append(run.train_size)
    return sizes


def _check_weights(unfinished: Sequence[RunSettings], sources: WeightSources, out: Path) -> None:
    """Check that all weights exist, or are trained before they are needed, and that the layers named exist."""
    planned: set[str] = set()
    checked: set[str] = set()
    for run in unfinished:
        for needed in sources.needed_runs(run):
            if needed not in planned and not run_folder.is_finished(out / needed):
                raise InputError(
                    f"{run.run_id} needs the teacher {needed}, which is not in {out} and which --only leaves out; "
                    "widen --only"
                )
        sources.check(run)
        method = own_keys(run.transfer) | {"beta": None}
        named = str((run.student, run.teacher, run.unfrozen, method, run.training))
        if named not in checked:  # runs that differ in seed or beta name the same layers
            check_layers(run, None if run.teacher is None else sources.teachers[run.teacher].architecture)
        checked.add(named)
        planned.add(run.run_id)


def _units(runs: Sequence[RunSettings], out: Path) -> list[Unit]:
    """Group runs of a grid that share a seed and resume at the same batch; every other run is a unit of its own."""
    units: dict[object, list[RunSettings]] = {}
    for run in runs:
        lockstep = (run.grid, run.seed, checkpoint_files.newest(checkpoint_folder(out, run)))
        units.setdefault(run.run_id if run.grid is None else lockstep, []).append(run)
    return [tuple(unit) for unit in units.values()]
