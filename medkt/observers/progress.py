"""How a study goes: a bar on a terminal, plain lines in a log.

In: what study.py reports. Out: text on standard error, so that standard output stays for results.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from medkt.observers.observer import Observer
from medkt.run_settings import RunSettings


class Log(Observer):
    """One line a run and one an epoch."""

    def __init__(self, console: Console) -> None:
        self.console, self.total, self.began = console, 0, perf_counter()
        self.numbers: dict[str, int] = {}
        self.read = perf_counter()  # when a line about images was due last

    def __enter__(self) -> Log:
        """Nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clear."""

    def plan(self, runs: Sequence[RunSettings], whole: int) -> None:
        """Say how much there is to do."""
        self.total = len(runs)
        already = f"; {whole} are whole already" if whole else ""
        self._say(f"{self.total} runs to train{already}")

    def run(self, run: RunSettings) -> None:
        """Say which run begins."""
        self.numbers[run.run_id] = len(self.numbers) + 1
        self._say(f"{self._number(run)} {run.run_id}")
        self.read = perf_counter()

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Say how many images there are to decode, every ten seconds."""
        if perf_counter() - self.read > 10:
            self.read = perf_counter()
            self._say(f"{self._number(run)} images {done:,}/{total:,}")

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Say how an epoch went."""
        self._say(f"{self._number(run)} epoch {record['epoch']}/{run.training.epochs}  {_summary(record)}")

    def note(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def done(self, run: RunSettings, seconds: float) -> None:
        """Say that the run is whole."""
        self._say(f"{self._number(run)} {run.run_id} done in {seconds:.0f} s")

    def _number(self, run: RunSettings) -> str:
        return f"[{self.numbers[run.run_id]}/{self.total}]"

    def _say(self, text: str) -> None:
        self.console.print(
            f"{perf_counter() - self.began:7.1f} s  {text}", markup=False, highlight=False, soft_wrap=True
        )


class Bars(Observer):
    """A bar for the study and one for the run in the making; a line for each run that is done."""

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

    def plan(self, runs: Sequence[RunSettings], whole: int) -> None:
        """Show how much there is to do."""
        note = f"{whole} already there" if whole else ""
        self.progress.update(self.study, total=len(runs), note=note)

    def run(self, run: RunSettings) -> None:
        """Show which run begins."""
        self.epochs[run.run_id] = self.progress.add_task(run.run_id, total=run.training.epochs, note="reading images")

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """Let the run's bar count images first."""
        self.progress.update(self.epochs[run.run_id], completed=done, total=total)
        if done == total:
            self.progress.update(self.epochs[run.run_id], completed=0, total=run.training.epochs, note="")

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Move the run's bar."""
        self.progress.update(self.epochs[run.run_id], completed=record["epoch"], note=_summary(record))

    def note(self, text: str) -> None:
        """Leave a line."""
        self.progress.console.print(text, markup=False, highlight=False)

    def done(self, run: RunSettings, seconds: float) -> None:
        """Move the study's bar and leave a line."""
        self.progress.remove_task(self.epochs.pop(run.run_id))
        self.progress.advance(self.study)
        self.progress.console.print(f"{run.run_id} done in {seconds:.0f} s", markup=False, highlight=False)


def observer(console: Console) -> Bars | Log:
    """Bars where somebody watches, lines where nobody does."""
    return Bars(console) if console.is_terminal else Log(console)


def _summary(record: dict[str, float]) -> str:
    metric = next(name for name in ("auc", "f1") if name in record)
    return f"loss {record['loss']:.3f}  validation {metric} {record[metric]:.3f}  {record['seconds']:.1f} s"
