"""A study file becomes runs: teachers first, then the arms, each run in a folder of its own.

In: a `Study`. Out: runs/. Runs that are whole are not trained again; one that was stopped goes on where it stood.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medkt.data import rooted
from medkt.data.splitting import split_file
from medkt.errors import TrainingError
from medkt.observers.observer import Observer
from medkt.run import folder as run_folder
from medkt.run.images import Loader, check_no_leak
from medkt.run.weights import Sources
from medkt.run.worker import AFTER_EACH_EPOCH, Resuming, Worker, checkpoint_folder
from medkt.run_settings import RunSettings, Unit
from medkt.study import resume
from medkt.study.run_plan import plan
from medkt.study.schema import Study
from medkt.study.side_by_side import side_by_side
from medkt.training import checkpoint
from medkt.training.shards import ALONE, Shards
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file
from medkt_eval.runtime.locations import is_remote

if TYPE_CHECKING:
    from distributed import Client


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
    resuming: Resuming = AFTER_EACH_EPOCH,
    client: Client | None = None,
    shards: Shards = ALONE,
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
    resuming : Resuming
        How runs are saved and continued.
    client : distributed.Client, optional
        Of a cluster that trains the runs; `jobs` is then the number of its workers.
    shards : Shards
        This process among those that train each run together; the runs then go one after another.

    Returns
    -------
    list of str
        Ids of the runs that are whole now.

    Raises
    ------
    InputError
        If the settings or the data are wrong, or a run was trained or begun with other settings.
    TrainingError
        If runs failed; names them. The others are whole.
    """
    with shards.together():
        if shards.world > 1 and (client is not None or jobs not in (None, 1)):
            raise InputError(
                "torchrun trains one run at a time, by all of its processes: expected neither --scheduler "
                "nor --jobs; leave them out, or torchrun"
            )
        runs = plan(study)
        chosen = [run for run in runs if only is None or fnmatch.fnmatch(run.run_id, only)]
        if not chosen:
            listed = ", ".join(run.run_id for run in runs)
            raise InputError(f"--only {only!r} matches no run; the study's runs are {listed}")
        resume.check_out(study, out)
        sources = Sources(study.teachers, {run.name: run for run in runs if run.role == "teacher"}, folder, out)
        waiting = [run for run in chosen if not resume.is_whole(run, out / run.run_id, sources)]
        _check_needs(waiting, sources, out)
        loader = Loader({run.dataset: run.data for run in runs}, _train_sizes(runs), cache)
        loader.check([run.dataset for run in waiting])
        check_no_leak([run for run in runs if waiting and (run in waiting or run.role == "teacher")], loader)
        units = _units(waiting, out)
    waiting, units = shards.first((waiting, units))
    with shards.together():
        if shards.leads:
            _write_splits(loader, runs, waiting, out)
            resume.record_study(study, text, sha256, out)
    observer.plan(waiting, len(chosen) - len(waiting))
    if waiting and is_remote(out):
        observer.note(f"{out} has no locks: let no other command train into it meanwhile, or runs are trained twice")
    if client is None:
        worker = Worker(study.report.pictures, loader, sources, out, resuming, observer, shards)
        side_by_side(units, sources.needed_runs, worker, jobs if shards.world == 1 else 1)
        failed, elsewhere = worker.failed, worker.elsewhere
    else:
        from medkt.study.dask_tasks import Job, on_cluster

        job = Job(
            study,
            sources.trained_teachers,
            {name: rooted(data, Path.cwd()) for name, data in loader.settings.items()},
            loader.train_sizes,
            folder.resolve(),
            out if is_remote(out) else out.resolve(),
            sha256_of_file(out / "study.json"),
            cache,
            resuming,
        )
        outcome = on_cluster(units, sources.needed_runs, job, client, observer)
        failed, elsewhere = outcome.failed, outcome.elsewhere
    for run_id in elsewhere:
        observer.note(f"{run_id} is being trained by another process, and was left to it")
    with shards.together():
        if failed:
            reasons = "\n".join(failed.values())
            raise TrainingError(f"{len(failed)} of {len(waiting)} runs failed; the others are whole.\n{reasons}")
    return [run.run_id for run in runs if run_folder.is_whole(out / run.run_id)]


def _units(runs: Sequence[RunSettings], out: Path) -> list[Unit]:
    """Runs of a grid that share a seed, and stand at the same place, go in lockstep; all others by themselves."""
    units: dict[object, list[RunSettings]] = {}
    for run in runs:
        lockstep = (run.grid, run.seed, checkpoint.newest(checkpoint_folder(out, run)))
        units.setdefault(run.run_id if run.grid is None else lockstep, []).append(run)
    return [tuple(unit) for unit in units.values()]


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
                raise InputError(
                    f"{run.run_id} needs the teacher {needed}, which is not in {out} and which "
                    "--only leaves out; widen --only"
                )
        sources.check_given(run)
        coming.add(run.run_id)
