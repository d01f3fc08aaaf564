"""What so few seeds cannot exclude: how often training may fail, and what that does to the default analysis.

In: the failure rates of results.json. Out: sentences for the report and the command line.
"""

from __future__ import annotations

from collections import defaultdict

from medkt_eval.results.recorded import FailureRate
from medkt_reports.language import numbers
from medkt_reports.lookup import Lookup

WHERE_SEEDS_FAIL = (
    "The default analysis assumes that no seed is far from the rest. Where a fifth of one arm's seeds lost 17 points "
    "of AUC, it found a difference that did not exist in 35 % of the simulated studies with three seeds, in 25 % with "
    "five and in 10 % with ten."
)


def failure_sentences(lookup: Lookup) -> list[str]:
    """How many runs of each arm failed and how large the failure rate may be; arms with the same numbers together."""
    arms: dict[tuple[int, int, int], list[FailureRate]] = defaultdict(list)
    for rate in lookup.result.failure_rates:
        arms[rate.n_failed, rate.n_checked, rate.n_seeds].append(rate)
    return [_sentence(lookup, rates) for rates in arms.values()]


def _sentence(lookup: Lookup, rates: list[FailureRate]) -> str:
    rate = rates[0]
    names = "; ".join(dict.fromkeys(lookup.names[rate.arm] for rate in rates))
    if rate.high is None:
        return f"{names}: whether a run failed is not known: {rate.undefined_because or 'the results give no reason'}."
    runs = f"{rate.n_failed} of {rate.n_checked} runs"
    runs += "" if rate.n_checked == rate.n_seeds else f" that could be checked ({rate.n_seeds} in all)"
    each = "" if len(rates) == 1 else " an arm"
    failed = "failed" if rate.n_failed == 0 else "may have failed"
    return (
        f"{names}: {runs}{each} {failed}; the failure rate may be up to {100 * rate.high:.0f} %, one-sided "
        f"{numbers.level(rate.level)}."
    )
