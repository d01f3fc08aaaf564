"""The images of a run, split and in memory; each data set is opened, split and decoded once a study.

In: a study's data sets. Out: `Loaded`, what the trainer, the manifest and the prediction files draw on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np

from medkt.config import AnyData, FolderData
from medkt.data import images, open_collection, splits
from medkt.data.collection import Collection
from medkt.trainer import Part, RunData
from medkt_eval.errors import InputError
from medkt_eval.predictions import Predictions


@dataclass(frozen=True)
class Loaded:
    """One data set at one training-set size and image size."""

    collection: Collection
    indices: Mapping[str, np.ndarray]  # "train", "validation", "test" -> int64, (n,)
    data: RunData


class Loader:
    """Opens data sets as runs need them and keeps them for the runs that follow.

    Parameters
    ----------
    settings : mapping of data set to settings
        Of the study.
    train_sizes : mapping of data set to sizes
        All that the study uses, because smaller training sets lie inside the larger.
    """

    def __init__(self, settings: Mapping[str, AnyData], train_sizes: Mapping[str, Sequence[int | None]]) -> None:
        self._settings, self._train_sizes = settings, train_sizes
        self._one_at_a_time = Lock()  # runs side by side share one decoding
        self._opened: dict[str, tuple[Collection, splits.Splits]] = {}
        self._decoded: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]] = {}

    def load(self, dataset: str, train_size: int | None, image_size_px: int) -> Loaded:
        """Images of one run.

        Raises
        ------
        InputError
            If the data set, its settings or an image are wrong.
        """
        with self._one_at_a_time:
            collection, split = self._open(dataset)
            rows, pixels = self._decode(dataset, collection, split, image_size_px)
        parts = {"train": split.train[train_size], "validation": split.validation, "test": split.test}

        def part(indices: np.ndarray) -> Part:
            return Part(pixels[np.searchsorted(rows, indices)], collection.targets[indices],
                        collection.image_ids[indices])  # fmt: skip

        data = RunData(collection.task, collection.labels, *(part(indices) for indices in parts.values()))
        return Loaded(collection, parts, data)

    def _open(self, dataset: str) -> tuple[Collection, splits.Splits]:
        if dataset not in self._opened:
            settings = self._settings[dataset]
            collection, given = open_collection(settings)
            sizes = self._train_sizes[dataset]
            if given is not None:
                if list(sizes) != [None]:
                    raise InputError(f"{dataset}: train_size and split_column are both given; expected one of them")
                self._opened[dataset] = collection, splits.given(collection, given)
            else:
                if isinstance(settings, FolderData) and not (settings.validation_size and settings.test_size):
                    raise InputError(f"{dataset}: validation_size and test_size are not given; expected both, or a "
                                     "split_column")  # fmt: skip
                self._opened[dataset] = collection, splits.split(
                    collection, train_sizes=sizes, validation_size=settings.validation_size,
                    test_size=settings.test_size, seed=settings.split_seed,
                )  # fmt: skip
        return self._opened[dataset]

    def _decode(
        self, dataset: str, collection: Collection, split: splits.Splits, size_px: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the collection that any run uses, ascending, and their pixels."""
        key = (dataset, size_px)
        if key not in self._decoded:
            rows = np.unique(np.concatenate([*split.train.values(), split.validation, split.test]))
            self._decoded[key] = rows, images.load(collection, rows, size_px)
        return self._decoded[key]


def predictions(loaded: Loaded, split: Literal["validation", "test"], scores: np.ndarray) -> Predictions:
    """Scores of one split as the prediction format wants them, rows sorted by image id."""
    collection, indices = loaded.collection, loaded.indices[split]
    order = np.argsort(collection.image_ids[indices].astype(str), kind="stable")
    rows = indices[order]
    return Predictions(
        task=collection.task,
        labels=collection.labels,
        image_ids=collection.image_ids[rows],
        patient_ids=collection.patient_ids[rows],
        targets=collection.targets[rows],
        scores=scores[order],
        groups={name: values[rows] for name, values in collection.groups.items()},
        source=f"{collection.name} {split}",
    )
