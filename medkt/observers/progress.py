"""Progress of a study: bars on a terminal, plain lines in a log.

In: the events of an `Observer`. Out: text on standard error; standard output is left to results.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from medkt.observers.observer import Observer
from medkt.run_settings import RunSettings


class Log(Observer):
    """Plain lines: one for each run and one for each epoch."""

    def __init__(self, console: Console) -> None:
        self.console, self.total, self.began = console, 0, perf_counter()
        self.numbers: dict[str, int] = {}
        self.last_reading_line = perf_counter()

    def __enter__(self) -> Log:
        """Return this log; there is nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing; there is nothing to clear."""

    def plan(self, runs: Sequence[RunSettings], finished: int) -> None:
        """Print how many runs there are to train."""
        self.total = len(runs)
        already = f"; {finished} already finished" if finished else ""
        self._print(f"{self.total} runs to train{already}")

    def run(self, run: RunSettings) -> None:
        """Print which run begins."""
        self.numbers[run.run_id] = len(self.numbers) + 1
        self._print(f"{self._number(run)} {run.run_id}")
        self.last_reading_line = perf_counter()

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Print how many images are decoded, every ten seconds."""
        if perf_counter() - self.last_reading_line > 10:
            self.last_reading_line = perf_counter()
            self._print(f"{self._number(run)} images {done:,}/{total:,}")

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Print the losses and the metric of an epoch."""
        self._print(f"{self._number(run)} epoch {record['epoch']}/{run.training.epochs}  {_summary(record)}")

    def note(self, text: str) -> None:
        """Print the note."""
        self._print(text)

    def done(self, run: RunSettings, seconds: float) -> None:
        """Print that the run is finished."""
        self._print(f"{self._number(run)} {run.run_id} done in {seconds:.0f} s")

    def _number(self, run: RunSettings) -> str:
        return f"[{self.numbers[run.run_id]}/{self.total}]"

    def _print(self, text: str) -> None:
        self.console.print(
            f"{perf_counter() - self.began:7.1f} s  {text}", markup=False, highlight=False, soft_wrap=True
        )


class Bars(Observer):
    """A bar for the study and one for each run that trains; a line for each finished run."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
        )
        self.study = self.progress.add_task("runs", total=None, note="")
        self.epochs: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        """Show the bars."""
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Clear the bars."""
        self.progress.stop()

    def plan(self, runs: Sequence[RunSettings], finished: int) -> None:
        """Show how many runs there are to train."""
        note = f"{finished} already finished" if finished else ""
        self.progress.update(self.study, total=len(runs), note=note)

    def run(self, run: RunSettings) -> None:
        """Show which run begins."""
        self.epochs[run.run_id] = self.progress.add_task(run.run_id, total=run.training.epochs, note="reading images")

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Let the run's bar count images until all are decoded."""
        self.progress.update(self.epochs[run.run_id], completed=done, total=total)
        if done == total:
            self.progress.update(self.epochs[run.run_id], completed=0, total=run.training.epochs, note="")

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Advance the run's bar."""
        self.progress.update(self.epochs[run.run_id], completed=record["epoch"], note=_summary(record))

    def note(self, text: str) -> None:
        """Print the note above the bars."""
        self.progress.console.print(text, markup=False, highlight=False)

    def done(self, run: RunSettings, seconds: float) -> None:
        """Advance the study's bar and print a line above the bars."""
        self.progress.remove_task(self.epochs.pop(run.run_id))
        self.progress.advance(self.study)
        self.progress.console.print(f"{run.run_id} done in {seconds:.0f} s", markup=False, highlight=False)


def observer(console: Console) -> Bars | Log:
    """Return bars for a terminal, and plain lines for anything else."""
    return Bars(console) if console.is_terminal else Log(console)


def _summary(record: dict[str, float]) -> str:
    metric = next(name for name in ("auc", "f1") if name in record)
    return f"loss {record['loss']:.3f}  validation {metric} {record[metric]:.3f}  {record['seconds']:.1f} s"
