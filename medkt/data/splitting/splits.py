"""Split a data set into training, validation and test images, with no patient in two of them.

In: a `Collection` and the sizes of the splits. Out: `Splits`, checked. Larger training sets contain the smaller ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from medkt.data.collection import Collection
from medkt.data.label_tables import lists
from medkt.data.settings import DataSettings
from medkt.data.splitting.whole_patients import take
from medkt_eval.errors import InputError


@dataclass(frozen=True)
class Splits:
    """Image indices of each split, int64, ascending. The keys of `train` are the requested sizes."""

    train: Mapping[int | None, np.ndarray]
    validation: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...] = ()
    """Each names a size that no choice of patients gives exactly, and the size reached."""


def split(
    collection: Collection,
    *,
    train_sizes: Sequence[int | None],
    validation_size: int,
    test_size: int | None,
    seed: int,
    test_patients: AbstractSet[str] | None = None,
    stratify: bool = False,
) -> Splits:
    """Draw patients at random, with all their images, until each split has its number of images.

    Parameters
    ----------
    collection : Collection
        Images with the same `patient_ids` stay together.
    train_sizes : sequence of int or None
        Number of images in each training set. Larger sets contain the smaller ones. None means all remaining images.
    validation_size : int
        Number of validation images.
    test_size : int or None
        Number of test images; None if `test_patients` lists the patients.
    seed : int
        Seed of the draw.
    test_patients : set of str or None
        Patients whose images are all test images.
    stratify : bool
        Whether every split gets a proportional share of the patients of each stratum. The stratum of a patient is the
        rarest label among the patient's images.

    Returns
    -------
    Splits
        The splits. If no choice of patients gives a requested number of images, that split has the nearest number, and
        a note says so.

    Raises
    ------
    InputError
        If there are too few images, a split is empty, or a test patient is not in the collection.
    """
    fixed_sizes = sorted({size for size in train_sizes if size is not None})
    patients, image_of = np.unique(collection.patient_ids.astype(str), return_inverse=True)
    sizes = np.bincount(image_of)
    queue = _queue(collection, image_of, len(patients), seed, stratify=stratify)
    notes: list[str] = []

    def draw(n_images: int, name: str, so_far: np.ndarray | None = None) -> np.ndarray:
        """Draw patients until, with `so_far`, they have `n_images` images. They leave the queue."""
        nonlocal queue
        first = np.array([], dtype=np.int64) if so_far is None else so_far
        chosen = take(sizes[queue], n_images - int(sizes[first].sum()))
        drawn = np.concatenate([first, queue[chosen]])
        n = int(sizes[drawn].sum())
        if n == 0:
            raise InputError(
                f"{collection.name}: {name} of {n_images} images would be empty: the smallest patient who "
                f"is left has {sizes[queue].min()} images; ask for more"
            )
        if n != n_images:
            notes.append(f"{name} has {n:,} images, not {n_images:,}: whole patients give no nearer number")
        queue = np.delete(queue, chosen)
        return drawn

    def images(chosen: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(image_of, chosen))

    listed_patients = np.array([], dtype=np.int64)
    if test_patients is not None:
        listed_patients = _listed(collection, patients, test_patients)
        queue = queue[~np.isin(queue, listed_patients)]
    n_listed = int(sizes[listed_patients].sum())
    needed = (test_size or 0) + validation_size + max(fixed_sizes, default=1)
    if needed > len(collection) - n_listed:
        available = f"{len(collection)} images" + (f", {n_listed} of them of listed test patients" if n_listed else "")
        raise InputError(
            f"{collection.name}: {available}, but the splits ask for {needed} ({test_size or 0} test, "
            f"{validation_size} validation, {max(fixed_sizes, default=1)} training); ask for fewer"
        )
    test = images(listed_patients if test_size is None else draw(test_size, "the test set"))
    validation = images(draw(validation_size, "the validation set"))
    train: dict[int | None, np.ndarray] = {}
    so_far = np.array([], dtype=np.int64)
    for size in fixed_sizes:
        so_far = draw(size, f"the training set of {size:,}", so_far)
        train[size] = images(so_far)
    if None in train_sizes:
        train[None] = images(np.concatenate([so_far, queue]))
    return checked(collection, Splits(train, validation, test, tuple(notes)))


def from_settings(
    collection: Collection, defined: np.ndarray | None, settings: DataSettings, train_sizes: Sequence[int | None]
) -> Splits:
    """Split a data set as its settings say.

    Parameters
    ----------
    collection : Collection
        The images.
    defined : str, (n_images,) or None
        The split of each image, if the data set defines it: train, validation or test. If it only defines train and
        test, validation images are drawn from "train".
    settings : DataSettings
        Settings of the data set.
    train_sizes : sequence of int or None
        As for `split`.

    Raises
    ------
    InputError
        As for `split` and `given`; also if a training size is set although the data set defines its training set.
    """
    drawn = settings.brings_split and settings.validation_size and defined is not None and "validation" not in defined
    if drawn and settings.test_size is not None:
        raise InputError(f"{collection.name}: test_size is given, and the data bring their test images; leave it out")
    if settings.brings_split and defined is not None and not drawn:
        if list(train_sizes) != [None]:
            raise InputError(
                f"{collection.name}: train_size is given, and the data bring their split along; expected one of them"
            )
        return given(collection, defined)
    test_patients = None if settings.test_patients is None else lists.ids(settings.test_patients, "patient")
    if defined is not None:
        _check_names(collection, defined)
        parts = {name: np.flatnonzero(defined == name) for name in ("train", "test")}
        if not parts["test"].size:
            raise InputError(f"{collection.name}: no image has split 'test'; each split needs some")
        _check_disjoint(collection, parts)
        test_patients = frozenset(str(patient) for patient in collection.patient_ids[parts["test"]])
    return split(
        collection,
        train_sizes=train_sizes,
        validation_size=settings.validation_size,
        test_size=settings.test_size,
        seed=settings.split_seed,
        stratify=settings.stratify,
        test_patients=test_patients,
    )


def _queue(collection: Collection, image_of: np.ndarray, n_patients: int, seed: int, *, stratify: bool) -> np.ndarray:
    """Order the patients at random, by strata if requested. int64, (n_patients,)."""
    rng = np.random.default_rng([seed, n_patients])
    order = rng.permutation(n_patients)
    if not stratify:
        return order
    stratum = _rarest_label(collection, image_of, n_patients)[order]
    # The k-th of n patients of a stratum gets position (k + u)/n, with u uniform in [0, 1). Then any part of the queue
    # has its share of each stratum.
    position = np.empty(n_patients)
    for value in np.unique(stratum):
        members = np.flatnonzero(stratum == value)
        position[members] = (np.arange(members.size) + rng.random(members.size)) / members.size
    return order[np.argsort(position, kind="stable")]


def _rarest_label(collection: Collection, image_of: np.ndarray, n_patients: int) -> np.ndarray:
    """Find the rarest label among each patient's images; -1 for none. int64, (n_patients,)."""
    targets = collection.targets
    if collection.task == "multiclass":
        targets = np.eye(len(collection.labels))[targets]
    rarest = np.full(n_patients, -1, dtype=np.int64)
    most_common_first = np.argsort(-np.nansum(targets, axis=0), kind="stable")
    for label in most_common_first:  # the rarest comes last and overwrites the others
        rarest[image_of[targets[:, label] == 1]] = label
    return rarest


