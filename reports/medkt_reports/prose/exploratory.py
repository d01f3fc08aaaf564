"""Sentences on exploratory results: gaps between subgroups, all arms at once, training-set size, course of training.

In: `gaps`, `omnibus`, `size_effects` and `dynamics` of results.json. Out: a sentence for each result.
"""

from __future__ import annotations

from collections import defaultdict

from medkt_eval.results.recorded import Dynamics, SizeEffect
from medkt_eval.results.schema import Gap, Omnibus
from medkt_reports.language import numbers, words
from medkt_reports.language.words import group_name
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet
from medkt_reports.prose import conditions
from medkt_reports.prose.sentences import name_in_sentence
from medkt_reports.significance import excludes_zero, interval_shows, is_below_alpha, p_shows

_SHARED = ("fixed", "fixed in each arm")


def gap_sentences(lookup: Lookup) -> list[str]:
    """Whether two arms differ in their gap between a group and all other patients, on the headline metrics.

    For the primary contrast, or for every contrast with a baseline if no primary contrast was named.
    """
    rows = [
        gap for gap in lookup.result.gaps if (gap.metric, gap.label) in HEADLINES[lookup.datasets[gap.dataset].task]
    ]
    own = {(gap.arm_a, gap.group, gap.metric, gap.label): gap for gap in rows if gap.arm_b is None}
    primary = {(row.arm_a, row.arm_b) for row in lookup.comparisons if row.primary}
    return [
        _gap(lookup, row, own)
        for row in rows
        if row.arm_b is not None and ((row.arm_a, row.arm_b) in primary if primary else row.arm_b in lookup.baselines)
    ]


def _gap(lookup: Lookup, row: Gap, own: dict[tuple[str, str, str, str], Gap]) -> str:
    a, b = (
        name_in_sentence(lookup, row.arm_a).removesuffix(","),
        name_in_sentence(lookup, str(row.arm_b)).removesuffix(","),
    )
    what = f"{words.metric(row.metric, row.label)} in the subgroup {group_name(row.group)} less that in all others"
    opening = f"On {lookup.training_set_of(row).text}, {what}"
    if row.difference is None or row.low is None or row.high is None:
        return f"{opening} could not be compared between {a} and {b}: {row.undefined_because or words.NO_REASON}."
    decimals = numbers.decimals_for([numbers.half_width(row.low, row.high)])
    each = [own.get((str(arm), row.group, row.metric, row.label)) for arm in (row.arm_a, row.arm_b)]
    values = [numbers.difference(gap.difference if gap else None, decimals) for gap in each]
    shown = interval_shows(row)
    p = (
        ""
        if row.p_adjusted is None
        else (
            f"; {words.ADJUSTMENTS.get(row.adjustment, row.adjustment)}-adjusted "
            f"{numbers.p_phrase(row.p_adjusted, row.level)}"
        )
    )
    return (
        f"{opening} is {values[0]} points with {a} and {values[1]} with {b}; the gaps are "
        f"{'' if shown else 'not '}shown to differ ({numbers.difference(row.difference, decimals)} points; "
        f"{_interval(row.low, row.high, row.level, decimals)}; seeds and patients random{p}; exploratory)."
    )


def omnibus_sentences(lookup: Lookup) -> list[str]:
    """Whether any arm differs from any other, on the headline metrics: in one training set, and over data sets."""
    headline = {pair for pairs in HEADLINES.values() for pair in pairs}
    rows = [row for row in lookup.result.omnibus if (row.metric, row.label) in headline]
    return [
        _friedman(row) if row.test == "friedman" else _box_f(lookup, row)
        for row in rows
        if row.test == "friedman" or (row.metric, row.label) in HEADLINES[lookup.datasets[row.datasets[0]].task]
    ]


