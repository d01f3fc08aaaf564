"""Adjusted p-values: R's p.adjust, and comparisons without a p-value."""

from __future__ import annotations

import pytest

from medkt_eval.multiplicity import METHODS, adjust

CLOSE = {"rel": 1e-12, "abs": 0}


def test_against_r(golden):
    cases = golden("p_adjust.json")
    assert {case["method"] for case in cases} == set(METHODS)
    for case in cases:
        assert adjust(case["p"], case["method"]) == pytest.approx(case["adjusted"], **CLOSE), case["call"]


@pytest.mark.parametrize("method", METHODS)
def test_a_p_that_does_not_exist_stays_so_and_does_not_count(method):
    p = [0.01, None, 0.04, 0.03, None]
    first, none, second, third, last = adjust(p, method)
    assert none is None
    assert last is None
    assert [first, second, third] == pytest.approx(adjust([0.01, 0.04, 0.03], method), **CLOSE)
    assert first == pytest.approx(0.03, **CLOSE)  # three tests, not five


@pytest.mark.parametrize("method", METHODS)
def test_no_p_at_all(method):
    assert adjust([None, None], method) == [None, None]
    assert adjust([], method) == []


def test_unknown_method():
    with pytest.raises(KeyError, match="fdr"):
        adjust([0.1], "fdr")
