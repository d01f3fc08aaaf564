"""Sensitivity, specificity and other metrics at the thresholds of the arms, and their calibration.

In: the estimates of threshold and calibration metrics. Out: `Table`s with a row for each metric and a column for each
arm.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.results.schema import Estimate
from medkt_eval.results.vocabulary import METRICS
from medkt_reports.language import numbers, words
from medkt_reports.language.units import OWN_UNIT, POINTS
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.tables import cells as interval_cells
from medkt_reports.tables.arm_columns import ArmColumn, arm_columns, arm_head
from medkt_reports.tables.cells import interval_cell
from medkt_reports.tables.model import Cell, Row, Table, text_cell, with_synthetic_mark

_FIRST = ("sensitivity", "specificity", "ppv", "npv", "f1")  # the order in which readers look for them
_OF_SCORES = ("sensitivity_at_specificity",)  # read at a threshold, though no threshold was chosen for it
OPERATING_POINT = (
    *_FIRST,
    *(
        name
        for name, metric in METRICS.items()
        if name not in _FIRST and (metric.kind in ("calls", "confusion") or name in _OF_SCORES)
    ),
)
MOST_BY_LABEL = 100  # rows of the table by label; more than that is for results.json
_OF_CLASSES = {name for name, metric in METRICS.items() if metric.needs_of_classes}  # one number, named "micro"
_OVERALL = tuple(name for name, metric in METRICS.items() if metric.lower_is_better)
_NOTES = {
    "calibration_error": "Calibration error: root of the squared error, which is averaged over seeds and labels first "
    "and may be negative. Differences of arms are tested on the square.",
    "ece": "Expected calibration error: biased upward, because noise alone makes it positive; for comparison with "
    "other papers.",
    "ece_top": "Top-label calibration error: the same, of the most probable class (of a finding: present or absent).",
}
_BY_LABEL = {
    name: f"{metric.word} ({metric.reading})" for name, metric in METRICS.items() if metric.kind == "calibration"
}


def operating_points_table(lookup: Lookup) -> Table | None:
    """Threshold metrics of every arm, averaged over labels; None if there is none."""
    keys = [
        (t, metric, "micro" if lookup.task(t) == "multiclass" and metric in _OF_CLASSES else "macro", t.text)
        for t in lookup.training_sets()
        for metric in OPERATING_POINT
    ]
    return _table(
        lookup,
        keys,
        POINTS,
        name="operating-points",
        title="Operating points, in %",
        stub="Metric",
        notes=_threshold_notes(lookup),
    )


def operating_points_by_label_table(lookup: Lookup) -> Table | None:
    """The same by label; None if there is none, or if it would be too long to read."""
    keys = [
        (t, metric, label, f"{t.text}: {_metric(lookup, metric)}")
        for t in lookup.training_sets()
        for metric in OPERATING_POINT
        for label in lookup.datasets[t.dataset].labels
    ]
    table = _table(
        lookup,
        keys,
        POINTS,
        name="operating-points-by-label",
        title="Operating points by label, in %",
        stub="Label",
        notes=(*_threshold_notes(lookup), words.EXPLORATORY_BY_LABEL),
    )
    return None if table is None or len(table.rows) > MOST_BY_LABEL else table


def calibration_table(lookup: Lookup) -> Table | None:
    """Brier score and calibration error of every arm, slope and intercept by label; None if there is none."""
    keys = []
    for t in lookup.training_sets():
        keys += [
            (t, metric, _over_labels(lookup, t, metric), f"{t.text}: over labels (0 is best)") for metric in _OVERALL
        ]
        for metric, meaning in _BY_LABEL.items():
            keys += [(t, metric, label, f"{t.text}: {meaning}") for label in lookup.datasets[t.dataset].labels]
    measured = {estimate.metric for estimate in lookup.result.estimates}
    notes = (
        *(note for metric, note in _NOTES.items() if metric in measured),
        "Calibration holds at the prevalence among these test images; elsewhere it may differ.",
    )
    return _table(lookup, keys, OWN_UNIT, name="calibration", title="Calibration", stub="Metric or label", notes=notes)


def _over_labels(lookup: Lookup, t: TrainingSet, metric: str) -> str:
    """The average that is shown; the most probable class is one number of all classes."""
    return "micro" if METRICS[metric].kind == "top bins" and lookup.task(t) == "multiclass" else "macro"


def _table(
    lookup: Lookup,
    keys: Sequence[tuple[TrainingSet, str, str, str]],
    unit: float,
    *,
    name: str,
    title: str,
    stub: str,
    notes: tuple[str, ...],
) -> Table | None:
    """Build a table of the rows (training set, metric, label, group) of which any arm has a value or a reason."""
    interval = lookup.preferred_interval
    lines: list[tuple[tuple[TrainingSet, str, str, str], dict[str, Estimate]]] = []
    for key in keys:
        t, metric, label, _ = key
        line = {arm.arm: lookup.estimate(t.dataset, arm.arm, metric, label, interval) for arm in lookup.arms_of(t)}
        known = {arm: estimate for arm, estimate in line.items() if estimate is not None}
        if known:
            lines.append((key, known))
    if not lines:
        return None
    columns_of_arms = arm_columns(lookup, list(dict.fromkeys(t for (t, *_), _ in lines)))
    level = lookup.result.settings.level
    table = Table(
        name=name,
        title=title,
        caption=f"{title}. Mean over seeds and {numbers.level(level)} confidence interval "
        f"({words.interval(interval, level)}).",
        head=arm_head(columns_of_arms, stub),
        rows=tuple(_row(lookup, *key, line, columns_of_arms, unit, _half_widths(key, lines)) for key, line in lines),
        notes=notes,
    )
    return with_synthetic_mark(table)


def _half_widths(
    key: tuple[TrainingSet, str, str, str],
    lines: Sequence[tuple[tuple[TrainingSet, str, str, str], dict[str, Estimate]]],
) -> list[float | None]:
    """Half widths that the decimals of a row are taken from: its own, or its group's if it has no interval."""
    of_row = [numbers.half_width(e.low, e.high) for other, line in lines if other == key for e in line.values()]
    if any(of_row):
        return of_row
    alike = [line for other, line in lines if other[3] == key[3] and METRICS[other[1]].is_bounded]
    return [numbers.half_width(e.low, e.high) for line in alike for e in line.values()]


