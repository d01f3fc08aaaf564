"""Training, validation and test images with no patient in two of them.

In: a `Collection` and the sizes of the splits. Out: `Splits`, checked. Smaller training sets lie inside larger ones.
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
    """Image indices of each split, int64, ascending; `train` by its requested size."""

    train: Mapping[int | None, np.ndarray]
    validation: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...] = ()
    """Each says which size was not met exactly, and by how much."""


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
        Images in each training set; smaller sets lie inside larger ones. None: all remaining images.
    validation_size : int
        Images.
    test_size : int or None
        Images; None if `test_patients` lists the patients.
    seed : int
        Seed of the draw.
    test_patients : set of str or None
        Patients whose images are the test images, all of them.
    stratify : bool
        Whether every split gets its share of the patients of each stratum. The stratum of a patient is the rarest label
        among the patient's images.

    Returns
    -------
    Splits
        If no choice of whole patients has the requested number of images, the nearest number, and a note that says so.

    Raises
    ------
    InputError
        If there are too few images, a split would be empty, or a test patient is not in the collection.
    """
    known = sorted({size for size in train_sizes if size is not None})
    patients, image_of = np.unique(collection.patient_ids.astype(str), return_inverse=True)
    sizes = np.bincount(image_of)
    waiting = _queue(collection, image_of, len(patients), seed, stratify=stratify)
    notes: list[str] = []

    def draw(n_images: int, name: str, so_far: np.ndarray | None = None) -> np.ndarray:
        """Patients with `n_images` images in all, including `so_far`; the new ones leave the queue."""
        nonlocal waiting
        first = np.array([], dtype=np.int64) if so_far is None else so_far
        chosen = take(sizes[waiting], n_images - int(sizes[first].sum()))
        drawn = np.concatenate([first, waiting[chosen]])
        n = int(sizes[drawn].sum())
        if n == 0:
            raise InputError(
                f"{collection.name}: {name} of {n_images} images would be empty: the smallest patient who "
                f"is left has {sizes[waiting].min()} images; ask for more"
            )
        if n != n_images:
            notes.append(f"{name} has {n:,} images, not {n_images:,}: whole patients give no nearer number")
        waiting = np.delete(waiting, chosen)
        return drawn

    def images(chosen: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(image_of, chosen))

    listed = np.array([], dtype=np.int64)
    if test_patients is not None:
        listed = _listed(collection, patients, test_patients)
        waiting = waiting[~np.isin(waiting, listed)]
    n_listed = int(sizes[listed].sum())
    wanted = (test_size or 0) + validation_size + max(known, default=1)
    if wanted > len(collection) - n_listed:
        left = f"{len(collection)} images" + (f", {n_listed} of them of listed test patients" if n_listed else "")
        raise InputError(
            f"{collection.name}: {left}, but the splits ask for {wanted} ({test_size or 0} test, {validation_size} "
            f"validation, {max(known, default=1)} training); ask for fewer"
        )
    test = images(listed if test_size is None else draw(test_size, "the test set"))
    validation = images(draw(validation_size, "the validation set"))
    train: dict[int | None, np.ndarray] = {}
    so_far = np.array([], dtype=np.int64)
    for size in known:
        so_far = draw(size, f"the training set of {size:,}", so_far)
        train[size] = images(so_far)
    if None in train_sizes:
        train[None] = images(np.concatenate([so_far, waiting]))
    return checked(collection, Splits(train, validation, test, tuple(notes)))


def as_asked(
    collection: Collection, brought: np.ndarray | None, settings: DataSettings, train_sizes: Sequence[int | None]
) -> Splits:
    """The splits that the settings of a data set describe.

    Parameters
    ----------
    collection : Collection
        The images.
    brought : str, (n_images,) or None
        The split of each image, if the data set defines it: train, validation or test. If it is only train or test,
        validation images are drawn from "train".
    settings : DataSettings
        Settings of the data set.
    train_sizes : sequence of int or None
        As for `split`.

    Raises
    ------
    InputError
        As `split` and `given`; also if a training size is set although the data set defines its training set.
    """
    if settings.brings_split and brought is not None:
        if list(train_sizes) != [None]:
            raise InputError(
                f"{collection.name}: train_size is given, and the data bring their split along; expected one of them"
            )
        return given(collection, brought)
    test_patients = None if settings.test_patients is None else lists.ids(settings.test_patients, "patient")
    if brought is not None:
        parts = {name: np.flatnonzero(brought == name) for name in ("train", "test")}
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
    """Patients in the order in which they are drawn, int64, (n_patients,)."""
    rng = np.random.default_rng([seed, n_patients])
    order = rng.permutation(n_patients)
    if not stratify:
        return order
    stratum = _rarest_label(collection, image_of, n_patients)[order]
    # The k-th of n patients of a stratum gets position (k + u)/n: any stretch of the queue holds each stratum's share.
    place = np.empty(n_patients)
    for value in np.unique(stratum):
        members = np.flatnonzero(stratum == value)
        place[members] = (np.arange(members.size) + rng.random(members.size)) / members.size
    return order[np.argsort(place, kind="stable")]


def _rarest_label(collection: Collection, image_of: np.ndarray, n_patients: int) -> np.ndarray:
    """The rarest label among each patient's images, -1 for none; int64, (n_patients,)."""
    targets = collection.targets
    if collection.task == "multiclass":
        targets = np.eye(len(collection.labels))[targets]
    rarest = np.full(n_patients, -1, dtype=np.int64)
    for label in np.argsort(
        -np.nansum(targets, axis=0), kind="stable"
    ):  # the rarest comes last and overwrites the others
        rarest[image_of[targets[:, label] == 1]] = label
    return rarest


def _listed(collection: Collection, patients: np.ndarray, test_patients: AbstractSet[str]) -> np.ndarray:
    """Numbers of the listed patients, int64, ascending."""
    unknown = sorted(set(test_patients) - set(patients))
    if unknown:
        raise InputError(
            f"{collection.name}: {len(unknown)} listed test patients have no image here (first: "
            f"{unknown[0]!r}); take them off the list"
        )
    return np.flatnonzero(np.isin(patients, sorted(test_patients)))


def given(collection: Collection, names: np.ndarray) -> Splits:
    """Splits that the data set defines.

    Parameters
    ----------
    collection : Collection
        The images.
    names : str, (n_images,)
        "train", "validation" or "test".

    Raises
    ------
    InputError
        If there is another name, a split is empty, or a patient is in two splits.
    """
    for name in sorted({str(name) for name in names}):
        if name not in ("train", "validation", "test"):
            first = collection.image_ids[names == name][0]
            raise InputError(
                f"{collection.name}: image {first!r}: split is {name!r}; expected train, validation or test"
            )
    parts = {name: np.flatnonzero(names == name) for name in ("train", "validation", "test")}
    for name, part in parts.items():
        if part.size == 0:
            raise InputError(f"{collection.name}: no image has split {name!r}; each split needs some")
    return checked(collection, Splits({None: parts["train"]}, parts["validation"], parts["test"]))


def checked(collection: Collection, splits: Splits) -> Splits:
    """Return the splits, or raise an `InputError` that names a patient who is in two of them."""
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
