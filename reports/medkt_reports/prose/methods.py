"""The Methods paragraph, ready to paste.

In: the settings and what the results hold. Out: plain sentences that say nothing the results do not record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from medkt_reports.language import numbers, words
from medkt_reports.lookup import PRIMARY_TEST, Lookup
from medkt_reports.prose.primary import primary_named
from medkt_reports.significance import alpha

_AVERAGED = {
    "multilabel": "AUC was computed for each finding and averaged over findings (macro).",
    "multiclass": "AUC was one-versus-rest, averaged over classes (macro); F1 is that of the most probable class, "
    "averaged over classes by their number of images (weighted).",
}
_PRIMARY_INTERVAL = "seeds+patients:or"
# References of tests whose names do not include their authors.
_CITED = {
    "delong-clustered": "DeLong et al. 1988; Obuchowski 1997",
    "permutation": "Bandos et al. 2005",
    "mcnemar": "Obuchowski 1998",
    "tost": "Schuirmann 1987",
    "holm": "Holm 1979",
    "benjamini-hochberg": "Benjamini and Hochberg 1995",
    "box-f": "Brunner et al. 1997",
    "friedman": "Demšar 2006",
}


def methods_paragraph(lookup: Lookup) -> str:
    """A Methods paragraph built from the settings."""
    parts = [
        _who(lookup),
        *_estimand(lookup),
        *_metrics(lookup),
        *_tuning(lookup),
        *_primary_analysis(lookup),
        *_intervals(lookup),
        *_tests(lookup),
        *_margin(lookup),
        *_beforehand(lookup),
        *_bootstrap(lookup),
        *_provenance(lookup),
    ]
    return " ".join(parts)


def _who(lookup: Lookup) -> str:
    parts = []
    for training_set in lookup.training_sets():
        arms = lookup.arms_of(training_set)
        seeds = sorted({len(arm.seeds) for arm in arms})
        test = lookup.datasets[training_set.dataset].splits.get("test")
        tested = ""
        if test is not None and test.n_images is not None:
            of = "" if test.n_patients is None else f" of {numbers.count(test.n_patients)} patients"
            tested = f" (tested on {numbers.count(test.n_images)} images{of})"
        parts.append(
            f"{len(arms)} arm{'s' if len(arms) > 1 else ''} of {' or '.join(map(str, seeds))} "
            f"seed{'s' if seeds != [1] else ''} each on {training_set.text}{tested}"
        )
    return f"We compared {words.listed(parts)}." if parts else "The results hold no arm."


def _estimand(lookup: Lookup) -> list[str]:
    """What is estimated, its unit, and what is held fixed."""
    settings = lookup.result.settings
    unit = (
        "The image was the unit of the metric and, each image being declared to be of another patient, of sampling."
        if settings.independent_images
        else "The image was the unit of the metric, the patient the unit of sampling."
    )
    samples = {dataset.training_sample for dataset in lookup.result.datasets if _has_arms(lookup, dataset.dataset)}
    fixed = {
        frozenset({"fixed"}): "The training images (the same for every seed)",
        frozenset({"redrawn with each seed"}): "Training images were redrawn with each seed; the validation images",
    }.get(frozenset(samples), "The training images (not recorded of all arms that every seed had the same)")
    return [
        "The estimand is an arm's expected metric over training seeds and over patients like those tested; its "
        "estimate is the mean over its seeds of the metric of each seed's model. A comparison is the difference of two "
        "such means.",
        unit,
        f"{fixed}, teachers and pre-trained weights were held fixed.",
    ]


def _has_arms(lookup: Lookup, dataset: str) -> bool:
    return any(arm.role == "arm" and arm.dataset == dataset for arm in lookup.result.arms)


def _metrics(lookup: Lookup) -> list[str]:
    """Metrics, and the thresholds of those that need one."""
    settings = lookup.result.settings
    parts = [_AVERAGED[task] for task in dict.fromkeys(lookup.task(t) for t in lookup.training_sets())]
    others = dict.fromkeys(e.metric for e in lookup.result.estimates if e.metric != "auc")
    if others:
        names = words.listed([words.METRICS.get(name, name.replace("_", " ")) for name in others])
        parts.append(f"{words.capital(names)} {'was' if len(others) == 1 else 'were'} computed too.")
    if lookup.result.thresholds:
        rule = settings.threshold_rule
        chosen = (
            f"Thresholds were fixed at {rule.partition('=')[2]} for every label"
            if rule.startswith("fixed=")
            else "Thresholds were chosen on the validation predictions of each run and label "
            f"({words.threshold_rule(rule)})"
        )
        parts.append(f"{chosen} and applied as score ≥ threshold; {words.threshold_error(settings.thresholds)}.")
    if settings.average_labels:
        parts.append(f"Macro and weighted averages are over {words.listed(settings.average_labels)}.")
    if settings.labels_defined == "defined":
        parts.append("An average leaves out labels without a value.")
    return parts


def _tuning(lookup: Lookup) -> list[str]:
    """How many settings were tried, and on which seeds the chosen one is compared."""
    tried = {arm.settings_tried for arm in lookup.result.arms if arm.role == "arm" and arm.settings_tried > 1}
    if not tried:
        return []
    n = f"{min(tried)}" if len(tried) == 1 else f"{min(tried)} to {max(tried)}"
    same = [arm for arm in lookup.result.arms if arm.settings_tried > 1 and arm.selected_on_these_seeds]
    names = words.listed([lookup.names[arm.arm] for arm in same]) if same else ""
    on = (
        f"{names}: the choice was made on the very seeds that are compared"
        if same
        else "and retrained with fresh seeds"
    )
    return [f"Tuned settings were the best of {n} by their mean validation metric{'; ' if same else ' '}{on}."]


def _primary_analysis(lookup: Lookup) -> list[str]:
    """The analysis with seeds and patients random, if the results hold it."""
    used = any(row.test == PRIMARY_TEST for row in lookup.comparisons) or _PRIMARY_INTERVAL in lookup.intervals()
    if not used:
        return []
    settings = lookup.result.settings
    seeds = (
        "Seeds were taken as nested in arms, each arm with its own variance over seeds"
        if settings.seeds == "nested"
        else "Seeds were taken as crossed with arms, as the study declares: a seed is the same initialisation and data "
        "order in every arm"
    )
    df = (
        "Degrees of freedom are Hillis's, with the mean squares of the compared arms pooled."
        if settings.degrees_of_freedom == "hillis"
        else "Degrees of freedom (Satterthwaite) count seeds and patients; mean squares over seeds are not pooled over "
        "arms."
    )
    return [
        "The primary analysis is that of reader studies, with training seeds as readers and patients as clustered "
        f"cases (Obuchowski and Rockette 1995; Hillis 2007, 2014). {seeds}; the covariance over patients is the "
        "patient jackknife's, or the patient bootstrap's for a metric that has none. "
        f"{df} An arm's own interval is made on the logit scale."
    ]


def _intervals(lookup: Lookup) -> list[str]:
    """Names and level of the intervals; the paper's convention is left out."""
    settings = lookup.result.settings
    names = [name for name in lookup.intervals() if not words.is_paper_convention(name)]
    if not names:
        return []
    described = "; ".join(words.interval(name, settings.level) for name in names)
    return [f"Intervals have a nominal level of {numbers.level(settings.level)} ({described})."]


