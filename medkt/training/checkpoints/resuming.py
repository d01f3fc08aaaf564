"""When runs are saved, and from where they resume.

In: students during training. Out: their checkpoints; or, when training begins, the students as they were and the batch
that comes next. A resumed run is bit-identical to an uninterrupted one; a change that would prevent this is an error
that shows the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from medkt.training.checkpoints import files
from medkt.training.checkpoints.files import BEGINNING, Checkpoint, Position
from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt.training.student import state
from medkt.training.student.student import Student
from medkt_eval.errors import InputError

MACHINE = "machine"


class Checkpoints:
    """The checkpoints of runs that train in lockstep.

    Parameters
    ----------
    folders : mapping of run id to Path
        Folder of the checkpoints of each run. Runs that are not listed are never saved.
    identities : mapping of run id to dict
        What must not change when a run resumes. `machine` in it holds the number of threads and of processes.
    every_minutes : float or None
        None: save at the end of each epoch. A number: save when so many minutes have passed, also within an epoch.
    accept_other_threads : bool
        Whether a run resumes if `machine` differs; the result is then not bit-identical.
    note : callable
        Called with a line of text for the log.
    processes : ProcessGroup
        The processes that train the runs together; the main process saves.
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        identities: Mapping[str, dict[str, Any]],
        *,
        every_minutes: float | None = None,
        accept_other_threads: bool = False,
        note: Callable[[str], None] = lambda _text: None,
        processes: ProcessGroup = ONE_PROCESS,
    ) -> None:
        self.folders, self.identities = folders, identities
        self.every_minutes, self.accept_other_threads, self.note = every_minutes, accept_other_threads, note
        self.processes = processes
        self._saved = monotonic()

    def restore(self, students: Sequence[Student]) -> Position:
        """Restore all students at the newest position at which every one of them was saved.

        Raises
        ------
        InputError
            If a run was begun with other settings, weights, images or threads, or if the processes find different
            checkpoints.
        """
        with self.processes.fail_together():
            position = self._restore(students)
        positions = set(self.processes.gather(position))
        with self.processes.fail_together():
            if len(positions) > 1:
                raise InputError(
                    f"the processes found different checkpoints of one run (batches {sorted(positions)}): "
                    "all of them must see the same --out"
                )
        return position

    def batch_done(self, students: Sequence[Student], position: Position) -> None:
        """Save if `every_minutes` have passed."""
        if self.every_minutes is not None and monotonic() - self._saved >= 60 * self.every_minutes:
            self._save(students, position)

    def epoch_done(self, students: Sequence[Student], position: Position) -> None:
        """Save, unless `every_minutes` decides when."""
        if self.every_minutes is None:
            self._save(students, position)

    @contextmanager
    def save_if_stopped(self, students: Sequence[Student], position: Position) -> Iterator[None]:
        """Save if the block raises, be it an error, Ctrl-C or a request to stop."""
        try:
            yield
        except BaseException:
            self._save(students, position)
            raise

    def remove(self, run_id: str) -> None:
        """Remove the checkpoints of a finished run."""
        if run_id in self.folders:
            files.remove(self.folders[run_id])

    def _restore(self, students: Sequence[Student]) -> Position:
        checkpoints: list[dict[Position, Checkpoint]] = []
        for student in students:
            folder = self.folders.get(student.run.run_id)
            complete, damaged = ([], []) if folder is None else files.read(folder)
            for text in damaged:
                self.note(text)
            for checkpoint in complete:
                self._check_identity(checkpoint, student.run.run_id)
            checkpoints.append({checkpoint.position: checkpoint for checkpoint in complete})
        shared = set.intersection(*(set(by_position) for by_position in checkpoints))
        if not shared:
            return BEGINNING
        position = max(shared)
        for student, by_position in zip(students, checkpoints, strict=True):
            state.restore(student, by_position[position].tensors, by_position[position].numbers)
            self.note(f"{student.run.run_id} resumes at epoch {position.epoch}, batch {position.batch + 1}")
        return position

    def _save(self, students: Sequence[Student], position: Position) -> None:
        for student in students:
            run_id = student.run.run_id
            if self.processes.is_main and run_id in self.folders and student.failure is None:
                identity = self.identities[run_id]
                checkpoint = Checkpoint(position, identity, state.numbers(student), state.tensors(student))
                files.write(self.folders[run_id], checkpoint)
        self._saved = monotonic()

    def _check_identity(self, checkpoint: Checkpoint, run_id: str) -> None:
        """Refuse to resume a run whose settings, weights, split or machine have changed."""
        now = self.identities[run_id]
        before = {key: value for key, value in checkpoint.identity.items() if key != MACHINE}
        difference = first_difference(before, {key: value for key, value in now.items() if key != MACHINE})
        if difference is not None:
            raise InputError(
                f"{self.folders[run_id]}: this run was begun with other settings: {difference}. Undo the change, or "
                "remove this folder to train the run from the beginning"
            )
        machine = {"processes": 1, **checkpoint.identity[MACHINE]}  # older checkpoints do not name the processes
        difference = first_difference(machine, now[MACHINE])
        if difference is None:
            return
        if not self.accept_other_threads:
            raise InputError(
                f"{self.folders[run_id]}: this run was begun on another machine, and its result would not be "
                f"bit-identical here: {difference}. Resume it as it was begun (threads_per_run in [training], the "
                "number of torchrun's processes), accept a different result with --accept-other-threads, or remove "
                "this folder"
            )
        self.note(f"{run_id}: {difference}: the result is not bit-identical to an uninterrupted run")


NO_CHECKPOINTS = Checkpoints({}, {})


def first_difference(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> str | None:
    """Describe the first setting, by name, that differs between two tables; None if they are equal.

    Examples
    --------
    >>> first_difference({"training": {"epochs": 4}}, {"training": {"epochs": 5}})
    'training.epochs was 4, now it is 5'
    """
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            nested = first_difference(old, new, f"{prefix}{key}.")
            if nested is not None:
                return nested
        elif old != new:
            return f"{prefix}{key} was {old!r}, now it is {new!r}"
    return None
