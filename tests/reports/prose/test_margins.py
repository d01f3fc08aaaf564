"""One verdict against the margin, the strongest that the interval supports; numbers by scipy's t, 40 df."""

from __future__ import annotations

import pytest

from medkt_eval.inference.equivalence import non_inferiority, tost
from medkt_reports.lookup import Lookup
from medkt_reports.prose import definitions, methods, sentences
from medkt_reports.prose.margins import Margins

PAIR = ("chest-at", "chest-tl")


def with_margin(result, difference, se, *, margin_from="study file", **changes):
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
    settings = result.settings.model_copy(update={"margin": 0.02, "margin_from": margin_from})
    return result.model_copy(update={"comparisons": rows, "settings": settings})


def said(result, *args, **changes):
    (sentence,) = sentences.answers(Lookup(with_margin(result, *args, **changes)))
    return sentence


AT = "AT <script>alert(1)</script>"


def test_equivalent_is_the_verdict_where_the_interval_lies_within_the_margin(result):
    sentence = said(result, 0.001, 0.004)
    # t quantile of 40 df at 0.95 is 1.6839: 0.1 -+ 0.67 points; p = P(T40 > (2 - 0.1) / 0.4 = 4.75) = 0.00001
    assert sentence.verdict == "equivalent"
    assert (
        f"{AT} and TL are equivalent in macro AUC within the margin of 2 points: +0.10 points (95 % CI" in sentence.text
    )
    assert "seeds and patients random; equivalence: 90 % CI −0.57 to 0.77, p < 0.001), averaged" in sentence.text


def test_non_inferior_is_the_verdict_where_only_that_is_shown(result):
    sentence = said(result, 0.008, 0.012)
    assert sentence.verdict == "non-inferior"
    assert f"{AT} is non-inferior to TL in macro AUC at the margin of 2 points: +0.8 points (95 % CI −1.6 to 3.2;" in (
        sentence.text
    )
    assert "non-inferiority: 90 % CI −1.2 to 2.8, p = 0.012, one-sided 5 %)" in sentence.text


def test_undecided_is_the_verdict_where_the_interval_supports_nothing_else(result):
    sentence = said(result, 0.004, 0.016)  # 95 % interval -2.8 to 3.6, 90 % -2.3 to 3.1
    assert sentence.verdict == "undecided"
    assert (
        "is not shown to differ from TL in macro AUC, nor to differ by less than the margin of 2 points: +0.4 points "
        "(95 % CI −2.8 to 3.6;"
    ) in sentence.text


@pytest.mark.parametrize(
    ("difference", "se", "verdict", "passed"),
    [
        (0.030, 0.004, "superior", "The difference exceeds the margin of 2 points."),  # 2.2 to 3.8
        (0.030, 0.008, "superior", "Whether the difference exceeds the margin of 2 points is undecided."),
        (
            0.010,
            0.004,
            "superior",
            "The difference is smaller than the margin of 2 points (equivalence: 90 % CI 0.33 to 1.67,",
        ),
        (-0.030, 0.004, "inferior", "The difference exceeds the margin of 2 points."),
        (
            -0.010,
            0.004,
            "inferior",
            "The difference is smaller than the margin of 2 points (equivalence: 90 % CI −1.67 to −0.33,",
        ),
        (-0.030, 0.008, "inferior", "Whether the difference exceeds the margin of 2 points is undecided."),
    ],
)
def test_a_difference_that_is_shown_says_whether_it_exceeds_the_margin(result, difference, se, verdict, passed):
    sentence = said(result, difference, se)
    assert sentence.verdict == verdict
    assert sentence.against_margin.startswith(passed)
    assert ("improves" in sentence.finding) == (verdict == "superior")


VERDICTS = ("improves", "worsens", "are equivalent", "is non-inferior", "is not shown to differ")


