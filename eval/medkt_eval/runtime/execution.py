"""Where the statistics are computed: in this process or elsewhere, in parts that are joined in order.

In: `Work`, a function of some data and of each of its parts. Out: the parts' results. They depend neither on where they
are computed nor on the number of parts, because a part's random stream is named by what it is a part of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Work(Generic[Result]):
    """Work in parts that share their data.

    Parameters
    ----------
    function : callable
        A function at module level, called with the data and one part.
    data : object
        What every part needs; may be large.
    parts : sequence
        What distinguishes the parts; small.
    """

    function: Callable[[Any, Any], Result]
    data: Any
    parts: Sequence[Any]


class Execution(Protocol):
    """A place where work is done."""

    @property
    def parts(self) -> int:
        """Into how many parts to divide a piece of work."""
        ...

    @property
    def threads(self) -> int | None:
        """Threads that a part may use; None: one per processor."""
        ...

    def in_order(self, works: Iterable[Work[Result]]) -> Iterator[list[Result]]:
        """Results of the parts of each work, in order; only a few works are held ahead, because each holds its data."""
        ...


class LocalExecution:
    """Computes in this process, each work when its results are read."""

    parts = 1
    threads = None

    def in_order(self, works: Iterable[Work[Result]]) -> Iterator[list[Result]]:
        """Results of the parts of each work, in order."""
        return map(_computed, works)


def _computed(work: Work[Result]) -> list[Result]:
    return [work.function(work.data, part) for part in work.parts]


LOCAL = LocalExecution()
