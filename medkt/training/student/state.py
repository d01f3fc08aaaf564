"""What a checkpoint holds of a student.

In: a student. Out: every tensor and every number that its training depends on; `restore` sets them again, to the bit.
The names of the tensors are a file format: checkpoints of earlier versions use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from medkt.training.student.student import Student


def tensors(student: Student) -> dict[str, Tensor]:
    """Return every tensor of a run: network, method, Adam's moments, and the best epoch's weights and scores."""
    moments = student.optimiser.state_dict()["state"]
    method = {} if student.method is None else student.method.state_dict()
    return (
        {f"network/{name}": tensor for name, tensor in student.network.state_dict().items()}
        | {f"method/{name}": tensor for name, tensor in method.items()}
        | {f"optimiser/{k}/{name}": value for k in moments for name, value in moments[k].items()}
        | {f"best/{name}": tensor for name, tensor in student.best.weights.items()}
        | {"best_scores": torch.from_numpy(student.best.scores)}
    )


def numbers(student: Student) -> dict[str, Any]:
    """Return everything else, as values that JSON can hold."""
    return {
        "history": student.history,
        "steps": student.steps,
        "sums": student.sums,
        "seconds": student.seconds,
        "best": student.best.selection,
        "schedule": student.schedule.state_dict(),
    }


def restore(student: Student, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
    """Set a student to the state that `tensors` and `numbers` were taken of."""
    by_kind: dict[str, dict[str, Tensor]] = {"network": {}, "method": {}, "optimiser": {}, "best": {}}
    for key, tensor in tensors.items():
        kind, _, name = key.partition("/")
        if name:
            by_kind[kind][name] = tensor
    student.network.load_state_dict(by_kind["network"])
    if student.method is not None:
        student.method.load_state_dict(by_kind["method"])
    _restore_moments(student, by_kind["optimiser"])
    student.best.weights, student.best.scores = by_kind["best"], tensors["best_scores"].numpy()
    student.best.selection = dict(numbers["best"])
    student.history, student.steps = [dict(row) for row in numbers["history"]], numbers["steps"]
    student.sums, student.seconds = list(numbers["sums"]), numbers["seconds"]
    student.schedule.load_state_dict(numbers["schedule"])


def _restore_moments(student: Student, moments: Mapping[str, Tensor]) -> None:
    """Set Adam's moments; as Adam makes them, on the device and in the memory format of their parameter."""
    for k, parameter in enumerate(student.parameters):
        own = {name.split("/")[1]: value for name, value in moments.items() if name.startswith(f"{k}/")}
        if own:
            student.optimiser.state[parameter] = {
                name: torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
                for name, value in own.items()
            }
