"""Decimals follow the uncertainty, and an undefined number is not printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkt_reports.language import numbers


@pytest.mark.parametrize(
    ("half_widths", "expected"),
    [
        ([0.0018], 2),  # 0.18 points
        ([0.0003], 3),  # 0.030 points
        ([0.0118], 1),
        ([0.2], 0),  # 20 points
        ([0.2, 0.2, 0.004], 1),
        ([1e-9], 4),  # never more than four
        ([0.02, 0.02, 0.0003], 2),  # the smallest still shows a digit
        ([None, 0.0], 1),
        ([], 1),
    ],
)
def test_places(half_widths, expected):
    assert numbers.decimals_for(half_widths) == expected


@given(st.floats(0, 1), st.floats(1e-5, 0.3))
def test_a_value_and_its_interval_have_the_same_decimals(value, half):
    places = numbers.decimals_for([half])
    printed = numbers.percent(value, places)
    uncertainty = numbers.plus_minus(value - half, value + half, places)
    assert len(printed.partition(".")[2]) == len(uncertainty.partition(".")[2])
    significant = uncertainty.replace(".", "").lstrip("± 0")
    assert 1 <= len(significant) <= 2 or significant == "100"  # 9.96 prints 10.0


@given(st.floats(0, 1))
def test_a_printed_p_lies_on_the_right_side_of_five_percent(p):
    text = numbers.p_value(p)
    if text[0] not in "<>":
        assert (float(text) < 0.05) == (p < 0.05)


def test_minus_is_a_minus_and_zero_has_no_sign():
    assert numbers.difference(-0.0374, 1) == "−3.7"
    assert numbers.difference(-0.00001, 1) == "0.0"
    assert numbers.difference(0.00001, 1) == "0.0"


def test_what_does_not_exist_is_not_a_number():
    printed = [
        numbers.percent(None, 1),
        numbers.difference(None, 1),
        numbers.interval(None, 0.1, 1),
        numbers.p_value(None),
        numbers.parameters(None),
        numbers.count(None),
        numbers.degrees_of_freedom(None),
        numbers.threshold(None),
    ]
    assert set(printed) == {numbers.ABSENT}


def test_parameters_as_the_paper_prints_them():
    assert [numbers.parameters(n) for n in (6_968_206, 2_700_814, 1_364_142)] == ["7.0m", "2.7m", "1.4m"]
