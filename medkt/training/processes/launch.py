"""Joins the processes that torchrun started.

In: torchrun's environment (RANK, LOCAL_RANK, WORLD_SIZE). Out: a `ProcessGroup`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from medkt.training.processes.group import ONE_PROCESS, ProcessGroup
from medkt_eval.errors import InputError

_ENVIRONMENT = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")

# The others wait while the main process decodes a data set. If a process dies, torchrun ends those that wait for it.
_TIMEOUT = timedelta(days=2)


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Join torchrun's processes for the duration of the block; without torchrun, give `ONE_PROCESS`.

    Yields
    ------
    ProcessGroup

    Raises
    ------
    InputError
        If WORLD_SIZE is set, but not by torchrun.
    """
    world_size = _world_size()
    if world_size == 1:
        yield ONE_PROCESS
        return
    store, rank, _ = next(rendezvous("env://"))
    if os.environ.get("GROUP_WORLD_SIZE") == "1":
        # torchrun --max-restarts keeps the store, which holds the addresses of processes that died.
        attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]
        store = distributed.PrefixStore(attempt, store)  # pyright: ignore[reportPrivateImportUsage]
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=_TIMEOUT)
    try:
        yield ProcessGroup(rank, world_size, int(os.environ["LOCAL_RANK"]))
    finally:
        distributed.destroy_process_group()


def _world_size() -> int:
    """Read the number of processes, and check what else torchrun sets."""
    text = os.environ.get("WORLD_SIZE", "1")
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1):
        raise InputError(
            f"WORLD_SIZE is {text!r}; expected the number of processes: start them with torchrun, or unset it"
        )
    absent = [name for name in _ENVIRONMENT if not os.environ.get(name)]
    if text != "1" and absent:
        raise InputError(
            f"WORLD_SIZE is {text}, but {absent[0]} is not set; to train in {text} processes, start them with "
            "torchrun; to train in one, unset WORLD_SIZE"
        )
    return int(text)
