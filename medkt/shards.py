"""One run on several processes: which part of the work is this process's, and how the parts are put together.

In: what torchrun sets (`RANK`, `WORLD_SIZE`, ...). Out: `Shards`. Every process holds the whole run and sees the
batches that one process would see; of each it takes every world-th image, and DistributedDataParallel averages the
gradients. A batch too small to share is computed by every process. Only rank 0 writes. With one process, `ALONE`,
nothing is changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")
FEWEST = 2  # images of a batch that a process takes: of one, BatchNorm has no statistics where its map is 1 x 1


@dataclass(frozen=True)
class Shards:
    """One process among those that train a run together.

    Parameters
    ----------
    rank : int
        0 to world - 1.
    world : int
        Processes.
    """

    rank: int = 0
    world: int = 1

    @property
    def alone(self) -> bool:
        """Whether there is one process."""
        return self.world == 1

    @property
    def writes(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def shared(self, n: int) -> bool:
        """Whether a batch of n images is shared, or computed by every process."""
        return not self.alone and n >= FEWEST * self.world

    def mine(self, n: int) -> slice:
        """Which of a batch's n images this process takes."""
        return slice(self.rank, None, self.world) if self.shared(n) else slice(None)

    def share(self, n: int, part: float, whole: float) -> float:
        """Factor of a mean over this process's part, so that the average over processes is the mean over the whole.

        Parameters
        ----------
        n : int
            Images of the whole batch.
        part, whole : float
            What the mean is over, here and in the whole batch: images, or labelled entries.
        """
        return self.world * part / whole if self.shared(n) and whole else 1.0

    def parallel(self, network: nn.Module) -> nn.Module:
        """The network as it is to be called in training: its gradients are averages over processes.

        BatchNorm's statistics are each process's own, and rank 0's running ones are everybody's; on CUDA they are the
        whole batch's (SyncBatchNorm has no implementation for CPUs).
        """
        return network if self.alone else DistributedDataParallel(network)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Average the gradients of what lies outside the network: projections of a method."""
        if not self.alone:
            for parameter in parameters:
                if parameter.grad is not None:
                    distributed.all_reduce(parameter.grad)
                    parameter.grad.div_(self.world)

    def same_statistics(self, network: nn.Module) -> None:
        """Give every process rank 0's running statistics."""
        if not self.alone:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)

    def mean(self, values: Sequence[float]) -> list[float]:
        """Mean of numbers over processes; of one, the numbers."""
        if self.alone:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=_device())
        distributed.all_reduce(total)
        return (total / self.world).tolist()

    def together(self, parts: np.ndarray) -> np.ndarray:
        """Rows that each process filled in part, the others' being zero: all of them, exactly."""
        if self.alone:
            return parts
        total = torch.from_numpy(parts).to(_device())
        distributed.all_reduce(total)
        return total.cpu().numpy()

    def answer(self, ask: Callable[[], T]) -> T:
        """Rank 0's answer, for all; the others wait for it."""
        if self.alone:
            return ask()
        found: list[Any] = [ask() if self.writes else None]
        distributed.broadcast_object_list(found, 0)
        return found[0]

    def wait(self) -> None:
        """Until all processes are here."""
        if not self.alone:
            distributed.barrier()


ALONE = Shards()


def asked_for() -> bool:
    """Whether torchrun started this process with others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def local_rank() -> int:
    """Number of this process on its machine, by which it takes a GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def joined() -> Iterator[Shards]:
    """The processes that torchrun started, for the time of the block: NCCL on CUDA, else gloo."""
    if not asked_for():
        yield ALONE
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Shards(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def synchronised(network: nn.Module) -> nn.Module:
    """The network with BatchNorm over the whole batch, where there is CUDA."""
    return nn.SyncBatchNorm.convert_sync_batchnorm(network) if torch.cuda.is_available() else network


def _device() -> torch.device:
    return torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")
