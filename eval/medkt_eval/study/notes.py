"""Notes for the reader of a report: requests and declarations that have no effect, and labels that averages leave out.

In: the request, the declared analysis, the test sets and the runs' values. Out: sentences for `notes` of results.json.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.errors import InputError
from medkt_eval.measurement.net_benefit import no_curve_because
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.thresholds import NO_VALIDATION
from medkt_eval.predictions.across_runs.identical_runs import named
from medkt_eval.predictions.values.look_alikes import look_alikes
from medkt_eval.predictions.values.repairs import notes_on_repairs
from medkt_eval.results.schema import RunValue
from medkt_eval.results.vocabulary import AVERAGES, METRICS
from medkt_eval.runtime.nearest_name import expected_one_of
from medkt_eval.study.contrasts import Contrast
from medkt_eval.study.declaration import Analysis
from medkt_eval.study.requests import MORE_TESTS, Request

MOST_GROUPS = 50  # in a column; each is computed as long as the whole test set
Nowhere = dict[str, str]  # requested names that are computed nowhere -> why


def notes_on_request(request: Request, analysis: Analysis, tests: Sequence[TestSet], nowhere: Nowhere) -> list[str]:
    """Notes on what was requested or declared and has no effect on these data sets.

    Parameters
    ----------
    request : Request
    analysis : Analysis
    tests : sequence of TestSet
    nowhere : dict of str to str
        See `computed_nowhere`.
    """
    return [
        *(f"{name} was asked for: {because}" for name, because in nowhere.items()),
        *_without_net_benefit(request, tests),
        *_without_refit(request, analysis, tests),
        *_without_thresholds(request, tests),
        *_without_groups(request, tests),
        *_without_label(analysis, tests),
    ]


def notes_on_values(tests: Sequence[TestSet]) -> list[str]:
    """Notes on values that reading changed, on identical runs, and on ids and groups that look alike."""
    notes = notes_on_repairs(repair for test in tests for repair in test.repairs)
    for test in tests:
        notes += [
            f"{test.dataset}: runs {named(group)} have identical predictions, as declared (identical_runs): nothing is "
            "known of how their seeds vary"
            for group in test.identical
        ]
        predictions = test.predictions
        columns = {"image_id": predictions.image_ids} | {f"group_{k}": v for k, v in predictions.groups.items()}
        if predictions.patient_ids is not None:
            columns["patient_id"] = predictions.patient_ids
        for name, values in columns.items():
            if pair := look_alikes(values):
                notes.append(f"{test.dataset}: {name} {pair} and count as two")
    return notes


def notes_on_averages(runs: Sequence[RunValue], analysis: Analysis) -> list[str]:
    """Notes on the labels that averages leave out, if the study averages over the labels that have a value."""
    if analysis.labels_defined == "all":
        return []
    has_value: dict[tuple[str, str, str], bool] = {}
    for row in runs:
        if row.label not in AVERAGES and row.group is None:
            key = row.dataset, row.metric, row.label
            has_value[key] = has_value.get(key, False) or row.value is not None
    missing: dict[tuple[str, str], list[str]] = {}
    for (dataset, metric, label), known in has_value.items():
        if not known:
            missing.setdefault((dataset, metric), []).append(label)
    return [
        f"{dataset}: averages of {metric} leave out {', '.join(labels)}, which has none (labels_defined = 'defined')"
        for (dataset, metric), labels in missing.items()
    ]


def computed_nowhere(request: Request, tests: Sequence[TestSet], contrasts: Sequence[Contrast]) -> Nowhere:
    """The requested names that no data set can fulfil, each with the reason."""
    nowhere = {}
    of_classes = [name for name, metric in METRICS.items() if metric.kind == "confusion"]
    of_classes += [name for name, average in AVERAGES.items() if average.of_classes]
    if not any(test.predictions.task == "multiclass" for test in tests):
        nowhere |= dict.fromkeys(of_classes, "it is of several classes, and these runs are multi-label")
    groups = [values for test in tests for values in test.predictions.groups.values()]
    if not any((values != "").any() for values in groups):
        nowhere["subgroups"] = (
            "the columns group_<name> are empty in every row"
            if groups
            else "the predictions have no column group_<name>, e.g. group_sex"
        )
    if all(contrast.kind == "table" for contrast in contrasts):
        nowhere |= dict.fromkeys((*MORE_TESTS, "bonferroni"), "there are no two arms to compare")
    return {name: nowhere[name] for name in request.names if name in nowhere}


def refuse_many_groups(request: Request, tests: Sequence[TestSet], declared: Sequence[str]) -> None:
    """Refuse subgroups by a column such as an id or a date, which would be computed for hours and say nothing.

    Parameters
    ----------
    request : Request
    tests : sequence of TestSet
    declared : sequence of str
        What `[analysis] add` asks for; the error names it, or `--add`.

    Raises
    ------
    InputError
        If a column has more than `MOST_GROUPS` groups.
    """
    if "subgroups" not in request.more:
        return
    where = "[analysis] add" if "subgroups" in declared else "--add"
    for test in tests:
        for name, values in test.predictions.groups.items():
            if (n := len(set(values[values != ""].tolist()))) > MOST_GROUPS:
                raise InputError(
                    f"{where} 'subgroups': {test.dataset}: column group_{name} has {n:,} groups; expected at most "
                    f"{MOST_GROUPS}. Put its values into fewer groups, for example ages into ranges, or leave "
                    "out the column or 'subgroups'"
                )


def refuse_computed_nowhere(add: Sequence[str], nowhere: Nowhere) -> None:
    """Refuse names of `--add` that no data set can fulfil.

    A name in `[analysis] add` is not refused, because the study may not be trained yet; it has a note.

    Raises
    ------
    InputError
        If there is such a name.
    """
    for name in add:
        if name in nowhere:
            raise InputError(f"--add {name!r}: {nowhere[name]}; leave it out")


def _without_net_benefit(request: Request, tests: Sequence[TestSet]) -> list[str]:
    """Notes on labels that have no curve of net benefit."""
    if "net-benefit" not in request.more:
        return []
    notes = []
    for test in tests:
        for k, label in enumerate(test.labels):
            because = no_curve_because(test, k)
            if because:
                notes.append(f"{test.dataset}: {label} has no curve of net benefit: {because}")
    return notes


def _without_refit(request: Request, analysis: Analysis, tests: Sequence[TestSet]) -> list[str]:
    """Notes on data sets and tests that thresholds = "refit" does not change."""
    if analysis.thresholds == "fixed":
        return []
    notes = [
        f"{test.dataset}: thresholds = 'refit' changes nothing: its classes are called by arg max"
        for test in tests
        if test.predictions.task == "multiclass"
    ]
    if "mcnemar" in request.tests:
        notes.append("McNemar's test holds the thresholds fixed, though thresholds = 'refit'")
    return notes


def _without_thresholds(request: Request, tests: Sequence[TestSet]) -> list[str]:
    """Notes on data sets whose runs have no validation predictions, and so no values of metrics of calls."""
    names = [name for name in request.names if name in METRICS and METRICS[name].kind == "calls"]
    return [
        f"{test.dataset}: {', '.join(names)} was asked for and has no value: {NO_VALIDATION} (--validation with --arm)"
        for test in tests
        if names
        and test.thresholds
        and all(t.undefined_because == NO_VALIDATION for run in test.thresholds for t in run)
    ]


def _without_groups(request: Request, tests: Sequence[TestSet]) -> list[str]:
    """Notes on group columns without a value."""
    if "subgroups" not in request.names:
        return []
    return [
        f"{test.dataset}: group_{name} is empty in every row, and gives no subgroups"
        for test in tests
        for name, values in test.predictions.groups.items()
        if not (values != "").any()
    ]


def _without_label(analysis: Analysis, tests: Sequence[TestSet]) -> list[str]:
    """Notes on LaTeX and published numbers for labels and data sets that these runs do not have."""
    labels = {test.dataset: test.labels for test in tests}
    every = {label for test in tests for label in test.labels}
    notes = [
        f"[analysis] label_latex: {label!r} is not a label of these runs and has no effect; "
        f"{expected_one_of(label, sorted(every))}"
        for label in analysis.label_latex
        if label not in (*AVERAGES, *every)
    ]
    for k, row in enumerate(analysis.reference):
        if row.dataset not in labels:
            wrong, known, name = f"{row.dataset!r} is no data set of these runs", tuple(labels), row.dataset
        elif row.label not in (*AVERAGES, *labels[row.dataset]):
            wrong, known, name = f"{row.label!r} is not a label of {row.dataset}", labels[row.dataset], row.label
        else:
            continue
        notes.append(f"[analysis] reference.{k}: {wrong}, so the number is not shown; {expected_one_of(name, known)}")
    return notes
