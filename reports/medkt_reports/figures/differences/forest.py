"""The forest plot: differences in AUC with their intervals, averages first, then by label.

In: the results and a training set. Out: a `ReportFigure` with a panel for each comparison. `draw_panels` and
`draw_panel` serve other forest plots too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medkt_eval.results.schema import Comparison, Gap
from medkt_reports.figures import lettering
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import INK, PAPER, QUIET, RULE, ReportFigure
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet
from medkt_reports.significance import alpha, p_shows

STUB, LINE = 34, 0.14
"""Letters of a line's name before it is broken; inches that a line of text takes."""
_PANELS_A_ROW = 4
_COLOR = "#0173b2"  # of the colour-blind palette; the title says whose panel it is


@dataclass(frozen=True)
class ForestLine:
    """One line of one panel."""

    text: str
    average: bool
    row: Comparison | Gap

    @property
    def pair(self) -> tuple[str, str | None]:
        """Arms of its panel."""
        return self.row.arm_a, self.row.arm_b


def forest(lookup: Lookup, training_set: TrainingSet, name: str) -> ReportFigure | None:
    """Differences of the declared comparisons; None if none was made."""
    pairs = lookup.contrasts(training_set)
    if not pairs:
        return None
    entries = _entries(lookup, training_set, pairs)
    panels = {lookup.contrast_name(pair): [entry for entry in entries if entry.pair == pair] for pair in pairs}
    figure = draw_panels(panels, 0.21, lookup.synthetic(training_set.dataset))
    return ReportFigure(
        name,
        figure,
        _data(lookup, training_set, entries),
        _caption(training_set, entries),
        _alt(lookup, training_set, pairs, entries),
    )


def draw_panels(panels: Mapping[str, Sequence[ForestLine]], line_height: float, synthetic: str) -> Figure:
    """Draw a figure with a panel for each title; panels share lines and horizontal axis.

    Parameters
    ----------
    panels : mapping of str to sequence of ForestLine
        By title, averages first; a panel may lack lines that another has.
    line_height : float
        Inches from line to line.
    synthetic : str
        As of `figure_style.settle`.
    """
    entries = [entry for of_panel in panels.values() for entry in of_panel]
    lines = list(dict.fromkeys(entry.text for entry in sorted(entries, key=lambda entry: not entry.average)))
    down = math.ceil(len(panels) / _PANELS_A_ROW)
    across = math.ceil(len(panels) / down)
    width = min(min(max(map(lettering.n_columns, lines)), STUB) * 0.065 + 2.5 * across, 9.5)
    in_title = 34 if across < 4 else 25
    height = max(line_height, 0.06 + LINE * lettering.n_lines(lines, STUB)) * len(lines)
    with figure_style.house_style():
        figure = figure_style.new_figure(width, down * (0.75 + LINE * lettering.n_lines(panels, in_title) + height))
        grid = list(figure.subplots(down, across, sharex=True, squeeze=False).flat)
        for k, (axes, (title, of_panel)) in enumerate(zip(grid, panels.items(), strict=False)):
            draw_panel(axes, of_panel, lines, labelled=k % across == 0)
            axes.set_title(lettering.wrapped(title, in_title))
            if k >= len(panels) - across:  # the lowest of its column
                axes.tick_params(labelbottom=True)
                axes.set_xlabel("Difference, points")
        for axes in grid[len(panels) :]:
            axes.remove()
        if all(entry.row.difference is None for entry in entries):
            grid[0].set_xlim(-1, 1)
        figure_style.settle(figure, synthetic)
    return figure


def draw_panel(axes: Axes, entries: Sequence[ForestLine], lines: Sequence[str], *, labelled: bool) -> None:
    """Draw one panel with a mark and an interval for each entry, in points; averages are above the labels.

    Parameters
    ----------
    axes : Axes
    entries : sequence of ForestLine
        Averages are diamonds, all others dots; filled where `significance.p_shows`.
    lines : sequence of str
        Texts of all lines of the figure from the top, averages first; a panel may lack some.
    labelled : bool
        Whether the lines are named at the left.
    """
    figure_style.grid(axes, "x")
    axes.hlines(range(len(lines)), 0, 1, transform=axes.get_yaxis_transform(), colors=RULE, linewidths=0.6, zorder=0.5)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_yticks(
        range(len(lines)) if labelled else [], [lettering.wrapped(line, STUB) for line in lines] if labelled else []
    )
    axes.tick_params(axis="y", labelcolor=INK)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    for average, marker, size, width in ((True, "D", 5.5, 1.5), (False, "o", 4.2, 1)):
        rows = [(lines.index(entry.text), entry.row) for entry in entries if entry.average == average]
        known = [(y, row.low, row.high) for y, row in rows if row.low is not None and row.high is not None]
        if known:
            ys, lows, highs = zip(*known, strict=True)
            axes.hlines(
                ys, [100 * low for low in lows], [100 * high for high in highs], colors=_COLOR, linewidths=width
            )
        for shown in (True, False):
            points = [
                (100 * row.difference, y) for y, row in rows if row.difference is not None and p_shows(row) == shown
            ]
            if points:
                axes.plot(
                    *zip(*points, strict=True),
                    marker=marker,
                    markersize=size,
                    color=_COLOR,
                    linestyle="none",
                    markerfacecolor=_COLOR if shown else PAPER,
                )
        for y, row in rows:
            if row.difference is None:
                axes.text(
                    0.99,
                    y,
                    numbers.ABSENT,
                    transform=axes.get_yaxis_transform(),
                    ha="right",
                    va="center",
                    color=QUIET,
                    fontsize=7.5,
                )
    n_averages = len({entry.text for entry in entries if entry.average})
    if 0 < n_averages < len(lines):
        axes.axhline(n_averages - 0.5, color=QUIET, linewidth=0.5, linestyle=(0, (1, 2)))


