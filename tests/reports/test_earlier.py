"""Results of earlier versions, and what the results do not record: nothing wrong is printed of them."""

from __future__ import annotations

from medkt_eval.results.vocabulary import METRICS
from medkt_reports.lookup import Lookup
from medkt_reports.prose import undefined
from medkt_reports.tables.further.operating_points import operating_points_table


def as_ece(rows):
    return [row.model_copy(update={"metric": "ece"}) for row in rows]


def test_metrics_without_inference_lose_intervals_and_tests_and_keep_values(result):
    auc = [e for e in result.estimates if e.metric == "auc" and e.low is not None]
    compared = [c for c in result.comparisons if c.metric == "auc"]
    old = result.model_copy(update={"estimates": as_ece(auc), "comparisons": as_ece(compared)})
    lookup = Lookup(old)
    assert [e.value for e in lookup.result.estimates] == [e.value for e in auc]
    assert {(e.low, e.high, e.se, e.note) for e in lookup.result.estimates} == {(None,) * 4}
    assert {e.undefined_because for e in lookup.result.estimates} == {METRICS["ece"].no_inference}
    assert all(c.primary and c.p_value is None and c.low is None for c in lookup.result.comparisons)


def test_a_note_on_a_wrong_interval_goes_also_where_there_was_none(result):
    old = result.estimates[0].model_copy(update={"metric": "ece", "note": "n", "undefined_because": "one seed"})
    (row,) = Lookup(result.model_copy(update={"estimates": [old]})).result.estimates
    assert (row.note, row.undefined_because) == (None, "one seed")


def test_results_with_sound_metrics_alone_stay_as_they_are(result):
    assert Lookup(result).result == result


def test_without_thresholds_none_is_said_to_be_chosen(result):
    table = operating_points_table(Lookup(result.model_copy(update={"thresholds": []})))
    assert table is None or "chosen on the validation predictions" not in " ".join(table.notes)


def test_a_test_with_a_p_value_lacks_its_interval_alone(result):
    row = next(c for c in result.comparisons if c.p_value is not None and c.low is not None)
    note = "a permutation test gives no interval"
    bare = row.model_copy(update={"low": None, "high": None, "note": note, "undefined_because": None})
    found = undefined.absences(Lookup(result.model_copy(update={"comparisons": [bare]})))
    (absence,) = [one for one in found if one.because == note]
    assert absence.what.startswith("Interval of comparison")
