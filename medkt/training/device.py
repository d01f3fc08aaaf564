"""Where a run is trained: the device, its memory layout and its precision.

In: a run's settings and the machine. Out: a `Device`. CUDA is written plainly and untested on hardware.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from medkt.settings import TrainingSettings
from medkt_eval.errors import InputError

_SAID = ("DefaultCPUAllocator", "CUDA error: out of memory", "std::bad_alloc")  # by RuntimeErrors


@dataclass(frozen=True)
class Device:
    """Where, and how numbers are kept there.

    Parameters
    ----------
    device : torch.device
        The CPU, or a CUDA device.
    bfloat16 : bool
        Whether networks compute in bfloat16 (autocast); losses and weights are float32 all the same.
    """

    device: torch.device
    bfloat16: bool = False

    memory_format = torch.channels_last  # exact, and faster on CPUs and CUDA alike (docs/measurements.md)

    def placed(self, network: nn.Module) -> nn.Module:
        """The network, moved here and laid out so that convolutions are fast."""
        return network.to(self.device).to(memory_format=self.memory_format)  # type: ignore[call-overload]

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which networks compute."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def describe(self) -> dict[str, str]:
        """What run.json says of it."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"
        return {"device": name, "precision": "bfloat16" if self.bfloat16 else "float32"}


def chosen(settings: TrainingSettings, gpu: int = 0) -> Device:
    """The device that a run is trained on.

    Parameters
    ----------
    settings : TrainingSettings
        `precision`: "float32"; or "auto", bfloat16 where the device computes in it.
    gpu : int
        Which of the machine's GPUs, where it has some.
    """
    device = torch.device("cuda", gpu) if torch.cuda.is_available() else torch.device("cpu")
    return Device(device, settings.precision == "auto" and _computes_in_bfloat16(device))


def compiled(network: nn.Module, settings: TrainingSettings, *, taught: bool) -> Callable[[Tensor], Tensor]:
    """The network's forward pass, compiled where the settings ask for it; the network itself stays as it is.

    Parameters
    ----------
    network : nn.Module
        Keeps its parameters, under their names.
    settings : TrainingSettings
        `compile`.
    taught : bool
        Whether a method reads its layers.

    Raises
    ------
    InputError
        If a run with a teacher is to be compiled. Networks of one class share what is compiled, and torch does not look
        at their hooks before it takes it: after one without taps, the taps of the next stay empty.
    """
    if not settings.compile:
        return network
    if taught:
        raise InputError(
            "compile = true: expected a method without a teacher, whose hooks a compiled network does not "
            "call for sure; set compile = false in [training]"
        )
    # Each size of batch by itself, so that a run that goes on with its last, smaller batch compiles what it had before.
    return torch.compile(network, dynamic=False)


def _computes_in_bfloat16(device: torch.device) -> bool:
    """Whether it has instructions for it: where it lacks them, a step takes tens of times as long."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


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
