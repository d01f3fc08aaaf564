"""Trains one unit of work: a run, or several runs in lockstep.

In: the settings of the runs. Out: finished run folders, and which runs failed and why. `UnitTrainer` loads the images,
the teacher and the start weights, trains, and writes the folders. It leaves a run that another process is training.
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

from medkt.observers.observer import Observer
from medkt.run import folder as run_folder
from medkt.run.data_hashes import as_parquet, check_same_pixels, data_hashes, summary
from medkt.run.images import DatasetLoader, LoadedDataset, predictions
from medkt.run.manifest import manifest
from medkt.run.report_files import report_files
from medkt.run.teacher_auc import own_auc
from medkt.run.weights import WeightSources
from medkt.run_settings import RunSettings, Unit
from medkt.teachers.teacher import Teacher
from medkt.training import device as devices
from medkt.training.checkpoints.resuming import MACHINE, Checkpoints
from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt.training.student.outcome import TrainedRun
from medkt.training.trainer import train
from medkt_eval.errors import InputError
from medkt_eval.predictions.across_runs.same_data import FILE as DATA_HASHES
from medkt_eval.runtime.locations import is_remote


@dataclass(frozen=True)
class CheckpointOptions:
    """When runs are saved, and which of them may resume.

    Parameters
    ----------
    every_minutes : float or None
        None: save at the end of each epoch. A number: save when so many minutes have passed.
    accept_other_threads : bool
        Whether a run resumes with another number of threads, or on another machine, than it was begun with.
    """

    every_minutes: float | None = None
    accept_other_threads: bool = False

    def __post_init__(self) -> None:
        if self.every_minutes is not None and not 0 <= self.every_minutes <= 1e6:
            raise InputError(f"--checkpoint-minutes is {self.every_minutes:g}; expected a number from 0 to 1e6")


class UnitTrainer:
    """Trains units; may be called from several threads.

    Parameters
    ----------
    with_pictures : bool
        Whether runs keep pictures: `[report] pictures` of the study.
    loader : DatasetLoader
        Loads images.
    sources : WeightSources
        Finds start weights and teachers.
    out : Path
        runs/.
    options : CheckpointOptions
        When runs are saved, and which of them may resume.
    observer : Observer
        Gets the events of the training.
    processes : ProcessGroup
        The processes that train each run together; the main process locks and writes.

    Attributes
    ----------
    failed : dict of run id to str
        Why runs could not be trained.
    trained_elsewhere : list of str
        Ids of the runs that another process is training.
    """

    def __init__(
        self,
        with_pictures: bool,
        loader: DatasetLoader,
        sources: WeightSources,
        out: Path,
        options: CheckpointOptions,
        observer: Observer,
        processes: ProcessGroup = ONE_PROCESS,
    ) -> None:
        self.with_pictures, self.loader, self.sources, self.out = with_pictures, loader, sources, out
        self.options, self.observer, self.processes = options, observer, processes
        self.failed: dict[str, str] = {}
        self.trained_elsewhere: list[str] = []
        self._default_threads = torch.get_num_threads()
        self._own_auc: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._one_at_a_time = Lock()

    def __call__(self, unit: Unit, stop_if_asked: Callable[[], None]) -> None:
        """Train the runs of a unit and write their folders."""
        with ExitStack() as locks:
            ready, self.failed = self.processes.on_main(lambda: self._ready(unit, locks, stop_if_asked))
            if ready:
                self._train(ready, stop_if_asked)

    def _ready(self, unit: Unit, locks: ExitStack, stop_if_asked: Callable[[], None]) -> tuple[Unit, dict[str, str]]:
        """Lock the runs that can be trained now; return them, and the runs that failed so far."""
        locked = [run for run in unit if self._lock(run, locks, stop_if_asked)]
        ready = tuple(run for run in locked if self._has_what_it_needs(run))
        return ready, self.failed

    def _lock(self, run: RunSettings, locks: ExitStack, stop_if_asked: Callable[[], None]) -> bool:
        """Lock a run; return whether it is left to train. Waits for a teacher, because other runs need its weights."""
        if is_remote(self.out):  # object storage has no locks; `train_study_file` says so
            return not run_folder.is_finished(self.out / run.run_id)
        path = self.out / f".{run.run_id}.lock"
        lock = FileLock(path)
        while True:
            try:
                lock.acquire(timeout=1 if run.role == "teacher" else 0)
                break
            except Timeout:
                if run.role == "arm":
                    self.trained_elsewhere.append(run.run_id)
                    return False
                stop_if_asked()
        locks.callback(path.unlink, missing_ok=True)
        locks.callback(lock.release)
        return not run_folder.is_finished(self.out / run.run_id)  # another process may just have finished it

    def _has_what_it_needs(self, run: RunSettings) -> bool:
        for needed in sorted(self.sources.needed_runs(run)):
            if not run_folder.is_finished(self.out / needed):
                self.failed[run.run_id] = not_begun(run, needed)
                return False
        return True

    def _train(self, unit: Unit, stop_if_asked: Callable[[], None]) -> None:
        first = unit[0]  # the runs of a unit share images, teacher and start weights
        for run in unit:
            self.observer.run(run)
        torch.set_num_threads(first.training.threads_per_run or self._default_threads)

        def reading(done: int, total: int) -> None:
            stop_if_asked()
            self.observer.reading(first, done, total)

        with self.processes.fail_together():
            dataset = self.loader.load(first.dataset, first.train_size, first.training.image_size_px, reading)
            check_same_pixels(self.out, first.dataset, dataset, first.training.image_size_px)
            teacher = self.sources.teacher(first)
            checkpoints = self._checkpoints(unit, dataset)
        outcomes = train(
            unit,
            dataset.data,
            start=self.sources.start(first),
            teacher=teacher,
            checkpoints=checkpoints,
            on_batch=stop_if_asked,
            on_epoch=self.observer.epoch,
            processes=self.processes,
        )
        trained: list[tuple[RunSettings, TrainedRun]] = []
        for run, outcome in zip(unit, outcomes, strict=True):
            if isinstance(outcome, TrainedRun):
                trained.append((run, outcome))
            else:
                self.failed[run.run_id] = str(outcome)

        def write_folders() -> None:
            for run, outcome in trained:
                self._write_folder(run, dataset, outcome, teacher)
                checkpoints.remove(run.run_id)
                self.observer.done(run, outcome.seconds)

        self.processes.on_main(write_folders)
        if teacher is not None:
            teacher.close()

    def _write_folder(
        self, run: RunSettings, dataset: LoadedDataset, trained: TrainedRun, teacher: Teacher | None
    ) -> None:
        pictures = self.with_pictures
        hashes = data_hashes(dataset)
        more = report_files(run, dataset.data, trained, teacher=teacher, with_pictures=pictures)
        entry = self._teacher_entry(run, dataset, teacher)
        run_folder.write(
            self.out / run.run_id,
            manifest=manifest(run, dataset, trained, teacher=entry, hashes=summary(hashes)),
            config=run.model_dump(mode="json"),
            validation=predictions(dataset, "validation", trained.validation_scores),
            test=predictions(dataset, "test", trained.test_scores),
            history=trained.history,
            weights=trained.weights,
            more={**more, DATA_HASHES: as_parquet(hashes)},
        )

    def _checkpoints(self, unit: Unit, dataset: LoadedDataset) -> Checkpoints:
        machine = {
            "threads": torch.get_num_threads(),
            "processes": self.processes.world_size,
            "torch": torch.__version__,
            **devices.chosen(unit[0].training, self.processes.local_rank).describe(),
        }
        identities = {
            run.run_id: {
                "settings": run_folder.without_none(run.model_dump(mode="json")),
                "sha256 of its initialisation": self.sources.start_sha256(run),
                "sha256 of its teacher": self.sources.teacher_sha256(run),
                "sha256 of its split": dataset.split_sha256,
                MACHINE: machine,
            }
            for run in unit
        }
        return Checkpoints(
            {run.run_id: checkpoint_folder(self.out, run) for run in unit},
            identities,
            every_minutes=self.options.every_minutes,
            accept_other_threads=self.options.accept_other_threads,
            note=self.observer.note,
            processes=self.processes,
        )

    def _teacher_entry(
        self, run: RunSettings, dataset: LoadedDataset, teacher: Teacher | None
    ) -> dict[str, Any] | None:
        """Return what run.json records about the teacher; its own AUC is computed once for each data set."""
        if run.teacher is None or teacher is None:
            return None
        key = (run.teacher, run.dataset, run.training.image_size_px)
        with self._one_at_a_time:
            if key not in self._own_auc:
                self._own_auc[key] = own_auc(teacher, dataset.data, run.training)
        return {
            "source": run.teacher,
            "architecture": self.sources.teachers[run.teacher].architecture,
            "sha256": self.sources.teacher_sha256(run),
            **self._own_auc[key],
        }


def not_begun(run: RunSettings, needed: str) -> str:
    """Say why a run was not begun."""
    return f"{run.run_id} was not begun, because {needed}, which it needs, is not finished"


def checkpoint_folder(out: Path, run: RunSettings) -> Path:
    """Return the folder that a run's checkpoints are kept in until it is finished."""
    return out / f".{run.run_id}.checkpoint"
