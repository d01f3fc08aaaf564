"""The runs of a study as a graph of Dask tasks: teachers first, then those who learn from them.

In: units of work, and what each needs. Out: which runs failed and why. A task is a unit (a run, or the runs of a grid
that go in lockstep); it takes the tasks of its teachers as arguments. It trains as `work.Worker` does anywhere, in a
process that sees `runs/` and the data at the same paths. A task whose process dies is given to another one, where the
run goes on from its last checkpoint. What a run says is written to `runs/.logs/` too.
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

from medkt.observers.observer import Observer
from medkt.run import folder as run_folder
from medkt.run.images import Loader
from medkt.run.weights import Sources
from medkt.run.worker import Resuming, Worker
from medkt.run_settings import RunSettings, Unit
from medkt.study.schema import Study
from medkt.study.side_by_side import Stopped
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import append_text, make_folder, sha256_of_file

if TYPE_CHECKING:
    from distributed import Client

POLL_SECONDS = 1.0  # between two looks at whether the study was interrupted
GRACE_SECONDS = 60.0  # for runs to save themselves after Ctrl-C
LOGS = ".logs"


@dataclass(frozen=True)
class Job:
    """All that a process needs to train any run of a study; it travels with every task."""

    study: Study
    teachers: Mapping[str, RunSettings]
    data: Mapping[str, Any]
    train_sizes: Mapping[str, Sequence[int | None]]
    folder: Path
    out: Path
    study_json_sha256: str
    cache: Path | None
    resuming: Resuming
    name: str = field(default_factory=lambda: f"medkt-{uuid4().hex[:12]}")


@dataclass(frozen=True)
class Outcome:
    """What came of a unit."""

    failed: Mapping[str, str]
    elsewhere: Sequence[str]


def on_cluster(
    units: Sequence[Unit], needs: Callable[[RunSettings], set[str]], job: Job, client: Client, observer: Observer
) -> Outcome:
    """Train units on a cluster.

    Parameters
    ----------
    units : sequence of tuples of RunSettings
        In an order in which they could run one by one.
    needs : callable
        Ids of the runs that must have been worked on before a run begins.
    job : Job
    client : distributed.Client
    observer : Observer
        Told how it goes, in this process.

    Raises
    ------
    InputError
        If a worker takes several tasks at a time.
    KeyboardInterrupt
        After the runs have saved themselves, or a minute.
    """
    from distributed import Event, as_completed, wait

    resources = _resources(client)
    heard = EventListener({run.run_id: run for unit in units for run in unit}, observer)
    client.subscribe_topic(job.name, heard)
    stop = Event(f"{job.name}-stop", client=client)
    task_of: dict[str, Any] = {}
    for unit in units:
        before = sorted(set[str]().union(*map(needs, unit)) & task_of.keys())
        task = client.submit(
            train_unit,
            unit,
            job,
            [task_of[run_id] for run_id in before],
            key=f"{unit[0].run_id}-{job.name}",
            resources=resources,
            pure=False,
        )
        task_of |= {run.run_id: task for run in unit}
    unit_of = {task_of[unit[0].run_id].key: unit for unit in units}
    failed: dict[str, str] = {}
    elsewhere: list[str] = []
    try:
        for task in as_completed(list({task.key: task for task in task_of.values()}.values())):
            for run in unit_of[task.key]:
                if task.status == "error":
                    failed[run.run_id] = _reason(run, needs, job, task.exception())
            if task.status == "finished":
                outcome = task.result()
                failed |= outcome.failed
                elsewhere += outcome.elsewhere
    except KeyboardInterrupt:
        stop.set()
        with suppress(TimeoutError):
            wait(list(task_of.values()), timeout=GRACE_SECONDS)
        raise
    finally:
        client.unsubscribe_topic(job.name)
    logs = {run_id: job.out / LOGS / f"{run_id}.log" for run_id in failed}
    return Outcome(
        {
            run_id: f"{reason} (log: {logs[run_id]})" if logs[run_id].is_file() else reason
            for run_id, reason in failed.items()
        },
        elsewhere,
    )


def train_unit(unit: Unit, job: Job, _teachers: Sequence[Outcome]) -> Outcome:
    """Train the runs of a unit in this process, a Dask worker's."""
    from distributed import Event, get_worker

    _check_sees(job)
    stop, looked = Event(f"{job.name}-stop"), [-POLL_SECONDS]

    def stop_if_asked() -> None:
        if monotonic() - looked[0] > POLL_SECONDS:
            looked[0] = monotonic()
            if stop.is_set():
                raise Stopped

    told = EventSender(get_worker().log_event, job)
    worker = _worker(job)
    worker.observer = told
    try:
        stop_if_asked()
        worker(unit, stop_if_asked)
    except Stopped:
        return Outcome({}, [])
    except Exception as error:
        told.trace(unit, traceback.format_exc())
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        return Outcome({run.run_id: reason for run in unit}, [])
    ids = [run.run_id for run in unit]
    for run_id in ids:
        if run_id in worker.failed:
            told.trace([run for run in unit if run.run_id == run_id], worker.failed[run_id])
    return Outcome(
        {run_id: worker.failed.pop(run_id) for run_id in ids if run_id in worker.failed},
        [run_id for run_id in ids if run_id in worker.elsewhere],
    )


