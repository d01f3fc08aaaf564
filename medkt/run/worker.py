"""One unit of work: the images, the teacher and the start weights of its runs; their training; their folders.

In: a run, or several that go in lockstep. Out: whole run folders, and which runs failed and why. A run that another
process has in its hands is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from filelock import FileLock, Timeout

from medkt.errors import TrainingError
from medkt.observers.observer import Observer
from medkt.run import folder as run_folder
from medkt.run.images import Loaded, Loader, predictions
from medkt.run.manifest import manifest
from medkt.run.report_files import report_files
from medkt.run.teacher_auc import own_auc
from medkt.run.weights import Sources
from medkt.run_settings import RunSettings, Unit
from medkt.teachers.teacher import Teacher
from medkt.training import device
from medkt.training.continuation import MACHINE, Checkpoints
from medkt.training.shards import ALONE, Shards
from medkt.training.trainer import train
from medkt_eval.runtime.locations import is_remote


@dataclass(frozen=True)
class Resuming:
    """How runs are saved and continued.

    Parameters
    ----------
    every_minutes : float or None
        None: a checkpoint at the end of each epoch; else whenever so much time has passed.
    accept_other_threads : bool
        Whether a run goes on with another number of threads, or on another machine, than it was begun with.
    """

    every_minutes: float | None = None
    accept_other_threads: bool = False


AFTER_EACH_EPOCH = Resuming()


class Worker:
    """Trains units; called from several threads.

    Parameters
    ----------
    with_pictures : bool
        Whether runs keep pictures: `[report] pictures` of the study.
    loader : Loader
        Gives images.
    sources : Sources
        Gives weights and teachers.
    out : Path
        runs/.
    resuming : Resuming
        How runs are saved and continued.
    observer : Observer
        Told how it goes.
    shards : Shards
        This process among those that train each run together; the first one locks and writes.

    Attributes
    ----------
    failed : dict of run id to str
        Why runs could not be trained.
    elsewhere : list of str
        Ids of the runs that another process is training.
    """

    def __init__(
        self,
        with_pictures: bool,
        loader: Loader,
        sources: Sources,
        out: Path,
        resuming: Resuming,
        observer: Observer,
        shards: Shards = ALONE,
    ) -> None:
        self.with_pictures, self.loader, self.sources, self.out = with_pictures, loader, sources, out
        self.resuming, self.observer, self.shards = resuming, observer, shards
        self.failed: dict[str, str] = {}
        self.elsewhere: list[str] = []
        self._default_threads = torch.get_num_threads()
        self._own_auc: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._one_at_a_time = Lock()

    def __call__(self, unit: Unit, stop_if_asked: Callable[[], None]) -> None:
        """Train the runs of a unit and write their folders."""
        with ExitStack() as locks:
            ready: Unit = ()
            with self.shards.together():
                if self.shards.leads:
                    mine = [run for run in unit if self._take(run, locks, stop_if_asked)]
                    ready = tuple(run for run in mine if self._has_what_it_needs(run))
            ready, self.failed = self.shards.first((ready, self.failed))
            if ready:
                self._train(ready, stop_if_asked)

    def _take(self, run: RunSettings, locks: ExitStack, stop_if_asked: Callable[[], None]) -> bool:
        """Whether the run is ours to train. Others need a teacher's weights: it is waited for."""
        if is_remote(self.out):  # there are no locks: `train_study` says so
            return not run_folder.is_whole(self.out / run.run_id)
        path = self.out / f".{run.run_id}.lock"
        lock = FileLock(path)
        while True:
            try:
                lock.acquire(timeout=1 if run.role == "teacher" else 0)
                break
            except Timeout:
                if run.role == "arm":
                    self.elsewhere.append(run.run_id)
                    return False
                stop_if_asked()
        locks.callback(path.unlink, missing_ok=True)
        locks.callback(lock.release)
        return not run_folder.is_whole(self.out / run.run_id)  # the other process may just have finished it

    def _has_what_it_needs(self, run: RunSettings) -> bool:
        for needed in sorted(self.sources.needed_runs(run)):
            if not run_folder.is_whole(self.out / needed):
                self.failed[run.run_id] = f"not begun, for {needed}, which it needs, is not there"
                return False
        return True

    def _train(self, unit: Unit, stop_if_asked: Callable[[], None]) -> None:
        first = unit[0]
        for run in unit:
            self.observer.run(run)
        torch.set_num_threads(first.training.threads_per_run or self._default_threads)

        def reading(done: int, total: int) -> None:
            stop_if_asked()
            self.observer.reading(first, done, total)

        with self.shards.together():
            loaded = self.loader.load(first.dataset, first.train_size, first.training.image_size_px, reading)
            teacher = self.sources.teacher(first)
            checkpoints = self._checkpoints(unit, loaded)
        trained = train(
            unit,
            loaded.data,
            start=self.sources.start(first),
            teacher=teacher,
            checkpoints=checkpoints,
            on_batch=stop_if_asked,
            on_epoch=self.observer.epoch,
            shards=self.shards,
        )
        with self.shards.together():
            for run, outcome in zip(unit, trained, strict=True):
                if isinstance(outcome, TrainingError):
                    self.failed[run.run_id] = str(outcome)
                    continue
                if not self.shards.leads:
                    continue
                run_folder.write(
                    self.out / run.run_id,
                    manifest=manifest(run, loaded, outcome, teacher=self._teacher_entry(run, loaded, teacher)),
                    config=run.model_dump(mode="json"),
                    validation=predictions(loaded, "validation", outcome.validation_scores),
                    test=predictions(loaded, "test", outcome.test_scores),
                    history=outcome.history,
                    weights=outcome.weights,
                    more=report_files(run, loaded.data, outcome, teacher=teacher, with_pictures=self.with_pictures),
                )
                checkpoints.remove(run.run_id)
                self.observer.done(run, outcome.seconds)
        if teacher is not None:
            teacher.close()

    def _checkpoints(self, unit: Unit, loaded: Loaded) -> Checkpoints:
        where = device.chosen(unit[0].training, self.shards.local_rank)
        machine = {
            "threads": torch.get_num_threads(),
            "processes": self.shards.world,
            "torch": torch.__version__,
            **where.describe(),
        }
        return Checkpoints(
            {run.run_id: checkpoint_folder(self.out, run) for run in unit},
            {
                run.run_id: {
                    "settings": run_folder.without_none(run.model_dump(mode="json")),
                    "sha256 of its initialisation": self.sources.start_sha256(run),
                    "sha256 of its teacher": self.sources.teacher_sha256(run),
                    "sha256 of its split": loaded.split_sha256,
                    MACHINE: machine,
                }
                for run in unit
            },
            every_minutes=self.resuming.every_minutes,
            accept_other_threads=self.resuming.accept_other_threads,
            note=self.observer.note,
            writes=self.shards.leads,
        )

    def _teacher_entry(self, run: RunSettings, loaded: Loaded, teacher: Teacher | None) -> dict[str, Any] | None:
        """What run.json says of the teacher; its own AUC is computed once for all its students on a data set."""
        if run.teacher is None or teacher is None:
            return None
        key = (run.teacher, run.dataset, run.training.image_size_px)
        with self._one_at_a_time:
            if key not in self._own_auc:
                self._own_auc[key] = own_auc(teacher, loaded.data, run.training)
        return {
            "source": run.teacher,
            "architecture": self.sources.teachers[run.teacher].architecture,
            "sha256": self.sources.teacher_sha256(run),
            **self._own_auc[key],
        }


def checkpoint_folder(out: Path, run: RunSettings) -> Path:
    """Where a run is saved while it is in the making."""
    return out / f".{run.run_id}.checkpoint"
