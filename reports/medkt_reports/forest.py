"""The forest plot: differences in AUC with their intervals, averages first, then by label.

In: the results and a training set. Out: a `Drawn`, a panel each comparison.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from medkt_eval.results import Comparison
from medkt_reports import figure_style, numbers, words
from medkt_reports.figure_style import INK, QUIET, Drawn
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet

_PANELS_A_ROW = 3


@dataclass(frozen=True)
class Entry:
    """One line of one panel."""

    text: str
    average: bool
    row: Comparison

    @property
    def pair(self) -> tuple[str, str]:
        """The panel it stands in."""
        return self.row.arm_a, self.row.arm_b


def forest(lookup: Lookup, training_set: TrainingSet, name: str) -> Drawn | None:
    """Differences of the declared comparisons; None where none was made."""
    pairs = lookup.contrasts(training_set)
    if not pairs:
        return None
    entries = _entries(lookup, training_set, pairs)
    lines = list(dict.fromkeys(entry.text for entry in entries))
    across = min(len(pairs), _PANELS_A_ROW)
    down = math.ceil(len(pairs) / across)
    styles = figure_style.arm_styles([arm.arm for arm in lookup.arms_of(training_set)])
    with figure_style.house_style():
        width = max(map(len, lines)) * 0.065 + 2.5 * across
        figure = figure_style.new_figure(min(width, 9.5), down * (0.9 + 0.21 * len(lines)))
        panels = list(figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat)
        for panel, pair in zip(panels, pairs, strict=False):
            _panel(panel, [entry for entry in entries if entry.pair == pair], lines, styles[pair[0]].color)
            panel.set_title(figure_style.wrapped(lookup.contrast_name(pair), 36))
        for panel in panels[len(pairs) - across : len(pairs)]:  # the lowest of each column
            panel.tick_params(labelbottom=True)
            panel.set_xlabel("Difference, points")
        for panel in panels[len(pairs) :]:
            panel.remove()
        if all(entry.row.difference is None for entry in entries):
            panels[0].set_xlim(-1, 1)
        figure_style.settle(figure, lookup.synthetic(training_set.dataset))
    return Drawn(
        name,
        figure,
        _data(lookup, training_set, entries),
        _caption(training_set, entries),
        _alt(lookup, training_set, pairs, entries),
    )


def _entries(lookup: Lookup, training_set: TrainingSet, pairs: list[tuple[str, str]]) -> list[Entry]:
    averages = dict.fromkeys([*HEADLINES[lookup.task(training_set)], ("auc", "weighted")])
    labels = [("auc", label) for label in lookup.datasets[training_set.dataset].labels]
    entries = []
    for metric, label in [*averages, *labels]:
        average = (metric, label) in averages
        text = words.metric(metric, label) if average else label
        found = (Entry(text, average, row) for row in lookup.declared(training_set, metric, label))
        entries += [entry for entry in found if entry.pair in pairs]
    return entries


def _data(lookup: Lookup, training_set: TrainingSet, entries: list[Entry]) -> pd.DataFrame:
    """The rows that are drawn, as they stand in results.json."""
    fields = ("metric", "label", "difference", "low", "high", "level", "scope", "test", "p_value", "p_adjusted",
              "undefined_because")  # fmt: skip
    return pd.DataFrame(
        {
            "dataset": entry.row.dataset, "train_size": training_set.size, "arm_a": entry.row.arm_a,
            "arm_b": entry.row.arm_b, "name_a": lookup.names[entry.row.arm_a], "name_b": lookup.names[entry.row.arm_b],
            **{field: getattr(entry.row, field) for field in fields},
        }
        for entry in entries
    )  # fmt: skip


def _panel(axes: Axes, entries: list[Entry], lines: list[str], color: str) -> None:
    axes.axvline(0, color=QUIET, linewidth=0.8)
    for entry in entries:
        y, row = lines.index(entry.text), entry.row
        if row.difference is None:
            axes.text(0.99, y, numbers.ABSENT, transform=axes.get_yaxis_transform(), ha="right", va="center",
                      color=QUIET, fontsize=7.5)  # fmt: skip
            continue
        if row.low is not None and row.high is not None:
            axes.plot([100 * row.low, 100 * row.high], [y, y], color=color, linewidth=1.4 if entry.average else 1)
        axes.plot([100 * row.difference], [y], marker="D" if entry.average else "o", color=color, linestyle="none",
                  markersize=5.5 if entry.average else 4, fillstyle="none" if row.low is None else "full")  # fmt: skip
    n_averages = sum(entry.average for entry in entries)
    axes.axhline(n_averages - 0.5, color=QUIET, linewidth=0.5, linestyle=(0, (1, 2)))
    axes.set_yticks(range(len(lines)), [figure_style.wrapped(line, 34) for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.tick_params(axis="y", labelcolor=INK)
    figure_style.grid(axes, "x")


def _caption(training_set: TrainingSet, entries: list[Entry]) -> str:
    level = numbers.level(entries[0].row.level)
    scopes = " and ".join(dict.fromkeys(entry.row.scope for entry in entries))
    caption = (
        f"{training_set.text}: differences between arms with {level} intervals (scope {scopes}), averages as diamonds, "
        "labels as dots (AUC); right of 0 the first arm is higher. Intervals are not adjusted for their number; "
        "results by label are exploratory."
    )
    absent = sum(entry.row.low is None for entry in entries)
    if absent:
        caption += f" {absent} of {len(entries)} intervals do not exist (hollow, or {numbers.ABSENT})."
    return caption


def _alt(lookup: Lookup, training_set: TrainingSet, pairs: list[tuple[str, str]], entries: list[Entry]) -> str:
    parts = []
    for pair in pairs:
        said = [_said(entry) for entry in entries if entry.pair == pair and entry.average]
        parts.append(f"{lookup.contrast_name(pair)}: {', '.join(said)}")
    n_labels = len({entry.text for entry in entries if not entry.average})
    return f"Forest plot of differences on {training_set.text}. {'; '.join(parts)}. Below, {n_labels} labels each."


def _said(entry: Entry) -> str:
    row = entry.row
    if row.low is None or row.high is None:
        return f"{entry.text} without an interval"
    decimals = numbers.places([numbers.half_width(row.low, row.high)])
    value, ends = numbers.difference(row.difference, decimals), numbers.interval(row.low, row.high, decimals)
    return f"{entry.text} {value} points ({ends})"