def _box_f(lookup: Lookup, row: Omnibus) -> str:
    where, metric = TrainingSet(row.datasets[0], row.train_size).text, words.metric(row.metric, row.label)
    opening = f"On {where}, the {len(row.arms)} arms taken together"
    if row.statistic is None or row.df1 is None or row.df2 is None:
        return f"{opening} could not be tested on {metric}: {row.undefined_because or words.NO_REASON}."
    level = lookup.result.settings.level
    shown = is_below_alpha(row.p_value, level)
    df = f"{numbers.degrees_of_freedom(row.df1)} and {numbers.degrees_of_freedom(row.df2)} degrees of freedom"
    return (
        f"{opening} are {'' if shown else 'not '}shown to differ in {metric} (F = {row.statistic:.1f} on {df}, "
        f"{numbers.p_phrase(row.p_value, level)}; seeds and patients random; exploratory). Pairwise tests do not "
        "depend on it."
    )


def _friedman(row: Omnibus) -> str:
    where, metric = words.listed([words.dataset(name) for name in row.datasets]), words.metric(row.metric, row.label)
    opening = f"Over {len(row.datasets)} data sets ({where}), the {len(row.arms)} arms"
    if row.mean_ranks is None:
        return f"{opening} could not be ranked on {metric}: {row.undefined_because or words.NO_REASON}."
    order = sorted(zip(row.mean_ranks, row.arms, strict=True))
    ranks = ", ".join(f"{words.in_sentence(name)} {rank:.1f}" for rank, name in order)
    p = "" if row.descriptive or row.p_value is None else f"; Friedman {numbers.p_phrase(row.p_value)}"
    few = "; too few data sets to test, read it as a description" if row.descriptive else ""
    because = f"; no test: {row.undefined_because}" if row.undefined_because else ""
    return f"{opening} have these mean ranks on {metric}, 1 being best: {ranks}{p}{few}{because}."


def dynamics_sentences(lookup: Lookup) -> list[str]:
    """Whether one arm reached its peak later than another, and what followed: the answer to "delays overfitting"."""
    pairs: dict[tuple[str, str], dict[str, Dynamics]] = defaultdict(dict)
    for row in lookup.result.dynamics:
        if row.arm_b is not None:
            pairs[row.arm_a, row.arm_b][row.measure] = row
    return [_dynamics(lookup, rows) for rows in pairs.values()]


def _dynamics(lookup: Lookup, rows: dict[str, Dynamics]) -> str:
    first = next(iter(rows.values()))
    a, b = name_in_sentence(lookup, first.arm_a), name_in_sentence(lookup, str(first.arm_b))
    where = TrainingSet(first.dataset, first.train_size).text
    if all(row.value is None for row in rows.values()):
        because = first.undefined_because or words.NO_REASON
        return f"On {where}, the training of {a} and {b} could not be compared: {because}."
    parts = [_peak(a, b.removesuffix(","), rows["peak_epoch"])] if "peak_epoch" in rows else []
    for measure, name in (("loss_after_peak", "fall after the peak"), ("roughness", "epoch-to-epoch roughness")):
        row = rows.get(measure)
        if row is None:
            continue
        if row.value is None or row.low is None or row.high is None:
            parts.append(f"{name} could not be compared: {row.undefined_because or words.NO_REASON}")
            continue
        decimals = numbers.decimals_for([numbers.half_width(row.low, row.high)])
        by = numbers.difference(row.value, decimals)
        parts.append(f"{name} {by} points ({_interval(row.low, row.high, row.level, decimals)})")
    metric = words.metric(first.metric, first.label)
    text = f"On {where}, by validation {metric}, {'; '.join(parts)} (seeds random{_validation(lookup)}; exploratory)."
    return f"{text}{_still_rising(lookup, rows)}"


def _validation(lookup: Lookup) -> str:
    return ", validation images fixed" if conditions.of_report(lookup).validation in _SHARED else ""


def _peak(a: str, b: str, row: Dynamics) -> str:
    if row.value is None or row.low is None or row.high is None:
        because = row.undefined_because or words.NO_REASON
        return f"{a} could not be compared with {b} in the epoch of the peak: {because}"
    if excludes_zero(row.low, row.high):
        low, high = (row.low, row.high) if row.value > 0 else (-row.high, -row.low)
        ends = f"{_epochs(low)} to {_epochs(high)}"
        way = "later" if row.value > 0 else "earlier"
        by = f"{_epochs(abs(row.value))} epochs {way}"
        return f"{a} reached its peak {by} than {b} ({numbers.level(row.level)} CI {ends})"
    ends = f"{_signed(row.low)} to {_signed(row.high)}"
    return (
        f"{a} is not shown to reach its peak later or earlier than {b}: {_signed(row.value)} epochs "
        f"({numbers.level(row.level)} CI {ends})"
    )


