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
"""Ratio of the largest to the smallest number from which on the axis is logarithmic."""
_ABSENT = "none"  # a setting that an arm of the grid does not have


@dataclass(frozen=True)
class Line:
    """The settings of one grid that differ in what the horizontal axis shows, and in nothing else."""

    panel: tuple[str, str]
    """Its title, and the setting on its axis."""
    name: str
    rows: tuple[Tuning, ...]


@dataclass(frozen=True)
class Axis:
    """Where each value of a setting stands."""

    places: Mapping[Hashable, float]
    log: bool


def tuning_curve(lookup: Lookup, training_set: TrainingSet, name: str) -> ReportFigure | None:
    """Validation metric against the setting that was varied; None where no grid of two settings was searched."""
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
            mine = [line for line in lines if line.panel == panel]
            axis = _axis([row.varied.get(key, _ABSENT) for line in mine for row in line.rows])
            for line in mine:
                _draw(axes, line, key, axis, styles[line.name])
            places = sorted(axis.places.items(), key=lambda item: item[1])
            figure_style.ticks_at(axes, [x for _, x in places], [_printed(value) for value, _ in places], log=axis.log)
            axes.set_xlabel(key.replace("_", " ").capitalize())
            axes.set_title(title)
            figure_style.grid(axes, "y")
        drawn[0].set_ylabel(f"Validation {' or '.join(metrics)}, %")
        figure_style.legend_beneath(figure, styles, columns=2)
        figure_style.settle(figure, lookup.synthetic(training_set.dataset))
    return ReportFigure(name, figure, _data(lines), _caption(training_set, lines), _alt(training_set, lines))


def _lines(tried: Sequence[Tuning]) -> list[Line]:
    """Lines of all grids; of several settings varied in one grid, the one of most values is drawn against."""
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
    """Numbers stand at their value, everything else in the order in which it comes."""
    found = list(dict.fromkeys(map(_hashable, values)))
    if not all(map(_is_number, found)):
        return Axis({value: float(k) for k, value in enumerate(found)}, log=False)
    places: dict[Hashable, float] = {value: float(value) for value in found if isinstance(value, int | float)}
    lowest, highest = min(places.values()), max(places.values())
    return Axis(places, log=lowest > 0 and highest / lowest >= _LOG_FROM)


def _draw(axes: Axes, line: Line, key: str, axis: Axis, style: ArmStyle) -> None:
    places = [axis.places[_hashable(row.varied.get(key, _ABSENT))] for row in line.rows]
    seeds = [(x, 100 * value) for x, row in zip(places, line.rows, strict=True) for value in row.values]
    axes.plot(
        *zip(*seeds, strict=True),
        color=style.color,
        marker=style.marker,
        markersize=3,
        linestyle="none",
        alpha=0.55,
        markeredgewidth=0,
    )
    axes.plot(places, [100 * row.value for row in line.rows], color=style.color, linestyle=style.dashes, linewidth=1.5)
    for x, row in zip(places, line.rows, strict=True):
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
    said = []
    for line in lines:
        title, key = line.panel
        means = [row.value for row in line.rows]
        chosen = [
            f"chosen {words.setting(key, row.varied.get(key, _ABSENT))} ({numbers.percent(row.value, 1)} %)"
            for row in line.rows
            if row.chosen
        ]
        said.append(
            f"{title}, {line.name}: {len(means)} settings, {numbers.percent(min(means), 1)} to "
            f"{numbers.percent(max(means), 1)} %, {', '.join(chosen) or 'none chosen here'}"
        )
    return f"Validation metric against settings on {training_set.text}. {'; '.join(said)}."
