"""Who is told how a study goes."""

from __future__ import annotations

from collections.abc import Sequence

from medkt.run_settings import RunSettings


class Observer:
    """Hears everything and does nothing: a progress bar, a log or a logger overrides what it needs.

    Called from several threads.
    """

    def plan(self, runs: Sequence[RunSettings], whole: int) -> None:
        """Called once: the runs to train, and how many are whole already."""

    def run(self, run: RunSettings) -> None:
        """A run begins, or goes on."""

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """An image for it is decoded or drawn, where that has not been done."""

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """An epoch of it is over."""

    def note(self, text: str) -> None:
        """Something a reader of the log should know, such as from where a run goes on."""

    def done(self, run: RunSettings, seconds: float) -> None:
        """The run is whole."""


class Together(Observer):
    """Tells several observers the same."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def plan(self, runs: Sequence[RunSettings], whole: int) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.plan(runs, whole)

    def run(self, run: RunSettings) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.run(run)

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.reading(run, done, total)

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.epoch(run, record)

    def note(self, text: str) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.note(text)

    def done(self, run: RunSettings, seconds: float) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.done(run, seconds)