def _still_rising(lookup: Lookup, rows: dict[str, Dynamics]) -> str:
    """Name arms with a run whose best epoch was the last one: longer training might move their peak."""
    row = rows.get("peak_epoch")
    if row is None or row.arm_b is None:
        return ""
    parts = []
    for arm, peaks in ((row.arm_a, row.values_a), (row.arm_b, row.values_b or [])):
        rising = sum(peak == row.last_epoch for peak in peaks)
        if rising:
            parts.append(f"{rising} of {len(peaks)} runs of {name_in_sentence(lookup, arm).removesuffix(',')}")
    return f" Still rising at the last epoch: {words.listed(parts)}." if parts else ""


def _interval(low: float, high: float, level: float, decimals: int) -> str:
    ends = f"{numbers.difference(low, decimals)} to {numbers.difference(high, decimals)}"
    return f"{numbers.level(level)} CI {ends}"


def _epochs(value: float) -> str:
    return f"{value:.1f}".replace("-", numbers.MINUS)


def _signed(value: float) -> str:
    return f"+{_epochs(value)}" if value > 0 else _epochs(value)


def size_effect_sentences(lookup: Lookup) -> list[str]:
    """Whether an advantage over a baseline fades, on the headline metrics."""
    return [_sentence(lookup, row) for row in lookup.headline_size_effects() if row.arms_small[1] in lookup.baselines]


def _sentence(lookup: Lookup, row: SizeEffect) -> str:
    a, b = (name_in_sentence(lookup, arm).removesuffix(",") for arm in row.arms_small)
    sizes = [numbers.count(size) for size in (row.size_small, row.size_large)]
    metric = words.metric(row.metric, row.label)
    opening = (
        f"On {words.dataset(row.dataset)}, {a} less {b} in {metric}, on {sizes[0]} training images against {sizes[1]},"
    )
    if row.difference is None or row.low is None or row.high is None:
        return f"{opening} could not be compared: {row.undefined_because}."
    decimals = numbers.decimals_for([numbers.half_width(row.low, row.high)])
    each = [numbers.difference(value, decimals) for value in (row.difference_small, row.difference_large)]
    shown = p_shows(row)
    verdict = "is shown to change" if shown else "is not shown to change"
    ends = f"{numbers.difference(row.low, decimals)} to {numbers.difference(row.high, decimals)}"
    return (
        f"{opening} {verdict} with training size: {each[0]} against {each[1]} points, the first less the second "
        f"{numbers.difference(row.difference, decimals)} ({numbers.level(row.level)} CI {ends}; seeds and patients "
        f"random; {words.ADJUSTMENTS.get(row.adjustment, row.adjustment)}-adjusted "
        f"{numbers.p_phrase(row.p_adjusted, row.level)}; exploratory).{_in_logits(row)}"
    )


def _in_logits(row: SizeEffect) -> str:
    """The same change on the logit scale, and whether it goes the other way."""
    effect = row.logit
    if effect is None or effect.difference is None or effect.low is None or effect.high is None:
        return ""
    decimals = numbers.decimals_for([0.01 * (effect.high - effect.low) / 2])
    change, low, high = (numbers.difference(0.01 * v, decimals) for v in (effect.difference, effect.low, effect.high))
    adjusted = words.ADJUSTMENTS.get(row.adjustment, row.adjustment)
    p = f"{adjusted}-adjusted {numbers.p_phrase(effect.p_adjusted, row.level)}"
    other_way = row.difference is not None and row.difference * effect.difference < 0
    caution = " The scales disagree on its sign." if other_way else ""
    return f" In logits the same is {change} ({numbers.level(row.level)} CI {low} to {high}; {p}).{caution}"
