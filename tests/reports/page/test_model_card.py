"""The model card: the sections of Mitchell et al., from the results, escaped, and marked if synthetic."""

from __future__ import annotations

import re

import pytest

from medkt_eval.errors import InputError
from medkt_reports.lookup import Lookup
from medkt_reports.page import model_card
from medkt_reports.prose import sentences


@pytest.fixture(scope="module")
def card(result):
    return model_card.render(Lookup(result))


def test_its_sections_stand_in_order(card):
    found = re.findall(r"^##? (.*)$", card, re.MULTILINE)
    assert found == [
        r"Model card: Demo \<script\>alert(1)\</script\>",
        "Model details",
        "Intended use",
        "Data",
        "Metrics",
        "Quantitative analyses",
        "Caveats",
    ]


def test_synthetic_data_are_marked_before_anything_else(card):
    assert card.index("**SYNTHETIC: Phantom chest") < card.index("## Model details")


def test_every_answer_and_every_arm_with_its_interval_is_in_it(card, result):
    lookup = Lookup(result)
    assert len(re.findall(r"^- (?:Primary: )?On ", card, re.MULTILINE)) == len(sentences.answers(lookup))
    (line,) = [line for line in card.splitlines() if line.startswith("| TL |") and "±" in line][:1]
    estimate = lookup.estimate("phantom-chest", "chest-tl", "auc", "macro", "seeds:t")
    assert f"| TL | {100 * estimate.value:.2f} ± {50 * (estimate.high - estimate.low):.2f} |" == line
    assert "a note on" in card


def test_what_is_not_recorded_says_so_and_the_author_has_the_rest(card, only_arms):
    assert card.count("*author*") == 5
    bare = model_card.render(Lookup(only_arms))
    assert "- Thresholds: not recorded" in bare
    assert "No comparison was made." in bare
    assert "- Margin of equivalence: none was given" in bare
    assert "None was measured." in bare
    assert "None " not in bare.replace("None was measured.", "")


def test_hostile_names_are_text_and_the_same_results_give_the_same_card(card, result):
    assert not re.search(r"(?<!\\)<script", card)
    assert model_card.render(Lookup(result)) == card


def test_a_template_of_ones_own_stands_in_for_ours(result, tmp_path):
    (tmp_path / model_card.TEMPLATE).write_text("{{ card.title }}: {{ card.facts.seeds }}", encoding="utf-8")
    assert "1 or 3 an arm, taken as nested" in model_card.render(Lookup(result), tmp_path)
    (tmp_path / model_card.TEMPLATE).write_text("{{ card.nothing }}", encoding="utf-8")
    with pytest.raises(InputError, match=r"model_card\.md\.jinja:1: UndefinedError: .*nothing"):
        model_card.render(Lookup(result), tmp_path)
