"""Convert a checkpoint of another trainer to a teacher's file: safetensors, with the names of its outputs.

In: a file of tensors. They may be inside a training checkpoint, and their names may begin with DataParallel's `module.`
or another prefix. The classifier may have another name or be in a Sequential with dropout or a sigmoid (CheXclusion,
CheXNet), and layers may have torchvision's old names or MONAI's. Out: the complete network with today's names. A pickle
that contains more than tensors is refused, because it may run code.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import save_file
from torch import Tensor

from medkt.models.initialisation import read_weights
from medkt.models.plain_tensors import check_no_text, check_plain, load_without_code
from medkt.settings import TeacherArchitecture
from medkt.teachers import labels as teacher_labels
from medkt.teachers.networks import KINDS, build
from medkt.teachers.teacher import METADATA, Teacher, load_teacher
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file
from medkt_eval.runtime.reading.names import check_printable, shown

_CHEST = "torchxrayvision-densenet121"
_HEADS = ("classifier", "fc", "head", "class_layers", "linear", "last_linear")  # what trainers call the last layer
_MONAI = re.compile(r"(denselayer\d+)\.layers\.")  # MONAI's denselayer1.layers.norm1 is torchvision's denselayer1.norm1
_OPERATING_POINTS = "op_threshs"  # operating points of TorchXRayVision's outputs, NaN if an output was never trained

# Code that extracts the tensors from a file that the user trusts: tables of tensors, and networks at any depth.
_SAVE = (
    "import torch; plain = lambda x: plain(x.state_dict()) if hasattr(x, 'state_dict') else x if not "
    "isinstance(x, dict) else {{str(k): plain(v) for k, v in x.items() if isinstance(v, (dict, torch.Tensor)) "
    "or hasattr(v, 'state_dict')}}; torch.save(plain(torch.load({path!r}, map_location='cpu', "
    "weights_only=False)), 'weights.pth')"
)
_SAVE_CHEST = (
    "import torch, torchxrayvision; "
    "torch.save(torchxrayvision.models.DenseNet(weights='densenet121-res224-mimic_ch').state_dict(), 'weights.pth')"
)


def convert(
    path: Path, out: Path, architecture: TeacherArchitecture, labels: str | None = None, key: str | None = None
) -> Teacher:
    """Convert a checkpoint.

    Parameters
    ----------
    path : Path
        A `.safetensors` file, or a file of tensors that torch.save wrote.
    out : Path
        The `.safetensors` file to write. It must not exist.
    architecture : {"densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"}
        The network in the file.
    labels : str, optional
        Labels of the outputs, in order, separated by commas, with nothing for an unused output; or the name of a list:
        "chexpert", "chexclusion", "torchxrayvision". The file gets the names that all collections share. By default,
        the labels are TorchXRayVision's if the file has its operating points, and otherwise unknown.
    key : str, optional
        Which network of a file that holds several, such as a student and its teacher.

    Returns
    -------
    Teacher
        The teacher that `load_teacher` loads from `out`.

    Raises
    ------
    InputError
        If `out` exists; if the file is damaged, contains more than tensors, or is not exactly this network; if it holds
        several networks and `key` names none of them; or if there is not one label for each output.
    """
    if out.suffix != ".safetensors":
        raise InputError(f"--out {out}: expected a name that ends in .safetensors")
    if out.exists():
        raise InputError(f"--out {out}: exists; remove it or name another, for runs may have been trained with it")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a checkpoint")
    tensors = _with_todays_names(_network(path, architecture, key), path, architecture)
    meaning = _meaning(labels, tensors.pop(_OPERATING_POINTS, None) if architecture == _CHEST else None)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".medkt-") as folder:
        plain, complete = Path(folder) / "plain.safetensors", Path(folder) / out.name
        save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, plain)
        try:
            network = load_teacher(architecture, plain).network  # exactly the network's tensors, or an error
        except InputError as error:
            raise InputError(str(error).replace(str(plain), str(path))) from error
        n_outputs = len(network.get_submodule(KINDS[architecture].head).get_parameter("bias"))
        if meaning is not None and len(meaning) != n_outputs:
            raise InputError(
                f"{path}: --labels has {len(meaning)} names for its {n_outputs} outputs; expected one "
                "each, with nothing between two commas for an output that means nothing"
            )
        metadata = {"architecture": architecture, "labels": meaning, "source_sha256": sha256_of_file(path)}
        # Only one entry: safetensors writes several in varying order, which would change the file's hash.
        save_file(network.state_dict(), complete, {METADATA: json.dumps(metadata)})
        complete.replace(out)
    return load_teacher(architecture, out)


@dataclass(frozen=True)
class _Network:
    """Tensors of one network in a file, and what surrounds them."""

    name: str  # the keys that lead to it, and the prefix of its names
    tensors: Mapping[str, Tensor]  # without the prefix
    outside: Mapping[str, Tensor]  # of the same table, without the prefix


def _network(path: Path, architecture: TeacherArchitecture, key: str | None) -> _Network:
    """Find the network in a file. From a checkpoint, only the network's tensors are taken."""
    content = read_weights(path) if path.suffix == ".safetensors" else _content(path, architecture)
    networks = {network.name: network for network in _networks(content, f"{_anchor(architecture)}.weight")}
    if not networks:
        named = ", ".join(str(key) for key in list(content)[:5]) if isinstance(content, Mapping) else "one object"
        raise InputError(
            f"{path}: no {_anchor(architecture)}.weight in it (it holds {named}); expected the weights of "
            f"a {architecture}"
        )
    names = ", ".join(map(shown, networks))
    if key is not None and key not in networks:
        raise InputError(f"--key {shown(key)}: no network of {path} has this name; expected one of {names}")
    if key is None and len(networks) > 1:
        raise InputError(
            f"{path}: holds {len(networks)} networks ({names}); choose the one that is to teach with --key, for "
            f"example --key {next(iter(networks))}"
        )
    network = networks[next(iter(networks)) if key is None else key]
    check_plain(network.tensors, path)
    return network


