"""Converts a checkpoint of another trainer to a teacher's file: safetensors, with the names of its outputs.

In: a file of tensors as it comes: inside a training checkpoint, with DataParallel's `module.` or another wrapper before
every name, its classifier in a Sequential with a sigmoid (CheXclusion, CheXNet), by the names of torchvision's early
days. Out: the whole network by today's names. A pickle that holds more than tensors is refused: it may run code.
"""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch import Tensor

from medkt.models.initialisation import read_weights
from medkt.settings import TeacherArchitecture
from medkt.teachers import labels as teacher_labels
from medkt.teachers.networks import KINDS, build
from medkt.teachers.teacher import METADATA, Teacher, load_teacher
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file

_CHEST = "torchxrayvision-densenet121"
_OPERATING_POINTS = "op_threshs"  # of TorchXRayVision's outputs, NaN where an output was never trained

# What a user runs, where the file is trusted, to get the tensors out of it; two lines, set on one.
_SAVE = (
    "import torch; found = torch.load({path!r}, map_location='cpu', weights_only=False); "
    "torch.save((found['model'] if isinstance(found, dict) else found).state_dict(), 'weights.pth')"
)
_SAVE_CHEST = (
    "import torch, torchxrayvision; "
    "torch.save(torchxrayvision.models.DenseNet(weights='densenet121-res224-mimic_ch').state_dict(), 'weights.pth')"
)


def convert(path: Path, out: Path, architecture: TeacherArchitecture, labels: str | None = None) -> Teacher:
    """Convert a checkpoint.

    Parameters
    ----------
    path : Path
        `.safetensors`, or a file that torch.save wrote, of tensors.
    out : Path
        The `.safetensors` file to write; must not exist.
    architecture : {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        Which network it holds.
    labels : str, optional
        What the outputs mean, in their order, separated by commas, nothing between two for an output that means
        nothing; or the name of a list: "chexpert", "chexclusion", "torchxrayvision". They are written by the names that
        all collections share. Without: TorchXRayVision's where the file has its operating points, else not known.

    Returns
    -------
    Teacher
        As `load_teacher` gives it from `out`.

    Raises
    ------
    InputError
        If `out` exists, the file is damaged or holds more than tensors, is not exactly this network, or the labels are
        not one for each output.
    """
    if out.suffix != ".safetensors":
        raise InputError(f"--out {out}: expected a name that ends in .safetensors")
    if out.exists():
        raise InputError(f"--out {out}: exists; remove it or name another, for runs may have been trained with it")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a checkpoint")
    tensors = _unwrapped(_tensors(path, architecture), path, architecture)
    meaning = _meaning(labels, tensors.pop(_OPERATING_POINTS, None) if architecture == _CHEST else None)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".medkt-") as folder:
        plain, whole = Path(folder) / "plain.safetensors", Path(folder) / out.name
        save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, plain)
        try:
            network = load_teacher(architecture, plain).network  # the whole network and no more, or an error
        except InputError as error:
            raise InputError(str(error).replace(str(plain), str(path))) from error
        n_outputs = len(network.get_submodule(KINDS[architecture].head).get_parameter("bias"))
        if meaning is not None and len(meaning) != n_outputs:
            raise InputError(
                f"{path}: --labels has {len(meaning)} names for its {n_outputs} outputs; expected one "
                "each, with nothing between two commas for an output that means nothing"
            )
        told = {"architecture": architecture, "labels": meaning, "source_sha256": sha256_of_file(path)}
        # One entry alone: safetensors writes several in an order that changes, and the file's hash with it.
        save_file(network.state_dict(), whole, {METADATA: json.dumps(told)})
        whole.replace(out)
    return load_teacher(architecture, out)


def _tensors(path: Path, architecture: TeacherArchitecture) -> dict[str, Tensor]:
    """The tensors of a file by their names; those of the network where a checkpoint holds others besides."""
    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")  # it reads it, or raises
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        lines = _SAVE_CHEST if architecture == _CHEST else _SAVE.format(path=str(path))
        raise InputError(
            f"{path}: refused: it is damaged, or holds Python objects besides tensors, and loading those can run code. "
            f"If you trust it, save its tensors in an environment of your own, and convert what comes out: {lines}"
        ) from error
    except OSError:
        raise
    except Exception as error:  # a damaged file makes torch fail in a dozen ways
        raise InputError(f"{path}: not a whole file that torch.save wrote; copy or fetch it again") from error
    found = _deepest(content, f"{_anchor(architecture)}.weight")
    if found is None:
        named = ", ".join(str(key) for key in list(content)[:5]) if isinstance(content, Mapping) else "one object"
        raise InputError(
            f"{path}: no {_anchor(architecture)}.weight in it (it holds {named}); expected the weights of "
            f"a {architecture}"
        )
    return found


def _anchor(architecture: TeacherArchitecture) -> str:
    """The network's first layer: its name locates the network in a checkpoint, and the prefix of its names."""
    return next(name for name, _ in build(architecture, 1).named_parameters()).removesuffix(".weight")


def _deepest(content: object, anchor: str) -> dict[str, Tensor] | None:
    """The first table, at any depth, with a tensor whose name ends in `anchor`."""
    if not isinstance(content, Mapping):
        return None
    if any(str(name).endswith(anchor) for name, value in content.items() if isinstance(value, Tensor)):
        return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    inner = (_deepest(value, anchor) for value in content.values())
    return next((found for found in inner if found is not None), None)


def _unwrapped(tensors: Mapping[str, Tensor], path: Path, architecture: TeacherArchitecture) -> dict[str, Tensor]:
    """The same tensors without the common prefix of their names; the classifier is taken out of its Sequential."""
    anchor, head = f"{_anchor(architecture)}.weight", KINDS[architecture].head
    prefixes = [name.removesuffix(anchor) for name in tensors if name == anchor or name.endswith(f".{anchor}")]
    if len(prefixes) > 1:
        raise InputError(f"{path}: holds {len(prefixes)} networks ({', '.join(prefixes)}); expected one")
    prefix = prefixes[0] if prefixes else ""
    found = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    for name in ("weight", "bias"):
        if f"{head}.0.{name}" in found:
            found[f"{head}.{name}"] = found.pop(f"{head}.0.{name}")
    if f"{head}.weight" not in found:
        raise InputError(
            f"{path}: no {head}.weight in it, the layer that gives the answers; expected the whole network"
        )
    return found


def _meaning(labels: str | None, operating_points: Tensor | None) -> list[str] | None:
    """What the outputs mean, by shared names; None where it is not known."""
    if labels is not None:
        named: Sequence[str] | None = teacher_labels.LISTS.get(labels) or [part.strip() for part in labels.split(",")]
    elif operating_points is not None and len(operating_points) == len(teacher_labels.TORCHXRAYVISION):
        never_trained = operating_points.isnan().tolist()
        named = [
            "" if never else name for name, never in zip(teacher_labels.TORCHXRAYVISION, never_trained, strict=True)
        ]
    else:
        return None
    shared = [teacher_labels.shared_name(name) for name in named]
    twice = sorted({name for name in shared if name and shared.count(name) > 1})
    if twice:
        raise InputError(f"--labels: {', '.join(twice)} is named twice; expected each once")
    return shared
