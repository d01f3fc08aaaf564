"""Differences by training-set size: signed points, and a sentence that claims only what is shown."""

from __future__ import annotations

import pytest

from medkt_eval.results.recorded import LogitSizeEffect, SizeEffect
from medkt_reports.lookup import Lookup
from medkt_reports.prose.exploratory import size_effect_sentences
from medkt_reports.tables.further.size_effects import size_effects_table


def effect(result, **changes):
    arms = [arm.arm for arm in result.arms if arm.role == "arm" and arm.dataset == "phantom-chest"]
    lookup = Lookup(result)
    baseline = next(arm for arm in arms if arm in lookup.baselines)
    other = next(arm for arm in arms if arm not in lookup.baselines)
    fields = {
        "dataset": "phantom-chest",
        "metric": "auc",
        "label": "macro",
        "arms_small": (other, baseline),
        "arms_large": (other, baseline),
        "size_small": 100,
        "size_large": 2000,
        "difference_small": 0.031,
        "difference_large": 0.004,
        "difference": 0.027,
        "se": 0.01,
        "low": 0.005,
        "high": 0.049,
        "level": 0.95,
        "test": "obuchowski-rockette",
        "scope": "seeds+patients",
        "statistic": 2.7,
        "df": 9.0,
        "p_value": 0.012,
        "p_adjusted": 0.024,
        "adjustment": "holm",
        "family": "f",
        "n_patients": 90,
    }
    return Lookup(result.model_copy(update={"size_effects": [SizeEffect(**(fields | changes))]}))


def test_points_with_signs(result):
    (row,) = size_effects_table(effect(result)).rows
    assert [f"{cell.text} {cell.uncertainty}".strip() for cell in row.cells] == [
        "Macro AUC",
        "+3.1",
        "+0.4",
        "+2.7 (0.5 to 4.9)",
        "0.024",
    ]


@pytest.mark.parametrize(("p", "said"), [(0.024, "is shown to change"), (0.2, "is not shown to change")])
def test_sentence(result, p, said):
    (sentence,) = size_effect_sentences(effect(result, p_adjusted=p))
    assert (
        f"{said} with training size: +3.1 against +0.4 points, the first less the second +2.7 (95 % CI +0.5 to +4.9"
        in sentence
    )
    assert "exploratory" in sentence


def test_undefined_is_said(result):
    none = dict.fromkeys(("difference", "se", "low", "high", "statistic", "df", "p_value", "p_adjusted"))
    lookup = effect(result, **none, undefined_because="one seed")
    (sentence,) = size_effect_sentences(lookup)
    assert sentence.endswith("could not be compared: one seed.")
    (row,) = size_effects_table(lookup).rows
    assert row.cells[-1].footnote == "one seed"


def test_none_without_sizes(result):
    assert size_effects_table(Lookup(result.model_copy(update={"size_effects": []}))) is None


def in_logits(difference, low, high, p):
    return LogitSizeEffect(
        difference_small=0.3,
        difference_large=0.3 - difference,
        difference=difference,
        se=0.1,
        low=low,
        high=high,
        statistic=2.0,
        df=9.0,
        p_value=p,
        p_adjusted=p,
    )


def test_logits_stand_beside_points_and_a_disagreement_is_said(result):
    lookup = effect(result, logit=in_logits(-0.12, -0.20, -0.04, 0.008))
    (row,) = size_effects_table(lookup).rows
    assert [f"{cell.text} {cell.uncertainty}".strip() for cell in row.cells][-2:] == [
        "−0.120 (−0.200 to −0.040)",
        "0.008",
    ]
    (sentence,) = size_effect_sentences(lookup)
    assert "In logits the same is −0.120 (95 % CI −0.200 to −0.040; Holm-adjusted p = 0.008)." in sentence
    assert sentence.endswith("The scales disagree on its sign.")
    (agreed,) = size_effect_sentences(effect(result, logit=in_logits(0.12, 0.04, 0.20, 0.008)))
    assert "The scales disagree" not in agreed
    assert "In logits" not in size_effect_sentences(effect(result))[0]