def _tests(lookup: Lookup) -> list[str]:
    """What was tested, with what, and how it was adjusted."""
    requested = [row for row in lookup.comparisons if row.kind != "table"]
    if not requested:
        return ["No comparison was made."]
    by_scope: dict[str, dict[str, None]] = defaultdict(dict)
    for row in requested:
        if row.margin is None:
            by_scope[row.scope][row.test] = None
    described = "; ".join(
        f"with {meaning.random} random and {meaning.fixed} fixed, "
        + words.listed([f"{words.test(test)}{_by(test)}" for test in by_scope[meaning.scope]])
        for meaning in sorted(words.SCOPES, key=lambda meaning: meaning.scope != "seeds+patients")
        if meaning.scope in by_scope
    )
    averages = {row.adjustment for row in requested if row.label in words.AVERAGES and row.adjustment}
    labels = {row.adjustment for row in requested if row.label not in words.AVERAGES and row.adjustment}
    parts = [f"Arms were compared by these tests: {described}."]
    if PRIMARY_TEST not in by_scope["seeds+patients"]:
        declared = lookup.result.settings.seeds
        parts.append(f"Seeds were treated as {declared} {'in' if declared == 'nested' else 'with'} arms.")
    elif len(by_scope) > 1:
        parts.append("Of a comparison the p-value to read is the primary analysis's; the others are its companions.")
    if averages:
        parts.append(
            f"P-values of average metrics were adjusted by {_adjustments(averages)} within families of data "
            "set, training size, metric and declared set of comparisons."
        )
    if labels:
        parts.append(
            f"Results by label are exploratory{_but_named(lookup)}; their p-values were adjusted by "
            f"{_adjustments(labels)} within each comparison only."
        )
    parts.append("Intervals were not adjusted for their number.")
    omnibus = dict.fromkeys(row.test for row in lookup.result.omnibus)
    names = {"box-f": "a Box-type F test", "friedman": "Friedman's test over data sets"}
    if omnibus:
        listed = words.listed([f"{names[test]}{_by(test)}" for test in omnibus])
        parts.append(f"All arms at once were tested by {listed}, which gates no comparison.")
    return parts


