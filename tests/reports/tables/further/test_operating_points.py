"""Operating points in percent, calibration in its own unit; a row only if an arm has the metric."""

from __future__ import annotations

import pytest

from medkt_reports.lookup import Lookup
from medkt_reports.tables.further import operating_points as operating_point_tables
from medkt_reports.tables.further.operating_points import (
    calibration_table,
    operating_points_by_label_table,
    operating_points_table,
)

ARMS = ("chest-scratch", "chest-tl", "chest-at")


def renamed(result, dataset, metric, label, *, of="macro", **changes):
    """The AUC estimates of a data set's average or of one label, renamed to another metric."""
    return [
        row.model_copy(update={"metric": metric, "label": label, **changes})
        for row in result.estimates
        if (row.dataset, row.metric, row.label) == (dataset, "auc", of)
    ]


def lookup_with(result, *estimates, **settings):
    changed = result.settings.model_copy(update=settings)
    found = [*result.estimates, *(row for rows in estimates for row in rows)]
    return Lookup(result.model_copy(update={"estimates": found, "settings": changed}))


def test_by_default_f1_alone_is_there(result):
    table = operating_points_table(Lookup(result))
    assert [(row.group, row.stub.text) for row in table.rows] == [
        ("Phantom chest, 200 training images", "F1"),
        ("Phantom fundus, 800 training images", "F1"),
        ("tiny_{set}&", "F1"),
    ]
    chest = table.rows[0].cells
    expected = [Lookup(result).estimate("phantom-chest", arm, "f1", "macro", "seeds:t").value for arm in ARMS]
    assert [cell.value for cell in chest if cell.value is not None] == expected
    assert chest[0].text == f"{100 * expected[0]:.2f}"
    assert chest[0].uncertainty.startswith("(")
    tiny = [cell for cell in table.rows[2].cells if cell.text]
    assert {(cell.text, cell.footnote) for cell in tiny} == {("n/a", "no positive image among 40")}


def test_metrics_stand_in_one_order_and_the_specificity_is_named(result):
    added = [
        renamed(result, "phantom-chest", name, "macro") for name in ("npv", "sensitivity_at_specificity", "sensitivity")
    ]
    table = operating_points_table(lookup_with(result, *added, specificity=0.85))
    assert [row.stub.text for row in table.rows[:4]] == ["Sensitivity", "NPV", "F1", "Sensitivity at 85 % specificity"]
    assert table.synthetic == ["Phantom chest"]


def test_of_several_classes_accuracy_is_one_number(result):
    per_class = renamed(result, "phantom-fundus", "accuracy", "macro", value=0.1)
    whole = renamed(result, "phantom-fundus", "accuracy", "micro", value=0.77)
    of_labels = renamed(result, "phantom-chest", "accuracy", "macro", value=0.66)
    table = operating_points_table(lookup_with(result, per_class, whole, of_labels))
    shown = {
        row.group: {cell.value for cell in row.cells if cell.value is not None}
        for row in table.rows
        if row.stub.text == "Accuracy"
    }
    assert shown == {"Phantom chest, 200 training images": {0.66}, "Phantom fundus, 800 training images": {0.77}}


@pytest.mark.parametrize(
    ("rule", "said"),
    [("max_f1", "chosen on the validation predictions: largest F1"), ("fixed=0.5", "score reaches 0.5, fixed for all")],
)
def test_the_note_says_which_threshold(result, rule, said):
    assert said in " ".join(operating_points_table(lookup_with(result, threshold_rule=rule)).notes)


def test_by_label_is_for_few_rows_alone(result, monkeypatch):
    table = operating_points_by_label_table(Lookup(result))
    assert [row.stub.text for row in table.rows[:4]] == result.datasets[0].labels
    assert table.rows[0].stub.latex == r"\emph{Edema}"
    assert table.rows[0].group == "Phantom chest, 200 training images: F1"
    assert "Results by label are exploratory unless the label was named in advance." in table.notes
    monkeypatch.setattr(operating_point_tables, "MOST_BY_LABEL", len(table.rows) - 1)
    assert operating_points_by_label_table(Lookup(result)) is None


def test_calibration_is_printed_in_its_own_unit(result):
    labels = result.datasets[0].labels
    slope = {"value": 1.234, "low": 0.9, "high": 1.6}
    added = [
        renamed(result, "phantom-chest", "brier", "macro", value=0.1364, low=0.126, high=0.147),
        renamed(result, "phantom-chest", "calibration_slope", labels[0], of=labels[0], **slope),
        renamed(
            result,
            "phantom-chest",
            "calibration_intercept",
            labels[1],
            of=labels[1],
            value=-0.2,
            low=None,
            high=None,
            undefined_because="one seed",
        ),
    ]
    table = calibration_table(lookup_with(result, *added))
    assert [row.stub.text for row in table.rows] == ["Brier score", labels[0], labels[1]]
    printed = [(row.cells[0].text, row.cells[0].uncertainty) for row in table.rows]
    assert printed == [("0.136", "(0.126 to 0.147)"), ("1.23", "(0.90 to 1.60)"), ("−0.2", "")]
    assert table.rows[1].cells[0].value == 1.234
    assert "No interval: one seed." in table.rows[2].cells[0].footnote
    assert "(1 is right, below 1 is overconfident)" in table.rows[1].group
    assert {sum(span.width for span in row) for row in table.head} == {table.n_columns}


def test_what_was_not_measured_is_no_table(result):
    assert calibration_table(Lookup(result)) is None
    nothing = Lookup(result.model_copy(update={"estimates": []}))
    assert operating_points_table(nothing) is operating_points_by_label_table(nothing) is None
