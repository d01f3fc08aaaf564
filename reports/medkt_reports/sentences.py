"""The answer in words: one sentence a comparison, worded by what its scope lets it say.

In: a `Comparison` row and the results it stands in. Out: `Sentence`. No wording claims more than the row: what was held
fixed is named, an interval that includes 0 never becomes "no difference", and what does not exist is said with its
reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medkt_eval.results import Comparison
from medkt_reports import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup

Verdict = Literal["shown", "not shown", "undefined"]
_AVERAGED = "averaged over retrainings and over patients like those tested"


@dataclass(frozen=True)
class Sentence:
    """What one comparison says, and what it does not say."""

    text: str
    says_not: str
    verdict: Verdict
    primary: bool
    training_set: str
    metric: str


def answers(lookup: Lookup) -> list[Sentence]:
    """The study's answer: a sentence for each declared comparison on the metrics of Tables IV and V.

    A primary contrast on another metric comes before them.
    """
    rows = [
        row
        for training_set in lookup.training_sets()
        for metric, label in HEADLINES[lookup.task(training_set)]
        for row in lookup.declared(training_set, metric, label)
    ]
    elsewhere = [row for row in lookup.comparisons if row.primary and row not in rows]
    return [sentence(lookup, row) for row in (*elsewhere, *rows)]


def standing(lookup: Lookup) -> str:
    """Whether the answer confirms or explores, by the primary contrast having been named beforehand or not."""
    primary = lookup.result.settings.primary
    if primary is None:
        return "Exploratory: no primary contrast was named before the test predictions existed."
    a, b = (lookup.names.get(str(primary[key]), str(primary[key])) for key in ("arm_a", "arm_b"))
    metric = words.metric(str(primary.get("metric", "auc")), str(primary.get("label", "macro")))
    return (
        f"The primary contrast, {a} {numbers.MINUS} {b} on {metric}, {words.NAMED[lookup.result.settings.declared]}. "
        "Its p-value is not adjusted. Every other comparison is secondary."
    )


def unanswered(lookup: Lookup) -> list[str]:
    """Training sets for which no answer exists, with what would be needed."""
    found = []
    for training_set in lookup.training_sets():
        if lookup.contrasts(training_set):
            continue
        n = len(lookup.arms_of(training_set))
        why = (
            "it has one arm, and a comparison needs two"
            if n == 1
            else f"none of its {n} arms was compared with a baseline; a study file names one"
        )
        found.append(f"{training_set.text}: no comparison; {why}.")
    return found


def sentence(lookup: Lookup, row: Comparison) -> Sentence:
    """One comparison in words."""
    training_set = lookup.training_set_of(row)
    if row.difference is None or row.low is None or row.high is None:
        text, verdict = _undefined(lookup, row), "undefined"
    elif row.low <= 0 <= row.high:
        text, verdict = _not_shown(lookup, row, row.low, row.high), "not shown"
    elif row.adjustment and row.p_adjusted is not None and row.p_adjusted >= numbers.alpha(row.level):
        text, verdict = _lost(lookup, row, row.low, row.high), "not shown"
    else:
        text, verdict = _shown(lookup, row, row.difference, row.low, row.high), "shown"
    return Sentence(
        text=text,
        says_not=words.scope_meaning(row.scope).says_not if verdict != "undefined" else "",
        verdict=verdict,
        primary=row.primary,
        training_set=training_set.text,
        metric=words.metric(row.metric, row.label),
    )


def _shown(lookup: Lookup, row: Comparison, difference: float, low: float, high: float) -> str:
    a, b = _names(lookup, row)
    metric = words.metric(row.metric, row.label)
    decimals = numbers.places([numbers.half_width(low, high)])
    by = numbers.percent(abs(difference), decimals)
    ends = numbers.interval(*((low, high) if difference > 0 else (-high, -low)), decimals)
    evidence = f"{numbers.level(row.level)} CI {ends} points; {_evidence(row)}"
    if row.scope == "seeds+patients":
        first, second = (a, b) if difference > 0 else (b, a)
        return (
            f"{_on_recipe(lookup, row)}, {first} exceeds {second} by {by} points of {metric}, {_AVERAGED} ({evidence})."
        )
    direction = "higher" if difference > 0 else "lower"
    return f"{_setting(lookup, row)}, {a} gives a {metric} {by} points {direction} than {b} ({evidence})."


def _lost(lookup: Lookup, row: Comparison, low: float, high: float) -> str:
    """An interval that excludes 0, where the p-value adjusted for the family's other comparisons shows nothing."""
    a, b = _names(lookup, row)
    decimals = numbers.places([numbers.half_width(low, high)])
    ends = f"{numbers.difference(low, decimals)} to {numbers.difference(high, decimals)} points"
    return (
        f"{_unshown(lookup, row)} once adjusted for the other comparisons of its family: the difference "
        f"({a} {numbers.MINUS} {b}) is {numbers.difference(row.difference, decimals)} points, and its interval, "
        f"{ends}, is not adjusted ({numbers.level(row.level)} CI; {_evidence(row)})."
    )


