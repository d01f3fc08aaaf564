"""Where the statistics are computed: in this process, or elsewhere, in parts that are joined in order.

In: `Work`, a function of some data and of each of its parts. Out: the parts' results. What is computed depends on
neither the place nor the number of parts: a part's random numbers are named by what it is a part of.
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
        Of a module, called with the data and one part.
    data : object
        What every part needs; large.
    parts : sequence
        What tells them apart; small.
    """

    function: Callable[[Any, Any], Result]
    data: Any
    parts: Sequence[Any]


class Execution(Protocol):
    """A place where work is done."""

    @property
    def parts(self) -> int:
        """In how many parts a work is wanted."""
        ...

    @property
    def threads(self) -> int | None:
        """Threads that a part may use; None: one a processor."""
        ...

    def in_order(self, works: Iterable[Work[Result]]) -> Iterator[list[Result]]:
        """Results of the parts of each work, in order; works are taken a few ahead, for each holds its data."""
        ...


class LocalExecution:
    """In this process: the next work is done when its results are asked for."""

    parts = 1
    threads = None

    def in_order(self, works: Iterable[Work[Result]]) -> Iterator[list[Result]]:
        """Results of the parts of each work, in order."""
        return map(_computed, works)


def _computed(work: Work[Result]) -> list[Result]:
    return [work.function(work.data, part) for part in work.parts]


LOCAL = LocalExecution()
