"""Runs side by side, in threads of one process.

In: units of work, each one run or several in lockstep, and what each needs. Out: nothing; `work` was called once for
each. A unit begins when the runs it needs have been worked on and there is room for it. Each keeps its own number of
torch threads, so its bits do not depend on its neighbours. Threads, not processes: torch releases the interpreter's
lock while it computes, and decoded images are shared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event

import torch

from medkt.run_settings import RunSettings, Unit


class Stopped(Exception):  # noqa: N818
    """A run was asked to stop, because the study was interrupted or cannot go on."""


def side_by_side(
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
        Ids of the runs that must have been worked on before a run begins.
    work : callable (unit, stop_if_asked)
        Trains the runs of a unit; calls `stop_if_asked` often, and lets what it raises pass.
    jobs : int or None
        At most so many units at a time; None: as the cores allow (on CUDA: one).

    Raises
    ------
    BaseException
        The first that a run raised, or KeyboardInterrupt, after the other runs have stopped.
    """
    stop = Event()

    def stop_if_asked() -> None:
        if stop.is_set():
            raise Stopped

    waiting = list(units)
    going: dict[Future[None], Unit] = {}
    with ThreadPoolExecutor(max_workers=jobs or _cores()) as pool:
        try:
            while waiting or going:
                unfinished = {run.run_id for unit in (*waiting, *going.values()) for run in unit}
                for unit in list(waiting):
                    needed = set[str]().union(*map(needs, unit))
                    if not needed & unfinished and _has_room(unit, list(going.values()), jobs):
                        waiting.remove(unit)
                        going[pool.submit(work, unit, stop_if_asked)] = unit
                for future in wait(going, return_when=FIRST_COMPLETED).done:
                    del going[future]
                    future.result()
        except BaseException:
            stop.set()
            raise


def _has_room(unit: Unit, going: Sequence[Unit], jobs: int | None) -> bool:
    """Whether `unit` may begin beside `going`; part of the thread count is torch's global state, so it must agree."""
    threads = unit[0].training.threads_per_run
    if any(other[0].training.threads_per_run != threads for other in going):
        return False
    if jobs is None:
        jobs = 1 if threads is None or torch.cuda.is_available() else max(1, _cores() // threads)
    return len(going) < jobs


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
