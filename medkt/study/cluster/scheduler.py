"""Open a Dask cluster that one line of text names.

In: `tcp://host:8786`, `local:4` or `slurm:cluster.toml`; also `pbs`, `sge`, `lsf`, `oar` and `htcondor`. Out: a client
of `distributed`. A cluster that is started here is closed with its client. This module does not need torch.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medkt_eval.errors import InputError
from medkt_eval.runtime.nearest_name import nearest
from medkt_eval.runtime.reading.text import read_toml

if TYPE_CHECKING:
    from distributed import Client

# Classes of dask_jobqueue. The last one runs its jobs on this machine: use it to try a file without a queue.
QUEUES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
    "jobqueue-local": "LocalCluster",
}
EXPECTED = "expected tcp://HOST:PORT of a running scheduler, local:N for N processes here, or slurm:FILE.toml"


@contextmanager
def open_client(scheduler: str, report: Callable[[str], None] = lambda _text: None) -> Iterator[Client]:
    """Open a client of the scheduler for the duration of the block.

    Parameters
    ----------
    scheduler : str
        `tcp://host:port` (or `tls://`, `ws://`); `local:N`; or `slurm:FILE`, where FILE is a TOML file with a table
        `[cluster]`: the keywords of dask_jobqueue's cluster, and `jobs`, the number of jobs to ask for.
    report : callable
        Called with a line of text: the dashboard's address.

    Raises
    ------
    InputError
        If the text or the file is wrong, no scheduler answers, or a package is missing.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise InputError(
            '--scheduler needs Dask: pip install "medkt[cluster]" (from a checkout: pip install ".[cluster]")'
        ) from error
    kind, _, rest = scheduler.partition(":")
    if kind in ("tcp", "tls", "ws", "wss"):
        try:
            client = distributed.Client(scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise InputError(
                f"--scheduler {scheduler}: no scheduler answers there ({error}); start one with: dask scheduler"
            ) from error
        with client:
            report(f"Dashboard: {client.dashboard_link}")
            yield client
        return
    with _cluster(kind, rest, scheduler) as cluster, distributed.Client(cluster) as client:
        client.register_plugin(_ignoring_interrupts())
        report(f"Dashboard: {client.dashboard_link}")
        yield client


def _ignoring_interrupts() -> Any:
    """Make a plugin that ignores Ctrl-C in workers; a terminal sends it to all processes, and the client handles it."""
    from distributed import WorkerPlugin

    class IgnoreInterrupts(WorkerPlugin):
        name = "medkt-ignore-interrupts"

        def setup(self, worker: object) -> None:  # noqa: ARG002
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, signal.SIG_IGN)

    return IgnoreInterrupts()


def _cluster(kind: str, rest: str, scheduler: str) -> Any:
    """Start a cluster; it is a context manager."""
    if kind == "local" and rest.isdecimal() and int(rest) > 0:
        from distributed import LocalCluster

        return LocalCluster(
            n_workers=int(rest), threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        )
    if kind in QUEUES and rest:
        return _queue_cluster(kind, Path(rest))
    raise InputError(f"--scheduler {scheduler!r}: {EXPECTED}")


def _queue_cluster(kind: str, path: Path) -> Any:
    """Ask a job queue for workers, as a TOML file says."""
    try:
        import dask_jobqueue
        from dask_jobqueue import core
        from dask_jobqueue.local import LocalCluster
    except ModuleNotFoundError as error:
        raise InputError(f'{kind} needs dask-jobqueue: pip install "medkt[cluster]"') from error
    settings = read_toml(path, "a TOML file with a table [cluster]")
    unknown = sorted(settings.keys() - {"cluster"})
    keywords = settings.get("cluster")
    if unknown or not isinstance(keywords, dict):
        found = f"[{unknown[0]}]" if unknown else "no table"
        raise InputError(
            f"{path}: found {found}; expected one table, [cluster], with the keywords of "
            f"dask_jobqueue.{QUEUES[kind]} and jobs"
        )
    jobs = keywords.pop("jobs", None)
    if not isinstance(jobs, int) or jobs < 1:
        raise InputError(f"{path}: jobs is {jobs!r} in [cluster]; expected the number of jobs to ask for, 1 or more")
    cluster_class = LocalCluster if kind == "jobqueue-local" else getattr(dask_jobqueue, QUEUES[kind])
    classes = (core.JobQueueCluster, core.Job, cluster_class.job_cls)
    known = {name for each in classes for name in signature(each.__init__).parameters}
    for name in keywords:
        if name not in known:
            near = nearest(name, sorted(known))
            raise InputError(
                f"{path}: [cluster]: unknown key {name!r}; expected keywords of "
                f"dask_jobqueue.{QUEUES[kind]}{f', such as {near!r}' if near else ''}"
            )
    try:
        cluster = cluster_class(**keywords)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: [cluster]: {error}") from error
    cluster.scale(jobs=jobs)
    return cluster
