"""The answer in words: one sentence for each comparison, worded as its scope allows.

In: a `Comparison` and the results. Out: a `Sentence` with one verdict, the difference as every table prints it, then
what was averaged over and what was held fixed. No sentence claims more than its row: an interval that includes 0 never
becomes "no difference", and a missing value comes with its reason. `significance.interval_shows` decides what is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from medkt_eval.results.schema import Comparison
from medkt_reports.language import numbers, units, words
from medkt_reports.lookup import HEADLINES, Lookup
from medkt_reports.prose import conditions, variation
from medkt_reports.prose.margins import AgainstMargin, Margins, margin_passed
from medkt_reports.prose.undefined import reason
from medkt_reports.significance import interval_shows, is_lost_by_adjustment, margin_alpha

Verdict = Literal["superior", "inferior", "different", "equivalent", "non-inferior", "undecided", "undefined"]
_RANDOM = {
    "seeds": "seeds random, test patients fixed",
    "patients": "patients random, trained models fixed",
    "seeds+patients": "seeds and patients random",
    "images": "images random and declared independent, trained models fixed",
}
# What tells answers apart whose limitations differ: the first that is enough names them.
_NAMINGS = (("training_set",), ("metric",), ("contrast",), ("contrast", "metric", "training_set"))


@dataclass(frozen=True)
class Sentence:
    """What one comparison shows, and its limitation."""

    finding: str
    against_margin: str
    """Whether a difference that is shown exceeds the margin; empty if there is none."""
    caveat: str
    """A caution about how the settings of the arms were chosen; empty if there is none."""
    limitation: str
    verdict: Verdict
    """The strongest that the interval supports. Different: the metric has no better direction."""
    primary: bool
    training_set: str
    contrast: str
    metric: str

    @property
    def shows_difference(self) -> bool:
        """Whether the arms are shown to differ."""
        return self.verdict in ("superior", "inferior", "different")

    @property
    def text(self) -> str:
        """Finding, margin and caveat in one text."""
        return " ".join(part for part in (self.finding, self.against_margin, self.caveat) if part)


def answers(lookup: Lookup) -> list[Sentence]:
    """The study's answer: a sentence for each declared comparison on the metrics of Tables IV and V.

    The primary contrasts come first, on any metric.
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


def sentence(lookup: Lookup, row: Comparison, margins: Margins) -> Sentence:
    """One comparison in words."""
    if row.difference is None or row.low is None or row.high is None:
        return _of_missing(lookup, row, margins)
    against = margins.of(row)
    if interval_shows(row):
        return _of_difference(lookup, row, row.difference, against)
    return _of_no_difference(lookup, row, against)


def limitations(answered: Sequence[Sentence]) -> list[str]:
    """The limitations of some answers, each once; where they differ, each names what it holds for."""
    stated = [one for one in answered if one.limitation]
    named: dict[str, dict[str, None]] = {}
    for naming in _NAMINGS:
        named = {}
        for one in stated:
            named.setdefault(one.limitation, {})[", ".join(getattr(one, part) for part in naming)] = None
        if len({name for names in named.values() for name in names}) == sum(map(len, named.values())):
            break
    if len(named) < 2:
        return list(named)
    return [f"{'; '.join(names)}: {limitation}" for limitation, names in named.items()]


def _of_missing(lookup: Lookup, row: Comparison, margins: Margins) -> Sentence:
    """A comparison that does not exist: the narrower one over patients, said to be that, or the reason."""
    narrower = lookup.over_patients_alone(row)
    if narrower is None:
        return _sentence(lookup, row, _undefined(lookup, row), "undefined")
    answer = sentence(lookup, narrower, margins)
    because = reason(row)
    wider = f"Over {row.scope.replace('+', ' and ')} it could not be tested: {because}."
    return replace(answer, finding=f"{answer.finding} {wider}", primary=row.primary)


def _of_difference(lookup: Lookup, row: Comparison, difference: float, against: AgainstMargin | None) -> Sentence:
    """A difference that is shown, and whether it exceeds the margin."""
    verdicts: dict[bool | None, Verdict] = {True: "superior", False: "inferior", None: "different"}
    verdict = verdicts[units.is_better(row.metric, difference)]
    answer = _sentence(lookup, row, _finding(lookup, row, _shown(lookup, row, difference)), verdict)
    if against is None:
        return answer
    evidence = f"equivalence: {_test(against.equivalence)}" if against.equivalence else ""
    return replace(answer, against_margin=margin_passed(against, row, evidence))


def _of_no_difference(lookup: Lookup, row: Comparison, against: AgainstMargin | None) -> Sentence:
    """Equivalent, else non-inferior, else undecided."""
    if against and against.equivalence and against.shows_equivalence:
        claim = _equivalent(lookup, row, against)
        shown = f"equivalence: {_test(against.equivalence)}"
        return _sentence(lookup, row, _finding(lookup, row, claim, shown), "equivalent")
    if against and against.non_inferiority and against.shows_non_inferiority:
        claim = _non_inferior(lookup, row, against)
        shown = f"non-inferiority: {_test(against.non_inferiority)}"
        return _sentence(lookup, row, _finding(lookup, row, claim, shown), "non-inferior")
    answer = _sentence(lookup, row, _finding(lookup, row, _not_shown(lookup, row, against)), "undecided")
    lost = against.equivalence if against and against.equivalence_is_lost else None
    if lost is None:
        return answer
    unadjusted = numbers.p_phrase(lost.p_value, (1 + lost.level) / 2)
    return replace(
        answer, against_margin=f"Adjustment takes equivalence away: {_test(lost)} against {unadjusted} unadjusted."
    )


