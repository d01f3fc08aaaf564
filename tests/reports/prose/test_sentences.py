"""Scope, interval and available numbers decide what a sentence says."""

from __future__ import annotations

import pytest

from medkt.cli.output import summary
from medkt_reports.lookup import Lookup
from medkt_reports.prose import methods, sentences, status
from medkt_reports.prose.margins import Margins

PAIR = ("chest-at", "chest-tl")
AT = "AT <script>alert(1)</script>"


@pytest.fixture(scope="module")
def said(result):
    """The sentence of a comparison of attention transfer with transfer learning, 3.7 (2.1 to 5.3) unless changed."""
    lookup = Lookup(result)
    template = next(c for c in result.comparisons if (c.arm_a, c.arm_b) == PAIR and c.label == "macro")
    margins = Margins(result)

    def say(lookup=lookup, **changes):
        fields = {"difference": 0.037, "low": 0.021, "high": 0.053, "p_value": 0.012, "p_adjusted": 0.024}
        return sentences.sentence(lookup, template.model_copy(update={**fields, **changes}), margins)

    return say


def test_over_seeds_and_patients_the_finding_comes_first_and_what_is_fixed_follows(said):
    sentence = said(scope="seeds+patients", test="obuchowski-rockette")
    assert sentence.text == (
        f"On Phantom chest (600 synthetic test images of 300 patients), {AT} improves macro AUC over TL: +3.7 points "
        "(95 % CI 2.1 to 5.3; seeds and patients random; Holm-adjusted p = 0.024), averaged over retrainings (3 seeds "
        "an arm) on this training set (200 images) with this teacher, and over patients like those tested."
    )
    assert sentence.verdict == "superior"
    assert "another hospital" in sentence.limitation


@pytest.mark.parametrize(("metric", "verb"), [("auc", "worsens macro AUC against"), ("ece", "improves macro expected")])
def test_a_lower_value_is_better_only_where_it_is(said, metric, verb):
    text = said(scope="seeds+patients", metric=metric, difference=-0.037, low=-0.053, high=-0.021).text
    assert f"{AT} {verb}" in text
    unit = "−3.7 points (95 % CI −5.3 to −2.1;" if metric == "auc" else "−0.037 (95 % CI −0.053 to −0.021;"
    assert f"TL: {unit}" in text  # as the tables print it


def test_over_seeds_a_difference_is_about_these_test_patients(said):
    sentence = said()
    assert sentence.text == (
        f"On Phantom chest (600 synthetic test images of 300 patients), {AT} reaches a higher macro AUC than TL: "
        "+3.7 points (95 % CI 2.1 to 5.3; seeds random, test patients fixed; Holm-adjusted p = 0.024), averaged over "
        "retrainings (3 seeds an arm) on this training set (200 images) with this teacher, and on these test patients "
        "alone."
    )
    assert "does not cover new patients" in sentence.limitation
    lower = said(difference=-0.037, low=-0.053, high=-0.021).text
    assert "a lower macro AUC than TL: −3.7 points (95 % CI −5.3 to −2.1;" in lower


def test_over_patients_the_trained_models_are_spoken_of(said):
    sentence = said(scope="patients", test="delong-clustered")
    assert f"the trained models of {AT} reach a higher macro AUC than those of TL: +3.7 points" in sentence.text
    assert "patients random, trained models fixed" in sentence.text
    assert sentence.text.endswith(", for patients like those tested.")
    assert "retrainings" not in sentence.text
    assert "does not cover retraining" in sentence.limitation


@pytest.mark.parametrize("scope", ["seeds", "patients", "seeds+patients", "images"])
def test_an_interval_that_includes_zero_shows_no_difference_and_gives_its_ends(said, scope):
    sentence = said(scope=scope, low=-0.011, high=0.085, p_value=0.1, p_adjusted=0.2)
    assert sentence.verdict == "undecided"
    assert "not shown to differ from" in sentence.text
    assert "in macro AUC: +3.7 points (95 % CI −1.1 to 8.5;" in sentence.text
    assert "adjusted for the other" not in sentence.text
    for never in ("no difference", "equal", "power", "higher than", "improves", "better", "margin"):
        assert never not in sentence.text


