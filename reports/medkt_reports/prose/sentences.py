"""The answer in words: one sentence for each comparison, worded as its scope allows.

In: a `Comparison` and the results. Out: a `Sentence` with the finding first, then what was averaged over and what was
held fixed. No sentence claims more than its row: an interval that includes 0 never becomes "no difference", and a
missing value comes with its reason. `significance.interval_shows` decides what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medkt_eval.results.schema import Comparison
from medkt_eval.results.vocabulary import LOWER_IS_BETTER
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup
from medkt_reports.prose.margins import Margins
from medkt_reports.prose.primary import primary_named
from medkt_reports.significance import interval_shows, is_lost_by_adjustment

Verdict = Literal["shown", "not shown", "undefined"]
_RANDOM = {
    "seeds": "seeds random, test patients fixed",
    "patients": "patients random, trained models fixed",
    "seeds+patients": "seeds and patients random",
    "images": "images random and declared independent, trained models fixed",
}


@dataclass(frozen=True)
class Sentence:
    """What one comparison shows, and its limitation."""

    finding: str
    against_margin: str
    """What the declared margin adds; empty if there is none."""
    caveat: str
    """A caution about how the settings of the arms were chosen; empty if there is none."""
    limitation: str
    verdict: Verdict
    primary: bool
    training_set: str
    metric: str

    @property
    def text(self) -> str:
        """Finding, margin and caveat in one text."""
        return " ".join(part for part in (self.finding, self.against_margin, self.caveat) if part)


def answers(lookup: Lookup) -> list[Sentence]:
    """The study's answer: a sentence for each declared comparison on the metrics of Tables IV and V.

    The primary contrast comes first, on any metric.
    """
    rows = [
        row
        for training_set in lookup.training_sets()
        for metric, label in HEADLINES[lookup.task(training_set)]
        for row in lookup.declared(training_set, metric, label)
    ]
    rows += [row for row in lookup.comparisons if row.primary and row.margin is None and row not in rows]
    margins = Margins(lookup.result)
    return [sentence(lookup, row, margins) for row in sorted(rows, key=lambda row: not row.primary)]


def confirmatory_status(lookup: Lookup) -> str:
    """Whether the answer is confirmatory or exploratory, which depends on when the primary contrast was named."""
    named = primary_named(lookup)
    if not named:
        return "Exploratory: no primary contrast was named before the test predictions existed."
    return f"{named} Every other comparison is secondary."


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
            else f"none of its {n} arms was compared with a baseline; a study file names one"
        )
        lines.append(f"{training_set.text}: no comparison; {why}.")
    return lines


def sentence(lookup: Lookup, row: Comparison, margins: Margins) -> Sentence:
    """One comparison in words."""
    training_set = lookup.training_set_of(row)
    verdict: Verdict
    planned, row = row, _answerable(lookup, row)
    if row.difference is None or row.low is None or row.high is None:
        finding, verdict = _undefined(lookup, row), "undefined"
    elif interval_shows(row):
        finding, verdict = _shown(lookup, row, row.difference, row.low, row.high), "shown"
    else:
        finding, verdict = _not_shown(lookup, row), "not shown"
    if row is not planned:
        finding += " An arm has one seed: this compares two trained models, and says nothing of retraining."
    undefined = verdict == "undefined"
    return Sentence(
        finding=finding,
        against_margin="" if undefined else margins.sentence(row, different=verdict == "shown"),
        caveat=_caveat(lookup, row),
        limitation="" if undefined else words.scope_meaning(row.scope).limitation,
        verdict=verdict,
        primary=planned.primary,
        training_set=training_set.text,
        metric=words.metric(row.metric, row.label),
    )


def _answerable(lookup: Lookup, row: Comparison) -> Comparison:
    """The row, or, if an arm has one seed, the first test of the same contrast over patients with an interval."""
    if row.low is not None or min(row.n_seeds_a, row.n_seeds_b) > 1:
        return row
    return next((other for other in lookup.tests_over_patients(row) if other.low is not None), row)


def tested_on(lookup: Lookup, row: Comparison) -> str:
    """`On ChestX-ray8 (300 test images of 199 patients)`: how a sentence begins."""
    kind = "synthetic test images" if lookup.datasets[row.dataset].synthetic else "test images"
    images = f"{numbers.count(row.n_images)} {kind}"
    patients = "" if row.n_patients is None else f" of {numbers.count(row.n_patients)} patients"
    return f"On {words.dataset(row.dataset)} ({images}{patients})"


def name_in_sentence(lookup: Lookup, arm: str) -> str:
    """An arm's name inside a sentence; a name with a comma gets another comma after it."""
    name = words.in_sentence(lookup.names[arm])
    return f"{name}," if "," in name else name


