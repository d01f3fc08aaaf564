"""Out of memory: telling it from other errors, and finding what fits."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

import torch

_SAID = ("DefaultCPUAllocator", "CUDA error: out of memory", "std::bad_alloc")  # by RuntimeErrors


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it says that memory did not suffice, on CUDA, in torch's CPU allocator, or in Python."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)
    )


def batch_size_that_fits(try_step: Callable[[int], None], batch_size: int) -> int | None:
    """Halve the batch until a step goes through.

    Called while the error is handled: what the failed step holds would take the place of what is tried, so its local
    variables are let go.

    Parameters
    ----------
    try_step : callable
        Goes through a step with so many images.
    batch_size : int
        That did not fit.

    Returns
    -------
    int or None
        None where not even one image fits.
    """
    if (failed := sys.exception()) is not None:
        traceback.clear_frames(failed.__traceback__)
    while (batch_size := batch_size // 2) > 0:
        try:
            try_step(batch_size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            return batch_size
    return None
