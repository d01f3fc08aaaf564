"""What an evaluation computes: the defaults, and what was requested besides.

In: names from `--add` or `[analysis] add`. Out: `Request`: metrics, averages, intervals and tests, checked. The tables
of `results.vocabulary` say what exists and what is a default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from medkt_eval.errors import InputError
from medkt_eval.results.vocabulary import AVERAGES, DEFAULT_METRICS, INTERVALS, METRICS, MORE_METRICS, TESTS
from medkt_eval.runtime.nearest_name import nearest

DEFAULT_AVERAGES = tuple(name for name, average in AVERAGES.items() if average.default)
MORE_AVERAGES = tuple(name for name, average in AVERAGES.items() if not average.default)
DEFAULT_INTERVALS = tuple(name for name, interval in INTERVALS.items() if interval.default)
MORE_INTERVALS = tuple(name for name, interval in INTERVALS.items() if interval.on_request and not interval.default)
MORE_TESTS = tuple(name for name, test in TESTS.items() if test.on_request)
TESTS_FOR_SEEDS = {
    seeds: tuple(name for name, test in TESTS.items() if test.seeds == seeds) for seeds in ("nested", "crossed")
}
MORE = ("calibration", "net-benefit", "subgroups", "bonferroni")


@dataclass(frozen=True)
class Request:
    """What is computed; each field in the order of results.json."""

    metrics: tuple[str, ...]
    averages: tuple[str, ...]
    intervals: tuple[str, ...]
    tests: tuple[str, ...]
    more: tuple[str, ...]
    names: tuple[str, ...]  # as they were requested


def request(
    names: Sequence[str],
    *,
    seeds: Literal["nested", "crossed"],
    ordered: bool,
    resample: Literal["patients", "stratified"] = "patients",
    declared: Sequence[str] = (),
) -> Request:
    """The defaults and what was requested besides.

    Parameters
    ----------
    names : sequence of str
        Metrics, averages, intervals, tests, or one of `MORE`.
    seeds : {"nested", "crossed"}
        As the study declares them.
    ordered : bool
        Whether classes are ordered; quadratic-weighted kappa is then a default.
    resample : {"patients", "stratified"}
        How the bootstrap draws patients.
    declared : sequence of str
        Those of `names` that the study requests; errors name `[analysis] add` for them, and `--add` for the others.

    Raises
    ------
    InputError
        If a name is unknown, or the request does not fit these seeds or this resampling.
    """
    _check(names, seeds, resample, declared)
    requested = {*names, *(metric for name in names if name in TESTS for metric in TESTS[name].metrics)}
    if ordered:
        requested.add("kappa_quadratic")

    def chosen(from_names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in from_names if name in requested)

    return Request(
        metrics=(*DEFAULT_METRICS, *chosen(MORE_METRICS)),
        averages=(*DEFAULT_AVERAGES, *chosen(MORE_AVERAGES)),
        intervals=(*DEFAULT_INTERVALS, *chosen(MORE_INTERVALS)),
        tests=chosen(MORE_TESTS),
        more=chosen(MORE),
        names=tuple(dict.fromkeys(names)),
    )


def _check(
    names: Sequence[str],
    seeds: Literal["nested", "crossed"],
    resample: Literal["patients", "stratified"],
    declared: Sequence[str],
) -> None:
    known = {
        *(name for name, metric in METRICS.items() if metric.default),
        *MORE_METRICS,
        *DEFAULT_AVERAGES,
        *MORE_AVERAGES,
        *DEFAULT_INTERVALS,
        *MORE_INTERVALS,
        *MORE_TESTS,
        *MORE,
    }
    for name in names:
        where = "[analysis] add" if name in declared else "--add"
        if name not in known:
            close = nearest(name, sorted(known))
            hint = f"did you mean {close!r}?" if close else f"expected one of {', '.join(sorted(known))}"
            raise InputError(f"{where} {name!r}: no such metric, interval or test; {hint}")
        if name in TESTS_FOR_SEEDS["crossed"] and seeds == "nested":
            raise InputError(
                f"{where} {name!r}: it pairs seeds, but seeds are nested in their arm (only a number is shared). "
                "Declare seeds = 'crossed' in [analysis] if seed j of every arm has the same initialisation and data "
                "order"
            )
        if name in TESTS_FOR_SEEDS["nested"] and seeds == "crossed":
            raise InputError(
                f"{where} {name!r}: it ignores the pairs of seeds that are declared crossed; expected "
                f"{' or '.join(TESTS_FOR_SEEDS['crossed'])}"
            )
        if name == "patients:bootstrap-studentized" and resample == "stratified":
            raise InputError(
                f"{where} {name!r}: the standard errors it divides by are those of plain resampling, but [analysis] "
                "says resample = 'stratified'; leave out one of the two"
            )
