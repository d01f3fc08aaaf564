"""A metric against the number of training images, as in the paper's Fig. 3, and differences against it.

In: the results and a data set. Out: two figures: `data_size` with a panel for each method, `size_differences` with a
panel for each student.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from medkt_eval.results.schema import Comparison, Curve
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.differences.forest import filled_and_hollow
from medkt_reports.figures.style import PAPER, QUIET, ArmStyle, ReportFigure
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet
from medkt_reports.significance import p_shows

_FIRST = "attention_transfer"  # panel (a) of Fig. 3
_X = "Training images"


class RecipePair(NamedTuple):
    """Two recipes that are compared, each named by the arm of its largest training size."""

    a: str
    b: str


def data_size(lookup: Lookup, dataset: str, name: str) -> ReportFigure | None:
    """Metric against training images, a row of panels for each metric; None if no recipe has two training sizes."""
    curves = _curves(lookup, dataset)
    if not curves:
        return None
    names, methods = _names(lookup, curves), _methods(lookup, curves)
    metrics = list(dict.fromkeys((curve.metric, curve.label) for curve in curves))
    sizes = sorted({x for curve in curves for x in curve.x})
    largest = max(lookup.arms[curve.arm].train_size or 0 for curve in curves)
    as_elsewhere = [arm.arm for arm in lookup.arms_of(TrainingSet(dataset, largest))]
    styles = figure_style.arm_styles(list(dict.fromkeys([*as_elsewhere, *names])))
    with figure_style.house_style():
        width = min(0.7 + 3.3 * len(methods), 9.5)
        legend = figure_style.legend_layout(list(names.values()), width / len(methods) - 0.3, most_columns=1).names
        most = max(
            sum(legend[names[arm]].count("\n") + 1 for arm in names if lookup.arms[arm].method == method)
            for method in methods
        )
        figure = figure_style.new_figure(width, 0.5 + 2.5 * len(metrics) + 0.2 * most)
        grid = figure.subplots(len(metrics), len(methods), sharey="row", sharex=True, squeeze=False)
        for row, (metric, label) in zip(grid, metrics, strict=True):
            for panel, method in zip(row, methods, strict=True):
                for curve in curves:
                    if (curve.metric, curve.label) == (metric, label) and lookup.arms[curve.arm].method == method:
                        _draw(panel, curve, styles[curve.arm], legend[names[curve.arm]])
                figure_style.grid(panel, "y")
            row[0].set_ylabel(f"Test {words.metric(metric, label)}, %")
        for panel, method in zip(grid[0], methods, strict=True):
            panel.set_title(words.method(method))
        for panel in grid[-1]:
            figure_style.ticks_at(panel, sizes, [numbers.count(round(size)) for size in sizes], log=True)
            panel.set_xlabel(_X)
            panel.legend(loc="upper left", bbox_to_anchor=(0, -0.24), borderaxespad=0, handlelength=3)
        figure_style.settle(figure, lookup.synthetic(dataset))
    data = pd.concat([_data(lookup, curve, names[curve.arm]) for curve in curves], ignore_index=True)
    return ReportFigure(name, figure, data, _caption(lookup, dataset, curves), _alt(dataset, curves, names))


def size_differences(lookup: Lookup, dataset: str, name: str) -> ReportFigure | None:
    """Declared differences against training images; None if no contrast was made at two training sizes.

    The metric is the first headline metric of the data set.
    """
    metric, label = HEADLINES[lookup.datasets[dataset].task][0]
    curves = [curve for curve in _curves(lookup, dataset) if (curve.metric, curve.label) == (metric, label)]
    by_pair = _contrasts(lookup, dataset, curves)
    if not by_pair:
        return None
    names = _names(lookup, curves)
    sizes = sorted({x for rows in by_pair.values() for x in rows})
    students = list(dict.fromkeys(lookup.arms[pair.a].student for pair in by_pair))
    texts = {pair: f"{names[pair.a]} {numbers.MINUS} {names[pair.b]}" for pair in by_pair}
    with figure_style.house_style():
        width = min(0.7 + 3.9 * len(students), 9.5)
        legend = figure_style.legend_layout(list(texts.values()), width / len(students) - 0.3, most_columns=1).names
        most = max(
            sum(legend[texts[pair]].count("\n") + 1 for pair in by_pair if lookup.arms[pair.a].student == student)
            for student in students
        )
        figure = figure_style.new_figure(width, 2.9 + 0.2 * most)
        panels = figure.subplots(1, len(students), sharey=True, sharex=True, squeeze=False)[0]
        for panel, student in zip(panels, students, strict=True):
            panel.axhline(0, color=QUIET, linewidth=0.8)
            of_student = {texts[pair]: by_pair[pair] for pair in by_pair if lookup.arms[pair.a].student == student}
            for k, (text, style) in enumerate(figure_style.arm_styles(list(of_student)).items()):
                step = 1 + 0.05 * (k - (len(of_student) - 1) / 2)  # side by side, not over each other
                _draw_differences(panel, of_student[text], step, style, legend[text])
            panel.set_title(f"Student {words.network(student)}")
            figure_style.grid(panel, "y")
            figure_style.ticks_at(panel, sizes, [numbers.count(round(size)) for size in sizes], log=True)
            panel.set_xlabel(_X)
            panel.legend(loc="upper left", bbox_to_anchor=(0, -0.24), borderaxespad=0, handlelength=3)
        panels[0].set_ylabel(f"Difference in test {words.metric(metric, label)}, points")
        figure_style.settle(figure, lookup.synthetic(dataset))
    rows = [row for by_size in by_pair.values() for row in by_size.values()]
    scopes = " and ".join(dict.fromkeys(row.scope for row in rows))
    caption = (
        f"{words.dataset(dataset)}: differences in {words.metric(metric, label)} against the number of training "
        f"images, with {numbers.level(rows[0].level)} intervals (scope {scopes}), drawn side by side; above 0 the "
        f"left arm is higher. {filled_and_hollow(rows)} Whether a difference changes with the number of images "
        "is not to be read off overlapping intervals, for all sizes share the test images; the table of differences "
        "and training-set size tests it."
    )
    data = pd.DataFrame(
        {
            "dataset": dataset,
            "train_size": round(size),
            "contrast": texts[pair],
            **row.model_dump(
                include={
                    "arm_a",
                    "arm_b",
                    "metric",
                    "label",
                    "difference",
                    "low",
                    "high",
                    "level",
                    "scope",
                    "test",
                    "p_value",
                    "p_adjusted",
                    "adjustment",
                }
            ),
        }
        for pair, by_size in by_pair.items()
        for size, row in by_size.items()
    )
    return ReportFigure(name, figure, data, caption, _differences_alt(dataset, by_pair, texts))


def _curves(lookup: Lookup, dataset: str) -> list[Curve]:
    return [curve for curve in lookup.result.curves if curve.curve == "data-size" and curve.dataset == dataset]


def _names(lookup: Lookup, curves: Sequence[Curve]) -> dict[str, str]:
    """Name of each recipe: that of its arms if it is unique, else that of the arm of its largest size."""
    plain = {curve.arm: lookup.arms[curve.arm].name for curve in curves}
    return {arm: name if list(plain.values()).count(name) == 1 else lookup.names[arm] for arm, name in plain.items()}


def _methods(lookup: Lookup, curves: Sequence[Curve]) -> list[str]:
    methods = dict.fromkeys(lookup.arms[curve.arm].method for curve in curves)
    return sorted(methods, key=lambda method: (method != _FIRST, method))


def _contrasts(lookup: Lookup, dataset: str, curves: Sequence[Curve]) -> Mapping[RecipePair, dict[float, Comparison]]:
    """Each contrast's comparison at each training size, of those that have two."""
    recipe = {(x, arm): curve.arm for curve in curves for x, arm in zip(curve.x, curve.arms or [], strict=True)}
    by_pair: dict[RecipePair, dict[float, Comparison]] = {}
    for size in sorted({x for x, _ in recipe}):
        for row in lookup.declared(TrainingSet(dataset, round(size)), curves[0].metric, curves[0].label):
            a, b = recipe.get((size, row.arm_a)), recipe.get((size, row.arm_b))
            if a is not None and b is not None:
                by_pair.setdefault(RecipePair(a, b), {})[size] = row
    return {pair: rows for pair, rows in by_pair.items() if len(rows) > 1}