def test_a_name_with_a_comma_is_set_off_and_a_method_loses_its_capital(said, result):
    arms = [
        arm.model_copy(update={"name": "Attention transfer, in-domain"})
        if arm.arm == PAIR[0]
        else arm.model_copy(update={"name": "TL, DenseNet-40"})
        if arm.arm == PAIR[1]
        else arm
        for arm in result.arms
    ]
    lookup = Lookup(result.model_copy(update={"arms": arms}))
    assert (
        "patients), attention transfer, in-domain, improves macro AUC over TL, DenseNet-40: +3.7 points (95 % CI"
        in said(lookup, scope="seeds+patients").text
    )
    assert (
        "attention transfer, in-domain, reaches a higher macro AUC than TL, DenseNet-40: +3.7 points (95 %"
        in said(lookup).text
    )


def test_what_the_training_sets_share_is_what_the_runs_recorded(said, result):
    arms = [arm.model_copy(update={"training_sha256": [str(seed) for seed in arm.seeds]}) for arm in result.arms]
    text = said(Lookup(result.model_copy(update={"arms": arms})), n_seeds_b=5).text
    assert "over retrainings (3 and 5 seeds) on training sets redrawn with each seed (200 images) with this" in text


def test_settings_chosen_on_these_seeds_are_owned_up_to(said, result):
    arms = [
        arm.model_copy(update={"settings_tried": 7, "selected_on_these_seeds": arm.arm == PAIR[0]})
        for arm in result.arms
    ]
    sentence = said(Lookup(result.model_copy(update={"arms": arms})))
    assert sentence.text.endswith(
        f" Caution: the settings of {AT} are the best of 7 tried on these same seeds, which favours what was chosen."
    )
    assert "Caution" not in said().text


@pytest.mark.parametrize("scope", ["seeds", "patients", "seeds+patients", "images"])
def test_no_scope_says_that_a_method_is_better(said, scope):
    sentence = said(scope=scope)
    assert "better" not in sentence.text
    assert "method" not in sentence.text
    assert sentence.limitation


def test_a_difference_that_adjustment_takes_away_says_so(said):
    lost = said(p_adjusted=0.06)
    assert lost.verdict == "undecided"
    assert "is not shown to differ from TL in macro AUC, adjusted for the other comparisons: +3.7 points" in lost.text
    assert "(95 % CI, not adjusted, 2.1 to 5.3;" in lost.text
    assert "higher than" not in lost.text
    assert "not shown" not in said().text
    assert said(p_adjusted=0.06, adjustment=None).verdict == "superior"  # the primary contrast has no family


def test_what_is_shown_follows_the_level(said):
    assert said(p_adjusted=0.06, level=0.9).verdict == "superior"
    assert said(p_adjusted=0.024, level=0.98).verdict == "undecided"
    assert "p = 0.0997" in said(p_adjusted=0.0997, level=0.9).text
    assert "90 % CI" in said(level=0.9).text


def test_an_undefined_comparison_says_why(said):
    nothing = dict.fromkeys(("difference", "low", "high", "p_value", "p_adjusted"))
    sentence = said(**nothing, undefined_because="no positive image among 40")
    assert sentence.verdict == "undefined"
    assert sentence.text == (
        f"On Phantom chest (600 synthetic test images of 300 patients), {AT} could not be tested against TL on macro "
        "AUC: no positive image among 40."
    )
    half = said(**{**nothing, "difference": -0.012}, undefined_because="one seed")
    assert "The difference is −1.2 points, without an interval." in half.text


def test_the_answer_has_a_sentence_for_each_declared_comparison(result):
    found = sentences.answers(Lookup(result))
    declared = [
        c
        for c in result.comparisons
        if c.kind == "declared"
        and (
            (c.metric, c.label) == ("auc", "macro")
            or (c.dataset, c.metric, c.label) == ("phantom-fundus", "f1", "weighted")
        )
    ]
    assert len(found) == len(declared) == 13
    assert {sentence.verdict for sentence in found} == {"superior", "inferior", "undecided", "undefined"}


