"""The interface of observers, which get the events of a study."""

from __future__ import annotations

from collections.abc import Sequence

from medkt.run_settings import RunSettings


class Observer:
    """An observer that does nothing. Subclass it and override the methods that you need.

    The methods are called from several threads.
    """

    def plan(self, runs: Sequence[RunSettings], finished: int) -> None:
        """Receive the runs to train, and the number of runs that are already finished; called once, first."""

    def run(self, run: RunSettings) -> None:
        """Receive a run that begins or resumes."""

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Receive the number of images that are decoded or drawn for a run; called only if some are."""

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Receive an epoch's row of the history."""

    def note(self, text: str) -> None:
        """Receive a line for the log, for example where a run resumes."""

    def done(self, run: RunSettings, seconds: float) -> None:
        """Receive a run that is finished, and its training time."""


class ObserverList(Observer):
    """Several observers as one: each call is passed on to all of them.

    Parameters
    ----------
    *observers : Observer
        Called in this order.
    """

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def plan(self, runs: Sequence[RunSettings], finished: int) -> None:
        """Pass on the runs to train."""
        for observer in self._observers:
            observer.plan(runs, finished)

    def run(self, run: RunSettings) -> None:
        """Pass on a run that begins."""
        for observer in self._observers:
            observer.run(run)

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Pass on the number of decoded images."""
        for observer in self._observers:
            observer.reading(run, done, total)

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Pass on an epoch's row of the history."""
        for observer in self._observers:
            observer.epoch(run, record)

    def note(self, text: str) -> None:
        """Pass on a line for the log."""
        for observer in self._observers:
            observer.note(text)

    def done(self, run: RunSettings, seconds: float) -> None:
        """Pass on a run that is finished."""
        for observer in self._observers:
            observer.done(run, seconds)
