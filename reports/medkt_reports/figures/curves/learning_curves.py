"""Learning curves, as in the paper's Fig. 4: the validation metric by epoch, of each seed and of their mean.

In: the results and a training set. Out: a `ReportFigure` with a panel for each student.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from medkt_eval.results.schema import Arm, Curve
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import ArmStyle, ReportFigure
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.prose import conditions


def learning_curves(lookup: Lookup, training_set: TrainingSet, name: str) -> ReportFigure | None:
    """Learning curves of the arms; None if no run recorded one."""
    curves = lookup.learning_curves(training_set)
    if not curves:
        return None
    data = pd.concat([_data(lookup, training_set, curve) for curve in curves], ignore_index=True)
    students = list(
        dict.fromkeys(
            arm.student for arm in lookup.arms_of(training_set) if any(curve.arm == arm.arm for curve in curves)
        )
    )
    styles = figure_style.arm_styles([arm.arm for arm in lookup.arms_of(training_set)])
    width = min(0.8 + 3.4 * len(students), 9.5)
    names = figure_style.legend_layout(
        [lookup.names[arm] for arm in styles], width / len(students) - 0.3, most_columns=1
    )
    longest = max(
        sum(names.names[lookup.names[arm]].count("\n") + 1 for arm in styles if lookup.arms[arm].student == student)
        for student in students
    )
    with figure_style.house_style():
        figure = figure_style.new_figure(width, 2.7 + 0.2 * longest)
        panels = figure.subplots(1, len(students), sharey=True, sharex=True, squeeze=False)[0]
        for panel, student in zip(panels, students, strict=True):
            for arm, style in styles.items():
                if lookup.arms[arm].student == student:
                    _draw(panel, [curve for curve in curves if curve.arm == arm], style, names.names[lookup.names[arm]])
                    _mark_kept(panel, lookup.arms[arm], style)
            panel.set_title(f"Student {words.network(student)}")
            panel.set_xlabel(curves[0].x_name.capitalize())
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            figure_style.grid(panel, "y")
            panel.tick_params(axis="x", pad=7)  # leave room for the marks of the selected epochs on the axis
            panel.legend(loc="upper left", bbox_to_anchor=(0, -0.2), borderaxespad=0, handlelength=3)
        low, high = 100 * data["value"].min(), 100 * data["value"].max()
        margin = max(0.12 * (high - low), 0.5)
        panels[0].set_ylim(max(low - margin, 0), min(high + margin, 100))
        panels[0].set_ylabel(f"Validation {words.metric(curves[0].metric, curves[0].label)}, %")
        figure_style.settle(figure, lookup.synthetic(training_set.dataset))
    return ReportFigure(name, figure, data, _caption(lookup, training_set, curves), _alt(lookup, training_set, curves))


def _data(lookup: Lookup, training_set: TrainingSet, curve: Curve) -> pd.DataFrame:
    absent = [None] * len(curve.x)
    return pd.DataFrame(
        {
            "dataset": curve.dataset,
            "train_size": training_set.size,
            "arm": curve.arm,
            "name": lookup.names[curve.arm],
            "student": lookup.arms[curve.arm].student,
            "run_id": curve.run_id,
            "metric": curve.metric,
            "label": curve.label,
            curve.x_name: curve.x,
            "value": pd.array(curve.y, dtype="Float64"),
            "low": pd.array(curve.low or absent, dtype="Float64"),
            "high": pd.array(curve.high or absent, dtype="Float64"),
            "interval": curve.interval,
            "n_seeds": curve.n_seeds,
            "kept_epoch": _kept(lookup.arms[curve.arm]) if curve.run_id is None else None,
        }
    )


def _draw(axes: Axes, curves: list[Curve], style: ArmStyle, name: str) -> None:
    mean = next((curve for curve in curves if curve.run_id is None), None)
    for k, curve in enumerate(curve for curve in curves if curve.run_id is not None):
        alone = mean is None and k == 0
        axes.plot(
            curve.x,
            figure_style.percent(curve.y),
            color=style.color,
            linestyle=style.dashes,
            linewidth=1.2 if alone else 0.6,
            alpha=0.9 if alone else 0.55,
            label=name if alone else None,
        )
    if mean is None:
        return
    axes.plot(
        mean.x,
        figure_style.percent(mean.y),
        color=style.color,
        linestyle=style.dashes,
        linewidth=1.8,
        marker=style.marker,
        markersize=4,
        markevery=max(len(mean.x) // 8, 1),
        label=name,
    )
    if mean.low is not None and mean.high is not None:
        axes.fill_between(
            mean.x,
            figure_style.percent(mean.low),
            figure_style.percent(mean.high),
            color=style.color,
            alpha=0.13,
            linewidth=0,
        )


def _kept(arm: Arm) -> float | None:
    """Mean over seeds of the epoch whose weights were kept; None if a run did not record it."""
    epochs = [(selection or {}).get("epoch") for selection in arm.selection]
    known = [epoch for epoch in epochs if isinstance(epoch, int | float)]
    return sum(known) / len(known) if known and len(known) == len(arm.seeds) else None


def _mark_kept(axes: Axes, arm: Arm, style: ArmStyle) -> None:
    kept = _kept(arm)
    if kept is not None:
        axes.axvline(kept, color=style.color, linestyle=style.dashes, linewidth=0.9, alpha=0.8, zorder=1)
        axes.plot(
            [kept],
            [0],
            transform=axes.get_xaxis_transform(),
            marker=style.marker,
            markersize=6.5,
            color=style.color,
            linestyle="none",
            clip_on=False,
            zorder=5,
        )


def _caption(lookup: Lookup, training_set: TrainingSet, curves: list[Curve]) -> str:
    metric = words.metric(curves[0].metric, curves[0].label)
    bands = sorted({curve.interval for curve in curves if curve.interval})
    means = [curve for curve in curves if curve.run_id is None]
    drawn = "thin lines are single seeds"
    if means:
        drawn += ", thick lines their mean"
    if bands and means:
        level = lookup.result.settings.level if means[0].level is None else means[0].level
        kept_fixed = conditions.of_report(lookup).validation in ("fixed", "fixed in each arm")
        kinds = " and ".join(words.interval(band, level) for band in bands).replace(
            ", test patients held fixed", ", validation images held fixed" if kept_fixed else ""
        )
        drawn += f", bands its {numbers.level(level)} interval ({kinds}), cut at the frame"
    arms = [lookup.arms[curve.arm] for curve in curves]
    chosen = all(one is not None and one.get("metric") for arm in arms for one in arm.selection) and arms[0].selection
    if any(_kept(lookup.arms[curve.arm]) is not None for curve in curves):
        drawn += f"; marked on the axis: the {curves[0].x_name} kept, mean over an arm's seeds"
    return (
        f"{training_set.text}: {metric} on the validation images by {curves[0].x_name}; {drawn}. "
        f"{'The epoch kept was chosen on validation images, too. ' if chosen else ''}"
        "The curves do not estimate test performance."
    )


def _alt(lookup: Lookup, training_set: TrainingSet, curves: list[Curve]) -> str:
    parts = []
    for curve in curves:
        known = [(y, x) for x, y in zip(curve.x, curve.y, strict=True) if y is not None]
        if curve.run_id is None and known:
            y, x = max(known)
            kept = _kept(lookup.arms[curve.arm])
            chosen = "" if kept is None else f" ({curve.x_name} kept, mean over seeds: {kept:.1f})"
            parts.append(
                f"{lookup.names[curve.arm]} peaks at {numbers.percent(y, 1)} % at {curve.x_name} {x:g} "
                f"and ends at {numbers.percent(known[-1][0], 1)} %{chosen}"
            )
    parts = parts or [f"{len(curves)} single runs, no mean"]
    return f"Learning curves on {training_set.text}. Mean over seeds: {'; '.join(parts)}."
