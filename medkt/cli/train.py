"""The command `medkt train`."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medkt.cli.exit import INTERRUPTED, fail
from medkt.cli.options import PATH_OR_URL, Scheduler, path_or_url
from medkt_eval.errors import InputError

if TYPE_CHECKING:
    from medkt.study.preparation import TrainOptions
    from medkt.study.study_file import StudyFile

StudyArgument = Annotated[
    Path | None, typer.Argument(help="Study file (TOML), or 'paper' for the paper's study. Default: the demo study.")
]
Out = Annotated[Path, typer.Option(parser=path_or_url, metavar=PATH_OR_URL, help="Folder for the run folders.")]
Only = Annotated[str | None, typer.Option(help="Train only the runs whose ids match this pattern, e.g. '*-s0'.")]
Jobs = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Runs to train at the same time. Default: as the cores allow.")
]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder of decoded images. Default: MEDKT_CACHE, else ~/.cache/medkt.", show_default=False),
]
CheckpointMinutes = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Save unfinished runs when so many minutes have passed. Default: after each epoch.",
        show_default=False,
    ),
]
AcceptOtherThreads = Annotated[
    bool,
    typer.Option(
        "--accept-other-threads",
        help="Resume runs that were begun with other threads or on another machine; the result is not bit-identical.",
    ),
]
TensorBoardFolder = Annotated[
    Path | None, typer.Option(help="Folder for a copy of the training histories for TensorBoard.", show_default=False)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the runs and the hours they take; train nothing.")]
ImagesPerSecond = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="With --dry-run: images per second of a transfer-learning step. Default: timed on this machine.",
        show_default=False,
    ),
]


def train(
    study: StudyArgument = None,
    out: Out = Path("runs"),
    only: Only = None,
    jobs: Jobs = None,
    cache: Cache = None,
    checkpoint_minutes: CheckpointMinutes = None,
    accept_other_threads: AcceptOtherThreads = False,
    scheduler: Scheduler = None,
    tensorboard: TensorBoardFolder = None,
    dry_run: DryRun = False,
    images_per_second: ImagesPerSecond = None,
) -> None:
    """Train the runs of a study. Finished runs are kept; unfinished runs resume.

    You can stop training at any time. Run the same command again and it continues; the result is bit-identical.
    """
    # Set before torch is imported. By default its threads wait busily, which is slow if another program uses a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    file = _read(study)
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(
            'training needs torch: pip install "medkt[train]" (from a checkout: pip install ".[train]")'
        ) from None
    if dry_run:
        from medkt.study.dry_run import estimate

        report = partial(print, file=sys.stderr)
        estimate.show(estimate.dry_run(file.study, images_per_second=images_per_second, report=report))
        return

    from medkt.run.unit import CheckpointOptions
    from medkt.study.preparation import TrainOptions

    checkpoints = CheckpointOptions(checkpoint_minutes, accept_other_threads)
    _train(file, out, TrainOptions(only, jobs, cache, checkpoints), scheduler, tensorboard)


def _read(study: Path | None) -> StudyFile:
    """Read a study file, or one that comes with medkt."""
    from medkt.study.study_file import StudyFile

    if study is not None and study.is_file():
        return StudyFile.read(study)
    name = "demo" if study is None else str(study)
    return StudyFile.shipped(name) or StudyFile.read(Path(name))


def _train(file: StudyFile, out: Path, options: TrainOptions, scheduler: str | None, tensorboard: Path | None) -> None:
    """Train with progress on the terminal; turn what ends training early into one line and an exit status."""
    from rich.console import Console

    from medkt.observers import Observer, ObserverList, progress
    from medkt.observers.tensorboard import TensorBoard
    from medkt.study.cluster.scheduler import open_client
    from medkt.study.parallel import StopRequested
    from medkt.study.study import train_study_file
    from medkt.training.processes.group import OtherProcessError
    from medkt.training.processes.launch import process_group

    try:
        with ExitStack() as stack:
            processes = stack.enter_context(process_group())
            client, observers = None, list[Observer]()
            if scheduler is not None:
                client = stack.enter_context(open_client(scheduler, partial(print, file=sys.stderr)))
            if processes.is_main:
                observers.append(stack.enter_context(progress.observer(Console(stderr=True))))
                observers += [] if tensorboard is None else [TensorBoard(tensorboard)]
            finished = train_study_file(
                file, out, options, observer=ObserverList(*observers), client=client, processes=processes
            )
    except (KeyboardInterrupt, StopRequested):
        fail(f"interrupted. Progress is saved in {out}; run the same command again to continue", INTERRUPTED, once=True)
    except OtherProcessError as error:
        status = 2 if isinstance(error.__cause__, InputError) else 1
        fail(f"{error}. Progress is saved; run the same command again to continue", status, once=True)
    if processes.is_main:
        print(f"{len(finished)} runs in {out}. Next: medkt evaluate {shlex.quote(str(out))}")
