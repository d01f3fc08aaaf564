"""The data set that the command line names: opened, and split where its settings say how.

In: a layout with a folder and settings, or a data set of a study file. Out: `Opened`. No image is read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np

from medkt.data import LAYOUTS, open_collection, rooted
from medkt.data.collection import Collection
from medkt.data.settings import DataSettings
from medkt.data.splitting import splits
from medkt.study.schema import read_study
from medkt_eval.errors import InputError
from medkt_eval.runtime.validation import validated

_SPLITTING = ("train_size", "validation_size", "test_size", "test_patients")


@dataclass(frozen=True)
class Opened:
    """A data set and its splits."""

    name: str
    """The layout; of any folder, the folder's name; of a study file, what it calls the data set."""
    collection: Collection
    parts: Mapping[str, np.ndarray]
    """Image indices of each split, int64, by name; of nested training sets each. Empty where no split is known."""

    def part_of(self) -> np.ndarray:
        """The split of each image, "" for none, nested training sets as one. object, (n_images,)."""
        names = np.full(len(self.collection), "", dtype=object)
        for name, rows in self.parts.items():
            names[rows] = name.split(" ")[0]
        return names

    def disjoint(self) -> dict[str, np.ndarray]:
        """`parts` with the largest training set alone, as "train"."""
        names = self.part_of()
        order = dict.fromkeys(name.split(" ")[0] for name in self.parts)
        return {name: np.flatnonzero(names == name) for name in order}


def opened(dataset: str, root: Path | None, changes: Sequence[str], study: Path | None) -> Opened:
    """Open what the command line names.

    Parameters
    ----------
    dataset : str
        A layout ("chestxray8", "folder", ...); with a study file, the name of one of its data sets.
    root : Path or None
        Where the images are; with a study file, instead of what it says.
    changes : sequence of str
        `key=value`, any setting that a study file could hold. Values as in TOML; what is no TOML is text, and text with
        commas a list, as is one word where a list is expected: `class_column=grade`, `classes=0,1,2`,
        `group_columns=eye`, `no_finding=true`.
    study : Path or None
        A study file.

    Raises
    ------
    InputError
        If the data set, a setting or a file is wrong.
    """
    given: dict[str, Any] = dict(_setting(change) for change in changes)
    if root is not None:
        given["root"] = root
    if study is not None:
        settings, sizes = _of_study(study, dataset, given)
    else:
        settings, sizes = _of_layout(dataset, given)
    settings = rooted(settings, Path())
    collection, brought = open_collection(settings)
    name = collection.source if study is None and dataset == "folder" else dataset
    if brought is not None and (settings.brings_split or not sizes):
        return Opened(name, collection, _by_name(brought))
    if not sizes:
        return Opened(name, collection, {})
    found = splits.as_asked(collection, brought, settings, sizes)
    training = {"train" if size is None else f"train {size:,}": rows for size, rows in found.train.items()}
    parts = {**training, "validation": found.validation, "test": found.test}
    return Opened(name, collection.noted(*found.notes), parts)


def _setting(change: str) -> tuple[str, Any]:
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {change!r}; expected key=value, e.g. --set class_column=grade")
    try:
        return key.strip(), tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        parts = [part.strip() for part in text.split(",")]
        return key.strip(), parts if len(parts) > 1 else parts[0]


def _of_study(study: Path, dataset: str, given: dict[str, Any]) -> tuple[DataSettings, list[int | None]]:
    read, _, _ = read_study(study)
    if dataset not in read.data:
        raise InputError(f"{study}: no data set {dataset!r}; expected one of {', '.join(read.data)}")
    before = read.data[dataset]
    said = {**before.model_dump(exclude_unset=True), **_listed(type(before), given)}
    settings = validated(type(before), said, f"{study}, {dataset}")
    arms = {arm.train_size or settings.train_size for arm in read.arms if arm.data == dataset}
    return settings, sorted(arms or {settings.train_size}, key=lambda size: (size is None, size))


def _of_layout(dataset: str, given: dict[str, Any]) -> tuple[DataSettings, list[int | None]]:
    if dataset not in LAYOUTS:
        raise InputError(
            f"data set {dataset!r}; expected one of {', '.join(LAYOUTS)}, or --study with the file that defines it"
        )
    model = LAYOUTS[dataset]
    if "root" in model.model_fields and "root" not in given:
        raise InputError(f"{dataset}: --root is not given; expected the folder of its images")
    sized = any(key in given for key in _SPLITTING)
    said = {"collection": dataset, **_listed(model, given)}
    if not sized:  # then nothing is split, but the settings ask for sizes
        said |= {"validation_size": 1, "test_size": None if given.get("official_split") else 1}
    if dataset == "chestxray8":
        said.setdefault("no_finding", "labels" not in given)  # 15 labels, as the paper's Table I counts
    settings = validated(model, said, dataset)
    return settings, [settings.train_size] if sized and not settings.brings_split else []


def _listed(model: type[DataSettings], given: dict[str, Any]) -> dict[str, Any]:
    """One word as a list where the settings expect a list and nothing else."""
    kinds = {key: field.annotation for key, field in model.model_fields.items()}
    lists = {key for key, kind in kinds.items() if list in map(get_origin, (kind, *get_args(kind)))}
    return {key: [value] if key in lists and isinstance(value, str) else value for key, value in given.items()}


def _by_name(names: np.ndarray) -> dict[str, np.ndarray]:
    found = {str(name) for name in names}
    order = [name for name in ("train", "validation", "test") if name in found] + sorted(
        found - {"train", "validation", "test"}
    )
    return {name: np.flatnonzero(names == name) for name in order}
