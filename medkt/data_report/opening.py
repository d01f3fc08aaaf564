"""Open the data set that the command line names, and split it if its settings say how.

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
    """The name in the study file. Without a study file, the name of the layout or of the folder."""
    collection: Collection
    parts: Mapping[str, np.ndarray]
    """Image indices of each split by name, int64. Every nested training set is a split. Empty if no split is known."""

    def part_of(self) -> np.ndarray:
        """Return the split of each image, "" for none. Nested training sets are one split. object, (n_images,)."""
        names = np.full(len(self.collection), "", dtype=object)
        for name, rows in self.parts.items():
            names[rows] = name.split(" ")[0]
        return names

    def disjoint(self) -> dict[str, np.ndarray]:
        """Return `parts` with only the largest training set, as "train"."""
        names = self.part_of()
        order = dict.fromkeys(name.split(" ")[0] for name in self.parts)
        return {name: np.flatnonzero(names == name) for name in order}


def opened(dataset: str, root: Path | None, changes: Sequence[str], study: Path | None) -> Opened:
    """Open the data set that the command line names.

    Parameters
    ----------
    dataset : str
        A layout ("chestxray8", "folder", ...). With a study file, the name of one of its data sets.
    root : Path or None
        Folder of the images. It replaces the folder in a study file.
    changes : sequence of str
        `key=value` for any setting of a study file: `class_column=grade`, `classes=0,1,2`, `group_columns=eye`,
        `no_finding=true`. A value that is not TOML is text. Text with commas is a list, and so is one word if the
        setting is a list.
    study : Path or None
        A study file.

    Raises
    ------
    InputError
        If the data set, a setting or a file is wrong.
    """
    overrides: dict[str, Any] = dict(_setting(change) for change in changes)
    if root is not None:
        overrides["root"] = root
    if study is not None:
        settings, sizes = _study_settings(study, dataset, overrides)
    else:
        settings, sizes = _layout_settings(dataset, overrides)
    settings = rooted(settings, Path())
    collection, defined = open_collection(settings)
    name = (settings.name_outside_a_study if study is None else None) or dataset
    whole = settings.brings_split and defined is not None and ("validation" in defined or not settings.validation_size)
    if defined is not None and (whole or not sizes):
        return Opened(name, collection, _by_name(defined))
    if not sizes:
        return Opened(name, collection, {})
    drawn = splits.from_settings(collection, defined, settings, sizes)
    training = {"train" if size is None else f"train {size:,}": rows for size, rows in drawn.train.items()}
    parts = {**training, "validation": drawn.validation, "test": drawn.test}
    return Opened(name, collection.noted(*drawn.notes), parts)


def _setting(change: str) -> tuple[str, Any]:
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {change!r}; expected key=value, e.g. --set class_column=grade")
    try:
        return key.strip(), tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        parts = [part.strip() for part in text.split(",")]
        return key.strip(), parts if len(parts) > 1 else parts[0]


def _study_settings(study: Path, dataset: str, overrides: dict[str, Any]) -> tuple[DataSettings, list[int | None]]:
    declared, _, _ = read_study(study)
    if dataset not in declared.data:
        raise InputError(f"{study}: no data set {dataset!r}; expected one of {', '.join(declared.data)}")
    model = type(declared.data[dataset])
    options = {**declared.data[dataset].model_dump(exclude_unset=True), **_with_lists(model, overrides)}
    settings = validated(model, options, f"{study}, {dataset}")
    arms = {arm.train_size or settings.train_size for arm in declared.arms if arm.data == dataset}
    return settings, sorted(arms or {settings.train_size}, key=lambda size: (size is None, size))


def _layout_settings(dataset: str, overrides: dict[str, Any]) -> tuple[DataSettings, list[int | None]]:
    if dataset not in LAYOUTS:
        raise InputError(
            f"data set {dataset!r}; expected one of {', '.join(LAYOUTS)}, or --study with the file that defines it"
        )
    model = LAYOUTS[dataset]
    if "root" in model.model_fields and "root" not in overrides:
        raise InputError(f"{dataset}: --root is not given; expected the folder of its images")
    sized = any(key in overrides for key in _SPLITTING)
    options = {"collection": dataset, **model.defaults_outside_a_study(overrides), **_with_lists(model, overrides)}
    if not sized:  # nothing is split, but the settings require sizes
        options |= {"validation_size": 1, "test_size": None if overrides.get("official_split") else 1}
    settings = validated(model, options, dataset)
    return settings, [settings.train_size] if sized and (not settings.brings_split or settings.validation_size) else []


def _with_lists(model: type[DataSettings], overrides: dict[str, Any]) -> dict[str, Any]:
    """Make one word a list if the setting only accepts a list."""
    kinds = {key: field.annotation for key, field in model.model_fields.items()}
    lists = {key for key, kind in kinds.items() if list in map(get_origin, (kind, *get_args(kind)))}
    return {key: [value] if key in lists and isinstance(value, str) else value for key, value in overrides.items()}


def _by_name(names: np.ndarray) -> dict[str, np.ndarray]:
    known = ("train", "validation", "test")
    present = {str(name) for name in names}
    order = [*(name for name in known if name in present), *sorted(present.difference(known))]
    return {name: np.flatnonzero(names == name) for name in order}
