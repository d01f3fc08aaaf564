"""The images of a run: opened, split and decoded. Each data set is opened and split once in a study.

In: a study's data sets. Out: a `LoadedDataset`, which the trainer, the manifest and the prediction files use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np

from medkt.data import AnyData, open_collection
from medkt.data.collection import Collection
from medkt.data.pixels import cache
from medkt.data.pixels.pixels import Pixels
from medkt.data.splitting import split_file, splits
from medkt.training.run_data import Part, RunData
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Predictions
from medkt_eval.predictions.run_folders import RESERVED_LABELS


@dataclass(frozen=True)
class LoadedDataset:
    """One data set at one training-set size and image size."""

    collection: Collection
    indices: Mapping[str, np.ndarray]  # "train", "validation", "test" -> int64, (n,)
    data: RunData
    split_sha256: str  # of the text of the split file (medkt.data.splitting.split_file)


class DatasetLoader:
    """Opens data sets when runs need them, and keeps them for later runs.

    Parameters
    ----------
    settings : mapping of data set to settings
        The study's data sets.
    train_sizes : mapping of data set to sizes
        All sizes that the study uses; smaller training sets are subsets of larger ones.
    cache_folder : Path, optional
        Folder of the decoded images. Default: `medkt.data.pixels.cache.default_folder`.
    study : str
        Name of the study file, for messages.
    """

    def __init__(
        self,
        settings: Mapping[str, AnyData],
        train_sizes: Mapping[str, Sequence[int | None]],
        cache_folder: Path | None = None,
        study: str = "the study file",
    ) -> None:
        self.settings, self.train_sizes = settings, train_sizes
        self._study = study
        self._cache_folder = cache_folder or cache.default_folder()
        self._one_at_a_time = Lock()  # parallel runs share the decoded images
        self._opened: dict[str, tuple[Collection, splits.Splits]] = {}
        self._decoded: dict[tuple[str, int], tuple[np.ndarray, Pixels]] = {}

    def load(
        self,
        dataset: str,
        train_size: int | None,
        image_size_px: int,
        progress: cache.Progress = lambda _done, _all: None,
    ) -> LoadedDataset:
        """Load the images of one run; `progress` is called while images are decoded or drawn.

        Raises
        ------
        InputError
            If the data set, its settings or an image are wrong.
        """
        with self._one_at_a_time:
            collection, split = self._open(dataset)
            rows, pixels = self._decode(dataset, collection, split, image_size_px, progress)
        parts = {"train": split.train[train_size], "validation": split.validation, "test": split.test}

        def part(indices: np.ndarray) -> Part:
            return Part(
                pixels.only(np.searchsorted(rows, indices)), collection.targets[indices], collection.image_ids[indices]
            )

        data = RunData(collection.task, collection.labels, *(part(indices) for indices in parts.values()))
        split_sha256 = hashlib.sha256(self.split_text(dataset).encode()).hexdigest()
        return LoadedDataset(collection, parts, data, split_sha256)

    def check(self, datasets: Sequence[str]) -> None:
        """Open and split data sets, without decoding images, so that errors appear before training begins.

        Raises
        ------
        InputError
            As `load`; or if a label is listed twice or has the name of an average.
        """
        for dataset in dict.fromkeys(datasets):
            labels = self._open(dataset)[0].labels
            for label in labels:
                if labels.count(label) > 1 or label in RESERVED_LABELS:
                    raise InputError(
                        f"{dataset}: label {label!r} is listed twice or is the name of an average; rename it"
                    )

    def labels(self, dataset: str) -> tuple[str, ...]:
        """Return the labels of a data set."""
        return self._open(dataset)[0].labels

    def check_order(self, dataset: str) -> None:
        """Refuse classes whose order is not known.

        Raises
        ------
        InputError
            If they are in alphabetical order only.
        """
        collection = self._open(dataset)[0]
        if not collection.ordered:
            raise InputError(
                f"{self._study}: [analysis] ordered is true, but the order of {dataset}'s classes is only "
                f"alphabetical: {', '.join(collection.labels)}; name them in their order: "
                f"[data.{dataset}] classes = [...]"
            )

    def patients(self, dataset: str) -> tuple[set[str], set[str]]:
        """Return the patients used for training (validation included), and those used for testing."""
        parts = (self.learnt_from(dataset), self.tested_on(dataset))
        train, test = ({str(p) for p in collection.patient_ids[rows]} for collection, rows in parts)
        return train, test

    def learnt_from(self, dataset: str) -> tuple[Collection, np.ndarray]:
        """Return a collection and its rows used for training (validation included), int64, (n,)."""
        collection, split = self._open(dataset)
        return collection, np.unique(np.concatenate([*split.train.values(), split.validation]))

    def tested_on(self, dataset: str) -> tuple[Collection, np.ndarray]:
        """Return a collection and its rows used for testing, int64, (n,)."""
        collection, split = self._open(dataset)
        return collection, split.test

    def collection(self, dataset: str) -> Collection:
        """Return the images of a data set, not decoded."""
        return self._open(dataset)[0]

    def split(self, dataset: str) -> splits.Splits:
        """Return the split of a data set."""
        return self._open(dataset)[1]

    def split_text(self, dataset: str) -> str:
        """Return the text of `split-<dataset>.csv`."""
        return split_file.text(*self._open(dataset))

    def _open(self, dataset: str) -> tuple[Collection, splits.Splits]:
        if dataset not in self._opened:
            try:
                self._opened[dataset] = self._open_and_split(dataset)
            except InputError as error:
                raise InputError(f"{self._study}: [data.{dataset}]: {error}") from error
        return self._opened[dataset]

    def _open_and_split(self, dataset: str) -> tuple[Collection, splits.Splits]:
        settings = self.settings[dataset]
        collection, brought = open_collection(settings)
        if collection.complete and len(collection.absent):
            raise InputError(
                f"{dataset}: {len(collection.absent):,} listed images are absent (first: "
                f"{collection.absent[0]!r}); add them, remove them from the table, or exclude them: "
                "medkt data check --fix exclude lists them"
            )
        split = splits.from_settings(collection, brought, settings, self.train_sizes[dataset])
        return collection.noted(*split.notes), split

    def _decode(
        self, dataset: str, collection: Collection, split: splits.Splits, size_px: int, progress: cache.Progress
    ) -> tuple[np.ndarray, Pixels]:
        """Return the rows of the collection that any run uses, ascending, and their pixels."""
        key = (dataset, size_px)
        if key not in self._decoded:
            rows = np.unique(np.concatenate([*split.train.values(), split.validation, split.test]))
            pixels = cache.decoded(collection, rows, size_px, self._cache_folder, progress=progress)
            self._decoded[key] = rows, pixels
        return self._decoded[key]


def predictions(dataset: LoadedDataset, split: Literal["validation", "test"], scores: np.ndarray) -> Predictions:
    """Put the scores of one split into the prediction format, with rows sorted by image id."""
    collection, indices = dataset.collection, dataset.indices[split]
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
