"""Small multiples by label, for reliability and net-benefit curves.

In: curves of one kind and training set. Out: a figure with a panel for each label, and in it a line with its band for
each arm. If there are many arms, only those of one student are drawn, so that a line can be followed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medkt_eval.results.schema import Curve
from medkt_reports.figures import lettering
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import ArmStyle
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet

_MOST_ARMS = 4
_PANELS_A_ROW = 5
_SIDE, _APART_X, _APART_Y = 1.36, 0.46, 0.52
_LEFT, _ABOVE, _BENEATH, _NARROWEST = 0.62, 0.62, 0.62, 3.2
"""In inches: side of a panel, gaps between panels; room for the vertical axis, titles and the horizontal axis; the
narrowest figure."""
_TITLE = 24  # letters of a panel's title in a line


@dataclass(frozen=True)
class LabelCurves:
    """Curves of one kind of one training set, of the arms that are drawn."""

    curves: tuple[Curve, ...]
    styles: dict[str, ArmStyle]
    """By arm."""
    note: str
    """Which arms are left out; empty if none are."""

    @property
    def labels(self) -> list[str]:
        """Labels that have a curve, in the order of the results."""
        return list(dict.fromkeys(curve.label for curve in self.curves))


def find(lookup: Lookup, training_set: TrainingSet, kind: str) -> LabelCurves | None:
    """Curves of one kind; None if the results hold none.

    Up to four arms are all drawn. If there are more, at most four are drawn: those with the student of the primary
    contrast, or with the first student if the primary contrast has another one.
    """
    arms = lookup.arms_of(training_set)
    ids = {arm.arm for arm in arms}
    of_kind = [curve for curve in lookup.result.curves if curve.curve == kind and curve.arm in ids]
    if not of_kind:
        return None
    drawn = [arm for arm in arms if any(curve.arm == arm.arm for curve in of_kind)]
    n_arms, note = len(drawn), ""
    if n_arms > _MOST_ARMS:
        primary = next((row.arm_a for row in lookup.comparisons if row.primary), drawn[0].arm)
        students = {arm.student for arm in drawn}
        student = lookup.arms[primary].student
        if student not in students:
            student = drawn[0].student
        drawn = [arm for arm in drawn if arm.student == student][:_MOST_ARMS]
        note = f" Drawn: {len(drawn)} of {n_arms} arms, with the student {words.network(student)}."
    styles = figure_style.arm_styles([arm.arm for arm in arms])
    chosen = {arm.arm: styles[arm.arm] for arm in drawn}
    order = {label: k for k, label in enumerate(lookup.datasets[training_set.dataset].labels)}
    curves = sorted(
        (curve for curve in of_kind if curve.arm in chosen),
        key=lambda curve: (order.get(curve.label, len(order)), list(chosen).index(curve.arm)),
    )
    return LabelCurves(tuple(curves), chosen, note)


def draw(
    lookup: Lookup,
    training_set: TrainingSet,
    selected: LabelCurves,
    ground: Callable[[Axes, Sequence[Curve]], None],
    *,
    x_label: str,
    y_label: str,
    markers: bool,
) -> Figure:
    """Draw the figure and lay it out; `ground` draws the reference of the curves of one label and sets the limits."""
    with figure_style.house_style():
        names = {lookup.names[arm]: style for arm, style in selected.styles.items()}
        figure, panels = _panels(selected.labels, list(names), x_label)
        for panel, label in zip(panels, selected.labels, strict=True):
            of_label = [curve for curve in selected.curves if curve.label == label]
            panel.set_autoscale_on(False)
            ground(panel, of_label)
            for curve in of_label:
                _draw(panel, curve, selected.styles[curve.arm], markers=markers)
            panel.set_title(lettering.wrapped(label, _TITLE))
            figure_style.grid(panel, "both")
        middle = (panels[0].get_position().y1 + panels[-1].get_position().y0) / 2
        figure.supylabel(y_label, x=0.05 / figure.get_figwidth(), y=middle, ha="left", fontsize=8.5)
        figure_style.legend_beneath(figure, names, markers=markers)
        figure_style.settle(figure, lookup.synthetic(training_set.dataset))
    return figure


def _panels(labels: Sequence[str], names: Sequence[str], x_label: str) -> tuple[Figure, list[Axes]]:
    """Panels at fixed positions: a layout engine would take longer than drawing does."""
    n = len(labels)
    down = math.ceil(n / _PANELS_A_ROW)
    across = math.ceil(n / down)
    width = max(_LEFT + across * (_SIDE + _APART_X), _NARROWEST)
    title = 0.14 * (lettering.n_lines(labels, _TITLE) - 2)
    above, apart = _ABOVE + max(title, 0), _APART_Y + max(title, 0)
    beneath = _BENEATH + figure_style.legend_layout(names, width).height
    height = above + beneath + down * _SIDE + (down - 1) * apart
    figure = figure_style.new_figure(width, height, layout=None)
    panels = [
        figure.add_axes(
            (
                (_LEFT + (k % across) * (_SIDE + _APART_X)) / width,
                1 - (above + _SIDE + (k // across) * (_SIDE + apart)) / height,
                _SIDE / width,
                _SIDE / height,
            )
        )
        for k in range(n)
    ]
    for k, panel in enumerate(panels):
        lowest = k >= n - across
        panel.tick_params(labelbottom=lowest)
        panel.set_xlabel(x_label if lowest else "")
    return figure, panels


def _draw(axes: Axes, curve: Curve, style: ArmStyle, *, markers: bool) -> None:
    x, y = figure_style.percent(curve.x), figure_style.percent(curve.y)
    axes.plot(
        x,
        y,
        color=style.color,
        linestyle=style.dashes,
        linewidth=1.1,
        marker=style.marker if markers else "",
        markersize=2.8,
    )
    if curve.low is not None and curve.high is not None:
        axes.fill_between(
            x,
            figure_style.percent(curve.low),
            figure_style.percent(curve.high),
            color=style.color,
            alpha=0.12,
            linewidth=0,
        )


def data(lookup: Lookup, training_set: TrainingSet, selected: LabelCurves) -> pd.DataFrame:
    """The numbers of the figure, with a row for each point."""
    parts = []
    for curve in selected.curves:
        absent = [None] * len(curve.x)
        parts.append(
            pd.DataFrame(
                {
                    "dataset": curve.dataset,
                    "train_size": training_set.size,
                    "arm": curve.arm,
                    "name": lookup.names[curve.arm],
                    "label": curve.label,
                    curve.x_name: curve.x,
                    curve.metric: pd.array(curve.y, dtype="Float64"),
                    "low": pd.array(curve.low or absent, dtype="Float64"),
                    "high": pd.array(curve.high or absent, dtype="Float64"),
                    "reference": pd.array(curve.reference or absent, dtype="Float64"),
                    "interval": curve.interval,
                    "level": curve.level,
                    "n_seeds": curve.n_seeds,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def bands(selected: LabelCurves) -> str:
    """A description of the bands, for a caption; empty if there are none."""
    kinds = {
        (curve.interval, curve.level): None
        for curve in selected.curves
        if curve.interval and curve.level and any(low is not None for low in curve.low or [])
    }
    return " and ".join(
        f"{numbers.level(level)} intervals ({words.interval(name, level)})" for name, level in kinds if name and level
    )
