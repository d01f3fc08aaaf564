"""What an evaluation computes by default, and what may be asked for besides.

In: names from `--add` or `[analysis] add`. Out: `Request`: metrics, averages, intervals and tests, checked.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from medkt_eval.errors import InputError
from medkt_eval.results.vocabulary import DEFAULT_METRICS, MORE_METRICS

DEFAULT_AVERAGES = ("macro", "weighted")
MORE_AVERAGES = ("micro", "macro_ovo")
DEFAULT_INTERVALS = ("seeds+patients:or", "patients:delong", "patients:bootstrap-percentile", "seeds:t", "seeds:normal")
MORE_INTERVALS = (
    "patients:jackknife",
    "patients:bootstrap-basic",
    "patients:bootstrap-bca",
    "patients:bootstrap-studentized",
    "seeds+patients:bootstrap",
)
NESTED_TESTS = ("mann-whitney",)
CROSSED_TESTS = ("wilcoxon", "sign-flip")
MCNEMAR_METRICS = ("accuracy", "sensitivity", "specificity")  # that it tests
MORE_TESTS = (*NESTED_TESTS, *CROSSED_TESTS, "permutation", "mcnemar", "max-t")
MORE = ("calibration", "net-benefit", "subgroups", "bonferroni")


@dataclass(frozen=True)
class Request:
    """What is to be computed; each field in the order in which results.json lists it."""

    metrics: tuple[str, ...]
    averages: tuple[str, ...]
    intervals: tuple[str, ...]
    tests: tuple[str, ...]
    more: tuple[str, ...]
    names: tuple[str, ...]  # as asked for


def request(
    names: Sequence[str],
    *,
    seeds: Literal["nested", "crossed"],
    ordered: bool,
    resample: Literal["patients", "stratified"] = "patients",
) -> Request:
    """The defaults and what was asked for.

    Parameters
    ----------
    names : sequence of str
        Metrics, averages, intervals, tests, or one of `MORE`.
    seeds : {"nested", "crossed"}
        As the study declares them.
    ordered : bool
        Whether classes are ordered: quadratic-weighted kappa is then a default.
    resample : {"patients", "stratified"}
        How the bootstrap draws.

    Raises
    ------
    InputError
        If a name is unknown, or what is asked for means nothing with these seeds or this resampling.
    """
    known = {
        *DEFAULT_METRICS,
        *MORE_METRICS,
        *DEFAULT_AVERAGES,
        *MORE_AVERAGES,
        *DEFAULT_INTERVALS,
        *MORE_INTERVALS,
        *MORE_TESTS,
        *MORE,
    }
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(sorted(known))}"
            raise InputError(f"--add {name!r}: no such metric, interval or test; {hint}")
        if name in CROSSED_TESTS and seeds == "nested":
            raise InputError(
                f"--add {name!r}: it pairs seeds, but seeds are nested in their arm (only a number is shared). Declare "
                "seeds = 'crossed' in [analysis] if seed j of every arm has the same initialisation and data order"
            )
        if name in NESTED_TESTS and seeds == "crossed":
            raise InputError(
                f"--add {name!r}: it ignores the pairs of seeds that are declared crossed; expected "
                f"{' or '.join(CROSSED_TESTS)}"
            )

        if name == "patients:bootstrap-studentized" and resample == "stratified":
            raise InputError(
                f"--add {name!r}: the standard errors it divides by are those of plain resampling, but [analysis] says "
                "resample = 'stratified'; leave out one of the two"
            )

    wanted = {*names, *(MCNEMAR_METRICS if "mcnemar" in names else ())}

    def with_defaults(defaults: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
        return (*defaults, *(name for name in more if name in wanted))

    metrics = with_defaults(DEFAULT_METRICS, MORE_METRICS)
    if ordered and "kappa_quadratic" not in metrics:
        metrics = (*metrics, "kappa_quadratic")
    return Request(
        metrics=metrics,
        averages=with_defaults(DEFAULT_AVERAGES, MORE_AVERAGES),
        intervals=with_defaults(DEFAULT_INTERVALS, MORE_INTERVALS),
        tests=with_defaults((), MORE_TESTS),
        more=with_defaults((), MORE),
        names=tuple(dict.fromkeys(names)),
    )
