"""A table as HTML: groups are bodies, cells carry their numbers, and footnotes say how each was made."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from medkt_reports.page import html
from medkt_reports.tables.model import Cell, Row, Span, Table, text_cell

SCRIPT = "<script>alert(1)</script>"
ROWS = (
    Row(
        text_cell("a"),
        (Cell("+3.7", "(2.1 to 5.3)", value=0.037123456, footnote="by Welch"), text_cell("12")),
        group="one",
    ),
    Row(text_cell("b"), (Cell("n/a", footnote=SCRIPT), text_cell("ü")), group="one"),
    Row(text_cell("c"), (Cell("< 0.001", value=1.5e-05, footnote="by Welch"), text_cell("")), group="two"),
    Row(text_cell(SCRIPT), (Cell("beta 5‡", value="beta 5", footnote="of three"), text_cell("x & y"))),
)


def table(rows):
    return Table("small", "T", "Caption", ((Span("S"), Span("D"), Span("W")),), rows)


def parsed(rows):
    text = html.render_table(table(rows)).replace(" data-sort", "")  # an attribute without value is no XML
    return ET.fromstring(f"<div>{text}</div>")


@pytest.fixture(scope="module")
def root():
    return parsed(ROWS)


def test_each_group_is_a_body_under_its_name(root):
    bodies = root.findall(".//tbody")
    assert [len(body) for body in bodies] == [3, 2, 1]
    assert [body[0].get("class") for body in bodies] == ["group", "group", None]


def test_the_number_behind_a_cell_is_what_it_is_sorted_by(root):
    cells = root.findall(".//td")
    assert [cell.get("data-value") for cell in cells] == [
        "0.03712346",
        None,
        None,
        None,
        "1.5e-05",
        None,
        "beta 5",
        None,
    ]


def test_footnotes_are_said_once_and_numbered(root):
    notes = ["".join(note.itertext()) for note in root.findall(".//ol/li")]
    assert notes == ["by Welch", SCRIPT, "of three"]
    marks = [cell.find("sup[@class='how']") for cell in root.findall(".//td")]
    assert [mark.text for mark in marks if mark is not None] == ["1", "2", "1", "3"]
    assert list(table(ROWS).footnotes().values()) == [1, 2, 3]


def test_a_table_without_footnotes_has_no_list_and_a_short_one_is_not_sorted():
    bare = parsed((Row(text_cell("a"), (text_cell("1"), text_cell("2"))),))
    assert bare.find(".//details") is None
    assert "data-sort" not in html.render_table(table(ROWS[:3]))
    assert "data-sort" in html.render_table(table(ROWS))
