"""The device that trains a run, its memory layout and its precision.

In: a run's settings and the machine. Out: a `Device`. The code for CUDA is untested on hardware.
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

_OUT_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "std::bad_alloc")  # in RuntimeErrors


@dataclass(frozen=True)
class Device:
    """A device, and the memory format and precision of the networks on it.

    Parameters
    ----------
    device : torch.device
        The CPU, or a CUDA device.
    bfloat16 : bool
        Whether networks compute in bfloat16 (autocast); losses and weights are always float32.
    """

    device: torch.device
    bfloat16: bool = False

    memory_format = torch.channels_last  # exact, and faster on CPUs and CUDA alike (docs/measurements.md)

    def placed(self, network: nn.Module) -> nn.Module:
        """Move the network to the device, in the memory format that makes convolutions fast; return it."""
        return network.to(self.device).to(memory_format=self.memory_format)  # type: ignore[call-overload]

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which networks compute."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def describe(self) -> dict[str, str]:
        """Return what run.json records about the device."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"
        return {"device": name, "precision": "bfloat16" if self.bfloat16 else "float32"}


def chosen(settings: TrainingSettings, gpu: int = 0) -> Device:
    """Choose the device that a run is trained on: a GPU if there is one, else the CPU.

    Parameters
    ----------
    settings : TrainingSettings
        `precision`: "float32"; or "auto", which is bfloat16 if the device has instructions for it.
    gpu : int
        Number of the GPU, on a machine with several.
    """
    device = torch.device("cuda", gpu) if torch.cuda.is_available() else torch.device("cpu")
    return Device(device, settings.precision == "auto" and _computes_in_bfloat16(device))


def compiled(network: nn.Module, settings: TrainingSettings, *, has_teacher: bool) -> Callable[[Tensor], Tensor]:
    """Return the network's forward pass, compiled if the settings ask for it; the network itself does not change.

    Parameters
    ----------
    network : nn.Module
        Keeps its parameters, under their names.
    settings : TrainingSettings
        `compile`.
    has_teacher : bool
        Whether a transfer method reads its layers.

    Raises
    ------
    InputError
        If the settings ask to compile a run with a teacher. Networks of one class share compiled code, and torch does
        not check their hooks before it reuses it: after a network without taps, the taps of the next stay empty.
    """
    if not settings.compile:
        return network
    if has_teacher:
        raise InputError(
            "compile = true: expected a method without a teacher, because a compiled network may not call the hooks "
            "that read its layers; set compile = false in [training]"
        )
    # One compilation for each batch size, so that a run that resumes at its last, smaller batch gets the same code.
    return torch.compile(network, dynamic=False)


def _computes_in_bfloat16(device: torch.device) -> bool:
    """Return whether the device has bfloat16 instructions; without them a step takes tens of times as long."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means too little memory: on CUDA, in torch's CPU allocator, or in Python."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)
    )


def batch_size_that_fits(try_step: Callable[[int], None], batch_size: int) -> int | None:
    """Halve the batch until a step fits into memory.

    Call it while the error is handled. The local variables of the failed step are released first, because they would
    take up the memory that is to be tried.

    Parameters
    ----------
    try_step : callable
        Computes a step with the given number of images.
    batch_size : int
        The size that did not fit.

    Returns
    -------
    int or None
        None if not even one image fits.
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
