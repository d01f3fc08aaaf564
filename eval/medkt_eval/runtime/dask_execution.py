"""The statistics on a Dask cluster: parts of work are tasks, whose results do not depend on the worker.

In: a client of `distributed`. Its workers need this package but none of the input files. Out: an `Execution`. A worker
may die at any time: Dask runs its tasks again, and lost data are sent again.
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

AHEAD = 4  # works whose data are held at a time, so that workers are busy while one is joined
LOSSES = 20  # times that a work's data may be lost; each time a worker died
LOST = (
    "--scheduler: the scheduler is lost, or its workers die faster than they finish; see its log and theirs, and "
    "run the same command again"
)


class DaskExecution:
    """Computes on a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
    """

    threads = 1  # a worker runs one part in each of its threads

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def parts(self) -> int:
        """Enough that each worker thread has two parts of the works at hand; workers may join and leave."""
        threads = cast("dict[str, int]", self._client.nthreads())  # of each worker
        return max(1, -(-2 * sum(threads.values()) // AHEAD))

    def in_order(self, works: Iterable[Work[Result]]) -> Iterator[list[Result]]:
        """Results of the parts of each work, in order.

        Raises
        ------
        InputError
            If workers die of a part repeatedly, or the scheduler is lost.
        """
        waiting, submitted = iter(works), deque[_SubmittedWork]()
        while True:
            submitted.extend(_SubmittedWork(self._client, work) for work in islice(waiting, AHEAD - len(submitted)))
            if not submitted:
                return
            yield submitted.popleft().results()


class _SubmittedWork:
    """Work whose parts have been sent to the cluster."""

    def __init__(self, client: Client, work: Work[Any]) -> None:
        self._client, self._work = client, work
        self._futures: dict[int, Any] = {}
        self._submit(range(len(work.parts)))

    def _submit(self, parts: Iterable[int]) -> None:
        """Send the data to one worker, from which others fetch them, and submit parts."""
        for _ in range(LOSSES):
            try:
                self._client.wait_for_workers(1)
                data = self._client.scatter(self._work.data, hash=False)
                break
            except OSError as error:  # the chosen worker has just died, or none is left
                if self._client.status != "running":
                    raise InputError(LOST) from error
        else:
            raise InputError(LOST)
        for k in parts:
            self._futures[k] = self._client.submit(self._work.function, data, self._work.parts[k], pure=False)

    def results(self) -> list[Any]:
        """Wait for the results of all parts."""
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
