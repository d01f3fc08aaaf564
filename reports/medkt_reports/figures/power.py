"""The power of a study to find a difference, by numbers of seeds and patients.

In: a `ContrastPlan` and the results it was made from. Out: a `ReportFigure` with a panel for each number of
test patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from medkt_eval.planning.sample_size import SD_LEVEL, ContrastPlan, DesignPower, Plan
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import INK, QUIET, ReportFigure
from medkt_reports.language import numbers, units, words
from medkt_reports.lookup import Lookup
from medkt_reports.significance import alpha

_TICKS = (2, 3, 5, 10, 20, 30)


def power_figure(lookup: Lookup, plan: Plan, contrast: ContrastPlan, name: str) -> ReportFigure:
    """Power against seeds in each arm: line at the pilot's standard deviation over seeds, band over its interval."""
    synthetic = lookup.synthetic(contrast.dataset)
    pilot = contrast.components
    by_patients: dict[int, list[DesignPower]] = {}
    for row in contrast.curves:
        by_patients.setdefault(row.patients or 0, []).append(row)
    color = figure_style.arm_styles([contrast.arm_a])[contrast.arm_a].color
    with figure_style.house_style():
        figure = figure_style.new_figure(1.0 + 1.75 * len(by_patients), 2.7)
        panels = figure.subplots(1, len(by_patients), sharey=True, sharex=True, squeeze=False)[0]
        for panel, (patients, rows) in zip(panels, by_patients.items(), strict=True):
            _draw(panel, rows, plan.power, color)
            as_run = patients == pilot.n_patients
            panel.set_title(f"{numbers.count(patients)} patients{', as run' if as_run else ''}")
            if as_run:
                _mark_pilot(panel, contrast)
        panels[0].set_ylabel(f"Power to find {units.amount(contrast.metric, plan.effect)}, %")
        panels[0].set_ylim(0, 102)
        figure.supxlabel("Seeds in each arm", fontsize=8.5)
        figure_style.settle(figure, synthetic)
    data = pd.DataFrame([asdict(row) for row in contrast.curves]).assign(
        dataset=contrast.dataset,
        arm_a=contrast.arm_a,
        arm_b=contrast.arm_b,
        metric=contrast.metric,
        label=contrast.label,
        effect=plan.effect,
        level=plan.level,
        power_asked=plan.power,
        synthetic="true" if synthetic else "false",
    )
    mark = words.synthetic([synthetic]) if synthetic else ""
    caption, alt = _caption(lookup, plan, contrast), _alt(plan, contrast)
    return ReportFigure(
        name, figure, data, f"{caption} {mark}." if mark else caption, f"{mark}. {alt}" if mark else alt
    )


def _draw(axes: Axes, rows: Sequence[DesignPower], target: float, color: str) -> None:
    by_sd = {sd: [row for row in rows if row.seed_sd == sd] for sd in ("lower limit", "estimate", "upper limit")}
    seeds = [row.seeds_a or 0 for row in by_sd["estimate"]]
    least, line, most = (
        [100 * (row.power or 0.0) for row in by_sd[sd]] for sd in ("upper limit", "estimate", "lower limit")
    )
    axes.fill_between(seeds, least, most, color=color, alpha=0.16, linewidth=0)
    axes.plot(seeds, line, color=color, linewidth=1.6, marker="o", markersize=2.2)
    axes.axhline(100 * target, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.set_xscale("log")
    axes.set_xlim(seeds[0] * 0.93, seeds[-1] * 1.05)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_major_formatter(FixedFormatter([str(tick) for tick in _TICKS]))
    axes.xaxis.set_minor_locator(NullLocator())
    figure_style.grid(axes, "y")


def _mark_pilot(axes: Axes, contrast: ContrastPlan) -> None:
    """Mark the pilot: its power between the limits of the standard deviation over seeds."""
    pilot = contrast.components
    low, power, high = (100 * (row.power or 0.0) for row in reversed(contrast.pilot))
    x = min(pilot.n_seeds_a, pilot.n_seeds_b)
    axes.plot([x, x], [low, high], color=QUIET, linewidth=1.1)
    axes.plot([x], [power], marker="D", markersize=5, color=INK, linestyle="none")


def _caption(lookup: Lookup, plan: Plan, contrast: ContrastPlan) -> str:
    pilot = contrast.components
    return (
        f"{lookup.contrast_name((contrast.arm_a, contrast.arm_b))}, {words.metric(contrast.metric, contrast.label)}: "
        f"power of the primary analysis (p < {alpha(plan.level):g}, two-sided) to find a true difference of "
        f"{units.amount(contrast.metric, plan.effect)}. Line: standard deviation over seeds as estimated from "
        f"{_seeds(contrast)} seeds in each arm; band: its {numbers.level(SD_LEVEL)} interval; dashed: the power asked "
        f"for, {numbers.level(plan.power)}; diamond: what was run, {_seeds(contrast)} seeds and "
        f"{numbers.count(pilot.n_patients)} patients, with its range. The difference is a stated one, "
        "not the one observed."
    )


def _alt(plan: Plan, contrast: ContrastPlan) -> str:
    parts = []
    for row in contrast.seeds_needed:
        if row.seed_sd == "estimate":
            parts.append(f"with {numbers.count(row.patients)} patients {row.seeds_a or row.undefined_because}")
    return (
        f"Power against seeds in each arm for {units.amount(contrast.metric, plan.effect)}. At the estimated standard "
        f"deviation over seeds, {numbers.level(plan.power)} power takes seeds in each arm: {'; '.join(parts)}."
    )


def _seeds(contrast: ContrastPlan) -> str:
    pilot = contrast.components
    if pilot.n_seeds_a == pilot.n_seeds_b:
        return str(pilot.n_seeds_a)
    return f"{pilot.n_seeds_a} and {pilot.n_seeds_b}"
