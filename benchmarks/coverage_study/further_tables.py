"""Format the counts of the cells of further.toml as tables in markdown.

In: summaries by cell. Out: text, in which each share has its standard error over studies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.coverage_study.further_cells import (
    ClassesCell,
    CurveCell,
    FamilyCell,
    FurtherCell,
    GroupCell,
    MarginCell,
    MetricCell,
    RareCell,
    RefitCell,
    SeedsCell,
)
from benchmarks.coverage_study.refitted_thresholds import HELD_FIXED, MOVED, NOT_MOVED
from benchmarks.coverage_study.tables import DIFFERENCES, VALUES, cells_table, table

OR, OR_TEST = "seeds+patients:or", "obuchowski-rockette"
Done = Mapping[str, dict]
OF_GROUPS = {
    ("arm 0 in the group", "seeds+patients:or"): "value in the group: arm 0",
    ("arm 1 in the group", "seeds+patients:or"): "arm 1",
    ("difference in the group", "obuchowski-rockette"): "difference in the group",
    ("gap of arm 0", "obuchowski-rockette"): "gap: arm 0",
    ("gap of arm 1", "obuchowski-rockette"): "arm 1",
    ("difference of gaps", "obuchowski-rockette"): "difference of gaps",
}
OF_FAMILIES = {
    "unadjusted": "default, unadjusted",
    "holm": "**Holm**",
    "max-t, unadjusted": "max-t, unadjusted",
    "max-t": "**max-t**",
    "benjamini-hochberg": "Benjamini-Hochberg over 14 labels",
}


def further_printed(cells: Sequence[FurtherCell], done: Done) -> str:
    """Format all tables of the finished cells."""
    parts = []
    if metric := [cell for cell in cells if type(cell) in (MetricCell, ClassesCell)]:
        parts += _metrics(metric, done)
    for kind, heading, explanation, table_of in SECTIONS:
        if of_kind := [cell for cell in cells if isinstance(cell, kind)]:
            parts += [f"## {heading}", explanation, table_of(of_kind, done)]
    return "\n\n".join(parts)


def _metrics(cells: Sequence[FurtherCell], done: Done) -> list[str]:
    return [
        "## Other metrics",
        "As above, of 500 studies: standard error of a share near 95 %: 1.0 (McNemar 1.5); of 2,000 where the column "
        "`undefined` says so: 0.5. Widths in hundredths; those of slopes and intercepts too. `or, not centred`: the "
        "default interval of average precision around the estimate itself.",
        cells_table(cells, done),
        "Differences of two arms:",
        table(cells, done, DIFFERENCES, ["difference"], "covers"),
        "One arm's value:",
        table(cells, done, VALUES, ["arm 0", "arm 1"], "covers"),
        "Differences, judged by the truth of the intervals' own scope:",
        table(cells, done, DIFFERENCES, ["difference"], "covers_own"),
        "One arm's value, likewise:",
        table(cells, done, VALUES, ["arm 0", "arm 1"], "covers_own"),
    ]


def _margins(cells: Sequence[MarginCell], done: Done) -> str:
    rows = []
    for cell in cells:
        tost, other = (_row(done, cell, "difference", test) for test in ("tost", "non-inferiority"))
        rows.append([_share(tost, "covers"), _width(tost), _share(tost, "rejects"), _share(other, "rejects")])
    header = ["90 % interval holds the truth", "width", "equivalence claimed", "non-inferiority claimed"]
    return _table(cells, done, header, rows)


def _families(cells: Sequence[FamilyCell], done: Done) -> str:
    rows = []
    for cell in cells:
        of = {name: _row(done, cell, "family", name) for name in (*OF_FAMILIES, "bonferroni")}
        rows.append(
            [_share(of[name], "rejects") for name in OF_FAMILIES]
            + [f"{_share(of[name], 'covers')} / {_width(of[name])}" for name in ("unadjusted", "bonferroni")]
        )
    limits = ["all unadjusted intervals hold", "**all Bonferroni limits hold**"]
    return _table(cells, done, [*OF_FAMILIES.values(), *limits], rows)


def _groups(cells: Sequence[GroupCell], done: Done) -> str:
    rows = [[_entry(_row(done, cell, *key)) for key in OF_GROUPS] for cell in cells]
    return _table(cells, done, list(OF_GROUPS.values()), rows)


def _seeds(cells: Sequence[SeedsCell], done: Done) -> str:
    """Format the cells of failing and of unequal seeds."""
    columns = [("difference", OR_TEST), ("difference", "t-welch"), ("arm 0", OR), ("arm 1", OR)]
    header = ["difference, **default**", "difference, Welch's t", "arm 0, **default**", "arm 1, **default**"]
    rows = [[_entry(_row(done, cell, of, name)) for of, name in columns] for cell in cells]
    return _table(cells, done, header, rows)


def _rare(cells: Sequence[RareCell], done: Done) -> str:
    """Format the cells of rare labels: all labels, then those named beforehand; each with the share refused."""
    header, rows = [], []
    for cell in cells:
        row, header = [], []
        for which, words in (("", "all labels"), (", named", "named labels")):
            for of, name in ((f"difference{which}", OR_TEST), (f"arm 0{which}", OR)):
                counts = _row(done, cell, of, name)
                refused = 0.0 if counts is None else 1 - counts["covers_of"] / counts["studies"]
                what = f"{words}, {of.removesuffix(which)}"
                header += [f"{what}: refused", what]
                row += [f"{100 * refused:.1f}", _entry(counts, counts["covers_of"] if counts else None)]
        rows.append(row)
    return _table(cells, done, header, rows)


def _refits(cells: Sequence[RefitCell], done: Done) -> str:
    """Format the cells of refitted thresholds: one arm's value, then the difference, by each kind of limits."""
    columns = [(of, name) for of in ("arm 0", "difference") for name in (MOVED, NOT_MOVED, HELD_FIXED)]
    header = [f"{of}, **{name}**" if name == MOVED else f"{of}, {name}" for of, name in columns]
    rows = [[_entry(_row(done, cell, of, name)) for of, name in columns] for cell in cells]
    return _table(cells, done, header, rows)


