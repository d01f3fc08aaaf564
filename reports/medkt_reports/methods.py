"""How the numbers were made: a Methods paragraph ready to paste, and a line on each interval, test and family.

In: the settings and what the results hold. Out: plain sentences that say nothing the results do not record.
"""

from __future__ import annotations

from medkt_reports import numbers, words
from medkt_reports.lookup import Lookup

_THRESHOLD_RULES = {"max_f1": "maximum F1"}
_AVERAGED = {
    "multilabel": "AUC was computed for each finding and averaged over findings (macro).",
    "multiclass": "AUC was one-versus-rest, averaged over classes (macro); F1 is that of the most probable class, "
    "averaged over classes by their number of images (weighted).",
}


def methods_paragraph(lookup: Lookup) -> str:
    """A Methods paragraph built from the settings."""
    result = lookup.result
    settings = result.settings
    parts = [_who(lookup)]
    parts += [_AVERAGED[task] for task in dict.fromkeys(lookup.task(t) for t in lookup.training_sets())]
    if result.thresholds:
        rule = _THRESHOLD_RULES.get(settings.threshold_rule, settings.threshold_rule)
        parts.append(f"Thresholds were chosen on the validation predictions of each run and label ({rule}).")
    parts.append("The estimate of an arm is the mean over its seeds of the metric of each seed's model.")
    intervals = [name for name in lookup.intervals() if not words.is_paper_convention(name)]
    if intervals:
        described = "; ".join(words.interval(name, settings.level) for name in intervals)
        parts.append(f"Intervals have a nominal level of {numbers.level(settings.level)} ({described}).")
    parts += _tests(lookup)
    if settings.primary is None:
        parts.append("No primary contrast was named before the test predictions existed; the analysis is exploratory.")
    else:
        parts.append(f"The primary contrast {words.NAMED[settings.declared]}. Its p-value is not adjusted.")
    if settings.replicates is not None:
        parts.append(f"The bootstrap drew {numbers.count(settings.replicates)} replicates of patients.")
    if any(dataset.synthetic for dataset in result.datasets):
        names = [words.dataset(dataset.dataset) for dataset in result.datasets if dataset.synthetic]
        parts.append(f"{words.synthetic(names)}. Their images were drawn, so they say nothing of real patients.")
    if settings.software is not None:
        packages = ", ".join(f"{name} {version}" for name, version in settings.software.packages.items())
        parts.append(f"Analyses used medkt {settings.software.medkt} (Python {settings.software.python}; {packages}).")
    return " ".join(parts)


def _who(lookup: Lookup) -> str:
    said = []
    for training_set in lookup.training_sets():
        arms = lookup.arms_of(training_set)
        seeds = sorted({len(arm.seeds) for arm in arms})
        said.append(
            f"{len(arms)} arm{'s' if len(arms) > 1 else ''} of {' or '.join(map(str, seeds))} "
            f"seed{'s' if seeds != [1] else ''} each on {training_set.text}"
        )
    return f"We compared {words.listed(said)}." if said else "The results hold no arm."


def _tests(lookup: Lookup) -> list[str]:
    """What was tested, with what, and how it was adjusted."""
    asked = [row for row in lookup.comparisons if row.kind != "table"]
    if not asked:
        return ["No comparison was made."]
    tests = dict.fromkeys((row.test, row.scope) for row in asked)
    described = "; ".join(
        f"{words.test(test)} ({words.scope_meaning(scope).random} random; fixed: {words.scope_meaning(scope).fixed})"
        for test, scope in tests
    )
    averages = {row.adjustment for row in asked if row.label in words.AVERAGES and row.adjustment}
    labels = {row.adjustment for row in asked if row.label not in words.AVERAGES and row.adjustment}
    declared = lookup.result.settings.seeds
    parts = [
        f"Arms were compared by {described}.",
        f"Seeds were treated as {declared} {'in' if declared == 'nested' else 'with'} arms.",
    ]
    if averages:
        parts.append(f"P-values of average metrics were adjusted by {_adjustments(averages)} within families of data "
                     "set, training size, metric and declared set of comparisons.")  # fmt: skip
    if labels:
        parts.append(f"Results by label are exploratory{_but_primary(lookup)}; their p-values were adjusted by "
                     f"{_adjustments(labels)} within each comparison only.")  # fmt: skip
    return [*parts, "Intervals were not adjusted for their number."]


def _but_primary(lookup: Lookup) -> str:
    by_label = any(row.primary and row.label not in words.AVERAGES for row in lookup.comparisons)
    return ", the primary contrast apart" if by_label else ""


def how_made(lookup: Lookup) -> list[tuple[str, str]]:
    """What each kind of number is, as (term, meaning)."""
    result = lookup.result
    lines = [("Value of an arm", "Mean over seeds of the metric of each seed's model on the test images; never the "
              "metric of pooled scores.")]  # fmt: skip
    level = result.settings.level
    for name in lookup.intervals():
        caution = f". {words.caution(level)}" if words.is_paper_convention(name) else "."
        lines.append((f"Interval {name}", f"{words.capital(words.interval(name, level))}{caution}"))
    for test, scope in dict.fromkeys((row.test, row.scope) for row in lookup.comparisons):
        meaning = words.scope_meaning(scope)
        lines.append((f"Test {test}, scope {scope}", f"{words.capital(words.test(test))}. Random: "
                      f"{meaning.random}. Fixed: {meaning.fixed}."))  # fmt: skip
    for family, method in result.settings.adjustment.items():
        lines.append((f"Family: {family}", f"Adjusted by {words.ADJUSTMENTS.get(method, method)}."
                      if method != "none" else "Not adjusted."))  # fmt: skip
    if result.thresholds:
        absent = sum(threshold.value is None for threshold in result.thresholds)
        rule = _THRESHOLD_RULES.get(result.settings.threshold_rule, result.settings.threshold_rule)
        lines.append(("Thresholds", f"{len(result.thresholds)} thresholds, one a run and label, chosen on the "
                      f"validation predictions ({rule}) and applied as score ≥ threshold; {absent} could not be "
                      "chosen. Their own error is in no interval."))  # fmt: skip
    if result.settings.margin is not None:
        lines.append(("Margin", f"{numbers.percent(result.settings.margin, 1)} points, declared in the study file."))
    lines.append(("Decimals", "Taken from the intervals that are read together: the median half width shows two "
                  "significant digits, and values have as many decimals."))  # fmt: skip
    return lines


def _adjustments(names: set[str]) -> str:
    return " or ".join(sorted(words.ADJUSTMENTS.get(name, name) for name in names))