def _by(test: str) -> str:
    return f" ({_CITED[test]})" if test in _CITED else ""


def _but_named(lookup: Lookup) -> str:
    """Which results by label were named in advance."""
    confirmatory = lookup.result.settings.confirmatory_labels
    named = [f"{words.listed(confirmatory)}, declared confirmatory,"] if confirmatory else []
    if any(row.primary and row.label not in words.AVERAGES for row in lookup.comparisons):
        named.append("the primary contrast")
    return f", {words.listed(named)} apart" if named else ""


def _adjustments(names: set[str]) -> str:
    return " or ".join(sorted(f"{words.ADJUSTMENTS.get(name, name)}{_by(name)}" for name in names))


def _margin(lookup: Lookup) -> list[str]:
    margins = lookup.margins()
    if not margins:
        return ["No margin of equivalence was declared, so neither equivalence nor power was assessed."]
    level = lookup.result.settings.level
    return [
        f"Equivalence was tested within {_margins(margins)} (two one-sided tests at "
        f"{numbers.level(alpha(level))}; {_CITED['tost']}); where it was left open, the power of the "
        "unadjusted primary analysis to detect a difference as large as the margin is given over the 95 % interval of "
        "the standard deviation over seeds, never the power at the observed difference."
    ]


def _margins(margins: Sequence[float]) -> str:
    listed = words.listed([f"±{words.points(margin)}" for margin in margins])
    return f"a margin of {listed}" if len(margins) == 1 else f"the margins of the contrasts, {listed},"


def _beforehand(lookup: Lookup) -> list[str]:
    """Whether the primary contrast was named before the test predictions existed."""
    none = "No primary contrast was named before the test predictions existed; the analysis is exploratory."
    return [primary_named(lookup) or none]


def _bootstrap(lookup: Lookup) -> list[str]:
    """Replicates of the bootstrap, what was resampled, and how many replicates were undefined."""
    settings = lookup.result.settings
    if settings.replicates is None:
        return []
    unit = "images" if settings.independent_images else "patients, all images of a patient together"
    n = numbers.count(settings.replicates)
    strata = ", in strata of the rarest label that a patient has" if settings.resample == "stratified" else ""
    text = f"The bootstrap drew {n} replicates of {unit}{strata}, one draw for all arms and labels"
    rows = [*lookup.result.estimates, *lookup.result.comparisons]
    undefined = [row.undefined_replicates for row in rows if row.undefined_replicates is not None]
    if not undefined:
        return [f"{text}."]
    most = max(undefined)
    if most == 0:
        return [f"{text}; none of them was undefined."]
    refused = sum(100 * n > settings.replicates for n in undefined)
    most_undefined = f"; at most {numbers.count(most)} of them left a metric undefined"
    return [f"{text}{most_undefined}{_refused(refused)}."]


def _refused(n: int) -> str:
    if n == 0:
        return ""
    return (
        f", and where that was more than 1 % ({numbers.count(n)} interval{'s' if n > 1 else ''}) no interval was made"
    )


def _provenance(lookup: Lookup) -> list[str]:
    result, parts = lookup.result, []
    if any(dataset.synthetic for dataset in result.datasets):
        names = [words.dataset(dataset.dataset) for dataset in result.datasets if dataset.synthetic]
        parts.append(f"{words.synthetic(names)}. Their images were drawn, so they say nothing of real patients.")
    software = result.settings.software
    if software is not None:
        packages = ", ".join(f"{name} {version}" for name, version in software.packages.items())
        parts.append(f"Analyses used medkt {software.medkt} (Python {software.python}; {packages}).")
    return parts