def _draw(axes: Axes, curve: Curve, style: ArmStyle, name: str) -> None:
    axes.plot(
        curve.x,
        figure_style.percent(curve.y),
        color=style.color,
        linestyle=style.dashes,
        marker=style.marker,
        markersize=4.5,
        linewidth=1.5,
        label=name,
    )
    if curve.low is not None and curve.high is not None:
        axes.fill_between(
            curve.x,
            figure_style.percent(curve.low),
            figure_style.percent(curve.high),
            color=style.color,
            alpha=0.14,
            linewidth=0,
        )


def _draw_differences(axes: Axes, rows: Mapping[float, Comparison], step: float, style: ArmStyle, text: str) -> None:
    positions = [size * step for size in rows]
    axes.plot(
        positions,
        figure_style.percent([row.difference for row in rows.values()]),
        color=style.color,
        linestyle=style.dashes,
        linewidth=1.1,
        marker=style.marker,
        markersize=5.5,
        label=text,
    )
    lows, highs = (figure_style.percent([getattr(row, end) for row in rows.values()]) for end in ("low", "high"))
    axes.vlines(positions, lows, highs, colors=style.color, linewidths=1.1)
    hollow = [
        (x, 100 * row.difference)
        for x, row in zip(positions, rows.values(), strict=True)
        if row.difference is not None and not p_shows(row)
    ]
    if hollow:
        axes.plot(
            *np.transpose(hollow),
            color=style.color,
            marker=style.marker,
            markersize=5.5,
            linestyle="none",
            markerfacecolor=PAPER,
        )


