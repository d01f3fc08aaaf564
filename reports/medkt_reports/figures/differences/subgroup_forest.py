"""Forest plots of subgroups: each contrast's difference in every subgroup, and the gaps between groups.

In: the rows of results.json that name a group. Out: `ReportFigure`s: `subgroup_forest` with a panel for each contrast,
`gap_forest` with two panels for each group, of the gaps of arms and of their differences. Both show the first headline
metric of the training set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from medkt_eval.results.schema import Comparison, Gap
from medkt_reports.figures import lettering
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.differences.forest import LINE, STUB, ForestLine, draw_panel, draw_panels, filled_and_hollow
from medkt_reports.figures.style import ReportFigure
from medkt_reports.language import numbers, words
from medkt_reports.language.words import group_name
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet

_ALL = "All test images"
_FIELDS = {
    "arm_a",
    "arm_b",
    "group",
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
    "n_patients",
    "n_images",
    "undefined_because",
}
_FEW = "Where a subgroup has few patients, no difference is no evidence of equality."


def subgroup_forest(lookup: Lookup, training_set: TrainingSet, name: str) -> ReportFigure | None:
    """Differences in all test images and in every subgroup; None if no contrast was made in a subgroup."""
    metric, label = HEADLINES[lookup.task(training_set)][0]
    by_pair: dict[tuple[str, str], list[ForestLine]] = {}
    for group in lookup.groups(training_set.dataset):
        for row in lookup.declared(training_set, metric, label, group):
            by_pair.setdefault((row.arm_a, row.arm_b), []).append(ForestLine(group_name(group), average=False, row=row))
    if not by_pair:
        return None
    for row in lookup.declared(training_set, metric, label):
        if (row.arm_a, row.arm_b) in by_pair:
            by_pair[row.arm_a, row.arm_b].insert(0, ForestLine(_ALL, average=True, row=row))
    entries = [entry for of_pair in by_pair.values() for entry in of_pair]
    panels = {lookup.contrast_name(pair): of_pair for pair, of_pair in by_pair.items()}
    figure = draw_panels(panels, 0.24, lookup.synthetic(training_set.dataset))
    caption = (
        f"{training_set.text}: differences in {words.metric(metric, label)} on all test images (diamond) and in "
        f"subgroups of them (dots), {_intervals(entries)}; right of 0 the left arm is higher. "
        f"{filled_and_hollow([entry.row for entry in entries])} {_FEW} Subgroups are exploratory."
    )
    parts = [f"{title}: {', '.join(map(_in_words, of_pair))}" for title, of_pair in panels.items()]
    alt = f"Forest plot of differences in points by subgroup on {training_set.text}. {'; '.join(parts)}."
    return ReportFigure(name, figure, _data(lookup, training_set, entries), caption, alt)


def gap_forest(lookup: Lookup, training_set: TrainingSet, name: str) -> ReportFigure | None:
    """Gaps between each group and all other test images, by arm and contrast; None if none were measured."""
    headline = HEADLINES[lookup.task(training_set)][0]
    entries = [
        ForestLine(
            lookup.names[gap.arm_a] if gap.arm_b is None else lookup.contrast_name((gap.arm_a, gap.arm_b)),
            average=False,
            row=gap,
        )
        for gap in lookup.result.gaps
        if lookup.training_set_of(gap) == training_set and (gap.metric, gap.label) == headline
    ]
    if not entries:
        return None
    panels = _panels(entries)
    groups = list(dict.fromkeys(group for group, _ in panels))
    kinds = [kind for kind in _KINDS if any(kind == other for _, other in panels)]
    tallest = [max(len(panels.get((group, kind), ())) for kind in kinds) for group in groups]
    with figure_style.house_style():
        line = max(0.34, 0.06 + LINE * lettering.n_lines((entry.text for entry in entries), STUB))
        figure = figure_style.new_figure(4.75 * len(kinds), sum(0.75 + line * n for n in tallest))
        grid = figure.subplots(
            len(groups),
            len(kinds),
            sharex="col",
            squeeze=False,
            gridspec_kw={"height_ratios": [n + 1 for n in tallest]},
        )
        for row, group in zip(grid, groups, strict=True):
            for panel, kind in zip(row, kinds, strict=True):
                _draw(panel, panels.get((group, kind), []), f"{_KINDS[kind]}, {group_name(group)}")
        for panel in grid[-1]:
            panel.set_xlabel("Points")
        figure_style.settle(figure, lookup.synthetic(training_set.dataset))
    caption = (
        f"{training_set.text}: gap in {words.metric(*headline)}, the value in a subgroup less that on all other test "
        "images that name one; at the right, the left arm's gap less the right arm's, "
        f"{_intervals(entries)}. {filled_and_hollow([entry.row for entry in entries])} {_FEW} Exploratory."
    )
    parts = [
        f"{group_name(group)}, {_KINDS[kind].lower()}: {', '.join(map(_in_words, of_panel))}"
        for (group, kind), of_panel in panels.items()
    ]
    alt = f"Forest plot of gaps between groups in points on {training_set.text}. {'; '.join(parts)}."
    return ReportFigure(name, figure, _data(lookup, training_set, entries), caption, alt)


_KINDS: Mapping[str, str] = {"arm": "Gap of each arm", "contrast": "Difference of gaps"}


def _panels(entries: Sequence[ForestLine]) -> dict[tuple[str, str], list[ForestLine]]:
    """Group and kind -> entries."""
    panels: dict[tuple[str, str], list[ForestLine]] = {}
    for entry in entries:
        kind = "arm" if entry.row.arm_b is None else "contrast"
        panels.setdefault((str(entry.row.group), kind), []).append(entry)
    return panels


def _draw(axes: Axes, entries: Sequence[ForestLine], title: str) -> None:
    lines = list(dict.fromkeys(entry.text for entry in entries))
    draw_panel(axes, entries, lines, labelled=True)
    axes.set_title(lettering.wrapped(title, 60))


def _intervals(entries: Sequence[ForestLine]) -> str:
    scopes = " and ".join(dict.fromkeys(entry.row.scope for entry in entries))
    return f"with {numbers.level(entries[0].row.level)} intervals (scope {scopes})"


def _data(lookup: Lookup, training_set: TrainingSet, entries: Sequence[ForestLine]) -> pd.DataFrame:
    def name(arm: str | None) -> str | None:
        return None if arm is None else lookup.names[arm]

    return pd.DataFrame(
        {
            "dataset": training_set.dataset,
            "train_size": training_set.size,
            "name_a": name(entry.row.arm_a),
            "name_b": name(entry.row.arm_b),
            **entry.row.model_dump(include=_FIELDS),
        }
        for entry in entries
    )


def _in_words(entry: ForestLine) -> str:
    row: Comparison | Gap = entry.row
    if row.difference is None or row.low is None or row.high is None:
        return f"{entry.text} without an interval"
    decimals = numbers.decimals_for([numbers.half_width(row.low, row.high)])
    return (
        f"{entry.text} {numbers.difference(row.difference, decimals)} ({numbers.interval(row.low, row.high, decimals)})"
    )
