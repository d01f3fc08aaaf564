"""Replicates that cannot fit into memory are refused at once, with the number that would fit."""

import re

import pytest

from medkt_eval.errors import InputError
from medkt_eval.resampling.memory import check_memory


def test_the_number_that_is_offered_fits_and_a_hundred_more_does_not():
    with pytest.raises(InputError, match="--replicates is 1,000,000,000: with 6 runs and 5 metrics") as refused:
        check_memory(6, 5, 10**9, machine_bytes=8 * 2**30)
    found = re.search(r"expected at most ([\d,]+)", str(refused.value))
    assert found is not None
    most = int(found[1].replace(",", ""))
    check_memory(6, 5, most, machine_bytes=8 * 2**30)
    with pytest.raises(InputError):
        check_memory(6, 5, most + 100, machine_bytes=8 * 2**30)


def test_the_default_fits_every_machine():
    check_memory(20, 15, 2000, machine_bytes=2**30)


def test_the_machine_is_asked():
    with pytest.raises(InputError, match="this machine has"):
        check_memory(6, 5, 10**15)
