"""Progress of runs on a cluster: from a worker's process to the observer of the command line.

In: events for an observer, in a worker. Out: the same calls of the observer in the client's process, and
`runs/.logs/<run>.log`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medkt.observers.observer import Observer
from medkt.run_settings import RunSettings
from medkt_eval.runtime.atomic_files import append_text, make_folder

LOGS = ".logs"


def log_path(out: Path, run_id: str) -> Path:
    """Return the log file of a run."""
    return out / LOGS / f"{run_id}.log"


class EventSender(Observer):
    """In a worker's process: sends events to the client and writes them to the log.

    Parameters
    ----------
    log_event : callable (topic, event)
        Sends an event; `distributed.Worker.log_event`.
    topic : str
        The topic that the client subscribed to.
    out : Path
        runs/.
    """

    def __init__(self, log_event: Callable[[str, Any], None], topic: str, out: Path) -> None:
        self.log_event, self.topic, self.out = log_event, topic, out

    def run(self, run: RunSettings) -> None:
        """Send that a run begins."""
        self._send("run", run.run_id, None, f"begins on {socket.gethostname()}")

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Send the number of decoded images, every 256 images."""
        if done == total or done % 256 == 0:
            self.log_event(self.topic, ("reading", run.run_id, (done, total)))

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Send an epoch's row of the history."""
        self._send("epoch", run.run_id, record, str(record))

    def note(self, text: str) -> None:
        """Send a note."""
        self.log_event(self.topic, ("note", "", text))

    def done(self, run: RunSettings, seconds: float) -> None:
        """Send that a run is finished."""
        self._send("done", run.run_id, seconds, f"finished after {seconds:.0f} s")

    def trace(self, unit: Sequence[RunSettings], text: str) -> None:
        """Write to the log why runs failed."""
        for run in unit:
            self._write(run.run_id, text)

    def _send(self, kind: str, run_id: str, value: Any, line: str) -> None:
        self.log_event(self.topic, (kind, run_id, value))
        self._write(run_id, line)

    def _write(self, run_id: str, text: str) -> None:
        path = log_path(self.out, run_id)
        make_folder(path.parent)
        append_text(path, f"{text}\n")


class EventListener:
    """In the client's process: passes the workers' events on to the observer.

    Parameters
    ----------
    runs : mapping of run id to RunSettings
        All runs of the study.
    observer : Observer
        Gets the events of the training.
    """

    def __init__(self, runs: Mapping[str, RunSettings], observer: Observer) -> None:
        self.runs, self.observer = runs, observer
        self.begun: set[str] = set()

    def __call__(self, event: tuple[float, Any]) -> None:
        """Pass on one event."""
        kind, run_id, value = event[1]
        if kind == "note":
            self.observer.note(value)
        elif kind == "run" and run_id in self.begun:
            self.observer.note(f"{run_id} resumes in another process")
        elif kind == "run":
            self.begun.add(run_id)
            self.observer.run(self.runs[run_id])
        elif run_id not in self.begun:
            return
        elif kind == "reading":
            self.observer.reading(self.runs[run_id], *value)
        elif kind == "epoch":
            self.observer.epoch(self.runs[run_id], value)
        else:
            self.observer.done(self.runs[run_id], value)
