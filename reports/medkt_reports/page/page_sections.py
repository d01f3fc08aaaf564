"""The sections of one report's page: each table, figure and sheet of pictures at its place.

In: the tables and figures of a report, and `SECTIONS`. Out: a `PageSection` for every section, shown or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medkt_reports.figures.catalogue import FIGURES, Figures
from medkt_reports.figures.pictures import PictureSheet
from medkt_reports.figures.style import ReportFigure
from medkt_reports.language import words
from medkt_reports.lookup import Lookup
from medkt_reports.sections import SECTIONS, Kind, Section
from medkt_reports.tables.catalogue import TABLES, ReportTables
from medkt_reports.tables.model import Table


@dataclass(frozen=True)
class Variant:
    """A table with one kind of interval; the reader switches between them."""

    interval: str
    meaning: str
    caution: str
    table: Table


@dataclass(frozen=True)
class Block:
    """A table, the figures of one kind, or sheets of pictures; all empty if the results hold nothing."""

    table: Table | None = None
    folded: bool = False
    """Whether the rows of the table are shown on a click only."""
    by_interval: bool = False
    """Whether the table is shown in `variants`, not as `table`."""
    variants: tuple[Variant, ...] = ()
    number: int = 0
    """Counts the blocks with variants that the page shows, from 1."""
    figures: tuple[ReportFigure, ...] = ()
    sheets: tuple[PictureSheet, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return self.table is None and not self.variants and not self.figures and not self.sheets


@dataclass(frozen=True)
class PageSection:
    """A section of the page and what it shows."""

    id: str
    heading: str
    intro: str
    text: str
    """Template of the text around its tables and figures."""
    if_empty: str
    wide: bool
    blocks: tuple[Block, ...]
    is_shown: bool

    @property
    def is_empty(self) -> bool:
        """Whether it has no table, figure or picture."""
        return all(block.is_empty for block in self.blocks)


def page_sections(
    lookup: Lookup,
    tables: ReportTables,
    figures: Figures,
    sheets: Sequence[PictureSheet],
    missing: Sequence[str],
    sections: Mapping[str, Section] = SECTIONS,
) -> Iterator[PageSection]:
    """Put everything at its place.

    Parameters
    ----------
    lookup : Lookup
    tables, figures, sheets
        What the report shows.
    missing : sequence of str
        Lines about what it does not show; without any, the section "missing" is left out.
    sections : mapping of str to Section

    Raises
    ------
    ValueError
        If a table or figure names a section that does not exist.
    """
    n_switches = 0
    for name, section in sections.items():
        blocks = []
        for kind, entry in contents_of(name, sections):
            if kind == "figure":
                blocks.append(Block(figures=figures.drawn[entry]))
            elif kind == "pictures":
                blocks.append(Block(sheets=tuple(sheet for sheet in sheets if sheet.kind == entry)))
            elif TABLES[entry].with_interval is None:
                blocks.append(Block(table=tables.tables[entry], folded=TABLES[entry].folded))
            else:
                variants = _variants(lookup, entry)
                n_switches += bool(variants)
                blocks.append(Block(by_interval=True, variants=variants, number=n_switches))
        is_shown = bool(
            section.always
            or section.if_empty
            or (name == "missing" and missing)
            or any(not block.is_empty for block in blocks)
        )
        yield PageSection(
            name, section.heading, section.intro, section.text, section.if_empty, section.wide, tuple(blocks), is_shown
        )


def contents_of(name: str, sections: Mapping[str, Section] = SECTIONS) -> list[tuple[Kind, str]]:
    """Tables and figures of a section in their order; those that its `order` does not name come last.

    Raises
    ------
    ValueError
        If a table or figure names a section that does not exist.
    """
    members: list[tuple[Kind, str]] = []
    catalogues: tuple[tuple[Kind, Mapping], ...] = (("table", TABLES), ("figure", FIGURES))
    for kind, catalogue in catalogues:
        for entry_name, entry in catalogue.items():
            if entry.section not in sections:
                raise ValueError(
                    f"{kind} {entry_name!r} names the section {entry.section!r}; expected one of {', '.join(sections)}"
                )
            if entry.section == name:
                members.append((kind, entry_name))
    ordered = [place for place in sections[name].order if place in members or place[0] == "pictures"]
    return [*ordered, *(member for member in members if member not in ordered)]


def _variants(lookup: Lookup, name: str) -> tuple[Variant, ...]:
    """A table of `TABLES` with every kind of interval that the results hold; none if it has no rows."""
    build, level = TABLES[name].with_interval, lookup.result.settings.level
    variants = []
    for interval in lookup.intervals() if build else []:
        table = build(lookup, interval) if build else None
        if table is not None:
            caution = words.caution(level) if words.is_paper_convention(interval) else ""
            variants.append(Variant(interval, words.interval(interval, level), caution, table))
    return tuple(variants)
