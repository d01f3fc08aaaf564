"""MAIN PATH of a study: train the runs of a study file, teachers first, each into its own folder.

    train_study_file(StudyFile.read(Path("my-study.toml")), Path("runs"), observer=Observer())

Finished runs are kept; unfinished runs resume. Runs train at the same time if there are enough cores
(`medkt.study.parallel`), or on a Dask cluster (`medkt.study.cluster`). With torchrun they train one after another, each
by all processes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from medkt.errors import TrainingError
from medkt.observers.observer import Observer
from medkt.run import folder as run_folder
from medkt.run.unit import UnitTrainer
from medkt.study.parallel import Outcome, run_in_parallel
from medkt.study.preparation import PlannedStudy, TrainOptions, Work, plan_study, work_to_do, write_declaration
from medkt.study.schema import Study
from medkt.study.study_file import StudyFile
from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote

if TYPE_CHECKING:
    from distributed import Client

ALL_RUNS = TrainOptions()


def train_study_file(
    file: StudyFile,
    out: Path,
    options: TrainOptions = ALL_RUNS,
    *,
    observer: Observer,
    client: Client | None = None,
    processes: ProcessGroup = ONE_PROCESS,
) -> list[str]:
    """Train every run of a study that is not finished.

    Parameters
    ----------
    file : StudyFile
        What to train; recorded in `out/study.json` before the first run begins.
    out : Path
        runs/.
    options : TrainOptions
        Which runs, how many at a time, and when they are saved.
    observer : Observer
        Gets the events of the training, from several threads.
    client : distributed.Client, optional
        Client of a Dask cluster that trains the runs. Its workers decide how many train at a time.
    processes : ProcessGroup
        The processes that train each run together; the runs then train one after another.

    Returns
    -------
    list of str
        Ids of the runs that are finished now.

    Raises
    ------
    InputError
        If the settings or the data are wrong, or a run was trained or begun with other settings.
    TrainingError
        If runs failed; names them. The others are finished.
    """
    with processes.fail_together():
        _check_one_way_to_share(options, client, processes)
        planned = plan_study(file, out, options.cache)
    work = processes.agree_on(partial(work_to_do, planned, options.only))
    warning = processes.on_main(partial(write_declaration, planned, work))
    for note in [*work.notes, *([] if warning is None else [warning])]:
        observer.note(note)
    observer.plan(work.unfinished, work.n_finished)
    if work.unfinished and is_remote(out):
        observer.note(f"{out} has no locks: do not run another medkt train into it, or runs are trained twice")

    if client is None:
        outcome = _train_here(planned, work, options, observer, processes)
    else:
        outcome = _train_on_cluster(planned, work, options, observer, client)

    for run_id in outcome.trained_elsewhere:
        observer.note(f"{run_id} is being trained by another process and was left to it")
    with processes.fail_together():
        if outcome.failed:
            raise TrainingError(
                f"{len(outcome.failed)} of {len(work.unfinished)} runs failed; the others are finished.\n"
                + "\n".join(outcome.failed.values())
            )
    return [run.run_id for run in planned.runs if run_folder.is_finished(out / run.run_id)]


def train_study(
    study: Study,
    *,
    text: str,
    sha256: str,
    folder: Path,
    out: Path,
    only: str | None,
    jobs: int | None,
    observer: Observer,
) -> list[str]:
    """Train a study as programs for medkt 0.1 call it; use `train_study_file` in new programs.

    Parameters
    ----------
    study, text, sha256 : Study, str, str
        What `medkt.config.read_study` returns.
    folder : Path
        The study file's folder.
    out, only, jobs, observer
        As `train_study_file` and `TrainOptions`.

    Returns
    -------
    list of str
        As `train_study_file`.
    """
    return train_study_file(
        StudyFile(study, text, sha256, folder), out, TrainOptions(only=only, jobs=jobs), observer=observer
    )


def _check_one_way_to_share(options: TrainOptions, client: Client | None, processes: ProcessGroup) -> None:
    if processes.world_size > 1 and (client is not None or options.jobs not in (None, 1)):
        raise InputError(
            "torchrun trains one run at a time, with all of its processes: expected neither --scheduler nor --jobs; "
            "remove them, or start medkt without torchrun"
        )


def _train_here(
    planned: PlannedStudy, work: Work, options: TrainOptions, observer: Observer, processes: ProcessGroup
) -> Outcome:
    trainer = UnitTrainer(
        planned.file.study.report.pictures,
        planned.loader,
        planned.sources,
        planned.out,
        options.checkpoints,
        observer,
        processes,
    )
    jobs = options.jobs if processes.world_size == 1 else 1
    run_in_parallel(work.units, planned.sources.needed_runs, trainer, jobs)
    return Outcome(trainer.failed, trainer.trained_elsewhere)


def _train_on_cluster(
    planned: PlannedStudy, work: Work, options: TrainOptions, observer: Observer, client: Client
) -> Outcome:
    from medkt.study.cluster.tasks import TaskContext, train_on_cluster

    context = TaskContext.of(planned, cache=options.cache, checkpoints=options.checkpoints)
    return train_on_cluster(work.units, planned.sources.needed_runs, context, client, observer)
