"""Whether the answer is confirmatory, and which training sets have no answer.

In: the settings and comparisons of the results. Out: sentences.
"""

from __future__ import annotations

from medkt_reports.language import words
from medkt_reports.lookup import Lookup
from medkt_reports.prose.primary import labels_named, primary_named


def confirmatory_status(lookup: Lookup) -> str:
    """Whether the answer is confirmatory or exploratory, which depends on what was declared, and when."""
    settings = lookup.result.settings
    named, labels = primary_named(lookup), labels_named(lookup)
    if named:
        listed = settings.confirmatory_labels
        but = f", except on {words.listed(listed)}, which the study file names as confirmatory" if listed else ""
        return f"{named} Every other comparison is secondary{but}."
    if labels and settings.declared != "after":
        return f"No primary contrast was named. {labels} Every other result is exploratory."
    return f"Exploratory: no primary contrast was named.{' ' if labels else ''}{labels}"


def adjusted_families(lookup: Lookup) -> dict[str, str]:
    """Each family of comparisons and its adjustment; those of labels or contrasts that nobody named are left out."""
    settings = lookup.result.settings
    absent = [
        *(["confirmatory labels"] if not settings.confirmatory_labels else []),
        *(["primary"] if not settings.primaries else []),
    ]
    return {name: how for name, how in settings.adjustment.items() if not name.startswith(tuple(absent))}


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
