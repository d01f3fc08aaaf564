"""Teachers: frozen networks whose outputs students learn from.

In: an architecture and a file of weights. Out: a `Teacher`, exactly this network, frozen. It returns its logits and the
outputs of the watched layers. It runs once per batch, whatever the number of students.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from medkt.models.initialisation import load_weights, read_weights
from medkt.models.layers import find_layer
from medkt.settings import IMAGENET, TeacherArchitecture
from medkt.teachers import networks as teacher_networks
from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote
from medkt_eval.runtime.reading.names import check_printable
from medkt_eval.runtime.reading.text import parse_json, read_text

METADATA = "medkt"  # metadata key of a converted .safetensors file; its value is a JSON table with `labels`


@dataclass(frozen=True)
class Seen:
    """A teacher's outputs for a batch, without gradient."""

    logits: Tensor  # (B, k)
    maps: Mapping[str, Tensor]  # raw outputs of the watched layers by name; (B, C, H, W) if they are maps


class Teacher:
    """A frozen network that runs once on each batch.

    It is not an nn.Module, so its parameters are never among those of a student or a method.

    Parameters
    ----------
    network : nn.Module
        Maps the student's batch, float32 (B, 3, S, S), ImageNet-normalised RGB, to logits, (B, k). It is put in
        evaluation mode, and none of its parameters is trainable.
    attention_layer : str
        Name of the layer whose output is the attention.
    smallest_size_px : int
        Smallest S at which that layer's map is more than one pixel.
    labels : sequence of str, optional
        Labels of the outputs, "" for an unused output; None if they are unknown.

    Examples
    --------
    >>> teacher = Teacher(nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()), attention_layer="0", smallest_size_px=1)
    >>> teacher.watch("0")
    >>> batch = torch.zeros(4, 3, 1, 1)
    >>> seen = teacher.look(batch)
    >>> seen.logits.shape, seen.maps["0"].shape, teacher.look(batch) is seen
    (torch.Size([4, 2]), torch.Size([4, 2, 1, 1]), True)
    """

    def __init__(
        self, network: nn.Module, *, attention_layer: str, smallest_size_px: int, labels: tuple[str, ...] | None = None
    ) -> None:
        self.network = network.requires_grad_(False).eval()
        self.attention_layer = attention_layer
        self.smallest_size_px = smallest_size_px
        self.labels = labels
        self._hooks: dict[str, RemovableHandle] = {}
        self._outputs: dict[str, Tensor] = {}
        self._last: tuple[Tensor, Seen] | None = None

    def watch(self, layer: str) -> None:
        """Keep a layer's output for each batch from now on. Repeated calls add no further hook.

        Parameters
        ----------
        layer : str
            The layer's name, as the network's `get_submodule` takes it.

        Raises
        ------
        InputError
            If there is no such layer. The message names similar ones.
        """
        module = find_layer(self.network, layer, key="teacher")
        if layer not in self._hooks:

            def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
                self._outputs[layer] = output

            self._hooks[layer] = module.register_forward_hook(keep)
            self.forget()  # the stored outputs lack this layer

    def look(self, images: Tensor) -> Seen:
        """Run the network on a batch, or return the stored outputs of the same batch.

        Parameters
        ----------
        images : float32, (B, 3, S, S)
            The student's batch. Students that share a teacher pass the same tensor object, which identifies the batch.
            It must not change in place meanwhile.

        Returns
        -------
        Seen
            The outputs, without gradient. The network is put in evaluation mode first, because in training mode a
            forward pass would change its BatchNorm statistics.
        """
        if self._last is None or self._last[0] is not images:
            self.network.eval()
            # no_grad, not inference_mode: the student's loss saves these tensors for its backward pass.
            with torch.no_grad():
                logits = self.network(images)
            self._last = images, Seen(logits, self._outputs)
            self._outputs = {}
        return self._last[1]

    def forget(self) -> None:
        """Drop the last batch."""
        self._last = None

    def to(self, device: torch.device | str, channels_last: bool) -> Teacher:
        """Move the network to a device, with the student's memory format. Returns itself."""
        self.forget()
        memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network.to(device, memory_format=memory_format)  # pyright: ignore[reportCallIssue]
        return self

    def close(self) -> None:
        """Remove all hooks and drop the last batch."""
        for hook in self._hooks.values():
            hook.remove()
        self._hooks.clear()
        self.forget()


def load_teacher(architecture: TeacherArchitecture, source: str | Path) -> Teacher:
    """Load a trained network as a teacher. The file determines the number of outputs.

    Parameters
    ----------
    architecture : {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        The network in the file.
    source : str or Path
        A run's folder, a `.safetensors` or `.pth` file, or "imagenet".

    Returns
    -------
    Teacher
        Its labels are those that `medkt teacher convert` wrote into the file, or those of the run.json beside it.
        Otherwise they are unknown.

    Raises
    ------
    InputError
        If the file is missing or is not exactly this network.
    """
    kind = teacher_networks.KINDS[architecture]
    path = teacher_networks.find_weights(architecture, source)
    weights = read_weights(path)
    if f"{kind.head}.weight" not in weights:
        first = next(iter(weights), "none")
        raise InputError(
            f"{path}: no {kind.head}.weight among its {len(weights)} names (the first: {first}); "
            f"expected a whole {architecture}. medkt teacher convert makes a file of that kind from "
            "a checkpoint whose names differ"
        )
    n_outputs = len(weights[f"{kind.head}.weight"])
    network = teacher_networks.build(architecture, n_outputs)
    load_weights(network, path, keep_head=True)
    return Teacher(
        network,
        attention_layer=kind.attention_layer,
        smallest_size_px=kind.smallest_tapped_px,
        labels=None if str(source) == IMAGENET else _labels(path, n_outputs),
    )


def _metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a file of weights."""
    if not is_remote(path):
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    with path.open(
        "rb"
    ) as stream:  # a remote file is not read completely: its header is a length in 8 bytes, then JSON
        head = stream.read(int.from_bytes(stream.read(8), "little"))
    return json.loads(head).get("__metadata__") or {}


def _labels(path: Path, n_outputs: int) -> tuple[str, ...] | None:
    """Read the labels of the outputs from the file, or from run.json in the same folder."""
    where, text = path, None
    if path.suffix == ".safetensors":
        text = _metadata(path).get(METADATA)
    record = path.with_name("run.json")
    if text is None and path.name == "model.safetensors" and record.is_file():
        where, text = record, read_text(record, "the run.json of the teacher")
    if text is None:
        return None
    table = parse_json(text, str(where), "a table that says what the teacher's outputs mean")
    labels = table.get("labels") if isinstance(table, dict) else table
    if labels is None:
        return None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InputError(f"{where}: what the teacher's outputs mean is no list of labels; convert the teacher again")
    if len(labels) != n_outputs:
        raise InputError(
            f"{where}: names {len(labels)} labels, but the network has {n_outputs} outputs; expected one each"
        )
    check_printable(labels, "label", str(where))
    return tuple(labels)