_WORKERS: dict[str, Worker] = {}  # of this process: decoded images are kept from one run to the next


def _worker(job: Job) -> Worker:
    if job.name not in _WORKERS:
        _WORKERS.clear()
        _WORKERS[job.name] = Worker(
            job.study.report.pictures,
            Loader(job.data, job.train_sizes, job.cache),
            Sources(job.study.teachers, job.teachers, job.folder, job.out),
            job.out,
            job.resuming,
            Observer(),
        )
    return _WORKERS[job.name]


def _check_sees(job: Job) -> None:
    """The worker must see the same runs/ as the client."""
    path = job.out / "study.json"
    if not path.is_file() or sha256_of_file(path) != job.study_json_sha256:
        raise InputError(
            f"worker on {socket.gethostname()}: {path} is not there, or another; every worker must see "
            "runs/ (--out) and the data at the same paths as the machine that gives the work"
        )


def _resources(client: Client) -> dict[str, float] | None:
    """One GPU a task, where the workers say that they have any."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    for address, worker in workers.items():
        if worker["nthreads"] != 1:
            raise InputError(
                f"worker {address} takes {worker['nthreads']} tasks at a time; expected 1: a run's bits "
                "depend on its threads. Start workers with --nthreads 1 --nworkers N"
            )
    return {"GPU": 1} if any(worker["resources"].get("GPU") for worker in workers.values()) else None


def _reason(run: RunSettings, needs: Callable[[RunSettings], set[str]], job: Job, error: BaseException | None) -> str:
    for needed in sorted(needs(run)):
        if not run_folder.is_whole(job.out / needed):
            return f"not begun, for {needed}, which it needs, is not there"
    return str(error)


class EventSender(Observer):
    """In the worker's process: sends what happens to the client, and writes it down."""

    def __init__(self, log_event: Callable[[str, Any], None], job: Job) -> None:
        self.log_event, self.job = log_event, job

    def run(self, run: RunSettings) -> None:
        """Send that a run begins."""
        self._tell("run", run.run_id, None, f"begins on {socket.gethostname()}")

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Send how many images are decoded, every 256 images."""
        if done == total or done % 256 == 0:
            self.log_event(self.job.name, ("reading", run.run_id, (done, total)))

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Send an epoch's row of the history."""
        self._tell("epoch", run.run_id, record, str(record))

    def note(self, text: str) -> None:
        """Send a note."""
        self.log_event(self.job.name, ("note", "", text))

    def done(self, run: RunSettings, seconds: float) -> None:
        """Send that a run is whole."""
        self._tell("done", run.run_id, seconds, f"whole after {seconds:.0f} s")

    def trace(self, unit: Sequence[RunSettings], text: str) -> None:
        """Write down why a run failed."""
        for run in unit:
            self._write(run.run_id, text)

    def _tell(self, what: str, run_id: str, value: Any, line: str) -> None:
        self.log_event(self.job.name, (what, run_id, value))
        self._write(run_id, line)

    def _write(self, run_id: str, text: str) -> None:
        folder = self.job.out / LOGS
        make_folder(folder)
        append_text(folder / f"{run_id}.log", f"{text}\n")


class EventListener:
    """In the client's process: tells the observer what the workers said."""

    def __init__(self, runs: Mapping[str, RunSettings], observer: Observer) -> None:
        self.runs, self.observer = runs, observer
        self.begun: set[str] = set()

    def __call__(self, event: tuple[float, Any]) -> None:
        """Pass one event of a worker on."""
        what, run_id, value = event[1]
        if what == "note":
            self.observer.note(value)
        elif what == "run" and run_id in self.begun:
            self.observer.note(f"{run_id} goes on in another process")
        elif what == "run":
            self.begun.add(run_id)
            self.observer.run(self.runs[run_id])
        elif run_id not in self.begun:
            return
        elif what == "reading":
            self.observer.reading(self.runs[run_id], *value)
        elif what == "epoch":
            self.observer.epoch(self.runs[run_id], value)
        else:
            self.observer.done(self.runs[run_id], value)
