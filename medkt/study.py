"""A study file becomes runs: teachers first, then the arms, each run in a folder of its own.

In: a `Study`. Out: runs/. Runs that are whole already are not trained again; a run that was left half-way never shows.
"""

from __future__ import annotations

import fnmatch
import json
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Protocol

import torch

from medkt import run_folder
from medkt.config import RunSettings, Study
from medkt.loading import Loader, predictions
from medkt.manifest import manifest
from medkt.run_plan import plan
from medkt.schedule import side_by_side
from medkt.sources import Sources
from medkt.trainer import train
from medkt_eval.errors import InputError
from medkt_eval.files import write_text_whole


class Observer(Protocol):
    """Who is told how a study goes: a progress bar, a log, or nobody."""

    def plan(self, runs: Sequence[RunSettings], whole: int) -> None:
        """Called once: the runs to train, and how many are whole already."""

    def run(self, run: RunSettings) -> None:
        """A run begins."""

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
    sources = Sources(study, {run.name: run for run in runs if run.role == "teacher"}, folder, out)
    waiting = [run for run in chosen if not _is_whole(run, out / run.run_id, sources)]
    _check_needs(waiting, sources, out)
    _record_study(study, text, sha256, out)
    observer.plan(waiting, len(chosen) - len(waiting))
    loader = Loader({run.dataset: run.data for run in runs}, _train_sizes(runs))

    def work(run: RunSettings, stop_if_asked: Callable[[], None]) -> None:
        observer.run(run)
        began = perf_counter()
        if run.training.threads_per_run is not None:
            torch.set_num_threads(run.training.threads_per_run)
        loaded = loader.load(run.dataset, run.train_size, run.training.image_size_px)
        trained = train(
            run,
            loaded.data,
            start=sources.start(run),
            teacher=sources.teacher(run),
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
        )
        observer.done(run, seconds)

    side_by_side(waiting, sources.needed_runs, work, jobs)
    return [run.run_id for run in runs if run_folder.is_whole(out / run.run_id)]


def _train_sizes(runs: Sequence[RunSettings]) -> dict[str, list[int | None]]:
    sizes: dict[str, list[int | None]] = {}
    for run in runs:
        if run.train_size not in sizes.setdefault(run.dataset, []):
            sizes[run.dataset].append(run.train_size)
    return sizes


def _is_whole(run: RunSettings, folder: Path, sources: Sources) -> bool:
    """Whether the run is there, trained with these settings and from these weights; a stale one is an error."""
    if not run_folder.is_whole(folder):
        return False
    found = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    wanted = run_folder.without_none(run.model_dump(mode="json"))
    for table in (found, wanted):  # where the images lie is no setting of the run; which they are, its hashes say
        table.get("data", {}).pop("root", None)
    difference = _first_difference(found, wanted)
    if difference is None:
        recorded = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        for what, sha256 in (("initialisation", sources.start_sha256(run)), ("teacher", sources.teacher_sha256(run))):
            before = (recorded.get(what) or {}).get("sha256")
            if sha256 is not None and before != sha256:
                difference = f"the weights of its {what} were {str(before)[:12]}..., now they are {sha256[:12]}..."
    if difference is not None:
        raise InputError(f"{folder} is whole, but was trained otherwise: {difference}. Remove it to train it again, "
                         "give the arm a variant = '...', or use another --out")  # fmt: skip
    return True


def _first_difference(found: dict, wanted: dict, where: str = "") -> str | None:
    for key in sorted({*found, *wanted}):
        before, now = found.get(key), wanted.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            inner = _first_difference(before, now, f"{where}{key}.")
            if inner is not None:
                return inner
        elif before != now:
            return f"{where}{key} was {before!r}, now it is {now!r}"
    return None


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


def _record_study(study: Study, text: str, sha256: str, out: Path) -> None:
    """`study.json`: what was declared, and when, so that a later change of the declaration shows."""
    path = out / "study.json"
    out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    earlier: list[dict[str, str]] = []
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        earlier = before.get("earlier", [])
        if before.get("sha256") == sha256:
            return
        if any(run_folder.is_whole(folder) for folder in out.iterdir() if folder.is_dir()):
            earlier = [*earlier, {"sha256": before.get("sha256"), "declared": before.get("declared"), "replaced": now}]
    content = {
        "format": 1,
        "name": study.name,
        "declared": now,
        "sha256": sha256,
        "text": text,
        "analysis": study.analysis.model_dump(mode="json"),
        "earlier": earlier,
    }
    write_text_whole(path, json.dumps(content, indent=1) + "\n")
