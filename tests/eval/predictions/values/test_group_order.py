"""Groups are ordered by the ranges in their names."""

from __future__ import annotations

import numpy as np
import pytest

from medkt_eval.predictions.values.group_order import groups_in_order

ORDERS = [
    ["<5", "5-9", "10-14", "80+"],
    ["≤40", "41-60", ">60"],
    ["(9.5, 19.75]", "(19.75, 39.5]", "(39.5, 100.0]"],
    ["[0,10)", "[10,20)", "[100,200)"],
    ["50", "999", "1,000", "20,000"],
    ["-5", "0", "2.5", "10"],
    ["<18", "18–40", "41 to 60", "≥ 61", "unknown"],
    ["site 2", "site 10"],
    ["2010-2014", "2015-2019"],
    ["1e-3", "0.5"],
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order[0])
def test_ranges_by_their_ends(order):
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert groups_in_order(rng.permutation(np.array(order * 2, dtype=object)), ()) == order


def test_a_declared_order_comes_first():
    assert groups_in_order(np.array(["<5", "5-9", "x"], dtype=object), ("5-9", "<5")) == ["5-9", "<5", "x"]
