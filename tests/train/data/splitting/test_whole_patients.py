"""The choice of patients for a number of images, against all subsets."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medkt.data.splitting.whole_patients import take


@settings(max_examples=150)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 60))
def test_the_nearest_number_that_any_choice_has_is_met(sizes: list[int], wanted: int):
    """Compare with every subset."""
    sums = {sum(chosen) for k in range(len(sizes) + 1) for chosen in itertools.combinations(sizes, k)}
    chosen = take(np.array(sizes), wanted)
    assert len(set(chosen)) == len(chosen)
    assert np.array(sizes)[chosen].sum() == min(sums, key=lambda total: (abs(total - wanted), total))


def test_patients_come_from_the_head_of_the_queue_but_for_the_last():
    sizes = np.random.default_rng(0).integers(1, 8, 3_000)
    chosen = take(sizes, 5_000)
    assert sizes[chosen].sum() == 5_000
    in_a_row = np.searchsorted(np.cumsum(sizes), 5_000)
    assert len(set(chosen) & set(range(in_a_row))) >= in_a_row - 3


def test_only_even_patients_cannot_have_an_odd_number():
    assert np.full(9_000, 2)[take(np.full(9_000, 2), 7_001)].sum() == 7_000