def _shown(lookup: Lookup, row: Comparison, difference: float, low: float, high: float) -> str:
    a, b = name_in_sentence(lookup, row.arm_a), name_in_sentence(lookup, row.arm_b)
    metric = words.metric(row.metric, row.label)
    decimals = numbers.decimals_for([numbers.half_width(low, high)])
    by = f"{numbers.percent(abs(difference), decimals)} points"
    ends = numbers.interval(*((low, high) if difference > 0 else (-high, -low)), decimals)
    if row.scope == "seeds+patients":
        better = (difference > 0) != (row.metric in LOWER_IS_BETTER)
        claim = f"{a} improves {metric} over {b} by {by}" if better else f"{a} worsens {metric} against {b} by {by}"
    else:
        way = "higher" if difference > 0 else "lower"
        those = "" if row.scope == "seeds" else "those of "
        who = f"the models trained here by {a} reach" if those else f"{a} reaches"
        claim = f"{who} a {metric} {by} {way} than {those}{b}"
    return f"{tested_on(lookup, row)}, {_tidy(claim)} ({_evidence(row, ends)}){_over(lookup, row)}."


def _not_shown(lookup: Lookup, row: Comparison) -> str:
    a, b = name_in_sentence(lookup, row.arm_a), name_in_sentence(lookup, row.arm_b)
    decimals = numbers.decimals_for([numbers.half_width(row.low, row.high)])
    ends = f"{numbers.difference(row.low, decimals)} to {numbers.difference(row.high, decimals)}"
    those = "those of " if row.scope in ("patients", "images") else ""
    verb = "are" if those else "is"
    who = f"the models trained here by {a}" if those else a
    adjusted = ", adjusted for the other comparisons" if is_lost_by_adjustment(row) else ""
    claim = f"{who} {verb} not shown to differ from {those}{b} in {words.metric(row.metric, row.label)}{adjusted}"
    by = f"{numbers.difference(row.difference, decimals)} points"
    return f"{tested_on(lookup, row)}, {_tidy(claim)}: {by} ({_evidence(row, ends)}){_over(lookup, row)}."


def _undefined(lookup: Lookup, row: Comparison) -> str:
    a, b = name_in_sentence(lookup, row.arm_a), name_in_sentence(lookup, row.arm_b)
    metric = words.metric(row.metric, row.label)
    because = row.undefined_because or "the results give no reason"
    text = f"{tested_on(lookup, row)}, {a} could not be tested against {b} on {metric}: {because}."
    if row.difference is not None:
        text += (
            f" The means differ by {numbers.difference(row.difference, 1)} points, with no measure of how sure that is."
        )
    return text


def _tidy(claim: str) -> str:
    """Remove a comma before the bracket or colon that follows."""
    return claim.removesuffix(",")


def _evidence(row: Comparison, ends: str) -> str:
    """Interval, scope and the one p-value that counts."""
    if row.adjustment and row.p_adjusted is not None:
        method = words.ADJUSTMENTS.get(row.adjustment, row.adjustment)
        p = f"{method}-adjusted {numbers.p_phrase(row.p_adjusted, row.level)}"
    else:
        p = "no p-value" if row.p_value is None else numbers.p_phrase(row.p_value, row.level)
    unadjusted = ", not adjusted," if is_lost_by_adjustment(row) else ""
    return f"{numbers.level(row.level)} CI{unadjusted} {ends}; {_RANDOM[row.scope]}; {p}"


def _over(lookup: Lookup, row: Comparison) -> str:
    """What a finding is averaged over, and what it holds fixed."""
    if row.scope in ("patients", "images"):
        return f", for {row.scope} like those tested"
    redrawn = lookup.datasets[row.dataset].training_sample == "redrawn with each seed"
    a, b = lookup.arms[row.arm_a], lookup.arms[row.arm_b]
    size = "" if a.train_size is None else f" ({numbers.count(a.train_size)} images)"
    sample = f"on training sets redrawn with each seed{size}" if redrawn else f"on this training set{size}"
    teachers = {arm.teacher for arm in (a, b) if arm.teacher}
    with_teacher = {0: "", 1: " with this teacher"}.get(len(teachers), " with these teachers")
    n = (row.n_seeds_a, row.n_seeds_b)
    seeds = f"{n[0]} seeds an arm" if n[0] == n[1] else f"{n[0]} and {n[1]} seeds"
    patients = "over patients like those tested" if row.scope == "seeds+patients" else "on these test patients alone"
    return f", averaged over retrainings ({seeds}) {sample}{with_teacher}, and {patients}"


def _caveat(lookup: Lookup, row: Comparison) -> str:
    """Name arms whose settings were chosen with the same runs that are compared."""
    chosen = [lookup.arms[arm] for arm in (row.arm_a, row.arm_b) if lookup.arms[arm].selected_on_these_seeds]
    names = [(name_in_sentence(lookup, arm.arm).removesuffix(","), arm.settings_tried) for arm in chosen]
    parts = [f"the settings of {name} are the best of {n_tried} tried" for name, n_tried in names]
    return f"Caution: {words.listed(parts)} on these same seeds, which favours what was chosen." if parts else ""
