"""How each kind of number was made: a line on every interval, test, family and threshold of the results.

In: the settings and what the results hold. Out: pairs of a term and its meaning.
"""

from __future__ import annotations

from medkt_reports.language import words
from medkt_reports.lookup import Lookup
from medkt_reports.prose import conditions, margins, status, variation


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
    notes = dict.fromkeys((row.metric, row.note) for row in result.estimates if row.note)
    lines += [(f"Interval of {words.METRICS.get(metric, metric)}", f"{words.capital(note)}.") for metric, note in notes]
    for test, scope in dict.fromkeys((row.test, row.scope) for row in lookup.comparisons):
        circumstances = conditions.of_test(lookup, test)
        varies, fixed = variation.varies(circumstances, scope), variation.fixed(circumstances, scope)
        lines.append(
            (
                f"Test {test}, scope {scope}",
                f"{words.capital(words.test(test, scope))}. Varies: {varies}. Held fixed: {fixed}.",
            )
        )
    for family, method in status.adjusted_families(lookup).items():
        lines.append(
            (
                f"Family: {family}",
                f"Adjusted by {words.ADJUSTMENTS.get(method, method)}." if method != "none" else "Not adjusted.",
            )
        )
    if result.thresholds:
        lines.append(("Thresholds", variation.thresholds(lookup)))
    if text := margins.in_short(lookup):
        lines.append(("Margin", f"{text}."))
    lines.append(
        (
            "Decimals",
            "Taken from the intervals that are read together: the median half width shows two "
            "significant digits, and values have as many decimals.",
        )
    )
    return lines
