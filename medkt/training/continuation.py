"""When a run is saved, and from where a run that was stopped goes on.

In: the students in the making. Out: their checkpoints (`medkt.checkpoint`); or, when training begins, the students as
they were, and the batch that comes next. What would change the bits is refused, with the difference shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from medkt.training import checkpoint
from medkt.training.checkpoint import BEGINNING, Checkpoint, Position
from medkt.training.student import Student
from medkt_eval.errors import InputError

MACHINE = "machine"


class Checkpoints:
    """The checkpoints of runs that train in lockstep.

    Parameters
    ----------
    folders : mapping of run id to Path
        Where each is kept; a run that is not listed is never saved.
    identities : mapping of run id to dict
        What must be the same for a run to go on; `machine` in it holds the number of threads and of processes.
    every_minutes : float or None
        None: save at the end of each epoch. Else whenever so much time has passed, in the middle of an epoch too.
    accept_other_threads : bool
        Go on where `machine` differs, though the bits will.
    note : callable
        Told, in a line, what a reader of the log should know.
    writes : bool
        Whether this process saves; of several that train a run, one does.
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        identities: Mapping[str, dict[str, Any]],
        *,
        every_minutes: float | None = None,
        accept_other_threads: bool = False,
        note: Callable[[str], None] = lambda _text: None,
        writes: bool = True,
    ) -> None:
        self.folders, self.identities = folders, identities
        self.every_minutes, self.accept_other_threads, self.note = every_minutes, accept_other_threads, note
        self._writes = writes
        self._saved = monotonic()

    def restore(self, students: Sequence[Student]) -> Position:
        """Bring all students to the newest place that all of them have been saved at.

        Raises
        ------
        InputError
            If a run was begun with other settings, weights, images or threads.
        """
        found: list[dict[Position, Checkpoint]] = []
        for student in students:
            folder = self.folders.get(student.run.run_id)
            whole, damaged = ([], []) if folder is None else checkpoint.read(folder)
            for text in damaged:
                self.note(text)
            for one in whole:
                self._check_same(one, student.run.run_id)
            found.append({one.position: one for one in whole})
        shared = set.intersection(*(set(by_position) for by_position in found))
        if not shared:
            return BEGINNING
        position = max(shared)
        for student, by_position in zip(students, found, strict=True):
            student.restore(by_position[position].tensors, by_position[position].numbers)
            self.note(f"{student.run.run_id} goes on with epoch {position.epoch}, batch {position.batch + 1}")
        return position

    def batch_done(self, students: Sequence[Student], position: Position) -> None:
        """Save where the time for it has come."""
        if self.every_minutes is not None and monotonic() - self._saved >= 60 * self.every_minutes:
            self._save(students, position)

    def epoch_done(self, students: Sequence[Student], position: Position) -> None:
        """Save, unless time alone decides."""
        if self.every_minutes is None:
            self._save(students, position)

    def stopped(self, students: Sequence[Student], position: Position) -> None:
        """Save where a run is asked to stop."""
        self._save(students, position)

    def remove(self, run_id: str) -> None:
        """Take away the checkpoints of a run that is whole."""
        if run_id in self.folders:
            checkpoint.remove(self.folders[run_id])

    def _save(self, students: Sequence[Student], position: Position) -> None:
        for student in students:
            run_id = student.run.run_id
            if self._writes and run_id in self.folders and student.failure is None:
                made = Checkpoint(position, self.identities[run_id], student.numbers(), student.tensors())
                checkpoint.write(self.folders[run_id], made)
        self._saved = monotonic()

    def _check_same(self, found: Checkpoint, run_id: str) -> None:
        wanted = self.identities[run_id]
        before = {key: value for key, value in found.identity.items() if key != MACHINE}
        difference = first_difference(before, {key: value for key, value in wanted.items() if key != MACHINE})
        if difference is not None:
            raise InputError(
                f"{self.folders[run_id]}: the run was begun otherwise: {difference}. Remove that folder "
                "to begin it again, or set back what was changed"
            )
        machine = {"processes": 1, **found.identity[MACHINE]}  # which older checkpoints do not name
        difference = first_difference(machine, wanted[MACHINE])
        if difference is None:
            return
        if not self.accept_other_threads:
            raise InputError(
                f"{self.folders[run_id]}: the run was begun on another machine, and would end in other "
                f"bits here: {difference}. Go on as it was begun (threads_per_run in [training], "
                "torchrun's processes), accept other bits with --accept-other-threads, or remove "
                "that folder"
            )
        self.note(f"{run_id}: {difference}: its bits are no longer those of an uninterrupted run")


NO_CHECKPOINTS = Checkpoints({}, {})


def first_difference(found: dict[str, Any], wanted: dict[str, Any], where: str = "") -> str | None:
    """The first setting, by name, that two tables differ in, in words; None where there is none.

    Examples
    --------
    >>> first_difference({"training": {"epochs": 4}}, {"training": {"epochs": 5}})
    'training.epochs was 4, now it is 5'
    """
    for key in sorted({*found, *wanted}):
        before, now = found.get(key), wanted.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            inner = first_difference(before, now, f"{where}{key}.")
            if inner is not None:
                return inner
        elif before != now:
            return f"{where}{key} was {before!r}, now it is {now!r}"
    return None
