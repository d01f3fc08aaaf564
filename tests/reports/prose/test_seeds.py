"""What the report says of failed and outlying seeds, and of what few seeds cannot exclude."""

from __future__ import annotations

import pytest

from medkt_eval.results.recorded import FailureRate, SeedCheck
from medkt_reports.figures.differences.seed_dots import seed_dots
from medkt_reports.lookup import Lookup
from medkt_reports.prose import seeds
from medkt_reports.tables.further.seeds import seeds_table


def rate(arm, n_failed=0, n_checked=3, high=1 - 0.05 ** (1 / 3), **fields):
    given = {"n_seeds": 3, "level": 0.95, "dataset": "phantom-chest"} | fields
    return FailureRate(arm=arm, n_failed=n_failed, n_checked=n_checked, high=high, **given)


def sentences_of(result, *rates):
    return seeds.failure_sentences(Lookup(result.model_copy(update={"failure_rates": list(rates)})))


def test_three_seeds_without_a_failure_exclude_little(only_arms):
    assert sentences_of(only_arms, rate("chest-tl")) == [
        "TL: 0 of 3 runs seem to have failed; the failure rate may be up to 63 %, one-sided 95 %."
    ]
    (both,) = sentences_of(only_arms, rate("chest-tl"), rate("chest-at"))
    assert both.startswith("0 of 3 runs seem to have failed in each arm (TL; AT ")


def test_arms_of_other_training_sets_and_reasons_have_sentences_of_their_own(result):
    found = sentences_of(result, rate("chest-tl"), rate("fundus-tl40", dataset="phantom-fundus"))
    assert [text.split(": ")[0] for text in found] == [t.text for t in Lookup(result).training_sets()[:2]]
    undefined = {"n_checked": 0, "high": None}
    reasons = ("no validation predictions", "no label has an AUC")
    rates = [
        rate(arm, undefined_because=why, **undefined)
        for arm, why in zip(("chest-tl", "chest-at"), reasons, strict=True)
    ]
    for text, why in zip(sentences_of(result, *rates), reasons, strict=True):
        assert text.endswith(f"is not known: {why}.")


def test_failures_and_runs_that_could_not_be_checked_are_said(only_arms):
    found = sentences_of(only_arms, rate("chest-tl", 1, 2, 0.9747))
    assert found == [
        "TL: 1 of 2 runs that could be checked (3 in all) may have failed; the failure rate may be up to 97 %, "
        "one-sided 95 %."
    ]
    because = "the run has no validation predictions"
    assert sentences_of(only_arms, rate("chest-tl", 0, 0, None, undefined_because=because)) == [
        f"TL: whether a run failed is not known: {because}."
    ]


@pytest.fixture
def checked(result):
    """Each run of TL and AT on the phantom chest, with the last one of TL flagged twice."""
    checks = [
        SeedCheck(
            run_id=run.run_id,
            dataset=run.dataset,
            arm=run.arm,
            seed=run.seed,
            validation_auc=0.8,
            low=0.4 if (run.arm, run.seed) == ("chest-tl", 2) else 0.7,
            high=0.9,
            level=0.95,
            interval="patients:jackknife",
            diverged_because=None,
            failed=(run.arm, run.seed) == ("chest-tl", 2),
            metric="auc",
            label="macro",
            value=run.value,
            deviations=6.0,
            outlying=(run.arm, run.seed) == ("chest-tl", 2),
        )
        for run in result.runs
        if run.arm in ("chest-tl", "chest-at") and (run.metric, run.label, run.group) == ("auc", "macro", None)
    ]
    return Lookup(result.model_copy(update={"seed_checks": checks, "failure_rates": [rate("chest-tl", 1)]}))


def test_the_table_lists_every_run_and_its_flag(checked):
    table = seeds_table(checked)
    flags = {(row.stub.text, row.cells[0].text): row.cells[-1].text for row in table.rows}
    assert len(flags) == 6
    assert {key: text for key, text in flags.items() if text} == {("TL", "2"): "may have failed and outlying"}
    assert seeds_table(Lookup(checked.result.model_copy(update={"seed_checks": []}))) is None


def test_the_figure_marks_the_seed(checked):
    training_set = checked.training_sets()[0]
    figure = seed_dots(checked, training_set, checked.preferred_interval, "seeds")
    assert figure.data.loc[figure.data["flag"] != "", ["arm", "seed"]].drop_duplicates().to_numpy().tolist() == [
        ["chest-tl", 2]
    ]
    assert "Hollow: seeds that may have failed or are outlying." in figure.caption
    assert "Hollow: TL, seed 2 may have failed and outlying." in figure.alt


def test_a_metric_of_its_own_scale_is_not_printed_in_percent(checked):
    checks = [
        check.model_copy(update={"metric": "calibration_error_squared", "value": 0.0221})
        for check in checked.result.seed_checks
    ]
    table = seeds_table(Lookup(checked.result.model_copy(update={"seed_checks": checks})))
    assert table.head[0][2].text == "Test macro squared calibration error"
    assert {row.cells[1].text for row in table.rows} == {"0.022"}
    assert seeds_table(checked).head[0][2].text == "Test macro AUC, %"
