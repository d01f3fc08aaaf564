"""Reliability curves: the share of positives against the score, by label, with the diagonal of perfect calibration.

In: the reliability curves of a training set. Out: a `ReportFigure` with a panel for each label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from medkt_eval.results.schema import Curve
from medkt_reports.figures.curves import label_curves
from medkt_reports.figures.curves.label_curves import LabelCurves
from medkt_reports.figures.style import QUIET, ReportFigure
from medkt_reports.language import numbers
from medkt_reports.lookup import Lookup, TrainingSet


def calibration_plot(lookup: Lookup, training_set: TrainingSet, name: str) -> ReportFigure | None:
    """Reliability curves of the arms; None if calibration was not requested, or if no score is a probability."""
    selected = label_curves.find(lookup, training_set, "reliability")
    if selected is None:
        return None
    figure = label_curves.draw(
        lookup,
        training_set,
        selected,
        _diagonal,
        x_label="Mean score of bin, %",
        y_label="Positive images in the bin, %",
        markers=True,
    )
    return ReportFigure(
        name,
        figure,
        label_curves.data(lookup, training_set, selected),
        _caption(training_set, selected),
        _alt(lookup, training_set, selected),
    )


def _diagonal(axes: Axes, _curves: Sequence[Curve]) -> None:
    axes.plot([0, 100], [0, 100], color=QUIET, linewidth=0.8, zorder=1)
    axes.set(xlim=(0, 100), ylim=(0, 100), xticks=(0, 50, 100), yticks=(0, 50, 100))


def _caption(training_set: TrainingSet, selected: LabelCurves) -> str:
    bands = label_curves.bands(selected)
    drawn = f"; bands: {bands}, wide where a bin has few images" if bands else ""
    return (
        f"{training_set.text}: reliability on the test images by label, in bins of equal width, mean over an arm's "
        f"seeds{drawn}. On the diagonal a score is the share of positives; below it scores are too high. A bin that is "
        f"empty in one of the seeds has no point.{selected.note}"
    )


def _alt(lookup: Lookup, training_set: TrainingSet, selected: LabelCurves) -> str:
    parts = []
    for arm in selected.styles:
        off = [
            y - x
            for curve in selected.curves
            if curve.arm == arm
            for x, y in zip(curve.x, curve.y, strict=True)
            if y is not None
        ]
        if off:
            parts.append(
                f"{lookup.names[arm]}: from {numbers.difference(min(off), 1)} to "
                f"{numbers.difference(max(off), 1)}, mean distance "
                f"{numbers.percent(float(np.abs(off).mean()), 1)}"
            )
    return (
        f"Reliability curves on {training_set.text}, {len(selected.labels)} labels. Share of positives less score, "
        f"points, over all bins of all labels. {'; '.join(parts)}."
    )
