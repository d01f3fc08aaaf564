"""Count the outcomes of many studies, and print the counts of many cells as tables in markdown.

In: `Outcome`s. Out: a JSON-compatible dict for each cell, and for all cells the text that docs/coverage.md shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmarks.coverage_study.measure import HABIT, HILLIS, NOT_CENTRED, RESAMPLED, STUDENTIZED, Outcome
from benchmarks.coverage_study.simulate import Cell

VALUES = {
    "seeds+patients:or": "**`seeds+patients:or`**",
    HILLIS: HILLIS,
    NOT_CENTRED: NOT_CENTRED,
    "seeds:normal": "`seeds:normal`",
    "seeds:t": "`seeds:t`",
    "patients:delong": "`patients:delong`",
    "patients:jackknife": "`patients:jackknife`",
    "patients:bootstrap-percentile": "`patients:bootstrap-percentile`",
    "patients:bootstrap-basic": "`-basic`",
    "patients:bootstrap-bca": "`-bca`",
    "patients:bootstrap-studentized": "`-studentized`",
    "seeds+patients:bootstrap": "`seeds+patients:bootstrap`",
}
DIFFERENCES = {
    "seeds+patients:obuchowski-rockette": "**obuchowski-rockette**",
    HILLIS: HILLIS,
    HABIT: HABIT,
    "seeds:t-welch": "t-welch",
    "seeds:t-paired": "t-paired",
    "seeds:mann-whitney": "mann-whitney",
    "seeds:wilcoxon": "wilcoxon",
    "seeds:sign-flip": "sign-flip",
    "patients:delong-clustered": "delong-clustered",
    "patients:jackknife": "jackknife",
    "patients:bootstrap-percentile": "bootstrap-percentile",
    "patients:bootstrap-basic": "-basic",
    "patients:bootstrap-bca": "-bca",
    "patients:bootstrap-studentized": "-studentized",
    "seeds+patients:bootstrap-percentile": "seeds+patients bootstrap",
    "patients:permutation": "permutation",
    "patients:mcnemar": "mcnemar",
}


def summary(cell: Cell, outcomes: Sequence[Outcome]) -> dict:
    """Count the outcomes of a cell. If a study has one metric of two arms, add the sizes of the estimates.

    Parameters
    ----------
    cell : Cell
    outcomes : sequence of Outcome
        Outcomes of all its studies.
    """
    frame = pd.DataFrame([vars(outcome) for outcome in outcomes])
    rows = []
    for (of, name), group in frame.groupby(["of", "name"], sort=False):
        row: dict = {"of": of, "name": name, "studies": len(group), "width": _mean(group["width"])}
        for share in ("covers", "covers_own", "rejects"):
            defined = group[share].dropna()
            row |= {share: _mean(defined), f"{share}_of": len(defined)}
        rows.append(row)
    shown = frame[frame["name"].isin(("seeds+patients:or", "seeds+patients:obuchowski-rockette"))].dropna(
        subset=["value", "se_seeds"]
    )
    sizes = []
    for of, group in shown.groupby("of", sort=False):
        seed_variance = float((group["se_seeds"] ** 2).mean())
        patient_variance = float(
            (group["value"] - group["of_models"]).var()
        )  # variance of the models' values around their truth
        se = float(group["value"].std())
        truth = {"arm 0": cell.truth[0], "arm 1": cell.truth[1], "difference": cell.truth[0] - cell.truth[1]}[str(of)]
        sizes.append(
            {
                "of": of,
                "truth": float(truth),
                "bias_in_se": float((group["value"].mean() - truth) / se),
                "se": se,
                "of_seeds": seed_variance,
                "of_patients": patient_variance,
            }
        )
    n_studies = frame["study"].nunique()
    return {"undefined": n_studies - int((shown["of"] == "difference").sum()), "rows": rows, "sizes": sizes}


def _mean(values: pd.Series) -> float | None:
    values = values.dropna()
    return float(values.astype(float).mean()) if len(values) else None


def printed(cells: Sequence[Cell], done: Mapping[str, dict]) -> str:
    """Format all tables of the finished cells; "" if there are none."""
    if not cells:
        return ""
    parts = [
        "Coverage of nominal 95 % intervals, in %, / their mean width, in points of the metric / in cells without a "
        "true difference how often p < 0.05, in %. Truth: the expectation over seeds and patients. Standard error of a "
        f"share near 95 %: 0.5 of 2,000 studies, 1.0 of {RESAMPLED} (bootstrap), 1.5 of {STUDENTIZED} (studentised, "
        "permutation, McNemar). [n]: only n studies had such an interval; in the others a label was left with one "
        "class without some patient, or in more than 1 % of the replicates.",
        "## The cells",
        cells_table(cells, done),
        "## Differences of two arms",
        table(cells, done, DIFFERENCES, ["difference"], "covers"),
        "## One arm's value",
        table(cells, done, VALUES, ["arm 0", "arm 1"], "covers"),
        "## What an interval holds fixed",
        "The same intervals of differences, judged by the truth of their own scope: these trained models on new "
        f"patients (`patients`), or other seeds on these patients (`seeds`; {STUDENTIZED} studies).",
        table(cells, done, DIFFERENCES, ["difference"], "covers_own"),
        "And those of one arm's value:",
        table(cells, done, VALUES, ["arm 0", "arm 1"], "covers_own"),
    ]
    omnibus = _omnibus(cells, done)
    if omnibus:
        parts += ["## All arms at once", omnibus]
    return "\n\n".join(parts)


def cells_table(cells: Sequence[Cell], done: Mapping[str, dict]) -> str:
    """Describe each cell by the variances and the bias of its studies."""
    lines = [
        "| Cell | What | variance by seeds : patients | se of the difference, points | bias / se: difference, arm 0 | "
        "undefined | minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        counts = done[cell.name]
        size = {entry["of"]: entry for entry in counts["sizes"]}
        of = size["difference"]
        ratio = of["of_seeds"] / max(of["of_patients"], 1e-12)
        shown = f"{ratio:.1f} : 1" if ratio >= 1 else f"1 : {1 / ratio:.1f}" if ratio > 0.01 else "0 : 1"
        lines.append(
            f"| {cell.name} | {cell.what} | {shown} | {100 * of['se']:.1f} | {of['bias_in_se']:+.2f}, "
            f"{size['arm 0']['bias_in_se']:+.2f} | {counts['undefined']} of {counts['studies']} | "
            f"{counts['seconds'] / 60:.1f} |"
        )
    return "\n".join(lines)


def table(
    cells: Sequence[Cell], done: Mapping[str, dict], names: Mapping[str, str], of: Sequence[str], share: str
) -> str:
    """Format a table with one row per cell and one column per interval or test."""
    rows = {(name, row["of"], row["name"]): row for name in done for row in done[name]["rows"]}
    columns = [name for name in names if any((cell.name, of[0], name) in rows for cell in cells)]
    lines = [f"| Cell | {' | '.join(names[name] for name in columns)} |", "|---" * (len(columns) + 1) + "|"]
    for cell in cells:
        for quantity in of[:1] if cell.has_equal_arms else of:  # of equal arms, show only the first
            null = quantity == "difference" and abs(float(cell.truth[0] - cell.truth[1])) < 1e-12
            entries = [_entry(rows.get((cell.name, quantity, name)), share, null) for name in columns]
            title = cell.name if len(of) == 1 or cell.has_equal_arms else f"{cell.name}: {quantity}"
            lines.append(f"| {title} | {' | '.join(entries)} |")
    return "\n".join(lines)


def _entry(row: dict | None, share: str, null: bool) -> str:
    if row is None or (row[share] is None and not (null and row["rejects"] is not None)):
        return ""
    coverage = "–" if row[share] is None else f"{100 * row[share]:.1f}"
    if row[share] is not None and row[f"{share}_of"] < 0.9 * row["studies"]:
        coverage += f" [{row[f'{share}_of']}]"
    if share == "covers_own":
        return coverage if row[share] is not None else ""
    width = "–" if row["width"] is None else f"{100 * row['width']:.1f}"
    size = f" / {100 * row['rejects']:.1f}" if null and row["rejects"] is not None else ""
    return f"{coverage} / {width}{size}"


def _omnibus(cells: Sequence[Cell], done: Mapping[str, dict]) -> str:
    lines = []
    for cell in cells:
        null = np.ptp(cell.truth) < 1e-12
        for row in done[cell.name]["rows"]:
            if row["of"] == "all arms" and null and row["rejects"] is not None:
                lines.append(f"{cell.name}: box-f has p < 0.05 in {100 * row['rejects']:.1f} % of the studies.")
    return "\n\n".join(lines)
