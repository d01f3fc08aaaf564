"""The Methods paragraph, ready to paste.

In: the settings and what the results hold. Out: plain sentences that say nothing the results do not record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from medkt_eval.results.schema import Comparison
from medkt_reports.language import numbers, units, words
from medkt_reports.lookup import PRIMARY_TEST, Lookup
from medkt_reports.prose import conditions, margins, variation
from medkt_reports.prose.primary import labels_named, primary_named
from medkt_reports.prose.status import family_members
from medkt_reports.significance import margin_alpha

_AVERAGED = {
    "multilabel": {"auc": "AUC was computed for each finding and averaged over findings (macro)."},
    "multiclass": {
        "auc": "AUC of classes was one-versus-rest, averaged over classes (macro).",
        "f1": "F1 of classes is that of the most probable class, averaged over classes by their images (weighted).",
    },
}
_EXPLORATORY = "No primary contrast was named; the analysis is exploratory."
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
        *_study_family(lookup),
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
            f"seed{'s' if seeds != [1] else ''}{' each' if len(arms) > 1 else ''} on {training_set.text}{tested}"
        )
    return f"We compared {words.listed(parts)}." if parts else "The results hold no arm."


def _estimand(lookup: Lookup) -> list[str]:
    """What is estimated, its unit, and what seeds shared."""
    settings = lookup.result.settings
    seeds = {len(arm.seeds) for arm in lookup.result.arms if arm.role == "arm"}
    if seeds == {1}:
        estimand = (
            "Each arm has one seed, so the estimand is the metric of its trained model over patients like those tested."
        )
    else:
        estimand = (
            "The estimand is an arm's expected metric over training seeds and over patients like those tested; its "
            "estimate is the mean over its seeds of the metric of each seed's model. A comparison is the difference "
            "of two such means."
        )
        if 1 in seeds:
            estimand += " An arm with one seed is described over patients only."
    unit = (
        "The image was the unit of the metric and, each image being declared to be of another patient, of sampling."
        if settings.independent_images
        else "The image was the unit of the metric, the patient the unit of sampling."
    )
    return [estimand, unit, *variation.paragraph(lookup)]


def _metrics(lookup: Lookup) -> list[str]:
    """Metrics that have a value, and the thresholds of those that need one."""
    settings = lookup.result.settings
    known = {e.metric for e in lookup.result.estimates if e.value is not None}
    parts = []
    for task in dict.fromkeys(lookup.task(t) for t in lookup.training_sets()):
        parts += [text for metric, text in _AVERAGED[task].items() if metric in known]
    others = [name for name in dict.fromkeys(e.metric for e in lookup.result.estimates) if name != "auc"]
    computed, absent = ([name for name in others if (name in known) == there] for there in (True, False))
    if computed:
        names = words.listed([_metric(name) for name in computed])
        parts.append(f"{words.capital(names)} {'was' if len(computed) == 1 else 'were'} computed too.")
    if absent:
        parts.append(f"{words.capital(words.listed([_metric(name) for name in absent]))} could not be computed.")
    parts += filter(None, [variation.thresholds(lookup)])
    if settings.average_labels:
        parts.append(f"Macro and weighted averages are over {words.listed(settings.average_labels)}.")
    if settings.labels_defined == "defined":
        parts.append("An average leaves out labels without a value.")
    return parts


def _metric(name: str) -> str:
    return words.METRICS.get(name, name.replace("_", " "))


def _tuning(lookup: Lookup) -> list[str]:
    """How many settings were tried, and on which seeds the chosen one is compared."""
    tuned = [arm for arm in lookup.result.arms if arm.role == "arm" and arm.settings_tried > 1]
    if not tuned:
        return []
    tried = {arm.settings_tried for arm in tuned}
    n = f"{min(tried)}" if len(tried) == 1 else f"{min(tried)} to {max(tried)}"
    parts = [f"Tuned settings were the best of {n} by their mean validation metric."]
    same, fresh = (
        list(dict.fromkeys(lookup.names[arm.arm] for arm in tuned if arm.selected_on_these_seeds == on))
        for on in (True, False)
    )
    if same:
        parts.append(f"{words.listed(same)}: the choice was made on the very seeds that are compared.")
    if fresh:
        parts.append(f"{words.listed(fresh)}: retrained with fresh seeds after the choice.")
    return parts


def _primary_analysis(lookup: Lookup) -> list[str]:
    """The analysis with seeds and patients random, if the results hold it."""
    of_arms = any(e.interval == _PRIMARY_INTERVAL and e.low is not None for e in lookup.result.estimates)
    if not of_arms and not any(row.test == PRIMARY_TEST and row.p_value is not None for row in lookup.comparisons):
        return []
    settings = lookup.result.settings
    seeds = (
        "Seeds were taken as nested in arms, each arm with its own variance over seeds"
        if settings.seeds == "nested"
        else "Seeds were taken as crossed with arms, as the study declares: a seed is the same initialisation and data "
        "order in every arm"
    )
    bootstrapped = "a metric that has none"
    if conditions.of_report(lookup).thresholds == "refit":
        bootstrapped += " and for metrics of calls, whose thresholds it chooses again"
    df = (
        "Degrees of freedom are Hillis's, with the mean squares of the compared arms pooled."
        if settings.degrees_of_freedom == "hillis"
        else "Degrees of freedom (Satterthwaite) count seeds and patients; mean squares over seeds are not pooled over "
        "arms."
    )
    return [
        "The primary analysis is that of reader studies, with training seeds as readers and patients as clustered "
        f"cases (Obuchowski and Rockette 1995; Hillis 2007, 2014). {seeds}; the covariance over patients is the "
        f"jackknife's, or the bootstrap's for {bootstrapped}. "
        f"{df} An arm's own AUC has its interval on the logit scale."
    ]


def _intervals(lookup: Lookup) -> list[str]:
    """Names and level of the intervals; the paper's convention is left out."""
    settings = lookup.result.settings
    names = [name for name in lookup.intervals() if not words.is_paper_convention(name)]
    if not names:
        return []
    described = "; ".join(words.interval(name, settings.level) for name in names)
    return [f"Intervals have a nominal level of {numbers.level(settings.level)} ({described})."]