def _sentence(lookup: Lookup, row: Comparison, finding: str, verdict: Verdict) -> Sentence:
    circumstances = conditions.of_comparison(lookup, row)
    return Sentence(
        finding=finding,
        against_margin="",
        caveat=_caveat(lookup, row),
        limitation="" if verdict == "undefined" else variation.limits(circumstances, row.scope),
        verdict=verdict,
        primary=row.primary,
        training_set=lookup.training_set_of(row).text,
        contrast=lookup.contrast_name((row.arm_a, row.arm_b)),
        metric=words.metric(row.metric, row.label),
    )


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


def _finding(lookup: Lookup, row: Comparison, claim: str, shown: str = "") -> str:
    """A claim, the difference and interval, and what they are averaged over.

    `shown` is the test against the margin that the claim rests on; without it, the claim rests on the row's p-value.
    """
    decimals = units.decimals_of(row.metric, row.low, row.high)
    by = units.difference(row.metric, row.difference, decimals)
    arms = lookup.arms[row.arm_a], lookup.arms[row.arm_b]
    over = variation.clause(
        conditions.of_comparison(lookup, row), row.scope, (row.n_seeds_a, row.n_seeds_b), arms[0].train_size
    )
    evidence = f"{_ends(row)}; {_RANDOM[row.scope]}; {shown or _p(row)}"
    return f"{tested_on(lookup, row)}, {claim.removesuffix(',')}: {by} ({evidence}){over}."


def _shown(lookup: Lookup, row: Comparison, difference: float) -> str:
    a, b = name_in_sentence(lookup, row.arm_a), name_in_sentence(lookup, row.arm_b)
    metric, better = words.metric(row.metric, row.label), units.is_better(row.metric, difference)
    if row.scope == "seeds+patients" and better is not None:
        return f"{a} improves {metric} over {b}" if better else f"{a} worsens {metric} against {b}"
    way = "higher" if difference > 0 else "lower"
    if row.scope in ("patients", "images"):
        return f"the trained models of {a} reach a {way} {metric} than those of {b}"
    return f"{a} reaches a {way} {metric} than {b}"


def _equivalent(lookup: Lookup, row: Comparison, against: AgainstMargin) -> str:
    a, b = name_in_sentence(lookup, row.arm_a), name_in_sentence(lookup, row.arm_b)
    return f"{a} and {b} are equivalent in {words.metric(row.metric, row.label)} within {against.name}"


def _non_inferior(lookup: Lookup, row: Comparison, against: AgainstMargin) -> str:
    a, b = name_in_sentence(lookup, row.arm_a), name_in_sentence(lookup, row.arm_b)
    return f"{a} is non-inferior to {b} in {words.metric(row.metric, row.label)} at {against.name}"


def _not_shown(lookup: Lookup, row: Comparison, against: AgainstMargin | None) -> str:
    a, b = name_in_sentence(lookup, row.arm_a), name_in_sentence(lookup, row.arm_b)
    of_models = row.scope in ("patients", "images")
    who = f"the trained models of {a} are" if of_models else f"{a} is"
    those = "those of " if of_models else ""
    adjusted = ", adjusted for the other comparisons" if is_lost_by_adjustment(row) else ""
    undecided = f", nor to differ by less than {against.name}" if against is not None else ""
    return f"{who} not shown to differ from {those}{b} in {words.metric(row.metric, row.label)}{undecided}{adjusted}"


def _undefined(lookup: Lookup, row: Comparison) -> str:
    a, b = name_in_sentence(lookup, row.arm_a), name_in_sentence(lookup, row.arm_b)
    metric = words.metric(row.metric, row.label)
    because = reason(row)
    text = f"{tested_on(lookup, row)}, {a} could not be tested against {b} on {metric}: {because}."
    if row.difference is not None:
        by = units.difference(row.metric, row.difference, units.decimals_of(row.metric, None, None))
        text += f" The difference is {by}, without an interval."
    return text


def _ends(row: Comparison) -> str:
    unadjusted = ", not adjusted," if row.margin is None and is_lost_by_adjustment(row) else ""
    ends = units.interval(row.metric, row.low, row.high, units.decimals_of(row.metric, row.low, row.high))
    return f"{numbers.level(row.level)} CI{unadjusted} {ends}"


def _p(row: Comparison) -> str:
    """The one p-value that counts. A test against the margin is one-sided: its interval has the level 1 - 2 alpha."""
    level = row.level if row.margin is None else (1 + row.level) / 2
    if row.adjustment and row.p_adjusted is not None:
        method = words.ADJUSTMENTS.get(row.adjustment, row.adjustment)
        return f"{method}-adjusted {numbers.p_phrase(row.p_adjusted, level)}"
    return "no p-value" if row.p_value is None else numbers.p_phrase(row.p_value, level)


def _test(row: Comparison) -> str:
    """A test against the margin: its interval, whose level is lower, and its p-value."""
    one_sided = f", one-sided {numbers.level(margin_alpha(row))}" if row.test == "non-inferiority" else ""
    return f"{_ends(row)}, {_p(row)}{one_sided}"


def _caveat(lookup: Lookup, row: Comparison) -> str:
    """Name arms whose settings were chosen with the same runs that are compared."""
    chosen = [lookup.arms[arm] for arm in (row.arm_a, row.arm_b) if lookup.arms[arm].selected_on_these_seeds]
    names = [(name_in_sentence(lookup, arm.arm).removesuffix(","), arm.settings_tried) for arm in chosen]
    parts = [f"the settings of {name} are the best of {n_tried} tried" for name, n_tried in names]
    return f"Caution: {words.listed(parts)} on these same seeds, which favours what was chosen." if parts else ""
