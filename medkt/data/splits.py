"""Training, validation and test images with no patient in two of them.

In: a `Collection` and the sizes wanted. Out: `Splits`, checked. Training sets of several sizes are nested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medkt.data.collection import Collection
from medkt_eval.errors import InputError


@dataclass(frozen=True)
class Splits:
    """Image indices of each split, int64, ascending; `train` by the size that was asked for."""

    train: Mapping[int | None, np.ndarray]
    validation: np.ndarray
    test: np.ndarray


def split(
    collection: Collection, *, train_sizes: Sequence[int | None], validation_size: int, test_size: int, seed: int
) -> Splits:
    """Draw whole patients at random until each split has its number of images, or the nearest number below.

    Parameters
    ----------
    collection : Collection
        Its `patient_ids` are kept together.
    train_sizes : sequence of int or None
        Images in each training set; the smaller lie inside the larger. None: all images that are left.
    validation_size, test_size : int
        Images.
    seed : int
        Of the draw.

    Raises
    ------
    InputError
        If there are too few images, or a split would come out more than 2 % short of its size.
    """
    known = [size for size in train_sizes if size is not None]
    wanted = test_size + validation_size + max(known, default=1)
    if wanted > len(collection):
        raise InputError(
            f"{collection.name}: {len(collection)} images, but the splits ask for {wanted} "
            f"({test_size} test, {validation_size} validation, {max(known, default=1)} training); ask for fewer"
        )
    patients, image_of = np.unique(collection.patient_ids.astype(str), return_inverse=True)
    sizes = np.bincount(image_of)
    waiting = np.random.default_rng([seed, len(patients)]).permutation(len(patients))

    def draw(n_images: int, name: str) -> np.ndarray:
        """Patients from the head of the queue, passing over those who would overfill the split."""
        nonlocal waiting
        taken, left = [], n_images
        for patient in waiting:
            if sizes[patient] <= left:
                taken.append(patient)
                left -= sizes[patient]
            if left == 0:
                break
        if left > 0.02 * n_images:
            raise InputError(
                f"{collection.name}: {name} came out {left} images short of {n_images}, because patients are kept "
                "whole; ask for another size"
            )
        waiting = waiting[~np.isin(waiting, taken)]
        return np.array(taken, dtype=np.int64)

    def images(chosen: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(image_of, chosen))

    test = images(draw(test_size, "test"))
    validation = images(draw(validation_size, "validation"))
    train: dict[int | None, np.ndarray] = {}
    so_far = np.array([], dtype=np.int64)
    for size in sorted(set(known)):
        so_far = np.concatenate([so_far, draw(size - int(sizes[so_far].sum()), f"training set of {size}")])
        train[size] = images(so_far)
    if None in train_sizes:
        train[None] = images(np.concatenate([so_far, waiting]))
    return checked(collection, Splits(train, validation, test))


def given(collection: Collection, names: np.ndarray) -> Splits:
    """Splits that the data set brings along.

    Parameters
    ----------
    collection : Collection
        The images.
    names : str, (n_images,)
        "train", "validation" or "test".

    Raises
    ------
    InputError
        If another name stands there, a split is empty, or a patient is in two splits.
    """
    for name in sorted({str(name) for name in names}):
        if name not in ("train", "validation", "test"):
            first = collection.image_ids[names == name][0]
            raise InputError(f"{collection.name}: image {first!r}: split is {name!r}; expected train, validation or "
                             "test")  # fmt: skip
    parts = {name: np.flatnonzero(names == name) for name in ("train", "validation", "test")}
    for name, part in parts.items():
        if part.size == 0:
            raise InputError(f"{collection.name}: no image has split {name!r}; each split needs some")
    return checked(collection, Splits({None: parts["train"]}, parts["validation"], parts["test"]))


def checked(collection: Collection, splits: Splits) -> Splits:
    """The same splits, or an `InputError` that names a patient who is in two of them."""
    largest = max(splits.train.values(), key=len)
    parts = {"train": largest, "validation": splits.validation, "test": splits.test}
    seen: dict[str, str] = {}
    for name, part in parts.items():
        for patient in sorted({str(patient) for patient in collection.patient_ids[part]}):
            if seen.setdefault(patient, name) != name:
                raise InputError(
                    f"{collection.name}: patient {patient!r} is in {seen[patient]} and in {name}; a model would be "
                    "tested on patients it has seen: put all images of a patient into one split"
                )
    return splits
