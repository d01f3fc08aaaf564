"""What so few seeds cannot exclude, how alike runs of one seed are, and what follows for the next study.

In: failure rates and seed correlations of results.json. Out: sentences for the report and the command line.
"""

from __future__ import annotations

from collections import defaultdict

from medkt_eval.planning.sample_size import ContrastPlan
from medkt_eval.results.recorded import FailureRate, SeedCorrelation
from medkt_eval.results.schema import Comparison
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet

WHERE_SEEDS_FAIL = (
    "The default analysis assumes that no seed is far from the rest. Where a fifth of one arm's seeds lost 17 points "
    "of AUC, it found a difference that did not exist in 35 % of the simulated studies with three seeds, in 25 % with "
    "five and in 10 % with ten."
)

FEW_SEEDS = "With few seeds a correlation says little: for 0.6 over five seeds the 95 % interval is -0.60 to 0.97."
PAYS_FROM = 0.3  # the smallest simulated correlation with shorter intervals: docs/statistics.md
CROSSED_NEXT = (
    'Consider seeds = "crossed" for the next study, declared before it is trained: runs of one seed can share '
    "initialisation and order of images here, and from a correlation of about 0.3 on its intervals were shorter in "
    "simulations. This study stays as it was declared, because its results are known."
)


def seed_correlation(lookup: Lookup, row: Comparison | ContrastPlan) -> SeedCorrelation | None:
    """The correlation over seeds of a contrast's arms on its metric and label; None if the results hold none."""
    wanted = row.dataset, row.arm_a, row.arm_b, row.metric, row.label
    found = lookup.result.seed_correlations
    return next((r for r in found if (r.dataset, r.arm_a, r.arm_b, r.metric, r.label) == wanted), None)


def correlation_sentence(row: SeedCorrelation) -> str:
    """The correlation with its interval and its number of seeds."""
    if row.value is None:
        return f"Correlation of runs of one seed in the two arms: not known ({row.undefined_because or 'no reason'})."
    limits = (
        f"no interval: {row.undefined_because}"
        if row.low is None or row.high is None
        else f"{numbers.level(row.level)} interval {row.low:.2f} to {row.high:.2f}, {row.n_seeds} seeds"
    )
    return f"Correlation of runs of one seed in the two arms: {row.value:.2f} ({limits})."


def crossed_advice(lookup: Lookup, row: SeedCorrelation) -> str:
    """What to declare in the next study, where it would pay and runs of one seed can be alike; else empty."""
    is_nested = lookup.result.settings.seeds == "nested"
    pays = row.value is not None and row.value >= PAYS_FROM
    return CROSSED_NEXT if is_nested and pays and _can_share(lookup, row) else ""


def _can_share(lookup: Lookup, row: SeedCorrelation) -> bool:
    """Whether runs of one seed have one network and one training set, so that initialisation and order can be shared.

    Bare files of predictions record neither, so nothing is said of them.
    """
    a, b = lookup.arms[row.arm_a], lookup.arms[row.arm_b]
    trained_on = [dict(zip(arm.seeds, arm.training_sha256, strict=False)) for arm in (a, b)]
    shared = [seed for seed in a.seeds if seed in b.seeds]
    same_images = all(trained_on[0].get(k) is not None and trained_on[0].get(k) == trained_on[1].get(k) for k in shared)
    return bool(a.student) and a.student == b.student and same_images


def failure_sentences(lookup: Lookup) -> list[str]:
    """How many runs of each arm failed and how large the failure rate may be; arms with the same numbers together."""
    several = len(lookup.training_sets()) > 1
    alike: dict[tuple[TrainingSet, int, int, int, str | None], list[FailureRate]] = defaultdict(list)
    for rate in lookup.result.failure_rates:
        training_set = TrainingSet(rate.dataset, lookup.arms[rate.arm].train_size)
        alike[training_set, rate.n_failed, rate.n_checked, rate.n_seeds, rate.undefined_because].append(rate)
    return [
        f"{key[0].text}: {_sentence(lookup, rates)}" if several else _sentence(lookup, rates)
        for key, rates in alike.items()
    ]


def _sentence(lookup: Lookup, rates: list[FailureRate]) -> str:
    rate = rates[0]
    names = "; ".join(lookup.names[rate.arm] for rate in rates)
    if rate.high is None:
        return f"{names}: whether a run failed is not known: {rate.undefined_because or words.NO_REASON}."
    runs = f"{rate.n_failed} of {rate.n_checked} runs"
    runs += "" if rate.n_checked == rate.n_seeds else f" that could be checked ({rate.n_seeds} in all)"
    failed = "seem to have failed" if rate.n_failed == 0 else "may have failed"
    found = f"{names}: {runs} {failed}" if len(rates) == 1 else f"{runs} {failed} in each arm ({names})"
    return f"{found}; the failure rate may be up to {100 * rate.high:.0f} %, one-sided {numbers.level(rate.level)}."
