"""Every seed's test result as a dot, and below it each arm's mean with its interval.

In: the results, a training set and an interval's name. Out: a `ReportFigure` with a panel for each metric of
Tables IV and V.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd
from matplotlib.axes import Axes

from medkt_reports.figures import lettering
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.differences.forest import LINE, STUB
from medkt_reports.figures.style import INK, ArmStyle, ReportFigure
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet


@dataclass(frozen=True)
class Dot:
    """One mark of the plot: a seed's result, or an arm's mean with its interval."""

    dataset: str
    train_size: int | None
    arm: str
    name: str
    metric: str
    label: str
    what: str
    """`seed`, or `mean` and the interval's name."""
    seed: int | None
    value: float | None
    low: float | None
    high: float | None
    flag: str = ""
    """Of a seed: whether it may have failed or is outlying."""


def seed_dots(lookup: Lookup, training_set: TrainingSet, interval: str, name: str) -> ReportFigure | None:
    """Test results of the arms seed by seed; None if no arm has one."""
    metrics = HEADLINES[lookup.task(training_set)]
    dots = _dots(lookup, training_set, interval)
    if all(dot.value is None for dot in dots):
        return None
    arms = [arm.arm for arm in lookup.arms_of(training_set)]
    styles = figure_style.arm_styles(arms)
    with figure_style.house_style():
        line = max(0.42, 0.1 + LINE * lettering.n_lines((lookup.names[arm] for arm in arms), STUB))
        figure = figure_style.new_figure(2.4 + 2.8 * len(metrics), 0.8 + line * len(arms))
        panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for panel, (metric, label) in zip(panels, metrics, strict=True):
            for y, arm in enumerate(arms):
                here = [dot for dot in dots if (dot.arm, dot.metric, dot.label) == (arm, metric, label)]
                _draw(panel, here, y, styles[arm])
            panel.set_xlabel(f"Test {words.metric(metric, label)}, %")
            figure_style.grid(panel, "x")
        panels[0].set_yticks(range(len(arms)), [lettering.wrapped(lookup.names[arm], STUB) for arm in arms])
        panels[0].set_ylim(len(arms) - 0.4, -0.6)
        figure_style.settle(figure, lookup.synthetic(training_set.dataset))
    level = numbers.level(lookup.result.settings.level)
    caption = (
        f"{training_set.text}: each seed's result on the test images (dots), each arm's mean (bar) and its {level} "
        f"interval ({words.interval(interval, lookup.result.settings.level)})."
    )
    if any(dot.flag for dot in dots):
        caption += " Hollow: seeds that may have failed or are outlying."
    # dtype=object: a column with None would pass through float64, which holds integers up to 2^53 only.
    data = pd.DataFrame([asdict(dot) for dot in dots])
    data["seed"] = pd.Series([dot.seed for dot in dots], dtype=object)
    return ReportFigure(name, figure, data, caption, _alt(training_set, dots))


def _dots(lookup: Lookup, training_set: TrainingSet, interval: str) -> list[Dot]:
    dots = []
    for metric, label in HEADLINES[lookup.task(training_set)]:
        for arm in lookup.arms_of(training_set):
            where = (training_set.dataset, training_set.size, arm.arm, lookup.names[arm.arm], metric, label)
            dots += [
                Dot(*where, "seed", run.seed, run.value, None, None, lookup.flags.get(run.run_id, ""))
                for run in lookup.runs(arm.arm, metric, label)
            ]
            estimate = lookup.estimate(training_set.dataset, arm.arm, metric, label, interval)
            if estimate is not None:
                dots.append(Dot(*where, f"mean, {interval}", None, estimate.value, estimate.low, estimate.high))
    return dots


def _draw(axes: Axes, dots: list[Dot], y: int, style: ArmStyle) -> None:
    if all(dot.value is None for dot in dots):
        axes.text(0.01, y, numbers.ABSENT, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5)
    for dot in dots:
        if dot.value is None:
            continue
        x = 100 * dot.value
        if dot.seed is not None:
            axes.plot(
                [x],
                [y - 0.12],
                marker=style.marker,
                markersize=5,
                linestyle="none",
                color=style.color,
                alpha=0.8,
                fillstyle="none" if dot.flag else "full",
            )
            continue
        if dot.low is not None and dot.high is not None:
            axes.plot([100 * dot.low, 100 * dot.high], [y + 0.2, y + 0.2], color=INK, linewidth=1.1)
        axes.plot([x], [y + 0.2], marker="|", markersize=9, markeredgewidth=1.8, linestyle="none", color=INK)


def _alt(training_set: TrainingSet, dots: list[Dot]) -> str:
    seeds: dict[tuple[str, str], list[float]] = {}
    for dot in dots:
        values_of_arm = seeds.setdefault((dot.name, words.metric(dot.metric, dot.label)), [])
        if dot.seed is not None and dot.value is not None:
            values_of_arm.append(dot.value)
    parts = []
    for (name, metric), values in seeds.items():
        if not values:
            parts.append(f"{name}: no {metric}")
            continue
        mean, low, high = (numbers.percent(v, 1) for v in (sum(values) / len(values), min(values), max(values)))
        parts.append(f"{name}: {metric} {mean} % over {numbers.seeds(len(values))} ({low} to {high})")
    flagged = [f"{dot.name}, seed {dot.seed} {dot.flag}" for dot in dots if dot.flag]
    hollow = f" Hollow: {'; '.join(dict.fromkeys(flagged))}." if flagged else ""
    return f"Dot plot of single seeds on {training_set.text}. {'; '.join(parts)}.{hollow}"
