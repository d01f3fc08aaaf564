"""With one seed in an arm, the answer is the test of the trained models over patients, and says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval import evaluate
from medkt_reports.figures.differences.forest import forest
from medkt_reports.lookup import Lookup
from medkt_reports.prose import methods, sentences
from medkt_reports.tables.further.labels import label_differences_table
from medkt_reports.tables.paper.tables_four_and_five import table_four


@pytest.fixture(scope="module")
def found():
    """Results of one seed an arm, and of one seed against two."""
    rng = np.random.default_rng(3)
    target = rng.integers(0, 2, 500)

    def frame(gain):
        ids = [f"i{k:03}" for k in range(500)]
        scores = 1 / (1 + np.exp(2 - gain * target - rng.normal(size=500)))
        return pd.DataFrame({"image_id": ids, "patient_id": ids, "target_A": target, "score_A": scores})

    one, two, three = frame(0.2), frame(3.0), frame(3.0)
    return [evaluate({"TL": [one], "AT": arm}, replicates=0) for arm in ([two], [two.copy(), three])]


@pytest.mark.parametrize("which", [0, 1])
def test_the_answer_falls_back_to_patients(found, which):
    result = found[which]
    [sentence] = sentences.answers(Lookup(result))
    delong = next(
        row for row in result.comparisons if (row.test, row.metric, row.label) == ("delong-clustered", "auc", "macro")
    )
    assert f"95 % CI {100 * delong.low:.1f} to {100 * delong.high:.1f}; patients random" in sentence.text
    assert "the trained models of AT reach" in sentence.text
    assert "one seed" in sentence.text
    assert "no measure of how sure" not in sentence.text
    assert sentence.verdict == "superior"
    assert "does not cover retraining" in sentence.limitation


def test_an_undefined_difference_stays_undefined(found):
    lookup = Lookup(found[0])
    row = next(row for row in found[0].comparisons if row.metric == "f1" and row.label == "macro")
    assert row.difference is None  # no validation predictions: no thresholds
    assert sentences.sentence(lookup, row, sentences.Margins(found[0])).verdict == "undefined"


@pytest.fixture(scope="module")
def lookup(found):
    return Lookup(found[0])


def test_daggers_and_marks_are_those_of_the_test_that_answers(lookup):
    (training_set,) = lookup.training_sets()
    drawn = forest(lookup, training_set, "forest")
    assert set(drawn.data["scope"]) == {"patients"}
    assert "Filled (3 of 3)" in drawn.caption
    assert "Without an interval" not in drawn.caption
    table = table_four(lookup, lookup.preferred_interval)
    assert not any(cell.dagger for row in table.rows for cell in row.cells)
    assert "clustered DeLong over patients" in " ".join(table.notes)
    assert not any("Both can be right" in note for note in table.notes)


def test_differences_by_label_are_those_of_the_forest(lookup):
    table = label_differences_table(lookup)
    delong = next(row for row in lookup.comparisons if (row.test, row.label) == ("delong-clustered", "A"))
    assert [cell.value for cell in table.rows[0].cells][3:5] == [delong.difference, delong.p_value]
    assert "AT − TL: tested with the trained models held fixed, not over seeds." in table.notes


def test_arms_have_the_interval_that_exists(lookup):
    assert lookup.preferred_interval == "patients:delong"
    arm = lookup.result.arms[0]
    assert lookup.estimate(arm.dataset, arm.arm, "auc", "macro", lookup.preferred_interval).low is not None


def test_methods_do_not_name_an_analysis_that_gave_nothing(lookup):
    text = methods.methods_paragraph(lookup)
    assert "The primary analysis is that of reader studies" not in text
    assert "the p-value to read" not in text
    assert "Welch" not in text
    assert "clustered DeLong (DeLong et al. 1988; Obuchowski 1997)" in text
