"""One run on several processes, each of which takes a part of every batch.

    torchrun --nproc-per-node=4 -m medkt train STUDY

In: torchrun's environment (RANK, LOCAL_RANK, WORLD_SIZE). Out: `Shards`: which images are this process's, and how what
the processes have found becomes one. `ALONE`, a single process, changes nothing. The batch of a step is the one that a
single process would see, and so are its losses and gradients but for rounding; BatchNorm is told apart in `batchnorm`.

Gradients are added here and not by DistributedDataParallel. It orders them anew after a process's first step, and with
them the terms of each sum: with three processes or more, a run that was stopped would not go on to the same bits
(docs/measurements.md). It also leaves out what a transfer method trains outside of the network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.rendezvous import rendezvous

_T = TypeVar("_T")
_FEWEST = 2  # images of a process: a single one has no BatchNorm statistics where its map is 1 x 1
_PATIENCE = timedelta(days=2)  # while the first decodes a data set, say; torchrun ends those who would wait in vain


class AnotherFailed(Exception):  # noqa: N818
    """Another process of this run has failed, or is gone."""


@dataclass(frozen=True)
class Shards:
    """The part of a run that is this process's.

    What exchanges something is called by every process, in the same order.

    Parameters
    ----------
    rank : int
        Of this process, from 0.
    world : int
        Number of processes.
    local_rank : int
        Of this process on its host: the number of its GPU.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and tells how it goes."""
        return self.rank == 0

    def rows(self, n: int) -> slice:
        """Give this process's images of a batch of `n`: every so manyth.

        Where that would leave a process less than two, as it may in the last batch of an epoch, all look at the whole
        batch, and what the first finds counts (`counts`).

        Examples
        --------
        >>> [list(range(7))[Shards(rank, 3).rows(7)] for rank in range(3)]
        [[0, 3, 6], [1, 4], [2, 5]]
        >>> list(range(5))[Shards(2, 3).rows(5)], Shards(2, 3).counts(5), Shards(0, 3).counts(5)
        ([0, 1, 2, 3, 4], False, True)
        """
        return slice(self.rank, None, self.world) if self._shared(n) else slice(None)

    def counts(self, n: int) -> bool:
        """Whether what this process finds in its rows of a batch of `n` images counts."""
        return self.leads or self._shared(n)

    def mean(self, value: Tensor, weight: float) -> Tensor:
        """The mean over the whole batch.

        Parameters
        ----------
        value : Tensor, ()
            The mean over this process's part.
        weight : float
            What it was divided by; 0 where it does not count.

        Returns
        -------
        Tensor, ()
            Its value is that of the whole batch, its gradient this part's share: the processes' gradients add up.
        """
        if self.world == 1:
            return value
        total, weights = self._sum(value, [weight * value.item(), weight])
        return _with_value(total / (weights or 1.0), value * (weight / (weights or 1.0)))

    def norm(self, value: Tensor, *, counts: bool) -> Tensor:
        """The Euclidean norm of a vector of which each process holds a part; returns as `mean`.

        Parameters
        ----------
        value : Tensor, ()
            The norm of this process's part.
        counts : bool
            Whether it is a part.
        """
        if self.world == 1:
            return value
        part = value.item() * counts
        whole = self._sum(value, [part * part])[0] ** 0.5
        return _with_value(whole, value * (part / (whole or 1.0)))

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give each parameter the sum of its gradients over all processes, the same to the bit in each."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.world == 1 or not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        with _talking():
            distributed.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
            gradient.copy_(summed.view(gradient.shape))

    def share_statistics(self, network: nn.Module) -> None:
        """Give all processes the BatchNorm running statistics of the first, so that they judge one network."""
        if self.world > 1:
            with _talking():
                for buffer in network.buffers():
                    distributed.broadcast(buffer, src=0)

    def gather(self, mine: _T) -> list[_T]:
        """What each process gives, in the order of their ranks."""
        if self.world == 1:
            return [mine]
        everyone: list[Any] = [None] * self.world
        with _talking():
            distributed.all_gather_object(everyone, mine)
        return everyone

    def first(self, mine: _T) -> _T:
        """What the first process gives."""
        return self.gather(mine)[0]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Go on when every process has come to the end of the block; fail when one of them has failed in it.

        Raises
        ------
        Exception
            In the first process: its own, or that of the first one that failed.
        AnotherFailed
            In all others.
        """
        if self.world == 1:
            yield
            return
        error = None
        try:
            yield
        except AnotherFailed:
            raise
        except Exception as mine:  # whatever it is: the others wait
            error = mine
        errors = [found for found in self.gather(error) if found is not None]
        if errors and self.leads:
            raise error or errors[0]
        if errors:
            raise AnotherFailed(str(errors[0])) from errors[0]

    def synchronise_batchnorm(self, network: nn.Module, device: torch.device) -> None:
        """On GPUs, let the BatchNorm layers that are in training mode normalise by the whole batch; names stay.

        torch has no such layer for CPUs. Untested on hardware.
        """
        if self.world == 1 or device.type != "cuda":
            return
        for parent in list(network.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, nn.BatchNorm2d) and layer.training:
                    setattr(parent, name, nn.SyncBatchNorm.convert_sync_batchnorm(layer))

    def batchnorm(self, network: nn.Module) -> str:
        """What BatchNorm layers normalise by when `network`, in training mode, is trained.

        Returns
        -------
        {"batch", "synchronised", "per process", "fixed"}
            The statistics of the batch; of the whole batch, exchanged between GPUs; of each process's part of it; or
            the running ones, because every such layer is frozen and fixed.
        """
        layers = [one for one in network.modules() if isinstance(one, (nn.BatchNorm2d, nn.SyncBatchNorm))]
        if not any(layer.training for layer in layers):
            return "fixed"
        if any(isinstance(layer, nn.SyncBatchNorm) for layer in layers):
            return "synchronised"
        return "batch" if self.world == 1 else "per process"

    def _shared(self, n: int) -> bool:
        return n >= self.world * _FEWEST

    def _sum(self, like: Tensor, numbers: Sequence[float]) -> list[float]:
        summed = torch.tensor(numbers, dtype=torch.float64, device=like.device)
        with _talking():
            distributed.all_reduce(summed)
        return summed.tolist()


ALONE = Shards()


@contextmanager
def opened() -> Iterator[Shards]:
    """The processes that torchrun began, while the block lasts; `ALONE` where it did not begin this one.

    Yields
    ------
    Shards
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield ALONE
        return
    store, rank, _ = next(rendezvous("env://"))
    if os.environ.get("GROUP_WORLD_SIZE") == "1":  # torchrun --max-restarts keeps the store, and addresses of the dead
        attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]
        store = distributed.PrefixStore(attempt, store)  # pyright: ignore[reportPrivateImportUsage]
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=_PATIENCE)
    try:
        yield Shards(rank, world, int(os.environ["LOCAL_RANK"]))
    finally:
        distributed.destroy_process_group()


def _with_value(value: float, part: Tensor) -> Tensor:
    """A number, with the gradient of `part`."""
    return part + (value - part).detach()


@contextmanager
def _talking() -> Iterator[None]:
    """Torch's complaint that another process is gone, as such."""
    try:
        yield
    except RuntimeError as error:
        raise AnotherFailed(f"another process of this run is gone ({str(error).splitlines()[0]})") from error
