"""Several primary contrasts: one Holm family, each with its margin; a single one keeps its meaning."""

from __future__ import annotations

import json

import pytest
from statsmodels.stats.multitest import multipletests

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import EvaluationResult

OR = "obuchowski-rockette"
AT = {"method": "attention_transfer"}


@pytest.fixture
def three_arms(write_run, two_arms):
    for seed in range(2):
        write_run("hint", seed, name="Hint", method="hint_transfer", skill=1.4)
    return two_arms


LIST = """
[[analysis.primary]]
arm_a = "AT"
arm_b = "TL"
[[analysis.primary]]
arm_a = "TL"
arm_b = "Hint"
metric = "f1"
label = "Edema"
margin = 0.05
"""


@pytest.fixture
def listed(three_arms, tmp_path):
    path = tmp_path / "listed.toml"
    path.write_text('name = "a study"\n[analysis]\nmargin = 0.02\n' + LIST)
    return evaluate(three_arms, study=path, replicates=0)


def test_several_primary_contrasts_form_one_holm_family(listed):
    primary = sorted((row for row in listed.comparisons if row.primary and row.test == OR), key=lambda row: row.arm_a)
    assert [(row.arm_a, row.arm_b, row.metric, row.label) for row in primary] == [
        ("at", "tl", "auc", "macro"),
        ("tl", "hint", "f1", "Edema"),  # turned as named
    ]
    assert {(row.family, row.adjustment) for row in primary} == {("primary", "holm")}
    p_values = [row.p_value for row in primary]
    assert [row.p_adjusted for row in primary] == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)
    assert listed.settings.adjustment["primary"] == "holm"
    assert {row.secondary for row in listed.comparisons if row.metric in ("auc", "f1")} == {False}


def test_each_has_its_own_margin_and_the_studys_holds_for_the_rest(listed):
    margins = {(row.arm_a, row.arm_b, row.metric, row.label): row.margin for row in listed.comparisons if row.margin}
    assert margins["at", "tl", "auc", "macro"] == 0.02
    assert margins["tl", "hint", "f1", "Edema"] == 0.05
    assert margins["at", "tl", "f1", "Edema"] == 0.02
    assert margins["at", "tl", "f1", "macro"] == 0.02
    assert ("at", "tl", "f1", "Effusion") not in margins
    # Their tests against a margin form Holm families too.
    tests = [row for row in listed.comparisons if row.primary and row.test == "tost"]
    expected = multipletests([row.p_value for row in tests], method="holm")[1]
    assert [row.p_adjusted for row in tests] == pytest.approx(expected, abs=1e-12)


def test_results_hold_the_list_and_are_read_again(listed, tmp_path):
    assert listed.settings.primary == [
        {"arm_a": "at", "arm_b": "tl", "metric": "auc", "label": "macro"},
        {"arm_a": "tl", "arm_b": "hint", "metric": "f1", "label": "Edema", "margin": 0.05},
    ]
    listed.write(tmp_path / "results.json")
    assert EvaluationResult.read(tmp_path / "results.json") == listed


def test_a_single_contrast_with_a_margin_of_its_own(two_arms, study):
    result = evaluate(two_arms, study=study('primary = {arm_a = "AT", arm_b = "TL", margin = 0.03}'), replicates=0)
    assert {(row.label, row.margin, row.primary) for row in result.comparisons if row.margin} == {("macro", 0.03, True)}
    assert {row.adjustment for row in result.comparisons if row.primary} == {None}