def _data(lookup: Lookup, curve: Curve, name: str) -> pd.DataFrame:
    arm = lookup.arms[curve.arm]
    absent = [None] * len(curve.x)
    return pd.DataFrame(
        {
            "dataset": curve.dataset,
            "train_size": [round(x) for x in curve.x],
            "arm": curve.arms or curve.arm,
            "name": name,
            "method": arm.method,
            "student": arm.student,
            "teacher": arm.teacher,
            "metric": curve.metric,
            "label": curve.label,
            "value": pd.array(curve.y, dtype="Float64"),
            "low": pd.array(curve.low or absent, dtype="Float64"),
            "high": pd.array(curve.high or absent, dtype="Float64"),
            "interval": curve.interval,
            "level": curve.level,
            "n_seeds": curve.n_seeds,
        }
    )


def _tuned(lookup: Lookup, curves: Sequence[Curve]) -> str:
    """Whether settings were tuned at each size, and which differ between the sizes of a line."""
    lines = [[lookup.arms[arm] for arm in curve.arms or [curve.arm]] for curve in curves]
    tuned = {arm.settings_tried > 1 for line in lines for arm in line}
    text = {
        frozenset({True}): "Settings were tuned anew for each size. ",
        frozenset({True, False}): "Settings were tuned for some arms and sizes only. ",
    }.get(frozenset(tuned), "")
    keys = dict.fromkeys(
        key
        for line in lines
        for key in sorted({key for arm in line for key in arm.settings})
        if len({repr(arm.settings.get(key)) for arm in line}) > 1
    )
    differ = words.listed([key.replace("_", " ") for key in keys]) if keys else ""
    return text + (f"Between the sizes of a line, {differ} differs. " if differ else "")


def _caption(lookup: Lookup, dataset: str, curves: Sequence[Curve]) -> str:
    metrics = words.listed(list(dict.fromkeys(words.metric(curve.metric, curve.label) for curve in curves)))
    fewest, most = min(curve.n_seeds for curve in curves), max(curve.n_seeds for curve in curves)
    seeds = numbers.seeds(fewest) if fewest == most else f"{fewest} to {most} seeds"
    caption = f"{words.dataset(dataset)}: test {metrics} against the number of training images, mean over {seeds}"
    bands = list(dict.fromkeys((curve.interval, curve.level) for curve in curves if curve.interval and curve.level))
    if bands:
        kinds = " and ".join(dict.fromkeys(words.interval(str(interval), level or 0) for interval, level in bands))
        caption += f"; bands: {numbers.level(bands[0][1] or 0)} intervals ({kinds})"
    return (
        f"{caption}. A line joins arms of one recipe. {_tuned(lookup, curves)}"
        "Bands of two arms are no test of their difference."
    )


def _alt(dataset: str, curves: Sequence[Curve], names: Mapping[str, str]) -> str:
    parts = []
    for curve in curves:
        ends = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if y is not None]
        if ends:
            values = " and ".join(
                f"{numbers.percent(y, 1)} % with {numbers.count(round(x))}"
                for x, y in dict.fromkeys((ends[0], ends[-1]))
            )
            parts.append(f"{names[curve.arm]}: {words.metric(curve.metric, curve.label)} {values}")
    return f"Lines of test metrics against training images on {words.dataset(dataset)}. {'; '.join(parts)}."


def _differences_alt(
    dataset: str, by_pair: Mapping[RecipePair, Mapping[float, Comparison]], texts: Mapping[RecipePair, str]
) -> str:
    parts = []
    for pair, rows in by_pair.items():
        values = []
        for size, row in rows.items():
            decimals = numbers.decimals_for([numbers.half_width(row.low, row.high)])
            ends = f" ({numbers.interval(row.low, row.high, decimals)})" if row.low is not None else ""
            values.append(f"{numbers.difference(row.difference, decimals)}{ends} with {numbers.count(round(size))}")
        parts.append(f"{texts[pair]}: {', '.join(values)}")
    return f"Differences in points against training images on {words.dataset(dataset)}. {'; '.join(parts)}."
