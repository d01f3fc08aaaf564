"""The runs of a study, the sizes of their networks, and the hours that they take.

In: a study; a rate, or this machine to measure it on. Out: a `DryRun` with one row per run, and its table. No image is
read. A data set is opened only if the study file does not say how many images or labels it has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from medkt.data import open_collection
from medkt.data.collection import Task
from medkt.data.splitting import splits
from medkt.models import densenet, freezing
from medkt.run_settings import RunSettings
from medkt.settings import Architecture, UnfrozenName
from medkt.study.dry_run.step_times import StepTimes
from medkt.study.run_plan import plan
from medkt.study.schema import Study
from medkt_eval.errors import InputError

_HEADS = (
    "run",
    "training\nimages",
    "epochs",
    "trainable\nparameters",
    "all\nparameters",
    "teacher\npasses",
    "shared\nby",
    "hours",
)


@dataclass(frozen=True)
class Row:
    """One run."""

    run: RunSettings
    train_images: int
    trainable_parameters: int  # of the student
    total_parameters: int
    teacher_passes: int  # images that the teacher sees, in all epochs; 0 without a teacher
    sharing: int  # runs of a grid that share these passes, including this one
    hours: float  # including its share of the teacher's passes


@dataclass(frozen=True)
class DryRun:
    """All runs of a study, and the rates that their hours are computed from."""

    rows: tuple[Row, ...]
    rates: tuple[str, ...]

    @property
    def hours(self) -> float:
        """Hours of all runs, one after another."""
        return sum(row.hours for row in self.rows)


@dataclass(frozen=True)
class _Size:
    """The properties of a data set that the hours of a run depend on."""

    task: Task
    n_labels: int
    train: int
    validation: int
    test: int


def dry_run(
    study: Study, *, images_per_second: float | None = None, report: Callable[[str], None] = lambda _line: None
) -> DryRun:
    """List a study's runs and estimate their hours.

    A run takes a training step for each training image and epoch. It takes a pass of the student for each validation
    image and epoch, and for each test image. The teacher takes a pass for each training image and epoch. Runs of a grid
    with the same seed share it, because they train in lockstep. The estimate ignores the decoding of images, the
    transfer method's own loss, and epochs that `patience` saves.

    Parameters
    ----------
    study : Study
        Its data sets need not exist if the study file says how many images and labels they have.
    images_per_second : float, optional
        Rate of a training step without a teacher; a pass then takes a third of a step. None: steps and passes are
        timed on this machine, each kind 20 times or for a minute.
    report : callable
        Called with a line of text for each rate that was timed.

    Raises
    ------
    InputError
        If the rate is not above 0, the study cannot be planned, or a data set cannot be opened.
    """
    if images_per_second is not None and not 1e-6 <= images_per_second <= 1e9:
        raise InputError(f"--images-per-second is {images_per_second:g}; expected a number above 0, from 1e-6 to 1e9")
    runs = plan(study)
    sizes = _sizes(runs)
    sharing = Counter((run.grid or run.run_id, run.seed) for run in runs)
    times = StepTimes(images_per_second, report)
    rows = []
    for run in runs:
        size, epochs = sizes[run.dataset, run.train_size], run.training.epochs
        shared = sharing[run.grid or run.run_id, run.seed]
        seconds = epochs * size.train * times.step(run, size.task, size.n_labels)
        seconds += (epochs * size.validation + size.test) * times.prediction(run, size.task, size.n_labels)
        passes = 0 if run.teacher is None else epochs * size.train
        if run.teacher is not None:
            seconds += passes * times.teacher(run, study.teachers[run.teacher].architecture) / shared
        unfrozen = run.unfrozen if isinstance(run.unfrozen, str) else tuple(run.unfrozen)
        trainable, total = _parameters(run.student, size.n_labels, unfrozen)
        rows.append(Row(run, size.train, trainable, total, passes, shared, seconds / 3600))
    return DryRun(tuple(rows), tuple(times.rates))


def show(dry: DryRun, console: Console | None = None) -> None:
    """Print the runs, then the total: as a table on a terminal, else as lines with tabs between the columns."""
    console = Console(highlight=False) if console is None else console
    lines = [
        (
            row.run.run_id,
            f"{row.train_images:,}",
            f"{row.run.training.epochs:,}",
            f"{row.trainable_parameters:,}",
            f"{row.total_parameters:,}",
            f"{row.teacher_passes:,}",
            f"{row.sharing}",
            f"{row.hours:,.2f}",
        )
        for row in dry.rows
    ]
    if console.is_terminal:
        table = Table(box=box.SIMPLE_HEAD, padding=0)
        for head in _HEADS:
            table.add_column(head, justify="left" if head == "run" else "right", overflow="fold")
        for line in lines:
            table.add_row(*map(Text, line))
        console.print(table)
    else:
        for line in ([head.replace("\n", " ") for head in _HEADS], *lines):
            print("\t".join(line), file=console.file)  # a Console turns tabs into blanks
    for line in (
        f"{len(dry.rows):,} runs, {dry.hours:,.1f} hours ({dry.hours / 24:,.1f} days), one after another.",
        "Counted: a step for each training image and epoch; a pass of the teacher for each, once for the runs that",
        "share it; a pass for each validation image and epoch, and for each test image. Not counted: decoding.",
        *dry.rates,
    ):
        console.out(line)


@cache
def _parameters(student: Architecture, n_labels: int, unfrozen: UnfrozenName | tuple[str, ...]) -> tuple[int, int]:
    """Count the trainable parameters and all parameters of a student."""
    with torch.device("meta"):  # shapes only
        network = densenet.build(student, n_labels, seed=0)
    freezing.apply(network, unfrozen if isinstance(unfrozen, str) else list(unfrozen), "update")
    return freezing.parameter_counts(network)


def _sizes(runs: Sequence[RunSettings]) -> dict[tuple[str, int | None], _Size]:
    """Find the size of each data set and training set, in the study file or by opening the data set."""
    train_sizes: dict[str, list[int | None]] = {}
    for run in runs:
        train_sizes.setdefault(run.dataset, []).append(run.train_size)
    sizes: dict[tuple[str, int | None], _Size] = {}
    for run in runs:
        data, labels = run.data, run.data.task_and_labels()
        if (run.dataset, run.train_size) in sizes:
            continue
        if labels is not None and run.train_size and data.validation_size and data.test_size:
            sizes[run.dataset, run.train_size] = _Size(*labels, run.train_size, data.validation_size, data.test_size)
            continue
        collection, brought = open_collection(data)
        split = splits.from_settings(collection, brought, data, train_sizes[run.dataset])
        for train_size, train in split.train.items():
            sizes[run.dataset, train_size] = _Size(
                collection.task, len(collection.labels), len(train), len(split.validation), len(split.test)
            )
    return sizes
