"""The processes that train one run together; each takes a part of every batch.

    torchrun --nproc-per-node=4 -m medkt train STUDY

In: what this process computed. Out: what all processes agree on. A step uses the same batch as a single process would.
Its losses and gradients are equal up to rounding; `medkt.training.processes.batchnorm` describes the one exception.

The gradients are summed here and not by DistributedDataParallel, which reorders its buckets after the first step. With
three or more processes the sums then have another order, and a resumed run would not be bit-identical
(docs/measurements.md). DistributedDataParallel also leaves out parameters that a transfer method trains outside the
network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

_T = TypeVar("_T")
_FEWEST_IMAGES = 2  # of one process: BatchNorm has no statistics of a single image whose map is 1 x 1


class OtherProcessError(Exception):
    """Another process of this run failed or died."""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train the same run, seen from this one.

    All processes must call the methods that exchange data, in the same order.

    Parameters
    ----------
    rank : int
        Number of this process, from 0. Process 0 is the main process: it writes files and reports progress.
    world_size : int
        Number of processes.
    local_rank : int
        Number of this process on its host, which is also the number of its GPU.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and reports progress."""
        return self.rank == 0

    # Work that is shared

    def rows(self, batch_size: int) -> slice:
        """Return the rows of a batch that this process works on.

        In the last batch of an epoch, a share could have fewer than two images. Then every process works on the full
        batch, and only the result of the main process counts.

        Examples
        --------
        >>> [list(range(7))[ProcessGroup(rank, 3).rows(7)] for rank in range(3)]
        [[0, 3, 6], [1, 4], [2, 5]]
        >>> list(range(5))[ProcessGroup(2, 3).rows(5)]
        [0, 1, 2, 3, 4]
        """
        return slice(self.rank, None, self.world_size) if self._is_split(batch_size) else slice(None)

    def counts(self, batch_size: int) -> bool:
        """Return whether this process's result for a batch counts.

        >>> ProcessGroup(2, 3).counts(5), ProcessGroup(0, 3).counts(5), ProcessGroup(2, 3).counts(7)
        (False, True, True)
        """
        return self.is_main or self._is_split(batch_size)

    def share(self, items: Sequence[_T]) -> Sequence[_T]:
        """Return this process's share of `items`: every `world_size`-th one."""
        return items[self.rank :: self.world_size]

    def mean(self, value: Tensor, divisor: float, batch_size: int) -> Tensor:
        """Return the mean over a full batch.

        Parameters
        ----------
        value : Tensor, ()
            Mean over this process's part of the batch.
        divisor : float
            What the sum over this part was divided by to give `value`.
        batch_size : int
            Images of the full batch.

        Returns
        -------
        Tensor, ()
            The value is that of the full batch. The gradient is this process's share: sum the gradients of all
            processes with `sum_gradients`.
        """
        if self.world_size == 1:
            return value
        divisor = divisor if self.counts(batch_size) else 0.0
        total, divisors = self._sum(value, [divisor * value.item(), divisor])
        return _with_value(total / (divisors or 1.0), value * (divisor / (divisors or 1.0)))

    def norm(self, value: Tensor, batch_size: int) -> Tensor:
        """Return the Euclidean norm of a vector that is split over the processes.

        Parameters
        ----------
        value : Tensor, ()
            Norm of this process's part.
        batch_size : int
            Images of the full batch.

        Returns
        -------
        Tensor, ()
            As `mean`.
        """
        if self.world_size == 1:
            return value
        part = value.item() * self.counts(batch_size)
        total = self._sum(value, [part * part])[0] ** 0.5
        return _with_value(total, value * (part / (total or 1.0)))

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each gradient with its sum over all processes, bit-identical in each of them."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.world_size == 1 or not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        with _communication():
            distributed.all_reduce(flat)
        for gradient, total in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(total.view(gradient.shape))

    def broadcast_buffers(self, network: nn.Module) -> None:
        """Give every process the main process's BatchNorm statistics, so that all validate the same network."""
        if self.world_size > 1:
            with _communication():
                for buffer in network.buffers():
                    distributed.broadcast(buffer, src=0)

    # Values that all processes know

    def gather(self, value: _T) -> list[_T]:
        """Return the values of all processes, in the order of their ranks."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        with _communication():
            distributed.all_gather_object(values, value)
        return values

    def broadcast(self, value: _T) -> _T:
        """Return the main process's value."""
        return self.gather(value)[0]

    # Failures that all processes know

    @contextmanager
    def fail_together(self) -> Iterator[None]:
        """Wait at the end of the block for the other processes, and raise if one of them failed in it.

        Raises
        ------
        Exception
            In the main process: its own error, or that of the first process that failed.
        OtherProcessError
            In all other processes.
        """
        if self.world_size == 1:
            yield
            return
        own_error = None
        try:
            yield
        except OtherProcessError:
            raise
        except Exception as error:  # any error at all: the others wait
            own_error = error
        errors = [error for error in self.gather(own_error) if error is not None]
        if errors and self.is_main:
            raise own_error or errors[0]
        if errors:
            raise OtherProcessError(str(errors[0])) from errors[0]

    def on_main(self, function: Callable[[], _T]) -> _T:
        """Call `function` only in the main process; every process gets its value, or fails with it."""
        value: Any = None
        with self.fail_together():
            if self.is_main:
                value = function()
        return self.broadcast(value)

    def agree_on(self, function: Callable[[], _T]) -> _T:
        """Call `function` in every process; all get the main process's value, or fail if one of them fails."""
        with self.fail_together():
            value = function()
        return self.broadcast(value)

    def _is_split(self, batch_size: int) -> bool:
        return batch_size >= self.world_size * _FEWEST_IMAGES

    def _sum(self, like: Tensor, numbers: Sequence[float]) -> list[float]:
        """Sum numbers over all processes, in float64 on the device of `like`."""
        total = torch.tensor(numbers, dtype=torch.float64, device=like.device)
        with _communication():
            distributed.all_reduce(total)
        return total.tolist()


ONE_PROCESS = ProcessGroup()


def _with_value(value: float, part: Tensor) -> Tensor:
    """Return a tensor with the given value and the gradient of `part`."""
    return part + (value - part).detach()


@contextmanager
def _communication() -> Iterator[None]:
    """Turn torch's error about a lost connection into an `OtherProcessError`."""
    try:
        yield
    except RuntimeError as error:
        raise OtherProcessError(f"another process of this run died ({str(error).splitlines()[0]})") from error