_ORDER = sorted(variation.SCOPES, key=lambda scope: scope != "seeds+patients")


def _tests(lookup: Lookup) -> list[str]:
    """What was tested, with what, and how it was adjusted."""
    requested = [row for row in lookup.comparisons if row.kind != "table"]
    if not requested:
        return ["No comparison was made."]
    requested = [row for row in requested if row.p_value is not None or row.low is not None]  # others gave nothing
    if not requested:
        return ["No comparison could be tested."]
    by_scope: dict[str, dict[str, None]] = defaultdict(dict)
    alike: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for row in sorted(requested, key=lambda row: _ORDER.index(row.scope)):
        if row.margin is None:
            by_scope[row.scope][row.test] = None
            circumstances = conditions.of_test(lookup, row.test)
            around = variation.varies(circumstances, row.scope), variation.fixed(circumstances, row.scope)
            alike[around][f"{words.test(row.test, row.scope)}{_by(row.test)}"] = None
    described = "; ".join(
        f"with {varies} random and {fixed} fixed, " + words.listed(list(tests))
        for (varies, fixed), tests in alike.items()
    )
    parts = [f"Arms were compared by these tests: {described}."]
    over_seeds = any(row.scope in ("seeds", "seeds+patients") for row in requested)
    if over_seeds and PRIMARY_TEST not in by_scope["seeds+patients"]:
        declared = lookup.result.settings.seeds
        parts.append(f"Seeds were treated as {declared} {'in' if declared == 'nested' else 'with'} arms.")
    elif len(by_scope) > 1:
        parts.append("Of a comparison the p-value to read is the primary analysis's; the others are its companions.")
    parts += _adjusted(lookup, requested)
    names = {"box-f": "a Box-type F test", "friedman": "Friedman's test over data sets"}
    omnibus = dict.fromkeys(
        row.test for row in lookup.result.omnibus if row.p_value is not None and not row.descriptive
    )
    if omnibus:
        listed = words.listed([f"{names[test]}{_by(test)}" for test in omnibus])
        parts.append(f"All arms at once were tested by {listed}. Pairwise tests do not depend on it.")
    return parts


