"""How each kind of number was made: a line on every interval, test, family and threshold of the results.

In: the settings and what the results hold. Out: pairs of a term and its meaning.
"""

from __future__ import annotations

from medkt_reports.language import words
from medkt_reports.lookup import Lookup


def definitions(lookup: Lookup) -> list[tuple[str, str]]:
    """What each kind of number is, as (term, meaning)."""
    result = lookup.result
    lines = [
        (
            "Value of an arm",
            "Mean over seeds of the metric of each seed's model on the test images; never the metric of pooled scores.",
        )
    ]
    level = result.settings.level
    for name in lookup.intervals():
        caution = f". {words.caution(level)}" if words.is_paper_convention(name) else "."
        lines.append((f"Interval {name}", f"{words.capital(words.interval(name, level))}{caution}"))
    for test, scope in dict.fromkeys((row.test, row.scope) for row in lookup.comparisons):
        meaning = words.scope_meaning(scope)
        lines.append(
            (
                f"Test {test}, scope {scope}",
                f"{words.capital(words.test(test))}. Random: {meaning.random}. Fixed: {meaning.fixed}.",
            )
        )
    for family, method in result.settings.adjustment.items():
        lines.append(
            (
                f"Family: {family}",
                f"Adjusted by {words.ADJUSTMENTS.get(method, method)}." if method != "none" else "Not adjusted.",
            )
        )
    if result.thresholds:
        absent = sum(threshold.value is None for threshold in result.thresholds)
        rule = words.threshold_rule(result.settings.threshold_rule)
        lines.append(
            (
                "Thresholds",
                f"{len(result.thresholds)} thresholds, one a run and label, chosen on the "
                f"validation predictions ({rule}) and applied as score ≥ threshold; {absent} could not be "
                f"chosen. {words.capital(words.threshold_error(result.settings.thresholds))}.",
            )
        )
    margins = lookup.margins()
    if margins:
        lines.append(
            (
                "Margin",
                f"{words.listed([words.points(margin) for margin in margins])}, declared by the study. Power is that "
                "of the unadjusted primary analysis to detect so large a difference, with the patients "
                "tested; its range is over the 95 % interval of the standard deviation over seeds.",
            )
        )
    lines.append(
        (
            "Decimals",
            "Taken from the intervals that are read together: the median half width shows two "
            "significant digits, and values have as many decimals.",
        )
    )
    return lines