def test_the_widest_scope_alone_answers(result):
    rows = list(result.comparisons)
    wide = next(c for c in rows if (c.arm_a, c.arm_b, c.metric, c.label, c.kind) == (*PAIR, "auc", "macro", "declared"))
    rows.append(wide.model_copy(update={"scope": "seeds+patients", "test": "obuchowski-rockette"}))
    found = sentences.answers(Lookup(result.model_copy(update={"comparisons": rows})))
    assert len(found) == 13
    assert sum("over patients like those tested" in sentence.text for sentence in found) == 1


def test_without_a_primary_contrast_the_report_is_exploratory(result):
    assert status.confirmatory_status(Lookup(result)) == ("Exploratory: no primary contrast was named.")
    named = result.settings.model_copy(
        update={"primary": {"arm_a": "chest-at", "arm_b": "chest-tl", "metric": "auc", "label": "macro"}}
    )
    text = status.confirmatory_status(Lookup(result.model_copy(update={"settings": named})))
    assert f"The primary contrast, {AT} − TL on macro AUC" in text
    assert "Exploratory" not in text


def test_arms_that_nothing_was_compared_with_are_named(result):
    found = status.unanswered(Lookup(result.model_copy(update={"comparisons": []})))
    assert len(found) == 3
    assert "none of its 6 arms was compared with a baseline" in found[1]


def with_primary(result, metric, label, declared="unknown"):
    """The results with a primary contrast on that metric."""
    primary = {"arm_a": PAIR[0], "arm_b": PAIR[1], "metric": metric, "label": label}
    rows = [
        row.model_copy(update={"primary": True, "adjustment": None, "p_adjusted": None})
        if (row.arm_a, row.arm_b, row.metric, row.label, row.kind) == (*PAIR, metric, label, "declared")
        else row
        for row in result.comparisons
    ]
    settings = result.settings.model_copy(update={"primary": primary, "declared": declared})
    return result.model_copy(update={"settings": settings, "comparisons": rows})


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("before", "was named in the study file before the test predictions existed."),
        (
            "after",
            "was named in a study file that replaced an earlier one after the first runs had finished; read it as "
            "exploratory.",
        ),
        ("unknown", "was named in the study file; nothing records that this was before the test predictions existed."),
    ],
)
def test_only_what_is_on_record_was_named_before_the_predictions(result, declared, expected):
    lookup = Lookup(with_primary(result, "auc", "macro", declared))
    for text in (status.confirmatory_status(lookup), methods.methods_paragraph(lookup)):
        assert expected in text
        assert ("study file before the test predictions existed" in text) == (declared == "before")


def test_a_primary_contrast_on_any_metric_is_answered_first(result):
    found = sentences.answers(Lookup(with_primary(result, "f1", "Edema")))
    assert len(found) == 14
    assert [sentence.primary for sentence in found] == [True] + [False] * 13
    assert "F1 for Edema" in found[0].text
    assert "adjusted p" not in found[0].text
    covered = sentences.answers(Lookup(with_primary(result, "auc", "macro")))
    assert [sentence.primary for sentence in covered].count(True) == 1
    assert len(covered) == 13


def test_the_summary_says_which_training_set_a_sentence_is_of(result, only_arms, capsys):
    summary.show(result)
    said = capsys.readouterr().out.rpartition("Intervals: ")[2].splitlines()  # after the last table
    headings = [said.index(training_set.text) for training_set in Lookup(result).training_sets()]
    assert headings == sorted(headings)
    assert all(said[k + 2].startswith("On ") for k in headings)
    rows = [row for row in result.comparisons if row.dataset == "phantom-chest"]
    summary.show(only_arms.model_copy(update={"comparisons": rows}))
    said = capsys.readouterr().out.rpartition("Intervals: ")[2].splitlines()
    assert "Phantom chest, 200 training images" not in said  # there is no other


def test_a_synthetic_arm_alone_is_called_synthetic_on_the_terminal(result, only_arms, capsys):
    summary.show(only_arms)
    assert "SYNTHETIC: Phantom chest" in capsys.readouterr().out
    summary.show(result)
    said = capsys.readouterr().out
    assert "SYNTHETIC" not in said
    assert "synthetic test images" in " ".join(said.split())
