"""The images of a run, split and at hand; each data set is opened and split once a study, and decoded if it never was.

In: a study's data sets. Out: `Loaded`, what the trainer, the manifest and the prediction files draw on.
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
from medkt.run_settings import RunSettings
from medkt.training.run_data import Part, RunData
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Predictions
from medkt_eval.predictions.run_folders import RESERVED_LABELS


@dataclass(frozen=True)
class Loaded:
    """One data set at one training-set size and image size."""

    collection: Collection
    indices: Mapping[str, np.ndarray]  # "train", "validation", "test" -> int64, (n,)
    data: RunData
    split_sha256: str  # of the split written down (medkt.data.split_file)


class Loader:
    """Opens data sets as runs need them and keeps them for the runs that follow.

    Parameters
    ----------
    settings : mapping of data set to settings
        Of the study.
    train_sizes : mapping of data set to sizes
        All that the study uses, because smaller training sets lie inside the larger.
    cache_folder : Path, optional
        Where decoded images are kept; else `medkt.data.cache.default_folder`.
    """

    def __init__(
        self,
        settings: Mapping[str, AnyData],
        train_sizes: Mapping[str, Sequence[int | None]],
        cache_folder: Path | None = None,
    ) -> None:
        self.settings, self.train_sizes = settings, train_sizes
        self._cache_folder = cache_folder or cache.default_folder()
        self._one_at_a_time = Lock()  # runs side by side share one decoding
        self._opened: dict[str, tuple[Collection, splits.Splits]] = {}
        self._decoded: dict[tuple[str, int], tuple[np.ndarray, Pixels]] = {}

    def load(
        self,
        dataset: str,
        train_size: int | None,
        image_size_px: int,
        progress: cache.Progress = lambda _done, _all: None,
    ) -> Loaded:
        """Images of one run; `progress` is told where some are decoded or drawn for it.

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
        return Loaded(collection, parts, data, split_sha256)

    def check(self, datasets: Sequence[str]) -> None:
        """Open and split data sets without decoding an image, so that what is wrong is told before anything is trained.

        Raises
        ------
        InputError
            As `load`; or if a label is listed twice or has a name that averages have.
        """
        for dataset in dict.fromkeys(datasets):
            labels = self._open(dataset)[0].labels
            for label in labels:
                if labels.count(label) > 1 or label in RESERVED_LABELS:
                    raise InputError(
                        f"{dataset}: label {label!r} is listed twice or is the name of an average; rename it"
                    )

    def patients(self, dataset: str) -> tuple[set[str], set[str]]:
        """Patients whose images are used for training (validation included) and for testing."""
        collection, split = self._open(dataset)
        rows = np.concatenate([*split.train.values(), split.validation])
        return ({str(p) for p in collection.patient_ids[rows]}, {str(p) for p in collection.patient_ids[split.test]})

    def split_text(self, dataset: str) -> str:
        """The data set's split as `split-<dataset>.csv` holds it."""
        return split_file.text(*self._open(dataset))

    def source(self, dataset: str) -> tuple[object, ...]:
        """What data sets of the same patients share: the layout, and its root or the phantom's seed."""
        settings = self.settings[dataset]
        return (type(settings), getattr(settings, "root", None), getattr(settings, "seed", None))

    def _open(self, dataset: str) -> tuple[Collection, splits.Splits]:
        if dataset not in self._opened:
            settings = self.settings[dataset]
            collection, brought = open_collection(settings)
            if collection.complete and len(collection.absent):
                raise InputError(
                    f"{dataset}: {len(collection.absent):,} listed images are absent (first: "
                    f"{collection.absent[0]!r}); add them, take them off the table, or leave them out: "
                    "medkt data check --fix exclude lists them"
                )
            split = splits.as_asked(collection, brought, settings, self.train_sizes[dataset])
            self._opened[dataset] = collection.noted(*split.notes), split
        return self._opened[dataset]

    def _decode(
        self, dataset: str, collection: Collection, split: splits.Splits, size_px: int, progress: cache.Progress
    ) -> tuple[np.ndarray, Pixels]:
        """Rows of the collection that any run uses, ascending, and their pixels."""
        key = (dataset, size_px)
        if key not in self._decoded:
            rows = np.unique(np.concatenate([*split.train.values(), split.validation, split.test]))
            pixels = cache.decoded(collection, rows, size_px, self._cache_folder, progress=progress)
            self._decoded[key] = rows, pixels
        return self._decoded[key]


def check_no_leak(runs: Sequence[RunSettings], loader: Loader) -> None:
    """Refuse a teacher that was trained on patients whom an arm is tested on.

    Raises
    ------
    InputError
        If two data sets of one source are split so; names a patient.
    """
    taught = dict.fromkeys(run.dataset for run in runs if run.role == "teacher")
    for tested in dict.fromkeys(run.dataset for run in runs if run.role == "arm"):
        for dataset in taught:
            if dataset != tested and loader.source(dataset) == loader.source(tested):
                shared = loader.patients(dataset)[0] & loader.patients(tested)[1]
                if shared:
                    raise InputError(
                        f"{len(shared)} patients that a teacher learns from in {dataset} are test patients of {tested} "
                        f"(first: {min(shared)!r}); use disjoint patients, for the phantom another seed"
                    )


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
