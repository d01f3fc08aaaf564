"""Load a network's initial weights: random, ImageNet's, or those of any run or file.

In: a network and the study file's `initialisation`. Out: the network with its weights, and an `InitialWeights` that
records their source. Nothing is downloaded. If a file is missing, the error says what to fetch and where to put it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file
from torch import Tensor, nn
from torchvision.models import DenseNet121_Weights

from medkt.models.plain_tensors import check_finite, check_no_text, check_plain, load_without_code
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file
from medkt_eval.runtime.locations import is_remote, location
from medkt_eval.runtime.reading.files import check_regular

# torchvision's file name ends in the first eight digits of the file's sha256.
_IMAGENET_URL = DenseNet121_Weights.IMAGENET1K_V1.url
_IMAGENET_SHA256_PREFIX = "a639ec97"

# torchvision's published DenseNets have older layer names: denselayer1.norm.1 is now denselayer1.norm1.
_OLD_NAME = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")


@dataclass(frozen=True)
class InitialWeights:
    """The weights that a network started from.

    Parameters
    ----------
    source : str
        The value in the study file: "random", "imagenet", or a path.
    sha256 : str or None
        SHA-256 of the file of weights; None for "random".
    loaded : tuple of str
        Names of the parameters and running statistics that came from the file.
    fresh : tuple of str
        Names of those that keep their random values. BatchNorm's batch counters, which medkt does not use, are in
        neither.
    """

    source: str
    sha256: str | None
    loaded: tuple[str, ...]
    fresh: tuple[str, ...]


def load_weights(model: nn.Module, source: str | Path, *, keep_head: bool = False) -> InitialWeights:
    """Load the initial weights of a network.

    All tensors with the same name are loaded, except the classifier, which is drawn fresh for each task. Thus a
    DenseNet-40 loads the layers that it shares with a DenseNet-121. A tensor with the same name and another shape is
    refused, because it means another architecture.

    Parameters
    ----------
    model : nn.Module
        A network from `densenet.build`. It changes in place.
    source : str or Path
        "random" (keeps the network's weights); "imagenet" (DenseNet-121's weights from torch's cache); a run's folder;
        a `.safetensors` file; or a `.pth` or `.pt` file that contains only tensors.
    keep_head : bool
        True for a teacher. Then the classifier is loaded too, and the names in file and network must match.

    Returns
    -------
    InitialWeights
        The source, the file's sha256, and the names loaded and left fresh.

    Raises
    ------
    InputError
        If the file is missing, unreadable, contains more than tensors, or does not fit the network.
    """
    names = [name for name in model.state_dict() if not name.endswith("num_batches_tracked")]
    if str(source) == "random":
        if keep_head:
            raise InputError('A teacher cannot start from "random" weights: give the file or the run that holds it.')
        return InitialWeights("random", None, (), tuple(names))

    path = find_weights(source)
    weights = read_weights(path)
    _check_shapes(model, weights, path, keep_head)
    if keep_head:
        _check_complete(names, weights, path)
    usable = {name: tensor for name, tensor in weights.items() if keep_head or not _is_head(name)}
    loadable = [name for name in names if name in usable]
    if not any(weights[name].ndim == 4 for name in loadable):
        raise InputError(
            f"{path}: no convolution of {type(model).__name__} is in it (the first of its {len(weights)} names: "
            f"{next(iter(weights), 'none')}). Expected names such as {names[0]}, as torchvision's densenet121 has them."
        )
    check_finite(weights, loadable, path)
    model.load_state_dict(usable, strict=False)
    loaded = frozenset(loadable)
    sha256 = sha256_of_file(path)
    return InitialWeights(str(source), sha256, tuple(loadable), tuple(name for name in names if name not in loaded))


def imagenet_path() -> Path:
    """Return the path where torchvision keeps DenseNet-121's ImageNet weights. The file may not exist.

    Returns
    -------
    Path
        A path in torch's cache. The environment variable TORCH_HOME moves the cache.
    """
    return Path(torch.hub.get_dir()) / "checkpoints" / _IMAGENET_URL.rsplit("/", 1)[-1]


def find_weights(source: str | Path) -> Path:
    """Find the file of weights that a source names.

    Parameters
    ----------
    source : str or Path
        "imagenet", a run's folder, or a file.

    Raises
    ------
    InputError
        If there is no such file. The message says what to fetch and where to put it.
    """
    if str(source) == "imagenet":
        return _find_imagenet()
    path = location(source)
    if path.is_dir():
        path = path / "model.safetensors"
    if not path.is_file():
        raise InputError(
            f'initialisation = "{source}": {path} does not exist. Expected "random", "imagenet", a run\'s folder, '
            "or a .safetensors or .pth file."
        )
    return path


def _find_imagenet() -> Path:
    path = imagenet_path()
    remedy = (
        f"Fetch {_IMAGENET_URL} (its sha256 begins with {_IMAGENET_SHA256_PREFIX}) and put it there, or name another "
        'file with initialisation = "path/to/file".'
    )
    if not path.is_file():
        raise InputError(
            f'initialisation = "imagenet": {path} does not exist, and medkt fetches nothing by itself. {remedy}'
        )
    sha256 = sha256_of_file(path)
    if not sha256.startswith(_IMAGENET_SHA256_PREFIX):
        raise InputError(f'initialisation = "imagenet": {path} is damaged: its sha256 begins {sha256[:8]}. {remedy}')
    return path


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read names and tensors. Old layer names are converted to the present ones.

    Parameters
    ----------
    path : Path
        A `.safetensors` file, or a `.pth` or `.pt` file that contains only tensors.

    Raises
    ------
    InputError
        If the file is damaged, contains more than tensors, or is of another kind.
    """
    if path.suffix in {".safetensors", ".pth", ".pt"} and not is_remote(path):
        check_no_text(path)
    if path.suffix == ".safetensors":
        try:
            check_regular(path)
            content: object = load(path.read_bytes()) if is_remote(path) else load_file(path)
        except SafetensorError as error:
            raise InputError(f"{path}: not a whole safetensors file ({error}). Write or copy it again.") from error
    elif path.suffix in {".pth", ".pt"}:
        try:
            content = load_without_code(path)
        except OSError:
            raise
        except (
            Exception
        ) as error:  # a damaged file makes torch raise many kinds of errors, such as KeyError and struct.error
            raise InputError(
                f"{path}: refused. It is damaged, or holds Python objects besides tensors, and loading those can run "
                "code. Save model.state_dict() alone, best as .safetensors."
            ) from error
    else:
        raise InputError(f'{path}: unknown kind of file "{path.suffix}". Expected .safetensors, .pth or .pt.')

    # A training checkpoint has the weights under one of its keys.
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: holds one {type(content).__name__}. Expected names and tensors: model.state_dict().")
    tensors = {str(name): tensor for name, tensor in content.items() if isinstance(tensor, Tensor)}
    check_plain(tensors, path)
    return {_OLD_NAME.sub(r"\1\2", name): tensor for name, tensor in tensors.items()}


def _is_head(name: str) -> bool:
    return name.startswith("classifier.")


def _check_shapes(model: nn.Module, weights: Mapping[str, Tensor], path: Path, keep_head: bool) -> None:
    for name, own in model.state_dict().items():
        if name not in weights or weights[name].shape == own.shape or (_is_head(name) and not keep_head):
            continue
        remedy = (
            f"Build the network with the file's number of outputs, {len(weights[name])}."
            if _is_head(name)
            else "The file is of another architecture: name one that fits."
        )
        raise InputError(
            f"{path}: {name} has shape {tuple(weights[name].shape)}, but {tuple(own.shape)} in "
            f"{type(model).__name__}. {remedy}"
        )


def _check_complete(names: list[str], weights: Mapping[str, Tensor], path: Path) -> None:
    absent = [name for name in names if name not in weights]
    foreign = sorted(name for name in weights.keys() - set(names) if not name.endswith("num_batches_tracked"))
    for mismatches, what in ((absent, "of the network's are not in it"), (foreign, "are not in the network")):
        if mismatches:
            raise InputError(
                f"{path}: {len(mismatches)} names {what} (first: {mismatches[0]}). A teacher must be the whole network "
                "that was trained: check its architecture, or name its own file."
            )