def _not_shown(lookup: Lookup, row: Comparison, low: float, high: float) -> str:
    a, b = _names(lookup, row)
    decimals = numbers.places([numbers.half_width(low, high)])
    ends = f"{numbers.difference(low, decimals)} to {numbers.difference(high, decimals)} points"
    return (
        f"{_unshown(lookup, row)}: the data are compatible with a difference ({a} {numbers.MINUS} {b}) from {ends} "
        f"({numbers.level(row.level)} CI around {numbers.difference(row.difference, decimals)}; {_evidence(row)})."
    )


def _unshown(lookup: Lookup, row: Comparison) -> str:
    """The opening of a sentence that shows no difference."""
    a, b = _names(lookup, row)
    both = row.scope == "seeds+patients"
    setting, averaged = (_on_recipe(lookup, row), f", {_AVERAGED}") if both else (_setting(lookup, row), "")
    return f"{setting}, no difference is shown between {a} and {b} in {words.metric(row.metric, row.label)}{averaged}"


def _undefined(lookup: Lookup, row: Comparison) -> str:
    a, b = _names(lookup, row)
    metric = words.metric(row.metric, row.label)
    because = row.undefined_because or "the results give no reason"
    text = f"{a} could not be tested against {b} on {metric}: {because}."
    if row.difference is not None:
        text += (
            f" The means differ by {numbers.difference(row.difference, 1)} points ({a} {numbers.MINUS} {b}), with no "
            "measure of how sure that is."
        )
    return text


def _names(lookup: Lookup, row: Comparison) -> tuple[str, str]:
    return lookup.names[row.arm_a], lookup.names[row.arm_b]


def _tested(lookup: Lookup, row: Comparison) -> str:
    kind = "synthetic test images" if lookup.datasets[row.dataset].synthetic else "test images"
    images = f"{numbers.count(row.n_images)} {kind}"
    return images if row.n_patients is None else f"{images} of {numbers.count(row.n_patients)} patients"


def _setting(lookup: Lookup, row: Comparison) -> str:
    """The opening of a sentence whose scope holds the models or the patients fixed."""
    tested = _tested(lookup, row)
    if row.scope == "seeds":
        return f"On these {tested}"
    unit = "patients" if row.scope == "patients" else "images"
    return f"As trained here, and judged for {unit} like those tested ({tested})"


def _on_recipe(lookup: Lookup, row: Comparison) -> str:
    """The opening of a sentence about training recipes: what they share."""
    redrawn = lookup.datasets[row.dataset].training_sample == "redrawn with each seed"
    sample = "Over training sets redrawn with each seed" if redrawn else "On this training set"
    teachers = {arm.teacher for arm in (lookup.arms[row.arm_a], lookup.arms[row.arm_b]) if arm.teacher}
    with_teacher = {0: "", 1: " and with this teacher"}.get(len(teachers), " and with these teachers")
    return f"{sample}{with_teacher}"


def _evidence(row: Comparison) -> str:
    """Scope, test and p-values of a comparison."""
    what = {
        "seeds": "seeds random, test patients fixed",
        "patients": "test patients random, trained models fixed",
        "seeds+patients": "seeds and test patients random",
        "images": "test images random and declared independent, trained models fixed",
    }[row.scope]
    test = words.test(row.test)
    if "seeds" in row.scope:
        test += f" over {row.n_seeds_a} + {row.n_seeds_b} seeds"
        if row.test == "t-paired":
            test = f"{words.test(row.test)} over {row.n_seeds_a} shared seeds"
    p = "no p-value" if row.p_value is None else numbers.p_phrase(row.p_value, row.level)
    parts = [what, f"{test}, {p}"]
    if row.adjustment and row.p_adjusted is not None:
        method = words.ADJUSTMENTS.get(row.adjustment, row.adjustment)
        parts[-1] += f", {method}-adjusted {numbers.p_phrase(row.p_adjusted, row.level)}"
    elif row.primary:
        parts[-1] += ", the primary contrast, not adjusted"
    return "; ".join(parts)
