"""Splits by patient: sizes, nesting, strata and refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medkt.data.collection import Collection
from medkt.data.splitting import splits
from medkt_eval.errors import InputError


def collection(images_per_patient: list[int]) -> Collection:
    patients = np.repeat([f"p{k}" for k in range(len(images_per_patient))], images_per_patient).astype(object)
    n = len(patients)
    return Collection(
        name="made",
        task="multilabel",
        labels=("a", "b"),
        image_ids=np.array([f"i{k}" for k in range(n)], dtype=object),
        patient_ids=patients,
        targets=np.zeros((n, 2), dtype=np.float32),
        read=lambda _index, size: np.zeros((size, size), dtype=np.uint8),
    )


@settings(max_examples=40)
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


def test_too_few_images_are_an_error():
    with pytest.raises(InputError, match="100 images, but the splits ask for 120"):
        splits.split(collection([2] * 50), train_sizes=[80], validation_size=20, test_size=20, seed=0)
    with pytest.raises(InputError, match=r"the test set of 2 images would be empty: .* has 5 images"):
        splits.split(collection([5] * 50), train_sizes=[80], validation_size=20, test_size=2, seed=0)


def test_where_no_choice_of_patients_has_the_number_the_nearest_is_taken_and_said():
    found = splits.split(collection([5] * 50), train_sizes=[80, 100], validation_size=20, test_size=11, seed=0)
    assert [len(part) for part in (found.test, found.validation, *found.train.values())] == [10, 20, 80, 100]
    assert found.notes == ("the test set has 10 images, not 11: whole patients give no nearer number",)
    found = splits.split(collection([5] * 50), train_sizes=[None], validation_size=20, test_size=13, seed=0)
    assert len(found.test) == 15


PAPER = {  # Table II, with as many patients as the collections have
    "chexpert": (64_740, 223_648, [5_000, 50_000, 178_352], 23_022, 22_274),
    "chestxray8": (4_230, 5_606, [3_589], 848, 1_169),
}


@pytest.mark.parametrize("name", PAPER)
@pytest.mark.parametrize("stratify", [False, True])
def test_the_papers_splits_are_exact(name: str, stratify: bool):
    n_patients, n_images, train, validation, test = PAPER[name]
    rng = np.random.default_rng(4)
    more = rng.multinomial(n_images - n_patients, rng.dirichlet(np.full(n_patients, 0.5)))
    made = collection([int(1 + extra) for extra in more])
    made.targets[rng.random(n_images) < 0.03, 1] = 1
    found = splits.split(made, train_sizes=train, validation_size=validation, test_size=test, seed=1, stratify=stratify)
    assert {size: len(part) for size, part in found.train.items()} == {size: size for size in train}
    assert (len(found.validation), len(found.test)) == (validation, test)
    assert found.notes == ()
    for small, large in itertools.pairwise(train):
        assert set(found.train[small]) < set(found.train[large])


def test_both_eyes_stay_together():
    made = collection([2] * 17_563)
    found = splits.split(made, train_sizes=[21_126], validation_size=7_000, test_size=7_000, seed=0)
    assert [len(part) for part in (*found.train.values(), found.validation, found.test)] == [21_126, 7_000, 7_000]


def test_stratified_splits_share_a_rare_label():
    made = collection([1] * 1_000)
    made.targets[:20, 1] = 1  # 20 patients
    made.targets[:400, 0] = 1
    for seed in range(20):
        found = splits.split(made, train_sizes=[500], validation_size=250, test_size=250, seed=seed, stratify=True)
        for part, share in ((found.train[500], 0.5), (found.validation, 0.25), (found.test, 0.25)):
            assert abs(made.targets[part, 1].sum() - 20 * share) <= 2
            assert abs(made.targets[part, 0].sum() - 400 * share) <= 4


def test_listed_test_patients_are_the_test_set():
    made = collection([3] * 40)
    found = splits.split(
        made, train_sizes=[None], validation_size=30, test_size=None, seed=0, test_patients={"p3", "p7"}
    )
    assert set(made.patient_ids[found.test]) == {"p3", "p7"}
    assert len(found.test) == 6
    assert len(found.train[None]) == 120 - 36
    with pytest.raises(InputError, match="1 listed test patients have no image here"):
        splits.split(made, train_sizes=[None], validation_size=30, test_size=None, seed=0, test_patients={"p99"})


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
