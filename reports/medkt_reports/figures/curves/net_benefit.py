"""Net-benefit curves by label, compared with acting on every image and on none.

In: the net-benefit curves of a training set. Out: a `ReportFigure` with a panel for each label.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from medkt_eval.results.schema import Curve
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.curves import label_curves
from medkt_reports.figures.curves.label_curves import LabelCurves
from medkt_reports.figures.style import INK, QUIET, ReportFigure
from medkt_reports.lookup import Lookup, TrainingSet


def net_benefit_plot(lookup: Lookup, training_set: TrainingSet, name: str) -> ReportFigure | None:
    """Net benefit of the arms; None if it was not requested, or if no score is a probability."""
    selected = label_curves.find(lookup, training_set, "net-benefit")
    if selected is None:
        return None
    figure = label_curves.draw(
        lookup,
        training_set,
        selected,
        _references,
        x_label="Threshold, %",
        y_label="Net benefit, per 100 images",
        markers=False,
    )
    return ReportFigure(
        name,
        figure,
        label_curves.data(lookup, training_set, selected),
        _caption(training_set, selected),
        _alt(lookup, training_set, selected),
    )


def _references(axes: Axes, curves: Sequence[Curve]) -> None:
    axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
    if curves[0].reference is not None:
        axes.plot(
            figure_style.percent(curves[0].x),
            figure_style.percent(curves[0].reference),
            color=QUIET,
            linewidth=0.9,
            linestyle=(0, (4, 2)),
            zorder=1,
        )
    worth = [100 * y for curve in curves for y in curve.y if y is not None]
    low, high = min([*worth, 0.0]), max([*worth, 0.0])  # the whole range of the arms: harm is never hidden
    margin = 0.1 * (high - low) or 0.01
    axes.set_xlim(0, 102 * max(curves[0].x))
    axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_locator(MaxNLocator(3))


def _caption(training_set: TrainingSet, selected: LabelCurves) -> str:
    bands = label_curves.bands(selected)
    drawn = f"; bands: {bands}" if bands else ""
    return (
        f"{training_set.text}: net benefit on the test images by label, mean over an arm's seeds{drawn}. Hits less "
        "false alarms, these weighed by the odds of the threshold, per 100 images (Vickers and Elkin 2006). Dashed: "
        "acting on every image; line at 0: acting on none. Below 0, acting on the scores does harm. Each panel has its "
        f"own scale.{selected.note}"
    )


def _alt(lookup: Lookup, training_set: TrainingSet, selected: LabelCurves) -> str:
    parts = []
    for arm in selected.styles:
        points = [
            (y, reference)
            for curve in selected.curves
            if curve.arm == arm and curve.reference is not None
            for y, reference in zip(curve.y, curve.reference, strict=True)
            if y is not None
        ]
        above = sum(y > max(reference, 0) for y, reference in points)
        if points:
            share = 100 * above / len(points)
            parts.append(f"{lookup.names[arm]}: above both references at {share:.0f} % of the thresholds of all labels")
    return f"Net-benefit curves on {training_set.text}, {len(selected.labels)} labels. {'; '.join(parts)}."