@pytest.mark.parametrize("difference", [-0.05, -0.02, -0.01, -0.001, 0.0, 0.004, 0.02, 0.05])
@pytest.mark.parametrize("se", [0.001, 0.005, 0.012, 0.03])
def test_each_answer_has_one_verdict_the_strongest_and_no_power(result, difference, se):
    sentence = said(result, difference, se)
    assert sum(verdict in sentence.text for verdict in VERDICTS) == 1
    assert "power" not in sentence.text
    assert len(sentence.text.split()) < 80
    low, high = (difference + side * 2.0211 * se for side in (-1, 1))
    low_90, high_90 = (difference + side * 1.6839 * se for side in (-1, 1))
    expected = (
        "superior" if low > 0 else
        "inferior" if high < 0 else
        "equivalent" if low_90 > -0.02 and high_90 < 0.02 else
        "non-inferior" if low_90 > -0.02 else
        "undecided"
    )  # fmt: skip
    assert sentence.verdict == expected


def test_adjustment_may_take_equivalence_away(result):
    shown = said(result, 0.001, 0.011, adjustment="holm", p_adjusted=0.04)
    assert "Holm-adjusted p = 0.040" in shown.text
    assert said(result, 0.001, 0.011, adjustment="holm", p_adjusted=0.06).verdict == "undecided"


def test_equivalence_that_adjustment_takes_away_says_so(result):
    text = said(result, 0.001, 0.009, adjustment="holm", p_adjusted=0.08).text  # 95 % interval -1.7 to 1.9
    assert "Adjustment takes equivalence away: 90 % CI −1.4 to 1.6, Holm-adjusted p = 0.080 against p = 0.0" in text
    assert "takes equivalence away" not in said(result, 0.001, 0.03, adjustment="holm", p_adjusted=1.0).text


def test_a_margin_that_only_the_unadjusted_interval_passes_says_so(result):
    text = said(result, 0.030, 0.004, adjustment="holm", p_adjusted=0.001).text
    assert "By its interval, which is not adjusted, the difference exceeds the margin of 2 points." in text


@pytest.mark.parametrize(
    ("declared", "where"),
    [
        ("before", "before the test predictions existed"),
        ("after", "replaced an earlier"),
        ("unknown", "nothing records"),
    ],
)
def test_a_margin_of_the_study_file_was_declared_only_if_that_is_recorded(result, declared, where):
    results = with_margin(result, 0.001, 0.004)
    settings = results.settings.model_copy(update={"declared": declared})
    lookup = Lookup(results.model_copy(update={"settings": settings}))
    text = methods.methods_paragraph(lookup)
    defined = dict(definitions.definitions(lookup))["Margin"]
    assert where in text
    assert where in defined
    assert ("declared in the study file before" in text) == (declared == "before")


def test_a_margin_given_at_evaluation_is_never_called_declared(result):
    results = with_margin(result, 0.001, 0.004, margin_from="evaluation")
    lookup = Lookup(results)
    (sentence,) = sentences.answers(lookup)
    assert "within the margin of 2 points given at evaluation: +0.10 points" in sentence.text
    for text in (sentence.text, methods.methods_paragraph(lookup), dict(definitions.definitions(lookup))["Margin"]):
        assert "given at evaluation" in text
        assert "margin declared" not in text
        assert "study's margin" not in text


def test_methods_name_the_tests_against_the_margin_and_their_level(result):
    text = methods.methods_paragraph(Lookup(with_margin(result, 0.001, 0.004)))
    assert "equivalence by two one-sided tests at 5 % and non-inferiority by a one-sided test at 5 %" in text
    untested = result.model_copy(update={"settings": result.settings.model_copy(update={"margin": 0.02})})
    assert "No comparison could be tested against it." in methods.methods_paragraph(Lookup(untested))


def test_without_a_margin_nothing_is_said_of_one(result):
    found = sentences.answers(Lookup(result))
    assert found
    assert all("margin" not in sentence.text for sentence in found)


def test_a_primary_analysis_that_does_not_exist_has_no_word_on_the_margin(result):
    results = with_margin(result, 0.004, 0.012)
    nothing = dict.fromkeys(("difference", "se", "low", "high", "p_value"))
    rows = [row.model_copy(update={**nothing, "undefined_because": "one seed"}) for row in results.comparisons]
    results = results.model_copy(update={"comparisons": rows})
    (sentence,) = sentences.answers(Lookup(results))
    assert (sentence.verdict, sentence.against_margin) == ("undefined", "")
    assert Margins(results).of(rows[0]) is None
