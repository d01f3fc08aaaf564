"""Tables by label: AUCs of the arms, differences of the contrasts, thresholds of the runs.

In: the results. Out: `Table`s. Results by label are exploratory, and their captions say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from medkt_eval.results.schema import Comparison, Estimate
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.prose.primary import labels_named
from medkt_reports.tables.arm_columns import arm_columns, arm_head
from medkt_reports.tables.cells import (
    adjusted_p_cell,
    difference_cell,
    estimate_cell,
    is_symmetric,
    notes_on_absent,
    raw_p_cell,
)
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Row, Span, Table, count_cell, text_cell, with_synthetic_mark

METRIC = "auc"
_LABEL_AVERAGES = ("macro", "weighted")


def labels_table(lookup: Lookup, interval: str) -> Table | None:
    """AUC of every arm by label, with the number of positive test images; None if there is none."""
    training_sets = lookup.training_sets()
    if not training_sets:
        return None
    columns_of_arms = arm_columns(lookup, training_sets)
    keys = [(t, label) for t in training_sets for label in (*lookup.datasets[t.dataset].labels, *_LABEL_AVERAGES)]
    arms = [[column.arm(t) for column in columns_of_arms] for t, _ in keys]
    estimates = [
        [lookup.estimate(t.dataset, arm.arm, METRIC, label, interval) if arm else None for arm in line]
        for (t, label), line in zip(keys, arms, strict=True)
    ]
    known = [e for line in estimates for e in line if e is not None]
    if not known:
        return None
    symmetric = is_symmetric(known)
    rows = []
    for (t, label), line_arms, line in zip(keys, arms, estimates, strict=True):
        decimals = numbers.decimals_for(numbers.half_width(e.low, e.high) for e in line if e is not None)
        cells = [
            estimate_cell(e, decimals, symmetric=symmetric, footnote=_footnote(e))
            if arm
            else Cell("", footnote="no such arm")
            for arm, e in zip(line_arms, line, strict=True)
        ]
        rows.append(
            Row(
                _label(lookup, label),
                (_positives(lookup, t, label, line), *cells),
                group=t.text,
                synthetic=lookup.synthetic(t.dataset),
            )
        )
    head_rows = arm_head(columns_of_arms, "Label")
    head = tuple((row[0], Span("" if k else "Positive"), *row[1:]) for k, row in enumerate(head_rows))
    table = Table(
        name="labels",
        title="AUC by label, in %",
        caption=f"AUC by label, in %. Mean over seeds and {numbers.level(known[0].level)} confidence interval "
        f"({words.interval(interval, known[0].level)}).",
        head=head,
        rows=tuple(rows),
        notes=(
            "Positive: test images with the label, or of the class.",
            *notes_on_absent((cell for row in rows for cell in row.cells[1:]), interval),
        ),
    )
    return with_synthetic_mark(table)


class DifferenceLine(NamedTuple):
    """A comparison on one label, the decimals of its contrast, and both arms' means as fractions."""

    row: Comparison
    decimals: int
    mean_a: float | None
    mean_b: float | None


def _difference_columns(lookup: Lookup) -> Sequence[Column[DifferenceLine]]:
    level = numbers.level(lookup.result.settings.level)
    return (
        Column("Label", lambda line: _label(lookup, line.row.label)),
        Column("Positive", lambda line: count_cell(line.row.n_positive)),
        Column("Left arm, %", lambda line: _percent(line.mean_a, line.decimals)),
        Column("Right arm, %", lambda line: _percent(line.mean_b, line.decimals)),
        Column(f"Difference, points ({level} interval)", lambda line: difference_cell(line.row, line.decimals)),
        Column("p", lambda line: raw_p_cell(line.row)),
        Column("Adjusted p", lambda line: adjusted_p_cell(line.row)),
    )


def label_differences_table(lookup: Lookup) -> Table | None:
    """Difference of every contrast by label, raw and adjusted p; None if no contrast was made by label."""
    columns, rows, adjustments, narrower = _difference_columns(lookup), [], set(), []
    for training_set in lookup.training_sets():
        labels = lookup.datasets[training_set.dataset].labels
        for pair in lookup.contrasts(training_set):
            comparisons = _by_label(lookup, training_set, pair, labels)
            if not comparisons:
                continue
            decimals = numbers.decimals_for(numbers.half_width(row.low, row.high) for row in comparisons)
            group = f"{training_set.text}: {lookup.contrast_name(pair)}"
            adjustments |= {row.adjustment for row in comparisons if not row.primary}
            narrower += [lookup.contrast_name(pair) for row in comparisons if row.scope in ("patients", "images")]
            for row in comparisons:
                means = [_mean(lookup, training_set, arm, row.label) for arm in pair]
                line = DifferenceLine(row, decimals, *means)
                rows.append(row_of(columns, line, group=group, synthetic=lookup.synthetic(training_set.dataset)))
    if not rows:
        return None
    table = Table(
        name="label-differences",
        title="Differences in AUC by label",
        caption="Differences in AUC by label, left arm minus right arm, in points.",
        head=head_of(columns),
        rows=tuple(rows),
        notes=(*_notes_on_adjustment(lookup, adjustments), *_notes_on_scope(narrower)),
    )
    return with_synthetic_mark(table)


