"""Training dynamics: epochs as epochs, fractions as points, and p-values only for differences."""

from __future__ import annotations

from typing import Any

import pytest

from medkt_eval.results.recorded import Dynamics
from medkt_reports.lookup import Lookup
from medkt_reports.tables.further.dynamics import dynamics_table


def measured(arm_a: str, measure: Any, value: float | None, half: float | None, **changes: Any) -> Dynamics:
    low, high = (None, None) if value is None or half is None else (value - half, value + half)
    fields: dict[str, Any] = {
        "dataset": "phantom-chest",
        "train_size": 200,
        "arm_a": arm_a,
        "arm_b": None,
        "measure": measure,
        "metric": "auc",
        "label": "macro",
        "value": value,
        "values_a": [],
        "se": None,
        "low": low,
        "high": high,
        "level": 0.95,
        "test": "t",
        "df": 2.0,
        "p_value": None,
    }
    return Dynamics(**{**fields, **changes})


NO_VARIATION = "all seeds have the same value"
ROWS = [
    measured("chest-tl", "peak_epoch", 12.333, 3.1, values_a=[11.0, 12.0, 14.0], last_epoch=14.0),
    measured("chest-tl", "loss_after_peak", 0.0123, 0.004, values_a=[0.01, 0.012, 0.0149]),
    measured("chest-tl", "roughness", 0.0031, None, undefined_because=NO_VARIATION),
    measured("chest-at", "peak_epoch", 17.0, 2.2),
    measured(
        "chest-at",
        "peak_epoch",
        4.667,
        3.9,
        arm_b="chest-tl",
        test="t-welch",
        p_value=0.031,
        values_a=[16.0, 17.0, 18.0],
        values_b=[11.0, 12.0, 14.0],
        last_epoch=14.0,
    ),
    measured("chest-at", "loss_after_peak", -0.008, 0.01, arm_b="chest-tl", test="t-welch", p_value=0.07),
    measured("chest-at", "roughness", None, None, arm_b="chest-tl", test="t-welch", undefined_because=NO_VARIATION),
]


@pytest.fixture(scope="module")
def table(result):
    return dynamics_table(Lookup(result.model_copy(update={"dynamics": ROWS})))


def printed(row):
    return [f"{cell.text} {cell.uncertainty}".strip() for cell in row.cells]


def test_arms_then_differences(result, table):
    lookup = Lookup(result)
    assert [(row.group, row.stub.text) for row in table.rows] == [
        ("Phantom chest, 200 training images: validation macro AUC", lookup.names["chest-tl"]),
        ("Phantom chest, 200 training images: validation macro AUC", lookup.names["chest-at"]),
        (
            "Phantom chest, 200 training images: validation macro AUC, differences",
            lookup.contrast_name(("chest-at", "chest-tl")),
        ),
    ]
    assert {sum(span.width for span in row) for row in table.head} == {table.n_columns} == {7}
    assert table.synthetic == ["Phantom chest"]


def test_epochs_are_epochs_and_fractions_points(table):
    assert printed(table.rows[0]) == ["12.3 (9.2 to 15.4)", "", "1.23 (0.83 to 1.63)", "", "0.3", ""]
    assert table.rows[0].cells[0].value == 12.333
    assert printed(table.rows[2]) == ["+4.7 (0.8 to 8.6)", "0.031", "−0.8 (−1.8 to 0.2)", "0.070", "n/a", "n/a"]


def test_what_does_not_exist_says_why(table):
    assert NO_VARIATION in table.rows[0].cells[4].footnote
    assert [cell.footnote for cell in table.rows[2].cells[4:]] == [NO_VARIATION] * 2
    assert [cell.footnote for cell in table.rows[1].cells[2:4]] == ["not measured"] * 2


def test_seeds_that_peaked_in_the_last_epoch_are_counted(table):
    assert table.rows[0].cells[0].footnote == "Seed by seed: 11, 12, 14. 1 of 3 in the last epoch, 14."
    assert table.rows[2].cells[0].footnote == (
        "Seed by seed: 16, 17, 18 against 11, 12, 14. 1 of 6 in the last epoch, 14."
    )
    assert table.rows[0].cells[2].footnote == "Seed by seed: 1, 1.2, 1.49."


def test_nothing_measured_is_no_table(result):
    assert dynamics_table(Lookup(result)) is None
