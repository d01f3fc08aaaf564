"""Every entry of a catalogue has a section on the page."""

from __future__ import annotations

import dataclasses
import re

import pytest

from medkt_reports.figures import catalogue as figures
from medkt_reports.lookup import Lookup
from medkt_reports.page import html, page_sections
from medkt_reports.page.contents import make_page
from medkt_reports.page.page_sections import contents_of
from medkt_reports.sections import SECTIONS
from medkt_reports.tables import catalogue as tables
from medkt_reports.tables.model import Row, Span, Table, text_cell


def test_every_table_and_figure_has_one_place():
    places = [place for name in SECTIONS for place in contents_of(name)]
    names = [("table", name) for name in tables.TABLES] + [("figure", name) for name in figures.FIGURES]
    assert sorted(place for place in places if place[0] != "pictures") == sorted(names)


def test_the_order_of_a_section_names_only_what_is_in_it():
    for name, section in SECTIONS.items():
        assert set(section.order) <= set(contents_of(name)), name


def test_every_template_of_a_section_exists():
    for section in SECTIONS.values():
        assert not section.text or (html.template_dir() / section.text).is_file()


def test_a_table_that_no_order_names_comes_last_in_its_section(only_arms, monkeypatch):
    new = Table("new", "A new table", "New.", ((Span("Arm"),),), (Row(text_cell("a new row"), ()),))
    entries = {"new": tables.TableEntry(lambda _: new, section="comparisons", missing=""), **tables.TABLES}
    monkeypatch.setattr(page_sections, "TABLES", entries)
    monkeypatch.setattr(tables, "TABLES", entries)
    assert contents_of("comparisons")[-1] == ("table", "new")
    lookup = Lookup(only_arms)
    text = html.render_page(make_page(lookup, tables.build_tables(lookup), figures.draw(lookup), []))
    section = text[text.index('<section id="comparisons"') :]
    assert "a new row" in section[: section.index("</section>")]


def test_an_unknown_section_is_an_error(monkeypatch):
    entry = dataclasses.replace(figures.FIGURES["forest"], section="diferences")
    monkeypatch.setattr(page_sections, "FIGURES", {**figures.FIGURES, "forest": entry})
    expected = re.escape("figure 'forest' names the section 'diferences'; expected one of answer, scope, differences,")
    with pytest.raises(ValueError, match=expected):
        contents_of("answer")


def test_a_table_must_have_the_name_of_its_entry(only_arms, monkeypatch):
    entry = dataclasses.replace(tables.TABLES["IV"], file="fourth")
    monkeypatch.setattr(tables, "TABLES", {"IV": entry})
    with pytest.raises(ValueError, match=re.escape("TABLES['IV'] builds a table named 'table4'; expected 'fourth'")):
        tables.build_tables(Lookup(only_arms))


def test_a_caution_is_said_once(only_arms):
    caution = "Caution: predictions: scores are only 0 and 1"
    settings = only_arms.settings.model_copy(update={"notes": [caution, "a note"]})
    lookup = Lookup(only_arms.model_copy(update={"settings": settings}))
    page = make_page(lookup, tables.build_tables(lookup), figures.draw(lookup), [])
    assert (page.cautions, page.notes) == ((caution,), ("a note",))
    assert html.render_page(page).count(caution) == 1


def test_a_section_without_anything_is_left_out_or_says_so(only_arms):
    lookup = Lookup(only_arms)
    text = html.render_page(make_page(lookup, tables.build_tables(lookup), figures.draw(lookup), []))
    assert 'id="learning"' not in text
    differences = text[text.index('<section id="differences"') :]
    assert '<p class="missing">No comparison was made.</p>' in differences[: differences.index("</section>")]