def _listed(collection: Collection, patients: np.ndarray, test_patients: AbstractSet[str]) -> np.ndarray:
    """Find the listed patients in `patients`. Their indices, int64, ascending."""
    unknown = sorted(set(test_patients) - set(patients))
    if unknown:
        raise InputError(
            f"{collection.name}: {len(unknown)} listed test patients have no image here (first: "
            f"{unknown[0]!r}); take them off the list"
        )
    return np.flatnonzero(np.isin(patients, sorted(test_patients)))


def given(collection: Collection, names: np.ndarray) -> Splits:
    """Make the splits that the data set defines.

    Parameters
    ----------
    collection : Collection
        The images.
    names : str, (n_images,)
        "train", "validation" or "test".

    Raises
    ------
    InputError
        If a name is another one, a split is empty, or a patient is in two splits.
    """
    _check_names(collection, names)
    parts = {name: np.flatnonzero(names == name) for name in ("train", "validation", "test")}
    for name, part in parts.items():
        if part.size == 0:
            remedy = "; set validation_size to draw validation images from train" if name == "validation" else ""
            raise InputError(f"{collection.name}: no image has split {name!r}; each split needs some{remedy}")
    return checked(collection, Splits({None: parts["train"]}, parts["validation"], parts["test"]))


def _check_names(collection: Collection, names: np.ndarray) -> None:
    for name in sorted({str(name) for name in names}):
        if name not in ("train", "validation", "test"):
            first = collection.image_ids[names == name][0]
            raise InputError(
                f"{collection.name}: image {first!r}: split is {name!r}; expected train, validation or test"
            )


def checked(collection: Collection, splits: Splits) -> Splits:
    """Return the splits. Raise an `InputError` that names a patient if one is in two of them."""
    largest = max(splits.train.values(), key=len)
    _check_disjoint(collection, {"train": largest, "validation": splits.validation, "test": splits.test})
    return splits


def _check_disjoint(collection: Collection, parts: Mapping[str, np.ndarray]) -> None:
    seen: dict[str, str] = {}
    for name, part in parts.items():
        for patient in sorted({str(patient) for patient in collection.patient_ids[part]}):
            if seen.setdefault(patient, name) != name:
                raise InputError(
                    f"{collection.name}: patient {patient!r} is in {seen[patient]} and in {name}; a model would be "
                    "tested on patients it has seen: put all images of a patient into one split"
                )
