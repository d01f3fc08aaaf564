"""Runs that train at the same time, in threads of one process.

In: units of work (one run, or several in lockstep), and what each needs. Out: nothing; `work` was called once for each
unit. A unit begins when the runs that it needs have been worked on and there is room for it. Each unit keeps its own
number of torch threads, so its result does not depend on the others. Threads are enough, because torch releases the
interpreter's lock while it computes; and threads share the decoded images.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

import torch

from medkt.run_settings import RunSettings, Unit


class StopRequested(Exception):  # noqa: N818
    """A run stops because the study was interrupted or cannot continue."""


@dataclass(frozen=True)
class Outcome:
    """What became of units.

    Parameters
    ----------
    failed : mapping of run id to str
        Why runs failed.
    trained_elsewhere : sequence of str
        Ids of runs that another process is training.
    """

    failed: Mapping[str, str]
    trained_elsewhere: Sequence[str]


def run_in_parallel(
    units: Sequence[Unit],
    needs: Callable[[RunSettings], set[str]],
    work: Callable[[Unit, Callable[[], None]], None],
    jobs: int | None,
) -> None:
    """Call `work` for each unit.

    Parameters
    ----------
    units : sequence of tuples of RunSettings
        In an order in which they could run one by one.
    needs : callable
        Returns the ids of the runs that must have been worked on before a run begins.
    work : callable (unit, stop_if_asked)
        Trains the runs of a unit. It calls `stop_if_asked` often and does not catch what that raises.
    jobs : int or None
        Largest number of units at a time. None: as many as the cores allow (on CUDA: one).

    Raises
    ------
    BaseException
        The first error of a run, or KeyboardInterrupt, after the other runs have stopped.
    """
    stop = Event()

    def stop_if_asked() -> None:
        if stop.is_set():
            raise StopRequested

    waiting = list(units)
    active: dict[Future[None], Unit] = {}
    with ThreadPoolExecutor(max_workers=jobs or _cores()) as pool:
        try:
            while waiting or active:
                unfinished = {run.run_id for unit in (*waiting, *active.values()) for run in unit}
                for unit in list(waiting):
                    needed = set[str]().union(*map(needs, unit))
                    if not needed & unfinished and _has_room(unit, list(active.values()), jobs):
                        waiting.remove(unit)
                        active[pool.submit(work, unit, stop_if_asked)] = unit
                for future in wait(active, return_when=FIRST_COMPLETED).done:
                    del active[future]
                    future.result()
        except BaseException:
            stop.set()
            raise


def _has_room(unit: Unit, active: Sequence[Unit], jobs: int | None) -> bool:
    """Return whether `unit` may begin; all must agree on the thread count, which is global state of torch."""
    threads = unit[0].training.threads_per_run
    if any(other[0].training.threads_per_run != threads for other in active):
        return False
    if jobs is None:
        jobs = 1 if threads is None or torch.cuda.is_available() else max(1, _cores() // threads)
    return len(active) < jobs


def _cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
