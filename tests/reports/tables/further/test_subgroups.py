"""Subgroups: only rows that name a group, the answer of the widest scope, and gaps with their signs."""

from __future__ import annotations

from typing import Any

import pytest

from medkt_eval.results.schema import Gap
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.tables.further.subgroups import gaps_table, subgroup_differences_table, subgroups_table

CHEST = TrainingSet("phantom-chest", 200)
ONE_PATIENT = "all positive images are of one patient"


def gap(arm_a: str, arm_b: str | None, difference: float, **changes: Any) -> Gap:
    fields: dict[str, Any] = {
        "dataset": "phantom-chest",
        "group": "sex=F",
        "arm_a": arm_a,
        "arm_b": arm_b,
        "metric": "auc",
        "label": "macro",
        "difference": difference,
        "se": 0.01,
        "low": difference - 0.02,
        "high": difference + 0.02,
        "level": 0.95,
        "test": "obuchowski-rockette",
        "scope": "seeds+patients",
        "statistic": 1.0,
        "df": 4.0,
        "p_value": 0.03,
        "p_adjusted": 0.06,
        "adjustment": "holm",
        "family": "f",
        "n_patients": 300,
        "n_images": 280,
    }
    return Gap(**{**fields, **changes})


GAPS = [
    gap("chest-at", None, 0.031),
    gap("chest-tl", None, -0.012, p_value=0.0004, p_adjusted=0.0012),
    gap("chest-scratch", "chest-at", 0.004),
    gap("chest-at", "chest-tl", 0.043),
    gap("chest-at", None, 0.02, label="weighted"),
    gap("chest-at", None, 0.02, metric="f1"),
    gap(
        "chest-at",
        None,
        0.01,
        group="view=AP",
        low=None,
        high=None,
        p_value=None,
        p_adjusted=None,
        undefined_because=ONE_PATIENT,
    ),
]


def shifted(row, group: str, by: float):
    """The row of a subgroup, with its value and limits shifted."""
    moved = {
        key: None if value is None else value + by
        for key in ("value", "difference", "low", "high")
        if (value := getattr(row, key, None)) is not None
    }
    return row.model_copy(update={**moved, "group": group, "n_patients": 111})


@pytest.fixture(scope="module")
def lookup(result):
    """Every estimate and declared comparison of the chest set, repeated in two subgroups with a known shift."""
    groups = (("sex=F", 0.05), ("age_band=65 and over", -0.05))
    estimates = [
        shifted(row, group, by) for group, by in groups for row in result.estimates if row.dataset == "phantom-chest"
    ]
    comparisons = [
        shifted(row, group, by)
        for group, by in groups
        for row in result.comparisons
        if row.dataset == "phantom-chest" and row.kind == "declared"
    ]
    return Lookup(
        result.model_copy(
            update={
                "estimates": [*result.estimates, *estimates],
                "comparisons": [*result.comparisons, *comparisons],
                "gaps": GAPS,
            }
        )
    )


def test_subgroups_change_nothing_of_the_whole(result, lookup):
    whole = Lookup(result)
    assert lookup.comparisons == whole.comparisons
    assert lookup.declared(CHEST, "auc", "macro") == whole.declared(CHEST, "auc", "macro")
    assert lookup.intervals() == whole.intervals()
    at = ("phantom-chest", "chest-at", "auc", "macro", "seeds:t")
    assert lookup.estimate(*at) == whole.estimate(*at)
    assert lookup.estimate(*at, "sex=F").value == pytest.approx(whole.estimate(*at).value + 0.05)
    assert lookup.groups("phantom-chest") == ["sex=F", "age_band=65 and over"]
    assert lookup.groups("phantom-fundus") == whole.groups("phantom-chest") == []


def test_an_arm_s_value_in_each_subgroup(lookup):
    table = subgroups_table(lookup)
    assert [(row.group, row.stub.text) for row in table.rows] == [
        ("Phantom chest, 200 training images: macro AUC", "sex: F"),
        ("Phantom chest, 200 training images: macro AUC", "age band: 65 and over"),
    ]
    assert table.column_names()[:2] == ["Subgroup", "Patients"]
    whole = [
        lookup.estimate("phantom-chest", arm, "auc", "macro", "seeds:t").value
        for arm in ("chest-scratch", "chest-tl", "chest-at")
    ]
    for row, by in zip(table.rows, (0.05, -0.05), strict=True):
        assert row.cells[0].value == 111
        assert [cell.value for cell in row.cells[1:]] == pytest.approx([value + by for value in whole])
    assert {sum(span.width for span in row) for row in table.head} == {table.n_columns}
    assert table.synthetic == ["Phantom chest"]


def test_a_contrast_s_difference_in_each_subgroup(lookup):
    table = subgroup_differences_table(lookup)
    whole = {(row.arm_a, row.arm_b): row for row in lookup.declared(CHEST, "auc", "macro")}
    groups = table.grouped()
    assert len(groups) == len(whole) == 2
    for (heading, rows), (pair, row) in zip(groups, whole.items(), strict=True):
        assert heading == f"Phantom chest, 200 training images, macro AUC: {lookup.contrast_name(pair)}"
        assert [r.cells[1].value for r in rows] == pytest.approx([row.difference + 0.05, row.difference - 0.05])
        assert [r.cells[2].value for r in rows] == [row.p_value] * 2


def test_a_subgroup_is_answered_by_the_widest_scope(result, lookup):
    wider = [
        row.model_copy(update={"scope": "seeds+patients", "test": "obuchowski-rockette", "difference": 0.123})
        for row in lookup.declared(CHEST, "auc", "macro", "sex=F")
    ]
    comparisons = [*lookup.result.comparisons, *wider]
    table = subgroup_differences_table(Lookup(lookup.result.model_copy(update={"comparisons": comparisons})))
    shown = [row.cells[1].value for row in table.rows if row.stub.text == "sex: F"]
    assert shown == [0.123, 0.123]


def test_gaps_of_arms_come_before_their_differences_the_baseline_first(lookup):
    table = gaps_table(lookup)
    first = [row for row in table.rows if "sex: F" in row.group]
    assert first[0].group == "Phantom chest, 200 training images, macro AUC: sex: F, less all others"
    assert [row.stub.text for row in first] == [
        lookup.names["chest-tl"],
        lookup.names["chest-at"],
        lookup.contrast_name(("chest-at", "chest-tl")),
        lookup.contrast_name(("chest-scratch", "chest-at")),
    ]
    assert [row.cells[0].text for row in first] == ["−1.2", "+3.1", "+4.3", "+0.4"]
    assert first[0].cells[0].uncertainty == "(−3.2 to 0.8)"
    assert [cell.text for cell in first[0].cells[1:]] == ["< 0.001", "0.001"]
    assert [cell.text for cell in first[1].cells[1:]] == ["0.030", "0.060"]


def test_a_gap_without_an_interval_says_why(lookup):
    table = gaps_table(lookup)
    row = table.rows[-1]
    assert (row.cells[0].text, row.cells[0].uncertainty, row.cells[1].text) == ("+1.0", "", "n/a")
    assert ONE_PATIENT in row.cells[0].footnote
    assert row.cells[1].footnote == ONE_PATIENT
    assert f"Without an interval: {ONE_PATIENT}." in table.notes


def test_without_subgroups_there_is_no_table(result):
    for build in (subgroups_table, subgroup_differences_table, gaps_table):
        assert build(Lookup(result)) is None