def _notes_on_adjustment(lookup: Lookup, adjustments: set[str | None]) -> list[str]:
    """How the p-values by label were adjusted; confirmatory labels are a family of their own."""
    notes = [f"Intervals are not adjusted. {words.EXPLORATORY_BY_LABEL}"]
    if "benjamini-hochberg" in adjustments:
        notes.append("Adjusted p: Benjamini–Hochberg over the labels of one comparison, not over comparisons.")
    named = lookup.result.settings.confirmatory_labels
    if "holm" in adjustments and named:
        notes.append(f"{words.listed(named)}: Holm over these labels and all comparisons. {labels_named(lookup)}")
    return notes


def _notes_on_scope(narrower: Sequence[str]) -> list[str]:
    """Name the contrasts whose trained models were held fixed, as the analysis over seeds does not exist."""
    names = words.listed(list(dict.fromkeys(narrower))) if narrower else ""
    return [f"{names}: tested with the trained models held fixed, not over seeds."] if names else []


def thresholds_table(lookup: Lookup) -> Table | None:
    """Thresholds of every arm by label, one for each seed; None if no metric needed one."""
    arm_of = {run.run_id: (run.arm, run.seed) for run in lookup.result.runs}
    chosen_for: dict[tuple[str, str], list[tuple[int, float | None, str | None]]] = {}
    for threshold in lookup.result.thresholds:
        if threshold.run_id in arm_of:
            arm, seed = arm_of[threshold.run_id]
            chosen_for.setdefault((arm, threshold.label), []).append(
                (seed, threshold.value, threshold.undefined_because)
            )
    training_sets = [
        t for t in lookup.training_sets() if any(arm.arm == key[0] for arm in lookup.arms_of(t) for key in chosen_for)
    ]
    if not training_sets:
        return None
    columns_of_arms = arm_columns(lookup, training_sets)
    rows = []
    for t in training_sets:
        for label in lookup.datasets[t.dataset].labels:
            cells = []
            for column in columns_of_arms:
                arm = column.arm(t)
                chosen = sorted(chosen_for.get((arm.arm, label), []), key=lambda item: item[0]) if arm else []
                text = ", ".join(numbers.threshold(value) for _, value, _ in chosen)
                cells.append(
                    Cell(text, value=text, footnote="; ".join(dict.fromkeys(why for *_, why in chosen if why)))
                )
            rows.append(Row(_label(lookup, label), tuple(cells), group=t.text, synthetic=lookup.synthetic(t.dataset)))
    table = Table(
        name="thresholds",
        title="Thresholds by label, one a seed",
        caption=f"Thresholds by label, one a seed: {words.threshold_rule(lookup.result.settings.threshold_rule)}"
        f"{'' if lookup.result.settings.threshold_rule.startswith('fixed=') else ' on the validation predictions'}.",
        head=arm_head(columns_of_arms, "Label"),
        rows=tuple(rows),
    )
    return with_synthetic_mark(table)


def _footnote(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"Mean of {numbers.seeds(estimate.n_seeds)}; interval {estimate.interval}."


def _by_label(
    lookup: Lookup, training_set: TrainingSet, pair: tuple[str, str], labels: Sequence[str]
) -> list[Comparison]:
    comparisons = [lookup.declared(training_set, METRIC, label) for label in labels]
    return [lookup.answering(row) for rows in comparisons for row in rows if (row.arm_a, row.arm_b) == pair]


def _label(lookup: Lookup, label: str) -> Cell:
    return text_cell(words.average(label), latex=lookup.result.settings.label_latex.get(label))


def _positives(lookup: Lookup, training_set: TrainingSet, label: str, line: Sequence[Estimate | None]) -> Cell:
    if label in _LABEL_AVERAGES:
        return Cell("", footnote="an average over labels")
    split = lookup.datasets[training_set.dataset].splits.get("test")
    counted = split.n_positive.get(label) if split else None
    return count_cell(next((e.n_positive for e in line if e and e.n_positive is not None), counted))


def _mean(lookup: Lookup, training_set: TrainingSet, arm: str, label: str) -> float | None:
    estimates = (lookup.estimate(training_set.dataset, arm, METRIC, label, name) for name in lookup.intervals())
    return next((e.value for e in estimates if e is not None), None)


def _percent(value: float | None, decimals: int) -> Cell:
    return Cell(numbers.percent(value, decimals), value=value)
