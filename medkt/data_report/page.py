"""The two pages: what is in a data set, and what is wrong with it.

In: tables or findings. Out: self-contained HTML in the style of the report.
"""

from __future__ import annotations

from dataclasses import dataclass

from medkt.data_report import pictures
from medkt.data_report.findings import SEVERITIES, Checked, Finding
from medkt.data_report.opening import Opened
from medkt.data_report.pictures import Picture
from medkt_reports.page.html import environment
from medkt_reports.tables.model import Row, Span, Table, text_cell

MOST_ROWS = 40  # rows of a finding's evidence; findings.json has all of them
MOST_PICTURED = 12  # rows of a finding's evidence that have pictures
NAMES = {"error": "Wrong to train on", "warning": "To look at before training", "note": "Good to know"}


@dataclass(frozen=True)
class Shown:
    """A finding as the page shows it."""

    finding: Finding
    table: Table
    pictures: list[list[Picture]]
    left_out: int


def description(opened: Opened, tables: list[Table], *, images: bool) -> str:
    """Render the page of `medkt data describe`."""
    collection = opened.collection
    template = environment().get_template("data.html.jinja")
    return template.render(
        title=f"What is in {opened.name}",
        subtitle=_subtitle(opened),
        synthetic=collection.synthetic,
        tables=tables,
        samples=pictures.per_label(collection) if images else [],
        checked=None,
        sections=[],
    )


def findings(opened: Opened, checked: Checked, *, images: bool) -> str:
    """Render the page of `medkt data check`."""
    shown = [_shown(opened, finding, images=images) for finding in checked.findings]
    sections = [
        (NAMES[severity], [item for item in shown if item.finding.severity == severity]) for severity in SEVERITIES
    ]
    template = environment().get_template("data.html.jinja")
    return template.render(
        title=f"What is wrong with {opened.name}",
        subtitle=_subtitle(opened),
        synthetic=opened.collection.synthetic,
        tables=[_scopes(checked)],
        samples=[],
        checked=checked,
        sections=sections,
    )


def _subtitle(opened: Opened) -> str:
    collection = opened.collection
    patients = len(set(collection.patient_ids.astype(str)))
    return f"{len(collection):,} images of {patients:,} patients, {len(collection.labels)} labels"


def _scopes(checked: Checked) -> Table:
    """List every check, its number of findings and what it looked at."""
    counts = {finding.check: 0 for finding in checked.findings}
    for finding in checked.findings:
        counts[finding.check] += finding.count
    found = {name: f"{count:,}" for name, count in counts.items()}
    found |= dict.fromkeys(checked.nothing_found, "nothing") | dict.fromkeys(checked.not_checked, "not checked")
    rows = [
        Row(text_cell(name), (text_cell(found[name]), text_cell(scope))) for name, scope in checked.looked_at.items()
    ]
    head = ((Span("Check"), Span("Found"), Span("Looked at")),)
    return Table("looked", "What was looked at", "Every check, and why some were not made.", head, tuple(rows))


def _shown(opened: Opened, finding: Finding, *, images: bool) -> Shown:
    rows = finding.evidence[:MOST_ROWS]
    columns = list(dict.fromkeys(key for row in rows for key in row.facts))
    with_ids = any(row.images for row in rows)
    body = []
    for row in rows:
        facts = [text_cell(str(row.facts.get(column, ""))) for column in columns]
        cells = [text_cell(", ".join(row.images)), *facts] if with_ids else facts
        body.append(Row(cells[0], tuple(cells[1:])))
    heads = (["Images"] if with_ids else []) + columns
    table = Table(
        "evidence", finding.title, "", (tuple(Span(head[:1].upper() + head[1:]) for head in heads),), tuple(body)
    )
    strips = [
        pictures.of_images(opened.collection, row.images) for row in rows[:MOST_PICTURED] if row.images and images
    ]
    if all(len(strip) == 1 for strip in strips):  # show single images side by side, and each group on its own line
        strips = [[picture for strip in strips for picture in strip]]
    return Shown(finding, table, strips, finding.count - len(rows))