def _content(path: Path, architecture: TeacherArchitecture) -> object:
    """Read a file that torch.save wrote."""
    check_no_text(path)
    try:
        return load_without_code(path)
    except pickle.UnpicklingError as error:
        lines = _SAVE_CHEST if architecture == _CHEST else _SAVE.format(path=str(path))
        raise InputError(
            f"{path}: refused: it is damaged, or holds Python objects besides tensors, and loading those can run code. "
            f"If you trust it, save its tensors in an environment of your own, and convert what comes out: {lines}"
        ) from error
    except OSError:
        raise
    except Exception as error:  # a damaged file makes torch raise many kinds of errors
        raise InputError(f"{path}: not a whole file that torch.save wrote; copy or fetch it again") from error


def _anchor(architecture: TeacherArchitecture) -> str:
    """Return the name of the network's first layer. It locates the network in a checkpoint and shows the prefix."""
    return next(name for name, _ in build(architecture, 1).named_parameters()).removesuffix(".weight")


def _networks(content: object, anchor: str) -> list[_Network]:
    """Find the networks in all tables, at any depth, by their tensor `anchor`; tables may hold themselves."""
    waiting, seen = [("", content)], set[int]()
    networks = []
    for where, table in waiting:  # which grows
        if not isinstance(table, Mapping) or id(table) in seen:
            continue
        seen.add(id(table))
        tensors = {str(name): value for name, value in table.items() if isinstance(value, Tensor)}
        for name in tensors:
            if name == anchor or name.endswith(f".{anchor}"):
                prefix = name.removesuffix(anchor)
                own = {each.removeprefix(prefix): tensor for each, tensor in tensors.items() if each.startswith(prefix)}
                outside = {each: tensor for each, tensor in tensors.items() if not each.startswith(prefix)}
                networks.append(_Network((where + prefix).strip(".") or ".", own, outside))
        waiting += [(f"{where}{name}.", value) for name, value in table.items()]
    return networks


def _with_todays_names(network: _Network, path: Path, architecture: TeacherArchitecture) -> dict[str, Tensor]:
    """Rename the layers of other trainers, and take the classifier out of its Sequential."""
    head = KINDS[architecture].head
    renamed = {_MONAI.sub(r"\1.", name): tensor for name, tensor in network.tensors.items()}
    if f"{head}.weight" in renamed:
        return renamed
    candidates = [
        (layers, name.removesuffix(".weight"))
        for layers in (renamed, network.outside)
        for name, tensor in layers.items()
        if name.endswith(".weight") and tensor.ndim == 2 and any(part in _HEADS for part in name.split("."))
    ]
    if len(candidates) != 1:
        found = f"; it has {', '.join(shown(name) for _, name in candidates)}" if candidates else ""
        raise InputError(
            f"{path}: no {head}.weight in it, the layer that gives the answers{found}; expected the whole network, "
            "with one such layer"
        )
    ((layers, name),) = candidates
    for end in ("weight", "bias"):
        if f"{name}.{end}" in layers:
            renamed[f"{head}.{end}"] = layers[f"{name}.{end}"]
            renamed.pop(f"{name}.{end}", None)
    return renamed


def _meaning(labels: str | None, operating_points: Tensor | None) -> list[str] | None:
    """Return the shared names of the outputs' labels; None if they are unknown."""
    if labels is not None:
        named: Sequence[str] | None = teacher_labels.LISTS.get(labels) or [part.strip() for part in labels.split(",")]
    elif operating_points is not None and len(operating_points) == len(teacher_labels.TORCHXRAYVISION):
        never_trained = operating_points.isnan().tolist()
        named = [
            "" if never else name for name, never in zip(teacher_labels.TORCHXRAYVISION, never_trained, strict=True)
        ]
    else:
        return None
    check_printable(named, "label", "--labels")
    shared = [teacher_labels.shared_name(name) for name in named]
    repeated = sorted({name for name in shared if name and shared.count(name) > 1})
    if repeated:
        raise InputError(f"--labels: {', '.join(repeated)} is named twice; expected each once")
    return shared