def _curves(cells: Sequence[CurveCell], done: Done) -> str:
    points = sorted(
        {(row["of"], row["name"]) for cell in cells for row in done[cell.name]["rows"] if row["covers_of"]},
        key=lambda point: (point[0] != "observed share", point[1]),
    )
    lines = [f"| Point | {' | '.join(cell.name for cell in cells)} |", "|---" * (len(cells) + 1) + "|"]
    for of, name in points:
        entries = [_entry(_row(done, cell, of, name), done[cell.name]["studies"]) for cell in cells]
        lines.append(f"| {of}, {name} | {' | '.join(entries)} |")
    return "\n".join(lines)


def _table(cells: Sequence[FurtherCell], done: Done, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| Cell | What | {' | '.join(header)} | studies |", "|---" * (len(header) + 3) + "|"]
    lines += [
        f"| {cell.name} | {cell.what} | {' | '.join(row)} | {done[cell.name]['studies']} |"
        for cell, row in zip(cells, rows, strict=True)
    ]
    return "\n".join(lines)


def _row(done: Done, cell: FurtherCell, of: str, name: str) -> dict | None:
    return next((row for row in done[cell.name]["rows"] if (row["of"], row["name"]) == (of, name)), None)


def _share(row: dict | None, share: str) -> str:
    """Format a share in %, with its standard error. For a share of 0 or 1, it is that of half a study."""
    if row is None or row[share] is None:
        return ""
    p, n = row[share], row[f"{share}_of"]
    inside = min(max(p, 0.5 / n), 1 - 0.5 / n)
    return f"{100 * p:.1f} ± {100 * (inside * (1 - inside) / n) ** 0.5:.1f}"


def _width(row: dict | None) -> str:
    return "" if row is None or row["width"] is None else f"{100 * row['width']:.1f}"


def _entry(row: dict | None, studies: int | None = None) -> str:
    if row is None or row["covers"] is None:
        return ""
    among = studies or row["studies"]
    if row["covers_of"] < 0.1 * among:
        return "rare"
    n_defined = f" [{row['covers_of']}]" if row["covers_of"] < 0.9 * among else ""
    size = f" / {_share(row, 'rejects')}" if row["rejects"] is not None else ""
    return f"{_share(row, 'covers')}{n_defined} / {_width(row)}{size}"


SECTIONS: tuple[tuple[type[FurtherCell], str, str, Callable[[Any, Done], str]], ...] = (
    (
        MarginCell,
        "Tests against a margin",
        "The true difference is the margin or minus it, so that every claim of equivalence is an error, and where "
        "it is minus the margin every claim of non-inferiority; nominal 5 %. The interval's nominal level is 90 %.",
        _margins,
    ),
    (
        FamilyCell,
        "Families",
        "Every arm against the first: how often at least one true null hypothesis of the family has (adjusted) "
        "p < 0.05, in %; and how often all limits of the family hold the truth at once, in %, / their mean width. "
        "Max-t holds the trained models fixed: it is to be judged in the cells 0:1, where models of one recipe are "
        "equally good; in the others its null hypothesis, that these models are alike, is false.",
        _families,
    ),
    (
        GroupCell,
        "Groups",
        "The default's intervals of the AUC in a group, and of its gap to all other images: coverage in % / mean "
        "width / where the truth is 0 how often p < 0.05, in %.",
        _groups,
    ),
    (
        CurveCell,
        "Points of curves",
        "Limits of single points of one arm's reliability and net-benefit curves: coverage in % / mean width. "
        "[n]: only n studies had an image of every seed in that bin and an interval; rare: fewer than a tenth.",
        _curves,
    ),
    (
        SeedsCell,
        "Seeds that fail, and unequal numbers of seeds",
        "A failed seed loses 17 points of AUC; the other seeds of its arm are better by so much that the arms are "
        "equal in expectation. Coverage in % / mean width / how often p < 0.05, in %.",
        _seeds,
    ),
    (
        RareCell,
        "A label that no seed ever calls",
        "Share of the studies without an interval, in %, because a label shows no error or has no patient; "
        "coverage among the rest in % / mean width / how often p < 0.05, in %. Then the same for the average over "
        "the two common labels, named beforehand.",
        _rare,
    ),
    (
        RefitCell,
        "Thresholds chosen again in each replicate",
        'The percentile bootstrap with `thresholds = "refit"`, judged by the expectation over validation patients '
        "and test patients for these models: coverage in % / mean width / of differences how often p < 0.05, in %. "
        "Beside it the same replicates without being moved to the estimate, and thresholds held fixed.",
        _refits,
    ),
)
"""Kind of cell, heading, explanation and table of each section, in the order of the document."""
