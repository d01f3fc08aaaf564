"""Reporting checklists: the results fill in what they record, and the author fills in the rest.

In: the results, and the items in `checklists/*.toml`, in our own words. Out: a `Table` for each checklist, or its
Markdown. A filled item says what the results record; author and editor judge whether that is enough.
"""

from __future__ import annotations

import string
import tomllib
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from medkt_reports.lookup import Lookup
from medkt_reports.prose.facts import facts
from medkt_reports.renderers import plain
from medkt_reports.tables.model import Row, Span, Table, text_cell

NAMES = ("claim", "tripod-ai", "stard-ai")
_NOT_RECORDED = "not recorded"
_WHO = {"run": "Filled from the results", "author": "Author", "not applicable": "Does not apply"}
_HEADS = ("Topic", "What this study reports", "Who fills it in")


class Item(BaseModel):
    """One topic of a checklist."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    section: str
    question: str = Field(description="in our own words")
    filled: Literal["run", "author", "not applicable"] = Field(alias="from")
    text: str = Field(default="", description="of an item filled from the run: facts by name, in braces")
    author: str = Field(default="", description="what is left for the author, or why it does not apply")

    def names(self) -> list[str]:
        """Names of the facts in its text."""
        return [name for _, name, _, _ in string.Formatter().parse(self.text) if name]


class Checklist(BaseModel):
    """A published checklist's topics."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    source: str
    items: list[Item]


def read(name: str) -> Checklist:
    """A checklist of `NAMES`."""
    file = resources.files("medkt_reports") / "checklists" / f"{name}.toml"
    return Checklist.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


def checklist_tables(lookup: Lookup) -> list[Table]:
    """Every checklist as a table: topic, what this study reports, who fills it in."""
    known = facts(lookup)
    return [_table(read(name), known) for name in NAMES]


def checklist_markdown(table: Table) -> str:
    """A checklist as a Markdown file, with left-aligned columns."""
    words_alone = plain.markdown(table).replace("| :-- | --: | --: |", "| :-- | :-- | :-- |", 1)
    return f"# {table.title}\n\n{words_alone}"


def _table(checklist: Checklist, known: dict[str, str | None]) -> Table:
    rows = []
    for item in checklist.items:
        reported, left = _reported(item, known)
        rows.append(Row(text_cell(item.question), (text_cell(reported), text_cell(left)), group=item.section))
    synthetic = f" {known['synthetic']}." if known["synthetic"] else ""
    return Table(
        f"checklist-{checklist.name}",
        f"Checklist: {checklist.title}",
        f"Topics of {checklist.title} ({checklist.source}), in our own words and without its numbers: what the results "
        f"record, and what is left for the author.{synthetic}",
        (tuple(map(Span, _HEADS)),),
        tuple(rows),
        notes=(
            "Filled from the results: copied from what the runs recorded, not judged. The published list may hold "
            "topics that are missing here; check against it.",
        ),
    )


def _reported(item: Item, known: dict[str, str | None]) -> tuple[str, str]:
    """What the results say of an item, and who must add what."""
    if item.filled != "run":
        reported = "" if item.filled == "author" else item.author
        left = f"Author: {item.author}" if item.filled == "author" else _WHO[item.filled]
        return reported, left
    values = {name: known[name] or _NOT_RECORDED for name in item.names()}
    absent = all(known[name] is None for name in item.names())
    left = "Author: not in the results" if absent else _WHO["run"]
    text = item.text.format(**values).replace("..", ".")
    return text, f"{left}. Author: {item.author}" if item.author and not absent else left
