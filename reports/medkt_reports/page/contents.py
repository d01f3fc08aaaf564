"""What the page says, in its order, before a template decides how it looks.

In: the results, their tables and figures. Out: a `Page` of plain text, and of sections with tables and figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medkt_eval.results.schema import EvaluationResult
from medkt_eval.study.cautions import CAUTION
from medkt_reports.figures.catalogue import Figures
from medkt_reports.figures.pictures import PictureSheet
from medkt_reports.language import numbers, words
from medkt_reports.language.references import references
from medkt_reports.lookup import Lookup
from medkt_reports.page import checklists
from medkt_reports.page.page_sections import PageSection, page_sections
from medkt_reports.prose import conditions, exploratory, methods, sentences, status, undefined, variation
from medkt_reports.prose.definitions import definitions
from medkt_reports.prose.seeds import WHERE_SEEDS_FAIL, failure_sentences
from medkt_reports.prose.sentences import Sentence
from medkt_reports.prose.undefined import Absence
from medkt_reports.prose.variation import ScopeMeaning
from medkt_reports.tables.catalogue import ReportTables
from medkt_reports.tables.model import Table


@dataclass(frozen=True)
class Page:
    """Everything the page says."""

    title: str
    subtitle: str
    synthetic: tuple[str, ...]
    """Print names of the synthetic data sets that arms were tested on."""
    teachers_synthetic: str
    """A sentence if teachers alone saw synthetic images, else empty."""
    confirmatory_status: str
    answers: tuple[Sentence, ...]
    limitations: tuple[str, ...]
    """What the answers do not cover; where that differs, each line names what it holds for."""
    unanswered: tuple[str, ...]
    explored: tuple[tuple[str, tuple[str, ...]], ...]
    """Heading and sentences: all arms at once, subgroups, training-set size, the course of training."""
    cautions: tuple[str, ...]
    """Notes that stand above everything else."""
    notes: tuple[str, ...]
    """All other notes."""
    seeds: tuple[str, ...]
    """How many runs of each arm failed, how large the failure rate may be, and what failures do to the analysis."""
    scopes: tuple[tuple[ScopeMeaning, bool], ...]
    """Each scope, and whether this report uses it."""
    sections: tuple[PageSection, ...]
    """With their tables and figures, in the order of the page."""
    missing: tuple[str, ...]
    """A line for each table and figure that the results hold nothing for."""
    absences: tuple[Absence, ...]
    definitions: tuple[tuple[str, str], ...]
    """Each kind of number, and how it was made."""
    methods: str
    references: tuple[str, ...]
    checklists: tuple[Table, ...]
    result: EvaluationResult


def make_page(
    lookup: Lookup, tables: ReportTables, figures: Figures, sheets: Sequence[PictureSheet], no_sheets: str = ""
) -> Page:
    """Gather what the page says; `no_sheets` is the reason why there are no sheets of pictures."""
    result = lookup.result
    used = {row.scope for row in lookup.comparisons} | {name.partition(":")[0] for name in lookup.intervals()}
    paragraph, circumstances = methods.methods_paragraph(lookup), conditions.of_report(lookup)
    explored = (
        ("All arms at once", exploratory.omnibus_sentences(lookup)),
        ("Subgroups", exploratory.gap_sentences(lookup)),
        ("Training-set size", exploratory.size_effect_sentences(lookup)),
        ("The course of training", exploratory.dynamics_sentences(lookup)),
    )
    answers = sentences.answers(lookup)
    missing = tuple(filter(None, (*tables.missing, *figures.missing, no_sheets, figures.without_font)))
    return Page(
        title=result.settings.study or "Comparison of knowledge transfer methods",
        subtitle=_subtitle(lookup),
        synthetic=tuple(lookup.synthetic_tests()),
        teachers_synthetic=lookup.teachers_synthetic(),
        confirmatory_status=status.confirmatory_status(lookup),
        answers=tuple(answers),
        limitations=tuple(sentences.limitations(answers)),
        unanswered=tuple(status.unanswered(lookup)),
        explored=tuple((heading, tuple(lines)) for heading, lines in explored if lines),
        cautions=tuple(note for note in result.settings.notes if note.startswith(CAUTION)),
        notes=tuple(note for note in result.settings.notes if not note.startswith(CAUTION)),
        seeds=(*failure_sentences(lookup), WHERE_SEEDS_FAIL),
        scopes=tuple((variation.meaning(circumstances, scope), scope in used) for scope in variation.SCOPES),
        sections=tuple(page_sections(lookup, tables, figures, sheets, missing)),
        missing=missing,
        absences=tuple(undefined.absences(lookup)),
        definitions=tuple(definitions(lookup)),
        methods=paragraph,
        references=tuple(references(paragraph)),
        checklists=tuple(checklists.checklist_tables(lookup)),
        result=result,
    )


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
