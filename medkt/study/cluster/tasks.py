"""The runs of a study as a graph of Dask tasks: teachers first, then the runs that learn from them.

In: units of work, and what each needs. Out: which runs failed and why. A task trains one unit (a run, or the runs of a
grid in lockstep) and depends on the tasks of its teachers. It trains as `medkt.run.unit.UnitTrainer` does on one
machine, in a process that sees `runs/` and the data at the same paths. If a process dies, Dask gives its task to
another one, where the run resumes from its last checkpoint. The progress of each run is also written to `runs/.logs/`.
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from medkt.data import rooted
from medkt.observers.observer import Observer
from medkt.run import folder as run_folder
from medkt.run.images import DatasetLoader
from medkt.run.unit import CheckpointOptions, UnitTrainer, not_begun
from medkt.run.weights import WeightSources
from medkt.run_settings import RunSettings, Unit
from medkt.study.cluster.events import EventListener, EventSender, log_path
from medkt.study.parallel import Outcome, StopRequested
from medkt.study.preparation import PlannedStudy
from medkt.study.schema import Study
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file
from medkt_eval.runtime.locations import is_remote

if TYPE_CHECKING:
    from distributed import Client

POLL_SECONDS = 1.0  # between two checks whether the study was interrupted
GRACE_SECONDS = 60.0  # for runs to save themselves after Ctrl-C


@dataclass(frozen=True)
class TaskContext:
    """What a process needs to train any run of a study; it is sent with every task.

    Parameters
    ----------
    study : Study
        The study.
    teachers : mapping of str to RunSettings
        The teachers that the study trains, by name.
    data : mapping of str to settings
        Settings of its data sets, with absolute paths.
    train_sizes : mapping of str to sizes
        All that the study uses, by data set.
    folder, out : Path
        The study file's folder and runs/, absolute.
    study_json_sha256 : str
        SHA-256 of `runs/study.json`. A worker that reads another file does not see the same runs/.
    cache : Path or None
        Folder of decoded images.
    checkpoints : CheckpointOptions
        When runs are saved.
    name : str
        Unique; names the events and the stop signal.
    """

    study: Study
    teachers: Mapping[str, RunSettings]
    data: Mapping[str, Any]
    train_sizes: Mapping[str, Sequence[int | None]]
    folder: Path
    out: Path
    study_json_sha256: str
    cache: Path | None
    checkpoints: CheckpointOptions
    name: str = field(default_factory=lambda: f"medkt-{uuid4().hex[:12]}")

    @classmethod
    def of(cls, planned: PlannedStudy, *, cache: Path | None, checkpoints: CheckpointOptions) -> TaskContext:
        """Make the context of a study whose `study.json` is written."""
        out = planned.out
        return cls(
            planned.file.study,
            planned.sources.trained_teachers,
            {name: rooted(data, Path.cwd()) for name, data in planned.loader.settings.items()},
            planned.loader.train_sizes,
            planned.file.folder.resolve(),
            out if is_remote(out) else out.resolve(),
            sha256_of_file(out / "study.json"),
            cache,
            checkpoints,
        )


def train_on_cluster(
    units: Sequence[Unit],
    needs: Callable[[RunSettings], set[str]],
    context: TaskContext,
    client: Client,
    observer: Observer,
) -> Outcome:
    """Train units on a cluster.

    Parameters
    ----------
    units : sequence of tuples of RunSettings
        In an order in which they could run one by one.
    needs : callable
        Returns the ids of the runs that must have been worked on before a run begins.
    context : TaskContext
        The study.
    client : distributed.Client
        Client of the cluster.
    observer : Observer
        Gets the events of the training, in this process.

    Raises
    ------
    InputError
        If a worker takes several tasks at a time.
    KeyboardInterrupt
        After the runs have saved themselves, or after a minute.
    """
    from distributed import Event, as_completed, wait

    resources = _resources(client)
    listener = EventListener({run.run_id: run for unit in units for run in unit}, observer)
    client.subscribe_topic(context.name, listener)
    stop = Event(f"{context.name}-stop", client=client)
    task_of: dict[str, Any] = {}
    for unit in units:
        before = sorted(set[str]().union(*map(needs, unit)) & task_of.keys())
        task = client.submit(
            train_unit,
            unit,
            context,
            [task_of[run_id] for run_id in before],
            key=f"{unit[0].run_id}-{context.name}",
            resources=resources,
            pure=False,
        )
        task_of |= {run.run_id: task for run in unit}
    unit_of = {task_of[unit[0].run_id].key: unit for unit in units}
    failed: dict[str, str] = {}
    trained_elsewhere: list[str] = []
    try:
        for task in as_completed(list({task.key: task for task in task_of.values()}.values())):
            if task.status == "error":
                for run in unit_of[task.key]:
                    failed[run.run_id] = _reason(run, needs, context, task.exception())
            if task.status == "finished":
                outcome = task.result()
                failed |= outcome.failed
                trained_elsewhere += outcome.trained_elsewhere
    except KeyboardInterrupt:
        stop.set()
        with suppress(TimeoutError):
            wait(list(task_of.values()), timeout=GRACE_SECONDS)
        raise
    finally:
        client.unsubscribe_topic(context.name)
    return Outcome(
        {run_id: _with_log(reason, log_path(context.out, run_id)) for run_id, reason in failed.items()},
        trained_elsewhere,
    )


def train_unit(unit: Unit, context: TaskContext, _teachers: Sequence[Outcome]) -> Outcome:
    """Train the runs of a unit in this process, which is a Dask worker."""
    from distributed import Event, get_worker

    _check_same_runs(context)
    stop, last_check = Event(f"{context.name}-stop"), -POLL_SECONDS

    def stop_if_asked() -> None:
        nonlocal last_check
        if monotonic() - last_check > POLL_SECONDS:
            last_check = monotonic()
            if stop.is_set():
                raise StopRequested

    sender = EventSender(get_worker().log_event, context.name, context.out)
    trainer = _trainer(context)
    trainer.observer = sender
    try:
        stop_if_asked()
        trainer(unit, stop_if_asked)
    except StopRequested:
        return Outcome({}, [])
    except Exception as error:
        sender.trace(unit, traceback.format_exc())
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        return Outcome({run.run_id: reason for run in unit}, [])
    run_ids = [run.run_id for run in unit]
    for run in unit:
        if run.run_id in trainer.failed:
            sender.trace([run], trainer.failed[run.run_id])
    return Outcome(
        {run_id: trainer.failed.pop(run_id) for run_id in run_ids if run_id in trainer.failed},
        [run_id for run_id in run_ids if run_id in trainer.trained_elsewhere],
    )


_TRAINERS: dict[str, UnitTrainer] = {}  # of this process; keeps decoded images from one task to the next


def _trainer(context: TaskContext) -> UnitTrainer:
    if context.name not in _TRAINERS:
        _TRAINERS.clear()
        _TRAINERS[context.name] = UnitTrainer(
            context.study.report.pictures,
            DatasetLoader(context.data, context.train_sizes, context.cache),
            WeightSources(context.study.teachers, context.teachers, context.folder, context.out),
            context.out,
            context.checkpoints,
            Observer(),
        )
    return _TRAINERS[context.name]


def _check_same_runs(context: TaskContext) -> None:
    """Check that this worker sees the same runs/ as the client."""
    path = context.out / "study.json"
    if not path.is_file() or sha256_of_file(path) != context.study_json_sha256:
        raise InputError(
            f"worker on {socket.gethostname()}: {path} is missing, or another file; every worker must see runs/ "
            "(--out) and the data at the same paths as the machine that runs medkt train"
        )


def _resources(client: Client) -> dict[str, float] | None:
    """Ask for one GPU per task if the workers declare GPUs; refuse workers that take several tasks at a time."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    for address, worker in workers.items():
        if worker["nthreads"] != 1:
            raise InputError(
                f"worker {address} takes {worker['nthreads']} tasks at a time; expected 1, because the result of a run "
                "depends on its threads. Start workers with --nthreads 1 --nworkers N"
            )
    return {"GPU": 1} if any(worker["resources"].get("GPU") for worker in workers.values()) else None


def _reason(
    run: RunSettings, needs: Callable[[RunSettings], set[str]], context: TaskContext, error: BaseException | None
) -> str:
    for needed in sorted(needs(run)):
        if not run_folder.is_finished(context.out / needed):
            return not_begun(run, needed)
    return str(error)


def _with_log(reason: str, log: Path) -> str:
    return f"{reason} (log: {log})" if log.is_file() else reason
