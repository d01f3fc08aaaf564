"""A study file becomes runs: teachers first, then the arms, each run in a folder of its own.

In: a `Study`. Out: runs/. Runs that are whole already are not trained again; a run that was left half-way never shows.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Protocol

import torch

from medkt import resume, run_folder
from medkt.config import RunSettings, Study
from medkt.data import split_file
from medkt.loading import Loader, check_no_leak, predictions
from medkt.manifest import manifest
from medkt.report_files import report_files
from medkt.run_plan import plan
from medkt.schedule import side_by_side
from medkt.sources import Sources
from medkt.trainer import train
from medkt_eval.errors import InputError


class Observer(Protocol):
    """Who is told how a study goes: a progress bar, a log, or nobody."""

    def plan(self, runs: Sequence[RunSettings], whole: int) -> None:
        """Called once: the runs to train, and how many are whole already."""

    def run(self, run: RunSettings) -> None:
        """A run begins."""

    def reading(self, run: RunSettings, done: int, total: int) -> None:
        """An image for it is decoded or drawn, where that has not been done."""

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """An epoch of it is over."""

    def done(self, run: RunSettings, seconds: float) -> None:
        """The run is whole."""


def train_study(
    study: Study,
    *,
    text: str,
    sha256: str,
    folder: Path,
    out: Path,
    only: str | None,
    jobs: int | None,
    observer: Observer,
    cache: Path | None = None,
) -> list[str]:
    """Train every run of a study that is not whole yet.

    Parameters
    ----------
    study : Study
        What to train.
    text, sha256 : str
        The study file and its hash, recorded in `out/study.json` before the first run begins.
    folder : Path
        Where the study file lies; paths to weights are taken from there.
    out : Path
        runs/.
    only : str or None
        Pattern (with * and ?) of the run ids to train; teachers they need must be whole or match too.
    jobs : int or None
        Runs to train side by side. None: as many as the cores hold, each with its `threads_per_run`.
    observer : Observer
        Told how it goes, from several threads.
    cache : Path, optional
        Folder of decoded images; else as `medkt.data.cache.default_folder` says.

    Returns
    -------
    list of str
        Ids of the runs that are whole now.

    Raises
    ------
    InputError
        If the settings or the data are wrong, or a whole run was trained with other settings.
    """
    runs = plan(study)
    chosen = [run for run in runs if only is None or fnmatch.fnmatch(run.run_id, only)]
    if not chosen:
        raise InputError(f"--only {only!r} matches no run; the study's runs are {', '.join(r.run_id for r in runs)}")
    resume.check_out(study, out)
    sources = Sources(study, {run.name: run for run in runs if run.role == "teacher"}, folder, out)
    waiting = [run for run in chosen if not resume.is_whole(run, out / run.run_id, sources)]
    _check_needs(waiting, sources, out)
    loader = Loader({run.dataset: run.data for run in runs}, _train_sizes(runs), cache)
    loader.check([run.dataset for run in waiting])
    check_no_leak([run for run in runs if waiting and (run in waiting or run.role == "teacher")], loader)
    _write_splits(loader, runs, waiting, out)
    resume.record_study(study, text, sha256, out)
    observer.plan(waiting, len(chosen) - len(waiting))
    default_threads = torch.get_num_threads()

    def work(run: RunSettings, stop_if_asked: Callable[[], None]) -> None:
        observer.run(run)
        began = perf_counter()
        torch.set_num_threads(run.training.threads_per_run or default_threads)

        def reading(done: int, total: int) -> None:
            stop_if_asked()
            observer.reading(run, done, total)

        loaded = loader.load(run.dataset, run.train_size, run.training.image_size_px, reading)
        teacher = sources.teacher(run)
        trained = train(
            run,
            loaded.data,
            start=sources.start(run),
            teacher=teacher,
            on_batch=stop_if_asked,
            on_epoch=lambda record: observer.epoch(run, record),
        )
        seconds = perf_counter() - began
        run_folder.write(
            out / run.run_id,
            manifest=manifest(run, loaded, trained, teacher_sha256=sources.teacher_sha256(run), seconds=seconds),
            config=run.model_dump(mode="json"),
            validation=predictions(loaded, "validation", trained.validation_scores),
            test=predictions(loaded, "test", trained.test_scores),
            history=trained.history,
            weights=trained.weights,
            more=report_files(run, loaded.data, trained, teacher=teacher, with_pictures=study.report.pictures),
        )
        observer.done(run, seconds)

    side_by_side(waiting, sources.needed_runs, work, jobs)
    return [run.run_id for run in runs if run_folder.is_whole(out / run.run_id)]


def _write_splits(loader: Loader, runs: Sequence[RunSettings], waiting: Sequence[RunSettings], out: Path) -> None:
    """`split-<dataset>.csv` for each data set that is trained on; refused where whole runs stand on another."""
    for dataset in dict.fromkeys(run.dataset for run in waiting):
        quoted = any(run_folder.is_whole(out / run.run_id) for run in runs if run.dataset == dataset)
        split_file.write(out / f"split-{dataset}.csv", loader.split_text(dataset), runs_quote_it=quoted)


def _train_sizes(runs: Sequence[RunSettings]) -> dict[str, list[int | None]]:
    sizes: dict[str, list[int | None]] = {}
    for run in runs:
        if run.train_size not in sizes.setdefault(run.dataset, []):
            sizes[run.dataset].append(run.train_size)
    return sizes


def _check_needs(waiting: Sequence[RunSettings], sources: Sources, out: Path) -> None:
    """Every weight file exists already or is trained before it is needed."""
    coming: set[str] = set()
    for run in waiting:
        for needed in sources.needed_runs(run):
            if needed not in coming and not run_folder.is_whole(out / needed):
                raise InputError(f"{run.run_id} needs the teacher {needed}, which is not in {out} and which "
                                 "--only leaves out; widen --only")  # fmt: skip
        sources.check_given(run)
        coming.add(run.run_id)
