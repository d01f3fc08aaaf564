"""One unit for a metric, one direction for a pair, and the answer's question told from that of Tables IV and V."""

from __future__ import annotations

from medkt_reports.figures.differences.forest import filled_and_hollow
from medkt_reports.lookup import Lookup
from medkt_reports.prose import sentences
from medkt_reports.tables.cells import difference_cell
from medkt_reports.tables.further.comparisons import companions_table, comparisons_table, secondary_table
from medkt_reports.tables.further.labels import labels_table
from medkt_reports.tables.paper.tables_four_and_five import table_five, table_four

PAIR = ("chest-at", "chest-tl")


def with_rows(result, *changes):
    """The results with these comparisons of one pair by the primary analysis."""
    template = next(c for c in result.comparisons if (c.arm_a, c.arm_b) == PAIR and c.label == "macro")
    shared = {"test": "obuchowski-rockette", "scope": "seeds+patients"}
    rows = [template.model_copy(update={**shared, **change}) for change in changes]
    return Lookup(result.model_copy(update={"comparisons": rows}))


BRIER = {"metric": "brier", "secondary": True, "difference": -0.0048, "low": -0.0071, "high": -0.0025}


def test_a_brier_score_and_its_differences_have_one_unit(result):
    lookup = with_rows(
        result, BRIER, {"metric": "f1", "secondary": True, "difference": 0.02, "low": 0.01, "high": 0.03}
    )
    table = secondary_table(lookup)
    by_group = {row.group: row.cells[0] for row in table.rows}
    (brier,) = (cell for group, cell in by_group.items() if "macro Brier score (own scale)" in group)
    assert (brier.text, brier.uncertainty) == ("−0.0048", "(−0.0071 to −0.0025)")
    (f1,) = (cell for group, cell in by_group.items() if "macro F1 (points)" in group)
    assert f1.text == "+2.00"
    assert "points" not in table.caption
    assert table.head[0][1].text == "Difference (95 % interval)"


def test_a_sentence_prints_the_difference_as_the_table_does(result):
    lookup = with_rows(result, {**BRIER, "primary": True, "adjustment": None, "p_adjusted": None})
    (sentence,) = sentences.answers(lookup)
    assert "improves macro Brier score over TL: −0.0048 (95 % CI −0.0071 to −0.0025;" in sentence.text
    cell = secondary_table(lookup).rows[0].cells[0]
    assert f"{cell.text} (95 % CI {cell.uncertainty[1:-1]};" in sentence.text


def test_the_answer_is_told_from_the_marks_of_the_table(result):
    named = {"primary": True, "adjustment": None, "p_value": 0.040, "p_adjusted": 0.040, "low": 0.002, "high": 0.07}
    for_marks = {"kind": "table", "adjustment": "holm", "p_value": 0.040, "p_adjusted": 0.12}
    table = table_four(with_rows(result, named, for_marks), "seeds:t")
    assert any(
        note.startswith("AT <script>alert(1)</script> − TL on macro AUC: the answer tests it as the primary contrast")
        and "(p = 0.040, not adjusted)" in note
        and "(p = 0.120, Holm-adjusted over all pairs of the row). Both can be right." in note
        for note in table.notes
    )
    agreed = table_four(with_rows(result, named, {**for_marks, "p_adjusted": 0.045}), "seeds:t")
    assert not any("Both can be right" in note for note in agreed.notes)


def test_a_filled_mark_of_the_primary_contrast_is_not_said_to_be_adjusted(result):
    rows = with_rows(
        result, {"primary": True, "adjustment": None, "p_value": 0.04}, {"adjustment": "holm", "p_adjusted": 0.2}
    ).comparisons
    assert filled_and_hollow(rows).startswith(
        "Filled (1 of 2): p (adjusted by Holm; the primary contrast not adjusted) below 0.05;"
    )


def test_arms_of_a_difference_are_left_and_right_everywhere(result):
    lookup = with_rows(result, {}, {"test": "t-welch", "scope": "seeds"})
    assert comparisons_table(lookup).head[0][0].text == "Left arm − right arm"
    assert companions_table(lookup).head[0][0].text == "Left arm − right arm"


def test_a_test_that_never_has_an_interval_gives_its_own_reason(result):
    note = "it compares ranks: it gives no interval of the difference"
    changes = {"test": "wilcoxon", "scope": "seeds", "low": None, "high": None, "note": note}
    cell = difference_cell(with_rows(result, changes).comparisons[0], 1)
    assert cell.footnote == note


def test_an_interval_that_a_metric_never_has_gives_its_reason_in_place(result, only_arms):
    named = [
        row.model_copy(update={"interval": "patients:delong"})
        for row in result.estimates
        if (row.metric, row.interval) == ("auc", "seeds:t")
    ]
    lookup = Lookup(result.model_copy(update={"estimates": [*result.estimates, *named]}))
    notes = " ".join(table_five(lookup, "patients:delong").notes)
    assert (
        "n/a: the results hold no interval patients:delong of that metric. DeLong's interval is of AUC alone." in notes
    )
    assert "What was undefined" not in notes
    assert "n/a" not in " ".join(table_five(lookup, "seeds:t").notes)
    assert "What was undefined and why" in " ".join(table_four(lookup, "seeds:t").notes)
    assert not any("n/a" in note for note in labels_table(Lookup(only_arms), "seeds:t").notes)