@pytest.mark.parametrize(
    ("primary", "told"),
    [
        ("[]", "primary"),
        ('[{arm_a = "AT"}]', r"\[analysis\]: primary.0.arm_b is missing"),
        ('[{arm_a = "AT", arm_b = "TL", test = "t"}]', "unknown key 'primary.0.test'"),
        ('[{arm_a = "AT", arm_b = "TL"}, {arm_a = "AT", arm_b = "TL"}]', "AT - TL on auc macro twice"),
        (
            '[{arm_a = "AT", arm_b = "TL"}, {arm_a = "TL", arm_b = "AT", metric = "f1"}]',
            "TL - AT on f1 macro and also AT - TL; expected each contrast once",
        ),
        ('[{arm_a = "AT", arm_b = "TL"}, {arm_a = "AT", arm_b = "TA"}]', "primary.1.arm_b is 'TA', which is not an"),
        ('[{arm_a = "AT", arm_b = "TL", margin = 2}]', "primary.0.margin is 2"),
    ],
)
def test_a_list_that_cannot_be_analysed(two_arms, study, primary, told):
    with pytest.raises(InputError, match=told):
        evaluate(two_arms, study=study(f"primary = {primary}"), replicates=0)


def test_of_a_recorded_list_those_with_runs_are_compared(two_arms, write_run):
    contrasts = [{"arm_a": "AT", "arm_b": "TL"}, {"arm_a": "Hint", "arm_b": "TL"}]
    study = {"name": "s", "sha256": "0" * 64, "analysis": {"primary": contrasts}}
    (two_arms / "study.json").write_text(json.dumps(study))
    result = evaluate(two_arms, replicates=0)
    (row,) = [row for row in result.comparisons if row.primary and row.test == OR]
    assert row.arm_a == "at"
    # The list was declared with two contrasts. One without runs has no p-value, which counts as 1 (decision 0002).
    assert row.p_adjusted == pytest.approx(multipletests([row.p_value, 1.0], method="holm")[1][0], abs=1e-15)
    assert row.p_adjusted == pytest.approx(min(2 * row.p_value, 1), abs=1e-15)
    assert (
        "the study's primary contrast, Hint - TL, has no runs of both arms yet; it counts in the family of primary "
        "contrasts as if p were 1"
    ) in result.settings.notes


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            "arm_a = 'AT'\narm_b = 'TL'",
            "arm_a = 'at'\narm_b = 'tl'",
            "primary.1: at - tl is the same contrast as primary.0",
        ),
        ("arm_a = 'AT'\narm_b = 'TL'", "arm_a = 'tl'\narm_b = 'at'", "primary.1: tl - at is the same contrast"),
        (
            "arm_a = 'AT'\narm_b = 'TL'",
            "arm_a = 'tl'\narm_b = 'at'\nmetric = 'f1'",
            "primary.1: tl - at: another primary contrast is at - tl; expected two arms always in one order",
        ),
        (
            "arm_a = 'AT'\narm_b = 'TL'",
            "arm_a = 'AT'\narm_b = 'AT'",
            "primary.1: AT - AT names one arm twice, at; expected",
        ),
        ("arm_a = 'AT'\narm_b = 'at'", "arm_a = 'AT'\narm_b = 'TL'", "primary.0: AT - at names one arm twice, at"),
        (
            "arm_a = 'AT'\narm_b = 'TL'",
            "arm_a = 'AT'\narm_b = 'TL'\nlabel = 'macro_ovo'",
            "primary.1: AT - TL on auc macro_ovo is of several classes, and these runs are multi-label",
        ),
    ],
)
def test_a_contrast_that_can_be_no_comparison_is_named_as_what_it_is(two_arms, tmp_path, first, second, said):
    study = tmp_path / "study.toml"
    study.write_text(f"[[analysis.primary]]\n{first}\n[[analysis.primary]]\n{second}\n")
    with pytest.raises(InputError, match=rf"\[analysis\] {said}"):
        evaluate(two_arms, study=study, replicates=0)


def test_a_margin_of_its_own_that_holds_against_a_given_one_is_noted(two_arms, tmp_path):
    study = tmp_path / "study.toml"
    study.write_text("[analysis.primary]\narm_a = 'AT'\narm_b = 'TL'\nmargin = 0.05\n")
    result = evaluate(two_arms, study=study, margin=0.02, replicates=0)
    said = "AT - TL on auc macro is tested against its own margin, 0.05, and not against --margin 0.02"
    assert said in result.settings.notes
    assert {row.margin for row in result.comparisons if row.primary and row.test == "tost"} == {0.05}
