import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkt.data import splits
from medkt.data.collection import Collection
from medkt_eval.errors import InputError


def collection(images_per_patient: list[int]) -> Collection:
    patients = np.repeat([f"p{k}" for k in range(len(images_per_patient))], images_per_patient).astype(object)
    n = len(patients)
    return Collection(
        name="made", task="multilabel", labels=("a", "b"),
        image_ids=np.array([f"i{k}" for k in range(n)], dtype=object),
        patient_ids=patients, targets=np.zeros((n, 2), dtype=np.float32),
        read=lambda _index, size: np.zeros((size, size), dtype=np.uint8),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=60, max_size=200), st.integers(0, 2**32))
def test_patients_are_whole_and_sizes_are_met(images_per_patient: list[int], seed: int):
    made = collection([*images_per_patient, *[1] * 20])
    found = splits.split(made, train_sizes=[20, 50], validation_size=12, test_size=15, seed=seed)
    parts = [found.train[50], found.validation, found.test]
    assert [len(part) for part in parts] == [50, 12, 15]
    people = [set(made.patient_ids[part]) for part in parts]
    assert not (people[0] & people[1])
    assert not (people[0] & people[2])
    assert not (people[1] & people[2])
    assert len(found.train[20]) == 20
    assert set(found.train[20]) < set(found.train[50])


def test_the_same_seed_draws_the_same_and_another_draws_others():
    made = collection([2] * 100)
    first, again, other = (
        splits.split(made, train_sizes=[None], validation_size=20, test_size=20, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)
    assert len(first.train[None]) == 160


def test_too_few_images_and_unreachable_sizes_are_errors():
    with pytest.raises(InputError, match="100 images, but the splits ask for 120"):
        splits.split(collection([2] * 50), train_sizes=[80], validation_size=20, test_size=20, seed=0)
    with pytest.raises(InputError, match="test came out 1 images short of 11"):
        splits.split(collection([5] * 50), train_sizes=[80], validation_size=20, test_size=11, seed=0)


def test_given_splits_are_honoured_and_a_patient_in_two_is_named():
    made = collection([2, 2, 2])
    names = np.array(["train", "train", "validation", "validation", "test", "test"], dtype=object)
    found = splits.given(made, names)
    assert [list(part) for part in (found.train[None], found.validation, found.test)] == [[0, 1], [2, 3], [4, 5]]
    names[1] = "test"
    with pytest.raises(InputError, match="patient 'p0' is in train and in test"):
        splits.given(made, names)
    names[1] = "training"
    with pytest.raises(InputError, match="image 'i1': split is 'training'"):
        splits.given(made, names)
    with pytest.raises(InputError, match="no image has split 'validation'"):
        splits.given(made, np.array(["train"] * 4 + ["test"] * 2, dtype=object))
