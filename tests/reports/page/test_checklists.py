"""Checklists: every item has one of three outcomes, every fact has a name, and no item judges the study."""

from __future__ import annotations

import re

import pytest

from medkt_reports.lookup import Lookup
from medkt_reports.page import checklists
from medkt_reports.prose import facts


@pytest.fixture(scope="module")
def tables(result):
    return {table.name: table for table in checklists.checklist_tables(Lookup(result))}


@pytest.mark.parametrize("name", checklists.NAMES)
def test_items_are_whole_and_their_facts_exist(name):
    checklist = checklists.read(name)
    assert len({item.id for item in checklist.items}) == len(checklist.items) > 20
    assert {item.filled for item in checklist.items} == {"run", "author", "not applicable"}
    sections = [item.section for item in checklist.items]
    assert len([s for k, s in enumerate(sections) if k == 0 or s != sections[k - 1]]) == len(set(sections))
    for item in checklist.items:
        assert item.question.endswith("?"), item.id
        assert set(item.names()) <= set(facts.NAMES), item.id
        assert bool(item.text) == (item.filled == "run"), item.id
        assert item.author or item.filled == "run", item.id


def test_an_item_is_filled_with_what_the_runs_recorded(tables):
    rows = {row.stub.text: row for row in tables["checklist-claim"].rows}
    reported, who = rows["How were the data divided, and on which level are the parts disjoint?"].cells
    assert "Phantom chest: 600 images of 300 patients" in reported.text
    assert "Phantom chest: no patient in two splits" in reported.text
    assert "Validation: not recorded." in reported.text
    assert who.text == "Filled from the results. Author: How patients were assigned."


def test_an_item_that_the_results_say_nothing_of_is_the_authors(tables):
    rows = {row.stub.text: row for row in tables["checklist-claim"].rows}
    reported, who = rows["How was the final model chosen?"].cells
    assert (reported.text, who.text) == ("Of each run not recorded.", "Author: not in the results")
    reported, who = rows["Who paid, and what part did they have?"].cells
    assert (reported.text, who.text) == ("", "Author: Funding and conflicts of interest.")
    assert rows["Were models combined?"].cells[1].text == "Does not apply"


def test_nothing_is_judged_and_no_item_is_numbered(tables):
    for table in tables.values():
        text = checklists.checklist_markdown(table)
        assert not re.search(r"compl(y|ies|iant|iance)|fulfil|adher|satisf", text, re.IGNORECASE)
        assert not re.search(r"\bitem \d", text, re.IGNORECASE)
        assert not re.search(r"\{\w+\}", text)
        assert "SYNTHETIC: Phantom chest" in table.caption


def test_markdown_has_a_line_an_item_and_hostile_names_are_text(tables):
    table = tables["checklist-stard-ai"]
    text = checklists.checklist_markdown(table)
    sections = len({row.group for row in table.rows})
    assert text.startswith("# Checklist: STARD-AI\n\n")
    assert "| :-- | :-- | :-- |" in text
    assert sum(line.startswith("|") for line in text.splitlines()) == len(table.rows) + sections + 2
    assert re.search(r"\\<script", text)
    assert not re.search(r"(?<!\\)<script", text)


def test_facts_that_are_not_recorded_are_none_and_the_names_are_fixed(result, only_arms):
    assert tuple(facts.facts(Lookup(result))) == facts.NAMES
    bare = facts.facts(Lookup(only_arms))
    assert bare["answer"] is None
    assert bare["thresholds"] is None
    assert bare["margin"] is None
    assert bare["tuning"] == "no grid of settings in these results"
    assert "None" not in " ".join(text for text in bare.values() if text)


def test_facts_of_one_data_set_do_not_name_it(only_arms):
    found = facts.facts(Lookup(only_arms))
    assert found["test_data"] == "600 images of 300 patients"
    assert found["prevalence"] == r"test images from 30 (Edema) to 60 (50%_{\input{x}})"
    assert found["seeds"] == "3 an arm, taken as nested"
