"""Sentences about a declared margin, and the power to detect it, against the numbers of the plan."""

from __future__ import annotations

import pytest

from medkt_eval.inference.equivalence import non_inferiority, tost
from medkt_eval.planning.sample_size import plan
from medkt_eval.planning.variance_components import VarianceComponents
from medkt_eval.results.schema import VarianceComponent
from medkt_reports.lookup import Lookup
from medkt_reports.prose import margins, sentences
from medkt_reports.prose.margins import POWER, Margins, power_of

PAIR = ("chest-at", "chest-tl")


def with_margin(result, difference, se, components=None, **changes):
    """The results with one primary analysis, tested against 2 points with 40 degrees of freedom."""
    template = next(c for c in result.comparisons if (c.arm_a, c.arm_b, c.label, c.metric) == (*PAIR, "macro", "auc"))
    reach = 2.0211 * se  # t with 40 df
    shared = {"difference": difference, "se": se, "df": 40.0, "adjustment": None, "p_adjusted": None, **changes}
    rows = [
        template.model_copy(
            update={
                **shared,
                "test": "obuchowski-rockette",
                "scope": "seeds+patients",
                "low": difference - reach,
                "high": difference + reach,
                "p_value": 0.5,
            }
        )
    ]
    for test in (tost, non_inferiority):
        made = test(difference, se, 40.0, margin=0.02, level=0.95)
        against = {
            "test": made.test,
            "scope": made.scope,
            "low": made.low,
            "high": made.high,
            "level": made.level,
            "p_value": made.p_value,
            "margin": 0.02,
        }
        rows.append(template.model_copy(update={**shared, **against}))
    parts = [
        VarianceComponent(
            dataset="phantom-chest",
            arm_a=PAIR[0],
            arm_b=PAIR[1],
            metric="auc",
            label="macro",
            component=name,
            value=value,
            n_seeds_a=3,
            n_seeds_b=3,
            n_patients=300,
            df_patients=299.0,
        )
        for name, value in (components.by_name() if components else {}).items()
    ]
    settings = result.settings.model_copy(update={"margin": 0.02})
    return result.model_copy(update={"comparisons": rows, "variance_components": parts, "settings": settings})


def pilot(runs=2e-4, seeds_by_patients=2e-5, patients=2e-5):
    return VarianceComponents(runs, seeds_by_patients, patients, "nested", 3, 3, 300, 299.0)


def said(result, *args, **changes):
    (sentence,) = sentences.answers(Lookup(with_margin(result, *args, **changes)))
    return sentence


def test_equivalence_is_no_difference_larger_than_the_margin(result):
    sentence = said(result, 0.001, 0.004, pilot())
    # t quantile of 40 df at 0.95 is 1.6839: 0.1 -+ 0.67 points; p = P(T40 > (2 - 0.1) / 0.4 = 4.75) = 0.00001
    assert sentence.against_margin == (
        "No difference larger than 2 points, the study's margin (90 % CI −0.57 to +0.77; equivalence, p < 0.001)."
    )
    assert sentence.verdict == "not shown"


def test_a_difference_may_be_shown_and_smaller_than_the_margin(result):
    sentence = said(result, 0.010, 0.004, pilot())
    assert sentence.verdict == "shown"
    assert sentence.against_margin.startswith("The difference is smaller than 2 points, the study's margin (90 % CI")


def test_a_difference_that_may_exceed_the_margin_needs_no_more_words(result):
    assert said(result, 0.030, 0.008, pilot()).against_margin == ""


def test_the_inconclusive_is_given_the_power_to_detect_the_margin(result):
    sentence = said(result, 0.004, 0.012, pilot())
    found = power_of(pilot(), 0.02, 0.95)
    assert found.seeds_needed is not None
    assert sentence.against_margin.endswith(
        f"to detect the declared 2 points; {found.seeds_needed} seeds an arm would be needed for 80 %."
    )
    assert f"Inconclusive: power {100 * found.estimate:.0f} % (" in sentence.against_margin
    other = said(result, -0.001, 0.012, pilot())  # another difference was observed; the power is the same
    assert other.against_margin == sentence.against_margin[sentence.against_margin.index("Inconclusive") :]


def test_not_worse_by_the_margin_is_said_where_only_that_is_shown(result):
    sentence = said(result, 0.008, 0.012, pilot())
    assert sentence.against_margin.startswith(
        "Not worse by 2 points, the study's margin, or more (90 % CI −1.2 to +2.8; non-inferiority, p = 0.012). "
        "Inconclusive: power"
    )


def test_adjustment_may_take_equivalence_away(result):
    shown = said(result, 0.001, 0.011, pilot(), adjustment="holm", p_adjusted=0.04)
    assert "equivalence, Holm-adjusted p = 0.040" in shown.against_margin
    assert "Inconclusive" in said(result, 0.001, 0.011, pilot(), adjustment="holm", p_adjusted=0.06).against_margin


def test_without_a_margin_nothing_is_said_of_one(result):
    found = sentences.answers(Lookup(result))
    assert found
    assert all(sentence.against_margin == "" for sentence in found)
    assert all("power" not in sentence.text for sentence in found)


def test_without_variance_components_no_power_is_made_up(result):
    assert said(result, 0.001, 0.02).against_margin == "Inconclusive against the study's margin of 2 points."


@pytest.mark.parametrize("components", [pilot(), pilot(runs=2e-5, seeds_by_patients=1e-5), pilot(runs=1e-3)])
def test_power_and_seeds_are_the_plans(result, components):
    results = with_margin(result, 0.004, 0.012, components)
    (contrast,) = plan(results, effect=0.02, power=POWER, metric="auc", label="macro").contrasts
    found = power_of(components, 0.02, 0.95)
    by_sd = {row.seed_sd: row.power for row in contrast.pilot}
    assert (found.low, found.estimate, found.high) == (by_sd["upper limit"], by_sd["estimate"], by_sd["lower limit"])
    needed = next(row for row in contrast.seeds_needed if (row.seed_sd, row.patients) == ("estimate", 300))
    assert found.seeds_needed == needed.seeds_a
    assert not found.patients_lack


def test_where_no_seeds_suffice_patients_are_asked_for(result):
    few = pilot(patients=5e-4)
    assert power_of(few, 0.02, 0.95).patients_lack
    text = said(result, 0.004, 0.012, few).against_margin
    assert text.endswith("more test patients would be needed for 80 %, whatever the seeds.")
    wild = said(result, 0.004, 0.012, pilot(runs=4e-3)).against_margin
    assert wild.endswith("more than 30 seeds an arm would be needed for 80 %.")


def test_a_primary_analysis_that_does_not_exist_has_no_word_on_the_margin(result):
    results = with_margin(result, 0.004, 0.012, pilot())
    nothing = dict.fromkeys(("difference", "se", "low", "high", "p_value"))
    rows = [row.model_copy(update={**nothing, "undefined_because": "one seed"}) for row in results.comparisons]
    results = results.model_copy(update={"comparisons": rows})
    (sentence,) = sentences.answers(Lookup(results))
    assert (sentence.verdict, sentence.against_margin) == ("undefined", "")
    assert Margins(results).sentence(rows[0], different=False) == ""


def test_a_study_that_had_the_power_is_asked_for_no_more_seeds():
    enough = margins.Power(estimate=0.95, low=0.08, high=0.999, seeds_needed=3, patients_lack=False)
    assert margins._power_in_words(enough, "1 point").endswith("to detect the declared 1 point")