def filled_and_hollow(rows: Sequence[Comparison | Gap]) -> str:
    """Explain the filled and hollow marks that are drawn and count missing values and intervals, for a caption."""
    drawn = [row for row in rows if row.difference is not None]
    shown = sum(p_shows(row) for row in drawn)
    text = (
        f"Filled ({shown} of {len(drawn)}): p{_adjustments(rows)} below {alpha(rows[0].level):g}; hollow: not, or not "
        "tested. Intervals are not adjusted for their number."
    )
    undefined = len(rows) - len(drawn)
    text += f" Without a value: {undefined}." if undefined else ""
    absent = sum(row.low is None for row in drawn)
    return f"{text} Without an interval: {absent}." if absent else text


def _adjustments(rows: Sequence[Comparison | Gap]) -> str:
    """How the p-values of the marks were adjusted."""
    methods = dict.fromkeys(words.ADJUSTMENTS.get(row.adjustment, row.adjustment) for row in rows if row.adjustment)
    if not methods:
        return " (not adjusted)"
    unadjusted = [row for row in rows if not row.adjustment]
    primary = any(isinstance(row, Comparison) and row.primary for row in unadjusted)
    but = f"; the {'primary contrast' if primary else 'others'} not adjusted" if unadjusted else ""
    return f" (adjusted by {words.listed(list(methods))}{but})"


def _entries(lookup: Lookup, training_set: TrainingSet, pairs: list[tuple[str, str]]) -> list[ForestLine]:
    averages = dict.fromkeys([*HEADLINES[lookup.task(training_set)], ("auc", "weighted")])
    labels = [("auc", label) for label in lookup.datasets[training_set.dataset].labels]
    entries = []
    for metric, label in [*averages, *labels]:
        average = (metric, label) in averages
        text = words.metric(metric, label) if average else label
        rows = map(lookup.answering, lookup.declared(training_set, metric, label))
        lines = (ForestLine(text, average, row) for row in rows)
        entries += [entry for entry in lines if entry.pair in pairs]
    return entries


def _data(lookup: Lookup, training_set: TrainingSet, entries: list[ForestLine]) -> pd.DataFrame:
    """The rows that are drawn, as in results.json."""
    fields = (
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
        "undefined_because",
    )
    return pd.DataFrame(
        {
            "dataset": entry.row.dataset,
            "train_size": training_set.size,
            "arm_a": entry.row.arm_a,
            "arm_b": entry.row.arm_b,
            "name_a": lookup.names[entry.row.arm_a],
            "name_b": lookup.names[str(entry.row.arm_b)],
            **{field: getattr(entry.row, field) for field in fields},
        }
        for entry in entries
    )


def _caption(training_set: TrainingSet, entries: list[ForestLine]) -> str:
    level = numbers.level(entries[0].row.level)
    scopes = " and ".join(dict.fromkeys(entry.row.scope for entry in entries))
    return (
        f"{training_set.text}: differences between arms with {level} intervals (scope {scopes}), averages as diamonds, "
        "labels as dots (AUC); right of 0 the left arm is higher. "
        f"{filled_and_hollow([entry.row for entry in entries])} {words.EXPLORATORY_BY_LABEL}"
    )


def _alt(lookup: Lookup, training_set: TrainingSet, pairs: list[tuple[str, str]], entries: list[ForestLine]) -> str:
    parts = []
    for pair in pairs:
        said = [_in_words(entry) for entry in entries if entry.pair == pair and entry.average]
        parts.append(f"{lookup.contrast_name(pair)}: {', '.join(said)}")
    n_labels = len({entry.text for entry in entries if not entry.average})
    return f"Forest plot of differences on {training_set.text}. {'; '.join(parts)}. Below, {n_labels} labels each."


def _in_words(entry: ForestLine) -> str:
    row = entry.row
    if row.low is None or row.high is None:
        return f"{entry.text} without an interval"
    decimals = numbers.decimals_for([numbers.half_width(row.low, row.high)])
    value, ends = numbers.difference(row.difference, decimals), numbers.interval(row.low, row.high, decimals)
    return f"{entry.text} {value} points ({ends})"
