"""The statistics on a Dask cluster: parts of work are tasks, whose results do not depend on who computes them.

In: a client of `distributed`; its workers need this package, and no file of ours. Out: an `Execution`. A worker may die
at any time: Dask runs its tasks again, and data that went with it are sent again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from medkt_eval.errors import InputError
from medkt_eval.runtime.execution import Result, Work

if TYPE_CHECKING:
    from distributed import Client

AHEAD = 4  # works whose data are held at a time: while one is joined, workers have the next
LOSSES = 20  # of a work's data; each takes a worker's death
LOST = (
    "--scheduler: the scheduler is lost, or its workers die faster than they finish; see its log and theirs, and "
    "run the same command again"
)


class DaskExecution:
    """A Dask cluster.

    Parameters
    ----------
    client : distributed.Client
    """

    threads = 1  # a worker does as many parts at a time as it has threads

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def parts(self) -> int:
        """So many that the works at hand are two parts for each of the workers' threads, who may join and leave."""
        threads = cast("dict[str, int]", self._client.nthreads())  # of each worker
        return max(1, -(-2 * sum(threads.values()) // AHEAD))

    def in_order(self, works: Iterable[Work[Result]]) -> Iterator[list[Result]]:
        """Results of the parts of each work, in order.

        Raises
        ------
        InputError
            If workers die of a part time and again, or the scheduler is lost.
        """
        waiting, begun = iter(works), deque[_Begun]()
        while True:
            begun.extend(_Begun(self._client, work) for work in islice(waiting, AHEAD - len(begun)))
            if not begun:
                return
            yield begun.popleft().results()


class _Begun:
    """A work whose parts are on their way."""

    def __init__(self, client: Client, work: Work[Any]) -> None:
        self._client, self._work = client, work
        self._futures: dict[int, Any] = {}
        self._submit(range(len(work.parts)))

    def _submit(self, parts: Iterable[int]) -> None:
        """Send the data to one of the workers, from which others fetch them, and ask for parts."""
        for _ in range(LOSSES):
            try:
                self._client.wait_for_workers(1)
                data = self._client.scatter(self._work.data, hash=False)
                break
            except OSError as error:  # the worker that was chosen has just died, or nobody is left
                if self._client.status != "running":
                    raise InputError(LOST) from error
        else:
            raise InputError(LOST)
        for k in parts:
            self._futures[k] = self._client.submit(self._work.function, data, self._work.parts[k], pure=False)

    def results(self) -> list[Any]:
        """Results of all parts, once they are there."""
        from distributed import KilledWorker

        for _ in range(LOSSES):
            try:
                return cast("list[Any]", self._client.gather([self._futures[k] for k in sorted(self._futures)]))
            except KilledWorker as error:
                raise InputError(
                    f"--scheduler: workers die of a part of the statistics ({error}); their logs say why, "
                    "most often too little memory"
                ) from error
            except CancelledError as error:  # of parts whose data were on a worker that died, and nowhere else
                if self._client.status != "running":
                    raise InputError(LOST) from error
                self._submit([k for k, future in self._futures.items() if future.status in ("cancelled", "lost")])
        raise InputError(LOST)
