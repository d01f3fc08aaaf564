"""Whether the answer is confirmatory, and which training sets have no answer.

In: the settings and comparisons of the results. Out: sentences.
"""

from __future__ import annotations

from medkt_reports.language import words
from medkt_reports.lookup import Lookup
from medkt_reports.prose.primary import primary_named


def confirmatory_status(lookup: Lookup) -> str:
    """Whether the answer is confirmatory or exploratory, which depends on when the primary contrast was named."""
    named = primary_named(lookup)
    if not named:
        return f"Exploratory: no primary contrast was named{_confirmatory_labels(lookup)}."
    labels = lookup.result.settings.confirmatory_labels
    but = f", except on {words.listed(labels)}, which the study file names as confirmatory" if labels else ""
    return f"{named} Every other comparison is secondary{but}."


def _confirmatory_labels(lookup: Lookup) -> str:
    labels = lookup.result.settings.confirmatory_labels
    return f"; the study file names {words.listed(labels)} as confirmatory" if labels else ""


def family_members(lookup: Lookup) -> str:
    """Which comparisons the one family of the whole study holds."""
    settings = lookup.result.settings
    of = "every primary contrast" if settings.primaries else "every comparison on an average of the AUC"
    labels = settings.confirmatory_labels
    return f"{of} and every one on {words.listed(labels)} in the same metric" if labels else of


def unanswered(lookup: Lookup) -> list[str]:
    """Training sets without an answer, and what an answer needs."""
    lines = []
    for training_set in lookup.training_sets():
        if lookup.contrasts(training_set):
            continue
        n = len(lookup.arms_of(training_set))
        why = (
            "it has one arm, and a comparison needs two"
            if n == 1
            else f"none of its {n} arms was compared with a baseline; name one in the study file"
        )
        lines.append(f"{training_set.text}: no comparison; {why}.")
    return lines