def _adjusted(lookup: Lookup, rows: Sequence[Comparison]) -> list[str]:
    """How p-values were adjusted: of averages, of labels named in advance, of other labels."""
    named = set(lookup.result.settings.confirmatory_labels)
    methods: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.adjustment and not row.primary:
            kind = "average" if row.label in words.AVERAGES else "named" if row.label in named else "label"
            methods[kind].add(row.adjustment)
    parts = []
    if methods["average"]:
        parts.append(
            f"P-values of average metrics were adjusted by {_adjustments(methods['average'])} within families of data "
            "set, training size, metric and declared set of comparisons."
        )
    if methods["named"]:
        parts.append(
            f"Results for {words.listed(sorted(named))}, which the study file names as confirmatory, were adjusted by "
            f"{_adjustments(methods['named'])} over these labels and all comparisons."
        )
    if methods["label"]:
        parts.append(
            f"Results {'for other labels' if methods['named'] else 'by label'} are exploratory{_but_primary(lookup)}; "
            f"their p-values were adjusted by {_adjustments(methods['label'])} within each comparison only."
        )
    return [*parts, "Intervals were not adjusted for their number."]


def _by(test: str) -> str:
    return f" ({_CITED[test]})" if test in _CITED else ""


def _but_primary(lookup: Lookup) -> str:
    """Whether a primary contrast was named on one label."""
    by_label = any(row.primary and row.label not in words.AVERAGES for row in lookup.comparisons)
    return ", except for the primary contrast" if by_label else ""


def _adjustments(names: set[str]) -> str:
    return " or ".join(sorted(f"{words.ADJUSTMENTS.get(name, name)}{_by(name)}" for name in names))


def _margin(lookup: Lookup) -> list[str]:
    """The margin, where it was given, and the tests against it that were made."""
    listed = [f"±{units.amount(metric, margin)}" for metric, margin in lookup.margins()]
    if not listed:
        return ["No margin was given, so equivalence was not tested."]
    where = margins.where_given(lookup.result.settings)
    opening = "The margin of equivalence was" if len(listed) == 1 else "The margins of equivalence were"
    text = f"{opening} {words.listed(listed)}{', ' if where else ''}{where}."
    made: dict[str, Comparison] = {}
    for row in lookup.comparisons:
        if row.margin is not None and row.p_value is not None:
            made.setdefault(row.test, row)
    tests = {"tost": "equivalence by two one-sided tests", "non-inferiority": "non-inferiority by a one-sided test"}
    described = [f"{tests[test]} at {numbers.level(margin_alpha(row))}" for test, row in made.items() if test in tests]
    if not described:
        return [f"{text} No comparison could be tested against it."]
    return [f"{text} We tested {words.listed(described)} ({_CITED['tost']})."]


def _beforehand(lookup: Lookup) -> list[str]:
    """Whether the primary contrast or a confirmatory label was named before the test predictions existed."""
    labels = labels_named(lookup)
    if named := primary_named(lookup):
        return [named]
    return ["No primary contrast was named.", labels] if labels else [_EXPLORATORY]


def _study_family(lookup: Lookup) -> list[str]:
    """The one family of the whole study, if it was requested."""
    members = lookup.result.study_family
    if not members:
        return []
    first = members[0]
    return [
        f"One further family holds {family_members(lookup)}, {first.size} in all, adjusted by "
        f"{words.STUDY_FAMILY[first.method]}; these limits hold at once with {numbers.level(first.level)}."
    ]


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
    if tested := lookup.synthetic_tests():
        parts.append(
            f"{words.synthetic(tested)}. These images were drawn; results on them do not describe real patients."
        )
    parts += filter(None, [lookup.teachers_synthetic()])
    software = result.settings.software
    if software is not None:
        packages = ", ".join(f"{name} {version}" for name, version in software.packages.items())
        parts.append(f"Analyses used medkt {software.medkt} (Python {software.python}; {packages}).")
    return parts
