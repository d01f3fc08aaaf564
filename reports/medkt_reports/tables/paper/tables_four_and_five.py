"""Tables IV and V of the paper from our results: arms side by side, best in bold, second underlined.

In: the results and the name of the interval to print. Out: `Table`s. A dagger marks an arm that is not significantly
different from the best of its row: `_has_dagger` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from medkt_eval.results.schema import Arm, Comparison, Estimate
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet
from medkt_reports.significance import alpha, decisive_p, interval_shows, p_shows
from medkt_reports.tables.arm_columns import arm_columns, arm_head
from medkt_reports.tables.cells import estimate_cell, is_symmetric, notes_on_absent
from medkt_reports.tables.model import DAGGER, Cell, Mark, Row, Table, text_cell, with_synthetic_mark


def table_four(lookup: Lookup, interval: str) -> Table | None:
    """Macro AUC on the multi-label data sets, with a row for each training set; None if there are none."""
    rows = [(training_set, "auc", "macro") for training_set in lookup.training_sets("multilabel")]
    return _build(lookup, interval, rows, name="table4", stub="Data set (training images)") if rows else None


def table_five(lookup: Lookup, interval: str) -> Table | None:
    """Macro AUC and weighted F1 on the multi-class data sets; None if there are none."""
    rows = [
        (training_set, metric, label)
        for training_set in lookup.training_sets("multiclass")
        for metric, label in HEADLINES["multiclass"]
    ]
    return _build(lookup, interval, rows, name="table5", stub="Metric") if rows else None


def _build(
    lookup: Lookup, interval: str, rows: Sequence[tuple[TrainingSet, str, str]], *, name: str, stub: str
) -> Table:
    columns_of_arms = arm_columns(lookup, list(dict.fromkeys(training_set for training_set, *_ in rows)))
    arms = [[column.arm(training_set) for column in columns_of_arms] for training_set, *_ in rows]
    estimates = [
        [lookup.estimate(row[0].dataset, arm.arm, row[1], row[2], interval) if arm else None for arm in line]
        for row, line in zip(rows, arms, strict=True)
    ]
    symmetric = is_symmetric([e for line in estimates for e in line if e is not None])
    table_rows, against_best = [], []
    for row, row_arms, line in zip(rows, arms, estimates, strict=True):
        cells, comparisons = _cells(lookup, row, row_arms, line, symmetric=symmetric)
        against_best += comparisons
        table_rows.append(_row(lookup, row, cells, by_metric=name == "table5"))
    several = list(dict.fromkeys(words.dataset(training_set.dataset) for training_set, *_ in rows))
    metrics = " and ".join(dict.fromkeys(words.metric(metric, label) for _, metric, label in rows))
    title = f"{words.capital(metrics)} on {words.listed(several)}, in %"
    level = lookup.result.settings.level
    meaning = words.interval(interval, level)
    table = Table(
        name=name,
        title=title,
        caption=f"{title}. Mean over seeds and {numbers.level(level)} confidence interval ({meaning}).",
        head=arm_head(columns_of_arms, stub),
        rows=tuple(table_rows),
        notes=_notes(lookup, interval, estimates, table_rows, against_best),
    )
    return with_synthetic_mark(table)


def _row(lookup: Lookup, row: tuple[TrainingSet, str, str], cells: Sequence[Cell], *, by_metric: bool) -> Row:
    training_set, metric, label = row
    synthetic = lookup.synthetic(training_set.dataset)
    if by_metric:
        stub = text_cell(words.capital(words.metric(metric, label)))
        return Row(stub, tuple(cells), group=training_set.text, synthetic=synthetic)
    return Row(text_cell(training_set.short), tuple(cells), synthetic=synthetic)


def _cells(
    lookup: Lookup,
    row: tuple[TrainingSet, str, str],
    arms: Sequence[Arm | None],
    estimates: Sequence[Estimate | None],
    *,
    symmetric: bool,
) -> tuple[list[Cell], list[Comparison | None]]:
    """Cells of one row, and the comparison of each arm with the best of the row."""
    training_set, metric, label = row
    decimals = numbers.decimals_for(numbers.half_width(e.low, e.high) for e in estimates if e is not None)
    marks = best_and_second([None if e is None else e.value for e in estimates], decimals)
    best = [arm for arm, mark in zip(arms, marks, strict=True) if arm and mark == "best"]
    cells, comparisons = [], []
    for arm, estimate, mark in zip(arms, estimates, marks, strict=True):
        if arm is None:
            cells.append(Cell("", footnote="no such arm"))
            continue
        cell = estimate_cell(
            estimate, decimals, symmetric=symmetric, mark=mark, footnote=_footnote(lookup, arm, metric, label, estimate)
        )
        if best and mark != "best" and cell.value is not None:
            against_best = [
                lookup.comparison_between(training_set.dataset, (arm.arm, top.arm), metric, label) for top in best
            ]
            comparisons += against_best
            cell = replace(cell, dagger=_has_dagger(against_best))
        cells.append(cell)
    return cells, comparisons


def _has_dagger(against_best: Sequence[Comparison | None]) -> bool:
    """Whether an arm has a dagger: it was compared with a best one, and not shown to differ from every best one."""
    made = [comparison for comparison in against_best if comparison is not None]
    return bool(made) and not (len(made) == len(against_best) and all(map(p_shows, made)))


def best_and_second(values: Sequence[float | None], decimals: int) -> list[Mark | None]:
    """Marks of the highest and the second value of one row, by the printed values: equal print, equal mark.

    If two values share the best, there is no second. A row with fewer than two values has no marks.

    Examples
    --------
    >>> best_and_second([0.7286, 0.766, None, 0.7661], 1)
    [None, 'best', None, 'best']
    """
    printed = [None if value is None else round(100 * value, decimals) for value in values]
    ranking = sorted((value for value in printed if value is not None), reverse=True)
    if len(ranking) < 2:
        return [None] * len(values)
    best = ranking[0]
    second = ranking[1] if ranking[1] < best else None
    marks: dict[float | None, Mark] = {best: "best"}
    if second is not None:
        marks[second] = "second"
    return [None if value is None else marks.get(value) for value in printed]


def _footnote(lookup: Lookup, arm: Arm, metric: str, label: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    seeds = "; ".join(
        f"seed {run.seed}: {numbers.percent(run.value, 2)}" for run in lookup.runs(arm.arm, metric, label)
    )
    patients = "" if estimate.n_patients is None else f" of {numbers.count(estimate.n_patients)} patients"
    df = "" if estimate.df is None else f", {numbers.degrees_of_freedom(estimate.df)} degrees of freedom"
    return (
        f"{lookup.names[arm.arm]}: mean of the {words.metric(metric, label)} of {numbers.seeds(estimate.n_seeds)} on "
        f"{numbers.count(estimate.n_images)} test images{patients} ({seeds}). Interval {estimate.interval}{df}."
    )


def _notes(
    lookup: Lookup,
    interval: str,
    estimates: Sequence[Sequence[Estimate | None]],
    rows: Sequence[Row],
    against: list[Comparison | None],
) -> tuple[str, ...]:
    notes = ["Best of a row in bold, second underlined; values that print alike are marked alike."]
    known = [comparison for comparison in against if comparison is not None]
    if known:
        tests = sorted(
            {f"{words.test(c.test, c.scope)} over {c.scope.replace('+', ' and ')}{_adjusted(c)}" for c in known}
        )
        notes.append(
            f"{DAGGER} Not significantly different from the best: p ≥ {alpha(known[0].level):g}, or no p exists "
            f"({'; '.join(tests)}). A compared arm without {DAGGER} differs from the best, within that scope alone."
        )
        notes += _other_question(lookup, known)
    if len(known) < len(against) or not against:
        missing = "Some arms were" if known else "No arm was"
        few = "not compared" if known else "compared"
        notes.append(f"{missing} {few} with the best of its row. Bold there only means the highest value.")
    notes += notes_on_absent((cell for row in rows for cell in row.cells), interval)
    seeds = sorted({e.n_seeds for line in estimates for e in line if e is not None})
    if seeds:
        notes.append(f"Seeds an arm: {' or '.join(map(str, seeds))}. Intervals are not adjusted for their number.")
    if words.is_paper_convention(interval):
        notes.append(words.caution(lookup.result.settings.level))
    return tuple(notes)


def _adjusted(row: Comparison) -> str:
    """How the p-value of a dagger was adjusted, and over what."""
    if not row.adjustment:
        return ", not adjusted"
    over = "all pairs of the row" if row.kind in ("table", "all") else "the declared comparisons"
    return f", {words.ADJUSTMENTS.get(row.adjustment, row.adjustment)}-adjusted over {over}"


def _other_question(lookup: Lookup, known: Sequence[Comparison]) -> list[str]:
    """Tell the question of a dagger from that of the answer, for pairs on which the two differ."""
    notes = []
    for row in known:
        answer = lookup.answer_of(row)
        if answer is None or answer is row or interval_shows(answer) == p_shows(row):
            continue
        pair = lookup.contrast_name((answer.arm_a, answer.arm_b))
        metric = words.metric(row.metric, row.label)
        named = "as the primary contrast" if answer.primary else "among the declared comparisons"
        level = row.level
        notes.append(
            f"{pair} on {metric}: the answer tests it {named} ({numbers.p_phrase(decisive_p(answer), level)}"
            f"{_adjusted(answer)}). The marks here ask whether it is shown among all pairs of the row "
            f"({numbers.p_phrase(decisive_p(row), level)}{_adjusted(row)}). Both can be right."
        )
    return list(dict.fromkeys(notes))
