"""A model card of the study's arms, after Mitchell et al. 2019 (FAT* 2019:220), as Markdown.

In: the results. Out: what the runs record of models, data and performance; the rest is marked for the author.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet
from medkt_reports.page import html
from medkt_reports.prose import sentences
from medkt_reports.prose.facts import facts
from medkt_reports.prose.sentences import Sentence
from medkt_reports.renderers import plain
from medkt_reports.tables.cells import estimate_cell, is_symmetric
from medkt_reports.tables.further.subgroups import subgroups_table
from medkt_reports.tables.model import Row, Span, Table, text_cell, with_synthetic_mark

TEMPLATE = "model_card.md.jinja"
_MISSING = "not recorded"
_ACTIVE = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>#|~$"})


@dataclass(frozen=True)
class Card:
    """Everything the card says."""

    title: str
    created: str
    facts: dict[str, str | None]
    answers: tuple[Sentence, ...]
    tables: tuple[Table, ...]
    subgroups: Table | None
    caveats: tuple[str, ...]


def render(lookup: Lookup, templates: Path | None = None) -> str:
    """The card.

    Parameters
    ----------
    lookup : Lookup
    templates : Path or None
        Folder whose model_card.md.jinja, if it has one, replaces medkt's.

    Raises
    ------
    InputError
        If that template is wrong.
    """
    environment = html.environment(templates).overlay(autoescape=False, finalize=_escaped)
    environment.filters["markdown"] = lambda table: Markup(plain.markdown(table))  # plain.py has escaped it
    with html.named(templates):
        return environment.get_template(TEMPLATE).render(card=card_of(lookup), missing=_MISSING)


def card_of(lookup: Lookup) -> Card:
    """Gather what the card says."""
    answers = sentences.answers(lookup)
    return Card(
        title=lookup.result.settings.study or "comparison of knowledge transfer methods",
        created=lookup.result.created,
        facts=facts(lookup),
        answers=tuple(answers),
        tables=tuple(filter(None, (_performance(lookup, t) for t in lookup.training_sets()))),
        subgroups=subgroups_table(lookup),
        caveats=(*sentences.limitations(answers), *lookup.result.settings.notes),
    )


def _performance(lookup: Lookup, training_set: TrainingSet) -> Table | None:
    """Headline metrics of a training set's arms with the preferred interval."""
    interval, headlines = lookup.preferred_interval, HEADLINES[lookup.task(training_set)]
    by_arm = {
        arm.arm: [
            lookup.estimate(training_set.dataset, arm.arm, metric, label, interval) for metric, label in headlines
        ]
        for arm in lookup.arms_of(training_set)
    }
    known = [estimate for row in by_arm.values() for estimate in row if estimate is not None]
    if not known:
        return None
    decimals = numbers.decimals_for(numbers.half_width(e.low, e.high) for e in known)
    symmetric, synthetic = is_symmetric(known), lookup.synthetic(training_set.dataset)
    rows = [
        Row(
            text_cell(lookup.names[arm]),
            tuple(estimate_cell(e, decimals, symmetric=symmetric, footnote="") for e in estimates),
            synthetic=synthetic,
        )
        for arm, estimates in by_arm.items()
    ]
    level = lookup.result.settings.level
    heads = (Span("Arm"), *(Span(f"{words.capital(words.metric(*pair))}, %") for pair in headlines))
    caption = (
        f"{training_set.text}: mean over seeds and {numbers.level(level)} interval ({words.interval(interval, level)})."
    )
    return with_synthetic_mark(Table("performance", training_set.text, caption, (heads,), tuple(rows)))


def _escaped(value: object) -> object:
    """Escape Markdown and HTML in a text; text that is Markdown already stays."""
    return value if isinstance(value, Markup) else " ".join(str(value).split()).translate(_ACTIVE)