def _row(
    lookup: Lookup,
    t: TrainingSet,
    metric: str,
    label: str,
    group: str,
    line: dict[str, Estimate],
    columns_of_arms: Sequence[ArmColumn],
    unit: float,
    half_widths: list[float | None],
) -> Row:
    decimals = interval_cells.decimals_in_unit(half_widths, unit=unit)
    cells = []
    for column in columns_of_arms:
        arm = column.arm(t)
        estimate = line.get(arm.arm) if arm else None
        if arm is None:
            cells.append(Cell("", footnote="no such arm"))
        elif estimate is None:
            cells.append(Cell(numbers.ABSENT, footnote="no such value in the results"))
        else:
            footnote = " ".join(filter(None, (_made(estimate), estimate.note and f"{words.capital(estimate.note)}.")))
            cells.append(
                interval_cell(
                    estimate.value,
                    estimate.low,
                    estimate.high,
                    decimals,
                    because=estimate.undefined_because,
                    footnote=footnote,
                    unit=unit,
                )
            )
    if label in words.AVERAGES:
        stub = text_cell(words.capital(_metric(lookup, metric)))
    else:
        stub = text_cell(label, latex=lookup.result.settings.label_latex.get(label))
    return Row(stub, tuple(cells), group=group, synthetic=lookup.synthetic(t.dataset))


def _made(estimate: Estimate) -> str:
    if METRICS[estimate.metric].kind == "root":
        return (
            f"Root of the mean of the squares of {numbers.seeds(estimate.n_seeds)}; interval {estimate.interval}, its "
            "limits' roots."
        )
    return f"Mean of {numbers.seeds(estimate.n_seeds)}; interval {estimate.interval}."


def _metric(lookup: Lookup, metric: str) -> str:
    if metric == "sensitivity_at_specificity":
        return f"sensitivity at {100 * lookup.result.settings.specificity:g} % specificity"
    return words.METRICS.get(metric, metric.replace("_", " "))


def _threshold_notes(lookup: Lookup) -> tuple[str, ...]:
    notes = ["Mean over labels, or one number for all classes (accuracy, balanced accuracy, kappa)."]
    tasks = {lookup.task(t) for t in lookup.training_sets()}
    of_labels = {a.arm for t in lookup.training_sets("multilabel") for a in lookup.arms_of(t)}
    runs = {run_id for arm in of_labels for run_id in lookup.arms[arm].run_ids}
    given = any(found.value is not None and found.run_id in runs for found in lookup.result.thresholds)
    if "multilabel" in tasks and given:
        rule = lookup.result.settings.threshold_rule
        name, _, number = rule.partition("=")
        threshold = (
            f"{number}, fixed for all"
            if name == "fixed"
            else "the threshold of its run and label, chosen on the validation predictions: "
            f"{words.threshold_rule(rule)}. The intervals "
            + ("include" if lookup.result.settings.thresholds == "refit" else "ignore")
            + " the uncertainty of the thresholds"
        )
        notes.append(f"Labels: positive where the score reaches {threshold}.")
    if "multiclass" in tasks:
        notes.append("Classes: the most probable one is called.")
    measured = {estimate.metric for estimate in lookup.result.estimates if estimate.value is not None}
    if measured & {"ppv", "npv"}:
        notes.append("PPV and NPV hold at the prevalence among these test images.")
    if "sensitivity_at_specificity" in measured:
        notes.append("Sensitivity at a fixed specificity takes its threshold from the test images themselves.")
    return tuple(notes)
