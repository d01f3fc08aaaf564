"""BatchNorm when several processes share a batch.

In: a student's network. Out: the same network, synchronised where torch can do it, and the name of what its layers
normalise by. On CPUs each process normalises by its own part of the batch, so a run differs from one of one process.
"""

from __future__ import annotations

import torch
from torch import nn

from medkt.training.processes.group import ProcessGroup


def synchronise(network: nn.Module, device: torch.device, processes: ProcessGroup) -> None:
    """On GPUs, let the BatchNorm layers in training mode normalise by the full batch. Layer names stay the same.

    torch has no such layer for CPUs. Untested on hardware.
    """
    if processes.world_size == 1 or device.type != "cuda":
        return
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.BatchNorm2d) and layer.training:
                setattr(parent, name, nn.SyncBatchNorm.convert_sync_batchnorm(layer))


def statistics(network: nn.Module, processes: ProcessGroup) -> str:
    """Say which statistics the BatchNorm layers of a network in training mode normalise by.

    Returns
    -------
    {"batch", "synchronised", "per process", "fixed"}
        "batch": of the batch. "synchronised": of the full batch, exchanged between GPUs. "per process": of each
        process's part of it. "fixed": the running statistics, because every layer is frozen and fixed.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, (nn.BatchNorm2d, nn.SyncBatchNorm))]
    if not any(layer.training for layer in layers):
        return "fixed"
    if any(isinstance(layer, nn.SyncBatchNorm) for layer in layers):
        return "synchronised"
    return "batch" if processes.world_size == 1 else "per process"
