"""What the page says, in its order, before a template decides how it looks.

In: the results, their tables and figures. Out: a `Page` of plain text, tables and figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medkt_eval.results.schema import EvaluationResult
from medkt_reports.figures.catalogue import Figures
from medkt_reports.figures.pictures import PictureSheet
from medkt_reports.language import numbers, words
from medkt_reports.language.references import references
from medkt_reports.language.words import ScopeMeaning
from medkt_reports.lookup import Lookup
from medkt_reports.page import checklists
from medkt_reports.prose import exploratory, methods, sentences, undefined
from medkt_reports.prose.exploratory import size_effect_sentences
from medkt_reports.prose.sentences import Sentence
from medkt_reports.prose.undefined import Absence
from medkt_reports.tables.catalogue import Contents
from medkt_reports.tables.model import Table
from medkt_reports.tables.paper.results import table_five, table_four


@dataclass(frozen=True)
class Variant:
    """A table with one kind of interval; the reader switches between them."""

    interval: str
    meaning: str
    caution: str
    table: Table


@dataclass(frozen=True)
class Page:
    """Everything the page says."""

    title: str
    subtitle: str
    synthetic: tuple[str, ...]
    standing: str
    answers: tuple[Sentence, ...]
    unanswered: tuple[str, ...]
    explored: tuple[tuple[str, tuple[str, ...]], ...]
    """Heading and sentences: all arms at once, subgroups, the course of training."""
    notes: tuple[str, ...]
    scopes: tuple[tuple[ScopeMeaning, bool], ...]
    results: tuple[tuple[Variant, ...], ...]
    """Tables IV and V, each with every kind of interval that the results hold."""
    tables: dict[str, Table]
    """By the names of `contents.TABLES`; absent where the results hold nothing for one."""
    figures: Figures
    sheets: tuple[PictureSheet, ...]
    missing: tuple[str, ...]
    absences: tuple[Absence, ...]
    how_made: tuple[tuple[str, str], ...]
    methods: str
    references: tuple[str, ...]
    checklists: tuple[Table, ...]
    result: EvaluationResult


def make_page(
    lookup: Lookup, found: Contents, figures: Figures, sheets: Sequence[PictureSheet], no_pictures: str = ""
) -> Page:
    """Gather what the page says; `no_pictures` is why there are no sheets."""
    result = lookup.result
    used = {row.scope for row in lookup.comparisons} | {name.partition(":")[0] for name in lookup.intervals()}
    paragraph = methods.methods_paragraph(lookup)
    explored = (
        ("All arms at once", exploratory.omnibus_sentences(lookup)),
        ("Subgroups", exploratory.gap_sentences(lookup)),
        ("Training-set size", size_effect_sentences(lookup)),
        ("The course of training", exploratory.dynamics_sentences(lookup)),
    )
    return Page(
        title=result.settings.study or "Comparison of knowledge transfer methods",
        subtitle=_subtitle(lookup),
        synthetic=tuple(words.dataset(dataset.dataset) for dataset in result.datasets if dataset.synthetic),
        standing=sentences.standing(lookup),
        answers=tuple(sentences.answers(lookup)),
        unanswered=tuple(sentences.unanswered(lookup)),
        explored=tuple((heading, tuple(said)) for heading, said in explored if said),
        notes=tuple(result.settings.notes),
        scopes=tuple((meaning, meaning.scope in used) for meaning in words.SCOPES),
        results=tuple(variants for name in ("IV", "V") if (variants := _variants(lookup, name))),
        tables=found.present,
        figures=figures,
        sheets=tuple(sheets),
        missing=tuple(filter(None, (*found.missing, *figures.missing, no_pictures))),
        absences=tuple(undefined.absences(lookup)),
        how_made=tuple(methods.how_made(lookup)),
        methods=paragraph,
        references=tuple(references(paragraph)),
        checklists=tuple(checklists.checklist_tables(lookup)),
        result=result,
    )


def _variants(lookup: Lookup, name: str) -> tuple[Variant, ...]:
    build = {"IV": table_four, "V": table_five}[name]
    variants, level = [], lookup.result.settings.level
    for interval in lookup.intervals():
        table = build(lookup, interval)
        if table is not None:
            caution = words.caution(level) if words.is_paper_convention(interval) else ""
            variants.append(Variant(interval, words.interval(interval, level), caution, table))
    return tuple(variants)


def _subtitle(lookup: Lookup) -> str:
    parts = []
    for training_set in lookup.training_sets():
        arms = lookup.arms_of(training_set)
        test = lookup.datasets[training_set.dataset].splits.get("test")
        size = "" if training_set.size is None else f" ({numbers.count(training_set.size)} training images)"
        tested = ""
        if test is not None and test.n_images is not None:
            patients = "" if test.n_patients is None else f" of {numbers.count(test.n_patients)} patients"
            tested = f", tested on {numbers.count(test.n_images)} images{patients}"
        runs = sum(len(arm.seeds) for arm in arms)
        parts.append(f"{len(arms)} arms, {runs} runs on {words.dataset(training_set.dataset)}{size}{tested}")
    return "; ".join(parts)
