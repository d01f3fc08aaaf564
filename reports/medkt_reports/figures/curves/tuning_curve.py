"""The curve behind Table III: the validation metric of every setting that was tried.

In: the tuning rows of a training set. Out: a `ReportFigure` with a panel for each student and
varied setting, and a line for each teacher.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from medkt_eval.results.recorded import Tuning
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import INK, ArmStyle, ReportFigure
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet

_LOG_FROM = 10
"""The axis is logarithmic if the largest number is at least so many times the smallest."""
_ABSENT = "none"  # a setting that an arm of the grid does not have


@dataclass(frozen=True)
class Line:
    """Settings of one grid that differ only in the setting on the horizontal axis."""

    panel: tuple[str, str]
    """Its title, and the setting on its axis."""
    name: str
    rows: tuple[Tuning, ...]


@dataclass(frozen=True)
class Axis:
    """Position of each value of a setting."""

    positions: Mapping[Hashable, float]
    log: bool


def tuning_curve(lookup: Lookup, training_set: TrainingSet, name: str) -> ReportFigure | None:
    """Validation metric against the setting that was varied; None if no grid of two settings was searched."""
    lines = _lines([row for row in lookup.result.tuning if (row.dataset, row.train_size) == training_set])
    if not lines:
        return None
    panels = list(dict.fromkeys(line.panel for line in lines))
    styles = figure_style.arm_styles(list(dict.fromkeys(line.name for line in lines)))
    rows = [row for line in lines for row in line.rows]
    metrics = list(dict.fromkeys(words.metric(row.metric, row.label) for row in rows))
    with figure_style.house_style():
        figure = figure_style.new_figure(min(1.0 + 3.0 * len(panels), 9.5), 2.7 + 0.2 * len(styles))
        drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(drawn, panels, strict=True):
            title, key = panel
            of_panel = [line for line in lines if line.panel == panel]
            axis = _axis([row.varied.get(key, _ABSENT) for line in of_panel for row in line.rows])
            for line in of_panel:
                _draw(axes, line, key, axis, styles[line.name])
            positions = sorted(axis.positions.items(), key=lambda item: item[1])
            figure_style.ticks_at(
                axes, [x for _, x in positions], [_printed(value) for value, _ in positions], log=axis.log
            )
            axes.set_xlabel(key.replace("_", " ").capitalize())
            axes.set_title(title)
            figure_style.grid(axes, "y")
        drawn[0].set_ylabel(f"Validation {' or '.join(metrics)}, %")
        figure_style.legend_beneath(figure, styles)
        figure_style.settle(figure, lookup.synthetic(training_set.dataset))
    return ReportFigure(name, figure, _data(lines), _caption(training_set, lines), _alt(training_set, lines))


def _lines(tried: Sequence[Tuning]) -> list[Line]:
    """Lines of all grids. If a grid varies several settings, the one with most values is on the horizontal axis."""
    grids: dict[str, list[Tuning]] = {}
    for row in tried:
        grids.setdefault(row.grid, []).append(row)
    methods = {row.method for row in tried}
    lines = []
    for grid in grids.values():
        keys = list(dict.fromkeys(key for row in grid for key in row.varied))
        if not keys:
            continue
        key = max(keys, key=lambda key: len({_hashable(row.varied.get(key, _ABSENT)) for row in grid}))
        by_line: dict[str, list[Tuning]] = {}
        for row in grid:
            by_line.setdefault(_name(row, key), []).append(row)
        for name, rows in by_line.items():
            method = f", {words.method(rows[0].method).lower()}" if len(methods) > 1 else ""
            title = f"Student {words.network(rows[0].student)}{method}"
            lines.append(Line((title, key), name, tuple(sorted(rows, key=lambda row: _order(row.varied.get(key))))))
    return lines


def _name(row: Tuning, key: str) -> str:
    parts = [
        f"Teacher {words.teacher(row.teacher)}" if row.teacher else "No teacher",
        "" if row.unfrozen in ("all", None) else words.unfrozen(row.unfrozen),
        *(words.setting(other, value) for other, value in row.varied.items() if other != key),
    ]
    return ", ".join(filter(None, parts))


def _order(value: Any) -> tuple[bool, float]:
    return (False, float(value)) if _is_number(value) else (True, 0.0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _hashable(value: Any) -> Hashable:
    return value if isinstance(value, Hashable) else repr(value)


def _printed(value: Hashable) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _axis(values: Sequence[Any]) -> Axis:
    """Numbers are at their value; other values follow each other in their order."""
    distinct = list(dict.fromkeys(map(_hashable, values)))
    if not all(map(_is_number, distinct)):
        return Axis({value: float(k) for k, value in enumerate(distinct)}, log=False)
    positions: dict[Hashable, float] = {value: float(value) for value in distinct if isinstance(value, int | float)}
    lowest, highest = min(positions.values()), max(positions.values())
    return Axis(positions, log=lowest > 0 and highest / lowest >= _LOG_FROM)


def _draw(axes: Axes, line: Line, key: str, axis: Axis, style: ArmStyle) -> None:
    positions = [axis.positions[_hashable(row.varied.get(key, _ABSENT))] for row in line.rows]
    seeds = [(x, 100 * value) for x, row in zip(positions, line.rows, strict=True) for value in row.values]
    axes.plot(
        *zip(*seeds, strict=True),
        color=style.color,
        marker=style.marker,
        markersize=3,
        linestyle="none",
        alpha=0.55,
        markeredgewidth=0,
    )
    axes.plot(
        positions, [100 * row.value for row in line.rows], color=style.color, linestyle=style.dashes, linewidth=1.5
    )
    for x, row in zip(positions, line.rows, strict=True):
        if row.chosen:
            axes.plot(
                [x],
                [100 * row.value],
                marker=style.marker,
                markersize=8,
                color=style.color,
                linestyle="none",
                markeredgecolor=INK,
                markeredgewidth=1.2,
                zorder=4,
            )


def _data(lines: Sequence[Line]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "dataset": row.dataset,
            "train_size": row.train_size,
            "grid": row.grid,
            "arm": row.arm,
            "method": row.method,
            "student": row.student,
            "teacher": row.teacher,
            "unfrozen": row.unfrozen,
            "setting": line.panel[1],
            "setting_value": row.varied.get(line.panel[1], _ABSENT),
            "line": line.name,
            "metric": row.metric,
            "label": row.label,
            "seed": seed,
            "value": value,
            "mean": row.value,
            "chosen": "true" if row.chosen else "false",
        }
        for line in lines
        for row in line.rows
        for seed, value in zip(row.seeds, row.values, strict=True)
    )


def _caption(training_set: TrainingSet, lines: Sequence[Line]) -> str:
    rows = [row for line in lines for row in line.rows]
    metrics = words.listed(list(dict.fromkeys(words.metric(row.metric, row.label) for row in rows)))
    grids = {row.grid for row in rows}
    searched = f"{len(grids)} grid{'' if len(grids) == 1 else 's'}"
    return (
        f"{training_set.text}: {metrics} on the validation images, not the test images, of the {len(rows)} settings "
        f"tried in {searched}: seeds as dots, their mean as a line, the setting chosen as the large mark. The value of "
        "the chosen setting is the best of several, so it is too high."
    )


def _alt(training_set: TrainingSet, lines: Sequence[Line]) -> str:
    parts = []
    for line in lines:
        title, key = line.panel
        means = [row.value for row in line.rows]
        chosen = [
            f"chosen {words.setting(key, row.varied.get(key, _ABSENT))} ({numbers.percent(row.value, 1)} %)"
            for row in line.rows
            if row.chosen
        ]
        parts.append(
            f"{title}, {line.name}: {len(means)} settings, {numbers.percent(min(means), 1)} to "
            f"{numbers.percent(max(means), 1)} %, {', '.join(chosen) or 'none chosen here'}"
        )
    return f"Validation metric against settings on {training_set.text}. {'; '.join(parts)}."
