"""Tests of all arms at once and mean ranks, as tables and in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from medkt_eval.inference.friedman import friedman
from medkt_eval.results.schema import Omnibus
from medkt_reports.lookup import Lookup
from medkt_reports.prose.methods import methods_paragraph
from medkt_reports.tables.further.omnibus import mean_ranks_table, omnibus_table

VALUES = np.array([[3, 1, 2], [3, 1, 2], [3, 2, 1], [3, 1, 2], [2, 1, 3]]) / 10
ARMS = ["AT", "From scratch", "TL"]


def box_f(**changes: Any) -> Omnibus:
    fields: dict[str, Any] = {
        "test": "box-f",
        "scope": "seeds+patients",
        "datasets": ["phantom-chest"],
        "train_size": 200,
        "arms": ["chest-scratch", "chest-tl", "chest-at"],
        "metric": "auc",
        "label": "macro",
        "statistic": 3.696,
        "df1": 1.759,
        "df2": 5.829,
        "p_value": 0.0945,
    }
    return Omnibus(**{**fields, **changes})


def over_datasets(values: np.ndarray) -> Omnibus:
    found = friedman(values, level=0.95)
    names = ["phantom-chest", "phantom-fundus", "chexpert", "covid", "eyepacs"][: len(values)]
    return Omnibus(
        test="friedman",
        scope="data sets",
        datasets=names,
        arms=ARMS,
        metric="auc",
        label="macro",
        statistic=found.statistic,
        df1=found.df,
        df2=None,
        p_value=found.p_value,
        mean_ranks=None if found.mean_ranks is None else found.mean_ranks.tolist(),
        critical_difference=found.critical_difference,
        p_nemenyi=None if found.p_nemenyi is None else found.p_nemenyi.tolist(),
        descriptive=found.descriptive,
        undefined_because=found.undefined_because,
    )


def lookup_of(result, *rows):
    return Lookup(result.model_copy(update={"omnibus": list(rows)}))


def test_a_test_of_all_arms_is_a_row(result):
    lookup = lookup_of(result, box_f())
    row = omnibus_table(lookup).rows[0]
    assert row.group == "Phantom chest, 200 training images"
    assert [row.stub.text, *(cell.text for cell in row.cells)] == [
        "Macro AUC",
        "Box-type F",
        "3",
        "3.70",
        "1.8, 5.8",
        "0.095",
    ]
    assert row.cells[1].footnote == f"Random start, TL and {lookup.names['chest-at']}"
    assert row.synthetic == "Phantom chest"


def test_a_test_that_could_not_be_made_says_why(result):
    why = "2 data sets; a test over data sets needs 5 or more"
    row = omnibus_table(lookup_of(result, over_datasets(VALUES[:2]))).rows[0]
    assert row.group == "Over 2 data sets: Phantom chest and Phantom fundus"
    assert [cell.text for cell in row.cells] == ["Friedman", "3", "n/a", "n/a", "n/a"]
    assert [row.cells[k].footnote for k in (2, 3, 4)] == [why] * 3


def test_only_the_tests_that_were_made_are_explained(result):
    both = omnibus_table(lookup_of(result, box_f(), over_datasets(VALUES)))
    one = omnibus_table(lookup_of(result, box_f()))
    assert [
        sum(note.startswith(name) for note in table.notes for name in ("Box-type F", "Friedman"))
        for table in (both, one)
    ] == [2, 1]


def test_arms_are_ranked_from_the_best(result):
    table = mean_ranks_table(lookup_of(result, box_f(), over_datasets(VALUES)))
    assert [row.stub.text for row in table.rows] == ["AT", "TL", "From scratch"]
    assert [row.cells[0].text for row in table.rows] == ["1.20", "2.00", "2.80"]
    assert [row.cells[1].value for row in table.rows] == pytest.approx([0, 0.8, 1.6])
    # R: ptukey(c(0.8, 1.6) / sqrt(3 * 4 / (6 * 5)) * sqrt(2), 3, Inf, lower.tail = FALSE)
    assert [row.cells[2].value for row in table.rows[1:]] == pytest.approx([0.41511350035, 0.03066274979], rel=1e-8)
    assert (table.rows[0].cells[2].text, table.rows[0].cells[2].footnote) == ("", "the best itself")
    assert table.rows[0].group == (
        "Macro AUC, 5 data sets; critical difference 1.48; a description, of fewer than ten data sets"
    )
    assert table.synthetic == ["Phantom chest"]
    assert table.notes[0].startswith("Nemenyi's critical difference and p-values describe these data sets")
    assert "Friedman" not in methods_paragraph(lookup_of(result, over_datasets(VALUES)))


def test_nothing_tested_is_no_table(result):
    assert omnibus_table(Lookup(result)) is mean_ranks_table(Lookup(result)) is None
    assert mean_ranks_table(lookup_of(result, over_datasets(VALUES[:2]))) is None
