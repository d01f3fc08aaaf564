"""The critical-difference diagram: mean ranks of the arms over data sets, joined if not significantly different.

In: Friedman's tests over data sets. Out: a `ReportFigure` with a panel for each headline metric.
Demšar 2006, J. Mach. Learn. Res. 7:1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from medkt_eval.results.schema import Omnibus
from medkt_reports.figures import lettering
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import INK, QUIET, ReportFigure
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup
from medkt_reports.significance import alpha, ranks_within_critical_difference

_LINE, _TOP = 0.24, 0.62
"""Inches between two names; inches above the axis of ranks."""
_NAME = 30  # letters of a name in a line


@dataclass(frozen=True)
class RankedArm:
    """An arm's name and its mean rank over data sets; 1 is best."""

    name: str
    rank: float


def critical_difference(lookup: Lookup, name: str) -> ReportFigure | None:
    """Mean ranks of the arms over data sets; None if there is no such test."""
    headlines = {pair for pairs in HEADLINES.values() for pair in pairs}
    rows = [
        row
        for row in lookup.result.omnibus
        if row.test == "friedman" and row.critical_difference and (row.metric, row.label) in headlines
    ]
    if not rows:
        return None
    line = _LINE + 0.14 * (lettering.n_lines((name for row in rows for name in row.arms), _NAME) - 1)
    heights = [_TOP + 0.2 + 0.12 * len(_groups(row)) + line * ((len(row.arms) + 1) // 2) for row in rows]
    with figure_style.house_style():
        figure = figure_style.new_figure(8, sum(heights) + 0.3)
        panels = figure.subplots(len(rows), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
        for panel, row, height in zip(panels, rows, heights, strict=True):
            _draw(panel, row, height, line)
            panel.set_title(words.capital(words.metric(row.metric, row.label)))
        names = dict.fromkeys(filter(None, (lookup.synthetic(dataset) for row in rows for dataset in row.datasets)))
        synthetic = words.listed(list(names)) if names else ""
        figure_style.settle(figure, synthetic)
    data = _data(rows).assign(synthetic="true" if synthetic else "false")
    caption, alt = _caption(lookup, rows), _alt(rows)
    if synthetic:
        mark = words.synthetic([synthetic])
        caption, alt = f"{caption} {mark}.", f"{mark}. {alt}"
    return ReportFigure(name, figure, data, caption, alt)


def _ranked(row: Omnibus) -> list[RankedArm]:
    """Best first."""
    return sorted(
        (RankedArm(name, rank) for name, rank in zip(row.arms, row.mean_ranks or [], strict=True)),
        key=lambda arm: (arm.rank, arm.name),
    )


def _groups(row: Omnibus) -> list[list[RankedArm]]:
    """Longest sequences of arms, best first, whose first and last are within the critical difference."""
    ranked = _ranked(row)
    groups: list[list[RankedArm]] = []
    for k, first in enumerate(ranked):
        group = [arm for arm in ranked[k:] if ranks_within_critical_difference(row, arm.rank, first.rank)]
        if len(group) > 1 and not (groups and groups[-1][-1] == group[-1]):
            groups.append(group)
    return groups


def _draw(axes: Axes, row: Omnibus, height: float, line: float) -> None:
    """Draw ranks on an axis, the best at the right as in Demšar's paper, names at both sides, a bar for each group."""
    ranked, groups = _ranked(row), _groups(row)
    n = len(ranked)
    axes.set_xlim(n + 0.15 * n, 1 - 0.15 * n)
    axes.set_ylim(height, 0)  # inches from the top
    axes.axis("off")
    axes.plot([1, n], [_TOP, _TOP], color=INK, linewidth=0.9)
    for rank in range(1, n + 1):
        axes.plot([rank, rank], [_TOP - 0.07, _TOP], color=INK, linewidth=0.9)
        axes.text(rank, _TOP - 0.1, str(rank), ha="center", va="bottom")
    if row.critical_difference is not None:
        axes.plot([1, 1 + row.critical_difference], [0.22, 0.22], color=INK, linewidth=1.4, marker="|", markersize=6)
        axes.text(
            1 + row.critical_difference / 2,
            0.17,
            f"critical difference {row.critical_difference:.2f}",
            ha="center",
            va="bottom",
        )
    for k, group in enumerate(groups, start=1):
        y = _TOP + 0.03 + 0.12 * k
        axes.plot([group[0].rank - 0.05, group[-1].rank + 0.05], [y, y], color=INK, linewidth=3, solid_capstyle="butt")
    below = _TOP + 0.2 + 0.12 * len(groups)
    half = n // 2
    for k, arm in enumerate(ranked):
        right = k < half
        y = below + line * (k if right else n - 1 - k)
        end = 1 - 0.03 * n if right else n + 0.03 * n
        axes.plot([arm.rank, arm.rank, end], [_TOP, y, y], color=QUIET, linewidth=0.8, zorder=1)
        text = lettering.wrapped(f"{arm.name} ({arm.rank:.2f})", _NAME).replace("\n", " \n ")
        axes.text(end, y, f" {text} ", ha="left" if right else "right", va="center")


def _data(rows: Sequence[Omnibus]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "metric": row.metric,
            "label": row.label,
            "n_datasets": len(row.datasets),
            "arm": arm.name,
            "mean_rank": arm.rank,
            "critical_difference": row.critical_difference,
            "friedman_p_value": row.p_value,
            "not_told_apart_from": "; ".join(
                other.name
                for other in _ranked(row)
                if other != arm and ranks_within_critical_difference(row, other.rank, arm.rank)
            ),
        }
        for row in rows
        for arm in _ranked(row)
    )


def _caption(lookup: Lookup, rows: Sequence[Omnibus]) -> str:
    level = lookup.result.settings.level
    parts = []
    for row in rows:
        where = words.listed([words.dataset(dataset) for dataset in row.datasets])
        p = "" if row.descriptive or row.p_value is None else f", Friedman {numbers.p_phrase(row.p_value, level)}"
        parts.append(f"{words.metric(row.metric, row.label)} over {len(row.datasets)} data sets ({where}){p}")
    few = " There are few data sets: read it as a description, not a test." if any(r.descriptive for r in rows) else ""
    return (
        f"Mean ranks of the arms, 1 being best: {'; '.join(parts)}. A bar joins arms that are not significantly "
        f"different by Nemenyi's test at {alpha(level):g}: their mean ranks are no farther apart than the critical "
        f"difference. Data sets are the sample (scope data sets).{few}"
    )


def _alt(rows: Sequence[Omnibus]) -> str:
    parts = []
    for row in rows:
        ranks = "; ".join(f"{arm.name}, {arm.rank:.2f}" for arm in _ranked(row))
        joined = "; ".join(f"from {group[0].name} to {group[-1].name}" for group in _groups(row))
        apart = f" Joined: {joined}." if joined else " No two arms are joined."
        parts.append(f"{words.capital(words.metric(row.metric, row.label))}, mean ranks: {ranks}.{apart}")
    return f"Critical-difference diagram. {' '.join(parts)}"
