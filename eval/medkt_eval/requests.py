"""What an evaluation computes by default, and what may be asked for besides.

In: names from `--add` or `[analysis] add`. Out: `Request`: metrics, averages, intervals and tests, checked.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from medkt_eval.errors import InputError

DEFAULT_METRICS = ("auc", "average_precision", "f1", "brier", "ece")
MORE_METRICS = (
    "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv", "sensitivity_at_specificity",
    "kappa_quadratic",
)  # fmt: skip
UNBOUNDED = ("calibration_slope", "calibration_intercept")
LOWER_IS_BETTER = ("brier", "ece")
DEFAULT_AVERAGES = ("macro", "weighted")
MORE_AVERAGES = ("micro", "macro_ovo")
DEFAULT_INTERVALS = (
    "seeds+patients:or", "patients:delong", "patients:bootstrap-percentile", "seeds:t", "seeds:normal",
)  # fmt: skip
MORE_INTERVALS = (
    "patients:jackknife", "patients:bootstrap-basic", "patients:bootstrap-bca", "patients:bootstrap-studentized",
    "seeds+patients:bootstrap",
)  # fmt: skip
NESTED_TESTS = ("mann-whitney",)
CROSSED_TESTS = ("wilcoxon", "sign-flip")
MCNEMAR_METRICS = ("accuracy", "sensitivity", "specificity")  # that it tests
MORE_TESTS = (*NESTED_TESTS, *CROSSED_TESTS, "permutation", "mcnemar", "max-t")
MORE = ("calibration", "net-benefit", "subgroups", "bonferroni")


def bound_of(metric: str) -> float:
    """The largest difference of two arms that a metric can have."""
    if metric in UNBOUNDED:
        return float("inf")
    return 2.0 if metric == "kappa_quadratic" else 1.0


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
    known = {*DEFAULT_METRICS, *MORE_METRICS, *DEFAULT_AVERAGES, *MORE_AVERAGES, *DEFAULT_INTERVALS, *MORE_INTERVALS,
             *MORE_TESTS, *MORE}  # fmt: skip
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
            raise InputError(f"--add {name!r}: it ignores the pairs of seeds that are declared crossed; expected "
                             f"{' or '.join(CROSSED_TESTS)}")  # fmt: skip

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
